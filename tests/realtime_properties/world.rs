//! What is around a session, and what has to hold for it.

use std::collections::{BTreeSet, VecDeque};

use ably_auth::connection::{ConnectionAction, ConnectionInput, ConnectionStateChange, FrameContent};
use ably_auth::http::{HttpFailure, HttpFailureKind, HttpRequest, HttpResponse};
use ably_auth::options::{AuthOptions, ClientOptions};
use ably_auth::wire::{ProtocolMessage, action};
use ably_auth::{
    Action, CallbackId, CallbackValue, ConnectionState, Error, Event, HttpId, Now, OpaqueJson, OperationId,
    RestRequest, Session, SessionAction, SessionEvent, SocketId,
};
use serde_json::{Value, json};

use crate::ops::{Frame, Op, Options, Reply};

const UNIX_START: i64 = 1_700_000_000_000;

/// More actions than one input has reason for.
const MOST_ACTIONS: usize = 24;

/// More deadlines than it takes to leave a state, or to end every operation.
const MOST_DEADLINES: usize = 400;

pub(crate) struct World {
    session: Session,
    now: Now,
    callbacks: VecDeque<CallbackId>,
    requests: VecDeque<Pending>,
    running: BTreeSet<OperationId>,
    socket: Option<Socket>,
    opened: Vec<SocketId>,
    closed: usize,
    state: ConnectionState,
    /// How many tokens the sources have returned.
    tokens: usize,
    /// How often they were asked.
    asked: usize,
    /// How often the library's token has changed.
    generation: usize,
    /// Tokens that the service has rejected and no source has returned since.
    rejected: BTreeSet<String>,
    /// Of the last input.
    actions: Vec<SessionAction>,
}

/// An HTTP request without an answer.
struct Pending {
    id: HttpId,
    url: String,
    /// What it authorized itself with, and in which generation of the token.
    bearer: Option<(String, usize)>,
}

/// The socket there is.
struct Socket {
    id: SocketId,
    is_open: bool,
    /// The token that the service knows this connection by.
    token: Option<String>,
}

/// Construction.
impl World {
    pub(crate) fn new(options: Options, seed: [u8; 32]) -> Self {
        let now = Now::new(1_000, UNIX_START);
        let options = ClientOptions::from_json(&options.json()).expect("options");
        let mut world = World {
            session: Session::new(options, seed, now).expect("options that can be used"),
            now,
            callbacks: VecDeque::new(),
            requests: VecDeque::new(),
            running: BTreeSet::new(),
            socket: None,
            opened: Vec::new(),
            closed: 0,
            state: ConnectionState::Initialized,
            tokens: 0,
            asked: 0,
            generation: 0,
            rejected: BTreeSet::new(),
            actions: Vec::new(),
        };
        world.settle();
        world
    }

    /// A world whose session is connected.
    pub(crate) fn connected(options: Options, seed: [u8; 32]) -> Self {
        let mut world = World::new(options, seed);
        world.apply(Op::Connect);
        world.answer_everything_well();
        world.apply(Op::Open);
        world.apply(Op::Receive(Frame::Connected));
        assert!(world.is_connected());
        world
    }
}

