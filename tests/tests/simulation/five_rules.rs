//! Each of the five rules of the boundary, broken on purpose: a simulation that stays green would be blind.

use cachette_core::time::Span;
use cachette_tests::sim::checked::Watch;
use cachette_tests::sim::cluster::Cluster;
use cachette_tests::sim::faults::Kinds;
use cachette_tests::sim::host::Kind;
use cachette_tests::sim::model::Blocks;
use cachette_tests::sim::seeds::one;
use cachette_tests::sim::world::Settings;
use cachette_tests::sim::{Rule, Violation, World};

fn a_put(world: &mut World) -> Result<(), Violation> {
    let cluster = Cluster::found(world, 3, Kind::Client)?;
    world.draw_weather(10);
    world.draw_faults(Kinds { crashes: true, ..Kinds::default() }, &cluster.carriers, 2, Span::seconds(20));
    cluster.place(world, &mut Blocks::default(), 12);
    world.run(Span::seconds(120))
}

/// Seeds of each kind.
const SEEDS: u64 = 16;

/// Runs with a rule broken: every seed must end with a violation, and nearly all with that rule's own (what a breach prevents can be
/// noticed before the breach itself: a handshake that never ends). With the rule kept, none may.
fn is_caught(rule: Rule, watch: Watch) {
    let mut named = 0;
    for seed in 0..SEEDS {
        let (result, _) = one(seed, Settings { broken: Some(rule), watch }, a_put);
        assert!(result.is_err(), "seed {seed}: nobody noticed");
        named += u64::from(matches!(&result, Err(Violation::Rule { rule: found, .. }) if *found == rule));
        let (result, _) = one(seed, Settings { broken: None, watch }, a_put);
        assert_eq!(result, Ok(()), "seed {seed} without the breach");
    }
    assert!(named * 10 >= SEEDS * 9, "only {named} of {SEEDS} seeds named the rule");
}

#[test]
fn rule_1_a_driver_that_does_not_drain_is_caught() {
    is_caught(Rule::Drain, Watch::True);
}

#[test]
fn rule_2_a_machine_that_follows_the_clock_back_is_caught() {
    is_caught(Rule::Clamp, Watch::Stale);
}

#[test]
fn rule_3_a_disk_that_answers_twice_or_never_is_caught() {
    is_caught(Rule::AnswerOnce, Watch::True);
}

#[test]
fn rule_4_a_machine_that_hides_what_is_queued_is_caught() {
    is_caught(Rule::Visible, Watch::True);
}

#[test]
fn rule_5_a_machine_whose_deadline_does_not_move_on_is_caught() {
    is_caught(Rule::Later, Watch::True);
}
