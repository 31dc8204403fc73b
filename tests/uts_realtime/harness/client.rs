//! The client: a session, its time, its commands, and what happens to it.

use std::collections::{BTreeSet, VecDeque};

use ably_auth::connection::{ConnectionInput, ConnectionStateChange, FrameContent};
use ably_auth::http::HttpFailureKind;
use ably_auth::options::{AuthOptions, ClientOptions};
use ably_auth::wire::{ProtocolMessage, TokenDetails, TokenParams};
use ably_auth::{
    ConnectionState, Error, Event, HttpId, Now, OperationId, RestRequest, Session, SessionAction, SessionEvent,
    SocketId, TimerKind,
};
use serde_json::{Value, json};

use super::frames::{Socket, connected};
use super::messages::{Answer, Callback, Http, KEY, Reply, UNIX_START, respond, respond_text, token};

/// Not zero, so that a monotonic time is not mistaken for a duration.
const MONO_START: u64 = 5_000;

type HttpHandler = Box<dyn FnMut(&Http) -> Answer>;
type CallbackHandler = Box<dyn FnMut(&Callback) -> Reply>;

/// A session and its environment.
pub struct Client {
    pub(super) session: Session,
    pub(super) now: Now,
    /// Every HTTP request so far.
    pub requests: Vec<Http>,
    /// Every call of a callback so far.
    pub callbacks: Vec<Callback>,
    /// Every socket so far.
    pub sockets: Vec<Socket>,
    /// Every change of the connection so far, updates included.
    pub changes: Vec<ConnectionStateChange>,
    /// Every value that the token has changed to.
    pub token_changes: Vec<Option<TokenDetails>>,
    /// What has happened and has not been expected yet.
    pub(super) queue: VecDeque<SessionAction>,
    pub(super) socket: SocketStage,
    pub(super) in_flight: BTreeSet<HttpId>,
    pub(super) running: BTreeSet<OperationId>,
    pub(super) known_token: Option<TokenDetails>,
    pub(super) http_handler: Option<HttpHandler>,
    pub(super) callback_handler: Option<CallbackHandler>,
}

/// What there is between the session and the service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SocketStage {
    None,
    Opening(SocketId),
    Open(SocketId),
}

/// Construction.
impl Client {
    /// A client of these options, which must be acceptable.
    #[track_caller]
    pub fn new(options: Value) -> Client {
        Client::with_seed(options, 7)
    }

    #[track_caller]
    pub fn with_seed(options: Value, seed: u8) -> Client {
        let now = Now::new(MONO_START, UNIX_START);
        let session = ClientOptions::from_json(&options).and_then(|options| Session::new(options, [seed; 32], now));
        let session = session.unwrap_or_else(|error| panic!("the options are refused: {error}"));
        let mut client = Client {
            known_token: session.auth().token_details().cloned(),
            session,
            now,
            requests: Vec::new(),
            callbacks: Vec::new(),
            sockets: Vec::new(),
            changes: Vec::new(),
            token_changes: Vec::new(),
            queue: VecDeque::new(),
            socket: SocketStage::None,
            in_flight: BTreeSet::new(),
            running: BTreeSet::new(),
            http_handler: None,
            callback_handler: None,
        };
        client.settle();
        client
    }

    /// A client with the key and these options.
    #[track_caller]
    pub fn with_key(mut options: Value) -> Client {
        options["key"] = KEY.into();
        Client::new(options)
    }

    /// A client with a callback that returns `token-1`, `token-2` and so on, each valid for an hour.
    #[track_caller]
    pub fn with_numbered_tokens(mut options: Value) -> Client {
        options["authCallback"] = true.into();
        let mut client = Client::new(options);
        client.on_callback(|callback| token(&format!("token-{}", callback.number())));
        client
    }

    /// A client that gets tokens for its key, `token-1`, `token-2` and so on.
    #[track_caller]
    pub fn with_key_and_tokens(mut options: Value) -> Client {
        options["useTokenAuth"] = true.into();
        let mut client = Client::with_key(options);
        let mut count = 0;
        client.on_http(move |http| {
            assert!(http.is_exchange(), "an exchange, not {}", http.url());
            count += 1;
            respond(200, json!(token(&format!("token-{count}"))))
        });
        client
    }

    /// Answers every HTTP request from now on.
    pub fn on_http(&mut self, handler: impl FnMut(&Http) -> Answer + 'static) -> &mut Self {
        self.http_handler = Some(Box::new(handler));
        self
    }

    /// Answers every connectivity check from now on: there is a network.
    pub fn on_connectivity_check(&mut self) -> &mut Self {
        self.on_http(|http| {
            assert!(http.url().contains("internet-up"), "a connectivity check, not {}", http.url());
            respond_text(200, "text/plain", "yes\n")
        })
    }

    /// Answers every call of a callback from now on.
    pub fn on_callback<R: Into<Reply>>(&mut self, mut handler: impl FnMut(&Callback) -> R + 'static) -> &mut Self {
        self.callback_handler = Some(Box::new(move |callback| handler(callback).into()));
        self
    }

