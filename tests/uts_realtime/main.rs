//! The Universal Test Specifications of Ably (repository `ably/specification`, folder `uts/realtime/unit`), each test
//! under its id, on [`ably_auth::Session`] through its public surface. Where they and the specification contradict
//! each other, or where a case does not apply as it stands, the comment says what was chosen.
#![cfg(feature = "testkit")]

#[path = "../common/mod.rs"]
mod common;

/// A client as these tests have it.
type Client = ably_auth::testkit::Harness<ably_auth::Session>;

mod auth_callback_errors;
mod auto_connect;
mod backoff_jitter;
mod connection_auth;
mod connection_failures;
mod connection_id_key;
mod connection_open_failures;
mod connection_recovery;
mod error_reason;
mod fallback_hosts;
mod forwards_compatibility;
mod heartbeat;
mod network_change;
mod realtime_authorize;
mod server_initiated_reauth;
mod token_expiry_non_renewable;
mod update_events;
