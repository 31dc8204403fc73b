//! A machine's alphabet.

use super::{Explored, Move};
use crate::http::HttpFailureKind;
use crate::testkit::machine::{Command, Op, Params, Punctuality, RejectedToken, Stray, World};
use crate::testkit::session::{Auth, CallbackAnswer, Client, HttpAnswer, Life, Reason};
use crate::trace::Mode;
use crate::{ConnectionState, Now};

const AUTHORIZE: usize = 0;
const REQUEST: usize = 1;
const REQUEST_TOKEN: usize = 2;
const TIME: usize = 3;
const CANCEL: usize = 4;
const SUSPEND: usize = 5;
const JUMP: usize = 6;

const NEW_TOKEN: CallbackAnswer = CallbackAnswer::Token(Life::Minute);

const MOVES: &[Move<Op>] = &[
    Move::paid(AUTHORIZE, &[Op::Command(Command::Authorize { params: Params::Stored, auth: Auth::Stored })]),
    Move::paid(REQUEST, &[Op::Command(Command::Request)]),
    Move::paid(REQUEST_TOKEN, &[Op::Command(Command::RequestToken { params: Params::Stored, auth: Auth::Stored })]),
    Move::paid(TIME, &[Op::Command(Command::Time)]),
    Move::paid(CANCEL, &[Op::Command(Command::Cancel { nth: 0 })]),
    Move::free(&[Op::Return { nth: 0, answer: NEW_TOKEN }]),
    Move::free(&[Op::Return { nth: 0, answer: CallbackAnswer::SameToken }]),
    Move::free(&[Op::FailCallback { nth: 0, error: Reason::NoCode }]),
    Move::free(&[Op::FailCallback { nth: 0, error: Reason::Forbidden }]),
    Move::free(&[Op::Return { nth: 1, answer: NEW_TOKEN }]),
    Move::free(&[Op::FailCallback { nth: 1, error: Reason::NoCode }]),
    Move::free(&[Op::FailCallback { nth: 1, error: Reason::Forbidden }]),
    Move::free(&[Op::Stray(Stray::CallbackResult { nth: 1 })]),
    Move::free(&[Op::Respond { nth: 0, answer: HttpAnswer::Success(Life::Minute) }]),
    Move::free(&[Op::Respond { nth: 0, answer: HttpAnswer::Refusal(Reason::TokenExpired) }]),
    Move::free(&[Op::FailHttp { nth: 0, failure: HttpFailureKind::Connect }]),
    Move::free(&[Op::Respond { nth: 1, answer: HttpAnswer::Success(Life::Minute) }]),
    Move::free(&[Op::Respond { nth: 1, answer: HttpAnswer::Refusal(Reason::TokenExpired) }]),
    Move::free(&[Op::Stray(Stray::HttpResponse { nth: 1 })]),
    Move::free(&[Op::TokenExpired]),
    Move::free(&[Op::TokenRejected(RejectedToken::Current)]),
    Move::free(&[Op::TokenRejected(RejectedToken::Stale { nth: 1 })]),
    Move::free(&[becomes(ConnectionState::Connecting)]),
    Move::free(&[becomes(ConnectionState::Connected)]),
    Move::free(&[Op::Connection { state: ConnectionState::Connected, update: true, reason: None, client_id: None }]),
    Move::free(&[becomes(ConnectionState::Disconnected)]),
    Move::free(&[becomes_refused(ConnectionState::Disconnected)]),
    Move::free(&[becomes(ConnectionState::Suspended)]),
    Move::free(&[becomes(ConnectionState::Closing)]),
    Move::free(&[becomes(ConnectionState::Closed)]),
    Move::free(&[becomes(ConnectionState::Failed)]),
    Move::free(&[becomes_refused(ConnectionState::Failed)]),
    Move::free(&[Op::Reauth]),
    Move::free(&[Op::Timeout(Punctuality::OnTime)]),
    Move::paid(SUSPEND, &[Op::Pass { seconds: 60 }]),
    Move::paid(JUMP, &[Op::SetWallClock { minutes: 8 }]),
    Move::paid(JUMP, &[Op::SetWallClock { minutes: -8 }]),
];

const fn becomes(state: ConnectionState) -> Op {
    Op::Connection { state, update: false, reason: None, client_id: None }
}

/// With a token error.
const fn becomes_refused(state: ConnectionState) -> Op {
    Op::Connection { state, update: false, reason: Some(Reason::TokenExpired), client_id: None }
}

impl Explored for World {
    type Op = Op;

    const MODE: Mode = Mode::Machine;
    const MOVES: &'static [Move<Op>] = MOVES;
    const BUDGETS: &'static [u8] = &[2, 1, 1, 1, 1, 1, 1];

    fn begin(start: Now, client: &Client) -> Option<Self> {
        Self::at(start, client).ok().flatten()
    }

    what_every_world_does!();
}
