//! The Auth object and its connection behind one surface: [`Session`].
//!
//! It introduces an [`AuthMachine`] and a [`ConnectionMachine`] to each other. Every change of the connection is
//! told to the auth side, which answers with credentials, with a token to send over the connection that is up, or
//! with the end of it. What one of them wants from the other never shows; everything else comes out as one stream
//! of actions, a change of state before the completions it causes.
//!
//! Whether a token is fresh and whether a connection can be resumed are two things, and are decided apart.

mod action;
mod driven;
mod event;

use alloc::collections::VecDeque;

use crate::base::{ConnectionState, HttpId, Now, OperationId, TimerKind};
use crate::connection::{ConnectWith, ConnectionAction, ConnectionInput, ConnectionMachine, ConnectionStateChange};
use crate::machine::{self, AuthMachine, ConnectionEvent};
use crate::options::{AuthOptions, ClientOptions};
use crate::wire::{ConnectionDetails, Error, ProtocolMessage, Secret, TokenParams};
use crate::{RestRequest, Revocation};

pub use action::SessionAction;
pub use driven::Command;
pub(crate) use driven::Driven;
pub use event::SessionEvent;

/// A realtime client's Auth object and connection.
///
/// The methods are of the four kinds of [`AuthMachine`]. The commands of the Auth object are the same here; with a
/// connection, `authorize` ends when the connection has accepted the token (`RTC8`).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Session {
    auth: AuthMachine,
    connection: ConnectionMachine,
    outbox: VecDeque<SessionAction>,
    /// The connectivity check under way, by the id that the environment knows and by the connection's own.
    check: Option<(HttpId, HttpId)>,
    ignored: u64,
}

impl Session {
    /// A session that is not connected. Everything random in it comes from the seed.
    ///
    /// # Errors
    ///
    /// Those of [`AuthMachine::new`].
    pub fn new(options: ClientOptions, seed: [u8; 32], now: Now) -> Result<Session, Error> {
        let connect = options.auto_connect == Some(true);
        let (auth_seed, connection_seed) = crate::base::split_seed(seed);
        let connection = ConnectionMachine::new(&options, connection_seed, now);
        let auth = AuthMachine::new(options, auth_seed, now)?;
        let mut session = Session { auth, connection, outbox: VecDeque::new(), check: None, ignored: 0 };
        session.settle(now);
        session.tell_auth(ConnectionEvent::new(ConnectionState::Initialized), now);
        if connect {
            session.connect(now);
        }
        Ok(session)
    }
}

/// Commands of the Auth object: those of [`AuthMachine`].
impl Session {
    /// See [`AuthMachine::authorize`].
    pub fn authorize(&mut self, params: Option<TokenParams>, options: Option<AuthOptions>, now: Now) -> OperationId {
        self.command(now, |auth| auth.authorize(params, options, now))
    }

    /// See [`AuthMachine::request_token`].
    pub fn request_token(
        &mut self,
        params: Option<TokenParams>,
        options: Option<AuthOptions>,
        now: Now,
    ) -> OperationId {
        self.command(now, |auth| auth.request_token(params, options, now))
    }

    /// See [`AuthMachine::create_token_request`].
    pub fn create_token_request(
        &mut self,
        params: Option<TokenParams>,
        options: Option<AuthOptions>,
        now: Now,
    ) -> OperationId {
        self.command(now, |auth| auth.create_token_request(params, options, now))
    }

    /// See [`AuthMachine::revoke_tokens`].
    pub fn revoke_tokens(&mut self, revocation: Revocation, now: Now) -> OperationId {
        self.command(now, |auth| auth.revoke_tokens(revocation, now))
    }

    /// See [`AuthMachine::request`].
    pub fn request(&mut self, request: RestRequest, now: Now) -> OperationId {
        self.command(now, |auth| auth.request(request, now))
    }

    /// See [`AuthMachine::credentials`].
    pub fn credentials(&mut self, now: Now) -> OperationId {
        self.command(now, |auth| auth.credentials(now))
    }

    /// See [`AuthMachine::time`].
    pub fn time(&mut self, now: Now) -> OperationId {
        self.command(now, |auth| auth.time(now))
    }

