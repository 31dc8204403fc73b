//! What the page shows, as JSON.
//!
//! Nothing in it is a secret: tokens go by [`TokenId`], of a request's params only harmless ones are told, and of a
//! frame what is picked here.

use std::borrow::ToOwned;
use std::collections::BTreeMap;
use std::format;
use std::string::{String, ToString as _};
use std::vec::Vec;

use serde::Serialize;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::sandbox::service::{
    ConnectionRecord, CredentialsKind, FrameEvent, FrameRecord, IssuedToken, Request, RequestRecord, Service,
};
use crate::wire::{ProtocolMessage, Secret, action};

/// How many tokens are told, the last ones.
const MAX_TOKENS: usize = 100;
/// How many connections are told.
const MAX_CONNECTIONS: usize = 200;
/// How much of the timeline is told, its end.
const MAX_TIMELINE: usize = 250;
/// How long a text may be, in characters.
const MAX_TEXT: usize = 200;
/// A token that has ended is shown for so long, in milliseconds.
const ENDED_TOKENS_SHOWN: i64 = 120_000;
/// The params whose values are told.
const HARMLESS_PARAMS: [&str; 10] =
    ["agent", "capability", "clientId", "echo", "format", "heartbeats", "heartbeatInterval", "timestamp", "ttl", "v"];

/// Everything at once.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct State {
    /// The service's time, in milliseconds since the epoch.
    now: i64,
    /// Whether that time goes by itself.
    clock_runs: bool,
    tokens: List<Token>,
    connections: List<Connection>,
    /// What happened, the last first.
    timeline: Vec<Happening>,
}

