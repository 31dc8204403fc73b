//! What holds for a session whatever happens to it, in whatever order.
//!
//! A [`World`] plays what is around a session, in virtual time, and panics where something does not hold after a step:
//!
//! - an operation completes exactly once; nothing but time is needed for that in the end;
//! - a state that is not a resting one has a deadline, and is left when time passes;
//! - one socket at a time; none in closed and failed, nor while waiting for the next attempt;
//! - it connects, and sends AUTH, with no token that the service has rejected, unless the source returned it again;
//!   a rejected token is none in the view;
//! - changes of the state follow each other as the specification has them, and agree with the views;
//! - after a timeout the next deadline is later; nothing hides until then;
//! - an input has few actions, and asks at most once for a token;
//! - the same seed and inputs give the same session and actions; nothing shows a secret.

mod checks;
mod ops;
mod world;

pub use ops::{Frame, Op, Scenario};
pub use world::World;

/// Performs a scenario, twice side by side, and then lets time pass until every operation has ended.
pub fn run(scenario: &Scenario) {
    let new = || World::new(&scenario.client);
    let (Some(mut world), Some(mut twin)) = (new(), new()) else { return };
    for op in scenario.ops.iter().take(super::MAX_OPS) {
        world.apply(*op);
        twin.apply(*op);
        world.check_equals(&twin);
    }
    world.come_to_rest();
}
