//! The values behind the ops: options, tokens, answers. Every secret among them holds [`CANARY`].

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::hash::{Hash, Hasher};

use serde_json::{Value, json};

use super::values::{
    Auth, CallbackAnswer, Client, HttpAnswer, Identity, Life, Reason, Source, Status, Target, WrongValue,
};
use crate::http::{Headers, HttpRequest, HttpResponse};
use crate::options::{ApiKey, AuthMethod, AuthOptions, ClientOptions, Endpoint, TokenOption};
use crate::wire::{Capability, Error, MAX_TOKEN_LENGTH, Secret, TokenDetails, TokenRequest};
use crate::{CallbackValue, ErrorKind, Now, OpaqueJson};

/// What no output may show.
pub(crate) const CANARY: &str = "CANARY";

const KEY: &str = "app.key:CANARY-secret";
const ANOTHER_KEY: &str = "app.other:CANARY-other-secret";
pub(crate) const CLIENT_ID: &str = "me";
const AUTH_URL: &str = "https://user:CANARY-password@auth.example/token?q=CANARY-query";
const DAY_MS: i64 = 86_400_000;

/// Makes tokens, each with a number, so that it can be told which is newer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Mint {
    tokens: u64,
    requests: u64,
}

/// How the tokens of a mint begin; eight digits follow.
pub(crate) const TOKEN: &str = "CANARY-token-";

impl Mint {
    fn token(&mut self) -> Secret {
        self.tokens += 1;
        Self::nth_token(self.tokens)
    }

    fn newest_token(&self) -> Secret {
        Self::nth_token(self.tokens)
    }

    pub(crate) fn nth_token(number: u64) -> Secret {
        Secret::new(format!("{TOKEN}{number:08}"))
    }

    /// The token so many back from the next one, which is none yet, without the one that is in use.
    pub(crate) fn nth_back(&self, nth: u8, in_use: Option<&Secret>) -> Secret {
        let tokens = (0..=self.tokens + 1).rev().map(Self::nth_token);
        let mut others = tokens.filter(|token| Some(token) != in_use);
        others.nth(nth.into()).unwrap_or_else(|| Self::nth_token(self.tokens + 1))
    }

    /// The number of a token of this mint; 0 of any other.
    pub(crate) fn number_of(token: &Secret) -> u64 {
        token.expose().rsplit('-').next().and_then(|number| number.parse().ok()).unwrap_or(0)
    }

    pub(crate) fn details(&mut self, life: Life, now: Now) -> TokenDetails {
        let mut details = TokenDetails::new(self.token());
        details.expires = match life {
            Life::Unknown => return details,
            Life::Ages => Some(now.unix_ms + 36_500 * DAY_MS),
            Life::Minute => Some(now.unix_ms + 60_000),
            Life::Past => Some(now.unix_ms - 1),
        };
        details.issued = Some(now.unix_ms - 2);
        details.capability = Some(Capability::all().to_string());
        details
    }

    fn details_for(&mut self, identity: Identity, now: Now) -> TokenDetails {
        TokenDetails { client_id: Some(client_id(identity)), ..self.details(Life::Ages, now) }
    }

    fn request(&mut self, now: Now) -> TokenRequest {
        self.requests += 1;
        let nonce = format!("{SOURCE_NONCE}{:08}", self.requests);
        let mut request = TokenRequest::new("app.key");
        request.timestamp = Some(now.unix_ms);
        request.nonce = Some(nonce);
        request.mac = Some(Secret::new(format!("{CANARY}-mac")));
        request
    }
}

/// The newest token may be given once more; how many there were matters to nobody.
impl Hash for Mint {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.newest_token().hash(state);
        self.requests.hash(state);
    }
}

/// How nonces of requests begin that a callback or an auth server signed.
pub(crate) const SOURCE_NONCE: &str = "from-the-source-";

pub(crate) fn client_options(client: &Client, mint: &mut Mint, now: Now) -> ClientOptions {
    let mut auth = match client.source {
        Source::Callback => AuthOptions::with_callback("tokens"),
        Source::AuthUrlGet => auth_url(AuthMethod::Get),
        Source::AuthUrlPost => auth_url(AuthMethod::Post),
        Source::Key => AuthOptions { use_token_auth: Some(true), ..with_key(KEY) },
        Source::Basic => with_key(KEY),
        Source::TokenRequest => {
            AuthOptions { token: Some(TokenOption::Request(mint.request(now))), ..AuthOptions::default() }
        }
        Source::Nothing => AuthOptions::default(),
    };
    if let Some(life) = client.initial_token {
        auth.token = Some(TokenOption::Details(mint.details(life, now)));
    }
    auth.query_time = Some(client.query_time);
    let mut options = ClientOptions::with_auth(auth);
    options.client_id = client.client_id.then(|| CLIENT_ID.into());
    options.add_request_ids = client.request_ids;
    if !client.fallbacks {
        options.endpoint = Endpoint::Host("rest.example".into());
    }
    options
}

