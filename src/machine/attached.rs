//! The connection that the environment owns: what it tells, and what it is asked to do (`RTC8`, `RSA4c`, `RTN22`).
//!
//! The machine is attached from the first `Connection` event on. It never opens or closes anything itself; it
//! says when there are credentials to connect with, when there is a token to send over the open connection, and
//! when there is no point in going on.

use alloc::boxed::Box;
use alloc::collections::BTreeSet;
use alloc::string::String;

use super::AuthMachine;
use super::action::Action;
use super::errors;
use super::event::ConnectionEvent;
use super::fetch::{Consequence, FetchError};
use super::library::{Need, Token};
use crate::base::{ConnectionState, NoticeKind, NoticeLevel, OperationId, TimerKind};
use crate::options::{AuthScheme, incompatible_client_id};
use crate::wire::{Error, ErrorKind, Secret, client_ids_differ, codes};

/// What is known of the connection.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Attached {
    state: ConnectionState,
    /// What CONNECTED said; gone once another token is in use, or the connection is not connected any more.
    client_id: Option<String>,
    attempt: Attempt,
    renewal: Renewal,
    /// The token that the connection last got.
    given: Option<Secret>,
    upgrade: Upgrade,
    /// The `authorize` operations that end when the connection says that it has accepted the token.
    awaiting: BTreeSet<OperationId>,
}

/// The attempt to connect, as far as the machine has a say in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Attempt {
    /// None, or none that waits for anything.
    None,
    /// It waits for credentials.
    AwaitingCredentials,
    /// The machine asked for it; the connection has not said yet that it connects.
    Requested,
    /// It has its credentials.
    Open,
}

/// Whether a token error of the connection may still cause a reconnect at once, with a new token or with one that is
/// there already; only CONNECTED gives another (`RTN14b`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Renewal {
    Available,
    Spent,
}

/// Tokens sent over the open connection (`RTC8a`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Upgrade {
    None,
    /// All have to be answered by a time that the first of them set.
    Unanswered {
        sent: u32,
        gives_up_at: u64,
    },
}

impl Attached {
    fn new() -> Self {
        Attached {
            state: ConnectionState::Initialized,
            client_id: None,
            attempt: Attempt::None,
            renewal: Renewal::Available,
            given: None,
            upgrade: Upgrade::None,
            awaiting: BTreeSet::new(),
        }
    }

    pub(super) fn client_id(&self) -> Option<&str> {
        self.client_id.as_deref()
    }

    pub(super) fn describe(&self) -> (ConnectionState, usize) {
        (self.state, self.awaiting.len())
    }
}

impl AuthMachine {
    /// The connection has changed.
    pub(super) fn on_connection_event(&mut self, event: ConnectionEvent) {
        let connection = self.connection.get_or_insert_with(|| Box::new(Attached::new()));
        let previous = core::mem::replace(&mut connection.state, event.state);
        if event.state != ConnectionState::Connected {
            connection.client_id = None;
            connection.upgrade = Upgrade::None;
            self.io.hosts.on_connection(None, &self.io.settings);
        }
        match event.state {
            ConnectionState::Initialized => self.set_attempt(Attempt::None),
            ConnectionState::Closing => {
                self.set_attempt(Attempt::None);
                self.have_authorizing_await_connection();
            }
            ConnectionState::Connecting => self.on_connecting(),
            ConnectionState::Connected => self.on_connected(event),
            ConnectionState::Disconnected => self.on_disconnected(previous, event.reason),
            ConnectionState::Suspended => self.on_gave_up(previous, event.reason, suspended),
            ConnectionState::Closed => self.on_gave_up(previous, event.reason, closed),
            ConnectionState::Failed => self.on_gave_up(previous, event.reason, failed),
        }
    }

    fn on_connecting(&mut self) {
        match self.attempt() {
            Attempt::Requested => self.set_attempt(Attempt::Open),
            Attempt::None | Attempt::AwaitingCredentials | Attempt::Open => self.open_or_wait(),
        }
    }

