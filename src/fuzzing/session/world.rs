//! A session's environment in virtual time: sockets, sources of tokens, a server.

use alloc::collections::{BTreeSet, VecDeque};
use alloc::string::String;
use alloc::vec::Vec;

use super::ops::{Frame, Op};
use crate::connection::{ConnectionAction, ConnectionInput, FrameContent};
use crate::fuzzing::ops::{CallbackAnswer, Client, HttpAnswer, Life, Reason};
use crate::fuzzing::palette::{self, Mint};
use crate::fuzzing::secrets::Secrets;
use crate::http::HttpRequest;
use crate::wire::{ProtocolMessage, Secret, action};
use crate::{
    CallbackId, ConnectionState, Event, HttpId, Now, OperationId, RestRequest, Session, SessionAction, SessionEvent,
    SocketId,
};

/// More deadlines than it takes to leave a state, or to end every operation.
pub(super) const MOST_DEADLINES: usize = 400;

/// A session and what is around it.
#[derive(Debug)]
pub struct World {
    pub(super) session: Session,
    pub(super) now: Now,
    mint: Mint,
    pub(super) secrets: Secrets,
    pub(super) callbacks: VecDeque<CallbackId>,
    pub(super) requests: VecDeque<Pending>,
    pub(super) running: BTreeSet<OperationId>,
    pub(super) socket: Option<Socket>,
    pub(super) opened: Vec<SocketId>,
    pub(super) closed: usize,
    pub(super) state: ConnectionState,
    /// How often the sources of tokens were asked.
    pub(super) asked: usize,
    /// How often the library's token has changed.
    pub(super) generation: usize,
    /// Tokens that the service has rejected and no source has returned since.
    pub(super) rejected: BTreeSet<String>,
    /// Of the last input.
    pub(super) actions: Vec<SessionAction>,
}

/// An HTTP request without an answer.
#[derive(Debug)]
pub(super) struct Pending {
    pub(super) id: HttpId,
    pub(super) request: HttpRequest,
    /// In which generation of the library's token it was sent.
    pub(super) generation: usize,
}

/// The socket there is.
#[derive(Debug)]
pub(super) struct Socket {
    pub(super) id: SocketId,
    is_open: bool,
    /// The token that the service knows this connection by.
    pub(super) token: Option<String>,
}

impl Socket {
    pub(super) fn new(id: SocketId, token: Option<String>) -> Self {
        Socket { id, is_open: false, token }
    }
}

/// Construction.
impl World {
    /// None where the options are refused.
    pub fn new(client: &Client) -> Option<Self> {
        let now = Now::new(1_000, 1_700_000_000_000);
        let mut mint = Mint::default();
        let mut options = palette::client_options(client, &mut mint, now);
        options.disconnected_retry_timeout = 1_000;
        options.suspended_retry_timeout = 5_000;
        let mut world = World {
            session: Session::new(options, [client.seed; 32], now).ok()?,
            now,
            mint,
            secrets: Secrets::default(),
            callbacks: VecDeque::new(),
            requests: VecDeque::new(),
            running: BTreeSet::new(),
            socket: None,
            opened: Vec::new(),
            closed: 0,
            state: ConnectionState::Initialized,
            asked: 0,
            generation: 0,
            rejected: BTreeSet::new(),
            actions: Vec::new(),
        };
        world.settle();
        Some(world)
    }

