//! A session's alphabet.

use super::{Explored, Move};
use crate::Now;
use crate::http::HttpFailureKind;
use crate::testkit::session::{Auth, CallbackAnswer, Client, Frame, HttpAnswer, Life, Op, Reason, World};
use crate::trace::Mode;

const AUTHORIZE: usize = 0;
const REQUEST: usize = 1;
const REQUEST_TOKEN: usize = 2;
const CANCEL: usize = 3;
const SUSPEND: usize = 4;
const JUMP: usize = 5;

const MOVES: &[Move<Op>] = &[
    Move::free(&[Op::Connect]),
    Move::free(&[Op::Close]),
    Move::paid(AUTHORIZE, &[Op::Authorize(Auth::Stored)]),
    Move::paid(REQUEST, &[Op::Request]),
    Move::paid(REQUEST_TOKEN, &[Op::RequestToken]),
    Move::paid(CANCEL, &[Op::Cancel]),
    Move::free(&[Op::Open]),
    Move::free(&[Op::Receive(Frame::Connected)]),
    Move::free(&[Op::Receive(Frame::Auth)]),
    Move::free(&[Op::Receive(Frame::ErrorToken)]),
    Move::free(&[Op::Receive(Frame::ErrorFatal)]),
    Move::free(&[Op::Receive(Frame::DisconnectedToken)]),
    Move::free(&[Op::Receive(Frame::DisconnectedOther)]),
    Move::free(&[Op::SocketGone]),
    Move::free(&[Op::SocketGoneStale]),
    Move::free(&[Op::ReceiveStale(Frame::DisconnectedToken)]),
    Move::free(&[Op::Return(CallbackAnswer::TokenText)]),
    Move::free(&[Op::Return(CallbackAnswer::SameToken)]),
    Move::free(&[Op::FailCallback(Reason::NoCode)]),
    Move::free(&[Op::FailCallback(Reason::Forbidden)]),
    Move::free(&[Op::Defer, Op::Return(CallbackAnswer::TokenText)]),
    Move::free(&[Op::Defer, Op::FailCallback(Reason::NoCode)]),
    Move::free(&[Op::Defer, Op::FailCallback(Reason::Forbidden)]),
    Move::free(&[Op::ReturnStale]),
    Move::free(&[Op::Respond(HttpAnswer::Success(Life::Minute))]),
    Move::free(&[Op::Respond(HttpAnswer::Refusal(Reason::TokenExpired))]),
    Move::free(&[Op::FailHttp(HttpFailureKind::Connect)]),
    Move::free(&[Op::RespondStale]),
    Move::free(&[Op::TokenExpired]),
    Move::free(&[Op::TokenRejected]),
    Move::free(&[Op::Deadline]),
    Move::paid(SUSPEND, &[Op::Oversleep { seconds: 60 }]),
    Move::paid(JUMP, &[Op::JumpWallClock { minutes: 60 }]),
];

impl Explored for World {
    type Op = Op;

    const MODE: Mode = Mode::Realtime;
    const MOVES: &'static [Move<Op>] = MOVES;
    const BUDGETS: &'static [u8] = &[2, 1, 1, 1, 1, 1];

    fn begin(start: Now, client: &Client) -> Option<Self> {
        Self::at(start, client)
    }

    what_every_world_does!();
}