    /// Has the connection connect as soon as there are credentials. An `authorize` under way is waited for.
    fn open_or_wait(&mut self) {
        let authorizing =
            self.acquisition.as_ref().is_some_and(|acquisition| !acquisition.claims.authorizing.is_empty());
        let need = if authorizing { Need::Acquiring } else { self.need_credentials() };
        match need {
            Need::Met(_) => self.open_connection(),
            Need::Acquiring => self.have_connection_wait(),
            Need::Hopeless(reason) => self.fail_connection(reason),
        }
    }

    /// The attempt waits for the token that is being acquired, for a while (`RSA4c`).
    fn have_connection_wait(&mut self) {
        self.set_attempt(Attempt::AwaitingCredentials);
        let gives_up_at = self.io.clock.after(self.io.settings.realtime_request_timeout);
        if let Some(acquisition) = &mut self.acquisition {
            acquisition.claims.connection_gives_up_at = Some(gives_up_at);
        }
    }

    fn open_connection(&mut self) {
        let Some(connection) = &mut self.connection else { return };
        let connecting = connection.state == ConnectionState::Connecting;
        connection.attempt = if connecting { Attempt::Open } else { Attempt::Requested };
        connection.given = match &self.token {
            Token::Held(held) => Some(held.details.token.clone()),
            Token::None | Token::Lost(_) => None,
        };
        self.io.emit(Action::OpenConnection {});
    }

    fn fail_connection(&mut self, reason: Error) {
        self.set_attempt(Attempt::None);
        self.io.emit(Action::FailConnection { reason });
    }

    fn on_connected(&mut self, event: ConnectionEvent) {
        let client_id = event.connection_details.and_then(|details| details.client_id);
        if client_ids_differ(self.io.settings.client_id.as_deref(), client_id.as_deref()) {
            return self.fail_connection(incompatible_client_id());
        }
        if let Some(host) = &event.host {
            self.io.hosts.on_connection(Some(host), &self.io.settings);
        }
        let Some(connection) = &mut self.connection else { return };
        connection.client_id = client_id;
        connection.attempt = Attempt::None;
        connection.renewal = Renewal::Available;
        connection.upgrade = match connection.upgrade {
            Upgrade::Unanswered { sent, gives_up_at } if event.update && sent > 1 => {
                Upgrade::Unanswered { sent: sent - 1, gives_up_at }
            }
            _ => Upgrade::None,
        };
        if connection.upgrade == Upgrade::None {
            for operation in core::mem::take(&mut connection.awaiting) {
                self.complete_authorize(operation);
            }
        }
    }

    fn on_disconnected(&mut self, previous: ConnectionState, reason: Option<Error>) {
        if self.attempt() != Attempt::Requested {
            self.set_attempt(Attempt::None);
        }
        let Some(token_error) = reason.filter(|reason| self.is_token_error(reason)) else { return };
        let may_reconnect = self.connection.as_mut().is_some_and(|connection| {
            core::mem::replace(&mut connection.renewal, Renewal::Spent) == Renewal::Available
        });
        if !self.reject_given_token(&token_error) {
            // It was refused for a token that has been replaced meanwhile.
            if may_reconnect {
                self.open_connection();
            }
            return;
        }
        if let Token::Lost(error) = &self.token {
            let was_connected = previous == ConnectionState::Connected;
            let reason = if was_connected { token_error } else { error.clone() };
            return self.fail_connection(reason);
        }
        if may_reconnect {
            self.open_or_wait();
        }
    }

    /// Whether an error of the connection says that the token was rejected. With a key it says nothing.
    fn is_token_error(&self, error: &Error) -> bool {
        error.is_token_error() && self.policy.scheme() == AuthScheme::Token
    }

    /// Takes the token out of use that the connection was given last. False where there is another one already.
    fn reject_given_token(&mut self, token_error: &Error) -> bool {
        let given = self.connection.as_ref().and_then(|connection| connection.given.as_ref());
        let is_replaced = self.token_details().is_some_and(|current| given != Some(&current.token));
        if !is_replaced {
            self.drop_token(Some(token_error));
        }
        !is_replaced
    }

