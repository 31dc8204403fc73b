//! What a client goes through with its secrets.

use ably_auth::connection::{ConnectionAction, ConnectionInput, FrameContent};
use ably_auth::http::{Headers, HttpFailure, HttpFailureKind, HttpResponse};
use ably_auth::options::{AuthMethod, AuthOptions, ClientOptions};
use ably_auth::wire::{ProtocolMessage, Secret, TokenDetails, TokenRequest};
use ably_auth::{
    Action, AuthMachine, CallbackValue, Credentials, Error, ErrorKind, Event, HttpId, Now, OpaqueJson, Outcome,
    RestRequest, Session, SessionAction, SessionEvent,
};
use serde_json::Value;

use crate::watch::unwatched;

const NOW: Now = Now::new(1_000, 1_700_000_000_000);
const SEED: [u8; 32] = [7; 32];

pub const KEY: &str = "appId.keyId:SECRET-of-the-key-0123456789abcdef0123456789abcdef";
pub const GIVEN: &str = "TOKEN-that-was-given-0123456789abcdef0123456789abcdef0123456789abcdef";
pub const FIRST: &str = "FIRST-token-of-a-source-0123456789abcdef0123456789abcdef0123456789abcdef";
pub const SECOND: &str = "SECOND-token-of-a-source-0123456789abcdef0123456789abcdef0123456789abcdef";
pub const AUTH_HEADER: &str = "HEADER-of-the-auth-url-0123456789abcdef0123456789abcdef";
pub const AUTH_PARAM: &str = "PARAM-of-the-auth-url-0123456789abcdef0123456789abcdef";
pub const AUTH_QUERY: &str = "QUERY-of-the-auth-url-0123456789abcdef0123456789abcdef";
pub const BODY: &str = "BODY-of-a-request-0123456789abcdef0123456789abcdef0123456789abcdef";
pub const REST_HEADER: &str = "REST-header-value-0123456789abcdef0123456789abcdef";
pub const REST_PARAM: &str = "REST-param-value-0123456789abcdef0123456789abcdef";
pub const ANSWER: &str = "ANSWER-to-a-request-0123456789abcdef0123456789abcdef";
pub const ANSWER_HEADER: &str = "ANSWERED-header-value-0123456789abcdef0123456789abcdef";
pub const CONNECTION_KEY: &str = "CONNECTION-key-0123456789abcdef0123456789abcdef0123456789abcdef";
pub const RECOVERY: &str = "RECOVERY-key-0123456789abcdef0123456789abcdef";
pub const MAC: &str = "MAC-of-a-request-0123456789abcdef0123456789abcdef";

/// A scene by name. It ends with everything dropped.
pub const SCENES: [(&str, fn()); 10] = [
    ("a request with basic auth", basic),
    ("signing and exchanging", exchange),
    ("a token that was given is rejected", given),
    ("tokens of a callback, renewed", callback),
    ("token details of a callback", callback_details),
    ("a signed request of a callback", callback_request),
    ("JSON of a callback", callback_json),
    ("an authUrl by GET and POST", auth_url),
    ("errors that quote what they got", errors),
    ("a connection, authenticated anew and resumed", connection),
];

/// What the crate does not promise: parsers need buffers of their own for text with escapes in it.
pub const BEYOND: [(&str, fn()); 2] =
    [("JSON with escapes in its texts", escaped_json), ("an authUrl's query with escapes", escaped_query)];

fn escaped_json() {
    let mut machine = machine(AuthOptions::with_url("https://auth.example/token").unwrap());
    machine.credentials(NOW);
    let id = next_http(&mut machine);
    let headers = Headers::from_iter([("Content-Type", "application/json")]);
    let body = unwatched(|| format!("{{\"token\":\"{FIRST}\\u002d{SECOND}\"}}"));
    machine.handle_event(Event::HttpResponse { id, response: HttpResponse::new(200, headers, body) }, NOW);
    assert!(completed(&mut machine).is_ok());
}

