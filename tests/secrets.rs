//! A canary: whole sessions with marked secrets, which must show in nothing that may end up in a log.

use std::collections::BTreeSet;
use std::fmt::Debug;

use ably_auth::connection::{ConnectionAction, ConnectionInput, FrameContent};
use ably_auth::http::{Headers, HttpFailure, HttpFailureKind, HttpRequest, HttpResponse};
use ably_auth::options::{AuthOptions, ClientOptions};
use ably_auth::session::{SessionAction, SessionEvent};
use ably_auth::wire::{ProtocolMessage, TokenDetails, TokenParams, TokenRevocationTargetSpecifier};
use ably_auth::{
    Action, AuthMachine, CallbackValue, Error, Event, Now, OpaqueJson, Outcome, RestRequest, Revocation, Session, sign,
};
use serde::Serialize;
use serde_json::{Value, json};

/// What every secret here holds.
const CANARY: &str = "CANARY";

const KEY: &str = "app.key:CANARY-key";
const START: Now = Now::new(1_000, 1_700_000_000_000);

/// Looks at everything that a program may log, and at what was computed from secrets on the way.
#[derive(Default)]
struct Log {
    computed: BTreeSet<String>,
    secrets_used: usize,
}

impl Log {
    fn text(&self, text: &str) {
        let secrets = self.computed.iter().map(String::as_str).chain([CANARY]);
        if let Some(at) = secrets.filter_map(|secret| text.find(secret)).next() {
            let around = text.char_indices().skip_while(|(start, _)| start + 200 < at).take(400);
            panic!("a secret shows in ...{}...", around.map(|(_, c)| c).collect::<String>());
        }
    }

    fn debug(&self, value: &impl Debug) {
        self.text(&format!("{value:?}"));
    }

    fn json(&self, value: &impl Serialize) {
        self.text(&serde_json::to_string(value).expect("JSON"));
    }

    /// Looks at an error in every way there is to.
    fn error(&self, error: &Error) {
        self.debug(error);
        self.json(error);
        let chain = std::iter::successors(Some(error as &dyn std::error::Error), |error| error.source());
        chain.for_each(|error| self.text(&error.to_string()));
    }

    fn action(&mut self, action: &Action) {
        self.used(action);
        match action {
            Action::SendHttp { request, .. } => self.request(request),
            Action::Complete { outcome: Ok(Outcome::TokenRequest(request)), .. } => {
                self.computed.extend(request.mac.as_ref().map(|mac| mac.expose().to_owned()));
            }
            _ => {}
        }
        self.debug(action);
        match action {
            Action::Notice(notice) => self.json(notice),
            Action::Complete { outcome: Err(error), .. }
            | Action::DropConnection { reason: error }
            | Action::FailConnection { reason: error } => self.error(error),
            _ => {}
        }
    }

    fn connection_action(&mut self, action: &ConnectionAction) {
        self.used(action);
        self.debug(action);
        match action {
            ConnectionAction::ConnectionStateChange(change) => self.json(change),
            ConnectionAction::Notice(notice) => self.json(notice),
            _ => {}
        }
    }

    /// What is done, as opposed to what is shown, holds the secrets; else these tests would test nothing.
    fn used(&mut self, action: &impl Serialize) {
        self.secrets_used += usize::from(serde_json::to_string(action).expect("JSON").contains(CANARY));
    }

    fn request(&mut self, request: &HttpRequest) {
        let header = request.headers.find("authorization").unwrap_or_default();
        let body = request.body.as_ref().and_then(|body| serde_json::from_str::<Value>(body.expose()).ok());
        let mac = body.as_ref().and_then(|body| body.get("mac")).and_then(Value::as_str);
        let secrets = [header.strip_prefix("Basic "), mac];
        self.computed.extend(secrets.into_iter().flatten().map(str::to_owned));
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        assert!(self.secrets_used > 0 || std::thread::panicking(), "no secret was ever used");
    }
}

/// How the other side behaves.
#[derive(Clone, Copy, Debug)]
enum Other {
    Works,
    /// Says no, and quotes what it got.
    Quotes,
    /// Answers with a page that holds a secret.
    Html,
    /// Answers with JSON that is cut off.
    Garbage,
    /// Sends one elsewhere.
    Redirects,
    Breaks,
    /// Does not answer.
    Hangs,
}

const OTHERS: [Other; 7] =
    [Other::Works, Other::Quotes, Other::Html, Other::Garbage, Other::Redirects, Other::Breaks, Other::Hangs];