    /// A world whose session is connected.
    pub fn connected(client: &Client) -> Self {
        let mut world = World::new(client).expect("options that can be used");
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
    /// Lets it happen, and checks what has to hold after it.
    pub fn apply(&mut self, op: Op) {
        match op {
            Op::Connect => self.session.connect(self.now),
            Op::Close => self.session.close(self.now),
            Op::Authorize(auth) => {
                let options = palette::auth_options(auth, &mut self.mint, self.now);
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
            Op::Return(answer) => {
                if let Some(id) = self.callbacks.pop_front() {
                    let value = palette::callback_value(answer, &mut self.mint, self.now);
                    self.tell(Event::CallbackResult { id, value });
                }
            }
            Op::FailCallback(reason) => {
                if let Some(id) = self.callbacks.pop_front() {
                    self.tell(Event::CallbackFailed { id, error: palette::error(reason) });
                }
            }
            Op::Respond(answer) => self.respond(answer),
            Op::FailHttp(failure) => {
                if let Some(Pending { id, .. }) = self.requests.pop_front() {
                    self.tell(Event::HttpFailed { id, failure: palette::failure(failure) });
                }
            }
            Op::Network { up } => self.tell(ConnectionInput::Network { up }),
            Op::TokenRejected => {
                if let Some(token) = self.token().cloned() {
                    self.rejected.insert(token.expose().into());
                    self.tell(Event::TokenRejected { token, error: palette::error(Reason::TokenExpired) });
                }
            }
            Op::TokenExpired => self.tell(Event::TokenExpired {}),
            Op::Deadline => {
                if let Some((at, _)) = self.session.poll_timeout() {
                    self.advance(at - self.now.mono);
                }
            }
            Op::Advance { ms } => self.advance(ms.into()),
            Op::Oversleep { seconds } => self.pass(u64::from(seconds) * 1_000),
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

    fn respond(&mut self, answer: HttpAnswer) {
        let Some(Pending { id, request, generation }) = self.requests.pop_front() else { return };
        if let HttpAnswer::Refusal(reason) | HttpAnswer::Quoting(reason) = answer {
            if palette::error(reason).is_token_error() && generation == self.generation {
                let authorization = request.headers.find("authorization").unwrap_or_default();
                self.rejected.extend(authorization.strip_prefix("Bearer ").map(String::from));
            }
        }
        let response = palette::response(answer, &request, &mut self.mint, self.now);
        self.tell(Event::HttpResponse { id, response });
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
    pub fn answer_everything_well(&mut self) {
        for _ in 0..100 {
            let sent_auth = self.actions.iter().any(|action| {
                matches!(action, SessionAction::Connection(ConnectionAction::SendFrame { message, .. })
                    if message.action() == action::AUTH)
            });
            if sent_auth {
                self.apply(Op::Receive(Frame::Connected));
            } else if !self.callbacks.is_empty() {
                self.apply(Op::Return(CallbackAnswer::TokenText));
            } else if !self.requests.is_empty() {
                self.apply(Op::Respond(HttpAnswer::Success(Life::Unknown)));
            } else {
                return;
            }
        }
        panic!("there is no end of questions");
    }

    /// The second between reconnects passes, if need be, and the socket opens.
    pub fn open_after_the_pause(&mut self) {
        self.answer_everything_well();
        if self.socket.is_none() {
            self.apply(Op::Deadline);
        }
        self.apply(Op::Open);
    }

    /// Nobody answers any more. With time every operation ends.
    pub fn come_to_rest(&mut self) {
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
    /// Whether the session is connected.
    pub fn is_connected(&self) -> bool {
        self.state == ConnectionState::Connected
    }

    /// How many sockets there have been.
    pub fn sockets_opened(&self) -> usize {
        self.opened.len()
    }

    /// How many sockets the session has closed.
    pub fn sockets_closed(&self) -> usize {
        self.closed
    }

    /// How often the session has asked for a token.
    pub fn tokens_asked_for(&self) -> usize {
        self.asked
    }

    pub(super) fn token(&self) -> Option<&Secret> {
        self.session.auth().token_details().map(|details| &details.token)
    }
}

fn frame_input(id: SocketId, frame: Frame) -> ConnectionInput {
    ConnectionInput::Frame { id, content: FrameContent::Text(frame.text().into()) }
}

fn gone(id: SocketId) -> ConnectionInput {
    ConnectionInput::SocketClosed { id, kind: None, status: None, message: None }
}
