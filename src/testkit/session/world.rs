//! A session's environment in virtual time: sockets, sources of tokens, a server.

use alloc::collections::VecDeque;
use alloc::vec::Vec;
use core::hash::Hash;

use super::ops::{Frame, Op};
use super::palette::{self, Mint};
use super::values::{CallbackAnswer, Client, HttpAnswer, Life};
use crate::connection::ConnectionAction;
use crate::http::HttpRequest;
use crate::options::ClientOptions;
use crate::testkit::model::{Invariant, Model, Violation};
use crate::trace::{Input, Line, New};
use crate::wire::{Secret, action};
use crate::{CallbackId, ConnectionState, HttpId, Now, OperationId, Session, SessionAction};

/// More deadlines than it takes to end every operation.
const MOST_DEADLINES: usize = 400;

/// A session and what is around it.
///
/// Worlds are equal where the same can happen in them from now on: what happened last, and how often what happened, is
/// left out.
#[derive(Clone, Debug)]
pub struct World {
    pub(super) session: Session,
    pub(super) model: Model,
    pub(super) now: Now,
    pub(super) mint: Mint,
    /// Waiting, as far as the environment knows: it is not told when the session gives a callback up.
    pub(super) callbacks: VecDeque<CallbackId>,
    pub(super) requests: VecDeque<(HttpId, HttpRequest)>,
    pub(super) last_callback: u64,
    pub(super) last_request: u64,
    pub(super) sockets_opened: u64,
    pub(super) sockets_closed: usize,
    pub(super) tokens_asked_for: usize,
    /// Of the last op.
    pub(super) actions: Vec<SessionAction>,
    /// What the last op told the session.
    pub(super) lines: Vec<Line>,
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

    /// Checks the state it is in.
    pub(crate) fn check_state(&mut self) -> Result<(), Violation> {
        self.model.check_state(&self.session, self.now)
    }

    /// Checks that what is under way ends with time.
    pub(crate) fn check_ends(&self) -> Result<(), Violation> {
        self.model.check_ends(&self.session, self.now)
    }

    /// How many inputs were ignored is forgotten.
    pub(crate) fn forget_ignored(&mut self) {
        self.session.forget_ignored();
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
            Op::ReturnStale => self.has_past_callback(),
            Op::RespondStale => self.has_past_request(),
            _ => true,
        }
    }

    fn has_past_callback(&self) -> bool {
        self.last_callback > self.callbacks.len() as u64
    }

    fn has_past_request(&self) -> bool {
        self.last_request > self.requests.len() as u64
    }

    pub(super) fn oldest_operation(&self) -> Option<OperationId> {
        self.model.operations().next()
    }

    /// The line that makes the session of [`World::at`]. With [`World::lines`] it is a trace of it.
    pub fn first_line(now: Now, client: &Client) -> Line {
        let options = Self::options(client, &mut Mint::default(), now);
        Line { now: Some(now), input: Input::New(New { options, seed: [client.seed; 32] }) }
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

    pub(super) fn token(&self) -> Option<&Secret> {
        self.session.auth().token_details().map(|details| &details.token)
    }

    /// What decides over what can happen from now on.
    fn what_matters(&self) -> impl PartialEq + Hash + use<'_> {
        let World { session, model, now, mint, callbacks, requests, .. } = self;
        // Whether there is something past that may report, not how much.
        let past = [self.has_past_callback(), self.has_past_request(), self.sockets_opened > 0];
        (session, model, now, mint, callbacks, requests, past)
    }
}

crate::testkit::same_by_what_matters!(World);
