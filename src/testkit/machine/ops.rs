//! What can happen to a machine.

#[cfg(feature = "arbitrary")]
use arbitrary::Arbitrary;

use crate::ConnectionState;
use crate::http::HttpFailureKind;
use crate::testkit::session::{Auth, CallbackAnswer, HttpAnswer, Identity, Reason};

/// A machine and what happens to it.
pub type Scenario = crate::testkit::Scenario<Op>;

/// One thing that happens.
#[allow(missing_docs, reason = "fields are explained by their ops, commands have the machine's names")]
#[cfg_attr(feature = "arbitrary", derive(Arbitrary))]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
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
    Connection { state: ConnectionState, update: bool, reason: Option<Reason>, client_id: Option<Identity> },
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
#[cfg_attr(feature = "arbitrary", derive(Arbitrary))]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
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
    /// Of the `nth` operation under way, the oldest first; after those, of the last one that is over, and of one that
    /// never was.
    Cancel {
        nth: u8,
    },
}

/// Token params of a command.
#[allow(missing_docs, reason = "the names say it")]
#[cfg_attr(feature = "arbitrary", derive(Arbitrary))]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Params {
    Stored,
    Empty,
    Everything,
    AnotherClientId,
    Invalid,
}

/// An answer that nobody waits for: to the `nth` question back from one that was never asked, of those that nobody waits
/// for an answer to.
#[allow(missing_docs, reason = "the names say it")]
#[cfg_attr(feature = "arbitrary", derive(Arbitrary))]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Stray {
    HttpResponse { nth: u8 },
    HttpFailed { nth: u8 },
    CallbackResult { nth: u8 },
    CallbackFailed { nth: u8 },
}

/// The token a request made elsewhere was rejected with.
#[cfg_attr(feature = "arbitrary", derive(Arbitrary))]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RejectedToken {
    /// The one in use.
    Current,
    /// The `nth` back from one that never was, of those that are not in use.
    Stale {
        /// Which one.
        nth: u8,
    },
}

/// When `handle_timeout` is called.
#[cfg_attr(feature = "arbitrary", derive(Arbitrary))]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
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
