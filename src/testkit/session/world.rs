//! A session's environment in virtual time: sockets, sources of tokens, a server.

use alloc::collections::VecDeque;
use alloc::vec::Vec;
use core::hash::{Hash, Hasher};

use super::ops::{Frame, Op};
use super::palette::{self, Mint};
use super::values::{CallbackAnswer, Client, HttpAnswer, Life, Reason};
use crate::connection::{ConnectionAction, ConnectionInput, FrameContent};
use crate::http::{Headers, HttpRequest, HttpResponse};
use crate::options::ClientOptions;
use crate::session::Command;
use crate::testkit::model::{Invariant, Model, Violation};
use crate::trace::{Input, Line, New};
use crate::wire::{ProtocolMessage, Secret, action};
use crate::{
    Action, CallbackId, ConnectionState, Event, HttpId, Now, OperationId, RestRequest, Session, SessionAction,
    SessionEvent, SocketId,
};

/// More deadlines than it takes to end every operation.
const MOST_DEADLINES: usize = 400;

/// A session and what is around it.
///
/// Worlds are equal where the same can happen in them from now on: what happened last, and how often what happened, is
/// left out.
#[derive(Clone, Debug)]
pub struct World {
    session: Session,
    model: Model,
    now: Now,
    mint: Mint,
    /// Waiting, as far as the environment knows: it is not told when the session gives a callback up.
    callbacks: VecDeque<CallbackId>,
    requests: VecDeque<(HttpId, HttpRequest)>,
    last_callback: u64,
    last_request: u64,
    sockets_opened: u64,
    sockets_closed: usize,
    tokens_asked_for: usize,
    /// Of the last op.
    actions: Vec<SessionAction>,
    /// What the last op told the session.
    lines: Vec<Line>,
}

/// Construction.
impl World {
    /// None where the options are refused.
    pub fn new(client: &Client) -> Option<Self> {
        Self::at(Now::new(1_000, 1_700_000_000_000), client)
    }

    /// As [`Self::new`], at another time.
    pub fn at(now: Now, client: &Client) -> Option<Self> {
        let mut mint = Mint::default();
        let options = Self::options(client, &mut mint, now);
        let session = Session::new(options, [client.seed; 32], now).ok()?;
        let model = Model::new(&session).with_secret(palette::CANARY);
        let mut world = World {
            session,
            model,
            now,
            mint,
            callbacks: VecDeque::new(),
            requests: VecDeque::new(),
            last_callback: 0,
            last_request: 0,
            sockets_opened: 0,
            sockets_closed: 0,
            tokens_asked_for: 0,
            actions: Vec::new(),
            lines: Vec::new(),
        };
        world.take_actions().ok()?;
        Some(world)
    }

    fn options(client: &Client, mint: &mut Mint, now: Now) -> ClientOptions {
        let mut options = palette::client_options(client, mint, now);
        options.disconnected_retry_timeout = 1_000;
        options.suspended_retry_timeout = 5_000;
        options
    }

    /// A world whose session is connected.
    ///
    /// # Errors
    ///
    /// What the model has against it.
    ///
    /// # Panics
    ///
    /// Where the client's options cannot be used to connect.
    pub fn connected(client: &Client) -> Result<Self, Violation> {
        let mut world = World::new(client).expect("options that can be used");
        world.apply(Op::Connect)?;
        world.answer_everything_well()?;
        world.apply(Op::Open)?;
        world.apply(Op::Receive(Frame::Connected))?;
        assert!(world.is_connected(), "a client that can connect");
        Ok(world)
    }
}

/// What happens.
impl World {
    /// Lets it happen.
    ///
    /// # Errors
    ///
    /// What the model has against what came of it.
    pub fn apply(&mut self, op: Op) -> Result<(), Violation> {
        self.step(op)?;
        self.check_state()
    }

