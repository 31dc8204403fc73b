//! What a session does beyond the Universal Test Specifications, and where they leave it open: one test a rule,
//! through the public surface, in virtual time.

#[path = "../uts_realtime/harness/mod.rs"]
mod harness;

mod attempts;
mod authorize;
mod authorize_failures;
mod closing;
mod connect_url;
mod fallback;
mod frames;
mod identity;
mod reauth;
mod renewal;
mod surface;
mod suspended;
