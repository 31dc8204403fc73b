//! What is around a session while a scenario is replayed.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use ably_auth::connection::{ConnectionAction, ConnectionInput, ConnectionStateChange, FrameContent};
use ably_auth::http::{HttpFailureKind, HttpRequest};
use ably_auth::options::AuthOptions;
use ably_auth::wire::TokenParams;
use ably_auth::{Action, Error, HttpId, Now, OperationId, Outcome, Session, SessionAction, SessionEvent, SocketId};
use serde_json::{Map, Value, json};

use super::START;
use super::compare::{Comparison, Url};
use super::recorded;
use super::server::Server;
use crate::vectors::{list, text};

/// What stands for every agent.
pub(super) const AGENT: &str = "an agent";

pub(super) struct Environment<'a> {
    pub(super) session: Session,
    now: Now,
    server: Server<'a>,
    comparison: Comparison,
    /// What the callback does, one call after the other; the last one stands for all that follow.
    script: VecDeque<&'a Value>,
    /// The recorded HTTP requests that have not been met yet.
    exchanges: VecDeque<&'a Value>,
    sockets: Vec<SocketId>,
    frames_of: BTreeMap<u64, usize>,
    /// What has yet to happen, by its time and then its number.
    due: BTreeMap<(u64, usize), SessionEvent>,
    scheduled: usize,
    operations: BTreeMap<OperationId, u64>,
    /// The calls that end with an outcome.
    pub(super) calls: BTreeMap<u64, ()>,
    pub(super) ends: BTreeMap<u64, Result<Outcome, Error>>,
    pub(super) changes: Vec<ConnectionStateChange>,
    pub(super) queries: Vec<Value>,
    pub(super) frames: Vec<(u64, Value)>,
    pub(super) callbacks: Vec<Value>,
    pub(super) found: BTreeSet<String>,
}

impl<'a> Environment<'a> {
    pub(super) fn new(session: Session, scenario: &'a Value) -> Self {
        let events = list(scenario, "events");
        let exchanges = events.iter().filter(|event| event["ev"] == "http").map(|event| &event["exchange"]);
        Environment {
            session,
            now: START,
            server: Server::of(events),
            comparison: Comparison::of(scenario),
            script: scenario["options"]["authCallback"].as_array().into_iter().flatten().collect(),
            exchanges: exchanges.collect(),
            sockets: Vec::new(),
            frames_of: BTreeMap::new(),
            due: BTreeMap::new(),
            scheduled: 0,
            operations: BTreeMap::new(),
            calls: BTreeMap::new(),
            ends: BTreeMap::new(),
            changes: Vec::new(),
            queries: Vec::new(),
            frames: Vec::new(),
            callbacks: Vec::new(),
            found: BTreeSet::new(),
        }
    }

    pub(super) fn is_due_by_itself(&self, event: &Value) -> bool {
        self.server.acts_by_itself(event)
    }

    pub(super) fn has_requests_left(&self) -> bool {
        !self.exchanges.is_empty()
    }

    /// Lets time pass, and everything happen that is due until then, each at its time.
    pub(super) fn wait_until(&mut self, mono: u64) {
        self.obey();
        loop {
            let event_at = self.due.first_key_value().map(|((at, _), _)| *at);
            let deadline = self.session.poll_timeout().map(|(at, _)| at);
            let Some(next) = event_at.into_iter().chain(deadline).min().filter(|next| *next <= mono) else { break };
            self.pass_to(next);
            match self.due.first_entry().filter(|entry| entry.key().0 <= next) {
                Some(entry) => {
                    let event = entry.remove();
                    self.session.handle_event(event, self.now);
                }
                None => self.session.handle_timeout(self.now),
            }
            self.obey();
        }
        self.pass_to(mono);
    }

    fn pass_to(&mut self, mono: u64) {
        let mono = mono.max(self.now.mono);
        self.now = Now::new(mono, START.unix_ms + mono as i64);
    }

    pub(super) fn call(&mut self, event: &Value) {
        let arg = |index: usize| event["args"].get(index).filter(|arg| !arg.is_null());
        let params = arg(0).map(|params| TokenParams::from_json(params).expect("token params"));
        let options = arg(1).map(|options| AuthOptions::from_json(options).expect("auth options"));
        let operation = match text(event, "name") {
            "connect" => {
                self.session.connect(self.now);
                None
            }
            "close" => {
                self.session.close(self.now);
                None
            }
            "authorize" => Some(self.session.authorize(params, options, self.now)),
            "requestToken" => Some(self.session.request_token(params, options, self.now)),
            other => panic!("no such call: {other}"),
        };
        if let Some(operation) = operation {
            let id = event["id"].as_u64().expect("an id");
            self.operations.insert(operation, id);
            self.calls.insert(id, ());
        }
        self.obey();
    }

