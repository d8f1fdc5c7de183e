//! What a certificate must keep to by itself, whoever signed it and whatever came before.

use super::{Carrier, Member, Policy, Rights, Wire};
use crate::limits::{ADDRESS_MAX, ADDRESSES_MAX, CARRIERS_MAX, LABEL_MAX, MEMBERS_MAX, PREVIOUS_EPOCH_SEALED, WRAP_SEALED};
use crate::map::Set;
use crate::record::RecordError;

/// Checks a certificate's fields against their limits and one another.
pub(super) fn check(wire: &Wire) -> Result<(), RecordError> {
    place(wire)?;
    members(&wire.members)?;
    carriers(&wire.carriers)?;
    policy(&wire.policy)?;
    wraps(wire)
}

/// Number, vault, previous and epoch must tell one story.
fn place(wire: &Wire) -> Result<(), RecordError> {
    let first = wire.number == 0;
    if first != wire.vault.is_none() || first != (wire.previous.0 == [0; 32]) {
        return Err(RecordError::Bounds("certificate 0 names no vault and no certificate before it, every other one does"));
    }
    if u64::from(wire.epoch) > wire.number {
        return Err(RecordError::Bounds("more epochs than certificates"));
    }
    match (&wire.previous_epoch, wire.epoch) {
        (None, 0) => Ok(()),
        (Some(sealed), 1..) if sealed.len() == PREVIOUS_EPOCH_SEALED => Ok(()),
        _ => Err(RecordError::Bounds("every epoch but the first holds the secret of the one before")),
    }
}

fn members(members: &[Member]) -> Result<(), RecordError> {
    if members.is_empty() || members.len() > MEMBERS_MAX {
        return Err(RecordError::Bounds("no members or too many"));
    }
    if !members.is_sorted_by(|a, b| a.number < b.number) {
        return Err(RecordError::Bounds("members are not sorted by their numbers"));
    }
    let peers: Set<_> = members.iter().map(|member| member.peer).collect();
    let agrees: Set<_> = members.iter().map(|member| member.agree).collect();
    if peers.len() < members.len() || agrees.len() < members.len() {
        return Err(RecordError::Bounds("two members share a key"));
    }
    for member in members {
        if member.rights.0 == 0 || member.rights.0 > RIGHTS_ALL {
            return Err(RecordError::Bounds("a member has no rights or unknown ones"));
        }
        if member.rights.contains(Rights::ADMIN) && !member.rights.contains(Rights::READ) {
            return Err(RecordError::Bounds("an admin must be able to read, or it could not admit readers"));
        }
        if member.paper && (member.rights.contains(Rights::WRITE) || member.rights.contains(Rights::DROP)) {
            return Err(RecordError::Bounds("a recovery phrase may not write"));
        }
    }
    if !members.iter().any(|member| member.may(Rights::ADMIN)) {
        return Err(RecordError::Bounds("nobody is left who could sign the next certificate"));
    }
    Ok(())
}

fn carriers(carriers: &[Carrier]) -> Result<(), RecordError> {
    if carriers.len() > CARRIERS_MAX {
        return Err(RecordError::Bounds("too many carriers"));
    }
    if !carriers.is_sorted_by(|a, b| a.peer < b.peer) {
        return Err(RecordError::Bounds("carriers are not sorted by their keys"));
    }
    for carrier in carriers {
        if carrier.addresses.len() > ADDRESSES_MAX {
            return Err(RecordError::Bounds("too many addresses"));
        }
        // What kind of address it is decides whoever dials: an address of a later release must not void the certificate.
        if carrier.addresses.iter().any(|address| address.len() > ADDRESS_MAX || !address.bytes().all(|byte| byte.is_ascii_graphic())) {
            return Err(RecordError::Bounds("an address is too long or not printable"));
        }
        if !is_label(&carrier.name) || !is_label(&carrier.zone) {
            return Err(RecordError::Bounds("a carrier's name or zone is too long or not printable"));
        }
    }
    Ok(())
}

fn policy(policy: &Policy) -> Result<(), RecordError> {
    if policy.min_replicas == 0 || policy.min_replicas > policy.replicas || usize::from(policy.replicas) > CARRIERS_MAX {
        return Err(RecordError::Bounds("the policy's numbers of copies contradict one another"));
    }
    if policy.padding != 0 {
        return Err(RecordError::Bounds("an unknown padding class"));
    }
    Ok(())
}

/// Every active reader has one wrap, nobody else has any: a keyless peer sees that nobody is left out and nobody slips in.
fn wraps(wire: &Wire) -> Result<(), RecordError> {
    let readers = wire.members.iter().filter(|member| member.may(Rights::READ)).map(|member| member.number);
    if !readers.eq(wire.wraps.iter().map(|wrap| wrap.member)) {
        return Err(RecordError::Bounds("the epoch's secret is not wrapped for exactly the active readers"));
    }
    if wire.wraps.iter().any(|wrap| wrap.sealed.len() != WRAP_SEALED) {
        return Err(RecordError::Bounds("a wrapped secret is too short or too long"));
    }
    Ok(())
}

/// Names end up on terminals and web pages: nothing in them may move a cursor, turn the text round or hide.
fn is_label(text: &str) -> bool {
    let invisible = |c: char| {
        c.is_control()
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
    };
    text.len() <= LABEL_MAX && !text.contains(invisible)
}

const RIGHTS_ALL: u8 = 15;