fn with_key(key: &str) -> AuthOptions {
    AuthOptions { key: key.parse::<ApiKey>().ok(), ..AuthOptions::default() }
}

fn auth_url(method: AuthMethod) -> AuthOptions {
    let secrets = |name: &str| (name.to_string(), Secret::new(format!("{CANARY}-{name}")));
    AuthOptions {
        auth_url: crate::http::Url::parse(AUTH_URL),
        auth_method: method,
        auth_headers: Headers::from_iter([secrets("x-session")]),
        auth_params: Vec::from([secrets("ticket")]),
        ..AuthOptions::default()
    }
}

pub(crate) fn auth_options(auth: Auth, mint: &mut Mint, now: Now) -> Option<AuthOptions> {
    let with_token = |token| AuthOptions { token: Some(token), ..AuthOptions::default() };
    Some(match auth {
        Auth::Stored => return None,
        Auth::Empty => AuthOptions::default(),
        Auth::Callback => AuthOptions::with_callback("other tokens"),
        Auth::AuthUrl => auth_url(AuthMethod::Get),
        Auth::Key => with_key(KEY),
        Auth::AnotherKey => with_key(ANOTHER_KEY),
        Auth::Token(life) => with_token(TokenOption::Details(mint.details(life, now))),
        Auth::TokenRequest => with_token(TokenOption::Request(mint.request(now))),
        Auth::Basic => AuthOptions { use_token_auth: Some(false), ..with_key(KEY) },
    })
}

pub(crate) fn callback_value(answer: CallbackAnswer, mint: &mut Mint, now: Now) -> CallbackValue {
    match answer {
        CallbackAnswer::Token(life) => CallbackValue::TokenDetails(mint.details(life, now)),
        CallbackAnswer::TokenFor(identity) => CallbackValue::TokenDetails(mint.details_for(identity, now)),
        CallbackAnswer::TokenText => CallbackValue::Token(mint.token()),
        CallbackAnswer::SameToken => CallbackValue::Token(mint.newest_token()),
        CallbackAnswer::TokenRequest => CallbackValue::TokenRequest(mint.request(now)),
        CallbackAnswer::UnsignedRequest => CallbackValue::TokenRequest(TokenRequest::new("app.key")),
        CallbackAnswer::Json => CallbackValue::Json(OpaqueJson(json!({ "token": mint.token() }))),
        CallbackAnswer::Wrong(wrong) => CallbackValue::Json(OpaqueJson(wrong_value(wrong))),
    }
}

fn wrong_value(wrong: WrongValue) -> Value {
    match wrong {
        WrongValue::Null => Value::Null,
        WrongValue::Number => json!(42),
        WrongValue::Array => json!(["CANARY-token"]),
        WrongValue::EmptyObject => json!({}),
        WrongValue::EmptyText => json!(""),
        WrongValue::Html => json!("<html>CANARY</html>"),
        WrongValue::DoublyEncoded => json!(r#"{"token":"CANARY-token"}"#),
        WrongValue::NonAscii => json!("CANARY-t\u{f6}ken"),
        WrongValue::Huge => json!("x".repeat(MAX_TOKEN_LENGTH + 1)),
    }
}

/// What a request is for, told from its form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    AuthUrl,
    /// The address an authUrl redirected to.
    Redirected,
    Exchange,
    Time,
    Revoke,
    /// Whether there is a network at all.
    Connectivity,
    Rest,
}

impl Purpose {
    pub(crate) fn of(request: &HttpRequest) -> Purpose {
        let url = request.url.expose();
        let path = url.split(['?', '#']).next().unwrap_or_default();
        match path {
            _ if path.ends_with("/redirected") => Self::Redirected,
            _ if path.contains("auth.example/") => Self::AuthUrl,
            _ if path.ends_with("/requestToken") => Self::Exchange,
            _ if path.ends_with("/revokeTokens") => Self::Revoke,
            _ if path.ends_with("/time") => Self::Time,
            _ if path.contains("internet-up") => Self::Connectivity,
            _ => Self::Rest,
        }
    }

    /// Whether it gets a token.
    pub(crate) fn is_source(self) -> bool {
        matches!(self, Self::AuthUrl | Self::Redirected | Self::Exchange)
    }
}

