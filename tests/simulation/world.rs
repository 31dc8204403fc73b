//! The world: clients, the service, and between them a queue of what is going to happen, in order of virtual time and,
//! at one time, in the order in which it was decided.

use std::collections::BTreeMap;

use ably_auth::connection::{ConnectionAction, ConnectionInput, FrameContent};
use ably_auth::http::{Headers, HttpFailure, HttpFailureKind, HttpRequest, HttpResponse};
use ably_auth::options::ApiKey;
use ably_auth::sandbox::{Choices, Delivery, KeySpec, Output, Request, Service, TransportId};
use ably_auth::session::Command;
use ably_auth::trace::Input;
use ably_auth::wire::{Error, ProtocolMessage, Secret, TokenParams, TokenRequest};
use ably_auth::{
    Action, CallbackId, CallbackValue, ConnectionState, Event, HttpId, SessionAction, SessionEvent, SocketId,
};

use crate::EPOCH;
use crate::client::{Broken, Client, Wish, broken};
use crate::figures::Figures;
use crate::network::{Fate, Weather};
use crate::random::Random;
use crate::schedule::{AppServer, CallbackMood, Mishap};

/// More than this in a few minutes is a loop, not work.
const MAX_EVENTS: u64 = 200_000;
/// How long the service takes to see that a client whose socket is half open is gone, in milliseconds.
const SERVER_PATIENCE: u64 = 30_000;

/// Something that is going to happen.
#[allow(clippy::large_enum_variant, reason = "there are few at a time")]
pub(crate) enum Happening {
    /// A client hears something, or its application wants something.
    Give(usize, Input),
    /// A client's deadline has come, or may have.
    Wake(usize),
    ReachesService(usize, Arrival),
    ServiceWakes,
    Mishap(Mishap),
    /// All faults are over.
    Heal,
    /// The applications look after their connections.
    Help {
        again: bool,
    },
}

/// Something that reaches the service, or the application's own server.
pub(crate) enum Arrival {
    Http(HttpId, HttpRequest),
    Callback(CallbackId, TokenParams),
    Open(SocketId, Secret),
    Frame(SocketId, ProtocolMessage),
    Closed(SocketId),
}

/// A WebSocket as the network has it.
#[derive(Default)]
struct Socket {
    transport: Option<TransportId>,
    /// Nothing comes through any more, either way.
    is_half_open: bool,
    /// When the last thing that was sent arrives, up and down.
    last_up: u64,
    last_down: u64,
}

pub(crate) struct World {
    pub(crate) time: u64,
    sequence: u64,
    queue: BTreeMap<(u64, u64), Happening>,
    pub(crate) random: Random,
    pub(crate) service: Service,
    pub(crate) key: ApiKey,
    pub(crate) service_error: i64,
    service_wakes_at: Option<u64>,
    pub(crate) clients: Vec<Client>,
    pub(crate) app_servers: Vec<AppServer>,
    sockets: BTreeMap<(usize, SocketId), Socket>,
    transports: BTreeMap<TransportId, (usize, SocketId)>,
    pub(crate) weather: Weather,
    pub(crate) mood: CallbackMood,
    pub(crate) mood_until: u64,
    pub(crate) figures: Figures,
    pub(crate) healed_at: Option<u64>,
    pub(crate) helped_at: Option<u64>,
}

impl World {
    pub(crate) fn new(mut random: Random) -> Self {
        let mut service = Service::new(random.bytes(), Choices::default());
        let key = service.add_app([KeySpec::full().revocable()]).unwrap().remove(0);
        World {
            time: 0,
            sequence: 0,
            queue: BTreeMap::new(),
            service_error: random.signed(30_000),
            random,
            service,
            key,
            service_wakes_at: None,
            clients: Vec::new(),
            app_servers: Vec::new(),
            sockets: BTreeMap::new(),
            transports: BTreeMap::new(),
            weather: Weather::default(),
            mood: CallbackMood::Good,
            mood_until: 0,
            figures: Figures { runs: 1, ..Figures::default() },
            healed_at: None,
            helped_at: None,
        }
    }

    pub(crate) fn at(&mut self, time: u64, happening: Happening) {
        self.sequence += 1;
        self.queue.insert((time, self.sequence), happening);
    }

