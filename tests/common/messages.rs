//! Values that many tests have.

use ably_auth::Error;
use ably_auth::options::AuthOptions;
use ably_auth::testkit::{Answer, ably_error, error, respond};
use ably_auth::wire::{TokenDetails, TokenParams, TokenRequest};
use serde_json::{Value, json};

pub const HOUR: i64 = 3_600_000;

/// The key of the harness, as basic auth has it.
pub const KEY_AS_BASIC: &str = "Basic YXBwSWQua2V5SWQ6a2V5U2VjcmV0";

pub fn ok(body: Value) -> Answer {
    respond(200, body)
}

/// The error of a token that the service no longer takes.
pub fn token_expired() -> Answer {
    ably_error(401, 40142, "Token expired")
}

/// An error that is only a message, as of a callback that throws.
pub fn plain_error(message: &str) -> Error {
    error(json!({ "message": message }))
}

pub fn token_details(json: Value) -> TokenDetails {
    TokenDetails::from_json(&json).expect("a TokenDetails")
}

pub fn token_request(json: Value) -> TokenRequest {
    TokenRequest::from_json(&json).expect("a TokenRequest")
}

pub fn token_params(json: Value) -> TokenParams {
    TokenParams::from_json(&json).expect("TokenParams")
}

pub fn auth_options(json: Value) -> AuthOptions {
    AuthOptions::from_json(&json).expect("AuthOptions")
}

/// Code and status code, for comparing with what is written `code/statusCode`.
pub fn codes(error: &Error) -> (u32, u16) {
    (error.code(), error.status_code())
}

/// Asserts that a message says all of these.
#[track_caller]
pub fn assert_says(error: &Error, parts: &[&str]) {
    for part in parts {
        assert!(error.message().contains(part), "{part:?} is not in the message {:?}", error.message());
    }
}
