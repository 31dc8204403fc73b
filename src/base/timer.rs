//! What deadlines are for.

use serde::Serialize;

/// What the time of [`poll_timeout`](crate::AuthMachine::poll_timeout) is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub enum TimerKind {
    /// The end of an attempt of a request to the service (`TO3l4`).
    HttpRequest,
    /// The end of waiting for an authUrl (`TO3l11`).
    AuthUrl,
    /// The end of waiting for a callback (`TO3l11`).
    Callback,
    /// The end of getting a token that a connection waits for (`RSA4c`).
    ConnectionAuth,
    /// The end of waiting for the answer to an AUTH message (`RTC8a`).
    ConnectionUpgrade,
    /// The end of waiting for CONNECTED (`RTN14c`).
    Connect,
    /// The end of waiting for the connectivity check (`RTN17j`).
    ConnectivityCheck,
    /// The end of the pause before an immediate reconnect.
    ReconnectPause,
    /// The next attempt to connect (`RTN14d`, `RTN14f`).
    Retry,
    /// The end of being disconnected (`RTN14e`).
    Suspend,
    /// The end of patience with a silent connection (`RTN23a`).
    Idle,
    /// The end of waiting for CLOSED (`RTN12b`).
    Close,
}
