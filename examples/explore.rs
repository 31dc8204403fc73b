//! Explores every interleaving of what can happen to a machine or to a session, to a depth: see
//! `ably_auth::testkit::explore`.
//!
//! `cargo run --profile explore --features testkit --example explore -- [--subject machine|session] [--depth N]
//! [--states N] [--threads N] [--renaming true|false]`

#![allow(clippy::disallowed_methods, reason = "it says how long it takes")]

use std::process::ExitCode;
use std::time::Instant;

use ably_auth::testkit::explore::{Explore, Explored};
use ably_auth::testkit::{machine, session};

fn main() -> ExitCode {
    let mut subject = String::from("session");
    let mut renaming = true;
    let (mut depth, mut states, mut threads) = (6, usize::MAX, 2);
    let mut arguments = std::env::args().skip(1);
    while let Some(name) = arguments.next() {
        let value = arguments.next().unwrap_or_default();
        let number = value.parse().ok();
        match (name.as_str(), number) {
            ("--subject", _) if matches!(&*value, "machine" | "session") => subject = value,
            ("--renaming", _) if matches!(&*value, "true" | "false") => renaming = value == "true",
            ("--depth", Some(number)) => depth = number,
            ("--states", Some(number)) => states = number,
            ("--threads", Some(number)) => threads = number,
            _ => {
                eprintln!(
                    "usage: explore [--subject machine|session] [--depth N] [--states N] [--threads N] [--renaming true|false]"
                );
                return ExitCode::from(2);
            }
        }
    }
    match &*subject {
        "machine" => explore(&Explore::<machine::World> { states, threads, renaming, ..Explore::machines(depth) }),
        _ => explore(&Explore::<session::World> { states, threads, renaming, ..Explore::sessions(depth) }),
    }
}

fn explore<W: Explored>(explore: &Explore<W>) -> ExitCode {
    let started = Instant::now();
    let report = explore.run(|level| println!("{level}"));
    println!("{report}, in {:.1} s", started.elapsed().as_secs_f64());
    let Some(counterexample) = report.counterexample else { return ExitCode::SUCCESS };
    println!("\n{counterexample}");
    ExitCode::FAILURE
}
