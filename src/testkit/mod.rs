//! For tests of your own: an environment in virtual time, inputs of every kind, and what has to hold whatever happens.
//!
#![doc = include_str!("GUIDE.md")]

/// Equality and hash of a type whose `what_matters` says what decides over both.
macro_rules! same_by_what_matters {
    ($type:ty) => {
        impl PartialEq for $type {
            fn eq(&self, other: &Self) -> bool {
                self.what_matters() == other.what_matters()
            }
        }

        impl Eq for $type {}

        impl core::hash::Hash for $type {
            fn hash<H: core::hash::Hasher>(&self, state: &mut H) {
                self.what_matters().hash(state);
            }
        }
    };
}
use same_by_what_matters;

#[cfg(feature = "arbitrary")]
mod arbitrary;
pub mod explore;
pub mod frames;
mod harness;
pub mod machine;
pub(crate) mod model;
mod scenario;
pub mod session;
#[cfg(feature = "proptest")]
#[cfg_attr(docsrs, doc(cfg(feature = "proptest")))]
pub mod strategies;

pub use harness::*;
pub use model::{Invariant, Model, Violation};
pub use scenario::Scenario;
