//! Why a socket is closed, or was not opened.

use std::format;
use std::io;
use std::string::{String, ToString as _};

use tokio_tungstenite::tungstenite::Error;
use tokio_tungstenite::tungstenite::error::ProtocolError;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;

use crate::http::HttpFailureKind;

/// Why a socket is closed, as a connection is told it.
pub(super) struct Failure {
    pub(super) kind: HttpFailureKind,
    /// The status of the answer that refused the upgrade.
    pub(super) status: Option<u16>,
    pub(super) message: Option<String>,
}

impl Failure {
    pub(super) fn new(kind: HttpFailureKind, message: impl Into<String>) -> Self {
        Failure { kind, status: None, message: Some(message.into()) }
    }
}

/// The host was not found.
pub(super) fn dns(error: &io::Error) -> Failure {
    Failure::new(HttpFailureKind::Dns, error.to_string())
}

/// Nobody answers there.
pub(super) fn connect(error: &io::Error) -> Failure {
    Failure::new(HttpFailureKind::Connect, error.to_string())
}

/// TLS was not agreed upon, or the peer went away meanwhile.
pub(super) fn tls(error: &io::Error) -> Failure {
    Failure::new(kind(error), error.to_string())
}

/// The upgrade to a WebSocket was not made.
pub(super) fn upgrade(error: &Error) -> Failure {
    match error {
        Error::Http(response) => Failure {
            kind: HttpFailureKind::Closed,
            status: Some(response.status().as_u16()),
            // The body, which nobody has read, may hold anything.
            message: None,
        },
        Error::Io(error) => Failure::new(kind(error), error.to_string()),
        Error::Protocol(ProtocolError::HandshakeIncomplete) => {
            Failure::new(HttpFailureKind::Closed, "the server gave no answer")
        }
        // Whoever answers there does not speak the protocol.
        error => Failure::new(HttpFailureKind::Other, error.to_string()),
    }
}

/// A socket that was open has failed.
pub(super) fn while_open(error: &Error) -> Failure {
    match error {
        Error::Io(error) => Failure::new(kind(error), error.to_string()),
        error => Failure::new(HttpFailureKind::Closed, error.to_string()),
    }
}

/// The other side has closed the socket.
pub(super) fn closed(frame: Option<CloseFrame>) -> Failure {
    let message = match frame {
        // The reason is the server's; it is not said that it holds no secret.
        Some(frame) => format!("the server closed the WebSocket with code {}", u16::from(frame.code)),
        None => String::from("the server closed the WebSocket"),
    };
    Failure::new(HttpFailureKind::Closed, message)
}

fn kind(error: &io::Error) -> HttpFailureKind {
    let is_of_tls = error.get_ref().is_some_and(|error| error.is::<rustls::Error>());
    if is_of_tls {
        HttpFailureKind::Tls
    } else if error.kind() == io::ErrorKind::TimedOut {
        HttpFailureKind::Timeout
    } else {
        HttpFailureKind::Closed
    }
}
