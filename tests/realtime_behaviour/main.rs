//! What a session does beyond the Universal Test Specifications, and where they leave it open: one test a rule,
//! through the public surface, in virtual time.
#![cfg(feature = "testkit")]

#[path = "../common/mod.rs"]
mod common;

/// A client as these tests have it.
type Client = ably_auth::testkit::Harness<ably_auth::Session>;

mod attempts;
mod authorize;
mod authorize_failures;
mod closing;
mod connect_url;
mod fallback;
mod frames;
mod identity;
mod machine;
mod reauth;
mod renewal;
mod surface;
mod suspended;
