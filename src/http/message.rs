//! Requests, responses and failures.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::hash::{Hash, Hasher};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::ser::SerializeMap as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use zeroize::Zeroizing;

use super::headers::Headers;
use super::url::Url;
use crate::wire::Secret;

/// An HTTP request to send exactly as it is: no redirect followed, no header added but those that the
/// connection itself needs (`Host`, `Content-Length`).
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct HttpRequest {
    /// The method, such as `GET`.
    pub method: String,
    /// An absolute http or https URL. It may hold user info and secret params: not for logs.
    pub url: Secret,
    /// The headers.
    pub headers: Headers,
    /// The body, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<Secret>,
}

impl fmt::Debug for HttpRequest {
    /// Shows the method, the origin and path, the headers' names and the body's length.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let url = Url::parse(self.url.expose());
        f.debug_struct("HttpRequest")
            .field("method", &self.method)
            .field("url", &url.as_ref().map(Url::without_secrets))
            .field("headers", &self.headers)
            .field("body_length", &self.body.as_ref().map(Secret::len))
            .finish()
    }
}

/// An HTTP response. Its body is wiped on drop, and never shown: it may hold a token.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct HttpResponse {
    /// The status code.
    pub status: u16,
    /// The headers.
    pub headers: Headers,
    body: Body,
}

/// Bytes that are wiped on drop.
#[derive(Clone, PartialEq, Eq)]
struct Body(Zeroizing<Vec<u8>>);

impl Hash for Body {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.as_slice().hash(state);
    }
}

impl HttpResponse {
    /// A response with its whole body.
    pub fn new(status: u16, headers: Headers, body: impl Into<Vec<u8>>) -> Self {
        HttpResponse { status, headers, body: Body(Zeroizing::new(body.into())) }
    }

    /// The body's bytes.
    pub fn body(&self) -> &[u8] {
        &self.body.0
    }

    /// Whether the status says success.
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// The media type of the content, lower case and without parameters; the first one counts.
    pub(crate) fn content_type(&self) -> Option<String> {
        let value = self.headers.find("content-type")?;
        let essence = value.split([';', ',']).next().unwrap_or_default().trim();
        (!essence.is_empty()).then(|| essence.to_ascii_lowercase())
    }
}

impl fmt::Debug for HttpResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpResponse")
            .field("status", &self.status)
            .field("headers", &self.headers)
            .field("body_length", &self.body.0.len())
            .finish()
    }
}

impl Serialize for HttpResponse {
    /// The body as `body` where it is UTF-8, else as `bodyBase64`.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(3))?;
        map.serialize_entry("status", &self.status)?;
        map.serialize_entry("headers", &self.headers)?;
        match core::str::from_utf8(self.body()) {
            Ok(text) => map.serialize_entry("body", text)?,
            Err(_) => map.serialize_entry("bodyBase64", &STANDARD.encode(self.body()))?,
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for HttpResponse {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        use serde::de::Error as _;

        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Wire {
            status: u16,
            #[serde(default)]
            headers: Headers,
            body: Option<String>,
            body_base64: Option<String>,
        }

        let Wire { status, headers, body, body_base64 } = Wire::deserialize(deserializer)?;
        let body = match (body, body_base64) {
            (Some(_), Some(_)) => return Err(D::Error::custom("body and bodyBase64 exclude each other")),
            (Some(text), None) => text.into_bytes(),
            (None, Some(encoded)) => {
                STANDARD.decode(encoded).map_err(|_| D::Error::custom("bodyBase64: not base64"))?
            }
            (None, None) => Vec::new(),
        };
        Ok(HttpResponse::new(status, headers, body))
    }
}

/// Why an HTTP request got no response.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct HttpFailure {
    /// What kind of failure it was; it decides whether another host is tried.
    pub kind: HttpFailureKind,
    /// What the client said about it; for people, without secrets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

impl HttpFailure {
    /// A failure of a kind, without words.
    pub fn new(kind: HttpFailureKind) -> Self {
        HttpFailure { kind, message: None }
    }
}

/// The kinds of failure of an HTTP request (`RSC15l`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum HttpFailureKind {
    /// The host's name could not be resolved.
    Dns,
    /// No connection could be made.
    Connect,
    /// TLS failed, certificates included.
    Tls,
    /// It took too long.
    Timeout,
    /// The connection was closed before the whole response was there.
    Closed,
    /// Anything else, such as a request the client would not send.
    Other,
}

impl HttpFailureKind {
    /// Whether another host may do better (`RSC15l1`, `RSC15l2`).
    pub fn qualifies_for_fallback(self) -> bool {
        !matches!(self, Self::Other)
    }

    /// Whether the request may have reached the server all the same.
    pub fn may_have_reached_server(self) -> bool {
        matches!(self, Self::Timeout | Self::Closed)
    }

    /// The kind in words.
    pub(crate) fn describe(self) -> &'static str {
        match self {
            Self::Dns => "the host could not be resolved",
            Self::Connect => "no connection could be made",
            Self::Tls => "TLS failed",
            Self::Timeout => "it timed out",
            Self::Closed => "the connection was closed before the answer was complete",
            Self::Other => "it could not be sent",
        }
    }
}