/// A part of what there is.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct List<T> {
    shown: Vec<T>,
    left_out: usize,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Token {
    id: TokenId,
    is_jwt: bool,
    key_name: String,
    client_id: Option<String>,
    capability: Option<String>,
    /// As the other instants in milliseconds since the epoch; unknown of a JWT.
    issued: Option<i64>,
    expires: i64,
    revoked_from: Option<i64>,
    /// How many connections have it.
    connections: usize,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Connection {
    id: String,
    /// Else it can only be resumed.
    is_open: bool,
    key_name: String,
    token: Option<TokenId>,
    expires: Option<i64>,
    client_id: Option<String>,
    channels: Vec<String>,
}

#[derive(Serialize)]
struct Happening {
    at: i64,
    #[serde(flatten)]
    what: What,
}

#[derive(Serialize)]
#[serde(tag = "kind", rename_all = "camelCase", rename_all_fields = "camelCase")]
enum What {
    Request {
        method: String,
        target: String,
        secure: bool,
        status: u16,
        code: Option<u32>,
        credentials: Option<String>,
        key_name: Option<String>,
        client_id: Option<String>,
        token: Option<TokenId>,
        note: Option<String>,
    },
    Frame {
        /// `in` from the client, `out` from the service, absent for what is no frame.
        #[serde(skip_serializing_if = "Option::is_none")]
        direction: Option<&'static str>,
        name: String,
        /// Who is at the other end.
        connection: String,
        channel: Option<String>,
        code: Option<u32>,
        message: Option<String>,
        /// The token that an AUTH brings.
        token: Option<TokenId>,
        details: Option<String>,
    },
}

/// A token's name for people: the first eight hexadecimal digits of the SHA-256 of its text.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
struct TokenId(String);

impl TokenId {
    fn of(token: &Secret) -> Self {
        let digest = Sha256::digest(token.expose());
        TokenId(digest[..4].iter().map(|byte| format!("{byte:02x}")).collect())
    }
}

impl State {
    pub(super) fn of(service: &Service, now: i64, clock_runs: bool) -> Self {
        let connections: Vec<ConnectionRecord> = service.connections().collect();
        State {
            now,
            clock_runs,
            tokens: tokens(service, &connections, now),
            connections: List {
                left_out: connections.len().saturating_sub(MAX_CONNECTIONS),
                // Those opened last.
                shown: connections.iter().rev().take(MAX_CONNECTIONS).map(Connection::of).collect(),
            },
            timeline: timeline(service),
        }
    }
}

/// The JWTs that connections have, then the issued tokens that live or have ended just now, the last issued first.
fn tokens(service: &Service, connections: &[ConnectionRecord], now: i64) -> List<Token> {
    let mut used_by: BTreeMap<TokenId, usize> = BTreeMap::new();
    let mut jwts: BTreeMap<TokenId, &ConnectionRecord> = BTreeMap::new();
    for connection in connections {
        let Some(token) = &connection.token else { continue };
        let id = TokenId::of(token);
        *used_by.entry(id.clone()).or_default() += 1;
        if service.find_token(token.expose()).is_none() {
            jwts.insert(id, connection);
        }
    }
    let connections_of = |id: &TokenId| used_by.get(id).copied().unwrap_or_default();

    let ends = |token: &IssuedToken| service.revoked_from(token).map_or(token.expires, |at| at.min(token.expires));
    let issued = service.tokens().filter(|token| ends(token).saturating_add(ENDED_TOKENS_SHOWN) > now);
    let mut issued: Vec<&IssuedToken> = issued.collect();
    issued.reverse();

    let left_out = (jwts.len() + issued.len()).saturating_sub(MAX_TOKENS);
    let jwts = jwts.into_iter().map(|(id, connection)| Token {
        is_jwt: true,
        key_name: connection.key_name.clone(),
        client_id: connection.client_id.as_deref().map(short),
        capability: None,
        issued: None,
        expires: connection.expires.unwrap_or_default(),
        revoked_from: None,
        connections: connections_of(&id),
        id,
    });
    let issued = issued.into_iter().map(|token| {
        let id = TokenId::of(&token.token);
        Token {
            is_jwt: false,
            key_name: token.key_name.clone(),
            client_id: token.client_id.as_deref().map(short),
            capability: Some(short(&token.capability)),
            issued: Some(token.issued),
            expires: token.expires,
            revoked_from: service.revoked_from(token),
            connections: connections_of(&id),
            id,
        }
    });
    List { shown: jwts.chain(issued).take(MAX_TOKENS).collect(), left_out }
}

impl Connection {
    fn of(record: &ConnectionRecord) -> Self {
        Connection {
            id: record.id.clone(),
            is_open: record.transport.is_some(),
            key_name: record.key_name.clone(),
            token: record.token.as_ref().map(TokenId::of),
            expires: record.expires,
            client_id: record.client_id.as_deref().map(short),
            channels: record.channels.iter().map(|channel| short(channel)).collect(),
        }
    }
}

/// The last requests and frames, the last first.
fn timeline(service: &Service) -> Vec<Happening> {
    let frames = service.frames().rev().take(MAX_TIMELINE).map(Happening::of_frame);
    let requests = service.requests().rev().take(MAX_TIMELINE).map(Happening::of_request);
    // Within a millisecond a request comes before the frames that it led to.
    let mut timeline: Vec<Happening> = frames.chain(requests).collect();
    timeline.sort_by_key(|happening| core::cmp::Reverse(happening.at));
    timeline.truncate(MAX_TIMELINE);
    timeline
}

impl Happening {
    fn of_request(record: &RequestRecord) -> Self {
        let has_credentials = record.credentials != CredentialsKind::None;
        let what = What::Request {
            method: short(&record.request.method),
            target: short(&target(&record.request)),
            secure: record.request.secure,
            status: record.status,
            code: record.code,
            credentials: has_credentials.then(|| record.credentials.to_string()),
            key_name: record.key_name.as_deref().map(short),
            client_id: record.client_id.as_deref().map(short),
            token: record.bearer().as_ref().map(TokenId::of),
            note: record.note.as_deref().map(short),
        };
        Happening { at: record.at, what }
    }

    fn of_frame(record: &FrameRecord) -> Self {
        let (direction, name) = match &record.event {
            FrameEvent::Received(message) => (Some("in"), action_name(message)),
            FrameEvent::Malformed { length } => (Some("in"), format!("{length} bytes that are no frame")),
            FrameEvent::Sent(message) => (Some("out"), action_name(message)),
            FrameEvent::Pinged => (Some("out"), "ping".to_owned()),
            FrameEvent::Closed(code) => (None, format!("closed with {code}")),
            FrameEvent::Cut => (None, "cut off".to_owned()),
            FrameEvent::Lost => (None, "lost".to_owned()),
        };
        let message = record.message();
        let error = message.and_then(ProtocolMessage::error);
        let token = message.and_then(|message| message.member("auth")?.get("accessToken")?.as_str());
        let what = What::Frame {
            direction,
            name,
            connection: record.connection_id.clone().unwrap_or_else(|| format!("{:?}", record.transport)),
            channel: message.and_then(ProtocolMessage::channel).map(short),
            code: error.as_ref().map(|error| error.code()),
            message: error.as_ref().map(|error| short(error.message())),
            token: token.map(|token| TokenId::of(&token.into())),
            details: message.and_then(details),
        };
        Happening { at: record.at, what }
    }
}

/// The path and the query, without the values of params that may be secret.
fn target(request: &Request) -> String {
    let mut target = request.path.clone();
    for (index, (name, value)) in request.query_params().enumerate() {
        let value = if HARMLESS_PARAMS.contains(&name.as_str()) { value } else { "…".to_owned() };
        target.push_str(if index == 0 { "?" } else { "&" });
        target.push_str(&format!("{name}={value}"));
    }
    target
}

fn action_name(message: &ProtocolMessage) -> String {
    let name = match message.action() {
        action::HEARTBEAT => "HEARTBEAT",
        action::ACK => "ACK",
        action::NACK => "NACK",
        action::CONNECT => "CONNECT",
        action::CONNECTED => "CONNECTED",
        action::DISCONNECT => "DISCONNECT",
        action::DISCONNECTED => "DISCONNECTED",
        action::CLOSE => "CLOSE",
        action::CLOSED => "CLOSED",
        action::ERROR => "ERROR",
        action::ATTACH => "ATTACH",
        action::ATTACHED => "ATTACHED",
        action::DETACH => "DETACH",
        action::DETACHED => "DETACHED",
        action::PRESENCE => "PRESENCE",
        action::MESSAGE => "MESSAGE",
        action::AUTH => "AUTH",
        other => return format!("action {other}"),
    };
    name.to_owned()
}

/// What else is worth a look: whom a client is taken for, or the names of messages.
fn details(message: &ProtocolMessage) -> Option<String> {
    if let Some(details) = message.connection_details() {
        return Some(format!("clientId {}", details.client_id.as_deref().map_or("none".into(), short)));
    }
    let names = message.member("messages")?.as_array()?.iter();
    let names: Vec<&str> = names.map(|message| message.get("name").and_then(Value::as_str).unwrap_or("-")).collect();
    Some(short(&names.join(", ")))
}

/// As much of a text as fits on a page.
fn short(text: &str) -> String {
    match text.char_indices().nth(MAX_TEXT) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}…", &text[..end]),
    }
}