pub(crate) fn response(answer: HttpAnswer, request: &HttpRequest, mint: &mut Mint, now: Now) -> HttpResponse {
    let details = |details: TokenDetails| json_response(200, &json!(details));
    match answer {
        HttpAnswer::Success(life) => success(life, Purpose::of(request), mint, now),
        HttpAnswer::TokenFor(identity) => details(mint.details_for(identity, now)),
        HttpAnswer::SameToken => details(TokenDetails::new(mint.newest_token())),
        HttpAnswer::TokenText => typed_response(200, "Text/Plain; charset=utf-8", mint.token().expose()),
        HttpAnswer::TokenRequest => json_response(200, &json!(mint.request(now))),
        HttpAnswer::Refusal(reason) => refusal(reason, "no"),
        HttpAnswer::Quoting(reason) => {
            let credentials = ["authorization", "x-session"].into_iter().find_map(|name| request.headers.find(name));
            refusal(reason, &format!("no: {} is no good", credentials.unwrap_or_default()))
        }
        HttpAnswer::Redirect(target) => redirect(target),
        HttpAnswer::Html(status) => typed_response(status_code(status), "text/html", "<html>CANARY</html>"),
        HttpAnswer::Garbage(status) => typed_response(status_code(status), JSON, r#"{"token":"CANARY"#),
        HttpAnswer::WrongShape(status) => json_response(status_code(status), &json!({ "error": ["CANARY"] })),
        HttpAnswer::Empty(status) => HttpResponse::new(status_code(status), Headers::new(), ""),
        HttpAnswer::Huge => typed_response(200, "text/plain", &"x".repeat(MAX_TOKEN_LENGTH + 1)),
    }
}

const JSON: &str = "application/json";

fn success(life: Life, purpose: Purpose, mint: &mut Mint, now: Now) -> HttpResponse {
    let body = match purpose {
        Purpose::AuthUrl | Purpose::Redirected | Purpose::Exchange => json!(mint.details(life, now)),
        Purpose::Time => json!([now.unix_ms + 10]),
        Purpose::Revoke => {
            json!({ "results": [{ "target": "clientId:me", "issuedBefore": 1, "appliesAt": 2 }] })
        }
        Purpose::Connectivity => return typed_response(200, "text/plain", "yes"),
        Purpose::Rest => json!({ "fine": true }),
    };
    json_response(200, &body)
}

fn refusal(reason: Reason, message: &str) -> HttpResponse {
    let (code, status) = numbers(reason);
    let code = (code != 0).then_some(code);
    json_response(status, &json!({ "error": { "code": code, "statusCode": status, "message": message } }))
}

fn redirect(target: Target) -> HttpResponse {
    let location = match target {
        Target::SameOrigin => "/redirected?q=CANARY-query",
        Target::AnotherOrigin => "https://elsewhere.example/redirected",
        Target::WithoutTls => "http://auth.example/redirected",
        Target::Nowhere => "mailto:CANARY@example",
    };
    HttpResponse::new(302, Headers::from_iter([("location", location)]), "")
}

fn json_response(status: u16, body: &Value) -> HttpResponse {
    typed_response(status, JSON, &body.to_string())
}

fn typed_response(status: u16, content_type: &str, body: &str) -> HttpResponse {
    HttpResponse::new(status, Headers::from_iter([("Content-Type", content_type)]), body)
}

fn status_code(status: Status) -> u16 {
    match status {
        Status::Ok => 200,
        Status::BadRequest => 400,
        Status::Unauthorized => 401,
        Status::Forbidden => 403,
        Status::NotFound => 404,
        Status::ServerError => 500,
        Status::Unavailable => 503,
    }
}

/// Code and status; code 0 is none.
pub(crate) fn numbers(reason: Reason) -> (u32, u16) {
    match reason {
        Reason::TokenExpired => (40142, 401),
        Reason::TokenRevoked => (40141, 401),
        Reason::NonceReplayed => (40105, 401),
        Reason::NotRenewable => (40171, 403),
        Reason::Forbidden => (40300, 403),
        Reason::BadCredentials => (40101, 401),
        Reason::Internal => (50000, 500),
        Reason::NoCode => (0, 500),
        Reason::NoCodeForbidden => (0, 403),
    }
}

pub(crate) fn error(reason: Reason) -> Error {
    let (code, status) = numbers(reason);
    Error::new(ErrorKind::Rejected, code, status, "somebody said no")
}

pub(crate) fn client_id(identity: Identity) -> String {
    match identity {
        Identity::Own => CLIENT_ID,
        Identity::Any => "*",
        Identity::Another => "another",
    }
    .into()
}