    /// See [`AuthMachine::cancel`].
    pub fn cancel(&mut self, operation: OperationId, now: Now) -> OperationId {
        self.command(now, |auth| auth.cancel(operation, now))
    }

    /// See [`AuthMachine::refuse`].
    pub fn refuse(&mut self, error: Error, now: Now) -> OperationId {
        self.command(now, |auth| auth.refuse(error, now))
    }

    fn command(&mut self, now: Now, command: impl FnOnce(&mut AuthMachine) -> OperationId) -> OperationId {
        let operation = command(&mut self.auth);
        self.settle(now);
        operation
    }
}

/// Commands of the connection.
impl Session {
    /// Connects: see [`ConnectionMachine::connect`].
    pub fn connect(&mut self, now: Now) {
        self.connection.connect(now);
        self.settle(now);
    }

    /// Closes the connection: see [`ConnectionMachine::close`].
    pub fn close(&mut self, now: Now) {
        self.connection.close(now);
        self.settle(now);
    }

    /// Sends a frame of the application.
    ///
    /// # Errors
    ///
    /// Those of [`ConnectionMachine::send`].
    pub fn send(&mut self, message: ProtocolMessage, now: Now) -> Result<(), Error> {
        self.connection.send(message, now)?;
        self.settle(now);
        Ok(())
    }
}

/// Inputs.
impl Session {
    /// Something has happened. What comes late, twice, or for an unknown id is ignored and counted.
    pub fn handle_event(&mut self, event: SessionEvent, now: Now) {
        match event {
            SessionEvent::Connection(input) => self.connection.handle_input(input, now),
            SessionEvent::Auth(event) => self.handle_auth_event(event, now),
        }
        self.settle(now);
    }

    fn handle_auth_event(&mut self, event: machine::Event, now: Now) {
        match event {
            machine::Event::HttpResponse { id, response } => match self.take_check(id) {
                Some(id) => self.connection.handle_input(ConnectionInput::HttpResponse { id, response }, now),
                None => self.auth.handle_event(machine::Event::HttpResponse { id, response }, now),
            },
            machine::Event::HttpFailed { id, failure } => match self.take_check(id) {
                Some(id) => self.connection.handle_input(ConnectionInput::HttpFailed { id, failure }, now),
                None => self.auth.handle_event(machine::Event::HttpFailed { id, failure }, now),
            },
            // The session has a connection of its own.
            machine::Event::Connection(_) | machine::Event::ReauthRequested {} => self.ignored += 1,
            event => self.auth.handle_event(event, now),
        }
    }

    /// The time of [`poll_timeout`](Self::poll_timeout) has come, or may have.
    pub fn handle_timeout(&mut self, now: Now) {
        // What ends the wait for a token says why; so the auth side goes first.
        self.auth.handle_timeout(now);
        self.settle(now);
        self.connection.handle_timeout(now);
        self.settle(now);
    }

    fn take_check(&mut self, id: HttpId) -> Option<HttpId> {
        let (_, inner) = self.check.take_if(|(outer, _)| *outer == id)?;
        Some(inner)
    }
}

/// Outputs.
impl Session {
    /// The next thing to do, if any. Everything there is to do is here at once, never only after a timeout.
    pub fn poll_action(&mut self) -> Option<SessionAction> {
        self.outbox.pop_front()
    }

    /// When to call [`handle_timeout`](Self::handle_timeout), by the monotonic clock, and what for.
    pub fn poll_timeout(&self) -> Option<(u64, TimerKind)> {
        [self.auth.poll_timeout(), self.connection.poll_timeout()].into_iter().flatten().min()
    }
}

/// Views.
impl Session {
    /// The Auth object, to look at.
    pub fn auth(&self) -> &AuthMachine {
        &self.auth
    }

    /// The connection, to look at.
    pub fn connection(&self) -> &ConnectionMachine {
        &self.connection
    }

    /// How many inputs have been ignored because they came late or twice, or had an unknown id.
    pub fn ignored(&self) -> u64 {
        self.ignored + self.auth.ignored() + self.connection.ignored()
    }

