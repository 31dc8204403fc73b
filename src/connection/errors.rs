//! The errors of a connection's own making.

use alloc::format;

use crate::http::HttpFailureKind;
use crate::wire::{Error, ErrorKind, codes};

/// Lost, refused, timed out, silent, or no network.
pub(super) fn lost(message: &str) -> Error {
    Error::new(ErrorKind::Transport, codes::CONNECTION_LOST, 400, message)
}

/// A socket is closed, or could not be opened.
pub(super) fn socket_closed(kind: HttpFailureKind, status: Option<u16>, message: Option<&str>) -> Error {
    let what = match status {
        Some(status) => format!("the upgrade to a WebSocket was refused with status {status}"),
        None => format!("the connection is gone: {}", kind.describe()),
    };
    lost(&match message {
        Some(message) => format!("{what}: {message}"),
        None => what,
    })
}

/// Away for too long (`RTN14e`).
pub(super) fn suspended(cause: Option<Error>) -> Error {
    let message = "the connection could not be made again in time; it is tried less often from now on";
    let error = Error::new(ErrorKind::Transport, codes::CONNECTION_SUSPENDED, 400, message);
    match cause {
        Some(cause) => error.with_cause(cause),
        None => error,
    }
}

/// An ERROR message that says nothing.
pub(super) fn unspecified() -> Error {
    Error::new(ErrorKind::Rejected, codes::CONNECTION_FAILED, 400, "the server ended the connection without a reason")
}

/// Nobody came up with credentials in time (`RSA4c`).
pub(super) fn no_credentials() -> Error {
    let message = "there were no credentials to connect with in time";
    Error::new(ErrorKind::Transport, codes::CONNECTION_AUTH_FAILED, 401, message)
}