    /// Lets it happen, and checks what came of it; not yet the state it leads to.
    pub(crate) fn step(&mut self, op: Op) -> Result<(), Violation> {
        self.actions.clear();
        self.lines.clear();
        match op {
            Op::Connect => self.tell(Input::Connect),
            Op::Close => self.tell(Input::Close),
            Op::Authorize(auth) => {
                let options = palette::auth_options(auth, &mut self.mint, self.now);
                self.command(Command::Authorize(None, options))
            }
            Op::Request => self.command(Command::Request(RestRequest::new("GET", "/stats"))),
            Op::RequestToken => self.command(Command::RequestToken(None, None)),
            Op::Credentials => self.command(Command::Credentials),
            Op::Cancel => match self.oldest_operation() {
                Some(operation) => self.command(Command::Cancel(operation)),
                None => Ok(()),
            },
            Op::Send => self.tell(Input::Send(ProtocolMessage::new(action::MESSAGE))),
            Op::Open => match self.model.socket() {
                Some((id, _)) => self.event(ConnectionInput::SocketOpened { id }),
                None => Ok(()),
            },
            Op::Receive(frame) => match self.model.socket() {
                Some((id, true)) => self.event(frame_input(id, frame)),
                _ => Ok(()),
            },
            Op::ReceiveStale(frame) => self.event(frame_input(self.stale_socket(), frame)),
            Op::Ping => match self.model.socket() {
                Some((id, _)) => self.event(ConnectionInput::Activity { id }),
                None => Ok(()),
            },
            Op::SocketGone => match self.model.socket() {
                Some((id, _)) => self.event(gone(id)),
                None => Ok(()),
            },
            Op::SocketGoneStale => self.event(gone(self.stale_socket())),
            Op::Return(answer) => match self.callbacks.pop_front() {
                Some(id) => {
                    let value = palette::callback_value(answer, &mut self.mint, self.now);
                    self.event(Event::CallbackResult { id, value })
                }
                None => Ok(()),
            },
            Op::FailCallback(reason) => match self.callbacks.pop_front() {
                Some(id) => self.event(Event::CallbackFailed { id, error: palette::error(reason) }),
                None => Ok(()),
            },
            Op::Respond(answer) => match self.requests.pop_front() {
                Some((id, request)) => {
                    let response = palette::response(answer, &request, &mut self.mint, self.now);
                    self.event(Event::HttpResponse { id, response })
                }
                None => Ok(()),
            },
            Op::FailHttp(failure) => match self.requests.pop_front() {
                Some((id, _)) => self.event(Event::HttpFailed { id, failure: palette::failure(failure) }),
                None => Ok(()),
            },
            Op::Network { up } => self.event(ConnectionInput::Network { up }),
            Op::TokenRejected => match self.token().cloned() {
                Some(token) => self.event(Event::TokenRejected { token, error: palette::error(Reason::TokenExpired) }),
                None => Ok(()),
            },
            Op::TokenExpired => self.event(Event::TokenExpired {}),
            Op::Deadline => match self.session.poll_timeout() {
                Some((at, _)) => self.advance(at.saturating_sub(self.now.mono)),
                None => Ok(()),
            },
            Op::Advance { ms } => self.advance(ms.into()),
            Op::Oversleep { seconds } => {
                self.pass(u64::from(seconds) * 1_000);
                Ok(())
            }
            Op::JumpWallClock { minutes } => {
                self.now.unix_ms += i64::from(minutes) * 60_000;
                Ok(())
            }
            Op::ReturnStale => {
                match (1..=self.last_callback).map(CallbackId::from).rev().find(|id| self.is_over(*id)) {
                    Some(id) => {
                        let value = palette::callback_value(CallbackAnswer::SameToken, &mut self.mint, self.now);
                        self.event(Event::CallbackResult { id, value })
                    }
                    None => Ok(()),
                }
            }
            Op::RespondStale => {
                let pending = |id: &HttpId| self.requests.iter().any(|(pending, _)| pending == id);
                match (1..=self.last_request).map(HttpId::from).rev().find(|id| !pending(id)) {
                    Some(id) => {
                        let response = HttpResponse::new(200, Headers::new(), r#"{"token":"late"}"#);
                        self.event(Event::HttpResponse { id, response })
                    }
                    None => Ok(()),
                }
            }
            Op::Defer => {
                self.callbacks.rotate_left(usize::from(!self.callbacks.is_empty()));
                self.requests.rotate_left(usize::from(!self.requests.is_empty()));
                Ok(())
            }
        }?;
        if self.session.poll_timeout().is_some_and(|(at, _)| at <= self.now.mono) {
            self.tell(Input::Timeout)?;
        }
        Ok(())
    }

    /// Checks the state it is in.
    pub(crate) fn check_state(&mut self) -> Result<(), Violation> {
        self.model.check_state(&self.session, self.now)
    }

    /// Checks that what is under way ends with time.
    pub(crate) fn check_ends(&self) -> Result<(), Violation> {
        self.model.check_ends(&self.session, self.now)
    }

    /// Lets ops happen together. How many inputs were ignored is forgotten.
    pub(crate) fn make(&mut self, ops: &[Op]) -> Result<(), Violation> {
        ops.iter().try_for_each(|op| self.step(*op))?;
        self.session.forget_ignored();
        Ok(())
    }

    /// Whether there is something for an op to act on.
    pub(crate) fn concerns(&self, op: Op) -> bool {
        match op {
            Op::Cancel => self.oldest_operation().is_some(),
            Op::Open => self.model.socket().is_some_and(|(_, is_open)| !is_open),
            Op::Receive(_) => self.model.socket().is_some_and(|(_, is_open)| is_open),
            Op::Ping | Op::SocketGone => self.model.socket().is_some(),
            Op::ReceiveStale(_) | Op::SocketGoneStale => self.sockets_opened > 0,
            Op::Return(_) | Op::FailCallback(_) => !self.callbacks.is_empty(),
            Op::Respond(_) | Op::FailHttp(_) => !self.requests.is_empty(),
            Op::Defer => self.callbacks.len() > 1 || self.requests.len() > 1,
            Op::TokenRejected => self.token().is_some(),
            Op::Deadline => self.session.poll_timeout().is_some(),
            Op::ReturnStale => self.last_callback > self.callbacks.len() as u64,
            Op::RespondStale => self.last_request > self.requests.len() as u64,
            _ => true,
        }
    }

    /// The line that makes its session.
    pub(crate) fn first_line(now: Now, client: &Client) -> Line {
        let options = Self::options(client, &mut Mint::default(), now);
        Line { now: Some(now), input: Input::New(New { options, seed: [client.seed; 32] }) }
    }

    fn command(&mut self, command: Command) -> Result<(), Violation> {
        self.tell(Input::Command(command))
    }

    fn event(&mut self, event: impl Into<SessionEvent>) -> Result<(), Violation> {
        self.tell(Input::Event(event.into()))
    }

    fn tell(&mut self, input: Input) -> Result<(), Violation> {
        self.lines.push(Line { now: Some(self.now), input: input.clone() });
        let (told, now) = (input.clone(), self.now);
        let operation = match input {
            Input::Command(command) => Some(self.session.start(command, now)),
            Input::Event(event) => {
                self.session.handle_event(event, now);
                None
            }
            Input::Connect => {
                self.session.connect(now);
                None
            }
            Input::Close => {
                self.session.close(now);
                None
            }
            Input::Send(message) => {
                let sent = self.session.send(message, now).is_ok();
                let is_connected = self.is_connected();
                if sent != is_connected {
                    let what = alloc::format!("a frame was sent: {sent}; it is connected: {is_connected}");
                    return Err(Violation { invariant: Invariant::ChangesFollow, what });
                }
                None
            }
            Input::Timeout => {
                self.session.handle_timeout(now);
                None
            }
            Input::New(_) => None,
        };
        self.model.on_input(&told, operation, now)?;
        self.take_actions()
    }

    fn take_actions(&mut self) -> Result<(), Violation> {
        while let Some(action) = self.session.poll_action() {
            self.model.on_action(&action)?;
            self.on_action(&action);
            self.actions.push(action);
        }
        self.model.check_step(&self.session)
    }

    fn on_action(&mut self, action: &SessionAction) {
        match action {
            SessionAction::Auth(Action::SendHttp { id, request, .. }) => {
                self.tokens_asked_for += usize::from(palette::Purpose::of(request).is_source());
                self.last_request = id.as_u64();
                self.requests.push_back((*id, request.clone()));
            }
            SessionAction::Auth(Action::AbortHttp { id }) => self.requests.retain(|(pending, _)| pending != id),
            SessionAction::Auth(Action::InvokeCallback { id, .. }) => {
                self.tokens_asked_for += 1;
                self.last_callback = id.as_u64();
                self.callbacks.push_back(*id);
            }
            SessionAction::Connection(ConnectionAction::OpenSocket { .. }) => self.sockets_opened += 1,
            SessionAction::Connection(ConnectionAction::CloseSocket { .. }) => self.sockets_closed += 1,
            _ => {}
        }
    }

    fn advance(&mut self, ms: u64) -> Result<(), Violation> {
        let end = self.now.mono.saturating_add(ms);
        while let Some((at, _)) = self.session.poll_timeout().filter(|(at, _)| *at <= end) {
            self.pass(at.saturating_sub(self.now.mono));
            self.tell(Input::Timeout)?;
        }
        self.pass(end - self.now.mono);
        Ok(())
    }

    fn pass(&mut self, ms: u64) {
        self.now = Now::new(self.now.mono + ms, self.now.unix_ms + ms as i64);
    }

    fn oldest_operation(&self) -> Option<OperationId> {
        self.model.operations().next()
    }

    fn is_over(&self, id: CallbackId) -> bool {
        !self.callbacks.contains(&id)
    }

    fn stale_socket(&self) -> SocketId {
        let current = self.model.socket().map(|(id, _)| id);
        (1..=self.sockets_opened).map(SocketId::from).find(|id| Some(*id) != current).unwrap_or_else(|| 1_000.into())
    }
}

/// Whole stretches.
impl World {
    /// Answers what waits for an answer, and what comes of that, each as well as can be. CONNECTED answers AUTH.
    ///
    /// # Errors
    ///
    /// What the model has against it.
    ///
    /// # Panics
    ///
    /// Where there is no end of questions.
    pub fn answer_everything_well(&mut self) -> Result<(), Violation> {
        for _ in 0..100 {
            let sent_auth = self.actions.iter().any(|action| {
                matches!(action, SessionAction::Connection(ConnectionAction::SendFrame { message, .. })
                    if message.action() == action::AUTH)
            });
            if sent_auth {
                self.apply(Op::Receive(Frame::Connected))?;
            } else if !self.callbacks.is_empty() {
                self.apply(Op::Return(CallbackAnswer::TokenText))?;
            } else if !self.requests.is_empty() {
                self.apply(Op::Respond(HttpAnswer::Success(Life::Unknown)))?;
            } else {
                return Ok(());
            }
        }
        panic!("there is no end of questions");
    }

