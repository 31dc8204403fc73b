//! What tests in virtual time have in common, beside the testkit.

#![allow(dead_code, unreachable_pub, unused_imports, reason = "several test crates share it, and each uses its part")]

mod messages;

pub(crate) use crate::Client;
pub use ably_auth::testkit::frames::*;
pub use ably_auth::testkit::*;
pub use messages::*;
