//! The one error type.

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;
use core::fmt;

use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use zeroize::Zeroize as _;

use super::lenient;

/// What went wrong, in Ably's terms; its wire form is `ErrorInfo` (`TI1`).
///
/// Every message says what happened and what to do, and holds neither a secret nor text of a body.
/// Cloning is cheap enough to hand the same error to everyone who waited for one thing.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Error(Box<Fields>);

/// Ably's name for [`Error`].
pub type ErrorInfo = Error;

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Fields {
    kind: ErrorKind,
    code: u32,
    status_code: u16,
    message: String,
    cause: Option<Error>,
    href: Option<String>,
    request_id: Option<String>,
    detail: BTreeMap<String, String>,
}

/// Whose fault an [`Error`] is, and so who can mend it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub enum ErrorKind {
    /// The caller asked for something that cannot be done now, such as revoking with token auth.
    Misuse,
    /// The server, the auth server or the callback said no.
    Rejected,
    /// Somebody answered with something that is not what the protocol says.
    Malformed,
    /// The network, a timeout, a lost connection: trying again may help.
    Transport,
    /// Options or params that are wrong or missing.
    Configuration,
    /// The operation was cancelled by its owner.
    Cancelled,
}

/// Ably's error codes as this crate uses them.
#[allow(missing_docs, reason = "the names are those of Ably's registry")]
pub mod codes {
    pub const BAD_REQUEST: u32 = 40000;
    pub const INVALID_TTL: u32 = 40003;
    pub const INVALID_CLIENT_ID: u32 = 40012;
    pub const UNSUPPORTED_CONTENT_TYPE: u32 = 40013;
    pub const INVALID_CREDENTIALS: u32 = 40101;
    pub const INCOMPATIBLE_CREDENTIALS: u32 = 40102;
    pub const BASIC_AUTH_OVER_PLAIN_HTTP: u32 = 40103;
    pub const TIMESTAMP_NOT_CURRENT: u32 = 40104;
    pub const NONCE_REPLAYED: u32 = 40105;
    pub const NO_AUTH_METHOD: u32 = 40106;
    pub const OPERATION_REQUIRES_BASIC_AUTH: u32 = 40162;
    pub const TOKEN_SOURCE_FAILED: u32 = 40170;
    pub const TOKEN_NOT_RENEWABLE: u32 = 40171;
    pub const FORBIDDEN: u32 = 40300;
    pub const NOT_FOUND: u32 = 40400;
    pub const INTERNAL: u32 = 50000;
    pub const TRANSPORT: u32 = 50002;
    pub const TIMEOUT: u32 = 50003;
    pub const CONNECTION_FAILED: u32 = 80000;
    pub const CONNECTION_SUSPENDED: u32 = 80002;
    pub const CONNECTION_LOST: u32 = 80003;
    pub const CONNECTION_CLOSED: u32 = 80017;
    pub const CONNECTION_AUTH_FAILED: u32 = 80019;
}

impl Error {
    /// An error of the given kind. `href` follows from the code.
    pub fn new(kind: ErrorKind, code: u32, status_code: u16, message: impl Into<String>) -> Self {
        Error(Box::new(Fields {
            kind,
            code,
            status_code,
            message: message.into(),
            cause: None,
            href: None,
            request_id: None,
            detail: BTreeMap::new(),
        }))
    }

