//! What the machine wants done.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::sync::Arc;
use core::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::ser::SerializeMap as _;
use serde::{Serialize, Serializer};
use zeroize::Zeroizing;

use crate::base::{CallbackId, HttpId, Notice, OperationId};
use crate::http::{HttpRequest, HttpResponse};
use crate::options::ApiKey;
use crate::wire::{BatchResult, Error, Secret, TokenDetails, TokenParams, TokenRequest, TokenRevocationResult};

/// Something the environment shall do, in the order of [`poll_action`](crate::AuthMachine::poll_action).
///
/// The serde form is that of the drive format, such as `{"abortHttp": {"id": 1}}`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
#[non_exhaustive]
pub enum Action {
    /// Send an HTTP request and report `HttpResponse` or `HttpFailed` with its id.
    SendHttp {
        /// This attempt's id.
        id: HttpId,
        /// What to send. Follow no redirect.
        request: HttpRequest,
        /// How long the whole attempt may take, in milliseconds. The machine keeps this time itself, and emits
        /// `AbortHttp` when it is over.
        timeout: u32,
        /// How long opening the connection may take, in milliseconds (`TO3l3`); the environment keeps this time.
        open_timeout: u32,
        /// How many bytes of the response's body are worth reading. Of a longer one, report any more than this.
        #[serde(skip)]
        body_limit: usize,
        /// The operation that this is for, if it is for one alone. Whoever waits for that operation may as well send
        /// the request: nobody else needs the answer.
        #[serde(skip)]
        operation: Option<OperationId>,
    },
    /// Give up an HTTP request; whatever is still reported for it is ignored.
    AbortHttp {
        /// The attempt.
        id: HttpId,
    },
    /// Call an auth callback and report `CallbackResult` or `CallbackFailed` with this id.
    InvokeCallback {
        /// This call's id.
        id: CallbackId,
        /// Which callback: the name given as the option `authCallback`.
        callback: String,
        /// What to ask for.
        token_params: TokenParams,
    },
    /// Send an AUTH message with this token over the connection (`RTC8a`).
    UpgradeConnection {
        /// The token.
        access_token: Secret,
    },
    /// Connect with the current credentials; ask for them with `credentials`.
    OpenConnection {},
    /// Stop the attempt to connect that is under way; another follows (`RTC8b`).
    HaltConnection {},
    /// Treat the connection, or the attempt at one, as lost; it may be retried (`RSA4c2`).
    DropConnection {
        /// Why.
        reason: Error,
    },
    /// Give the connection up for good (`RSA4d`, `RSA15c`).
    FailConnection {
        /// Why.
        reason: Error,
    },
    /// The library's token has changed (`RSA16`).
    TokenChanged {
        /// The token now in use, if any.
        token_details: Option<TokenDetails>,
    },
    /// Something worth a line in a log.
    Notice(Notice),
    /// An operation has ended.
    Complete {
        /// Which one.
        #[serde(rename = "op")]
        operation: OperationId,
        /// How.
        #[serde(flatten, serialize_with = "ok_or_error")]
        outcome: Result<Outcome, Error>,
    },
}

fn ok_or_error<S: Serializer>(outcome: &Result<Outcome, Error>, serializer: S) -> Result<S::Ok, S::Error> {
    let mut map = serializer.serialize_map(Some(1))?;
    match outcome {
        Ok(outcome) => map.serialize_entry("ok", outcome)?,
        Err(error) => map.serialize_entry("error", error)?,
    }
    map.end()
}

/// What an operation achieved.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub enum Outcome {
    /// Of `authorize` and `request_token`: the token. None after a switch to basic auth.
    TokenDetails(Option<TokenDetails>),
    /// Of `create_token_request`.
    TokenRequest(TokenRequest),
    /// Of `revoke_tokens`.
    BatchResult(BatchResult<TokenRevocationResult>),
    /// Of `request`.
    Response(Response),
    /// Of `credentials`.
    Credentials(Credentials),
    /// Of `time`: the server's time in milliseconds since the epoch.
    Time(i64),
    /// Of `cancel`.
    #[serde(untagged)]
    Cancelled {},
}

/// The service's answer to a request, whatever its status (`HP1`).
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Response {
    /// Status, headers and body.
    #[serde(flatten)]
    pub response: HttpResponse,
    /// Ably's error code, where the service gave one (`HP6`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_code: Option<u32>,
    /// Ably's error message, where the service gave one (`HP7`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_message: Option<String>,
}

/// What a request that someone else sends authenticates itself with. Cloning shares the text.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Credentials(Arc<CredentialsText>);

#[derive(PartialEq, Eq, Hash)]
struct CredentialsText {
    /// The value of the header; a token stands in it as it is.
    authorization: Secret,
    /// With basic auth.
    key: Option<ApiKey>,
    client_id_header: Option<Box<str>>,
}

const BEARER: &str = "Bearer ";

impl Credentials {
    pub(super) fn of_token(token: &Secret, client_id: Option<&str>) -> Self {
        Self::new(Secret::concat(&[BEARER, token.expose()]), None, client_id)
    }

    pub(super) fn of_key(key: &ApiKey, client_id: Option<&str>) -> Self {
        let encoded = Zeroizing::new(STANDARD.encode(key.expose()));
        Self::new(Secret::concat(&["Basic ", &encoded]), Some(key.clone()), client_id)
    }

    fn new(authorization: Secret, key: Option<ApiKey>, client_id: Option<&str>) -> Self {
        let client_id_header = client_id.map(|client_id| client_id_header(client_id).into());
        Credentials(Arc::new(CredentialsText { authorization, key, client_id_header }))
    }

    /// The value of the `Authorization` header: `Bearer ...` or `Basic ...` (`RSA3b`, `RSA11`).
    pub fn authorization(&self) -> &str {
        self.0.authorization.expose()
    }

    /// The token, with token auth: the param `accessToken` of a connect URL (`RSA3c`).
    pub fn access_token(&self) -> Option<&str> {
        self.authorization().strip_prefix(BEARER)
    }

    /// The key, with basic auth: the param `key` of a connect URL (`RTN2e`).
    pub fn key(&self) -> Option<&str> {
        self.0.key.as_ref().map(ApiKey::expose)
    }

    /// The value of the `X-Ably-ClientId` header, where there is one (`RSA7e2`).
    pub fn client_id_header(&self) -> Option<&str> {
        self.0.client_id_header.as_deref()
    }
}

/// The value of the `X-Ably-ClientId` header (`RSA7e2`).
pub(super) fn client_id_header(client_id: &str) -> String {
    STANDARD.encode(client_id)
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0.key {
            Some(_) => "Credentials(Basic [redacted])",
            None => "Credentials(Bearer [redacted])",
        })
    }
}

impl Serialize for Credentials {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("authorization", self.authorization())?;
        if let Some(token) = self.access_token() {
            map.serialize_entry("accessToken", token)?;
        }
        if let Some(key) = self.key() {
            map.serialize_entry("key", key)?;
        }
        if let Some(header) = self.client_id_header() {
            map.serialize_entry("clientIdHeader", header)?;
        }
        map.end()
    }
}
