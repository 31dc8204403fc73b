//! What is asked for, in a form that is easy to look into, and what it is answered.

use alloc::collections::BTreeMap;
use alloc::string::{String, ToString as _};
use core::fmt;

use serde_json::{Value, json};

use super::clock::UNIX_START;
use crate::http::{Headers, HttpFailure, HttpFailureKind, HttpRequest, HttpResponse};
use crate::wire::{TokenDetails, TokenParams, TokenRequest};
use crate::{CallbackId, CallbackValue, Error, Event, HttpId, OpaqueJson, SocketId};

/// An HTTP request that the machine has asked for.
#[derive(Clone, Debug)]
pub struct Http {
    /// This attempt's id.
    pub id: HttpId,
    /// What is to be sent.
    pub request: HttpRequest,
    /// How long the whole attempt may take, in milliseconds.
    pub timeout: u32,
    /// How long opening the connection may take, in milliseconds.
    pub open_timeout: u32,
    /// How many bytes of the response's body are worth reading.
    pub body_limit: usize,
}

/// Each part is expected to be there, once, and in the form that is asked for.
///
/// # Panics
///
/// Where it is not.
impl Http {
    /// `GET` and the like.
    pub fn method(&self) -> &str {
        &self.request.method
    }

    /// The whole URL.
    pub fn url(&self) -> &str {
        self.request.url.expose()
    }

    /// Scheme, host and port as they stand in the URL.
    pub fn origin(&self) -> &str {
        let start = self.url().find("://").expect("an absolute URL") + 3;
        let end = self.url()[start..].find(['/', '?']).map_or(self.url().len(), |end| start + end);
        &self.url()[..end]
    }

    /// `https` or `http`.
    pub fn scheme(&self) -> &str {
        self.origin().split("://").next().unwrap_or_default()
    }

    /// The host, with its port where the URL has one.
    pub fn host(&self) -> &str {
        self.origin().split("://").nth(1).unwrap_or_default()
    }

    /// The path, undecoded.
    pub fn path(&self) -> &str {
        self.url()[self.origin().len()..].split('?').next().unwrap_or_default()
    }

    /// The params of the query, which must name each only once.
    pub fn query(&self) -> BTreeMap<String, String> {
        params_of(self.url().split_once('?').map_or("", |(_, query)| query))
    }

    /// The value of a header, which must be there only once.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut values =
            self.request.headers.iter().filter(|(other, _)| other.eq_ignore_ascii_case(name)).map(|(_, value)| value);
        let value = values.next();
        assert_eq!(values.next(), None, "the header {name} is there twice");
        value
    }

    /// The value of the header `Authorization`.
    pub fn authorization(&self) -> Option<&str> {
        self.header("authorization")
    }

    /// The body as text.
    pub fn body(&self) -> Option<&str> {
        self.request.body.as_ref().map(|body| body.expose())
    }

    /// The body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_str(self.body().expect("a body")).expect("a body of JSON")
    }

    /// The params of a form-encoded body.
    pub fn form(&self) -> BTreeMap<String, String> {
        assert_eq!(self.header("content-type"), Some("application/x-www-form-urlencoded"));
        params_of(self.body().expect("a body"))
    }

    /// Whether this is the exchange of a token request for a token.
    pub fn is_exchange(&self) -> bool {
        self.path().starts_with("/keys/") && self.path().ends_with("/requestToken")
    }
}

fn params_of(text: &str) -> BTreeMap<String, String> {
    let mut params = BTreeMap::new();
    for (name, value) in form_urlencoded::parse(text.as_bytes()) {
        let before = params.insert(name.to_string(), value.into_owned());
        assert_eq!(before, None, "the param {name} is there twice");
    }
    params
}

/// A call of an auth callback that the machine has asked for.
#[derive(Clone, Debug)]
pub struct Callback {
    /// This call's id.
    pub id: CallbackId,
    /// Which callback: the name given as the option `authCallback`.
    pub name: String,
    /// What is asked for.
    pub params: TokenParams,
}

impl Callback {
    /// The how manieth call this is, from 1.
    pub fn number(&self) -> u64 {
        self.id.as_u64()
    }
}

/// What comes of an HTTP request.
#[derive(Clone, Debug)]
pub enum Answer {
    /// A response, whatever its status.
    Response(HttpResponse),
    /// None.
    Failure(HttpFailureKind),
    /// Nothing yet: the request waits for the test to expect and answer it.
    Hold,
}