    /// Counts them anew. Nothing else depends on it.
    #[cfg(feature = "testkit")]
    pub(crate) fn forget_ignored(&mut self) {
        self.ignored = 0;
        self.auth.forget_ignored();
        self.connection.forget_ignored();
    }
}

/// Introducing the two to each other.
impl Session {
    /// Carries what each of them wants to the other, until neither wants anything.
    fn settle(&mut self, now: Now) {
        loop {
            if let Some(action) = self.connection.poll_action() {
                self.on_connection_action(action, now);
            } else if let Some(action) = self.auth.poll_action() {
                self.on_auth_action(action, now);
            } else {
                return;
            }
        }
    }

    fn on_connection_action(&mut self, action: ConnectionAction, now: Now) {
        match action {
            ConnectionAction::ConnectionStateChange(change) => {
                let event = self.as_told_to_auth(&change);
                self.emit(SessionAction::Connection(ConnectionAction::ConnectionStateChange(change)));
                self.tell_auth(event, now);
            }
            ConnectionAction::CredentialsNeeded { rejected: None } => {
                // The change to CONNECTING has told the auth side.
            }
            ConnectionAction::CredentialsNeeded { rejected: Some(error) } => {
                // Not shown, but the auth side needs to know that the token was rejected.
                let mut event = ConnectionEvent::new(ConnectionState::Disconnected);
                event.reason = Some(error);
                self.tell_auth(event, now);
                self.tell_auth(ConnectionEvent::new(ConnectionState::Connecting), now);
            }
            ConnectionAction::ReauthRequested {} => {
                self.auth.handle_event(machine::Event::ReauthRequested {}, now);
            }
            ConnectionAction::SendHttp { id: inner, request, timeout } => {
                let action = self.auth.plain_request(request, timeout);
                if let machine::Action::SendHttp { id: outer, .. } = action {
                    self.check = Some((outer, inner));
                }
                self.emit(SessionAction::Auth(action));
            }
            ConnectionAction::AbortHttp { .. } => {
                if let Some((id, _)) = self.check.take() {
                    self.emit(SessionAction::Auth(machine::Action::AbortHttp { id }));
                }
            }
            action => self.emit(SessionAction::Connection(action)),
        }
    }

    fn on_auth_action(&mut self, action: machine::Action, now: Now) {
        match action {
            machine::Action::OpenConnection {} => {
                if let Some(with) = self.connect_with() {
                    self.connection.use_credentials(with, now);
                }
            }
            machine::Action::UpgradeConnection { access_token } => {
                self.connection.authenticate(access_token, self.auth.can_renew(), now);
            }
            machine::Action::HaltConnection {} => self.connection.halt(now),
            machine::Action::DropConnection { reason } => self.connection.drop_connection(reason, now),
            machine::Action::FailConnection { reason } => self.connection.fail(reason, now),
            action => self.emit(SessionAction::Auth(action)),
        }
    }

    /// What the connection authenticates itself with now.
    fn connect_with(&self) -> Option<ConnectWith> {
        let credentials = self.auth.peek_credentials()?;
        Some(match (credentials.key(), credentials.access_token()) {
            (Some(key), _) => ConnectWith::Key(Secret::new(key)),
            (None, token) => ConnectWith::Token {
                access_token: Secret::new(token.unwrap_or_default()),
                renewable: self.auth.can_renew(),
            },
        })
    }

    fn as_told_to_auth(&self, change: &ConnectionStateChange) -> ConnectionEvent {
        let mut event = ConnectionEvent::new(change.current);
        event.update = change.previous == change.current;
        event.reason.clone_from(&change.reason);
        if change.current == ConnectionState::Connected {
            let client_id = self.connection.client_id().map(Into::into);
            event.connection_details = Some(ConnectionDetails { client_id, ..ConnectionDetails::default() });
            event.host = self.connection.host().map(Into::into);
        }
        event
    }

    fn tell_auth(&mut self, event: ConnectionEvent, now: Now) {
        self.auth.handle_event(machine::Event::Connection(event), now);
    }

    fn emit(&mut self, action: SessionAction) {
        self.outbox.push_back(action);
    }
}
