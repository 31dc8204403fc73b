//! The explorer goes every way, finds what is broken, and says how to see it again.
#![cfg(feature = "testkit")]

use ably_auth::Now;
use ably_auth::testkit::explore::Explore;
use ably_auth::testkit::session::World;
use ably_auth::testkit::{Invariant, Violation};
use ably_auth::trace::{Driver, Mode};

#[test]
fn every_short_interleaving_is_accepted() {
    let report = Explore::to_depth(4).run(|_| ());
    if let Some(counterexample) = report.counterexample {
        panic!("{counterexample}");
    }
    assert!(!report.stopped);
    assert!(report.states() > 1_000, "{report}");
}

#[test]
fn the_same_states_are_found_whoever_looks_and_at_any_time() {
    let levels = |threads, start| Explore { threads, start, ..Explore::to_depth(4) }.run(|_| ()).levels;
    let Explore { start, .. } = Explore::to_depth(4);
    let alone = levels(1, start);
    assert_eq!(levels(3, start), alone);
    // States are told apart by what is ahead, not by the time of day.
    let later = Now::new(start.mono + 123_456, start.unix_ms + 7_654_321);
    assert_eq!(levels(2, later), alone);
}

/// Does not hold: it may be connected.
fn never_connected(world: &World) -> Result<(), Violation> {
    if !world.is_connected() {
        return Ok(());
    }
    Err(Violation { invariant: Invariant::ChangesFollow, what: "planted: it is connected".into() })
}

#[test]
fn a_planted_violation_is_found_with_the_shortest_way_to_it() {
    let explore = Explore { also: never_connected, ..Explore::to_depth(6) };
    let found = explore.run(|_| ()).counterexample.expect("it can be connected");
    assert!(found.what.contains("planted"), "{found}");
    assert_eq!(found.moves.len(), 4, "connect, a token, open, CONNECTED: {found}");

    let mut driver = Driver::new(Mode::Realtime);
    let answers: Vec<String> = found.lines.iter().map(|line| driver.line(line)).collect();
    let last = answers.last().expect("lines");
    assert!(last.contains(r#""current":"connected""#), "the lines lead there: {last}");
    assert!(answers.iter().all(|answer| !answer.starts_with(r#"{"error""#)), "{answers:#?}");
}

#[test]
fn a_panic_is_found_like_any_other_violation() {
    let explore =
        Explore { also: |world| never_connected(world).map_err(|_| panic!("planted")), ..Explore::to_depth(6) };
    let found = explore.run(|_| ()).counterexample.expect("it can be connected");
    assert_eq!(found.what, "it panics: planted");
    assert_eq!(found.lines.len(), 5, "{found}");
}

#[test]
fn it_stops_after_so_many_states() {
    let report = Explore { states: 500, ..Explore::to_depth(9) }.run(|_| ());
    assert!(report.stopped);
    assert!((500..600).contains(&report.states()), "{report}");
}
