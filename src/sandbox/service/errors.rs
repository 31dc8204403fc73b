//! The service's refusals, as its documentation and its answers word them.

use alloc::format;
use core::fmt::Display;

use crate::sandbox::choices::Code;
use crate::wire::{Error, ErrorKind};

/// One way in which the service says no.
#[derive(Clone, Copy)]
pub(super) struct Refusal {
    code: Code,
    message: &'static str,
}

impl Refusal {
    pub(super) const fn new(code: Code, message: &'static str) -> Self {
        Refusal { code, message }
    }

    const fn of(code: u32, status: u16, message: &'static str) -> Self {
        Refusal::new(Code::new(code, status), message)
    }

    pub(super) fn error(self) -> Error {
        Error::new(ErrorKind::Rejected, self.code.code, self.code.status, self.message)
    }

    /// With what exactly is wrong behind the fixed text. It must not be secret.
    pub(super) fn because(self, what: impl Display) -> Error {
        Error::new(ErrorKind::Rejected, self.code.code, self.code.status, format!("{}{what}", self.message))
    }
}

pub(super) const INVALID_CAPABILITY: Refusal = Refusal::of(40000, 400, "invalid capability");
pub(super) const INVALID_BODY: Refusal = Refusal::of(40001, 400, "invalid request body: ");
pub(super) const UNKNOWN_TARGET: Refusal = Refusal::of(40001, 400, "invalid target specifier");
pub(super) const INVALID_PARAM: Refusal = Refusal::of(40003, 400, "Invalid value for ");
pub(super) const INVALID_TTL: Refusal = Refusal::of(40003, 400, "Invalid value for ttl");
pub(super) const EXCESSIVE_TTL: Refusal = Refusal::of(40003, 400, "Excessive value for TTL");
pub(super) const EXCESSIVE_REVOCABLE_TTL: Refusal =
    Refusal::of(40003, 400, "Excessive value for TTL (revocation is enabled on this key)");
// The service quotes what it was given. Here that stays out: it may be most of a secret.
pub(super) const INVALID_KEY: Refusal = Refusal::of(40005, 400, "Invalid key in request: [redacted]");
pub(super) const INVALID_TOKEN: Refusal = Refusal::of(40005, 400, "Invalid accessToken in request: [redacted]");
pub(super) const UNKNOWN_FORMAT: Refusal = Refusal::of(40000, 400, "unknown format; expected json or msgpack");
pub(super) const INVALID_FAULT: Refusal = Refusal::of(40000, 400, "this effect cannot happen to what would meet it");
pub(super) const TOO_MANY_FAULTS: Refusal = Refusal::of(40000, 400, "too many faults");
pub(super) const INVALID_MESSAGES: Refusal = Refusal::of(40000, 400, "messages: expected an array of objects");
pub(super) const MESSAGE_TOO_LARGE: Refusal = Refusal::of(40009, 413, "maximum message length exceeded");
pub(super) const FRAME_TOO_LARGE: Refusal = Refusal::of(40009, 413, "maximum frame size exceeded");
pub(super) const BODY_TOO_LARGE: Refusal = Refusal::of(40009, 413, "maximum size of a request body exceeded");
pub(super) const INVALID_CHANNEL: Refusal = Refusal::of(40010, 400, "invalid channel name");
pub(super) const INVALID_CLIENT_ID: Refusal = Refusal::of(40012, 400, "invalid clientId");
pub(super) const JWT_CLIENT_ID: Refusal = Refusal::of(40012, 400, "Invalid token; clientId must be a string");
pub(super) const INVALID_VERSION: Refusal = Refusal::of(40017, 400, "invalid protocol version");
pub(super) const BATCH_INCLUDES_ERRORS: Refusal = Refusal::of(40020, 400, "Batched response includes errors");
pub(super) const FORCED_NACK: Refusal = Refusal::of(40099, 400, "the request asked to be refused");
pub(super) const NO_CREDENTIALS: Refusal = Refusal::of(40101, 401, "no credentials provided");
pub(super) const INVALID_CREDENTIALS: Refusal = Refusal::of(40101, 401, "Invalid credentials");
pub(super) const NO_APP_ID: Refusal =
    Refusal::of(40101, 401, "unable to handle request; no application id found in request");
