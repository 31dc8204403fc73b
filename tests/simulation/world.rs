//! A run: a service, its clients, the time, and what is to happen.
//!
//! Time goes from one thing that happens to the next. In the first part things go wrong; then they do not any more,
//! what is still under way comes to its end, and every client has to come back within its patience, and to stay.

use std::collections::BTreeMap;

use ably_auth::connection::{ConnectionInput, FrameContent};
use ably_auth::http::HttpRequest;
use ably_auth::options::ApiKey;
use ably_auth::sandbox::{Choices, KeySpec, Request, Service, TransportId};
use ably_auth::trace::{Command, Input};
use ably_auth::wire::{TokenParams, action};
use ably_auth::{CallbackId, CallbackValue, ConnectionState, Event, HttpId, RestRequest, SessionEvent, SocketId};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::client::{Client, Defect, Source};
use super::dice::Dice;
use super::faults::{Kind, Tally};
use super::network::{Line, error};

/// The longest that anything takes that goes wrong, in milliseconds.
const LATEST: u64 = 40_000;
/// How long clients have to stay connected once they are.
const STAY: u64 = 60_000;
/// More inputs than a run has reason for.
const MOST_INPUTS: u64 = 100_000;

/// What happens at some time.
#[allow(clippy::large_enum_variant, reason = "few are under way at a time")]
pub enum Happening {
    Request {
        client: usize,
        id: HttpId,
        request: HttpRequest,
    },
    Dial {
        client: usize,
        id: SocketId,
        url: String,
    },
    FrameUp {
        client: usize,
        id: SocketId,
        frame: Vec<u8>,
    },
    Hangup {
        client: usize,
        id: SocketId,
    },
    Tell {
        client: usize,
        input: Input,
    },
    Fault(Kind, usize),
    /// The application does something.
    Act(usize),
}

pub struct World {
    pub dice: Dice,
    pub time: u64,
    heal_at: u64,
    trouble: u64,
    queue: BTreeMap<(u64, u64), Happening>,
    sequence: u64,
    pub service: Service,
    keys: Vec<(ApiKey, KeySpec)>,
    pub clients: Vec<Client>,
    pub lines: BTreeMap<(usize, SocketId), Line>,
    pub transports: BTreeMap<TransportId, (usize, SocketId)>,
    pub tally: Tally,
    pub defect: Defect,
}

impl World {
    pub fn new(seed: u64, defect: Defect) -> Self {
        let mut dice = Dice::new(seed);
        let count = dice.between(1, 5) as usize;
        let specs = [KeySpec::full(), KeySpec::full().revocable(), KeySpec::full(), KeySpec::full().revocable()];
        let mut service = Service::new(dice.seed(), Choices::default());
        let names = service.add_app(specs.clone()).unwrap();
        let keys: Vec<_> = names.into_iter().zip(specs).collect();
        let clients = (0..count).map(|number| Client::new(number, keys[number].0.clone(), &mut dice)).collect();
        let heal_at = dice.between(60_000, 300_000);
        let trouble = dice.pick(&[0, 20, 80, 200]);
        let mut world = World {
            dice,
            time: 1_000,
            heal_at,
            trouble,
            queue: BTreeMap::new(),
            sequence: 0,
            service,
            keys,
            clients,
            lines: BTreeMap::new(),
            transports: BTreeMap::new(),
            tally: Tally::default(),
            defect,
        };
        world.plan();
        world
    }

    fn plan(&mut self) {
        for client in 0..self.clients.len() {
            let seed = self.dice.seed();
            let actions = self.clients[client].start(seed, self.time);
            self.perform(client, actions);
            self.tell(client, Input::Connect);
            for _ in 0..self.dice.between(2, 12) {
                let after = self.dice.between(0, self.heal_at);
                self.later(after, Happening::Act(client));
            }
        }
        for _ in 0..self.dice.between(0, 12) {
            let kind = self.dice.pick(&Kind::PLANNED);
            let client = self.dice.between(0, self.clients.len() as u64) as usize;
            let after = self.dice.between(0, self.heal_at);
            self.later(after, Happening::Fault(kind, client));
        }
    }

