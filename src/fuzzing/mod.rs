//! The property tests' and fuzz targets' common ground; no part of the crate's interface.
//!
//! A [`Scenario`] is a client and a sequence of [`Op`]s. [`run`] performs them in the machine's world of
//! [`testkit`](crate::testkit::machine), beside a twin. Then it lets everything come to its end in three ways (all answers
//! come, all fail, none comes), after which nothing may be left.
//!
//! [`session`] has the like for a session.
//!
//! `sandbox`, which there is with that feature, is about the embedded server.
//!
//! [`fn@answers`] gives arbitrary bytes to everything that reads what came from outside, [`fn@lines`] to the driver of a
//! trace, [`fn@options`] to what a client is configured with, [`fn@capability`] to capabilities; [`fn@differential`]
//! compares signing and encoding with other implementations.

#![allow(clippy::missing_errors_doc, reason = "no part of the interface")]

mod answers;
mod capability;
mod differential;
mod lines;
mod options;
#[cfg(feature = "sandbox")]
pub mod sandbox;
pub mod session;

use alloc::vec::Vec;
use core::fmt;

use arbitrary::{Arbitrary as _, Unstructured};

use crate::AuthMachine;
use crate::testkit;
use crate::testkit::machine::{Ending, World};

pub use answers::answers;
pub use capability::capability;
pub use differential::{Differential, differential};
pub use lines::lines;
pub use options::options;
pub use testkit::machine::{Command, Op, Params, Punctuality, RejectedToken, Scenario, Stray};
pub use testkit::session::{
    Auth, CallbackAnswer, Client, HttpAnswer, Identity, Life, Reason, Source, Status, Target, WrongValue,
};

/// An invariant that a scenario broke.
#[derive(Clone, Debug)]
pub struct Violation {
    /// What does not hold.
    pub violation: testkit::Violation,
    /// The ops up to it.
    pub ops: Vec<Op>,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}\nafter", self.violation)?;
        self.ops.iter().try_for_each(|op| writeln!(f, "    {op:?}"))
    }
}

/// Performs a scenario. The result is the machines that are left at its three ends, or none where the options were
/// refused.
pub fn run(scenario: &Scenario) -> Result<Vec<AuthMachine>, Violation> {
    let after = |done: usize| move |violation| Violation { violation, ops: scenario.ops[..done].to_vec() };
    // Twice, so that what one machine does is no surprise in the other.
    let new = || World::new(&scenario.client).map_err(after(0));
    let mut world = match (new()?, new()?) {
        (Some(world), Some(twin)) => world.with_twin(twin),
        (None, None) => return Ok(Vec::new()),
        _ => {
            let what = "the same options are accepted once and refused once".into();
            return Err(after(0)(testkit::Violation { invariant: testkit::Invariant::SamePastSameFuture, what }));
        }
    };
    for (index, op) in scenario.ops.iter().enumerate() {
        world.apply(*op).map_err(after(index + 1))?;
    }
    let end = |ending| {
        let mut world = world.clone();
        world.finish(ending).map_err(after(scenario.ops.len()))?;
        Ok(world.machine().clone())
    };
    Ending::ALL.into_iter().map(end).collect()
}

/// As many ops as a fuzzer's input may hold.
const MAX_OPS: usize = 64;

impl Scenario {
    /// The scenario that a fuzzer's bytes stand for.
    pub fn from_bytes(bytes: &[u8]) -> Option<Scenario> {
        let mut scenario = Scenario::arbitrary_take_rest(Unstructured::new(bytes)).ok()?;
        scenario.ops.truncate(MAX_OPS);
        Some(scenario)
    }
}