    /// The second between reconnects passes, if need be, and the socket opens.
    ///
    /// # Errors
    ///
    /// What the model has against it.
    pub fn open_after_the_pause(&mut self) -> Result<(), Violation> {
        self.answer_everything_well()?;
        if self.model.socket().is_none() {
            self.apply(Op::Deadline)?;
        }
        self.apply(Op::Open)
    }

    /// Nobody answers any more. With time every operation ends.
    ///
    /// # Errors
    ///
    /// [`Invariant::CompletesOnce`] where one does not.
    pub fn come_to_rest(&mut self) -> Result<(), Violation> {
        for _ in 0..MOST_DEADLINES {
            if self.model.operations().next().is_none() || self.session.poll_timeout().is_none() {
                break;
            }
            self.apply(Op::Deadline)?;
        }
        let left: Vec<OperationId> = self.model.operations().collect();
        if left.is_empty() {
            return Ok(());
        }
        let what = alloc::format!("time does not end these: {left:?} in {:?}", self.model.connection_state());
        Err(Violation { invariant: Invariant::CompletesOnce, what })
    }

    /// Two sessions with the same past are the same and do the same.
    pub(super) fn check_equals(&self, other: &World) -> Result<(), Violation> {
        if self.actions == other.actions && self.session == other.session {
            return Ok(());
        }
        let what = "two sessions with the same past differ".into();
        Err(Violation { invariant: Invariant::SamePastSameFuture, what })
    }
}

/// Views.
impl World {
    /// The session.
    pub fn session(&self) -> &Session {
        &self.session
    }