fn escaped_query() {
    let url = unwatched(|| format!("https://auth.example/token?q={AUTH_QUERY}%2d{AUTH_PARAM}"));
    let options = AuthOptions::with_url(&url).unwrap();
    unwatched(|| drop(url));
    let mut machine = machine(options);
    machine.credentials(NOW);
    next_http(&mut machine);
}

fn basic() {
    let mut machine = machine(AuthOptions::with_key(KEY).unwrap());
    let mut request = RestRequest::new("POST", "/channels/test/messages").with_body(BODY);
    request.headers.append("X-Secret", REST_HEADER);
    request.params.push(("secret".into(), REST_PARAM.into()));
    machine.request(request, NOW);
    let id = next_http(&mut machine);
    let headers = Headers::from_iter([("Content-Type", "application/json"), ("X-Secret", ANSWER_HEADER)]);
    machine.handle_event(Event::HttpResponse { id, response: HttpResponse::new(201, headers, ANSWER) }, NOW);
    assert!(matches!(completed(&mut machine), Ok(Outcome::Response(response)) if response.response.status == 201));
}

fn exchange() {
    exchange_seen_by(|_| {});
}

/// The MACs that the scene makes; they follow from the seed.
pub fn macs() -> Vec<String> {
    let mut macs = Vec::new();
    exchange_seen_by(|mac| macs.push(mac.to_owned()));
    macs
}

fn exchange_seen_by(mut see: impl FnMut(&str)) {
    let mut options = AuthOptions::with_key(KEY).unwrap();
    options.use_token_auth = Some(true);
    let mut machine = machine(options);
    machine.create_token_request(None, None, NOW);
    match completed(&mut machine) {
        Ok(Outcome::TokenRequest(request)) => see(request.mac.unwrap().expose()),
        other => panic!("{other:?}"),
    }
    machine.credentials(NOW);
    // A host that fails is not asked again; the next one gets another signature.
    let id = next_exchange(&mut machine, &mut see);
    machine.handle_event(Event::HttpFailed { id, failure: HttpFailure::new(HttpFailureKind::Closed) }, NOW);
    let id = next_exchange(&mut machine, &mut see);
    machine.handle_event(Event::HttpResponse { id, response: details(FIRST) }, NOW);
    hold(credentials(&mut machine), FIRST);
}

fn next_exchange(machine: &mut AuthMachine, see: &mut impl FnMut(&str)) -> HttpId {
    while let Some(action) = machine.poll_action() {
        if let Action::SendHttp { id, request, .. } = action {
            let body = request.body.unwrap();
            see(body.expose().split("\"mac\":\"").nth(1).unwrap().split('"').next().unwrap());
            return id;
        }
    }
    panic!("no exchange")
}

fn given() {
    let mut machine = machine(AuthOptions::with_token(GIVEN));
    machine.credentials(NOW);
    hold(credentials(&mut machine), GIVEN);
    reject(&mut machine, GIVEN);
    machine.credentials(NOW);
    assert!(completed(&mut machine).is_err());
}

fn callback() {
    let mut machine = machine(AuthOptions::with_callback("tokens"));
    machine.credentials(NOW);
    return_token(&mut machine, CallbackValue::Token(FIRST.into()));
    hold(credentials(&mut machine), FIRST);
    reject(&mut machine, FIRST);
    machine.request(RestRequest::new("GET", "/time").with_body(BODY), NOW);
    return_token(&mut machine, CallbackValue::Token(SECOND.into()));
    let id = next_http(&mut machine);
    // The service rejects that one too; the third is the first again.
    machine.handle_event(Event::HttpResponse { id, response: refusal("token expired") }, NOW);
    return_token(&mut machine, CallbackValue::Token(FIRST.into()));
    let id = next_http(&mut machine);
    machine.handle_event(Event::HttpResponse { id, response: HttpResponse::new(204, Headers::new(), "") }, NOW);
    assert!(completed(&mut machine).is_ok());
}

fn callback_details() {
    let mut machine = machine(AuthOptions::with_callback("tokens"));
    machine.credentials(NOW);
    let mut details = TokenDetails::new(FIRST);
    details.expires = Some(NOW.unix_ms + 3_600_000);
    return_token(&mut machine, CallbackValue::TokenDetails(details));
    hold(credentials(&mut machine), FIRST);
    drop(machine.clone());
}

