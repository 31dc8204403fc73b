//! The explorer goes every way, finds what is broken, and says how to see it again.
#![cfg(feature = "testkit")]

use ably_auth::testkit::explore::{Counterexample, Explore, Explored, Report};
use ably_auth::testkit::{Invariant, Violation, machine, session};
use ably_auth::trace::{Driver, Mode};
use ably_auth::{Action, Now};

fn accepted(report: &Report) {
    if let Some(counterexample) = &report.counterexample {
        panic!("{counterexample}");
    }
    assert!(!report.stopped);
    assert!(report.states() > 1_000, "{report}");
}

#[test]
fn every_short_interleaving_of_a_session_is_accepted() {
    accepted(&Explore::sessions(4).run(|_| ()));
}

#[test]
fn every_short_interleaving_of_a_machine_is_accepted() {
    accepted(&Explore::machines(4).run(|_| ()));
}

/// The same states are found whoever looks, and at any time.
fn finds_the_same<W: Explored>(depth: usize) {
    let levels = |threads, start| Explore::<W> { threads, start, ..Explore::to_depth(depth) }.run(|_| ()).levels;
    let Explore { start, .. } = Explore::<W>::to_depth(depth);
    let alone = levels(1, start);
    assert_eq!(levels(3, start), alone);
    // States are told apart by what is ahead, not by the time of day.
    let later = Now::new(start.mono + 123_456, start.unix_ms + 7_654_321);
    assert_eq!(levels(2, later), alone);
}

#[test]
fn the_same_sessions_are_found_whoever_looks_and_at_any_time() {
    finds_the_same::<session::World>(4);
}

#[test]
fn the_same_machines_are_found_whoever_looks_and_at_any_time() {
    finds_the_same::<machine::World>(3);
}

#[test]
fn states_that_differ_in_names_alone_count_as_one() {
    let states = |renaming| Explore { renaming, ..Explore::machines(3) }.run(|_| ()).states();
    assert!(states(true) < states(false));
}

#[test]
fn how_many_inputs_came_to_nothing_is_no_part_of_a_state() {
    fn none(ignored: u64) -> Result<(), Violation> {
        if ignored == 0 { Ok(()) } else { Err(planted("it counts")) }
    }
    let sessions = Explore { also: |world: &session::World| none(world.session().ignored()), ..Explore::sessions(5) };
    accepted(&sessions.run(|_| ()));
    let machines = Explore { also: |world: &machine::World| none(world.machine().ignored()), ..Explore::machines(4) };
    accepted(&machines.run(|_| ()));
}

fn planted(what: &str) -> Violation {
    Violation { invariant: Invariant::ChangesFollow, what: format!("planted: {what}") }
}

/// Does not hold: it may be connected.
fn never_connected(world: &session::World) -> Result<(), Violation> {
    if world.is_connected() { Err(planted("it is connected")) } else { Ok(()) }
}

/// Does not hold: a connection may be told another token.
fn never_upgraded(world: &machine::World) -> Result<(), Violation> {
    let is_upgrade = |action: &Action| matches!(action, Action::UpgradeConnection { .. });
    if world.actions().iter().any(is_upgrade) { Err(planted("it is upgraded")) } else { Ok(()) }
}

/// What a driver answers to the last line, where it accepts them all.
fn replayed(counterexample: &Counterexample) -> String {
    let mut driver = Driver::new(counterexample.mode);
    let answers: Vec<String> = counterexample.lines.iter().map(|line| driver.line(line)).collect();
    assert!(answers.iter().all(|answer| !answer.starts_with(r#"{"error""#)), "{answers:#?}");
    answers.last().expect("lines").clone()
}

#[test]
fn a_planted_violation_is_found_with_the_shortest_way_to_it() {
    let explore = Explore { also: never_connected, ..Explore::sessions(6) };
    let found = explore.run(|_| ()).counterexample.expect("it can be connected");
    assert!(found.what.contains("planted"), "{found}");
    assert_eq!(found.moves.len(), 4, "connect, a token, open, CONNECTED: {found}");
    assert_eq!(found.mode, Mode::Realtime);

    let last = replayed(&found);
    assert!(last.contains(r#""current":"connected""#), "the lines lead there: {last}");
}

#[test]
fn a_violation_planted_in_a_machine_is_found_with_the_shortest_way_to_it() {
    let explore = Explore { also: never_upgraded, ..Explore::machines(6) };
    let found = explore.run(|_| ()).counterexample.expect("a token can be replaced while it is connected");
    assert!(found.what.contains("planted"), "{found}");
    assert_eq!(found.moves.len(), 3, "connecting, connected, a token: {found}");
    assert_eq!(found.mode, Mode::Machine);

    let last = replayed(&found);
    assert!(last.contains(r#"{"upgradeConnection":{"accessToken":"#), "the lines lead there: {last}");
}

#[test]
fn a_panic_is_found_like_any_other_violation() {
    let explore =
        Explore { also: |world| never_connected(world).map_err(|_| panic!("planted")), ..Explore::sessions(6) };
    let found = explore.run(|_| ()).counterexample.expect("it can be connected");
    assert_eq!(found.what, "it panics: planted");
    assert_eq!(found.lines.len(), 5, "{found}");
}

#[test]
fn it_stops_after_so_many_states() {
    let report = Explore { states: 500, ..Explore::sessions(9) }.run(|_| ());
    assert!(report.stopped);
    assert!((500..600).contains(&report.states()), "{report}");
}