    /// An error in options or params.
    pub(crate) fn configuration(code: u32, status_code: u16, message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Configuration, code, status_code, message)
    }

    /// The same error with the error that caused it (`TI1`).
    #[must_use]
    pub fn with_cause(mut self, cause: Error) -> Self {
        self.0.cause = Some(cause);
        self
    }

    /// The same error with the id of the request it belongs to (`RSC7c`).
    #[must_use]
    pub fn with_request_id(mut self, request_id: impl Into<String>) -> Self {
        self.0.request_id = Some(request_id.into());
        self
    }

    /// The same error with every occurrence of the secret taken out of its words, and its causes' words.
    #[must_use]
    pub(crate) fn without_secret(mut self, secret: &str) -> Self {
        if secret.is_empty() {
            return self;
        }
        let redact = |text: &mut String| {
            if text.contains(secret) {
                let redacted = text.replace(secret, "[redacted]");
                core::mem::replace(text, redacted).zeroize();
            }
        };
        let Fields { message, href, request_id, detail, .. } = &mut *self.0;
        [message].into_iter().chain(href).chain(request_id).chain(detail.values_mut()).for_each(redact);
        self.0.cause = self.0.cause.take().map(|cause| cause.without_secret(secret));
        self
    }

    /// The same error with these words, where it has none.
    #[must_use]
    pub(crate) fn or_message(mut self, message: &str) -> Self {
        if self.0.message.is_empty() {
            self.0.message = message.into();
        }
        self
    }

    /// The same error with other numbers, for an answer that leaves one of them out.
    #[must_use]
    pub(crate) fn with_codes(mut self, code: u32, status_code: u16) -> Self {
        self.0.code = code;
        self.0.status_code = status_code;
        self
    }

    /// Whose fault it is.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// Ably's error code, such as 40142. 0 where a peer sent an error without one.
    pub fn code(&self) -> u32 {
        self.0.code
    }

    /// The HTTP status that goes with it, also where no HTTP was involved.
    pub fn status_code(&self) -> u16 {
        self.0.status_code
    }

    /// What happened and what to do, in words.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// The error that caused this one.
    pub fn cause(&self) -> Option<&Error> {
        self.0.cause.as_ref()
    }

    /// Where to read about the code (`TI4`).
    pub fn href(&self) -> String {
        match &self.0.href {
            Some(href) => href.clone(),
            None => usual_href(self.0.code),
        }
    }

    /// The id of the request that failed, where the option `addRequestIds` is on (`RSC7c`).
    pub fn request_id(&self) -> Option<&str> {
        self.0.request_id.as_deref()
    }

    /// Structured details the service added (`TI6`).
    pub fn detail(&self) -> &BTreeMap<String, String> {
        &self.0.detail
    }

    /// Whether the server rejected the token, so that a new one may help: status 401 and
    /// 40140 <= code < 40150 (`RSC10`).
    pub fn is_token_error(&self) -> bool {
        self.0.status_code == 401 && (40140..40150).contains(&self.0.code)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}/{})", self.0.message, self.0.code, self.0.status_code)
    }
}

impl core::error::Error for Error {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        self.cause().map(|cause| cause as _)
    }
}

impl Serialize for Error {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("code", &self.0.code)?;
        map.serialize_entry("statusCode", &self.0.status_code)?;
        map.serialize_entry("message", &self.0.message)?;
        if let Some(cause) = &self.0.cause {
            map.serialize_entry("cause", cause)?;
        }
        if self.0.code != 0 || self.0.href.is_some() {
            map.serialize_entry("href", &self.href())?;
        }
        if let Some(request_id) = &self.0.request_id {
            map.serialize_entry("requestId", request_id)?;
        }
        if !self.0.detail.is_empty() {
            map.serialize_entry("detail", &self.0.detail)?;
        }
        map.end()
    }
}

fn usual_href(code: u32) -> String {
    format!("https://help.ably.io/error/{code}")
}

/// How far a chain of causes from outside is followed.
const MAX_CAUSES: usize = 8;

impl<'de> Deserialize<'de> for Error {
    /// Reads an `ErrorInfo` from outside: unknown members are ignored, a missing number is 0.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Wire {
            #[serde(default, deserialize_with = "lenient::optional")]
            code: Option<i64>,
            #[serde(default, deserialize_with = "lenient::optional")]
            status_code: Option<i64>,
            message: Option<String>,
            cause: Option<Box<Wire>>,
            href: Option<String>,
            request_id: Option<String>,
            #[serde(default)]
            detail: Option<BTreeMap<String, String>>,
        }

        fn build(wire: Wire, depth: usize) -> Error {
            let cause = wire.cause.filter(|_| depth < MAX_CAUSES);
            let code = wire.code.and_then(|code| u32::try_from(code).ok()).unwrap_or(0);
            Error(Box::new(Fields {
                kind: ErrorKind::Rejected,
                code,
                status_code: wire.status_code.and_then(|status| u16::try_from(status).ok()).unwrap_or(0),
                message: wire.message.unwrap_or_default(),
                cause: cause.map(|cause| build(*cause, depth + 1)),
                // The usual one follows from the code: an error that was written is read as what it was.
                href: wire.href.filter(|href| code == 0 || *href != usual_href(code)),
                request_id: wire.request_id,
                detail: wire.detail.unwrap_or_default(),
            }))
        }

        Wire::deserialize(deserializer).map(|wire| build(wire, 0))
    }
}
