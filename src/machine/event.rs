//! What the machine is told.

use alloc::string::String;

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use crate::base::{CallbackId, ConnectionState, HttpId};
use crate::http::{HttpFailure, HttpResponse};
use crate::wire::wiped;
use crate::wire::{ConnectionDetails, Error, Secret, TokenDetails, TokenRequest};

/// Something that happened outside.
///
/// The serde form is that of a drive line's kind, such as `{"httpFailed": {"id": 1, "kind": "timeout"}}`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub enum Event {
    /// An HTTP request got a response, whatever its status, and its body has been read to the end, or as far as
    /// the environment's limit.
    HttpResponse {
        /// Which attempt.
        id: HttpId,
        /// What came back.
        #[serde(flatten)]
        response: HttpResponse,
    },
    /// An HTTP request got no response.
    HttpFailed {
        /// Which attempt.
        id: HttpId,
        /// Why.
        #[serde(flatten)]
        failure: HttpFailure,
    },
    /// An auth callback has returned (`RSA8d`).
    CallbackResult {
        /// Which call.
        id: CallbackId,
        /// What it returned.
        #[serde(flatten)]
        value: CallbackValue,
    },
    /// An auth callback has failed.
    CallbackFailed {
        /// Which call.
        id: CallbackId,
        /// Why. An error with a code is Ably's and passed through; without one (0) it becomes 40170 (`RSA4e`).
        error: Error,
    },
    /// The environment knows that the current token has expired.
    TokenExpired {},
    /// A request that someone else made with this token got a token error (`RSC10`).
    TokenRejected {
        /// The token it was made with. If it is no longer the current one, nothing changes.
        token: Secret,
        /// What the server said.
        error: Error,
    },
    /// The connection that the environment owns has changed. The first such event attaches the machine to it.
    Connection(ConnectionEvent),
    /// The server asks the connection to authenticate anew, by an AUTH message (`RTN22`).
    ReauthRequested {},
}

/// What an auth callback may return (`RSA8d`, `TO3j5`).
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub enum CallbackValue {
    /// A token string, Ably's or a JWT.
    Token(Secret),
    /// A token and what is known about it.
    TokenDetails(TokenDetails),
    /// A signed request, to be exchanged for a token.
    TokenRequest(TokenRequest),
    /// A value of a dynamic language, to be told apart here: an object with `token` is a `TokenDetails`, one
    /// without a `TokenRequest`, a string is a token; anything else is refused.
    Json(OpaqueJson),
}

impl From<&str> for CallbackValue {
    fn from(token: &str) -> Self {
        CallbackValue::Token(token.into())
    }
}

impl From<String> for CallbackValue {
    fn from(token: String) -> Self {
        CallbackValue::Token(token.into())
    }
}

impl From<Secret> for CallbackValue {
    fn from(token: Secret) -> Self {
        CallbackValue::Token(token)
    }
}

impl From<TokenDetails> for CallbackValue {
    fn from(details: TokenDetails) -> Self {
        CallbackValue::TokenDetails(details)
    }
}

impl From<TokenRequest> for CallbackValue {
    fn from(request: TokenRequest) -> Self {
        CallbackValue::TokenRequest(request)
    }
}

impl From<Value> for CallbackValue {
    fn from(value: Value) -> Self {
        CallbackValue::Json(OpaqueJson(value))
    }
}

/// A JSON value that `Debug` does not show, and whose texts are wiped on drop: it may hold a token.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct OpaqueJson(pub Value);

impl Drop for OpaqueJson {
    fn drop(&mut self) {
        wiped::wipe(&mut self.0);
    }
}

impl core::fmt::Debug for OpaqueJson {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("[redacted]")
    }
}

impl<'de> Deserialize<'de> for CallbackValue {
    /// A malformed object is kept as JSON: it is the callback's mistake, which the machine answers for.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        enum Wire {
            Token(Secret),
            TokenDetails(Value),
            TokenRequest(Value),
            Json(Value),
        }

        Ok(match Wire::deserialize(deserializer)? {
            Wire::Token(token) => Self::Token(token),
            Wire::TokenDetails(value) => match TokenDetails::from_json(&value) {
                Ok(details) => Self::TokenDetails(details),
                Err(_) => Self::Json(OpaqueJson(value)),
            },
            Wire::TokenRequest(value) => match TokenRequest::from_json(&value) {
                Ok(request) => Self::TokenRequest(request),
                Err(_) => Self::Json(OpaqueJson(value)),
            },
            Wire::Json(value) => Self::Json(OpaqueJson(value)),
        })
    }
}

/// A change of the connection that the environment owns.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct ConnectionEvent {
    /// The state it is in now (`RTN4`).
    pub state: ConnectionState,
    /// Whether it stays connected: a CONNECTED message while connected (`RTN24`).
    #[serde(default, skip_serializing_if = "is_false")]
    pub update: bool,
    /// What the CONNECTED message said (`CD2`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connection_details: Option<ConnectionDetails>,
    /// Why it changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Error>,
    /// The host it is connected to, where that is known (`RTN17e`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
}

impl ConnectionEvent {
    /// A change to a state, without more.
    pub fn new(state: ConnectionState) -> Self {
        ConnectionEvent { state, update: false, connection_details: None, reason: None, host: None }
    }
}

fn is_false(value: &bool) -> bool {
    !value
}