    pub fn is_calm(&self) -> bool {
        self.time >= self.heal_at
    }

    pub fn goes_wrong(&mut self) -> bool {
        !self.is_calm() && self.dice.chance(self.trouble)
    }

    pub fn service_now(&self) -> i64 {
        1_700_000_000_000 + self.time as i64
    }

    pub fn later(&mut self, after: u64, happening: Happening) {
        self.sequence += 1;
        self.queue.insert((self.time + after, self.sequence), happening);
    }

    /// Lets happen what happens until then; `is_over` may end it earlier.
    pub fn run_until(&mut self, end: u64, mut is_over: impl FnMut(&mut World) -> bool) {
        while !is_over(self) {
            let queued = self.queue.first_key_value().map(|((at, _), _)| *at);
            let service = self.service.poll_timeout().map(|at| (at - 1_700_000_000_000) as u64);
            let clients = self.clients.iter().map(|client| {
                let is_woken = self.defect != Defect::NeverWoken;
                client.due().filter(|_| is_woken || client.asleep_until.is_some())
            });
            let next = clients.chain([queued, service]).flatten().min().map(|at| at.max(self.time));
            let Some(next) = next.filter(|at| *at <= end) else {
                self.tally.virtual_ms += end - self.time;
                self.time = end;
                return;
            };
            self.tally.virtual_ms += next - self.time;
            self.time = next;
            self.step(queued, service);
        }
    }

    fn step(&mut self, queued: Option<u64>, service: Option<u64>) {
        if queued.is_some_and(|at| at <= self.time) {
            if let Some((_, happening)) = self.queue.pop_first() {
                self.happen(happening);
            }
        } else if service.is_some_and(|at| at <= self.time) {
            let now = self.service_now();
            self.service.handle_timeout(now);
            self.hand_out();
        } else {
            for client in 0..self.clients.len() {
                if self.clients[client].due().is_some_and(|at| at <= self.time) {
                    self.wake(client);
                }
            }
        }
    }

    fn happen(&mut self, happening: Happening) {
        match happening {
            Happening::Request { client, id, request } => self.on_request(client, id, &request),
            Happening::Dial { client, id, url } => self.on_dial(client, id, &url),
            Happening::FrameUp { client, id, frame } => self.on_frame(client, id, &frame),
            Happening::Hangup { client, id } => self.on_hangup(client, id),
            Happening::Tell { client, input } => self.tell(client, input),
            Happening::Act(client) => self.act(client),
            Happening::Fault(kind, client) => self.go_wrong(kind, client),
        }
    }

    fn wake(&mut self, client: usize) {
        let was_asleep = self.clients[client].asleep_until.take().is_some();
        let inbox = std::mem::take(&mut self.clients[client].inbox);
        if was_asleep && self.dice.chance(500) {
            inbox.into_iter().for_each(|input| self.tell(client, input));
            return self.tell(client, Input::Timeout);
        }
        self.tell(client, Input::Timeout);
        inbox.into_iter().for_each(|input| self.tell(client, input));
    }

    pub fn tell(&mut self, number: usize, input: Input) {
        let client = &mut self.clients[number];
        if client.asleep_until.is_some() {
            return client.inbox.push(input);
        }
        if let Input::Event(SessionEvent::Connection(input)) = &input {
            note(client, input);
        }
        self.tally.inputs += 1;
        assert!(self.tally.inputs < MOST_INPUTS, "there is no end of it");
        let actions = client.take(input, self.time);
        self.perform(number, actions);
    }

    /// The application's callback.
    pub fn call(&mut self, client: usize, id: CallbackId, params: &TokenParams) {
        let mut late = self.dice.between(5, 200);
        if self.goes_wrong() {
            use Kind::{CallbackFailed, CallbackForbidden, CallbackNever, CallbackSlow};
            let kind =
                self.dice.pick(&[CallbackFailed, CallbackFailed, CallbackForbidden, CallbackSlow, CallbackNever]);
            self.tally.count(kind);
            match kind {
                CallbackNever => return,
                CallbackSlow => late = self.dice.between(3_000, 25_000),
                _ => {
                    let status = if kind == CallbackForbidden { 403 } else { 500 };
                    return self.answer(client, Event::CallbackFailed { id, error: error(0, status) }, late);
                }
            }
        }
        let value = self.obtain(client, params);
        self.answer(client, Event::CallbackResult { id, value }, late);
    }