/// What happens.
impl World {
    pub(crate) fn apply(&mut self, op: Op) {
        match op {
            Op::Connect => self.session.connect(self.now),
            Op::Close => self.session.close(self.now),
            Op::Authorize(with) => {
                let token = format!("secret-of-authorize-{}", self.opened.len());
                let options = with.options(&token).map(|json| AuthOptions::from_json(&json).expect("options"));
                self.command(|session, now| session.authorize(None, options, now));
            }
            Op::Request => self.command(|session, now| session.request(RestRequest::new("GET", "/stats"), now)),
            Op::RequestToken => self.command(|session, now| session.request_token(None, None, now)),
            Op::Credentials => self.command(Session::credentials),
            Op::Cancel => {
                if let Some(operation) = self.running.first().copied() {
                    self.command(|session, now| session.cancel(operation, now));
                }
            }
            Op::Send => {
                let sent = self.session.send(ProtocolMessage::new(action::MESSAGE), self.now);
                assert_eq!(sent.is_ok(), self.state == ConnectionState::Connected);
            }
            Op::Open => {
                if let Some(socket) = &mut self.socket {
                    socket.is_open = true;
                    let id = socket.id;
                    self.tell(ConnectionInput::SocketOpened { id });
                }
            }
            Op::Receive(frame) => self.receive(frame),
            Op::ReceiveStale(frame) => self.tell(frame_input(self.stale_socket(), frame)),
            Op::Ping => {
                if let Some(socket) = &self.socket {
                    self.tell(ConnectionInput::Activity { id: socket.id });
                }
            }
            Op::SocketGone => {
                if let Some(socket) = self.socket.take() {
                    self.tell(gone(socket.id));
                }
            }
            Op::SocketGoneStale => self.tell(gone(self.stale_socket())),
            Op::AnswerCallback(reply) => self.answer_callback(reply),
            Op::AnswerHttp(reply) => self.answer_http(reply),
            Op::Network(up) => self.tell(ConnectionInput::Network { up }),
            Op::TokenRejected => {
                if let Some(token) = self.token() {
                    self.rejected.insert(token.clone());
                    self.tell(Event::TokenRejected { token: token.into(), error: token_error() });
                }
            }
            Op::TokenExpired => self.tell(Event::TokenExpired {}),
            Op::Deadline => {
                if let Some((at, _)) = self.session.poll_timeout() {
                    self.advance(at - self.now.mono);
                }
            }
            Op::Advance(ms) => self.advance(ms),
            Op::Oversleep(ms) => self.pass(ms),
        }
        self.settle();
    }

    fn command(&mut self, command: impl FnOnce(&mut Session, Now) -> OperationId) {
        let operation = command(&mut self.session, self.now);
        assert!(self.running.insert(operation), "{operation:?} is used twice");
    }

    fn tell(&mut self, event: impl Into<SessionEvent>) {
        self.session.handle_event(event.into(), self.now);
    }

    fn receive(&mut self, frame: Frame) {
        let Some(socket) = self.socket.as_ref().filter(|socket| socket.is_open) else { return };
        let listens = matches!(self.state, ConnectionState::Connecting | ConnectionState::Connected);
        if frame.rejects_token() && listens {
            self.rejected.extend(socket.token.clone());
        }
        self.tell(frame_input(socket.id, frame));
    }

    fn answer_callback(&mut self, reply: Reply) {
        let Some(id) = self.callbacks.pop_front() else { return };
        let value = |json| Event::CallbackResult { id, value: CallbackValue::Json(OpaqueJson(json)) };
        let event = match reply {
            Reply::Good => value(self.next_token()),
            Reply::SameAgain => value(self.last_token()),
            Reply::OfAnotherClient => value(json!({"token": "secret-of-another", "clientId": "another"})),
            Reply::Garbage => value(json!(17)),
            Reply::Forbidden => Event::CallbackFailed { id, error: error(40300, 403) },
            Reply::TokenError => Event::CallbackFailed { id, error: token_error() },
            Reply::Failing | Reply::Unreachable => Event::CallbackFailed { id, error: error(50000, 500) },
        };
        self.tell(event);
    }

