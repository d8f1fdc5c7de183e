//! What a certificate must keep to beside the one before it.

use super::ChainError;
use crate::record::{Certificate, Member, Rights};

/// Checks certificate 0: signed by an admin that it names, nobody removed yet.
pub(super) fn first(first: &Certificate) -> Result<(), ChainError> {
    if first.number != 0 {
        return Err(ChainError::Forbidden("a chain begins with certificate 0"));
    }
    if !first.may(&first.signer, Rights::ADMIN) {
        return Err(ChainError::NoAuthority);
    }
    if first.members.iter().any(|member| !member.is_active()) {
        return Err(ChainError::Forbidden("nobody can have been removed before the vault began"));
    }
    first.members.iter().try_for_each(usable_key)
}

/// Checks that `next` may follow `parent`, which it names as the certificate before it.
pub(super) fn follows(parent: &Certificate, next: &Certificate) -> Result<(), ChainError> {
    if !parent.may(&next.signer, Rights::ADMIN) {
        return Err(ChainError::NoAuthority);
    }
    let mut kept = next.members.iter();
    let mut reader_left = false;
    for old in &parent.members {
        // Members are sorted by number in both, and newcomers number higher than all before them: the old ones lead.
        let new = kept.next().filter(|new| new.number == old.number).ok_or(ChainError::Forbidden("a member is missing"))?;
        stays(old, new)?;
        reader_left |= old.may(Rights::READ) && !new.is_active();
    }
    for newcomer in kept {
        if !newcomer.is_active() {
            return Err(ChainError::Forbidden("a member was removed before it came"));
        }
        usable_key(newcomer)?;
    }
    match next.epoch.checked_sub(parent.epoch) {
        Some(0) if reader_left => Err(ChainError::Forbidden("a reader left and the epoch stayed")),
        Some(0) if next.previous_epoch != parent.previous_epoch => Err(ChainError::Forbidden("the past was sealed anew within an epoch")),
        Some(0 | 1) => Ok(()),
        _ => Err(ChainError::Forbidden("the epoch goes back or leaps")),
    }
}

/// A member keeps its keys for ever, and what it may read and write until it is removed; removed is removed.
fn stays(old: &Member, new: &Member) -> Result<(), ChainError> {
    if (new.peer, new.agree, new.paper) != (old.peer, old.agree, old.paper) {
        return Err(ChainError::Forbidden("a member's keys changed"));
    }
    if !old.is_active() && (new.removed_after, new.rights) != (old.removed_after, old.rights) {
        return Err(ChainError::Forbidden("a removed member changed"));
    }
    let lost = |right| old.rights.contains(right) && !new.rights.contains(right);
    if lost(Rights::READ) || lost(Rights::WRITE) {
        return Err(ChainError::Forbidden("reading and writing are taken away by removing the member"));
    }
    Ok(())
}

/// Refuses X25519 keys of small order: what is sealed to one is open to everybody.
fn usable_key(member: &Member) -> Result<(), ChainError> {
    let probe = x25519_dalek::StaticSecret::from([1; 32]);
    let shared = probe.diffie_hellman(&x25519_dalek::PublicKey::from(member.agree));
    if shared.was_contributory() { Ok(()) } else { Err(ChainError::Forbidden("a member's key is of small order")) }
}
