//! What placement promises: even load, little movement, distinct zones, the same answer everywhere.

use serde_json::{Value, json};

use super::*;
use crate::map::Set;
use crate::vectors::{check, hex};

fn carriers(count: u8) -> Vec<Carrier> {
    (0..count).map(|number| carrier(number, 1, &format!("zone {number}"))).collect()
}

fn carrier(number: u8, weight: u32, zone: &str) -> Carrier {
    let peer = PeerId(*blake3::hash(&[number]).as_bytes());
    Carrier { peer, name: String::new(), addresses: Vec::new(), weight, zone: zone.to_owned(), draining: false }
}

/// The first three of every partition, as peers.
fn holders(carriers: &[Carrier]) -> Vec<Set<PeerId>> {
    let pick = |order: Box<[u8]>| order.iter().take(3).map(|&index| carriers[usize::from(index)].peer).collect();
    Partition::all().map(|partition| pick(order(&VAULT, partition, carriers))).collect()
}

fn load(carriers: &[Carrier]) -> Vec<usize> {
    let holders = holders(carriers);
    carriers.iter().map(|carrier| holders.iter().filter(|held| held.contains(&carrier.peer)).count()).collect()
}

const VAULT: VaultId = VaultId([7; 32]);

#[test]
fn equal_carriers_hold_equal_shares() {
    for count in [4, 5, 8, 16] {
        let carriers = carriers(count);
        let fair = 3 * 4096 / usize::from(count);
        for share in load(&carriers) {
            assert!(share * 10 > fair * 8 && share * 10 < fair * 12, "{share} of {fair} with {count}");
        }
    }
}

#[test]
fn a_carrier_of_twice_the_weight_holds_about_twice_as_much() {
    // With many carriers and three copies: with few, no weight lets one hold a block twice.
    let mut carriers = carriers(20);
    carriers[0].weight = 2;
    let load = load(&carriers);
    let others = load[1..].iter().sum::<usize>() / 19;
    assert!(load[0] * 10 > others * 16 && load[0] * 10 < others * 22, "{} to {others}", load[0]);
}

#[test]
fn a_new_carrier_takes_its_share_and_nothing_else_moves() {
    for count in [4, 7, 12] {
        let before = holders(&carriers(count));
        let after = holders(&carriers(count + 1));
        let moved: usize =
            before.iter().zip(&after).map(|(before, after)| after.iter().filter(|peer| !before.contains(peer)).count()).sum();
        let least = 3 * 4096 / (usize::from(count) + 1);
        assert!(moved * 10 <= least * 12, "{moved} moved, {least} must");
        let newcomer = carriers(count + 1)[usize::from(count)].peer;
        assert!(before.iter().zip(&after).all(|(before, after)| after.iter().all(|peer| before.contains(peer) || *peer == newcomer)));
    }
}

#[test]
fn copies_lie_in_distinct_zones_as_long_as_there_are_enough() {
    let three: Vec<Carrier> = (0..9).map(|number| carrier(number, 1, ["a", "b", "c"][usize::from(number) % 3])).collect();
    let two: Vec<Carrier> = (0..9).map(|number| carrier(number, 1, ["a", "b", "b"][usize::from(number) % 3])).collect();
    for partition in Partition::all() {
        let zones = |carriers: &[Carrier]| {
            let order = order(&VAULT, partition, carriers);
            order.iter().take(3).map(|&index| carriers[usize::from(index)].zone.clone()).collect::<Set<_>>().len()
        };
        assert_eq!((zones(&three), zones(&two)), (3, 2));
    }
}

#[test]
fn a_draining_carrier_gets_nothing_new_and_comes_last() {
    let mut carriers = carriers(5);
    carriers[1].draining = true;
    carriers[3].weight = 0;
    for partition in Partition::all() {
        let order = order(&VAULT, partition, &carriers);
        assert_eq!(order.iter().copied().collect::<Set<_>>(), (0..5).collect());
        assert_eq!(order[3..].iter().copied().collect::<Set<_>>(), Set::from([1, 3]));
    }
}

#[test]
fn the_order_does_not_depend_on_how_carriers_are_listed() {
    let listed = carriers(6);
    let mut turned = listed.clone();
    turned.reverse();
    for partition in Partition::all().step_by(64) {
        let peers = |carriers: &[Carrier]| {
            order(&VAULT, partition, carriers).iter().map(|&index| carriers[usize::from(index)].peer).collect::<Vec<_>>()
        };
        assert_eq!(peers(&listed), peers(&turned));
    }
}

#[test]
fn the_logarithm_is_exact_where_it_can_be_and_falls_where_it_must() {
    for power in 0..64 {
        assert_eq!(minus_log2((1u64 << power) - 1), (64 - power) << PLACES);
    }
    assert_eq!(minus_log2(u64::MAX), 0);
    let samples: Vec<u64> = (0..10_000u64).map(|step| step.wrapping_mul(0x9e37_79b9_7f4a_7c15)).collect();
    for draw in samples {
        let exact = 64.0 - ((draw as f64) + 1.0).log2();
        assert!((minus_log2(draw) as f64 / f64::from(1u32 << 16) / f64::from(1u32 << 16) - exact).abs() < 1e-8);
    }
}

#[test]
fn vectors_of_placement() {
    let sets = [
        ("equal", carriers(5)),
        ("zones", (0..6).map(|number| carrier(number, 1, ["a", "b", "b"][usize::from(number) % 3])).collect()),
        ("weights", (0..4).map(|number| carrier(number, 1 + u32::from(number) * 3, "")).collect()),
        ("draining", {
            let mut carriers = carriers(5);
            carriers[2].draining = true;
            carriers[4].weight = 0;
            carriers
        }),
    ];
    let logs: Vec<Value> = [0, 1, 2, 0xffff, 1 << 40, (1 << 63) + 12345, u64::MAX - 1, u64::MAX]
        .into_iter()
        .map(|draw| json!({ "draw": draw.to_string(), "cost": minus_log2(draw).to_string() }))
        .collect();
    let mut cases = Vec::new();
    for (name, carriers) in sets {
        let listed: Vec<Value> = carriers
            .iter()
            .map(|one| json!({ "peer": hex(&one.peer.0), "weight": one.weight, "zone": one.zone, "draining": one.draining }))
            .collect();
        let orders: Vec<Value> = [0, 1, 0x7ff, 0xabc, 4095]
            .into_iter()
            .filter_map(Partition::new)
            .map(|partition| json!({ "partition": partition.number(), "order": order(&VAULT, partition, &carriers).to_vec() }))
            .collect();
        cases.push(json!({ "name": name, "carriers": listed, "orders": orders }));
    }
    let fresh = json!({
        "vault": hex(&VAULT.0),
        "costs": logs,
        "cases": cases,
    });
    check("placement", &fresh);
}
