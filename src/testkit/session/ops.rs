//! What can happen to a session.

use alloc::string::{String, ToString};

#[cfg(feature = "arbitrary")]
use arbitrary::Arbitrary;
use serde_json::{Value, json};

use super::values::{Auth, CallbackAnswer, HttpAnswer, Reason};
use crate::http::HttpFailureKind;
use crate::wire::action;

/// A session and what happens to it.
pub type Scenario = crate::testkit::Scenario<Op>;

/// One thing that happens.
#[allow(missing_docs, reason = "commands and events have the session's names")]
#[cfg_attr(feature = "arbitrary", derive(Arbitrary))]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Op {
    Connect,
    Close,
    Authorize(Auth),
    Request,
    RequestToken,
    Credentials,
    /// Of the operation that has run longest.
    Cancel,
    Send,
    Open,
    Receive(Frame),
    /// Over a socket that is no longer used, or never was.
    ReceiveStale(Frame),
    Ping,
    SocketGone,
    SocketGoneStale,
    /// The callback that waits longest returns.
    Return(CallbackAnswer),
    /// The callback that waits longest fails.
    FailCallback(Reason),
    /// The request that waits longest gets a response.
    Respond(HttpAnswer),
    /// The request that waits longest fails.
    FailHttp(HttpFailureKind),
    Network {
        up: bool,
    },
    TokenRejected,
    TokenExpired,
    /// The next deadline comes.
    Deadline,
    /// Time passes, with a wake-up at each deadline.
    Advance {
        ms: u16,
    },
    /// Time passes, and nobody wakes the session.
    Oversleep {
        seconds: u8,
    },
    /// The wall clock is set ahead.
    JumpWallClock {
        minutes: u8,
    },
    /// A callback that is over returns, late or once more.
    ReturnStale,
    /// A request that is over gets a response, late or once more.
    RespondStale,
    /// The callback and the request that wait longest are the last to get an answer.
    Defer,
}

/// What the server sends.
#[allow(missing_docs, reason = "the names say it")]
#[cfg_attr(feature = "arbitrary", derive(Arbitrary))]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Frame {
    Connected,
    ConnectedAnew,
    ConnectedWithoutDetails,
    ConnectedAsAnother,
    ErrorToken,
    ErrorFatal,
    ErrorOfChannel,
    DisconnectedToken,
    DisconnectedOther,
    DisconnectedUnwell,
    Auth,
    Heartbeat,
    Closed,
    Message,
    Unknown,
    Garbage,
}

impl Frame {
    pub(super) fn text(self) -> String {
        let details = json!({"connectionKey": "CANARY-key", "maxIdleInterval": 15_000, "connectionStateTtl": 20_000});
        match self {
            Self::Connected => connected("connection-1", details),
            Self::ConnectedAnew => {
                let mut frame = connected("connection-2", details);
                frame["error"] = error(80008, 400);
                frame
            }
            Self::ConnectedWithoutDetails => json!({"action": action::CONNECTED, "connectionId": "connection-1"}),
            Self::ConnectedAsAnother => connected("connection-1", json!({"clientId": "another"})),
            Self::ErrorToken => failure(action::ERROR, 40142, 401),
            Self::ErrorFatal => failure(action::ERROR, 40101, 401),
            Self::ErrorOfChannel => {
                let mut frame = failure(action::ERROR, 40142, 401);
                frame["channel"] = "channel".into();
                frame
            }
            Self::DisconnectedToken => failure(action::DISCONNECTED, 40142, 401),
            Self::DisconnectedOther => failure(action::DISCONNECTED, 80003, 400),
            Self::DisconnectedUnwell => failure(action::DISCONNECTED, 50003, 503),
            Self::Auth => json!({"action": action::AUTH}),
            Self::Heartbeat => json!({"action": action::HEARTBEAT}),
            Self::Closed => json!({"action": action::CLOSED}),
            Self::Message => json!({"action": action::MESSAGE, "channel": "channel", "channelSerial": "serial"}),
            Self::Unknown => json!({"action": 99, "channel": "channel"}),
            Self::Garbage => return "{".into(),
        }
        .to_string()
    }
}

fn connected(id: &str, details: Value) -> Value {
    json!({"action": action::CONNECTED, "connectionId": id, "connectionDetails": details})
}

fn failure(action: i64, code: u32, status: u16) -> Value {
    json!({"action": action, "error": error(code, status)})
}

fn error(code: u32, status: u16) -> Value {
    json!({"code": code, "statusCode": status, "message": "m"})
}
