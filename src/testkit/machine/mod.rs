//! A machine's whole world in virtual time: what can happen to it, one [`Op`] after the other.
//!
//! A [`World`] holds an [`AuthMachine`](crate::AuthMachine) and plays what is around it: sources of tokens, the service,
//! an application, two clocks, and from its first [`Op::Connection`] on a connection of the environment's own. After
//! each input it checks the invariants that hold for a machine alone ([`Invariant`](super::Invariant) 1 to 10); what does
//! not hold is the [`Violation`](super::Violation) that [`World::apply`] returns. [`World::finish`] lets everything come
//! to its end, after which nothing may be left.
//!
//! An op names what it concerns by position (`nth` of what is pending), never by id: any sequence of ops makes sense for
//! any machine, so that a fuzzer can mutate one and a property test can shrink it. With the feature `arbitrary` ops are
//! made of bytes.
//!
//! ```
//! use ably_auth::testkit::machine::{Command, Ending, Op, World};
//! use ably_auth::testkit::session::{CallbackAnswer, Client, Source};
//!
//! let mut world = World::new(&Client::new(Source::Callback))?.expect("options that are accepted");
//! world.apply(Op::Command(Command::Request))?;
//! world.apply(Op::Return { nth: 0, answer: CallbackAnswer::TokenText })?;
//! assert!(world.machine().token_details().is_some());
//! world.finish(Ending::Answers)?;
//! # Ok::<(), ably_auth::testkit::Violation>(())
//! ```

mod ops;
mod palette;
mod pending;
mod perform;
mod watch;
mod world;

pub use ops::{Command, Op, Params, Punctuality, RejectedToken, Scenario, Stray};
#[cfg(feature = "__fuzzing")]
pub(crate) use world::drain;
pub use world::{Ending, World};
