//! In what this crate differs from a recording. Each point is a word or two; none means that all is the same.

use std::collections::{BTreeMap, BTreeSet};

use ably_auth::http::{Headers, HttpRequest, HttpResponse};
use ably_auth::options::{ApiKey, AuthScheme};
use ably_auth::wire::{Secret, TokenRequest};
use ably_auth::{AuthMachine, Error, Outcome, Response, sign};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::recorded::{self, ABLY_SERVER, AUTH_SERVER};
use crate::vectors::text;

/// What has to be known to compare.
pub(super) struct Comparison {
    /// The client's key, if it has one: what it made up has to be signed with it.
    key: Option<ApiKey>,
    /// Whether there are hosts to fall back to, in random order.
    has_fallbacks: bool,
}

impl Comparison {
    pub(super) fn of(scenario: &Value) -> Self {
        let options = &scenario["options"];
        Comparison {
            key: options["key"].as_str().and_then(|key| key.parse().ok()),
            has_fallbacks: options.get("fallbackHosts").is_some(),
        }
    }

    /// A request, sent at this time of the wall clock.
    pub(super) fn request(&self, ours: &HttpRequest, recorded: &Value, unix_ms: i64) -> Vec<String> {
        let url = Url::parse(ours.url.expose());
        let recorded_path = text(recorded, "target").split(['?', '#']).next().unwrap_or_default();
        let mut points = points([
            ("method", ours.method != text(recorded, "method")),
            ("host", !self.is_same_host(&url.host, recorded)),
            ("path", url.path != recorded_path),
            ("query", url.query != recorded_pairs(&recorded["query"])),
        ]);
        points.extend(header_points(&ours.headers, recorded));
        points.extend(self.body_points(ours.body.as_ref().map_or("", Secret::expose), recorded, unix_ms));
        points
    }

    /// What a call led to, at this time of the wall clock.
    pub(super) fn outcome(
        &self,
        call: &str,
        ours: Result<Outcome, Error>,
        recorded: &Value,
        unix_ms: i64,
    ) -> Vec<String> {
        let ours = match ours {
            Ok(Outcome::Response(response)) if call != "request" => items_or_error(&response),
            Ok(outcome) => Ok(value_of(&outcome)),
            Err(error) => Err(error_label(&error)),
        };
        match (ours, recorded::outcome(recorded)) {
            (Ok(ours), Ok(recorded)) if call == "request" => {
                points([("outcome: response", ours != without_what_is_not_ablys(recorded))])
            }
            (Ok(ours), Ok(recorded)) => self.members("outcome", ours, recorded.clone(), unix_ms),
            (Ok(_), Err(_)) => vec!["outcome: ok".to_owned()],
            (Err(ours), Err(recorded)) if ours == recorded => Vec::new(),
            (Err(ours), _) => vec![format!("outcome: {ours}")],
        }
    }

    fn is_same_host(&self, ours: &str, recorded: &Value) -> bool {
        let server = if recorded["server"] == "auth" { AUTH_SERVER } else { ABLY_SERVER };
        let recorded = recorded["host"].as_str().unwrap_or(server);
        let is_primary = |host: &str| host == "127.0.0.1";
        ours == recorded || (self.has_fallbacks && !is_primary(ours) && !is_primary(recorded))
    }

    fn body_points(&self, ours: &str, recorded: &Value, unix_ms: i64) -> Vec<String> {
        if !recorded["form"].is_null() {
            return points([("body", pairs_of(ours) != recorded_pairs(&recorded["form"]))]);
        }
        let json = |text: &str| serde_json::from_str(text).expect("a body of JSON");
        match (ours, recorded["body"].as_str().unwrap_or_default()) {
            ("", "") => Vec::new(),
            (ours, recorded) if ours.is_empty() || recorded.is_empty() => vec!["body".to_owned()],
            (ours, recorded) => self.members("body", json(ours), json(recorded), unix_ms),
        }
    }

    /// The members in which two values differ. In a token request what ably-js made up, by chance or by the
    /// clock, need not be the same, and nor need the mac over it; ours has to be well signed then.
    fn members(&self, what: &str, mut ours: Value, mut recorded: Value, unix_ms: i64) -> Vec<String> {
        let made_up_nonce = recorded["nonce"].as_str().is_some_and(is_nonce_of_ably_js);
        let made_up_time = match (ours["timestamp"].as_i64(), recorded["timestamp"].as_i64()) {
            (Some(ours), Some(RECORDING_STARTED_AT..)) => ours == unix_ms,
            // The service's time, which the recording carried on for some milliseconds.
            (Some(ours), Some(recorded)) => ours != recorded && ours.abs_diff(recorded) < 10,
            _ => false,
        };
        if made_up_nonce || made_up_time {
            let request = TokenRequest::from_json(&ours).expect("a token request");
            let key = self.key.as_ref().expect("a key");
            sign::verify(key, &request).expect("a signed request");
            for (name, is_made_up) in [("nonce", made_up_nonce), ("timestamp", made_up_time), ("mac", true)] {
                if is_made_up {
                    ours[name] = Value::Null;
                    recorded[name] = Value::Null;
                }
            }
        }
        match (&ours, &recorded) {
            (Value::Object(ours), Value::Object(recorded)) => {
                let names: BTreeSet<_> = ours.keys().chain(recorded.keys()).collect();
                let differing = names.into_iter().filter(|name| ours.get(*name) != recorded.get(*name));
                differing.map(|name| format!("{what}: {name}")).collect()
            }
            _ => points([(what, ours != recorded)]),
        }
    }
}