    /// Leaves calls of the callback to the test from now on.
    pub fn hold_callbacks(&mut self) -> &mut Self {
        self.callback_handler = None;
        self
    }
}

/// Commands.
impl Client {
    #[track_caller]
    pub fn connect(&mut self) {
        self.session.connect(self.now);
        self.settle();
    }

    #[track_caller]
    pub fn close(&mut self) {
        self.session.close(self.now);
        self.settle();
    }

    #[track_caller]
    pub fn send(&mut self, message: Value) -> Result<(), Error> {
        let message: ProtocolMessage = serde_json::from_value(message).expect("an object");
        let sent = self.session.send(message, self.now);
        self.settle();
        sent
    }

    #[track_caller]
    pub fn authorize(
        &mut self,
        params: impl Into<Option<TokenParams>>,
        options: impl Into<Option<AuthOptions>>,
    ) -> OperationId {
        let (params, options) = (params.into(), options.into());
        self.command(|session, now| session.authorize(params, options, now))
    }

    #[track_caller]
    pub fn request_token(&mut self) -> OperationId {
        self.command(|session, now| session.request_token(None, None, now))
    }

    #[track_caller]
    pub fn request(&mut self, method: &str, path: &str) -> OperationId {
        self.command(|session, now| session.request(RestRequest::new(method, path), now))
    }

    #[track_caller]
    pub fn credentials(&mut self) -> OperationId {
        self.command(Session::credentials)
    }

    #[track_caller]
    pub fn cancel(&mut self, operation: OperationId) -> OperationId {
        self.command(|session, now| session.cancel(operation, now))
    }

    #[track_caller]
    pub fn command(&mut self, command: impl FnOnce(&mut Session, Now) -> OperationId) -> OperationId {
        let operation = command(&mut self.session, self.now);
        assert!(self.running.insert(operation), "{operation:?} is used twice");
        self.settle();
        operation
    }
}

/// Events and time.
impl Client {
    #[track_caller]
    pub fn event(&mut self, event: impl Into<SessionEvent>) {
        self.report(event.into());
        self.settle();
    }

    /// A socket is open.
    #[track_caller]
    pub fn open(&mut self, socket: &Socket) {
        self.event(ConnectionInput::SocketOpened { id: socket.id });
    }

    /// A frame comes over a socket, as text.
    #[track_caller]
    pub fn receive(&mut self, socket: &Socket, frame: Value) {
        self.receive_text(socket, &frame.to_string());
    }

    #[track_caller]
    pub fn receive_text(&mut self, socket: &Socket, text: &str) {
        let content = FrameContent::Text(text.into());
        self.event(ConnectionInput::Frame { id: socket.id, content });
    }

    /// A ping comes over a socket.
    #[track_caller]
    pub fn ping(&mut self, socket: &Socket) {
        self.event(ConnectionInput::Activity { id: socket.id });
    }

    /// A socket opens, and a frame comes over it.
    #[track_caller]
    pub fn open_and_receive(&mut self, socket: &Socket, frame: Value) {
        self.open(socket);
        self.receive(socket, frame);
    }

    /// A socket is closed from the other side.
    #[track_caller]
    pub fn socket_closed(&mut self, socket: &Socket) {
        self.socket_gone(socket, HttpFailureKind::Closed);
    }

    /// A socket cannot be opened.
    #[track_caller]
    pub fn refuse(&mut self, socket: &Socket) {
        self.socket_gone(socket, HttpFailureKind::Connect);
    }

    #[track_caller]
    pub fn socket_gone(&mut self, socket: &Socket, kind: HttpFailureKind) {
        self.event(ConnectionInput::SocketClosed { id: socket.id, kind: Some(kind), status: None, message: None });
    }

    /// The upgrade to a WebSocket is refused with an HTTP status.
    #[track_caller]
    pub fn refuse_upgrade(&mut self, socket: &Socket, status: u16) {
        self.event(ConnectionInput::SocketClosed { id: socket.id, kind: None, status: Some(status), message: None });
    }

    #[track_caller]
    pub fn network(&mut self, up: bool) {
        self.event(ConnectionInput::Network { up });
    }

    #[track_caller]
    pub fn answer(&mut self, http: &Http, answer: Answer) {
        self.event(answer.to(http).expect("an answer"));
    }

    #[track_caller]
    pub fn callback_returns(&mut self, callback: &Callback, reply: impl Into<Reply>) {
        self.event(reply.into().to(callback).expect("a reply"));
    }

    /// A request made elsewhere with this token got a token error.
    #[track_caller]
    pub fn reject_token(&mut self, token: &str) {
        let error = super::messages::error(json!({"code": 40142, "statusCode": 401, "message": "Token expired"}));
        self.event(Event::TokenRejected { token: token.into(), error });
    }

    /// Lets time pass on both clocks, waking the session at each deadline on the way.
    #[track_caller]
    pub fn advance(&mut self, ms: u64) {
        let end = self.now.mono + ms;
        while let Some((at, _)) = self.session.poll_timeout().filter(|(at, _)| *at <= end) {
            self.pass(at - self.now.mono);
            self.wake();
        }
        self.pass(end - self.now.mono);
    }

