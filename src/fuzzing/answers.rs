//! Arbitrary bytes for everything that reads what comes from outside.
//!
//! An input is a line and the rest. The line names what is read, for an HTTP answer with its status and content
//! type, and the rest is what is read, so that a corpus can be written and read by people:
//!
//! ```text
//! authUrl 200 application/json
//! {"token": "..."}
//! ```

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::str::FromStr;

use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::http::{Headers, HttpResponse, Url};
use crate::options::{ApiKey, AuthOptions, ClientOptions, Endpoint};
use crate::sign::{sign, signing_text, verify};
use crate::testkit::machine::drain;
use crate::wire::{
    Capability, Error, MAX_TOKEN_LENGTH, TokenDetails, TokenParams, TokenRequest, TokenRevocationTargetSpecifier,
};
use crate::{Action, AuthMachine, CallbackValue, Event, Now, OpaqueJson, OperationId, RestRequest, Revocation};

/// Reads the bytes as what their first line says. Panics where something does not hold.
pub fn answers(bytes: &[u8]) {
    let end = bytes.iter().position(|byte| *byte == b'\n').unwrap_or(bytes.len());
    let (line, body) = (&bytes[..end], bytes.get(end + 1..).unwrap_or_default());
    let line = String::from_utf8_lossy(line);
    let (what, rest) = line.split_once(' ').unwrap_or((&line, ""));
    let response = || {
        let (status, word) = rest.split_once(' ').unwrap_or((rest, ""));
        // The word also says where an answer leads, for redirects.
        let headers = [("Content-Type", word), ("Location", word)].into_iter().filter(|(_, word)| !word.is_empty());
        let status = status.parse().ok().filter(|status| (100..1_000).contains(status));
        HttpResponse::new(status.unwrap_or(200), Headers::from_iter(headers), body)
    };
    match what {
        "authUrl" => answer(options(r#"{"authUrl": "https://auth.example/token"}"#), &response(), credentials),
        "exchange" => answer(options(r#"{"key": "app.key:secret", "useTokenAuth": true}"#), &response(), credentials),
        "request" => answer(options(r#"{"token": "a-token", "key": "app.key:secret"}"#), &response(), |machine| {
            machine.request(RestRequest::new("GET", "/channels/test"), NOW)
        }),
        "revoke" => answer(options(KEY), &response(), |machine| {
            machine.revoke_tokens(Revocation::new([TokenRevocationTargetSpecifier::client_id("me")]), NOW)
        }),
        "time" => answer(options(KEY), &response(), |machine| machine.time(NOW)),
        "callback" => callback(json(body).map(|value| CallbackValue::Json(OpaqueJson(value)))),
        "callbackText" => callback(text(body).map(|text| CallbackValue::Token(text.into()))),
        "event" => event(body),
        _ => parse(what, body),
    }
}

const NOW: Now = Now::new(1_000, 1_700_000_000_000);
const KEY: &str = r#""app.key:secret""#;

fn text(bytes: &[u8]) -> Option<&str> {
    core::str::from_utf8(bytes).ok()
}

fn json<T: DeserializeOwned>(bytes: &[u8]) -> Option<T> {
    serde_json::from_slice(bytes).ok()
}

fn options(json: &str) -> ClientOptions {
    serde_json::from_str(json).expect("options of this file")
}

fn new_machine(options: ClientOptions) -> AuthMachine {
    AuthMachine::new(options, [7; 32], NOW).expect("options of this file")
}

fn credentials(machine: &mut AuthMachine) -> OperationId {
    machine.credentials(NOW)
}

/// Starts an operation and answers each of its requests like this.
fn answer(options: ClientOptions, response: &HttpResponse, start: impl Fn(&mut AuthMachine) -> OperationId) {
    let mut machine = new_machine(options);
    let operation = start(&mut machine);
    settle(&mut machine, operation, |action| match action {
        Action::SendHttp { id, .. } => Some(Event::HttpResponse { id: *id, response: response.clone() }),
        _ => None,
    });
}

fn callback(value: Option<CallbackValue>) {
    let Some(value) = value else { return };
    let mut machine = new_machine(options(r#"{"authCallback": true}"#));
    let operation = machine.credentials(NOW);
    settle(&mut machine, operation, |action| match action {
        Action::InvokeCallback { id, .. } => Some(Event::CallbackResult { id: *id, value: value.clone() }),
        _ => None,
    });
}

fn event(bytes: &[u8]) {
    let Some(event) = json::<Event>(bytes) else { return };
    let written = serde_json::to_vec(&event).expect("an event is JSON");
    let read = json::<Event>(&written).expect("what was written can be read");
    assert_eq!(serde_json::to_vec(&read).ok(), Some(written), "an event is written as it was read");
    let mut machine = new_machine(options(r#"{"authCallback": true}"#));
    let operation = machine.credentials(NOW);
    machine.handle_event(event, NOW);
    settle(&mut machine, operation, |_| None);
}

/// How many inputs an operation may take until it has ended: each of the fallback hosts that options name is one.
const INPUTS: usize = 4_096;

/// Answers as told, lets time pass otherwise, and sees that the operation ends once.
fn settle(machine: &mut AuthMachine, operation: OperationId, answer: impl Fn(&Action) -> Option<Event>) {
    let mut now = NOW;
    let mut completions = 0;
    for _ in 0..INPUTS {
        let actions = drain(machine);
        let ends = |action: &&Action| matches!(action, Action::Complete { operation: id, .. } if *id == operation);
        completions += actions.iter().filter(ends).count();
        actions.iter().for_each(check);
        let answers: Vec<_> = actions.iter().filter_map(&answer).collect();
        if answers.is_empty() {
            match machine.poll_timeout() {
                Some((at, _)) => now = Now::new(at, now.unix_ms),
                None => break,
            }
        }
        answers.into_iter().for_each(|event| machine.handle_event(event, now));
        machine.handle_timeout(now);
    }
    assert_eq!(completions, 1, "an operation ends, and only once: {}", machine.explain());
    if let Some(details) = machine.token_details() {
        let token = details.token.expose();
        let sendable = !token.is_empty() && token.bytes().all(|byte| byte.is_ascii_graphic());
        assert!(sendable && token.len() <= MAX_TOKEN_LENGTH, "a token that is used can be sent in a header");
    }
}

fn check(action: &Action) {
    serde_json::to_string(action).expect("an action is JSON");
    if let Action::Complete { outcome: Err(error), .. } = action {
        check_error(error);
    }
}

fn check_error(error: &Error) {
    assert!(error.code() != 0 && error.status_code() != 0, "an error has numbers: {error}");
    let is_own = error.kind() != crate::ErrorKind::Rejected;
    assert!(!is_own || !error.message().is_empty(), "an error of our own says something: {error}");
}

/// Text that is parsed without a machine.
fn parse(what: &str, bytes: &[u8]) {
    let Some(text) = text(bytes) else { return };
    match what {
        "options" => {
            let options = read(text, ClientOptions::from_json);
            if let Some(Ok(mut machine)) = options.map(|options| AuthMachine::new(options, [7; 32], NOW)) {
                let operation = machine.credentials(NOW);
                settle(&mut machine, operation, |_| None);
            }
        }
        "authOptions" => {
            if let Some(options) = read(text, AuthOptions::from_json) {
                let mut machine = new_machine(self::options(KEY));
                let operation = machine.authorize(None, Some(options), NOW);
                settle(&mut machine, operation, |_| None);
            }
        }
        "tokenParams" => {
            if let Some(params) = read(text, TokenParams::from_json) {
                let key: ApiKey = "app.key:secret".parse().expect("a key");
                let request = sign(&key, &params, NOW.unix_ms, "0123456789abcdef").expect("params that were checked");
                verify(&key, &request).expect("what was signed");
                round_trip(&request, TokenRequest::from_json);
            }
        }
        "tokenRequest" => {
            if let Some(request) = read(text, TokenRequest::from_json) {
                assert!(signing_text(&request).ends_with('\n'));
                let key: ApiKey = "app.key:secret".parse().expect("a key");
                let _ = verify(&key, &request);
                round_trip(&request, TokenRequest::from_json);
            }
        }
        "tokenDetails" => {
            if let Some(details) = read(text, TokenDetails::from_json) {
                round_trip(&details, TokenDetails::from_json);
            }
        }
        "capability" => match text.parse::<Capability>() {
            Ok(capability) => {
                assert_eq!(capability.as_str().parse().as_ref(), Ok(&capability), "canonical text stays as it is");
                assert!(capability.resources().values().all(|operations| !operations.is_empty()));
            }
            Err(error) => check_error(&error),
        },
        "url" => url(text),
        "key" => match text.parse::<ApiKey>() {
            Ok(key) => assert_eq!(format!("{}:{}", key.name(), key.secret()), text),
            Err(error) => check_error(&error),
        },
        "endpoint" => {
            if let Ok(endpoint) = Endpoint::from_str(text) {
                let url = Url::parse(&format!("https://{}/", endpoint.primary_domain()));
                assert!(url.is_some(), "an endpoint has a URL: {endpoint:?}");
            }
        }
        _ => {
            let _ = serde_json::from_str::<RestRequest>(text);
            let _ = serde_json::from_str::<Revocation>(text);
            let _ = serde_json::from_str::<HttpResponse>(text);
        }
    }
}

fn read<T>(text: &str, from_json: fn(&Value) -> Result<T, Error>) -> Option<T> {
    let value = serde_json::from_str(text).ok()?;
    from_json(&value).inspect_err(check_error).ok()
}

/// What is written is read as what it was.
fn round_trip<T: serde::Serialize + PartialEq + core::fmt::Debug>(value: &T, read: fn(&Value) -> Result<T, Error>) {
    let written = serde_json::to_value(value).expect("JSON");
    assert_eq!(read(&written).as_ref(), Ok(value));
}

fn url(text: &str) {
    let (base, location) = text.split_once('\n').unwrap_or((text, ""));
    let Some(base) = Url::parse(base) else { return };
    let unchanged = |url: &Url| assert_eq!(Url::parse(url.to_secret().expose()).as_ref(), Some(url));
    unchanged(&base);
    assert!(base.same_origin(&base));
    let shown = base.without_secrets();
    assert!(!shown.contains(['?', '#']), "no query shows: {shown}");
    if let Some(joined) = base.join(location) {
        unchanged(&joined);
    }
}
