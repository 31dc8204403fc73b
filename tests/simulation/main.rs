//! Thousands of runs of sessions against the sandbox's logic, over a network that fails, in virtual time.
//!
//! A run is a world made out of one seed ([`schedule`]): one to four clients, what their applications ask for, and what
//! goes wrong. Everything that happens stands in one queue, ordered by time ([`world`]); nothing else decides what comes
//! next, so that a seed is a run, byte for byte. Each client is held against what must hold whatever happens
//! ([`client`]). At last all faults end, and everybody has to be well again in time.
//!
//! `cargo test --all-features --test simulation` runs a few hundred seeds. `SIMULATION_SEEDS=10000` runs as many,
//! `SIMULATION_FIRST=17` begins with another one than 0. A seed that fails is printed, with every input of its clients
//! as lines that `ably-auth drive --realtime` takes.
#![cfg(feature = "sandbox")]
#![allow(clippy::disallowed_methods, reason = "how many seeds run is the environment's to say")]

mod client;
mod figures;
mod network;
mod random;
mod schedule;
mod world;

use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use client::{Broken, Sabotage};
use figures::Figures;
use world::World;

const EPOCH: i64 = 1_700_000_000_000;
const SECOND: u64 = 1_000;
const MINUTE: u64 = 60 * SECOND;
const PRIMARY_HOST: &str = "main.realtime.ably.net";
const CHECK_HOST: &str = "internet-up.ably-realtime.com";
/// Until nothing is on its way any more that was sent while there were faults: answers come 20 seconds late at most,
/// over a network that takes 15, twice 3 seconds later. Then people help themselves.
const SETTLING: u64 = 40 * SECOND;
/// How long it may take after the last fault until everything is well again. Whose connection has failed has to wait
/// for people first, who look twice (after 40 s and 80 s). The longest way after that is that of a socket that is half
/// open: it is silent for 15 s (the service's idle interval) and 10 s of grace (`realtimeRequestTimeout`) before it is
/// given up. The attempt that follows can wait for a token for 10 s and for CONNECTED for 10 s, and the retry after it
/// for 30 s, whether disconnected (twice 15 s) or suspended (30 s). The second attempt succeeds, within a few round
/// trips. Where an `authorize` waits for the answer to AUTH first, those are 10 s more: 85 s, and 5 s for round trips.
const RECOVERY: u64 = 2 * SETTLING + 90 * SECOND;

fn simulate(seed: u64, sabotage: Sabotage, recorded: bool) -> (World, Result<(), Broken>) {
    let mut world = schedule::build(seed, sabotage, recorded);
    let result = world.run(RECOVERY);
    (world, result)
}

/// All that went in and came out, by client.
fn trace(world: &World) -> String {
    let mut trace = String::new();
    for (nth, client) in world.clients.iter().enumerate() {
        trace += &format!("# client {nth}\n{}\n", client.lines.as_ref().unwrap().join("\n"));
    }
    trace
}

/// The first seed that fails, and how.
fn run_all(first: u64, seeds: u64, sabotage: Sabotage) -> (Figures, Option<(u64, String)>) {
    let next = AtomicU64::new(first);
    let work = || {
        let mut figures = Figures::default();
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= first + seeds {
                return (figures, None);
            }
            let (world, result) = simulate(seed, sabotage, false);
            figures.add(&world.figures);
            if let Err(Broken(what)) = result {
                next.store(first + seeds, Ordering::Relaxed);
                return (figures, Some((seed, what)));
            }
        }
    };
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let results: Vec<_> = thread::scope(|scope| {
        let workers: Vec<_> = (0..cores).map(|_| scope.spawn(work)).collect();
        workers.into_iter().map(|worker| worker.join().expect("a worker panics where the crate does")).collect()
    });
    let mut figures = Figures::default();
    results.iter().for_each(|(part, _)| figures.add(part));
    (figures, results.into_iter().filter_map(|(_, failure)| failure).min())
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap_or_else(|_| panic!("{name}: expected a number")))
}

#[test]
fn every_session_is_well_again_when_the_faults_are_over() {
    let (first, seeds) = (number("SIMULATION_FIRST").unwrap_or(0), number("SIMULATION_SEEDS").unwrap_or(300));
    let (figures, failure) = run_all(first, seeds, Sabotage::None);
    println!("{figures}");
    if let Some((seed, what)) = failure {
        let (world, _) = simulate(seed, Sabotage::None, true);
        let inputs: Vec<_> = trace(&world).lines().filter(|line| !line.starts_with("# {")).map(String::from).collect();
        let again = format!(
            "SIMULATION_FIRST={seed} SIMULATION_SEEDS=1 cargo test --all-features --test simulation every_session"
        );
        panic!("seed {seed}: {what}\n\nrun it again: {again}\n\nits inputs:\n{}", inputs.join("\n"));
    }
    if seeds >= 300 {
        let never: Vec<_> =
            schedule::FAULTS.iter().filter(|kind| figures.faults.get(*kind).is_none_or(|n| *n == 0)).collect();
        assert!(never.is_empty(), "these never happened: {never:?}");
    }
}

#[test]
fn a_seed_is_a_run_byte_for_byte() {
    for seed in 0..20 {
        let (one, _) = simulate(seed, Sabotage::None, true);
        let (other, _) = simulate(seed, Sabotage::None, true);
        assert!(trace(&one) == trace(&other), "seed {seed} gives two traces");
    }
}

#[test]
fn what_is_wrong_with_a_client_is_found() {
    for sabotage in [
        Sabotage::ForgetsTimeouts,
        Sabotage::DropsRequests,
        Sabotage::DropsCallbacks,
        Sabotage::DropsClosing,
        Sabotage::LosesCompletions,
    ] {
        let (_, failure) = run_all(0, 100, sabotage);
        assert!(failure.is_some(), "{sabotage:?} is not found");
    }
}

/// An AUTH that never gets there has no answer, and the session makes another connection.
#[test]
fn frames_that_get_lost_are_survived() {
    let (_, failure) = run_all(0, 100, Sabotage::DropsFrames);
    assert_eq!(failure, None);
}