    /// Lets time pass up to the next deadline and wakes the session there.
    #[track_caller]
    pub fn advance_to_timeout(&mut self) -> TimerKind {
        let (at, kind) = self.session.poll_timeout().expect("a deadline");
        self.advance(at - self.now.mono);
        kind
    }

    /// Lets time pass up to the next deadline, which must be of this kind and come after so many milliseconds.
    #[track_caller]
    pub fn advance_to(&mut self, ms: u64, kind: TimerKind) {
        assert_eq!(self.deadline(), Some((ms, kind)));
        self.advance(ms);
    }

    /// Lets time pass on both clocks without waking the session: it learns of it with the next input.
    pub fn pass(&mut self, ms: u64) {
        self.now = Now::new(self.now.mono + ms, self.now.unix_ms + ms as i64);
    }

    /// Sets the wall clock forward, or back.
    pub fn shift_wall_clock(&mut self, ms: i64) {
        self.now = Now::new(self.now.mono, self.now.unix_ms + ms);
    }

    /// Says what time it is, whether or not anything is due.
    #[track_caller]
    pub fn wake(&mut self) {
        self.session.handle_timeout(self.now);
        self.settle();
    }

    /// How long it is to the next deadline, and what it is for.
    pub fn deadline(&self) -> Option<(u64, TimerKind)> {
        self.session.poll_timeout().map(|(at, kind)| (at - self.now.mono, kind))
    }
}

/// Ways that many tests go.
impl Client {
    /// The connection comes up over a socket that is being opened.
    #[track_caller]
    pub fn come_up(&mut self, socket: &Socket, frame: Value) {
        self.open_and_receive(socket, frame);
        self.expect_change(ConnectionState::Connected);
    }

    /// Connects, with credentials that are there at once, and comes up as `connection-1` with the key `key-1`.
    #[track_caller]
    pub fn connect_up(&mut self) -> Socket {
        self.connect_up_as(connected("connection-1", "key-1"))
    }

    #[track_caller]
    pub fn connect_up_as(&mut self, frame: Value) -> Socket {
        self.connect();
        let socket = self.expect_attempt();
        self.come_up(&socket, frame);
        socket
    }

    /// Connects and fails on the way: the first host is not there, and there is no other.
    #[track_caller]
    pub fn connect_in_vain(&mut self) -> ConnectionStateChange {
        self.connect();
        let socket = self.expect_attempt();
        self.refuse(&socket);
        self.expect_change(ConnectionState::Disconnected)
    }

    /// Waits for the next attempt to connect, which fails.
    #[track_caller]
    pub fn retry_in_vain(&mut self) {
        assert_eq!(self.advance_to_timeout(), TimerKind::Retry);
        let socket = self.expect_attempt();
        self.refuse(&socket);
    }

    /// Fails to connect until the connection is suspended, and returns how it became so.
    #[track_caller]
    pub fn retry_until_suspended(&mut self) -> ConnectionStateChange {
        loop {
            match self.advance_to_timeout() {
                TimerKind::Retry => {
                    let socket = self.expect_attempt();
                    self.refuse(&socket);
                    let next = self.changes.last().expect("a change").current;
                    let change = self.expect_change(next);
                    if next == ConnectionState::Suspended {
                        return change;
                    }
                    assert_eq!(next, ConnectionState::Disconnected);
                }
                TimerKind::Suspend => return self.expect_change(ConnectionState::Suspended),
                other => panic!("{other:?}"),
            }
        }
    }
}

/// Views.
impl Client {
    pub fn state(&self) -> ConnectionState {
        self.session.connection().state()
    }

    pub fn connection_id(&self) -> Option<&str> {
        self.session.connection().id()
    }

    pub fn connection_key(&self) -> Option<&str> {
        self.session.connection().key().map(|key| key.expose())
    }

    pub fn error_reason(&self) -> Option<&Error> {
        self.session.connection().error_reason()
    }

    /// The recovery key, as JSON.
    pub fn recovery_key(&self) -> Option<Value> {
        let key = self.session.connection().create_recovery_key()?;
        Some(serde_json::from_str(key.expose()).expect("a recovery key is JSON"))
    }

    pub fn client_id(&self) -> Option<&str> {
        self.session.auth().client_id()
    }

    /// The text of the current token.
    pub fn token(&self) -> Option<&str> {
        self.session.auth().token_details().map(|details| details.token.expose())
    }

    pub fn ignored(&self) -> u64 {
        self.session.ignored()
    }

    pub fn session(&self) -> &Session {
        &self.session
    }

    /// The hosts that sockets were opened to, in order.
    pub fn hosts(&self) -> Vec<&str> {
        self.sockets.iter().map(Socket::host).collect()
    }

    pub fn is_running(&self, operation: OperationId) -> bool {
        self.running.contains(&operation)
    }

    /// The states that the connection has gone to, in order.
    pub fn states(&self) -> Vec<ConnectionState> {
        let changes = self.changes.iter().filter(|change| change.previous != change.current);
        changes.map(|change| change.current).collect()
    }
}