pub(super) const MAC_MISMATCH: Refusal = Refusal::of(40101, 401, "Request mac does not match");
pub(super) const MAC_MISSING: Refusal = Refusal::of(40101, 401, "Request mac not provided");
pub(super) const CLIENT_ID_OF_OTHER_CREDENTIALS: Refusal = Refusal::of(40102, 401, "invalid clientId for credentials");
pub(super) const INCOMPATIBLE_CREDENTIALS: Refusal =
    Refusal::of(40102, 401, "the credentials are not compatible with those of the connection");
pub(super) const KEY_OF_ANOTHER_APP: Refusal = Refusal::of(40102, 401, "the key belongs to another app");
pub(super) const BASIC_WITHOUT_TLS: Refusal =
    Refusal::of(40103, 401, "Invalid use of Basic authentication over non-TLS transport");
pub(super) const TIMESTAMP_NOT_CURRENT: Refusal = Refusal::of(40104, 401, "Timestamp not current");
pub(super) const NONCE_REPLAYED: Refusal = Refusal::of(40105, 401, "Nonce value replayed");
pub(super) const NONCE_MISSING: Refusal = Refusal::of(40105, 401, "Nonce not provided");
pub(super) const TOO_MANY_CONNECTIONS: Refusal = Refusal::of(40111, 403, "too many connections");
pub(super) const REVOCATION_OFF: Refusal = Refusal::of(40121, 401, "token revocation is not enabled");
pub(super) const TOO_MANY_APPS: Refusal = Refusal::of(40128, 403, "too many apps");
pub(super) const KEY_REVOKED: Refusal = Refusal::of(40131, 401, "key/token status changed (revoke)");
pub(super) const KEY_EXPIRED: Refusal = Refusal::of(40132, 401, "key/token status changed (expire)");
pub(super) const WRONG_KEY_FOR_REVOCATION: Refusal =
    Refusal::of(40133, 401, "Can only revoke tokens using the same key that issued them");
pub(super) const TOKEN_REVOKED: Refusal = Refusal::of(40141, 401, "token revoked");
pub(super) const TOKEN_EXPIRED: Refusal = Refusal::of(40142, 401, "Token expired");
pub(super) const TOKEN_UNRECOGNIZED: Refusal = Refusal::of(40143, 401, "token unrecognized");
pub(super) const INVALID_JWT: Refusal = Refusal::of(40144, 401, "Unexpected exception decoding token; err = ");
pub(super) const MISSING_CLAIM: Refusal = Refusal::of(40144, 400, "Invalid token; ");
pub(super) const NO_COMMON_CAPABILITY: Refusal = Refusal::of(40160, 401, "Key does not support requested capabilities");
pub(super) const CAPABILITY_LACKING: Refusal =
    Refusal::of(40160, 401, "Given credentials do not have the required capability");
pub(super) const CHANNEL_DENIED: Refusal =
    Refusal::of(40160, 401, "Channel denied access based on given capability; channelId = ");
pub(super) const PUBLISH_DENIED: Refusal =
    Refusal::of(40160, 401, "Unable to publish a message due to lacking the required 'publish' capability");
pub(super) const PRESENCE_DENIED: Refusal =
    Refusal::of(40160, 401, "Unable to perform a presence operation due to lacking the required 'presence' capability");
pub(super) const BASIC_AUTH_REQUIRED: Refusal = Refusal::of(40162, 401, "operation requires basic authentication");
pub(super) const UNKNOWN_APP: Refusal = Refusal::of(40400, 404, "No application found with id ");
pub(super) const UNKNOWN_KEY: Refusal = Refusal::of(40400, 401, "No key found with name ");
pub(super) const UNKNOWN_PATH: Refusal = Refusal::of(40400, 404, "Could not find path: ");
pub(super) const TOO_MANY_REVOCATIONS: Refusal = Refusal::of(42910, 429, "too many revocations are in effect");
pub(super) const NOT_RESUMABLE: Refusal = Refusal::of(80018, 400, "invalid connection key: [redacted]");
pub(super) const UNSUPPORTED_VERSION: Refusal = Refusal::of(80024, 400, "the protocol version is no longer supported");
pub(super) const TOO_MANY_CHANNELS: Refusal =
    Refusal::of(90010, 400, "maximum number of channels per connection exceeded");