    pub(crate) fn service_now(&self) -> i64 {
        EPOCH + i64::try_from(self.time).unwrap() + self.service_error
    }

    /// Lets things happen until all is well again after the faults, which takes `bound` milliseconds at most.
    pub(crate) fn run(&mut self, bound: u64) -> Result<(), Broken> {
        let mut events = 0;
        while let Some(((time, _), happening)) = self.queue.pop_first() {
            self.time = time;
            events += 1;
            if events > MAX_EVENTS {
                return broken(format!("more than {MAX_EVENTS} things have happened: a loop"));
            }
            self.happen(happening)?;
            let Some(healed_at) = self.healed_at else { continue };
            match self.first_unwell() {
                None if self.helped_at.is_some() => break,
                None => {}
                Some((client, what)) if time > healed_at + bound => {
                    return broken(format!("client {client} is not well {bound} ms after the faults: {what}"));
                }
                Some(_) => self.figures.longest_recovery_ms = time - healed_at,
            }
        }
        self.figures.virtual_ms = self.time;
        match self.first_unwell() {
            None => Ok(()),
            Some((client, what)) => {
                broken(format!("nothing happens any more, and client {client} is not well: {what}"))
            }
        }
    }

    fn first_unwell(&self) -> Option<(usize, String)> {
        (0..self.clients.len()).find_map(|client| self.ailment(client).map(|what| (client, what)))
    }

    /// What is not as it should be once there are no faults.
    fn ailment(&self, client: usize) -> Option<String> {
        let Client { session, operations, wish, .. } = &self.clients[client];
        if !operations.is_empty() {
            return Some(format!("{operations:?} are under way"));
        }
        let state = session.connection().state();
        if *wish == Wish::Closed {
            let rests =
                matches!(state, ConnectionState::Initialized | ConnectionState::Closed | ConnectionState::Failed);
            return (!rests).then(|| format!("it is {state:?}, and the application has closed it"));
        }
        if state != ConnectionState::Connected {
            return Some(format!("it is {state:?}: {:?}", session.connection().error_reason()));
        }
        let socket = self.clients[client].socket.and_then(|socket| self.sockets.get(&(client, socket)));
        let transport = socket.filter(|socket| !socket.is_half_open).and_then(|socket| socket.transport);
        let record =
            self.service.connections().find(|record| record.transport.is_some() && record.transport == transport);
        let Some(record) = record else { return Some(String::from("the service knows nothing of its connection")) };
        // The session may hold none, or another one, since the environment said that the token had expired: the
        // connection lives on with the one it has until the service asks.
        let has_expired = record.expires.is_some_and(|expires| expires <= self.service_now());
        has_expired.then(|| String::from("its token has expired"))
    }

    fn happen(&mut self, happening: Happening) -> Result<(), Broken> {
        match happening {
            Happening::Give(client, _) | Happening::Wake(client)
                if self.clients[client].asleep_until.is_some_and(|until| until > self.time) =>
            {
                let until = self.clients[client].asleep_until.unwrap_or_default();
                self.at(until, happening);
            }
            Happening::Give(client, input) => self.give(client, input)?,
            Happening::Wake(client) => self.wake(client)?,
            Happening::ReachesService(client, arrival) => self.reach_service(client, arrival),
            Happening::ServiceWakes => {
                self.service_wakes_at = None;
                self.service.handle_timeout(self.service_now());
            }
            Happening::Mishap(mishap) => self.suffer(mishap)?,
            Happening::Heal => self.heal(),
            Happening::Help { again } => self.help(again)?,
        }
        self.serve();
        Ok(())
    }

    pub(crate) fn give(&mut self, client: usize, input: Input) -> Result<(), Broken> {
        self.note_given(client, &input);
        let actions = self.clients[client].give(input, self.time, &mut self.figures)?;
        for action in actions {
            self.act(client, action);
        }
        self.set_alarm(client);
        Ok(())
    }

