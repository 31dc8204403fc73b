//! What a test expects of a session's connection, in order.

use serde_json::{Value, json};

use super::{Harness, Socket};
use crate::connection::{ConnectionAction, ConnectionStateChange};
use crate::{ConnectionState, Session, SessionAction};

/// Expectations of the connection.
impl Harness<Session> {
    /// The connection goes to another state.
    #[track_caller]
    pub fn expect_change(&mut self, to: ConnectionState) -> ConnectionStateChange {
        let change = self.expect_any_change();
        let told = (json!(change.event), change.current);
        if told != (json!(to), to) {
            self.give_up(format_args!("expected {to:?}; there is {change:#?}\nand then {:#?}", self.queue));
        }
        change
    }

    /// The connection goes to another state because of an error with this code and status code.
    #[track_caller]
    pub fn expect_change_because(&mut self, to: ConnectionState, code: u32, status_code: u16) -> ConnectionStateChange {
        let change = self.expect_change(to);
        let reason = change.reason.as_ref().map(|reason| (reason.code(), reason.status_code()));
        if reason != Some((code, status_code)) {
            self.give_up(format_args!("expected the reason {code}/{status_code}, not {:?}", change.reason));
        }
        change
    }

    /// The conditions of the connection change, its state does not.
    #[track_caller]
    pub fn expect_update(&mut self) -> ConnectionStateChange {
        let change = self.expect_any_change();
        let told = (json!(change.event), change.previous, change.current);
        if told != (json!("update"), ConnectionState::Connected, ConnectionState::Connected) {
            self.give_up(format_args!("expected an update; there is {change:#?}"));
        }
        change
    }

    #[track_caller]
    fn expect_any_change(&mut self) -> ConnectionStateChange {
        self.expect("a change of the connection", |action| match action {
            SessionAction::Connection(ConnectionAction::ConnectionStateChange(change)) => Some(change.clone()),
            _ => None,
        })
    }

    /// The connection goes to CONNECTING and opens a socket.
    #[track_caller]
    pub fn expect_attempt(&mut self) -> Socket {
        self.expect_change(ConnectionState::Connecting);
        self.expect_socket()
    }

    /// The connection is lost, because of an error with this code and status code, and made again at once.
    #[track_caller]
    pub fn expect_reconnect(&mut self, code: u32, status_code: u16) -> Socket {
        self.expect_change_because(ConnectionState::Disconnected, code, status_code);
        self.expect_attempt()
    }

    /// A socket is to be opened.
    #[track_caller]
    pub fn expect_socket(&mut self) -> Socket {
        let id = self.expect("a socket", |action| match action {
            SessionAction::Connection(ConnectionAction::OpenSocket { id, .. }) => Some(*id),
            _ => None,
        });
        self.sockets.iter().find(|socket| socket.id == id).expect("it was recorded").clone()
    }

    /// A socket is to be closed.
    #[track_caller]
    pub fn expect_close_socket(&mut self, socket: &Socket) {
        self.expect("the end of a socket", |action| match action {
            SessionAction::Connection(ConnectionAction::CloseSocket { id }) if *id == socket.id => Some(()),
            _ => None,
        });
    }

    /// A frame is sent over a socket.
    #[track_caller]
    pub fn expect_frame(&mut self, socket: &Socket) -> Value {
        self.expect("a frame", |action| match action {
            SessionAction::Connection(ConnectionAction::SendFrame { id, message }) if *id == socket.id => {
                Some(json!(message))
            }
            _ => None,
        })
    }

    /// A frame for the application has come.
    #[track_caller]
    pub fn expect_received(&mut self) -> Value {
        self.expect("a frame for the application", |action| match action {
            SessionAction::Connection(ConnectionAction::FrameReceived { message }) => Some(json!(message)),
            _ => None,
        })
    }
}
