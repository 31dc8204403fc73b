//! What a session wants done.

use serde::Serialize;

use crate::connection::ConnectionAction;
use crate::machine::Action;

/// Something the environment shall do, in the order of [`poll_action`](crate::Session::poll_action).
///
/// What the two sides want from each other stays inside: a session never emits `UpgradeConnection`,
/// `OpenConnection`, `HaltConnection`, `DropConnection`, `FailConnection`, `CredentialsNeeded` or
/// `ReauthRequested`, and a connectivity check is a `SendHttp` of the auth side's kind.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(untagged)]
pub enum SessionAction {
    /// HTTP requests, callbacks, token changes, notices, completions.
    Auth(Action),
    /// Sockets, frames, changes of the connection, notices.
    Connection(ConnectionAction),
}
