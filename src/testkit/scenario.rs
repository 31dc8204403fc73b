//! A client and what happens to it.

use alloc::vec::Vec;

#[cfg(feature = "arbitrary")]
use arbitrary::Arbitrary;

use super::session::Client;

/// A client and what happens to it.
#[cfg_attr(feature = "arbitrary", derive(Arbitrary))]
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Scenario<Op> {
    /// How the client is configured.
    pub client: Client,
    /// What then happens, one after the other.
    pub ops: Vec<Op>,
}
