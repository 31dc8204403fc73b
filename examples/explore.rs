//! Explores every interleaving of what can happen to a session, to a depth: see `ably_auth::testkit::explore`.
//!
//! `cargo run --profile explore --features testkit --example explore -- [--depth N] [--states N] [--threads N]`

#![allow(clippy::disallowed_methods, reason = "it says how long it takes")]

use std::process::ExitCode;
use std::time::Instant;

use ably_auth::testkit::explore::Explore;

fn main() -> ExitCode {
    let mut explore = Explore::to_depth(6);
    let mut arguments = std::env::args().skip(1);
    while let Some(name) = arguments.next() {
        let number = arguments.next().and_then(|number| number.parse().ok());
        match (name.as_str(), number) {
            ("--depth", Some(number)) => explore.depth = number,
            ("--states", Some(number)) => explore.states = number,
            ("--threads", Some(number)) => explore.threads = number,
            _ => {
                eprintln!("usage: explore [--depth N] [--states N] [--threads N]");
                return ExitCode::from(2);
            }
        }
    }
    let started = Instant::now();
    let report = explore.run(|level| println!("{level}"));
    println!("{report}, in {:.1} s", started.elapsed().as_secs_f64());
    let Some(counterexample) = report.counterexample else { return ExitCode::SUCCESS };
    println!("\n{counterexample}");
    ExitCode::FAILURE
}
