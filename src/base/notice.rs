//! What a machine has to say to a log.

use alloc::string::String;

use serde::Serialize;

use crate::wire::Error;

/// Something worth a line in a log. It holds no secret.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
#[non_exhaustive]
pub struct Notice {
    /// How much it matters.
    pub level: NoticeLevel,
    /// What it is about; for programs.
    pub kind: NoticeKind,
    /// What it is about; for people.
    pub message: String,
    /// The error behind it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<Error>,
    /// The point of the specification that has it said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub spec: Option<&'static str>,
}

/// How much a notice matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs, reason = "the usual levels of a log")]
pub enum NoticeLevel {
    Error,
    Warn,
    Info,
    Debug,
}

/// What a notice is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub enum NoticeKind {
    /// The client has a token and no way to get another (`RSA4a1`).
    TokenNotRenewable,
    /// A renewal failed and nothing had to fail with it; the connection stays as it is (`RSA4c3`).
    RenewalFailed,
    /// The source returned the very token that has just been rejected.
    SameTokenAgain,
    /// Tokens look expired when they arrive: the wall clock is wrong, and is not believed until the server's
    /// time is known.
    WallClockDistrusted,
    /// The wall clock ran ahead: the machine may have been suspended. The server's time is unknown again.
    ClockJumped,
    /// The server asked for new authentication, and the client cannot give it (`RTN22`).
    ReauthNotPossible,
    /// A frame could not be read; it was ignored.
    MalformedFrame,
    /// The recovery key of the options could not be read; the connection starts anew (`RTN16f1`).
    MalformedRecoveryKey,
}