fn sources() -> Vec<ClientOptions> {
    let options = |json: Value| ClientOptions::from_json(&json).expect("options");
    let auth_url = |method: &str| {
        options(json!({
            "authUrl": "https://user:CANARY-password@auth.example/token?q=CANARY-query",
            "authMethod": method,
            "authHeaders": {"x-session": "CANARY-header", "authorization": "Bearer CANARY-bearer"},
            "authParams": {"ticket": "CANARY-param"},
            "transportParams": {"secret": "CANARY-transport"},
        }))
    };
    vec![
        options(json!({"authCallback": "tokens", "clientId": "me", "addRequestIds": true})),
        options(json!({"authCallback": "tokens", "token": "CANARY-given"})),
        auth_url("GET"),
        auth_url("POST"),
        options(json!({"key": KEY, "useTokenAuth": true, "queryTime": true})),
        options(json!({"key": KEY, "recover": "CANARY-recovery"})),
        options(json!({"tokenDetails": {"token": "CANARY-only", "expires": 1}})),
        options(json!({"token": token_request()})),
    ]
}

fn token_request() -> Value {
    json!({"keyName": "app.key", "timestamp": 1, "nonce": "0123456789abcdef", "mac": "CANARY-mac"})
}

fn response(other: Other, request: &HttpRequest) -> Option<Result<HttpResponse, HttpFailure>> {
    let typed = |status, content_type: &str, body: String| {
        Some(Ok(HttpResponse::new(status, Headers::from_iter([("content-type", content_type)]), body)))
    };
    let url = request.url.expose();
    match other {
        Other::Works if url.contains("/time") => typed(200, "application/json", "[1700000000000]".into()),
        Other::Works if url.contains("/revokeTokens") => {
            let results = json!([{"target": "a:b", "error": {"code": 40000, "statusCode": 400, "message": "no"}}]);
            typed(200, "application/json", results.to_string())
        }
        Other::Works => {
            let details = json!({"token": "CANARY-token", "issued": 1, "expires": 2_000_000_000_000_i64});
            typed(200, "application/json", details.to_string())
        }
        Other::Quotes => {
            let quoted = ["authorization", "x-session"].into_iter().filter_map(|name| request.headers.find(name));
            let sent = quoted.collect::<Vec<_>>().join(" ");
            let body = request.body.as_ref().and_then(|body| serde_json::from_str::<Value>(body.expose()).ok());
            let mac = body.as_ref().and_then(|body| body["mac"].as_str()).unwrap_or_default();
            let message = format!("Invalid accessToken in request: {sent} {mac}");
            let error = json!({
                "code": 40142, "statusCode": 401, "message": message,
                "cause": {"code": 40101, "message": message}, "detail": {"sent": message}, "token": "CANARY-unknown",
            });
            typed(401, "application/json", json!({ "error": error }).to_string())
        }
        Other::Html => typed(404, "text/html", "<html>CANARY-page</html>".into()),
        Other::Garbage => typed(200, "application/json", r#"{"token":"CANARY-cut"#.into()),
        Other::Redirects => {
            let headers = Headers::from_iter([("location", "https://user:CANARY@other.example/?q=CANARY")]);
            Some(Ok(HttpResponse::new(302, headers, "CANARY")))
        }
        Other::Breaks => Some(Err(HttpFailure::new(HttpFailureKind::Closed))),
        Other::Hangs => None,
    }
}

fn callback_value(other: Other, id: ably_auth::CallbackId) -> Option<Event> {
    let json = |value: Value| CallbackValue::Json(OpaqueJson(value));
    let value = match other {
        Other::Works => CallbackValue::TokenDetails(TokenDetails::new("CANARY-token")),
        Other::Quotes => json(token_request()),
        Other::Html => CallbackValue::Token("<html>CANARY</html>".into()),
        Other::Garbage => json(json!({"token": ["CANARY"]})),
        Other::Redirects => json(json!(["CANARY"])),
        Other::Breaks => {
            let error = Error::new(ably_auth::ErrorKind::Rejected, 0, 0, "the session has ended");
            return Some(Event::CallbackFailed { id, error });
        }
        Other::Hangs => return None,
    };
    Some(Event::CallbackResult { id, value })
}

fn answer(other: Other, action: &Action) -> Option<Event> {
    match action {
        Action::SendHttp { id, request, .. } => Some(match response(other, request)? {
            Ok(response) => Event::HttpResponse { id: *id, response },
            Err(failure) => Event::HttpFailed { id: *id, failure },
        }),
        Action::InvokeCallback { id, .. } => callback_value(other, *id),
        _ => None,
    }
}

/// The commands, each by itself.
const COMMANDS: [fn(&mut AuthMachine, Now); 9] = [
    |machine, now| {
        machine.credentials(now);
    },
    |machine, now| {
        machine.request(request(), now);
    },
    |machine, now| {
        machine.authorize(None, None, now);
    },
    |machine, now| {
        machine.request_token(None, Some(AuthOptions::with_key(KEY).expect("a key")), now);
    },
    |machine, now| {
        machine.create_token_request(None, Some(AuthOptions::with_key(KEY).expect("a key")), now);
    },
    |machine, now| {
        machine.revoke_tokens(revocation(), now);
    },
    |machine, now| {
        machine.time(now);
    },
    |machine, now| {
        machine.authorize(None, Some(AuthOptions::with_token("CANARY-argument")), now);
    },
    |machine, now| {
        if let Some(token) = machine.token_details().map(|details| details.token.clone()) {
            let message = format!("{} has expired", token.expose());
            let error = Error::new(ably_auth::ErrorKind::Rejected, 40142, 401, message);
            machine.handle_event(Event::TokenRejected { token, error }, now);
        }
    },
];

fn request() -> RestRequest {
    let mut request = RestRequest::new("POST", "/channels/test").with_body(r#"{"data":"CANARY-body"}"#);
    request.headers.append("x-secret", "CANARY-rest-header");
    request.params.push(("q".into(), "CANARY-rest-param".into()));
    request
}

fn revocation() -> Revocation {
    Revocation::new([TokenRevocationTargetSpecifier::client_id("me")])
}

#[test]
fn no_output_of_a_machine_shows_a_secret() {
    let mut log = Log::default();
    for options in sources() {
        for other in OTHERS {
            log.debug(&options);
            let mut machine = AuthMachine::new(options.clone(), [7; 32], START).expect("options");
            let mut now = START;
            for command in COMMANDS {
                // A connection comes in between: then there is more to be told.
                command(&mut machine, now);
                settle(&mut machine, other, &mut now, &mut log);
            }
        }
    }
}

#[test]
fn no_output_of_an_attached_machine_shows_a_secret() {
    let mut log = Log::default();
    let states = [
        r#"{"state": "connecting"}"#,
        r#"{"state": "connected", "connectionDetails": {"clientId": "me", "connectionKey": "CANARY-connection"}}"#,
        r#"{"state": "disconnected", "reason": {"code": 40142, "statusCode": 401, "message": "TOKEN expired"}}"#,
        r#"{"state": "failed", "reason": {"code": 40000, "statusCode": 400, "message": "TOKEN is no good"}}"#,
    ];
    for options in sources() {
        for other in OTHERS {
            let mut machine = AuthMachine::new(options.clone(), [7; 32], START).expect("options");
            let mut now = START;
            for state in states {
                let token = machine.token_details().map_or("", |details| details.token.expose());
                let state = state.replace("TOKEN", token);
                let event = Event::Connection(serde_json::from_str(&state).expect("a connection event"));
                machine.handle_event(event, now);
                settle(&mut machine, other, &mut now, &mut log);
                for command in COMMANDS {
                    command(&mut machine, now);
                    settle(&mut machine, other, &mut now, &mut log);
                }
            }
        }
    }
}

/// Answers everything, or lets the time pass, until the machine has nothing more to do.
fn settle(machine: &mut AuthMachine, other: Other, now: &mut Now, log: &mut Log) {
    for _ in 0..200 {
        log.debug(machine);
        log.text(&machine.explain().to_string());
        let actions: Vec<_> = std::iter::from_fn(|| machine.poll_action()).collect();
        actions.iter().for_each(|action| log.action(action));
        let events: Vec<_> = actions.iter().filter_map(|action| answer(other, action)).collect();
        if events.is_empty() {
            let Some((at, _)) = machine.poll_timeout() else { return };
            *now = Now::new(at, now.unix_ms);
            machine.handle_timeout(*now);
        }
        for event in events {
            log.debug(&event);
            machine.handle_event(event, *now);
        }
    }
    panic!("{other:?}: the machine goes on for ever: {}", machine.explain());
}

#[test]
fn no_output_of_a_session_shows_a_secret() {
    let mut log = Log::default();
    for options in sources() {
        for other in OTHERS {
            let mut session = Session::new(options.clone(), [7; 32], START).expect("options");
            session.connect(START);
            let mut now = START;
            for round in 0..40 {
                log.debug(&session);
                let actions: Vec<_> = std::iter::from_fn(|| session.poll_action()).collect();
                let mut events = Vec::new();
                for action in &actions {
                    log.debug(action);
                    match action {
                        SessionAction::Auth(action) => {
                            log.action(action);
                            events.extend(answer(other, action).map(SessionEvent::Auth));
                        }
                        SessionAction::Connection(action) => {
                            log.connection_action(action);
                            events.extend(connection_answers(action, round).into_iter().map(SessionEvent::Connection));
                        }
                    }
                }
                if events.is_empty() {
                    let Some((at, _)) = session.poll_timeout() else { break };
                    now = Now::new(at, now.unix_ms);
                    session.handle_timeout(now);
                }
                for event in events {
                    log.debug(&event);
                    session.handle_event(event, now);
                }
                if round == 20 {
                    session.authorize(None, None, now);
                }
            }
        }
    }
}

/// A server that connects, quotes the token when it breaks off, asks for new authentication, and speaks nonsense.
fn connection_answers(action: &ConnectionAction, round: usize) -> Vec<ConnectionInput> {
    let ConnectionAction::OpenSocket { id, url } = action else { return Vec::new() };
    let id = *id;
    let token = url.expose().split(['=', '&']).find(|value| value.contains(CANARY)).unwrap_or_default();
    let message = format!("Invalid accessToken in request: {token}");
    let error = json!({"code": 40142, "statusCode": 401, "message": message});
    let frame = |value: Value| {
        let Value::Object(members) = value else { panic!("a frame is an object") };
        ConnectionInput::Frame { id, content: FrameContent::Message(ProtocolMessage::from_members(members)) }
    };
    let connected = json!({
        "action": 4, "connectionId": "id", "connectionDetails": {"connectionKey": "CANARY-connection", "clientId": "*"},
    });
    let mut inputs = vec![ConnectionInput::SocketOpened { id }];
    inputs.extend(match round % 4 {
        0 => vec![frame(connected), frame(json!({"action": 17}))],
        1 => vec![frame(json!({"action": 9, "error": error}))],
        2 => vec![ConnectionInput::Frame { id, content: FrameContent::Text("{CANARY".into()) }, frame(connected)],
        _ => vec![frame(connected), frame(json!({"action": 6, "error": error}))],
    });
    inputs
}

#[test]
fn no_refusal_of_bad_input_quotes_it() {
    let mut log = Log::default();
    let options = [
        json!({"key": "CANARY"}),
        json!({"key": ["CANARY"]}),
        json!({"token": "CANARY\n"}),
        json!({"token": {"token": ["CANARY"]}}),
        json!({"tokenDetails": {"token": "CANARY", "expires": "CANARY"}}),
        json!({"token": {"keyName": "a", "ttl": "CANARY"}}),
        json!({"authUrl": "CANARY"}),
        json!({"authUrl": "https://CANARY:CANARY@a b/"}),
        json!({"authHeaders": {"x": "CANARY\u{0}"}, "authUrl": "https://a.example"}),
        json!({"authParams": {"x": ["CANARY"]}, "authUrl": "https://a.example"}),
        json!({"key": KEY, "tls": false}),
        json!({"key": KEY, "defaultTokenParams": {"nonce": "CANARY"}}),
        json!({"key": KEY, "transportParams": {"x": ["CANARY"]}}),
    ];
    for options in options {
        log.used(&options);
        let error = ClientOptions::from_json(&options)
            .and_then(|options| AuthMachine::new(options, [7; 32], START))
            .expect_err(&options.to_string());
        log.error(&error);
    }
    let events = [
        json!({"callbackResult": {"id": 1, "token": {"CANARY": 1}}}),
        json!({"tokenRejected": {"token": ["CANARY"], "error": {}}}),
        json!({"httpResponse": {"id": 1, "status": 200, "headers": [["CANARY"]], "body": ["CANARY"]}}),
    ];
    for event in events {
        // A serde error of a caller's own line; it says where, and what was expected.
        let error = serde_json::from_value::<Event>(event).expect_err("a malformed event");
        log.text(&error.to_string());
    }
    let key = KEY.parse().expect("a key");
    let request = sign::sign(&key, &TokenParams::default(), 1, "0123456789abcdef").expect("params");
    let wrong = "app.key:CANARY-other".parse().expect("a key");
    let error = sign::verify(&wrong, &request).expect_err("another key");
    log.computed.extend(request.mac.as_ref().map(|mac| mac.expose().to_owned()));
    log.debug(&error);
    log.debug(&(key, wrong, request));
}
