//! A session's whole world in virtual time: what can happen to it, one [`Op`] after the other.
//!
//! A [`World`] holds a [`Session`](crate::Session) and plays what is around it: sockets, a server, sources of tokens, an
//! application, two clocks. It has a [`Model`](super::Model) watch the session; what the model does not accept is the
//! [`Violation`] that [`World::apply`] returns. An op names no ids: any sequence of ops makes sense for any session, so
//! that a fuzzer can mutate one and a property test can shrink it. With the feature `arbitrary` ops are made of bytes.
//!
//! ```
//! use ably_auth::testkit::session::{CallbackAnswer, Client, Frame, Op, Source, World};
//!
//! let mut world = World::new(&Client::new(Source::Callback)).expect("options that are accepted");
//! world.apply(Op::Connect)?;
//! world.apply(Op::Return(CallbackAnswer::TokenText))?;
//! world.apply(Op::Open)?;
//! world.apply(Op::Receive(Frame::Connected))?;
//! assert!(world.is_connected());
//! # Ok::<(), ably_auth::testkit::Violation>(())
//! ```

mod ops;
pub(crate) mod palette;
mod perform;
mod values;
mod world;

use super::Violation;

pub use ops::{Frame, Op, Scenario};
pub use values::{
    Auth, CallbackAnswer, Client, HttpAnswer, Identity, Life, Reason, Source, Status, Target, WrongValue,
};
pub use world::World;

/// Performs a scenario, twice side by side, and then lets time pass until every operation has ended. Where the options
/// are refused there is nothing to perform.
///
/// # Errors
///
/// The first violation.
pub fn run(scenario: &Scenario) -> Result<(), Violation> {
    let new = || World::new(&scenario.client);
    let (Some(mut world), Some(mut twin)) = (new(), new()) else { return Ok(()) };
    for op in &scenario.ops {
        world.apply(*op)?;
        twin.apply(*op)?;
        world.check_equals(&twin)?;
    }
    world.come_to_rest()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testkit::Invariant;

    #[test]
    fn sessions_with_different_pasts_are_told_apart() {
        let new = || World::new(&Client::new(Source::Callback)).expect("options");
        let (mut world, twin) = (new(), new());
        assert_eq!(world.check_equals(&twin), Ok(()));
        world.apply(Op::Connect).expect("it connects");
        let refused = world.check_equals(&twin).map_err(|violation| violation.invariant);
        assert_eq!(refused, Err(Invariant::SamePastSameFuture));
    }
}
