//! The sandbox's service under fire: requests, WebSockets and frames, well-formed or not, while time passes.
//!
//! A [`Scenario`] is a sequence of [`Step`]s. Whoever comes has good keys and tokens at hand, so that what he sends is
//! not always refused at the door, and bad ones, which must be. [`run`] holds the service to its promises:
//!
//! - it answers every request, and an error is a well-formed one that shows no secret;
//! - a token is issued for a request whose MAC is right by another implementation of HMAC, or to the key itself;
//! - forged credentials open nothing;
//! - a transport that is opened is told something, and has one end;
//! - what is due is done, and what the service remembers is bounded.

mod checks;
mod forge;
mod ops;
mod world;

pub use ops::*;

use world::World;

/// As many steps as a fuzzer's input may hold.
const MAX_STEPS: usize = 64;

/// Takes the steps. Panics where something does not hold.
pub fn run(scenario: &Scenario) {
    let mut world = World::new();
    for step in scenario.steps.iter().take(MAX_STEPS) {
        world.take(step);
        world.check();
    }
    world.finish();
}
