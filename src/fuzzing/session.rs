//! The body of the fuzz target `session`: see [`testkit::session`](crate::testkit::session).

use crate::testkit::session;

pub use session::Scenario;

/// As many ops as a fuzzer's input may hold.
const MAX_OPS: usize = super::MAX_OPS;

/// Performs a scenario.
///
/// # Panics
///
/// Where an invariant does not hold.
pub fn run(scenario: &Scenario) {
    let ops = scenario.ops.iter().take(MAX_OPS).copied().collect();
    if let Err(violation) = session::run(&Scenario { client: scenario.client.clone(), ops }) {
        panic!("{violation}\n{scenario:#?}");
    }
}
