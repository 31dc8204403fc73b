//! Sessions and the sandbox's service in virtual time, over a network on which things go wrong, from a seed.
//!
//! Every seed is another run: so many clients, their options, what their applications do, and what goes wrong. All
//! along each client has to keep the rules of `client.rs`; when nothing goes wrong any more, it has to be connected in
//! time, with a token that the service takes for valid and without any operation left.
//!
//! `SIMULATION_SEEDS` says how many seeds are run (40), `SIMULATION_START` which is the first (0).
#![cfg(feature = "sandbox")]
#![allow(unreachable_pub, reason = "what a module of a test shows, it shows to the test")]

mod client;
mod dice;
mod faults;
mod network;
mod world;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread;

use client::Defect;
use faults::{Kind, Tally};
use world::World;

/// All the time that clients may take to come back.
const WHOLE: u64 = 1_000;

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |text| text.parse().expect("a number"))
}

/// Runs a seed; where something does not hold, the message and what the clients were told.
fn run(seed: u64, defect: Defect, patience: u64) -> Result<Tally, (String, String)> {
    let mut world = World::new(seed, defect);
    match catch_unwind(AssertUnwindSafe(|| world.run(patience))) {
        Ok(()) => Ok(world.tally),
        Err(panic) => {
            let text = panic.downcast_ref::<String>().cloned();
            let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
            Err((text.unwrap_or_default(), world.trace()))
        }
    }
}

#[test]
fn sessions_keep_the_rules_and_come_back() {
    let (start, count) = (number("SIMULATION_START", 0), number("SIMULATION_SEEDS", 40));
    let workers = thread::available_parallelism().map_or(1, |count| count.get() as u64);
    let work = |worker: u64| {
        let mut tally = Tally::default();
        for seed in (start..start + count).filter(|seed| seed % workers == worker) {
            match run(seed, Defect::None, WHOLE) {
                Ok(of_seed) => tally.add(&of_seed),
                Err((message, trace)) => panic!(
                    "seed {seed}: {message}\nto run it again: SIMULATION_START={seed} SIMULATION_SEEDS=1 \
                     cargo test --all-features --test simulation sessions\n{trace}"
                ),
            }
        }
        tally
    };
    let mut tally = Tally::default();
    thread::scope(|scope| {
        let workers: Vec<_> = (0..workers).map(|worker| scope.spawn(move || work(worker))).collect();
        workers.into_iter().for_each(|worker| tally.add(&worker.join().expect("every seed holds")));
    });
    println!("{count} seeds: {tally:#?}");
    if count >= 200 {
        for kind in Kind::ALL {
            let times = tally.faults.get(&kind).copied().unwrap_or_default();
            assert!(times >= count / 50, "{kind:?} happened {times} times only: the simulation has become tame");
        }
    }
}

#[test]
fn the_same_seed_is_the_same_run() {
    for seed in 0..5 {
        let trace = || {
            let mut world = World::new(seed, Defect::None);
            world.run(WHOLE);
            (world.trace(), world.tally)
        };
        assert_eq!(trace(), trace());
    }
}

/// What the first of some seeds that does not hold says.
fn first_failure(defect: Defect, patience: u64) -> String {
    let failure = (0..20).find_map(|seed| run(seed, defect, patience).err());
    failure.map(|(message, _)| message).expect("it is found")
}

#[test]
fn a_client_that_is_never_woken_is_found() {
    let message = first_failure(Defect::NeverWoken, WHOLE);
    assert!(message.contains("connected"), "{message}");
}

#[test]
fn a_client_that_gets_no_answers_is_found() {
    let message = first_failure(Defect::Deaf, WHOLE);
    assert!(message.contains("is not connected with a valid token in time"), "{message}");
}

#[test]
fn too_little_patience_is_found() {
    let message = first_failure(Defect::None, 0);
    assert!(message.contains("is not connected with a valid token in time"), "{message}");
}
