//! What a client shows of itself at any time: its views, and its notices.

use std::string::String;

use ::tokio::sync::{broadcast, watch};

use crate::connection::ConnectionStateChange;
use crate::options::AuthScheme;
use crate::wire::{Error, Secret, TokenDetails};
use crate::{AuthMachine, ConnectionMachine, ConnectionState, Notice};

/// How many notices a reader may be behind before it loses the oldest.
const MAX_NOTICES: usize = 16;
/// The same for changes of a connection.
const MAX_CHANGES: usize = 64;

/// A machine's views.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Views {
    pub(super) client_id: Option<String>,
    pub(super) token_details: Option<TokenDetails>,
    pub(super) auth_method: AuthScheme,
}

impl Views {
    pub(super) fn of(machine: &AuthMachine) -> Self {
        Views {
            client_id: machine.client_id().map(Into::into),
            token_details: machine.token_details().cloned(),
            auth_method: machine.auth_method(),
        }
    }

    fn show(&self, machine: &AuthMachine) -> bool {
        self.client_id.as_deref() == machine.client_id()
            && self.token_details.as_ref() == machine.token_details()
            && self.auth_method == machine.auth_method()
    }

    /// Publishes the machine's views, if they are not what was published last.
    pub(super) fn publish(sender: &watch::Sender<Self>, machine: &AuthMachine) {
        sender.send_if_modified(|views| {
            let changed = !views.show(machine);
            if changed {
                *views = Views::of(machine);
            }
            changed
        });
    }
}

/// A connection's views.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct ConnectionViews {
    pub(super) state: ConnectionState,
    pub(super) id: Option<String>,
    pub(super) key: Option<Secret>,
    pub(super) error_reason: Option<Error>,
}

impl ConnectionViews {
    fn of(machine: &ConnectionMachine) -> Self {
        ConnectionViews {
            state: machine.state(),
            id: machine.id().map(Into::into),
            key: machine.key().cloned(),
            error_reason: machine.error_reason().cloned(),
        }
    }

    fn show(&self, machine: &ConnectionMachine) -> bool {
        self.state == machine.state()
            && self.id.as_deref() == machine.id()
            && self.key.as_ref() == machine.key()
            && self.error_reason.as_ref() == machine.error_reason()
    }

    /// Publishes the connection's views, if they are not what was published last.
    pub(super) fn publish(sender: &watch::Sender<Self>, machine: &ConnectionMachine) {
        sender.send_if_modified(|views| {
            let changed = !views.show(machine);
            if changed {
                *views = ConnectionViews::of(machine);
            }
            changed
        });
    }
}

impl Default for ConnectionViews {
    /// Those of a connection that has not been asked to connect.
    fn default() -> Self {
        ConnectionViews { state: ConnectionState::Initialized, id: None, key: None, error_reason: None }
    }
}

/// Follows the token of a client (`RSA16`). See [`Auth::watch_token`](super::Auth::watch_token).
///
/// It shows the newest token and may skip those between. It does not keep the client alive.
#[derive(Clone)]
pub struct TokenWatch {
    views: watch::Receiver<Views>,
    seen: Option<TokenDetails>,
}

impl TokenWatch {
    pub(super) fn new(views: watch::Receiver<Views>) -> Self {
        let seen = views.borrow().token_details.clone();
        TokenWatch { views, seen }
    }

    /// The token as last seen; `None` while there is none.
    pub fn token_details(&self) -> Option<&TokenDetails> {
        self.seen.as_ref()
    }

    /// Waits until the client's token is another than the one last seen. `false` once the client has ended: then
    /// it will not change any more.
    ///
    /// Dropping the future loses nothing.
    pub async fn changed(&mut self) -> bool {
        let seen = &self.seen;
        match self.views.wait_for(|views| views.token_details != *seen).await {
            Ok(views) => {
                self.seen = views.token_details.clone();
                true
            }
            Err(_) => false,
        }
    }
}

/// A client's notices, as they come. See [`Auth::notices`](super::Auth::notices).
///
/// A reader that falls behind loses the oldest. It does not keep the client alive.
pub struct Notices {
    notices: broadcast::Receiver<Notice>,
}

impl Notices {
    pub(super) fn channel() -> (broadcast::Sender<Notice>, Notices) {
        let (sender, notices) = broadcast::channel(MAX_NOTICES);
        (sender, Notices { notices })
    }

    pub(super) fn resubscribe(&self) -> Notices {
        Notices { notices: self.notices.resubscribe() }
    }

    /// The next notice; `None` once the client has ended.
    ///
    /// Dropping the future loses nothing.
    pub async fn next(&mut self) -> Option<Notice> {
        next(&mut self.notices).await
    }
}

/// The changes of a connection, as they come (`RTN4`). See [`Realtime::state_changes`](super::Realtime::state_changes).
///
/// A reader that falls more than 64 behind loses the oldest. It does not keep the client alive.
pub struct StateChanges {
    changes: broadcast::Receiver<ConnectionStateChange>,
}

impl StateChanges {
    pub(super) fn channel() -> (broadcast::Sender<ConnectionStateChange>, StateChanges) {
        let (sender, changes) = broadcast::channel(MAX_CHANGES);
        (sender, StateChanges { changes })
    }

    pub(super) fn resubscribe(&self) -> StateChanges {
        StateChanges { changes: self.changes.resubscribe() }
    }

    /// The next change; `None` once the client has ended.
    ///
    /// Dropping the future loses nothing.
    pub async fn next(&mut self) -> Option<ConnectionStateChange> {
        next(&mut self.changes).await
    }
}

async fn next<T: Clone>(channel: &mut broadcast::Receiver<T>) -> Option<T> {
    loop {
        match channel.recv().await {
            Ok(next) => return Some(next),
            Err(broadcast::error::RecvError::Lagged(_)) => {}
            Err(broadcast::error::RecvError::Closed) => return None,
        }
    }
}