    fn answer_http(&mut self, reply: Reply) {
        let Some(Pending { id, url, bearer }) = self.requests.pop_front() else { return };
        let gives_token = url.contains("/requestToken") || url.contains("/auth");
        let good = |world: &mut World| match &url {
            url if url.contains("internet-up") => "yes".to_owned(),
            _ if gives_token => world.next_token().to_string(),
            _ => "[]".to_owned(),
        };
        let failure =
            |code: u32, status: u16| json!({"error": {"code": code, "statusCode": status, "message": "m"}}).to_string();
        let (status, body) = match reply {
            Reply::Good => (200, good(self)),
            Reply::SameAgain if gives_token => (200, self.last_token().to_string()),
            Reply::OfAnotherClient if gives_token => {
                (200, json!({"token": "secret-of-another", "clientId": "another"}).to_string())
            }
            Reply::SameAgain | Reply::OfAnotherClient => (200, good(self)),
            Reply::TokenError => (401, failure(40142, 401)),
            Reply::Forbidden => (403, failure(40300, 403)),
            Reply::Failing => (500, failure(50000, 500)),
            Reply::Garbage => (200, "{".to_owned()),
            Reply::Unreachable => {
                return self.tell(Event::HttpFailed { id, failure: HttpFailure::new(HttpFailureKind::Connect) });
            }
        };
        if let (Reply::TokenError, Some((token, generation))) = (reply, bearer) {
            if generation == self.generation {
                self.rejected.insert(token);
            }
        }
        let headers = [("content-type", "application/json")].into_iter().collect();
        self.tell(Event::HttpResponse { id, response: HttpResponse::new(status, headers, body) });
    }

    fn next_token(&mut self) -> Value {
        self.tokens += 1;
        self.last_token()
    }

    fn last_token(&self) -> Value {
        json!({"token": format!("secret-token-{}", self.tokens)})
    }

    fn advance(&mut self, ms: u64) {
        let end = self.now.mono + ms;
        while let Some((at, _)) = self.session.poll_timeout().filter(|(at, _)| *at <= end) {
            self.pass(at.saturating_sub(self.now.mono));
            self.session.handle_timeout(self.now);
            self.settle();
        }
        self.pass(end - self.now.mono);
    }

    fn pass(&mut self, ms: u64) {
        self.now = Now::new(self.now.mono + ms, self.now.unix_ms + ms as i64);
    }

    fn stale_socket(&self) -> SocketId {
        let current = self.socket.as_ref().map(|socket| socket.id);
        self.opened.iter().copied().find(|id| Some(*id) != current).unwrap_or_else(|| 1_000.into())
    }
}

/// Whole stretches.
impl World {
    /// Answers what waits for an answer, and what comes of that, each as well as can be. CONNECTED answers AUTH.
    pub(crate) fn answer_everything_well(&mut self) {
        for _ in 0..100 {
            let sent_auth = self.actions.iter().any(|action| {
                matches!(action, SessionAction::Connection(ConnectionAction::SendFrame { message, .. })
                    if message.action() == action::AUTH)
            });
            if sent_auth {
                self.apply(Op::Receive(Frame::Connected));
            } else if !self.callbacks.is_empty() {
                self.apply(Op::AnswerCallback(Reply::Good));
            } else if !self.requests.is_empty() {
                self.apply(Op::AnswerHttp(Reply::Good));
            } else {
                return;
            }
        }
        panic!("there is no end of questions");
    }

    /// The second between reconnects passes, if need be, and the socket opens.
    pub(crate) fn open_after_the_pause(&mut self) {
        self.answer_everything_well();
        if self.socket.is_none() {
            self.apply(Op::Deadline);
        }
        self.apply(Op::Open);
    }

    /// Nobody answers any more. With time every operation ends.
    pub(crate) fn come_to_rest(&mut self) {
        for _ in 0..MOST_DEADLINES {
            if self.running.is_empty() {
                return;
            }
            let deadline = self.session.poll_timeout();
            assert!(deadline.is_some(), "nothing ends these: {:?} in {:?}", self.running, self.state);
            self.apply(Op::Deadline);
        }
        panic!("they do not end: {:?} in {:?}", self.running, self.state);
    }
}

/// Views.
impl World {
    pub(crate) fn actions(&self) -> &[SessionAction] {
        &self.actions
    }

    pub(crate) fn is_connected(&self) -> bool {
        self.state == ConnectionState::Connected
    }

    pub(crate) fn sockets_opened(&self) -> usize {
        self.opened.len()
    }

