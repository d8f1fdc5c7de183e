//! What a device that has seen newer state says to older, other or weaker state.

use super::*;
use crate::record::testing::{founded, head, hollow_wraps, identity, member, next_draft};
use crate::record::{Certificate, HeadFields, Rights};

/// A view that has seen this head.
fn seen(chain: &Chain, head: Head) -> View {
    let mut view = View::default();
    assert!(matches!(view.offer(chain, &head), Ok(Some(_))));
    view.adopt(head);
    view
}

fn signed(head: &Head, change: impl FnOnce(&mut HeadFields)) -> Head {
    let mut fields = head.fields();
    change(&mut fields);
    Head::sign(fields, &[8; 64], &identity(1)).expect("within bounds")
}

#[test]
fn m10_an_older_head_than_seen_is_ignored() {
    let chain = founded();
    let mut view = seen(&chain, head(&chain, &identity(1), 4));
    for sequence in 1..4 {
        assert_eq!(view.offer(&chain, &head(&chain, &identity(1), sequence)), Ok(None));
    }
}

#[test]
fn m11_a_second_head_under_a_sequence_that_was_seen_is_a_fork() {
    let chain = founded();
    let first = head(&chain, &identity(1), 4);
    let mut view = seen(&chain, first.clone());
    let fork = Err(Alarm::Fork(identity(1).peer()));
    assert_eq!(view.offer(&chain, &signed(&first, |_| {})), fork);
    assert_eq!(view.offer(&chain, &first), Ok(None), "the same one again is none");
    // Nor is it hidden by one more head on the other branch.
    let next = |previous| signed(&first, |fields| (fields.sequence, fields.previous) = (5, previous));
    assert_eq!(view.offer(&chain, &next(crate::id::RecordId([1; 32]))), fork);
    assert!(matches!(view.offer(&chain, &next(first.id())), Ok(Some(_))));
}

/// A member that signs the last sequence there is ended every device that saw it, at every start: it was compared with the one after it.
#[test]
fn p01_the_last_sequence_there_is_ends_nobody() {
    let chain = founded();
    let last = head(&chain, &identity(1), u64::MAX);
    let mut view = seen(&chain, last.clone());
    assert_eq!(view.offer(&chain, &head(&chain, &identity(1), 4)), Ok(None));
    assert_eq!(view.offer(&chain, &signed(&last, |_| {})), Err(Alarm::Fork(identity(1).peer())));
}

#[test]
fn g02_a_head_that_accepts_older_suites_again_is_refused() {
    let chain = founded();
    let first = head(&chain, &identity(1), 1);
    let mut view = seen(&chain, first.clone());
    let next = signed(&first, |fields| (fields.sequence, fields.previous) = (2, first.id()));
    assert!(matches!(view.offer(&chain, &next), Ok(Some(_))), "no less than before");
    view.forget(&next);
    view.suite_floor = 2;
    assert_eq!(view.offer(&chain, &next), Err(Alarm::Downgrade { device: identity(1).peer(), seen: 2, served: 1 }));
}

#[test]
fn a_removal_may_set_aside_what_was_seen_and_nothing_more() {
    let mut chain = founded();
    let mut joined = next_draft(chain.tip());
    joined.members.push(member(2, &identity(3), Rights::OWNER, false));
    joined.wraps = hollow_wraps(&joined.members);
    chain.extend(Certificate::sign(joined, &identity(1)).expect("within bounds")).expect("stands");
    let heads: Vec<Head> = (1..=3).map(|sequence| head(&chain, &identity(3), sequence)).collect();
    let mut view = seen(&chain, heads[2].clone());

    let mut removal = next_draft(chain.tip());
    removal.members[2].removed_after = Some(2);
    (removal.epoch, removal.previous_epoch) = (1, Some(vec![1; 72].into()));
    removal.wraps = hollow_wraps(&removal.members);
    chain.extend(Certificate::sign(removal, &identity(1)).expect("within bounds")).expect("stands");
    view.follow(&chain);
    let mut again = View::default();
    again.load(&chain, heads[2].clone());
    for mut view in [view, again] {
        assert!(view.head(&identity(3).peer()).is_none(), "what does not stand is not merged");
        assert_eq!(view.offer(&chain, &heads[2]), Ok(None));
        assert_eq!(view.offer(&chain, &heads[0]), Ok(None), "nothing goes back behind what the removal lets stand");
        assert!(matches!(view.offer(&chain, &heads[1]), Ok(Some(_))));
    }
}
