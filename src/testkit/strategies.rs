//! Strategies for property tests: what machines and sessions are made of and told.
//!
//! They make what `Arbitrary` makes for fuzzers, out of bytes: mostly values that make sense together, and now and then
//! one that does not. A failing case shrinks to fewer and smaller bytes, and so to plainer values.
//!
//! ```
//! use ably_auth::testkit::strategies;
//! use ably_auth::{AuthMachine, Now};
//! use proptest::collection::vec;
//! use proptest::prelude::*;
//!
//! # fn main() {
//! proptest!(|(options in strategies::client_options(), events in vec(strategies::event(), 0..8))| {
//!     let now = Now::new(0, 1_700_000_000_000);
//!     let Ok(mut machine) = AuthMachine::new(options, [7; 32], now) else { return Ok(()) };
//!     machine.credentials(now);
//!     for event in events {
//!         machine.handle_event(event, now);
//!         while let Some(action) = machine.poll_action() {
//!             drop(action);
//!         }
//!     }
//! });
//! # }
//! ```

use core::fmt::Debug;

use arbitrary::{Arbitrary, Unstructured};
use proptest::collection::vec;
use proptest::prelude::{Just, Strategy, any};
use proptest::prop_oneof;

use super::session::{Auth, CallbackAnswer, Client, Frame, HttpAnswer, Life, Op, Scenario};
use crate::http::HttpResponse;
use crate::options::{AuthOptions, ClientOptions};
use crate::wire::{ProtocolMessage, TokenParams};
use crate::{Event, SessionEvent};

/// Bytes enough for any of these; where they end, the plainest choices are made.
const MOST_BYTES: usize = 64;

/// Any type that can be made out of a fuzzer's bytes.
pub fn arbitrary<T: for<'a> Arbitrary<'a> + Debug>() -> impl Strategy<Value = T> {
    vec(any::<u8>(), 0..=MOST_BYTES)
        .prop_filter_map("bytes that make a value", |bytes| T::arbitrary(&mut Unstructured::new(&bytes)).ok())
}

/// Options of a client, contradicting ones included: some are refused.
pub fn client_options() -> impl Strategy<Value = ClientOptions> {
    arbitrary()
}

/// Auth options: of one source of tokens, mostly.
pub fn auth_options() -> impl Strategy<Value = AuthOptions> {
    arbitrary()
}

/// Token params, invalid ones included.
pub fn token_params() -> impl Strategy<Value = TokenParams> {
    arbitrary()
}

/// Something that an [`AuthMachine`](crate::AuthMachine) is told, about ids up to 6.
pub fn event() -> impl Strategy<Value = Event> {
    arbitrary()
}

/// Something that a [`Session`](crate::Session) is told, about ids up to 6.
pub fn session_event() -> impl Strategy<Value = SessionEvent> {
    arbitrary()
}

/// What the service or an auth server answers.
pub fn http_response() -> impl Strategy<Value = HttpResponse> {
    arbitrary()
}

/// A frame as the service sends it.
pub fn protocol_message() -> impl Strategy<Value = ProtocolMessage> {
    arbitrary()
}

/// Something that happens to a session, and more often something that gets things done.
pub fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        6 => arbitrary::<Op>(),
        2 => Just(Op::Connect),
        3 => Just(Op::Open),
        3 => Just(Op::Receive(Frame::Connected)),
        4 => arbitrary::<Frame>().prop_map(Op::Receive),
        1 => Just(Op::SocketGone),
        1 => Just(Op::Authorize(Auth::Stored)),
        3 => Just(Op::Return(CallbackAnswer::TokenText)),
        3 => Just(Op::Respond(HttpAnswer::Success(Life::Unknown))),
        3 => Just(Op::Deadline),
    ]
}

/// A whole session of less than so many ops, for [`session::run`](super::session::run), which holds it to the model. It
/// shrinks to fewer ops.
pub fn scenario(ops: usize) -> impl Strategy<Value = Scenario> {
    (arbitrary::<Client>(), vec(op(), 0..ops)).prop_map(|(client, ops)| Scenario { client, ops })
}
