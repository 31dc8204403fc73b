//! For tests of your own: an environment in virtual time, inputs of every kind, and what has to hold whatever happens.
//!
#![doc = include_str!("GUIDE.md")]

#[cfg(feature = "arbitrary")]
mod arbitrary;
pub mod explore;
pub mod frames;
mod harness;
pub mod machine;
pub(crate) mod model;
pub mod session;
#[cfg(feature = "proptest")]
#[cfg_attr(docsrs, doc(cfg(feature = "proptest")))]
pub mod strategies;

pub use harness::*;
pub use model::{Invariant, Model, Violation};