    /// What the network and the application know of an input.
    fn note_given(&mut self, client: usize, input: &Input) {
        let about = &mut self.clients[client];
        match input {
            Input::Event(SessionEvent::Auth(Event::HttpResponse { id, .. } | Event::HttpFailed { id, .. })) => {
                about.requests.remove(id);
            }
            Input::Event(SessionEvent::Connection(ConnectionInput::SocketClosed { id, .. })) => {
                about.socket.take_if(|socket| socket == id);
                self.sockets.remove(&(client, *id));
            }
            Input::Connect => about.wish = Wish::Connected,
            Input::Close => about.wish = if about.operations.is_empty() { Wish::Closed } else { Wish::Either },
            Input::Command(Command::Authorize(..)) if about.wish == Wish::Closed => about.wish = Wish::Either,
            _ => {}
        }
    }

    pub(crate) fn set_alarm(&mut self, client: usize) {
        let deadline = self.clients[client].deadline().map(|at| at.max(self.time));
        let about = &mut self.clients[client];
        if let Some(at) = deadline.filter(|at| about.wake_at.is_none_or(|alarm| *at < alarm)) {
            about.wake_at = Some(at);
            self.at(at, Happening::Wake(client));
        }
    }

    fn wake(&mut self, client: usize) -> Result<(), Broken> {
        self.clients[client].wake_at.take_if(|at| *at <= self.time);
        if self.clients[client].deadline().is_some_and(|at| at <= self.time) {
            return self.give(client, Input::Timeout);
        }
        self.set_alarm(client);
        Ok(())
    }

    fn act(&mut self, client: usize, action: SessionAction) {
        match action {
            SessionAction::Auth(Action::SendHttp { id, request, .. }) => {
                let host = host_of(request.url.expose()).to_owned();
                if let Some(after) = self.weather.refuses(&host, self.time, &mut self.figures) {
                    let event = Event::HttpFailed { id, failure: HttpFailure::new(HttpFailureKind::Connect) };
                    return self.tell_later(client, event.into(), after);
                }
                if let Some(after) = self.way(client) {
                    self.at(after, Happening::ReachesService(client, Arrival::Http(id, request)));
                } else if self.random.percent(50) {
                    let kind =
                        self.random.pick(&[HttpFailureKind::Dns, HttpFailureKind::Connect, HttpFailureKind::Closed]);
                    let after = self.random.between(1, 4_000);
                    self.tell_later(client, Event::HttpFailed { id, failure: HttpFailure::new(kind) }.into(), after);
                }
            }
            SessionAction::Auth(Action::InvokeCallback { id, token_params, .. }) => {
                if let Some(at) = self.way(client) {
                    self.at(at, Happening::ReachesService(client, Arrival::Callback(id, token_params)));
                } else {
                    let error = Error::new(ably_auth::ErrorKind::Transport, 0, 0, "my server cannot be reached");
                    self.tell_later(client, Event::CallbackFailed { id, error }.into(), 3_000);
                }
            }
            SessionAction::Connection(ConnectionAction::OpenSocket { id, url }) => self.open(client, id, url),
            SessionAction::Connection(ConnectionAction::SendFrame { id, message }) => {
                self.send_up(client, id, Arrival::Frame(id, message));
            }
            SessionAction::Connection(ConnectionAction::CloseSocket { id }) => {
                self.send_up(client, id, Arrival::Closed(id));
            }
            _ => {}
        }
    }

    /// When something that is sent now arrives, if ever.
    fn way(&mut self, client: usize) -> Option<u64> {
        match self.weather.fate(client, self.time, &mut self.random, &mut self.figures) {
            Fate::Arrives(after) => Some(self.time + after),
            Fate::Lost => None,
        }
    }

    fn tell_later(&mut self, client: usize, event: SessionEvent, after: u64) {
        self.at(self.time + after, Happening::Give(client, Input::Event(event)));
    }

    /// An answer from the service, which may be lost or come twice.
    fn answer(&mut self, client: usize, event: SessionEvent, delay: u64) {
        if self.weather.doubles(self.time, &mut self.random, &mut self.figures) {
            let after = delay + self.random.between(1, 3_000);
            self.tell_later(client, event.clone(), after);
        }
        if let Some(at) = self.way(client) {
            self.tell_later(client, event, at - self.time + delay);
        }
    }

    fn open(&mut self, client: usize, id: SocketId, url: Secret) {
        self.sockets.insert((client, id), Socket::default());
        if let Some(after) = self.weather.refuses(host_of(url.expose()), self.time, &mut self.figures) {
            let kind = Some(HttpFailureKind::Connect);
            return self.tell_later(client, socket_closed(id, kind, None), after);
        }
        self.send_up(client, id, Arrival::Open(id, url));
    }

