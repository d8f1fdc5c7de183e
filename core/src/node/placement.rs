//! Placement: which carriers hold a partition, in which order. Everybody computes the same from the certificate alone.
//!
//! Weighted rendezvous hashing. The draw of a carrier is the first 64 bits (little-endian) of
//! `derive_key(PLACEMENT, vault ‖ partition as u16 LE ‖ peer)`; its cost is `-log2((draw + 1) / 2^64) / weight`, and the cheapest carrier
//! comes first. The logarithm is computed in integers with 32 binary places, so that every platform agrees to the last bit. Distinct
//! zones come first: the best carriers of every zone in order of their cost, then the second best of every zone, and so on.

use crate::id::{Partition, PeerId, VaultId};
use crate::labels;
use crate::record::{Carrier, Certificate};
use crate::sort;

/// The carriers of one vault and, for partitions asked about, their order.
#[derive(Debug)]
pub(super) struct Placement {
    vault: VaultId,
    carriers: Vec<Carrier>,
    /// How many carriers take new blocks.
    active: usize,
    wanted: u8,
    safe_at: u8,
    orders: Vec<Option<Box<[u8]>>>,
}

impl Placement {
    /// Takes the carriers and the policy of the certificate in force.
    pub(super) fn new(tip: &Certificate) -> Self {
        let carriers = tip.carriers.clone();
        let active = carriers.iter().filter(|carrier| takes_new(carrier)).count();
        let (wanted, safe_at) = (tip.policy.wanted(active), tip.policy.safe_at(active));
        Self { vault: tip.vault(), carriers, active, wanted, safe_at, orders: vec![None; usize::from(Partition::COUNT)] }
    }

    /// Takes what a link says of the carriers and of how many copies there are.
    pub(super) fn of(vault: VaultId, carriers: Vec<Carrier>, replicas: u8) -> Self {
        let active = carriers.iter().filter(|carrier| takes_new(carrier)).count();
        Self { vault, carriers, active, wanted: replicas, safe_at: replicas, orders: vec![None; usize::from(Partition::COUNT)] }
    }

    /// Returns all carriers that may hold blocks of a partition: first those that take new ones, in the order in which they should,
    /// then those that are only read from.
    pub(super) fn order(&mut self, partition: Partition) -> impl ExactSizeIterator<Item = &Carrier> {
        let (vault, carriers) = (self.vault, &self.carriers);
        let order = self.orders[usize::from(partition.number())].get_or_insert_with(|| order(&vault, partition, carriers));
        order.iter().map(|&index| &carriers[usize::from(index)])
    }

    /// Returns the carriers that take new blocks of a partition, in order; the first [`Placement::wanted`] are its holders.
    pub(super) fn takers(&mut self, partition: Partition) -> Vec<PeerId> {
        let active = self.active;
        self.order(partition).take(active).map(|carrier| carrier.peer).collect()
    }

    /// Returns the carriers that should hold a partition.
    pub(super) fn holders(&mut self, partition: Partition) -> Vec<PeerId> {
        let wanted = usize::from(self.wanted).min(self.active);
        self.order(partition).take(wanted).map(|carrier| carrier.peer).collect()
    }

    /// Returns all carriers as the certificate lists them.
    pub(super) fn carriers(&self) -> &[Carrier] {
        &self.carriers
    }

    /// Returns how many copies a block should have.
    pub(super) const fn wanted(&self) -> u8 {
        self.wanted
    }

    /// Returns how many durable copies make a block safe.
    pub(super) const fn safe_at(&self) -> u8 {
        self.safe_at
    }
}

/// Says whether new blocks go to a carrier.
fn takes_new(carrier: &Carrier) -> bool {
    !carrier.draining && carrier.weight > 0
}

/// Orders the carriers for one partition; returns their indices.
fn order(vault: &VaultId, partition: Partition, carriers: &[Carrier]) -> Box<[u8]> {
    struct Candidate<'a> {
        index: u8,
        carrier: &'a Carrier,
        cost: u64,
        weight: u32,
        /// How many carriers of its zone come before it.
        rank: usize,
    }
    let mut candidates: Vec<Candidate<'_>> = (0u8..)
        .zip(carriers)
        .map(|(index, carrier)| {
            let cost = minus_log2(draw(vault, partition, &carrier.peer));
            Candidate { index, carrier, cost, weight: carrier.weight.max(1), rank: 0 }
        })
        .collect();
    // cost/weight compared as fractions: a/v < b/w exactly when a*w < b*v.
    sort::by(&mut candidates, |a, b| {
        let (left, right) = (u128::from(a.cost) * u128::from(b.weight), u128::from(b.cost) * u128::from(a.weight));
        (!takes_new(a.carrier), left, a.carrier.peer).cmp(&(!takes_new(b.carrier), right, b.carrier.peer))
    });
    for at in 1..candidates.len() {
        let same = |earlier: &&Candidate<'_>| {
            earlier.carrier.zone == candidates[at].carrier.zone && takes_new(earlier.carrier) == takes_new(candidates[at].carrier)
        };
        candidates[at].rank = candidates[..at].iter().filter(same).count();
    }
    sort::by_key(&mut candidates, |candidate| (!takes_new(candidate.carrier), candidate.rank));
    candidates.iter().map(|candidate| candidate.index).collect()
}

/// Draws a number for a carrier and a partition.
fn draw(vault: &VaultId, partition: Partition, peer: &PeerId) -> u64 {
    let mut hasher = blake3::Hasher::new_derive_key(labels::PLACEMENT);
    hasher.update(vault.as_bytes()).update(&partition.number().to_le_bytes()).update(peer.as_bytes());
    let mut first = [0; 8];
    first.copy_from_slice(&hasher.finalize().as_bytes()[..8]);
    u64::from_le_bytes(first)
}

/// Computes `-log2((draw + 1) / 2^64)` with [`PLACES`] binary places: repeated squaring of the mantissa, each carry one binary place.
fn minus_log2(draw: u64) -> u64 {
    let number = u128::from(draw) + 1;
    let whole = 127 - number.leading_zeros();
    // The mantissa lies in [1, 2) with 63 binary places; what falls off below is cut, never rounded.
    let mut mantissa = if whole >= 63 { number >> (whole - 63) } else { number << (63 - whole) };
    let mut log = u64::from(whole) << PLACES;
    for place in (0..PLACES).rev() {
        mantissa = (mantissa * mantissa) >> 63;
        if mantissa >> 64 != 0 {
            mantissa >>= 1;
            log |= 1 << place;
        }
    }
    (64 << PLACES) - log
}

/// Binary places of a cost.
const PLACES: u32 = 32;

#[cfg(test)]
mod tests;
