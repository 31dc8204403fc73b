//! What can happen to a machine, as plain data with small numbers in it, so that a fuzzer can mutate it and a
//! property test can shrink it.
//!
//! An op names what it concerns by position (`nth` of what is pending, modulo their number), never by id: any
//! sequence of ops makes sense for any machine.

use alloc::vec::Vec;

use arbitrary::Arbitrary;

use crate::http::HttpFailureKind;
pub use crate::testkit::session::{
    Auth, CallbackAnswer, Client, HttpAnswer, Identity, Life, Reason, Source, Status, Target, WrongValue,
};

/// A machine and what happens to it.
#[derive(Arbitrary, Clone, Debug, PartialEq)]
pub struct Scenario {
    /// How the machine is configured.
    pub client: Client,
    /// What then happens, one after the other.
    pub ops: Vec<Op>,
}

/// One thing that happens.
#[allow(missing_docs, reason = "commands and events have the machine's names")]
#[derive(Arbitrary, Clone, Debug, PartialEq)]
pub enum Op {
    /// A command.
    Command(Command),
    /// The `nth` pending HTTP attempt gets a response.
    Respond { nth: u8, answer: HttpAnswer },
    /// The `nth` pending HTTP attempt fails.
    FailHttp { nth: u8, failure: HttpFailureKind },
    /// The `nth` pending callback returns.
    Return { nth: u8, answer: CallbackAnswer },
    /// The `nth` pending callback fails.
    FailCallback { nth: u8, error: Reason },
    /// An answer comes for something that is over, or never was.
    Stray(Stray),
    /// The environment knows that the token has expired.
    TokenExpired,
    /// A request made elsewhere was rejected.
    TokenRejected(RejectedToken),
    /// The connection changes.
    Connection { state: Connection, update: bool, reason: Option<Reason>, client_id: Option<Identity> },
    /// The server asks for new authentication.
    Reauth,
    /// Time passes, unseen by the machine until the next input.
    Pass { seconds: u8 },
    /// The wall clock is set ahead or back, so many minutes times themselves.
    SetWallClock { minutes: i8 },
    /// The environment calls `handle_timeout`, at the deadline or at another time.
    Timeout(Punctuality),
    /// The machine goes on as a clone of itself, and must not differ from itself.
    Clone,
}

/// A command of the machine.
#[allow(missing_docs, reason = "commands have the machine's names")]
#[derive(Arbitrary, Clone, Debug, PartialEq)]
pub enum Command {
    Request,
    Credentials,
    Authorize {
        params: Params,
        auth: Auth,
    },
    RequestToken {
        params: Params,
        auth: Auth,
    },
    CreateTokenRequest {
        params: Params,
        auth: Auth,
    },
    RevokeTokens {
        targets: u8,
    },
    Time,
    /// Of the `nth` operation that there ever was, or one that never was.
    Cancel {
        nth: u8,
    },
}

/// Token params of a command.
#[allow(missing_docs, reason = "the names say it")]
#[derive(Arbitrary, Clone, Copy, Debug, PartialEq)]
pub enum Params {
    Stored,
    Empty,
    Everything,
    AnotherClientId,
    Invalid,
}

/// An answer that nobody waits for.
#[allow(missing_docs, reason = "the names say it")]
#[derive(Arbitrary, Clone, Copy, Debug, PartialEq)]
pub enum Stray {
    HttpResponse { nth: u8 },
    HttpFailed { nth: u8 },
    CallbackResult { nth: u8 },
    CallbackFailed { nth: u8 },
}

/// The token a request made elsewhere was rejected with.
#[derive(Arbitrary, Clone, Copy, Debug, PartialEq)]
pub enum RejectedToken {
    /// The one in use.
    Current,
    /// One that was in use before, or never was.
    Stale {
        /// Which one.
        nth: u8,
    },
}

/// The states of a connection.
#[allow(missing_docs, reason = "the names say it")]
#[derive(Arbitrary, Clone, Copy, Debug, PartialEq)]
pub enum Connection {
    Connecting,
    Connected,
    Disconnected,
    Suspended,
    Closing,
    Closed,
    Failed,
    Initialized,
}

/// When `handle_timeout` is called.
#[derive(Arbitrary, Clone, Copy, Debug, PartialEq)]
pub enum Punctuality {
    /// At the deadline.
    OnTime,
    /// A millisecond before it.
    Early,
    /// Long after it.
    Late,
    /// Without any time having passed.
    Now,
}