    /// The connection will not connect by itself any more, or not soon. Whoever authorizes learns of it (`RTC8b1`); an
    /// `authorize` that comes while it is closing connects again.
    fn on_gave_up(&mut self, previous: ConnectionState, reason: Option<Error>, default: fn() -> Error) {
        if previous != ConnectionState::Closing {
            self.have_authorizing_await_connection();
        }
        if let Some(token_error) = reason.as_ref().filter(|reason| self.is_token_error(reason)) {
            self.reject_given_token(token_error);
        }
        let Some(connection) = &mut self.connection else { return };
        connection.attempt = Attempt::None;
        let awaiting = core::mem::take(&mut connection.awaiting);
        let error = reason.unwrap_or_else(default);
        for operation in awaiting {
            self.fail_operation(operation, error.clone());
        }
    }

    /// The server asks for new authentication (`RTN22`).
    pub(super) fn on_reauth_requested(&mut self) {
        let impossible = if self.policy.scheme() == AuthScheme::Basic {
            Some("the server asked for a new token, but the connection was authenticated with the key")
        } else if !self.policy.can_renew() && self.acquisition.is_none() {
            Some("the server asked for a new token, and there is no way to get one")
        } else {
            None
        };
        match impossible {
            Some(message) => {
                self.io.notice(NoticeLevel::Warn, NoticeKind::ReauthNotPossible, Some("RTN22"), message, None);
            }
            None => self.renew_for_connection(),
        }
    }

    /// Acquires the next token while the connection goes on with the last one.
    pub(super) fn renew_for_connection(&mut self) {
        if let Need::Hopeless(error) = self.renew() {
            let message = "the connection needs a new token, and there is no way to get one";
            self.io.notice(NoticeLevel::Warn, NoticeKind::ReauthNotPossible, Some("RTN22"), message, Some(error));
        }
    }

    /// The service has rejected the token elsewhere. An attempt that would go on with it stops and waits for the next
    /// one; where there is none, the connection has failed.
    pub(super) fn on_token_found_rejected(&mut self) {
        let is_connecting = self.connection.as_ref().is_some_and(|connection| {
            connection.state == ConnectionState::Connecting && connection.attempt == Attempt::Open
        });
        if is_connecting && self.peek_credentials().is_none() {
            self.set_attempt(Attempt::None);
            self.io.emit(Action::HaltConnection {});
            self.open_or_wait();
        }
    }

    /// An `authorize` has been accepted: an attempt that is under way stops (`RTC8b`), and operations that wait for
    /// the connection to accept an earlier token wait for the next one.
    pub(super) fn on_authorize_accepted(&mut self) -> BTreeSet<OperationId> {
        let Some(connection) = &mut self.connection else { return BTreeSet::new() };
        let awaiting = core::mem::take(&mut connection.awaiting);
        if connection.state == ConnectionState::Connecting {
            let was_open = core::mem::replace(&mut connection.attempt, Attempt::AwaitingCredentials) == Attempt::Open;
            if was_open {
                self.io.emit(Action::HaltConnection {});
            }
        }
        awaiting
    }

    /// A halted attempt waits for the token of the `authorize` that halted it.
    pub(super) fn on_authorize_started(&mut self) {
        if self.connection_waits() {
            self.have_connection_wait();
        }
    }

    /// There are new credentials. True where the connection is told about them, so that an `authorize` ends with its
    /// answer.
    pub(super) fn on_connection_credentials(&mut self, for_authorize: bool) -> bool {
        let Some(connection) = &mut self.connection else { return false };
        if connection.state == ConnectionState::Connected {
            match &self.token {
                Token::Held(held) => {
                    connection.upgrade = match connection.upgrade {
                        Upgrade::None => {
                            let gives_up_at = self.io.clock.after(self.io.settings.realtime_request_timeout);
                            Upgrade::Unanswered { sent: 1, gives_up_at }
                        }
                        // No more time for that, or one without an answer would never be noticed among others.
                        Upgrade::Unanswered { sent, gives_up_at } => {
                            Upgrade::Unanswered { sent: sent + 1, gives_up_at }
                        }
                    };
                    connection.given = Some(held.details.token.clone());
                    self.io.emit(Action::UpgradeConnection { access_token: held.details.token.clone() });
                }
                Token::None | Token::Lost(_) => self.open_connection(),
            }
            return true;
        }
        if for_authorize || connection.attempt == Attempt::AwaitingCredentials {
            self.open_connection();
        }
        true
    }

