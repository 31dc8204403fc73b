//! The property tests' and fuzz targets' common ground; no part of the crate's interface.
//!
//! A [`Scenario`] is a client and a sequence of [`Op`]s. [`run`] performs them on a machine whose environment is
//! made of virtual time and a palette of answers, and checks the design's ten invariants after each step. Then it
//! lets everything come to its end in three ways (all answers come, all fail, none comes), after which nothing may
//! be left.
//!
//! [`session`] has the like for a session, from [`testkit`](crate::testkit).
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
mod invariants;
mod lines;
mod ops;
mod options;
mod palette;
mod pending;
#[cfg(feature = "sandbox")]
pub mod sandbox;
pub mod session;
mod world;

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use arbitrary::{Arbitrary as _, Unstructured};

use crate::AuthMachine;
use invariants::Broken;
use world::{Ending, World};

pub use answers::answers;
pub use capability::capability;
pub use differential::{Differential, differential};
pub use lines::lines;
pub use ops::*;
pub use options::options;

/// An invariant that a scenario broke.
#[derive(Clone, Debug)]
pub struct Violation {
    /// Its number in the design.
    pub invariant: u8,
    /// What happened.
    pub what: String,
    /// The ops up to it.
    pub ops: Vec<Op>,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "invariant {} is broken: {}\nafter", self.invariant, self.what)?;
        self.ops.iter().try_for_each(|op| writeln!(f, "    {op:?}"))
    }
}

/// Performs a scenario. The result is the machines that are left at its three ends, or none where the options were
/// refused.
pub fn run(scenario: &Scenario) -> Result<Vec<AuthMachine>, Violation> {
    let violation = |done: usize, during: &str| {
        let ops = scenario.ops[..done].to_vec();
        let during = String::from(during);
        move |Broken { invariant, what }| Violation { invariant, what: format!("{what}{during}"), ops }
    };
    let Ok(mut world) = World::new(&scenario.client).map_err(violation(0, " (at construction)"))? else {
        return Ok(Vec::new());
    };
    for (index, op) in scenario.ops.iter().enumerate() {
        world.perform(op).map_err(violation(index + 1, ""))?;
    }
    [Ending::Answers, Ending::Failures, Ending::Silence]
        .into_iter()
        .map(|ending| {
            let mut world = world.clone();
            let during = format!(" (at the end: {ending:?})");
            world.finish(ending).map_err(violation(scenario.ops.len(), &during))?;
            Ok(world.into_machine())
        })
        .collect()
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
