//! The sandbox's pure service: every check, with the codes that the real one answers.
#![cfg(feature = "sandbox")]

mod channels;
mod credentials;
mod faults;
mod format;
mod jwt;
mod provision;
mod request_token;
mod revocation;
mod the_rest;

use ably_auth::options::ApiKey;
use ably_auth::sandbox::{
    AppStatus, Choices, Code, CredentialsKind, Delivery, Effect, Fault, Format, IssuedToken, KeySpec, KeyStatus,
    MAX_BODY, Reply, Request, Service, Trigger,
};
use ably_auth::sign;
use ably_auth::wire::{Error, ErrorKind, TokenParams, TokenRequest};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

const NOW: i64 = 1_700_000_000_000;
const HOUR: i64 = 3_600_000;
const NONCE: &str = "0123456789abcdef";

/// A service with the test app, and its time.
struct World {
    service: Service,
    keys: Vec<ApiKey>,
    now: i64,
    nonces: u32,
}

/// An answer, read.
#[derive(Debug)]
struct Answer {
    status: u16,
    body: Value,
    headers: ably_auth::http::Headers,
}

impl Answer {
    /// Code and status of an error, from the body and from the headers, which must agree.
    #[track_caller]
    fn error(&self) -> (u64, u16) {
        let error = &self.body["error"];
        let code = error["code"].as_u64().unwrap_or_else(|| panic!("no error: {self:?}"));
        assert_eq!(error["statusCode"], self.status);
        assert_eq!(error["href"], format!("https://help.ably.io/error/{code}"));
        assert_eq!(self.headers.find("x-ably-errorcode"), Some(code.to_string().as_str()));
        assert_eq!(self.headers.find("x-ably-errormessage"), error["message"].as_str());
        assert_eq!(self.headers.find("www-authenticate").is_some(), self.status == 401);
        (code, self.status)
    }

    fn message(&self) -> &str {
        self.body["error"]["message"].as_str().unwrap_or_default()
    }
}

impl World {
    fn new() -> Self {
        Self::with_choices(Choices::default())
    }

    fn with_choices(choices: Choices) -> Self {
        let mut service = Service::new([7; 32], choices);
        let keys = service.add_app(KeySpec::test_app()).unwrap();
        World { service, keys, now: NOW, nonces: 0 }
    }

    fn send(&mut self, request: &Request) -> Answer {
        let reply = self.service.handle(request, self.now);
        assert_eq!(reply.delivery, Delivery::Whole);
        let headers = reply.response.headers.clone();
        assert!(headers.find("x-ably-serverid").is_some());
        let body = serde_json::from_slice(reply.response.body()).unwrap();
        Answer { status: reply.response.status, body, headers }
    }

    /// A token request for these params, signed by a key of the app, now.
    fn signed(&mut self, key: usize, params: &TokenParams) -> Value {
        self.nonces += 1;
        let nonce = format!("nonce-{:016}", self.nonces);
        serde_json::to_value(sign::sign(&self.keys[key], params, self.now, &nonce).unwrap()).unwrap()
    }

    fn request_token(&mut self, key: usize, body: &Value) -> Answer {
        let path = format!("/keys/{}/requestToken", self.keys[key].name());
        self.send(&post(&path, body))
    }

    /// A token that a key of the app issues for these params.
    fn token(&mut self, key: usize, params: &TokenParams) -> String {
        let body = self.signed(key, params);
        let answer = self.request_token(key, &body);
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.body["token"].as_str().unwrap().to_owned()
    }

    /// What the service makes of credentials, asked by a request that needs them.
    fn probe(&mut self, request: impl Fn(Request) -> Request) -> Answer {
        self.send(&request(Request::new("GET", "/channels/probe")))
    }

    fn probe_token(&mut self, token: &str) -> Answer {
        self.probe(|request| request.with_header("Authorization", format!("Bearer {token}")))
    }

    fn revoke(&mut self, body: &Value) -> Answer {
        let request = self.revocation(4, 4, body).with_header("X-Ably-Version", "6");
        self.send(&request)
    }

    /// A revocation of one key's tokens, authenticated by a key.
    fn revocation(&self, of: usize, by: usize, body: &Value) -> Request {
        let path = format!("/keys/{}/revokeTokens", self.keys[of].name());
        post(&path, body).with_header("Authorization", basic(self.keys[by].expose()))
    }

    fn key_name(&self, key: usize) -> String {
        self.keys[key].name().to_owned()
    }

    fn app_id(&self) -> String {
        self.keys[0].name().split_once('.').unwrap().0.to_owned()
    }
}

fn post(path: &str, body: &Value) -> Request {
    Request::new("POST", path).with_header("Content-Type", "application/json").with_body(body.to_string())
}

fn basic(key: &str) -> String {
    format!("Basic {}", STANDARD.encode(key))
}

fn params(json: Value) -> TokenParams {
    TokenParams::from_json(&json).unwrap()
}

/// Signs what is in the body anew, whatever it is.
fn resign(key: &ApiKey, body: &Value) -> Value {
    let mut request = TokenRequest::from_json(body).unwrap();
    request.mac = None;
    request.mac = Some(sign::mac(key, &request));
    serde_json::to_value(request).unwrap()
}

fn with(mut body: Value, name: &str, value: impl Into<Value>) -> Value {
    body[name] = value.into();
    body
}