/// The views of the machine.
pub(super) fn views(machine: &AuthMachine, recorded: &Value) -> Vec<String> {
    let method = match machine.auth_method() {
        AuthScheme::Basic => "basic",
        AuthScheme::Token => "token",
    };
    points([
        ("view: method", recorded["method"] != method),
        ("view: clientId", recorded["clientId"] != json!(machine.client_id())),
        ("view: tokenDetails", recorded["tokenDetails"] != json!(machine.token_details())),
    ])
}

/// Code and status of an error.
pub(super) fn error_label(error: &Error) -> String {
    format!("{}/{}", error.code(), error.status_code())
}

/// The points that differ.
pub(super) fn points<'a>(points: impl IntoIterator<Item = (&'a str, bool)>) -> Vec<String> {
    points.into_iter().filter(|(_, differs)| *differs).map(|(point, _)| point.to_owned()).collect()
}

/// By the wall clock, in milliseconds since the epoch; every time given in a scenario is earlier.
const RECORDING_STARTED_AT: i64 = 1_790_000_000_000;

fn is_nonce_of_ably_js(nonce: &str) -> bool {
    nonce.len() == 16 && nonce.bytes().all(|byte| byte.is_ascii_digit())
}

fn header_points(ours: &Headers, recorded: &Value) -> Vec<String> {
    let ours: BTreeMap<_, _> = ours.iter().map(|(name, value)| (name.to_ascii_lowercase(), value)).collect();
    let recorded = recorded["headers"].as_object().expect("headers");
    let is_same = |name: &str| match (name, ours.get(name).copied(), recorded.get(name).and_then(Value::as_str)) {
        ("ably-agent", Some(ours), Some(_)) => ours.starts_with("ably-auth/"),
        ("accept", Some(ours), Some("application/json, text/plain")) => {
            ours == "application/json, text/plain, application/jwt"
        }
        ("authorization", Some(ours), Some(recorded)) => ours == bare_bearer(recorded),
        (_, ours, recorded) => ours == recorded,
    };
    let names: BTreeSet<_> = ours.keys().chain(recorded.keys()).collect();
    names.into_iter().filter(|name| !is_same(name)).map(|name| format!("header {name}")).collect()
}

fn value_of(outcome: &Outcome) -> Value {
    match outcome {
        Outcome::TokenDetails(details) => json!(details),
        Outcome::TokenRequest(request) => json!(request),
        Outcome::BatchResult(result) => json!(result),
        Outcome::Time(time) => json!(time),
        Outcome::Response(response) => json!({
            "statusCode": response.response.status,
            "success": response.response.is_success(),
            "errorCode": response.error_code,
            "errorMessage": response.error_message,
            "items": items(&response.response),
        }),
        other => panic!("{other:?}"),
    }
}

/// What `stats()` and `history()` make of a response.
fn items_or_error(response: &Response) -> Result<Value, String> {
    match response.error_code {
        Some(code) => Err(format!("{code}/{}", response.response.status)),
        None => Ok(json!({ "items": items(&response.response) })),
    }
}

fn items(response: &HttpResponse) -> Value {
    match serde_json::from_slice(response.body()) {
        Ok(Value::Array(items)) => Value::Array(items),
        Ok(item) => json!([item]),
        Err(_) => Value::Null,
    }
}

/// A recorded response, but for what ably-js made up where the service said nothing.
fn without_what_is_not_ablys(response: &Value) -> Value {
    let mut response = response.clone();
    if response["errorCode"] == "NaN" {
        for name in ["errorCode", "errorMessage", "items"] {
            response[name] = Value::Null;
        }
    }
    response
}

/// A bearer token as it is, where ably-js has it in base64.
fn bare_bearer(authorization: &str) -> String {
    let token = authorization.strip_prefix("Bearer ").and_then(|encoded| STANDARD.decode(encoded).ok());
    match token.and_then(|token| String::from_utf8(token).ok()) {
        Some(token) => format!("Bearer {token}"),
        None => authorization.to_owned(),
    }
}

/// Names and values, in order of their names.
type Pairs = Vec<(String, String)>;

fn pairs_of(form: &str) -> Pairs {
    let mut pairs: Pairs = form_urlencoded::parse(form.as_bytes()).into_owned().collect();
    pairs.sort();
    pairs
}

fn recorded_pairs(pairs: &Value) -> Pairs {
    let mut pairs: Pairs = serde_json::from_value(pairs.clone()).unwrap_or_default();
    pairs.sort();
    pairs
}

/// A URL in parts.
pub(super) struct Url {
    pub(super) host: String,
    pub(super) path: String,
    query: Pairs,
}

impl Url {
    pub(super) fn parse(url: &str) -> Url {
        let (_, rest) = url.split_once("://").expect("an absolute URL");
        let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
        Url { host: host.to_owned(), path: format!("/{path}"), query: pairs_of(query) }
    }
}