    pub(crate) fn sockets_closed(&self) -> usize {
        self.closed
    }

    pub(crate) fn tokens_asked_for(&self) -> usize {
        self.asked
    }

    fn token(&self) -> Option<String> {
        self.session.auth().token_details().map(|details| details.token.expose().to_owned())
    }
}

/// What has to hold.
impl World {
    /// Takes in what the session wants done, and checks.
    fn settle(&mut self) {
        if self.session.poll_timeout().is_some_and(|(at, _)| at <= self.now.mono) {
            self.session.handle_timeout(self.now);
        }
        let asked = self.asked;
        let running = self.running.len();
        self.actions.clear();
        while let Some(action) = self.session.poll_action() {
            self.check_action(&action);
            self.actions.push(action);
        }
        assert!(self.actions.len() <= MOST_ACTIONS + 2 * running, "{:#?}", self.actions);
        // Once for the library, and for each operation that asks for a token of its own.
        assert!(self.asked - asked <= 1 + running, "it asks too often for tokens: {:#?}", self.actions);
        self.check_state();
    }

    fn check_action(&mut self, action: &SessionAction) {
        assert!(!format!("{action:?}").contains("secret-"), "a secret shows in {action:?}");
        match action {
            SessionAction::Auth(action) => self.check_auth_action(action),
            SessionAction::Connection(action) => self.check_connection_action(action),
        }
    }

    fn check_auth_action(&mut self, action: &Action) {
        match action {
            Action::SendHttp { id, request, .. } => self.on_request(*id, request),
            Action::AbortHttp { id } => self.requests.retain(|request| request.id != *id),
            Action::InvokeCallback { id, .. } => {
                self.asked += 1;
                self.callbacks.push_back(*id);
            }
            Action::TokenChanged { token_details } => {
                self.generation += 1;
                if let Some(details) = token_details {
                    self.rejected.remove(details.token.expose());
                }
            }
            Action::Complete { operation, .. } => {
                assert!(self.running.remove(operation), "{operation:?} completes, and is not running");
            }
            Action::Notice(_) => {}
            other => panic!("a session keeps it to itself: {other:?}"),
        }
    }

