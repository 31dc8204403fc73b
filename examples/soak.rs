//! Soaks many clients in a server that misbehaves, and says what it cost and what was left behind: see `soak/mod.rs`.
//!
//! `cargo run --release --all-features --example soak -- --seconds 60 --sessions 1000 --seed 1`

#[path = "soak/mod.rs"]
mod soak;

use std::process::ExitCode;

use soak::Plan;

const USAGE: &str = "usage: soak [--seconds N] [--sessions N] [--rounds N] [--seed N]";

#[tokio::main]
async fn main() -> ExitCode {
    let mut plan = Plan { sessions: 1_000, seconds: 60, rounds: 6, seed: 1 };
    let mut arguments = std::env::args().skip(1);
    while let Some(name) = arguments.next() {
        let number = arguments.next().and_then(|number| number.parse::<u32>().ok());
        match (name.as_str(), number) {
            ("--seconds", Some(number)) => plan.seconds = number,
            ("--sessions", Some(number @ 1..)) => plan.sessions = number,
            ("--rounds", Some(number @ 2..)) => plan.rounds = number,
            ("--seed", Some(number)) => plan.seed = number.into(),
            _ => {
                eprintln!("{USAGE}");
                return ExitCode::from(2);
            }
        }
    }
    match soak::run(&plan).await {
        Ok(report) => {
            println!("\n{report}");
            ExitCode::SUCCESS
        }
        Err(problem) => {
            eprintln!("soak: {problem}");
            ExitCode::FAILURE
        }
    }
}
