//! Lines of output.

use alloc::string::String;
use alloc::vec::Vec;

use serde::Serialize;

use crate::options::AuthScheme;
use crate::session::Driven;
use crate::wire::{Secret, TokenDetails};
use crate::{ConnectionMachine, ConnectionState, Error, OperationId, SessionAction, TimerKind};

/// What came of a line.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Output {
    /// The operation that the line started, where it was a command.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub op: Option<OperationId>,
    /// What shall be done, in this order.
    pub actions: Vec<SessionAction>,
    /// When the machine wants a `timeout`, on the monotonic clock; milliseconds.
    pub wake_at: Option<u64>,
    /// What for.
    pub timer: Option<TimerKind>,
    /// What the machine shows.
    pub view: View,
}

impl Output {
    /// Takes everything out of a machine that it has to say.
    pub(crate) fn drain(driven: &mut Driven, op: Option<OperationId>) -> Self {
        let actions = core::iter::from_fn(|| driven.poll_action()).collect();
        let (wake_at, timer) = driven.poll_timeout().unzip();
        Output { op, actions, wake_at, timer, view: View::of(driven) }
    }
}

/// The views of a machine.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct View {
    /// How requests are authenticated.
    pub method: AuthScheme,
    /// Who the client is, where that is known.
    pub client_id: Option<String>,
    /// The token in use, if any.
    pub token_details: Option<TokenDetails>,
    /// How many late, duplicate and unknown ids there have been.
    pub ignored: u64,
    /// The connection (realtime).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub connection: Option<ConnectionView>,
}

impl View {
    fn of(driven: &Driven) -> Self {
        let machine = driven.auth();
        let (ignored, connection) = match driven {
            Driven::Machine(machine) => (machine.ignored(), None),
            Driven::Session(session) => (session.ignored(), Some(ConnectionView::of(session.connection()))),
        };
        View {
            method: machine.auth_method(),
            client_id: machine.client_id().map(Into::into),
            token_details: machine.token_details().cloned(),
            ignored,
            connection,
        }
    }
}

/// The views of a connection.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ConnectionView {
    /// The state it is in.
    pub state: ConnectionState,
    /// Its id, if any.
    pub id: Option<String>,
    /// Its key, if any.
    pub key: Option<Secret>,
    /// The error of the last change for the worse.
    pub error_reason: Option<Error>,
    /// What to recover it with.
    pub recovery_key: Option<Secret>,
}

impl ConnectionView {
    fn of(connection: &ConnectionMachine) -> Self {
        ConnectionView {
            state: connection.state(),
            id: connection.id().map(Into::into),
            key: connection.key().cloned(),
            error_reason: connection.error_reason().cloned(),
            recovery_key: connection.create_recovery_key(),
        }
    }
}

/// What comes of a line that cannot be accepted.
#[derive(Serialize)]
pub(super) struct Refusal<'a> {
    error: RefusalError<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RefusalError<'a> {
    code: u32,
    status_code: u16,
    message: &'a str,
}

impl<'a> Refusal<'a> {
    pub(super) fn new(error: &'a Error) -> Self {
        let error = RefusalError { code: error.code(), status_code: error.status_code(), message: error.message() };
        Refusal { error }
    }
}
