//! What comes in and what goes out, as plain data.

use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;

use form_urlencoded::parse;
use percent_encoding::percent_decode_str;
use serde_json::Value;
use zeroize::Zeroizing;

use super::errors;
use super::format::Format;
use crate::http::{Headers, HttpRequest, HttpResponse, Url};
use crate::wire::{Error, Secret};

/// An HTTP request as it reaches the service. `Debug` shows method, path, the headers' names and the body's length.
#[derive(Clone, PartialEq, Eq)]
pub struct Request {
    /// The method, such as `GET`.
    pub method: String,
    /// The path, undecoded.
    pub path: String,
    /// The query, undecoded, without its question mark.
    pub query: Option<Secret>,
    /// Whether it came over TLS.
    pub secure: bool,
    /// The headers.
    pub headers: Headers,
    body: Zeroizing<Vec<u8>>,
}

impl Request {
    /// A request over TLS for a path with perhaps a query, without headers or body.
    pub fn new(method: impl Into<String>, target: &str) -> Self {
        let (path, query) = match target.split_once('?') {
            Some((path, query)) => (path, Some(query.into())),
            None => (target, None),
        };
        Request {
            method: method.into(),
            path: path.to_owned(),
            query,
            secure: true,
            headers: Headers::new(),
            body: Zeroizing::default(),
        }
    }

    /// What a client that is told to send this makes arrive here. `None` where its URL is none.
    pub fn from_http(request: &HttpRequest) -> Option<Self> {
        let url = Url::parse(request.url.expose())?;
        Some(Request {
            method: request.method.clone(),
            path: url.path().to_owned(),
            query: url.query().map(Secret::from),
            secure: url.is_secure(),
            headers: request.headers.clone(),
            body: request
                .body
                .as_ref()
                .map_or_else(Zeroizing::default, |body| Zeroizing::new(body.expose().as_bytes().to_vec())),
        })
    }

    /// The same request with one more header.
    #[must_use]
    pub fn with_header(mut self, name: impl Into<String>, value: impl Into<Secret>) -> Self {
        self.headers.append(name, value);
        self
    }

    /// The same request with a body.
    #[must_use]
    pub fn with_body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = Zeroizing::new(body.into());
        self
    }

    /// The same request without TLS.
    #[must_use]
    pub fn over_plain_http(mut self) -> Self {
        self.secure = false;
        self
    }

    pub(super) fn without_body(&self) -> Self {
        Request {
            method: self.method.clone(),
            path: self.path.clone(),
            query: self.query.clone(),
            secure: self.secure,
            headers: self.headers.clone(),
            body: Zeroizing::default(),
        }
    }

    /// The body's bytes.
    pub fn body(&self) -> &[u8] {
        &self.body
    }

    /// The params of the query, decoded, in order.
    pub fn query_params(&self) -> impl Iterator<Item = (String, String)> {
        let query = self.query.as_ref().map_or("", Secret::expose);
        parse(query.as_bytes()).map(|(name, value)| (name.into_owned(), value.into_owned()))
    }

    /// The first param of the query of that name.
    pub fn query_param(&self, name: &str) -> Option<String> {
        self.query_params().find(|(other, _)| other == name).map(|(_, value)| value)
    }

    /// The decoded segments of the path. `None` where one is no UTF-8.
    pub(crate) fn segments(&self) -> Option<Vec<String>> {
        let path = self.path.strip_prefix('/')?;
        path.split('/').map(|segment| Some(percent_decode_str(segment).decode_utf8().ok()?.into_owned())).collect()
    }

    /// The value in the body, in the format that its content type says.
    pub(super) fn read_body(&self) -> Result<Value, Error> {
        let format = Format::of_body(self);
        let format = format.ok_or_else(|| errors::INVALID_BODY.because("unsupported content type"))?;
        format.read(self.body()).ok_or_else(|| errors::INVALID_BODY.because("not what its content type says"))
    }

    /// The media type of the body, lower case and without parameters.
    pub(crate) fn content_type(&self) -> Option<String> {
        let value = self.headers.find("content-type")?;
        Some(value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase())
    }
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request")
            .field("method", &self.method)
            .field("path", &self.path)
            .field("secure", &self.secure)
            .field("headers", &self.headers)
            .field("body_length", &self.body.len())
            .finish()
    }
}

/// What the service answers, and how the answer goes out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// The answer.
    pub response: HttpResponse,
    /// How it is delivered.
    pub delivery: Delivery,
    /// How long before, in milliseconds.
    pub delay: u64,
}

impl Reply {
    /// An answer that goes out as it should.
    pub(super) fn whole(response: HttpResponse) -> Self {
        Reply { response, delivery: Delivery::Whole, delay: 0 }
    }

    /// No answer at all.
    pub(super) fn without_answer(delivery: Delivery) -> Self {
        // The status stands for it in the log.
        Reply { delivery, ..Self::whole(HttpResponse::new(0, Headers::new(), "")) }
    }
}

/// How an answer goes out: as a rule whole, but a server may misbehave on request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Delivery {
    /// At once.
    #[default]
    Whole,
    /// The body in small pieces.
    Drip {
        /// Bytes in a piece.
        piece: usize,
        /// Milliseconds before each piece.
        every: u64,
    },
    /// Never; the connection stays open.
    Never,
    /// Never; the connection is closed.
    Drop,
    /// As much of the body, though more was announced, and then the connection is closed.
    CutAfter(usize),
    /// The body over and over, without end.
    Endless,
}

/// The status of an answer without a body.
const NO_CONTENT: u16 = 204;

/// An answer of the service's own, before it is put into a response.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) body: Value,
    /// The error for the headers, where the answer is one.
    pub(super) error: Option<Error>,
    /// Where the pages of a list are.
    pub(super) links: Vec<String>,
}

impl Answer {
    pub(super) fn new(status: u16, body: Value) -> Self {
        Answer { status, body, error: None, links: Vec::new() }
    }

    pub(super) fn ok(body: Value) -> Self {
        Self::new(200, body)
    }

    /// The response, with the headers that every answer of the service has.
    pub(super) fn into_response(self, server_id: &str, format: Format) -> HttpResponse {
        let mut headers = Headers::new();
        headers.append("Content-Type", format.media_type());
        headers.append("X-Ably-Serverid", server_id);
        if let Some(error) = &self.error {
            headers.append("X-Ably-Errorcode", error.code().to_string());
            headers.append("X-Ably-Errormessage", header_text(error.message()));
        }
        if self.status == 401 {
            headers.append("WWW-Authenticate", "Basic realm=\"Ably\"");
        }
        for link in self.links {
            headers.append("Link", link);
        }
        let body = if self.status == NO_CONTENT { Vec::new() } else { format.write(&self.body) };
        HttpResponse::new(self.status, headers, body)
    }
}

impl From<Error> for Answer {
    fn from(error: Error) -> Self {
        let body = serde_json::json!({ "error": error });
        Answer { error: Some(error.clone()), ..Answer::new(error.status_code(), body) }
    }
}

/// Text that fits into a header: what was quoted from a request may hold anything.
fn header_text(text: &str) -> String {
    text.chars().map(|c| if c == ' ' || c.is_ascii_graphic() { c } else { '?' }).collect()
}

/// The text of a path segment.
pub(crate) fn encode_segment(segment: &str) -> String {
    format!("{}", percent_encoding::utf8_percent_encode(segment, percent_encoding::NON_ALPHANUMERIC))
}
