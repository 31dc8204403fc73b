//! What the machine asks for, in a form that is easy to look into, and what it is answered.

use std::collections::BTreeMap;

use ably_auth::http::{Headers, HttpFailure, HttpFailureKind, HttpRequest, HttpResponse};
use ably_auth::options::AuthOptions;
use ably_auth::wire::{TokenDetails, TokenParams, TokenRequest};
use ably_auth::{CallbackId, CallbackValue, Error, Event, HttpId, OpaqueJson};
use serde_json::{Value, json};

/// When the virtual time starts, by the wall clock.
pub const UNIX_START: i64 = 1_700_000_000_000;

pub const HOUR: i64 = 3_600_000;

/// A key, and as basic auth has it.
pub const KEY: &str = "appId.keyId:keySecret";
pub const KEY_AS_BASIC: &str = "Basic YXBwSWQua2V5SWQ6a2V5U2VjcmV0";

/// An HTTP request that the machine has asked for.
#[derive(Clone, Debug)]
pub struct Http {
    pub id: HttpId,
    pub request: HttpRequest,
    pub timeout: u32,
    pub open_timeout: u32,
    pub body_limit: usize,
}

impl Http {
    pub fn method(&self) -> &str {
        &self.request.method
    }

    pub fn url(&self) -> &str {
        self.request.url.expose()
    }

    /// Scheme, host and port as they stand in the URL.
    pub fn origin(&self) -> &str {
        let start = self.url().find("://").expect("an absolute URL") + 3;
        let end = self.url()[start..].find(['/', '?']).map_or(self.url().len(), |end| start + end);
        &self.url()[..end]
    }

    pub fn scheme(&self) -> &str {
        self.origin().split("://").next().unwrap()
    }

    /// The host, with its port where the URL has one.
    pub fn host(&self) -> &str {
        self.origin().split("://").nth(1).unwrap()
    }

    pub fn path(&self) -> &str {
        self.url()[self.origin().len()..].split('?').next().unwrap()
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

    pub fn authorization(&self) -> Option<&str> {
        self.header("authorization")
    }

    pub fn body(&self) -> Option<&str> {
        self.request.body.as_ref().map(|body| body.expose())
    }

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
    pub id: CallbackId,
    pub name: String,
    pub params: TokenParams,
}

impl Callback {
    /// The how manieth call this is, from 1.
    pub fn number(&self) -> u64 {
        self.id.as_u64()
    }
}

/// What comes of an HTTP request.
pub enum Answer {
    Response(HttpResponse),
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

pub fn ok(body: Value) -> Answer {
    respond(200, body)
}

/// An error in Ably's form.
pub fn ably_error(status: u16, code: u32, message: &str) -> Answer {
    respond(status, json!({"error": {"code": code, "statusCode": status, "message": message}}))
}

/// The error of a token that the service no longer takes.
pub fn token_expired() -> Answer {
    ably_error(401, 40142, "Token expired")
}

/// What a callback comes to.
pub enum Reply {
    Value(CallbackValue),
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

/// A value of a dynamic language, classified by the machine.
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

/// An error as it comes from outside.
pub fn error(json: Value) -> Error {
    serde_json::from_value(json).expect("an ErrorInfo")
}

/// An error that is only a message, as of a callback that throws.
pub fn plain_error(message: &str) -> Error {
    error(json!({ "message": message }))
}

/// A token that expires an hour after the start.
pub fn token(text: &str) -> TokenDetails {
    token_details(json!({"token": text, "expires": UNIX_START + HOUR}))
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
