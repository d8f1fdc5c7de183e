//! Certificates and heads for tests of whatever lies above: properly signed, with wraps that nobody can open.

use super::share::commitment;
use super::{Certificate, CertificateDraft, Chain, Head, HeadFields, Member, Policy, Rights, SealedShare, Share, ShareFields, Wrap};
use crate::id::{RecordId, ShareId};
use crate::identity::{Identity, Seed};

/// The same keys for the same number.
pub(crate) fn identity(number: u8) -> Identity {
    Identity::from_seed(&Seed::new([number; 32]))
}

pub(crate) fn member(number: u16, identity: &Identity, rights: Rights, paper: bool) -> Member {
    Member { number, peer: identity.peer(), agree: identity.agree_public(), rights, paper, removed_after: None }
}

/// Wraps of the right shape for whoever may read.
pub(crate) fn hollow_wraps(members: &[Member]) -> Vec<Wrap> {
    let readers = members.iter().filter(|member| member.may(Rights::READ));
    readers.map(|member| Wrap { member: member.number, encapsulated: [1; 32], sealed: vec![2; 48] }).collect()
}

/// The draft of certificate 0 with these members.
pub(crate) fn founding_draft(members: Vec<Member>) -> CertificateDraft {
    CertificateDraft {
        vault: None,
        number: 0,
        previous: RecordId([0; 32]),
        epoch: 0,
        wraps: hollow_wraps(&members),
        members,
        carriers: Vec::new(),
        policy: Policy::default(),
        previous_epoch: None,
    }
}

/// The draft of the certificate after `tip`, with the same contents.
pub(crate) fn next_draft(tip: &Certificate) -> CertificateDraft {
    CertificateDraft {
        vault: Some(tip.vault()),
        number: tip.number + 1,
        previous: tip.id(),
        epoch: tip.epoch,
        members: tip.members.clone(),
        carriers: tip.carriers.clone(),
        policy: tip.policy.clone(),
        wraps: tip.wraps.clone(),
        previous_epoch: tip.previous_epoch.clone(),
    }
}

/// A vault founded by device 1 (member 0) with the recovery phrase 2 (member 1).
pub(crate) fn founded() -> Chain {
    let members = vec![member(0, &identity(1), Rights::OWNER, false), member(1, &identity(2), Rights::PAPER, true)];
    Chain::start(Certificate::sign(founding_draft(members), &identity(1)).expect("within bounds")).expect("stands")
}

/// A head of `device` under the chain's tip; its sealed content is filler.
pub(crate) fn head(chain: &Chain, device: &Identity, sequence: u64) -> Head {
    let fields = HeadFields {
        vault: chain.vault(),
        certificate_number: chain.tip().number,
        certificate: chain.tip().id(),
        device: device.peer(),
        sequence,
        previous: RecordId(if sequence == 1 { [0; 32] } else { [9; 32] }),
        suite_floor: 1,
        vector: Vec::new(),
    };
    Head::sign(fields, &[7; 64], device).expect("within bounds")
}

fn share_fields(chain: &Chain, device: &Identity, sequence: u64) -> ShareFields {
    ShareFields {
        vault: chain.vault(),
        share: ShareId([0x2e; 32]),
        certificate_number: chain.tip().number,
        certificate: chain.tip().id(),
        device: device.peer(),
        sequence,
        withdrawal: commitment(&[8; 32]),
    }
}

/// A share of `device` under the chain's tip; what it holds is filler.
pub(crate) fn share(chain: &Chain, device: &Identity, sequence: u64) -> Share {
    let sealed = SealedShare { contents: vec![7; 1064].into(), owner: vec![6; 552].into() };
    Share::sign(share_fields(chain, device, sequence), Some(sealed), device).expect("within bounds")
}

/// The withdrawal of that share.
pub(crate) fn withdrawal(chain: &Chain, device: &Identity) -> Share {
    let fields = ShareFields { withdrawal: [8; 32], ..share_fields(chain, device, 2) };
    Share::sign(fields, None, device).expect("within bounds")
}