    /// Over a socket, to the service. What is lost takes the socket with it.
    fn send_up(&mut self, client: usize, id: SocketId, arrival: Arrival) {
        let way = self.way(client);
        let (time, is_end) = (self.time, matches!(arrival, Arrival::Closed(_)));
        let Some(socket) = self.sockets.get_mut(&(client, id)) else { return };
        match way.filter(|_| !socket.is_half_open) {
            Some(at) => {
                socket.last_up = at.max(socket.last_up);
                let at = socket.last_up;
                self.at(at, Happening::ReachesService(client, arrival));
            }
            None => {
                socket.is_half_open = true;
                if is_end {
                    // The service finds out by itself.
                    self.at(time + SERVER_PATIENCE, Happening::ReachesService(client, arrival));
                }
            }
        }
    }

    fn send_down(&mut self, client: usize, id: SocketId, event: SessionEvent) {
        let way = self.way(client);
        let Some(socket) = self.sockets.get_mut(&(client, id)) else { return };
        match way.filter(|_| !socket.is_half_open) {
            Some(at) => {
                socket.last_down = at.max(socket.last_down);
                let after = socket.last_down - self.time;
                self.tell_later(client, event, after);
            }
            None => socket.is_half_open = true,
        }
    }

    fn reach_service(&mut self, client: usize, arrival: Arrival) {
        match arrival {
            Arrival::Http(id, request) => self.handle_request(client, id, &request),
            Arrival::Callback(id, params) => self.call_back(client, id, params),
            Arrival::Open(id, url) => self.handle_open(client, id, url.expose()),
            Arrival::Frame(id, message) => {
                if let Some(transport) = self.sockets.get(&(client, id)).and_then(|socket| socket.transport) {
                    let text = serde_json::to_vec(&message).unwrap();
                    self.service.handle_frame(transport, &text, self.service_now());
                }
            }
            Arrival::Closed(id) => {
                if let Some(transport) = self.sockets.remove(&(client, id)).and_then(|socket| socket.transport) {
                    self.transports.remove(&transport);
                    self.service.handle_closed(transport, self.service_now());
                }
            }
        }
    }

    fn handle_request(&mut self, client: usize, id: HttpId, request: &HttpRequest) {
        if host_of(request.url.expose()) == crate::CHECK_HOST {
            let response = HttpResponse::new(200, Headers::new(), "yes\n");
            return self.answer(client, Event::HttpResponse { id, response }.into(), 0);
        }
        let request = Request::from_http(request).expect("sessions send requests to URLs");
        let reply = self.service.handle(&request, self.service_now());
        let event = match reply.delivery {
            Delivery::Never => return,
            Delivery::Drop | Delivery::CutAfter(_) => {
                Event::HttpFailed { id, failure: HttpFailure::new(HttpFailureKind::Closed) }
            }
            _ => Event::HttpResponse { id, response: reply.response },
        };
        self.answer(client, event.into(), reply.delay);
    }

    fn handle_open(&mut self, client: usize, id: SocketId, url: &str) {
        if !self.sockets.contains_key(&(client, id)) {
            return;
        }
        let target = url.splitn(4, '/').nth(3).unwrap_or_default();
        let request = Request::new("GET", &format!("/{target}"));
        match self.service.connect(&request, self.service_now()) {
            Ok(transport) => {
                self.transports.insert(transport, (client, id));
                if let Some(socket) = self.sockets.get_mut(&(client, id)) {
                    socket.transport = Some(transport);
                }
                self.send_down(client, id, ConnectionInput::SocketOpened { id }.into());
            }
            Err(reply) => match reply.delivery {
                Delivery::Never => {}
                Delivery::Drop => self.send_down(client, id, socket_closed(id, Some(HttpFailureKind::Closed), None)),
                _ => self.send_down(client, id, socket_closed(id, None, Some(reply.response.status))),
            },
        }
    }