fn callback_request() {
    let mut machine = machine(AuthOptions::with_callback("tokens"));
    machine.credentials(NOW);
    let mut request = TokenRequest::new("appId.keyId");
    request.timestamp = Some(NOW.unix_ms);
    request.nonce = Some("0123456789abcdef".into());
    request.mac = Some(MAC.into());
    return_token(&mut machine, CallbackValue::TokenRequest(request));
    let id = next_http(&mut machine);
    machine.handle_event(Event::HttpResponse { id, response: details(FIRST) }, NOW);
    hold(credentials(&mut machine), FIRST);
}

fn callback_json() {
    let mut machine = machine(AuthOptions::with_callback("tokens"));
    machine.credentials(NOW);
    let value = CallbackValue::Json(OpaqueJson(unwatched(|| serde_json::json!({ "token": FIRST, "issued": 1 }))));
    return_token(&mut machine, value);
    hold(credentials(&mut machine), FIRST);
    // One that nobody waits for any more.
    let value = CallbackValue::Json(OpaqueJson(unwatched(|| serde_json::json!([{ "token": SECOND }]))));
    machine.handle_event(Event::CallbackResult { id: 9.into(), value }, NOW);
}

fn auth_url() {
    for method in [AuthMethod::Get, AuthMethod::Post] {
        let url = unwatched(|| format!("https://auth.example/token?q={AUTH_QUERY}"));
        let mut options = AuthOptions::with_url(&url).unwrap();
        unwatched(|| drop(url));
        options.auth_method = method;
        options.auth_headers.append("X-Session", AUTH_HEADER);
        options.auth_params.push(("ticket".into(), AUTH_PARAM.into()));
        let mut machine = machine(options);
        machine.credentials(NOW);
        let id = next_http(&mut machine);
        machine.handle_event(Event::HttpResponse { id, response: details(FIRST) }, NOW);
        hold(credentials(&mut machine), FIRST);
        reject(&mut machine, FIRST);
        machine.credentials(NOW);
        let id = next_http(&mut machine);
        let text = HttpResponse::new(200, Headers::from_iter([("content-type", "text/plain")]), SECOND);
        machine.handle_event(Event::HttpResponse { id, response: text }, NOW);
        hold(credentials(&mut machine), SECOND);
    }
}

fn errors() {
    let mut machine = machine(AuthOptions::with_callback("tokens"));
    machine.request(RestRequest::new("GET", "/channels/test"), NOW);
    return_token(&mut machine, CallbackValue::Token(FIRST.into()));
    let id = next_http(&mut machine);
    machine.handle_event(Event::HttpResponse { id, response: quoting(FIRST) }, NOW);
    return_token(&mut machine, CallbackValue::Token(SECOND.into()));
    let id = next_http(&mut machine);
    machine.handle_event(Event::HttpResponse { id, response: quoting(SECOND) }, NOW);
    assert!(completed(&mut machine).is_err());
}

fn connection() {
    let mut options = ClientOptions::with_auth(AuthOptions::with_callback("tokens"));
    options.recover = Some(RECOVERY.into());
    let mut session = Session::new(options, SEED, NOW).unwrap();
    session.connect(NOW);
    give_token(&mut session, FIRST);
    let socket = connect(&mut session);
    drop(session.connection().create_recovery_key());
    let reauth = ProtocolMessage::new(17);
    session.handle_event(frame(socket, reauth), NOW);
    give_token(&mut session, SECOND);
    let is_auth = |action| matches!(action, SessionAction::Connection(ConnectionAction::SendFrame { .. }));
    assert!(std::iter::from_fn(|| session.poll_action()).any(is_auth));
    let lost = ConnectionInput::SocketClosed { id: socket, kind: None, status: None, message: None };
    session.handle_event(SessionEvent::Connection(lost), NOW);
    connect(&mut session);
    session.close(NOW);
}

fn machine(auth: AuthOptions) -> AuthMachine {
    AuthMachine::new(ClientOptions::with_auth(auth), SEED, NOW).unwrap()
}