    /// The model that watches it.
    pub fn model(&self) -> &Model {
        &self.model
    }

    /// The time.
    pub fn now(&self) -> Now {
        self.now
    }

    /// What the last op told the session, in the form of a trace.
    pub fn lines(&self) -> &[Line] {
        &self.lines
    }

    /// What came of the last op.
    pub fn actions(&self) -> &[SessionAction] {
        &self.actions
    }

    /// Whether the session is connected.
    pub fn is_connected(&self) -> bool {
        self.model.connection_state() == ConnectionState::Connected
    }

    /// How many sockets there have been.
    pub fn sockets_opened(&self) -> u64 {
        self.sockets_opened
    }

    /// How many sockets the session has closed.
    pub fn sockets_closed(&self) -> usize {
        self.sockets_closed
    }

    /// How often the session has asked for a token.
    pub fn tokens_asked_for(&self) -> usize {
        self.tokens_asked_for
    }

    fn token(&self) -> Option<&Secret> {
        self.session.auth().token_details().map(|details| &details.token)
    }

    /// What decides over what can happen from now on.
    fn what_matters(&self) -> impl PartialEq + Hash + use<'_> {
        let World { session, model, now, mint, callbacks, requests, .. } = self;
        let stale = (self.last_callback, self.last_request, self.sockets_opened);
        (session, model, now, mint, callbacks, requests, stale)
    }
}

impl PartialEq for World {
    fn eq(&self, other: &Self) -> bool {
        self.what_matters() == other.what_matters()
    }
}

impl Eq for World {}

impl Hash for World {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.what_matters().hash(state);
    }
}

fn frame_input(id: SocketId, frame: Frame) -> ConnectionInput {
    ConnectionInput::Frame { id, content: FrameContent::Text(frame.text().into()) }
}

fn gone(id: SocketId) -> ConnectionInput {
    ConnectionInput::SocketClosed { id, kind: None, status: None, message: None }
}