    /// Carries to the clients what the service wants to tell them, and sees when it wants to be woken.
    fn serve(&mut self) {
        while let Some((transport, output)) = self.service.poll_output() {
            let Some(&(client, id)) = self.transports.get(&transport) else { continue };
            let event = match output {
                Output::Frame(message) => {
                    let content = if self.random.percent(10) {
                        FrameContent::Text(Secret::new(serde_json::to_string(&*message).unwrap()))
                    } else {
                        FrameContent::Message((*message).clone())
                    };
                    ConnectionInput::Frame { id, content }.into()
                }
                Output::Ping => ConnectionInput::Activity { id }.into(),
                Output::Close(_) | Output::Drop => {
                    self.transports.remove(&transport);
                    socket_closed(id, Some(HttpFailureKind::Closed), None)
                }
            };
            self.send_down(client, id, event);
        }
        let Some(due) = self.service.poll_timeout() else { return };
        let at = u64::try_from(due - EPOCH - self.service_error).unwrap_or_default().max(self.time);
        if self.service_wakes_at.is_none_or(|alarm| at < alarm) {
            self.service_wakes_at = Some(at);
            self.at(at, Happening::ServiceWakes);
        }
    }

    /// The application's own server issues a token, as it does it.
    fn call_back(&mut self, client: usize, id: CallbackId, params: TokenParams) {
        let mood = if self.mood_until > self.time { self.mood } else { CallbackMood::Good };
        if mood != CallbackMood::Good {
            self.figures.fault(mood.name());
        }
        let error = |code, status| Error::new(ably_auth::ErrorKind::Rejected, code, status, "my server says no");
        let (delay, event) = match mood {
            CallbackMood::NeverAnswers => return,
            CallbackMood::Fails => (0, Event::CallbackFailed { id, error: error(0, 0) }),
            CallbackMood::Forbids => (0, Event::CallbackFailed { id, error: error(40300, 403) }),
            CallbackMood::Garbage => {
                (0, Event::CallbackResult { id, value: serde_json::json!({ "no": "token" }).into() })
            }
            CallbackMood::Late => (self.random.between(5_000, 20_000), self.issue(client, id, params)),
            CallbackMood::WrongClient => {
                let params = TokenParams { client_id: Some("somebody-else".into()), ..params };
                (0, self.issue(client, id, params))
            }
            CallbackMood::Good => (0, self.issue(client, id, params)),
        };
        self.answer(client, event.into(), delay);
    }

    fn issue(&mut self, client: usize, id: CallbackId, params: TokenParams) -> Event {
        let now = self.service_now();
        let value: CallbackValue = match self.app_servers[client] {
            AppServer::SignsRequests => {
                let nonce = format!("{:032x}", u128::from(self.random.next()));
                ably_auth::sign::sign(&self.key, &params, now, &nonce).unwrap().into()
            }
            kind => {
                let mut wanted = TokenRequest::new(self.key.name());
                wanted.ttl = params.ttl;
                wanted.client_id = params.client_id;
                let token = self.service.issue_token(&wanted, now).unwrap();
                match kind {
                    AppServer::IssuesDetails => token.details().into(),
                    _ => token.token.into(),
                }
            }
        };
        Event::CallbackResult { id, value }
    }

    /// All sockets are cut. The service forgets everything but its keys, or nothing.
    pub(crate) fn restart_service(&mut self, forgets: bool) {
        let sockets = core::mem::take(&mut self.transports);
        if forgets {
            self.service = Service::new(self.random.bytes(), Choices::default());
            self.service.add_key(self.key.clone(), KeySpec::full().revocable()).unwrap();
            self.service_wakes_at = None;
        } else {
            let now = self.service_now();
            self.service.drop_all_transports(now);
        }
        for (transport, (client, id)) in sockets {
            if let Some(socket) = self.sockets.get_mut(&(client, id)) {
                socket.transport.take_if(|other| *other == transport);
            }
            self.send_down(client, id, socket_closed(id, Some(HttpFailureKind::Closed), None));
        }
    }

    /// A client's socket is half open from now on.
    pub(crate) fn break_socket(&mut self, client: usize) -> bool {
        let socket = self.clients[client].socket.and_then(|id| self.sockets.get_mut(&(client, id)));
        socket.map(|socket| socket.is_half_open = true).is_some()
    }
}

fn socket_closed(id: SocketId, kind: Option<HttpFailureKind>, status: Option<u16>) -> SessionEvent {
    ConnectionInput::SocketClosed { id, kind, status, message: None }.into()
}

fn host_of(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.split(['/', '?', ':']).next().unwrap_or_default()
}