impl Answer {
    /// The event that answers a request so, unless it is held.
    pub fn to(self, http: &Http) -> Option<Event> {
        let id = http.id;
        match self {
            Answer::Response(response) => Some(Event::HttpResponse { id, response }),
            Answer::Failure(kind) => Some(Event::HttpFailed { id, failure: HttpFailure::new(kind) }),
            Answer::Hold => None,
        }
    }
}

/// A response of JSON.
pub fn respond(status: u16, body: Value) -> Answer {
    respond_text(status, "application/json", &body.to_string())
}

/// A response of any type.
pub fn respond_text(status: u16, content_type: &str, body: &str) -> Answer {
    respond_raw(status, &[("content-type", content_type)], body.as_bytes())
}

/// A response with these headers and no others.
pub fn respond_raw(status: u16, headers: &[(&str, &str)], body: &[u8]) -> Answer {
    let headers: Headers = headers.iter().map(|&(name, value)| (name, value)).collect();
    Answer::Response(HttpResponse::new(status, headers, body))
}

/// What a callback comes to.
#[derive(Clone, Debug)]
pub enum Reply {
    /// It returns this.
    Value(CallbackValue),
    /// It fails.
    Error(Error),
    /// Nothing yet: the call waits for the test to expect and answer it.
    Hold,
}

impl Reply {
    /// The event that answers a call so, unless it is held.
    pub fn to(self, callback: &Callback) -> Option<Event> {
        let id = callback.id;
        match self {
            Reply::Value(value) => Some(Event::CallbackResult { id, value }),
            Reply::Error(error) => Some(Event::CallbackFailed { id, error }),
            Reply::Hold => None,
        }
    }
}

impl From<&str> for Reply {
    fn from(token: &str) -> Self {
        Reply::Value(CallbackValue::Token(token.into()))
    }
}

impl From<TokenDetails> for Reply {
    fn from(details: TokenDetails) -> Self {
        Reply::Value(CallbackValue::TokenDetails(details))
    }
}

impl From<TokenRequest> for Reply {
    fn from(request: TokenRequest) -> Self {
        Reply::Value(CallbackValue::TokenRequest(request))
    }
}

/// A value of a dynamic language, which the machine tells apart.
impl From<Value> for Reply {
    fn from(value: Value) -> Self {
        Reply::Value(CallbackValue::Json(OpaqueJson(value)))
    }
}

impl From<Error> for Reply {
    fn from(error: Error) -> Self {
        Reply::Error(error)
    }
}

/// An error in Ably's form.
pub fn ably_error(status: u16, code: u32, message: &str) -> Answer {
    respond(status, json!({"error": {"code": code, "statusCode": status, "message": message}}))
}

/// An error as it comes from outside.
///
/// # Panics
///
/// Where the JSON is no `ErrorInfo`.
pub fn error(json: Value) -> Error {
    serde_json::from_value(json).expect("an ErrorInfo")
}

/// A token that expires an hour after [`UNIX_START`].
pub fn token(text: &str) -> TokenDetails {
    let mut details = TokenDetails::new(text);
    details.expires = Some(UNIX_START + 3_600_000);
    details
}

/// A socket that the session has asked for.
#[derive(Clone)]
pub struct Socket {
    /// Its id.
    pub id: SocketId,
    /// Where it leads, credentials included.
    pub url: String,
}

/// Of the URL; each part is expected to be there, once.
///
/// # Panics
///
/// Where it is not.
impl Socket {
    /// `wss` or `ws`.
    pub fn scheme(&self) -> &str {
        self.url.split("://").next().unwrap_or_default()
    }

    /// The host, with its port where the URL has one.
    pub fn host(&self) -> &str {
        let (_, rest) = self.url.split_once("://").expect("an absolute URL");
        rest.split('/').next().unwrap_or_default()
    }

    /// The params.
    pub fn params(&self) -> BTreeMap<String, String> {
        let (_, query) = self.url.split_once("/?").expect("a URL with a query and no path");
        params_of(query)
    }

    /// One of the params.
    pub fn param(&self, name: &str) -> Option<String> {
        self.params().remove(name)
    }

    /// The token that the session connects with, if it does so with one.
    pub fn access_token(&self) -> Option<String> {
        self.param("accessToken")
    }
}

impl fmt::Debug for Socket {
    /// Without the params: they hold credentials.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Socket").field("id", &self.id).field("host", &self.host()).finish_non_exhaustive()
    }
}
