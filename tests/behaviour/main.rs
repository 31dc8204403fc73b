//! What the Auth object does beyond the Universal Test Specifications, and where they leave it open: one test a
//! rule, through the public surface, in virtual time.
#![cfg(feature = "testkit")]

#[path = "../common/mod.rs"]
mod common;

/// A client as these tests have it.
type Client = ably_auth::testkit::Harness<ably_auth::AuthMachine>;

mod attached_authorize;
mod attached_connection;
mod attached_renewal;
mod auth_url;
mod auth_url_answers;
mod authorize;
mod cancel;
mod clocks;
mod errors;
mod exchange;
mod expiry;
mod forms;
mod hosts;
mod identity;
mod options;
mod renewal;
mod requests;
mod revocation;
mod signing;
mod sources;
mod surface;
mod verifying;