    /// No credentials could be had (`RSA4c`, `RSA4d`).
    pub(super) fn on_connection_auth_failed(&mut self, failure: &FetchError, for_authorize: bool) {
        let Some(connection) = &self.connection else { return };
        let error = &failure.error;
        match failure.consequence {
            Consequence::WrongIdentity => self.fail_connection(error.clone()),
            Consequence::Forbidden => self.fail_connection(errors::connection_auth_failed(403, error.clone())),
            Consequence::Retry if connection.attempt == Attempt::AwaitingCredentials => {
                self.set_attempt(Attempt::None);
                self.io.emit(Action::DropConnection { reason: errors::connection_auth_failed(401, error.clone()) });
            }
            Consequence::Retry if connection.state == ConnectionState::Connected && !for_authorize => {
                let error = errors::connection_auth_failed(401, error.clone());
                let message = "the token could not be renewed; the connection goes on with the last one";
                self.io.notice(NoticeLevel::Warn, NoticeKind::RenewalFailed, Some("RSA4c3"), message, Some(error));
            }
            Consequence::Retry => {}
        }
    }

    /// Whether the connection waits for credentials.
    pub(super) fn connection_waits(&self) -> bool {
        self.attempt() == Attempt::AwaitingCredentials
    }

    /// The connection is over, or being closed: an `authorize` whose token is still to come does not open it again, and
    /// ends with it. One that comes after that does (`RTC8c`).
    fn have_authorizing_await_connection(&mut self) {
        let Some(acquisition) = &mut self.acquisition else { return };
        for operation in core::mem::take(&mut acquisition.claims.authorizing) {
            self.await_connection(operation);
        }
    }

    pub(super) fn await_connection(&mut self, operation: OperationId) {
        if let Some(connection) = &mut self.connection {
            connection.awaiting.insert(operation);
        }
    }

    pub(super) fn forget_awaiting(&mut self, operation: OperationId) {
        if let Some(connection) = &mut self.connection {
            connection.awaiting.remove(&operation);
        }
    }

    pub(super) fn forget_connected_client_id(&mut self) {
        if let Some(connection) = &mut self.connection {
            connection.client_id = None;
        }
    }

    pub(super) fn upgrade_deadline(&self) -> Option<(u64, TimerKind)> {
        match self.connection.as_ref()?.upgrade {
            Upgrade::None => None,
            Upgrade::Unanswered { gives_up_at, .. } => Some((gives_up_at, TimerKind::ConnectionUpgrade)),
        }
    }

    /// The server has not answered an AUTH: the connection is as good as lost.
    pub(super) fn on_upgrade_timeout(&mut self) {
        if let Some(connection) = &mut self.connection {
            connection.upgrade = Upgrade::None;
            let reason =
                errors::connection_lost("the server did not answer the new token: the connection is taken for lost");
            self.io.emit(Action::DropConnection { reason });
        }
    }

    fn attempt(&self) -> Attempt {
        self.connection.as_ref().map_or(Attempt::None, |connection| connection.attempt)
    }

    fn set_attempt(&mut self, attempt: Attempt) {
        if let Some(connection) = &mut self.connection {
            connection.attempt = attempt;
        }
    }
}

fn suspended() -> Error {
    Error::new(ErrorKind::Transport, codes::CONNECTION_SUSPENDED, 400, "the connection is suspended")
}

fn closed() -> Error {
    Error::new(ErrorKind::Misuse, codes::CONNECTION_CLOSED, 400, "the connection was closed")
}

fn failed() -> Error {
    Error::new(ErrorKind::Rejected, codes::CONNECTION_FAILED, 400, "the connection has failed")
}
