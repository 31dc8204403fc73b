//! The alphabet.

use crate::http::HttpFailureKind;
use crate::testkit::session::{Auth, CallbackAnswer, Frame, HttpAnswer, Life, Op, Reason, World};

/// One move: ops that happen together.
pub(super) struct Move {
    pub(super) ops: &'static [Op],
    /// Which budget it is paid from.
    budget: Option<Budget>,
}

/// What there is only so much of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Budget {
    Authorize,
    Request,
    RequestToken,
    Cancel,
    Suspend,
    Jump,
}

/// How often each of them may still be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Budgets([u8; 6]);

impl Budgets {
    pub(super) const FULL: Budgets = Budgets([2, 1, 1, 1, 1, 1]);

    /// What is left after a move; none where there is not enough.
    pub(super) fn pay(mut self, made: &Move) -> Option<Self> {
        if let Some(budget) = made.budget {
            let left = &mut self.0[budget as usize];
            *left = left.checked_sub(1)?;
        }
        Some(self)
    }
}

const fn free(ops: &'static [Op]) -> Move {
    Move { ops, budget: None }
}

const fn paid(budget: Budget, ops: &'static [Op]) -> Move {
    Move { ops, budget: Some(budget) }
}

pub(super) const MOVES: &[Move] = &[
    free(&[Op::Connect]),
    free(&[Op::Close]),
    paid(Budget::Authorize, &[Op::Authorize(Auth::Stored)]),
    paid(Budget::Request, &[Op::Request]),
    paid(Budget::RequestToken, &[Op::RequestToken]),
    paid(Budget::Cancel, &[Op::Cancel]),
    free(&[Op::Open]),
    free(&[Op::Receive(Frame::Connected)]),
    free(&[Op::Receive(Frame::Auth)]),
    free(&[Op::Receive(Frame::ErrorToken)]),
    free(&[Op::Receive(Frame::ErrorFatal)]),
    free(&[Op::Receive(Frame::DisconnectedToken)]),
    free(&[Op::Receive(Frame::DisconnectedOther)]),
    free(&[Op::SocketGone]),
    free(&[Op::SocketGoneStale]),
    free(&[Op::ReceiveStale(Frame::DisconnectedToken)]),
    free(&[Op::Return(CallbackAnswer::TokenText)]),
    free(&[Op::Return(CallbackAnswer::SameToken)]),
    free(&[Op::FailCallback(Reason::NoCode)]),
    free(&[Op::FailCallback(Reason::Forbidden)]),
    free(&[Op::Defer, Op::Return(CallbackAnswer::TokenText)]),
    free(&[Op::Defer, Op::FailCallback(Reason::NoCode)]),
    free(&[Op::Defer, Op::FailCallback(Reason::Forbidden)]),
    free(&[Op::ReturnStale]),
    free(&[Op::Respond(HttpAnswer::Success(Life::Minute))]),
    free(&[Op::Respond(HttpAnswer::Refusal(Reason::TokenExpired))]),
    free(&[Op::FailHttp(HttpFailureKind::Connect)]),
    free(&[Op::RespondStale]),
    free(&[Op::TokenExpired]),
    free(&[Op::TokenRejected]),
    free(&[Op::Deadline]),
    paid(Budget::Suspend, &[Op::Oversleep { seconds: 60 }]),
    paid(Budget::Jump, &[Op::JumpWallClock { minutes: 60 }]),
];

impl Move {
    /// Whether there is something for it to act on.
    pub(super) fn concerns(&self, world: &World) -> bool {
        self.ops.iter().all(|op| world.concerns(*op))
    }
}
