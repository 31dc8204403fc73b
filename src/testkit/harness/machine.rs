//! What a machine without a session is told of a connection, and what it wants of it.

use alloc::borrow::ToOwned as _;
use alloc::string::String;

use super::Harness;
use crate::{Action, AuthMachine, ConnectionEvent, ConnectionState, Error, Event};

/// A connection that somebody else owns.
impl Harness<AuthMachine> {
    /// The machine, to look at.
    pub fn machine(&self) -> &AuthMachine {
        &self.subject
    }

    /// The connection changes its state.
    #[track_caller]
    pub fn connection(&mut self, state: ConnectionState) {
        self.event(Event::Connection(ConnectionEvent::new(state)));
    }

    /// The connection changes its state because of an error.
    #[track_caller]
    pub fn connection_because(&mut self, state: ConnectionState, reason: Error) {
        let mut event = ConnectionEvent::new(state);
        event.reason = Some(reason);
        self.event(Event::Connection(event));
    }

    /// An AUTH message shall be sent with a token, which this returns.
    #[track_caller]
    pub fn expect_upgrade(&mut self) -> String {
        self.expect_auth("an upgrade of the connection", |action| match action {
            Action::UpgradeConnection { access_token } => Some(access_token.expose().to_owned()),
            _ => None,
        })
    }

    /// The order to connect.
    #[track_caller]
    pub fn expect_open(&mut self) {
        self.expect_auth("the order to connect", |action| matches!(action, Action::OpenConnection {}).then_some(()));
    }

    /// The order to stop the attempt to connect.
    #[track_caller]
    pub fn expect_halt(&mut self) {
        self.expect_auth("the order to halt", |action| matches!(action, Action::HaltConnection {}).then_some(()));
    }

    /// The order to take the connection for lost.
    #[track_caller]
    pub fn expect_drop(&mut self) -> Error {
        self.expect_auth("the loss of the connection", |action| match action {
            Action::DropConnection { reason } => Some(reason.clone()),
            _ => None,
        })
    }

    /// The order to give the connection up.
    #[track_caller]
    pub fn expect_fail(&mut self) -> Error {
        self.expect_auth("the failure of the connection", |action| match action {
            Action::FailConnection { reason } => Some(reason.clone()),
            _ => None,
        })
    }
}
