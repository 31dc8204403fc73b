//! The Universal Test Specifications of Ably (repository `ably/specification`, folder `uts/rest/unit`), each test
//! under its id. Where they and the specification contradict each other the comment says what was chosen.
#![cfg(feature = "testkit")]

#[path = "../common/mod.rs"]
mod common;

/// A client as these tests have it.
type Client = ably_auth::testkit::Harness<ably_auth::AuthMachine>;

mod auth_callback;
mod auth_scheme;
mod authorize;
mod client_id;
mod endpoints;
mod fallback;
mod rest_client;
mod revoke_tokens;
mod time;
mod token_details;
mod token_params;
mod token_renewal;
mod token_types;