fn next_http(machine: &mut AuthMachine) -> HttpId {
    std::iter::from_fn(|| machine.poll_action())
        .find_map(|action| match action {
            Action::SendHttp { id, .. } => Some(id),
            _ => None,
        })
        .expect("a request")
}

fn return_token(machine: &mut AuthMachine, value: CallbackValue) {
    let id = std::iter::from_fn(|| machine.poll_action()).find_map(|action| match action {
        Action::InvokeCallback { id, .. } => Some(id),
        _ => None,
    });
    machine.handle_event(Event::CallbackResult { id: id.expect("a call"), value }, NOW);
}

fn completed(machine: &mut AuthMachine) -> Result<Outcome, Error> {
    std::iter::from_fn(|| machine.poll_action())
        .find_map(|action| match action {
            Action::Complete { outcome, .. } => Some(outcome),
            _ => None,
        })
        .expect("an outcome")
}

fn credentials(machine: &mut AuthMachine) -> Credentials {
    match completed(machine) {
        Ok(Outcome::Credentials(credentials)) => credentials,
        other => panic!("{other:?}"),
    }
}

fn hold(credentials: Credentials, token: &str) {
    assert_eq!(credentials.access_token(), Some(token));
}

fn reject(machine: &mut AuthMachine, token: &str) {
    let error = Error::new(ErrorKind::Rejected, 40142, 401, "token expired");
    machine.handle_event(Event::TokenRejected { token: token.into(), error }, NOW);
}

/// The memory of what stands for the network is not the crate's: it is filled unwatched, and given over as it is.
fn json(status: u16, value: Value) -> HttpResponse {
    let body = unwatched(|| {
        let body = value.to_string().into_bytes();
        drop(value);
        body
    });
    HttpResponse::new(status, Headers::from_iter([("Content-Type", "application/json")]), body)
}

fn details(token: &str) -> HttpResponse {
    let expires = NOW.unix_ms + 3_600_000;
    json(200, unwatched(|| serde_json::json!({ "token": token, "issued": NOW.unix_ms, "expires": expires })))
}

fn refusal(message: &str) -> HttpResponse {
    json(401, unwatched(|| serde_json::json!({ "error": { "code": 40142, "statusCode": 401, "message": message } })))
}

fn quoting(token: &str) -> HttpResponse {
    let message = unwatched(|| format!("Invalid accessToken in request: {token}"));
    let response = refusal(&message);
    unwatched(|| drop(message));
    response
}

fn give_token(session: &mut Session, token: &str) {
    let id = std::iter::from_fn(|| session.poll_action()).find_map(|action| match action {
        SessionAction::Auth(Action::InvokeCallback { id, .. }) => Some(id),
        _ => None,
    });
    let value = CallbackValue::Token(token.into());
    let event = Event::CallbackResult { id: id.expect("a call"), value };
    session.handle_event(SessionEvent::Auth(event), NOW);
}

/// Opens the socket that the session wants, and has the service say CONNECTED.
fn connect(session: &mut Session) -> ably_auth::SocketId {
    let id = std::iter::from_fn(|| session.poll_action()).find_map(|action| match action {
        SessionAction::Connection(ConnectionAction::OpenSocket { id, .. }) => Some(id),
        _ => None,
    });
    let id = id.expect("a socket");
    session.handle_event(SessionEvent::Connection(ConnectionInput::SocketOpened { id }), NOW);
    let connected = unwatched(|| {
        let details = serde_json::json!({ "connectionKey": CONNECTION_KEY, "clientId": "*" });
        serde_json::json!({ "action": 4, "connectionId": "id", "connectionDetails": details }).to_string()
    });
    let content = FrameContent::Text(Secret::new(connected));
    session.handle_event(SessionEvent::Connection(ConnectionInput::Frame { id, content }), NOW);
    assert_eq!(session.connection().state(), ably_auth::ConnectionState::Connected);
    id
}

fn frame(id: ably_auth::SocketId, message: ProtocolMessage) -> SessionEvent {
    SessionEvent::Connection(ConnectionInput::Frame { id, content: FrameContent::Message(message) })
}
