//! Lines of output.

use alloc::string::String;
use alloc::vec::Vec;

use serde::Serialize;

use crate::options::AuthScheme;
use crate::wire::TokenDetails;
use crate::{Action, AuthMachine, Error, OperationId, TimerKind};

/// What came of a line.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Output {
    /// The operation that the line started, where it was a command.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub op: Option<OperationId>,
    /// What shall be done, in this order.
    pub actions: Vec<Action>,
    /// When the machine wants a `timeout`, on the monotonic clock; milliseconds.
    pub wake_at: Option<u64>,
    /// What for.
    pub timer: Option<TimerKind>,
    /// What the machine shows.
    pub view: View,
}

impl Output {
    /// Takes everything out of a machine that it has to say.
    pub(super) fn drain(machine: &mut AuthMachine, op: Option<OperationId>) -> Self {
        let actions = core::iter::from_fn(|| machine.poll_action()).collect();
        let (wake_at, timer) = machine.poll_timeout().unzip();
        Output { op, actions, wake_at, timer, view: View::of(machine) }
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
}

impl View {
    fn of(machine: &AuthMachine) -> Self {
        View {
            method: machine.auth_method(),
            client_id: machine.client_id().map(Into::into),
            token_details: machine.token_details().cloned(),
            ignored: machine.ignored(),
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