    /// The server does something now.
    pub(super) fn server_acts(&mut self, event: &Value) {
        if let Some(input) = self.input_of(event) {
            self.session.handle_event(input.into(), self.now);
        }
        self.obey();
    }

    fn input_of(&self, event: &Value) -> Option<ConnectionInput> {
        let conn = event["conn"].as_u64().expect("a connection") as usize;
        let id = *self.sockets.get(conn - 1)?;
        let closed = |kind| ConnectionInput::SocketClosed { id, kind: Some(kind), status: None, message: None };
        Some(match text(event, "ev") {
            "ws.dropped" => closed(HttpFailureKind::Closed),
            "ws.refused" => closed(HttpFailureKind::Connect),
            _ => ConnectionInput::Frame { id, content: FrameContent::Text(event["frame"].to_string().into()) },
        })
    }

    fn obey(&mut self) {
        while let Some(action) = self.session.poll_action() {
            match action {
                SessionAction::Auth(action) => self.obey_auth(action),
                SessionAction::Connection(action) => self.obey_connection(action),
            }
        }
    }

    fn obey_auth(&mut self, action: Action) {
        match action {
            Action::SendHttp { id, request, .. } => self.on_request(id, &request),
            Action::InvokeCallback { id, token_params, .. } => {
                self.callbacks.push(json!(token_params));
                let answer = self.script[0];
                if self.script.len() > 1 {
                    self.script.pop_front();
                }
                if let Some(event) = recorded::callback_event(id, answer) {
                    self.schedule(answer["delayMs"].as_u64().unwrap_or(0), event.into());
                }
            }
            Action::Complete { operation, outcome } => {
                let earlier = self.ends.insert(self.operations[&operation], outcome);
                assert!(earlier.is_none(), "{operation:?} completed twice");
            }
            _ => {}
        }
    }

    fn obey_connection(&mut self, action: ConnectionAction) {
        match action {
            ConnectionAction::OpenSocket { id, url } => {
                self.sockets.push(id);
                self.queries.push(query_of(url.expose()));
                self.schedule(0, ConnectionInput::SocketOpened { id }.into());
                let conn = self.sockets.len() as u64;
                self.schedule_server(self.server.on_connect(conn));
            }
            ConnectionAction::SendFrame { id, message } => {
                let conn = self.sockets.iter().position(|socket| *socket == id).expect("a socket of ours") as u64 + 1;
                self.frames.push((conn, json!(message)));
                let number = self.frames_of.entry(conn).or_default();
                *number += 1;
                let answers = self.server.on_frame(conn, *number);
                self.schedule_server(answers);
            }
            ConnectionAction::ConnectionStateChange(change) => self.changes.push(change),
            _ => {}
        }
    }

    fn on_request(&mut self, id: HttpId, request: &HttpRequest) {
        let url = Url::parse(request.url.expose());
        let is_met = self.exchanges.front().is_some_and(|exchange| {
            let recorded = &exchange["request"];
            recorded["method"] == *request.method
                && (recorded["server"] == "auth") == (url.host == recorded::AUTH_SERVER)
        });
        match is_met.then(|| self.exchanges.pop_front()).flatten() {
            Some(exchange) => {
                self.found.extend(self.comparison.request(request, &exchange["request"], self.now.unix_ms));
                if let Some(event) = recorded::http_event(id, &exchange["response"]) {
                    self.schedule(0, event.into());
                }
            }
            None => {
                self.found.insert("requests".to_owned());
            }
        }
    }

    fn schedule_server(&mut self, actions: Vec<(u64, &'a Value)>) {
        for (delay, event) in actions {
            if let Some(input) = self.input_of(event) {
                self.schedule(delay, input.into());
            }
        }
    }

    fn schedule(&mut self, delay: u64, event: SessionEvent) {
        self.scheduled += 1;
        self.due.insert((self.now.mono + delay, self.scheduled), event);
    }
}

fn query_of(url: &str) -> Value {
    let (_, query) = url.split_once("/?").expect("a query");
    let mut pairs = Map::new();
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        let value = if name == "agent" && value.starts_with("ably-auth/") { AGENT.into() } else { value };
        assert!(pairs.insert(name.to_string(), value.into_owned().into()).is_none(), "{name} is there twice");
    }
    Value::Object(pairs)
}
