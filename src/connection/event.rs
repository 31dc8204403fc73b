//! What a connection is told, and what it wants done.

use alloc::string::String;

use serde::{Deserialize, Serialize};

use crate::base::{ConnectionState, HttpId, Notice, SocketId};
use crate::http::{HttpFailure, HttpFailureKind, HttpRequest, HttpResponse};
use crate::wire::{Error, ProtocolMessage, Secret};

/// Something that happened to a connection's sockets, its connectivity check, or the network.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub enum ConnectionInput {
    /// A socket is open; nothing has come over it yet.
    SocketOpened {
        /// Which socket.
        id: SocketId,
    },
    /// A frame has come.
    Frame {
        /// Over which socket.
        id: SocketId,
        /// What it holds.
        #[serde(flatten)]
        content: FrameContent,
    },
    /// Something came that is no frame, such as a ping (`RTN23b`).
    Activity {
        /// Over which socket.
        id: SocketId,
    },
    /// A socket is closed, or could not be opened.
    SocketClosed {
        /// Which socket.
        id: SocketId,
        /// Why; `closed` where nothing is said.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        kind: Option<HttpFailureKind>,
        /// The HTTP status of an upgrade that was refused.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        status: Option<u16>,
        /// What the client said about it; for people, without secrets.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        message: Option<String>,
    },
    /// The operating system says whether there is a network (`RTN20`).
    Network {
        /// Whether there is.
        up: bool,
    },
    /// The connectivity check got a response.
    #[serde(skip)]
    HttpResponse {
        /// The check.
        id: HttpId,
        /// What came back.
        response: HttpResponse,
    },
    /// The connectivity check got no response.
    #[serde(skip)]
    HttpFailed {
        /// The check.
        id: HttpId,
        /// Why.
        failure: HttpFailure,
    },
}

/// What a frame holds.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum FrameContent {
    /// A message.
    Message(ProtocolMessage),
    /// Text that may be a message.
    Text(Secret),
}

impl core::fmt::Debug for FrameContent {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Message(message) => message.fmt(f),
            Self::Text(text) => write!(f, "Text({} bytes)", text.len()),
        }
    }
}

/// What a connection authenticates itself with.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ConnectWith {
    /// An API key.
    Key(Secret),
    /// A token.
    Token {
        /// The token.
        access_token: Secret,
        /// Whether there is a way to get another (`RSA4a`).
        renewable: bool,
    },
}

/// Something a connection wants done.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
#[non_exhaustive]
pub enum ConnectionAction {
    /// Open a WebSocket and report `SocketOpened` or `SocketClosed`, then what comes over it.
    OpenSocket {
        /// The socket's id.
        id: SocketId,
        /// Where to. It holds the credentials: not for logs.
        url: Secret,
    },
    /// Send a frame.
    SendFrame {
        /// Over which socket.
        id: SocketId,
        /// What to send.
        message: ProtocolMessage,
    },
    /// Close a socket, or stop opening it; whatever is still reported for it is ignored.
    CloseSocket {
        /// Which socket.
        id: SocketId,
    },
    /// Send a plain HTTP request, to see whether there is a network (`RTN17j`).
    #[serde(skip)]
    SendHttp {
        /// The request's id; it is this connection's own.
        id: HttpId,
        /// What to send.
        request: HttpRequest,
        /// How long it may take, in milliseconds.
        timeout: u32,
    },
    /// Give up the HTTP request.
    #[serde(skip)]
    AbortHttp {
        /// Which one.
        id: HttpId,
    },
    /// Credentials are needed: answer with `use_credentials`, `drop_connection` or `fail`.
    #[serde(skip)]
    CredentialsNeeded {
        /// The error that the last ones were rejected with during this attempt, if they were.
        rejected: Option<Error>,
    },
    /// The server asks for new authentication (`RTN22`): answer with `authenticate`.
    #[serde(skip)]
    ReauthRequested {},
    /// The connection has changed (`TA1`).
    ConnectionStateChange(ConnectionStateChange),
    /// A frame for the application.
    FrameReceived {
        /// What has come.
        message: ProtocolMessage,
    },
    /// Something worth a line in a log.
    Notice(Notice),
}

/// A change of a connection (`TA1`).
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct ConnectionStateChange {
    /// `update`, or the state it is in now (`TA5`).
    pub event: ConnectionEventKind,
    /// The state it was in (`TA2`).
    pub previous: ConnectionState,
    /// The state it is in now (`TA2`).
    pub current: ConnectionState,
    /// Why (`TA3`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<Error>,
    /// In how many milliseconds it tries again (`TA2`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_in: Option<u64>,
}

/// What a [`ConnectionStateChange`] tells of (`RTN4`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(untagged)]
pub enum ConnectionEventKind {
    /// The connection is in another state.
    State(ConnectionState),
    /// The state is the same, the conditions are not (`RTN4h`, `RTN24`).
    Update(UpdateEvent),
}

/// The event of a change that leaves the state as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum UpdateEvent {
    /// The only one there is.
    Update,
}
