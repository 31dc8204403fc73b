//! For tests of your own: an environment in virtual time, and what has to hold whatever happens.

pub mod explore;
pub mod frames;
mod harness;
pub(crate) mod model;
pub mod session;

pub use harness::*;
pub use model::{Invariant, Model, Violation};
