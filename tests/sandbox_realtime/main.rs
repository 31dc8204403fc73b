//! The sandbox's realtime connections, in virtual time and without sockets.
#![cfg(feature = "sandbox")]

mod channels;
mod connecting;
mod credentials;
mod faults;
mod liveness;
mod random;
mod resuming;
mod revocation;

use std::collections::BTreeMap;

use ably_auth::options::ApiKey;
use ably_auth::sandbox::{
    Choices, ConnectionRecord, Delivery, Effect, Fault, FrameEvent, KeySpec, KeyStatus, MAX_FRAME_SIZE, Output,
    Request, Service, TransportId, Trigger,
};
use ably_auth::wire::{Error, ErrorKind, ProtocolMessage, TokenRequest, action};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

const NOW: i64 = 1_700_000_000_000;
const SECOND: i64 = 1_000;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;

/// A service with the test app, its time, and what it wants done with each transport.
struct World {
    service: Service,
    keys: Vec<ApiKey>,
    now: i64,
    outputs: BTreeMap<TransportId, Vec<Value>>,
}

impl World {
    fn new() -> Self {
        Self::with_choices(Choices::default())
    }

    fn with_choices(choices: Choices) -> Self {
        let mut service = Service::new([7; 32], choices);
        let keys = service.add_app(KeySpec::test_app()).unwrap();
        World { service, keys, now: NOW, outputs: BTreeMap::new() }
    }

    /// A token of a key of the app, for this time to live and whatever else is wanted.
    fn token(&mut self, key: usize, ttl: i64, wanted: &Value) -> String {
        let mut request = json!({ "keyName": self.keys[key].name(), "ttl": ttl });
        for (name, value) in wanted.as_object().unwrap() {
            request[name] = value.clone();
        }
        let request = TokenRequest::from_json(&request).unwrap();
        self.service.issue_token(&request, self.now).unwrap().token.expose().to_owned()
    }

    /// Opens a transport with this query.
    fn open(&mut self, query: &str) -> TransportId {
        self.open_by(&Request::new("GET", &format!("/?v=6&{query}")))
    }

    fn open_by(&mut self, request: &Request) -> TransportId {
        self.service.connect(request, self.now).unwrap()
    }

    /// Opens a connection, which succeeds.
    #[track_caller]
    fn connect(&mut self, query: &str) -> Connected {
        let transport = self.open(query);
        let connected = self.next(transport);
        assert_eq!(connected["action"], action::CONNECTED, "{connected}");
        Connected { transport, message: connected }
    }

    fn connect_with_token(&mut self, token: &str, query: &str) -> Connected {
        self.connect(&format!("access_token={token}&{query}"))
    }

    fn connect_with_key(&mut self, key: usize, query: &str) -> Connected {
        let key = self.keys[key].expose().to_owned();
        self.connect(&format!("key={key}&{query}"))
    }

    /// That connecting with this query is refused.
    #[track_caller]
    fn refused(&mut self, query: &str) -> (u64, u64) {
        let transport = self.open(query);
        self.ends_with_error(transport)
    }

    /// That a transport gets an ERROR without a channel and is closed; code and status of the error.
    #[track_caller]
    fn ends_with_error(&mut self, transport: TransportId) -> (u64, u64) {
        let message = self.next(transport);
        assert_eq!(message["action"], action::ERROR, "{message}");
        assert!(message.get("channel").is_none());
        let error = error_of(&message);
        let code = if (40140..40150).contains(&error.0) { 1_000 } else { 1_008 };
        assert_eq!(self.next(transport), json!({ "close": code }));
        assert!(self.service.connections().all(|connection| connection.transport != Some(transport)));
        error
    }

    /// That a transport gets DISCONNECTED and is closed, and its connection is kept.
    #[track_caller]
    fn ends_with_disconnected(&mut self, connected: &Connected) -> (u64, u64) {
        let message = self.next(connected.transport);
        assert_eq!(message["action"], action::DISCONNECTED, "{message}");
        assert_eq!(self.next(connected.transport), json!({ "close": 1_000 }));
        assert!(self.connection(connected).unwrap().transport.is_none());
        error_of(&message)
    }

    fn send(&mut self, transport: TransportId, message: &Value) {
        self.service.handle_frame(transport, message.to_string().as_bytes(), self.now);
    }

    /// Sends AUTH with a token.
    fn reauthenticate(&mut self, transport: TransportId, token: &str) {
        self.send(transport, &json!({ "action": action::AUTH, "auth": { "accessToken": token } }));
    }

    /// Lets time pass, stopping wherever something is due.
    fn pass(&mut self, milliseconds: i64) {
        let end = self.now + milliseconds;
        while let Some(at) = self.service.poll_timeout().filter(|at| *at <= end) {
            self.now = at;
            self.service.handle_timeout(at);
            assert!(self.service.poll_timeout().is_none_or(|next| next > at), "what was due was done");
        }
        self.now = end;
        self.service.handle_timeout(end);
    }

    /// Everything that has come over a transport since, other than signs of life.
    fn received(&mut self, transport: TransportId) -> Vec<Value> {
        while let Some((transport, output)) = self.service.poll_output() {
            let value = match output {
                Output::Frame(message) => serde_json::to_value(&*message).unwrap(),
                Output::Ping => json!("ping"),
                Output::Close(code) => json!({ "close": code }),
                Output::Drop => json!("drop"),
            };
            self.outputs.entry(transport).or_default().push(value);
        }
        self.outputs.remove(&transport).unwrap_or_default()
    }

    /// The next thing that has come over a transport, other than pings.
    #[track_caller]
    fn next(&mut self, transport: TransportId) -> Value {
        let mut received = self.received(transport);
        received.retain(|value| value != "ping");
        assert!(!received.is_empty(), "nothing was sent");
        let next = received.remove(0);
        self.outputs.insert(transport, received);
        next
    }

    #[track_caller]
    fn nothing(&mut self, transport: TransportId) {
        let mut received = self.received(transport);
        received.retain(|value| value != "ping");
        assert_eq!(received, Vec::<Value>::new());
    }

    fn connection(&self, connected: &Connected) -> Option<ConnectionRecord> {
        self.service.connections().find(|connection| connection.id == connected.id())
    }
}

/// An open connection, as CONNECTED told it.
struct Connected {
    transport: TransportId,
    message: Value,
}

impl Connected {
    fn id(&self) -> &str {
        self.message["connectionId"].as_str().unwrap()
    }

    fn key(&self) -> &str {
        self.details()["connectionKey"].as_str().unwrap()
    }

    fn details(&self) -> &Value {
        &self.message["connectionDetails"]
    }
}

#[track_caller]
fn error_of(message: &Value) -> (u64, u64) {
    let error = &message["error"];
    (error["code"].as_u64().unwrap(), error["statusCode"].as_u64().unwrap())
}

fn any_error() -> Error {
    Error::new(ErrorKind::Transport, 80003, 500, "the server says so")
}
