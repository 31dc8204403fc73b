//! The example `soak`, short: fifty clients on a server that misbehaves, for some seconds.
#![cfg(all(feature = "tokio", feature = "sandbox"))]

#[path = "../examples/soak/mod.rs"]
mod soak;

/// Run with `--nocapture` to see the figures.
#[tokio::test(flavor = "multi_thread")]
async fn fifty_clients_survive_a_server_that_misbehaves_and_leave_nothing_behind() {
    match soak::run(&soak::Plan { sessions: 50, seconds: 4, rounds: 2, seed: 1 }).await {
        Ok(report) => println!("{report}"),
        Err(problem) => panic!("{problem}"),
    }
}