    fn on_request(&mut self, id: HttpId, request: &HttpRequest) {
        let url = request.url.expose().to_owned();
        if url.contains("/requestToken") || url.contains("/auth") {
            self.asked += 1;
        }
        let authorization = request.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("authorization"));
        let token = authorization.and_then(|(_, value)| value.strip_prefix("Bearer "));
        let bearer = token.map(|token| (token.to_owned(), self.generation));
        self.requests.push_back(Pending { id, url, bearer });
    }

    fn check_connection_action(&mut self, action: &ConnectionAction) {
        match action {
            ConnectionAction::OpenSocket { id, url } => {
                assert!(self.socket.is_none(), "one socket at a time");
                assert!(!self.opened.contains(id), "{id:?} is used twice");
                assert_eq!(self.state, ConnectionState::Connecting, "a socket is opened while connecting only");
                let token = param(url.expose(), "accessToken");
                self.check_is_not_rejected(token.as_deref());
                self.opened.push(*id);
                self.socket = Some(Socket { id: *id, is_open: false, token });
            }
            ConnectionAction::SendFrame { id, message } => {
                let socket = self.socket.as_ref().expect("a frame goes over a socket");
                assert_eq!(*id, socket.id, "a frame goes over the socket in use");
                let form = json!(message);
                if let Some(token) = form["auth"]["accessToken"].as_str() {
                    self.check_is_not_rejected(Some(token));
                    assert_eq!(self.state, ConnectionState::Connected);
                    assert_eq!(self.token().as_deref(), Some(token), "a token that is sent is in the view");
                    self.socket.as_mut().expect("a socket").token = Some(token.to_owned());
                }
            }
            ConnectionAction::CloseSocket { id } => {
                let socket = self.socket.take().expect("there is a socket to close");
                assert_eq!(*id, socket.id, "it is that in use that is closed");
                self.closed += 1;
            }
            ConnectionAction::ConnectionStateChange(change) => self.on_change(change),
            ConnectionAction::FrameReceived { .. } | ConnectionAction::Notice(_) => {}
            other => panic!("a session keeps it to itself: {other:?}"),
        }
    }

    fn check_is_not_rejected(&self, token: Option<&str>) {
        assert!(token.is_none_or(|token| !self.rejected.contains(token)), "{token:?} was rejected");
    }

    fn on_change(&mut self, change: &ConnectionStateChange) {
        use ConnectionState::{Closed, Closing, Connected, Connecting, Disconnected, Failed, Initialized, Suspended};
        assert_eq!(change.previous, self.state, "changes follow each other");
        let next: &[ConnectionState] = match self.state {
            Initialized => &[Connecting, Closed, Failed],
            Connecting => &[Connected, Disconnected, Suspended, Closing, Failed],
            Connected => &[Connected, Disconnected, Closing, Closed, Failed],
            Disconnected => &[Connecting, Suspended, Closed, Failed],
            Suspended => &[Connecting, Closed, Failed],
            Closing => &[Connecting, Closed, Failed],
            Closed => &[Connecting, Failed],
            Failed => &[Connecting],
        };
        assert!(next.contains(&change.current), "{:?} is no way from {:?}", change.current, self.state);
        let retries = matches!(change.current, Disconnected | Suspended);
        assert_eq!(change.retry_in.is_some(), retries, "it says when it tries again: {change:?}");
        assert!(change.current != Failed || change.reason.is_some(), "it says why it failed");
        self.state = change.current;
    }

    fn check_state(&self) {
        use ConnectionState::{Closed, Closing, Connected, Connecting, Disconnected, Failed, Suspended};
        let connection = self.session.connection();
        assert_eq!(connection.state(), self.state, "the view disagrees with the last change");
        let deadline = self.session.poll_timeout();
        assert!(deadline.is_none_or(|(at, _)| at > self.now.mono), "{deadline:?} has come");
        if self.socket.is_some() {
            assert!(matches!(self.state, Connecting | Connected | Closing), "a socket in {:?}", self.state);
        }
        if matches!(self.state, Closing | Closed | Failed) {
            assert_eq!((connection.id(), connection.create_recovery_key()), (None, None));
        }
        let token = self.token();
        assert!(token.as_ref().is_none_or(|token| !self.rejected.contains(token)), "{token:?} was rejected");
        if matches!(self.state, Connecting | Disconnected | Suspended | Closing) {
            self.check_is_left();
        }
    }

    /// The state is left when time passes and nothing else happens.
    fn check_is_left(&self) {
        let mut session = self.session.clone();
        for _ in 0..MOST_DEADLINES {
            if session.connection().state() != self.state {
                return;
            }
            let (at, _) = session.poll_timeout().unwrap_or_else(|| panic!("{:?} has no deadline", self.state));
            session.handle_timeout(Now::new(at, self.now.unix_ms));
        }
        panic!("{:?} is not left", self.state);
    }
}

fn frame_input(id: SocketId, frame: Frame) -> ConnectionInput {
    ConnectionInput::Frame { id, content: FrameContent::Text(frame.text().into()) }
}

fn gone(id: SocketId) -> ConnectionInput {
    ConnectionInput::SocketClosed { id, kind: None, status: None, message: None }
}

fn error(code: u32, status: u16) -> Error {
    serde_json::from_value(json!({"code": code, "statusCode": status, "message": "m"})).expect("an error")
}

fn token_error() -> Error {
    error(40142, 401)
}

fn param(url: &str, name: &str) -> Option<String> {
    let (_, query) = url.split_once('?')?;
    form_urlencoded::parse(query.as_bytes()).find(|(other, _)| other == name).map(|(_, value)| value.into_owned())
}