    fn obtain(&mut self, client: usize, params: &TokenParams) -> CallbackValue {
        let now = self.service_now();
        let Client { source, key, .. } = &self.clients[client];
        let nonce = format!("{:032x}", self.dice.next());
        let request = ably_auth::sign::sign(key, params, now, &nonce).unwrap();
        match source {
            Source::CallbackRequest => CallbackValue::TokenRequest(request),
            Source::CallbackJwt => self.service.issue_jwt(&request, None, now).unwrap().into(),
            Source::CallbackToken => self.service.issue_token(&request, now).unwrap().details().token.into(),
            _ => self.service.issue_token(&request, now).unwrap().details().into(),
        }
    }

    fn act(&mut self, client: usize) {
        let what = self.dice.between(0, 10);
        let command = match what {
            0 => return self.tell(client, Input::Close),
            1 | 2 => return self.tell(client, Input::Connect),
            3 | 4 if self.clients[client].source != Source::Basic => {
                let capability = self.dice.chance(500).then(|| r#"{"a":["subscribe"]}"#.parse().unwrap());
                let params = TokenParams { ttl: Some(self.clients[client].ttl), capability, ..TokenParams::default() };
                Command::Authorize(Some(params), None)
            }
            5 if self.clients[client].source != Source::Basic => Command::RequestToken(None, None),
            6 => match self.clients[client].running.first() {
                Some(operation) => Command::Cancel(*operation),
                None => Command::Time,
            },
            7 => Command::Credentials,
            _ => Command::Request(RestRequest::new("GET", "/channels/a/messages")),
        };
        self.tell(client, Input::Command(command));
    }

    fn go_wrong(&mut self, kind: Kind, number: usize) {
        let lasts = self.dice.between(1_000, 30_000);
        let until = (self.time + lasts).min(self.heal_at);
        let now = self.service_now();
        let client = &mut self.clients[number];
        let id = client.connection_id.clone().unwrap_or_default();
        let happened = match kind {
            Kind::Partition => {
                client.cut_off_until = until;
                if lasts % 2 == 0 {
                    self.tell(number, Input::Event(SessionEvent::Connection(ConnectionInput::Network { up: false })));
                    let up = Input::Event(SessionEvent::Connection(ConnectionInput::Network { up: true }));
                    self.later(until - self.time, Happening::Tell { client: number, input: up });
                }
                true
            }
            Kind::HalfOpen => {
                let socket = client.socket;
                let line = socket.and_then(|id| self.lines.get_mut(&(number, id)));
                line.map(|line| line.is_dead = true).is_some()
            }
            Kind::WallJump => {
                client.wall_offset += lasts as i64 * if lasts % 2 == 0 { 3 } else { -3 };
                true
            }
            Kind::Suspended | Kind::Oversleep if client.asleep_until.is_none() => {
                client.asleep_until = Some(until);
                if kind == Kind::Suspended {
                    client.stopped += until - self.time;
                }
                true
            }
            Kind::Suspended | Kind::Oversleep => false,
            Kind::SocketCut => self.service.drop_transport(&id, now),
            Kind::Disconnected => self.service.disconnect(&id, error(80003, 503), now),
            Kind::ReauthRequested => self.service.request_reauth(&id, now),
            Kind::Revoked | Kind::RevokedWithMargin => self.revoke(number, kind == Kind::RevokedWithMargin),
            Kind::Restart => {
                self.service.drop_all_transports(now);
                true
            }
            Kind::MemoryLost => {
                self.service.drop_all_transports(now);
                self.hand_out();
                self.transports.clear();
                self.lines.values_mut().for_each(|line| line.transport = None);
                self.service = Service::new(self.dice.seed(), Choices::default());
                for (key, spec) in &self.keys {
                    self.service.add_key(key.clone(), spec.clone()).unwrap();
                }
                true
            }
            _ => unreachable!("it is not planned"),
        };
        self.hand_out();
        if happened {
            self.tally.count(kind);
        }
    }

    fn revoke(&mut self, number: usize, with_margin: bool) -> bool {
        let Client { key, token, .. } = &self.clients[number];
        let Some(token) = token.clone().filter(|_| self.service.is_revocable(key.name())) else { return false };
        let body = serde_json::json!({ "targets": [format!("token:{token}")], "allowReauthMargin": with_margin });
        let request = Request::new("POST", &format!("/keys/{}/revokeTokens", key.name()))
            .with_header("Authorization", format!("Basic {}", STANDARD.encode(key.expose())))
            .with_header("Content-Type", "application/json")
            .with_header("X-Ably-Version", "6")
            .with_body(body.to_string());
        let now = self.service_now();
        self.service.handle(&request, now).response.is_success()
    }

    /// Runs it all. `patience` is in thousandths of what clients may take to come back.
    pub fn run(&mut self, patience: u64) {
        self.run_until(self.heal_at, |_| false);
        for client in &mut self.clients {
            client.wall_offset = client.wall_offset.clamp(-30_000, 30_000);
        }
        self.run_until(self.heal_at + LATEST, |_| false);
        for client in 0..self.clients.len() {
            // A session that has failed for a reason, or was closed, is connected by its application.
            if matches!(self.clients[client].state, ConnectionState::Failed | ConnectionState::Closed) {
                self.tell(client, Input::Connect);
            }
        }
        let start = self.time;
        for client in 0..self.clients.len() {
            let end = start + self.clients[client].patience() * patience / 1_000;
            self.run_until(end, |world| world.is_well(client));
            assert!(
                self.is_well(client),
                "client {client} is not connected with a valid token in time: {}",
                self.describe(client)
            );
            self.tally.slowest = self.tally.slowest.max((self.time - start) * 1_000 / self.clients[client].patience());
        }
        let end = self.time + STAY;
        self.run_until(end, |_| false);
        for client in 0..self.clients.len() {
            let limit = self.time + 5_000;
            self.run_until(limit, |world| world.is_well(client));
            assert!(self.is_well(client), "client {client} does not stay connected: {}", self.describe(client));
        }
    }

    /// Whether a client is connected with what the service takes for valid, and nothing is pending.
    fn is_well(&self, number: usize) -> bool {
        let client = &self.clients[number];
        if client.state != ConnectionState::Connected || !client.running.is_empty() {
            return false;
        }
        self.service.connections().any(|connection| {
            Some(&connection.id) == client.connection_id.as_ref()
                && connection.transport.and_then(|transport| self.transports.get(&transport)).copied()
                    == client.socket.map(|socket| (number, socket))
                && connection.expires.is_none_or(|expires| expires > self.service_now())
        })
    }

    fn describe(&self, number: usize) -> String {
        let client = &self.clients[number];
        format!("{:?}, {:?}, running {:?}", client.source, client.state, client.running)
    }

    /// Everything that the clients were told.
    pub fn trace(&self) -> String {
        let lines = self.clients.iter().enumerate();
        lines.map(|(number, client)| format!("# client {number}\n{}\n", client.lines.join("\n"))).collect()
    }
}

/// Takes in what a client is about to learn.
fn note(client: &mut Client, input: &ConnectionInput) {
    match input {
        ConnectionInput::SocketClosed { id, .. } if client.socket == Some(*id) => client.socket = None,
        ConnectionInput::Frame { id, content: FrameContent::Message(message) } if client.socket == Some(*id) => {
            let listens = matches!(client.state, ConnectionState::Connecting | ConnectionState::Connected);
            let ends = matches!(message.action(), action::ERROR | action::DISCONNECTED);
            if listens && ends && message.error().is_some_and(|error| error.is_token_error()) {
                client.rejected.extend(client.socket_token.clone());
            }
        }
        _ => {}
    }
}
