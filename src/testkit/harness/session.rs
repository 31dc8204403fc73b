//! What is there with a session alone: the connection, its sockets and frames.

use alloc::string::ToString as _;
use alloc::vec::Vec;

use serde_json::Value;

use super::history::Entry;
use super::{Harness, Socket, respond_text};
use crate::connection::{ConnectionInput, ConnectionStateChange, FrameContent};
use crate::http::HttpFailureKind;
use crate::testkit::frames::connected;
use crate::wire::ProtocolMessage;
use crate::{ConnectionState, Error, Session, TimerKind};

/// Commands.
impl Harness<Session> {
    /// See [`Session::connect`].
    #[track_caller]
    pub fn connect(&mut self) {
        self.record(Entry::Input("connect"));
        self.subject.connect(self.clock.now());
        self.settle();
    }

    /// See [`Session::close`].
    #[track_caller]
    pub fn close(&mut self) {
        self.record(Entry::Input("close"));
        self.subject.close(self.clock.now());
        self.settle();
    }

    /// Sends a frame of the application's, a JSON object.
    ///
    /// # Errors
    ///
    /// Those of [`Session::send`].
    #[track_caller]
    pub fn send(&mut self, message: Value) -> Result<(), Error> {
        let message: ProtocolMessage = serde_json::from_value(message).expect("an object");
        self.record(Entry::Input("send"));
        let sent = self.subject.send(message, self.clock.now());
        self.settle();
        sent
    }
}

/// Events.
impl Harness<Session> {
    /// Answers every connectivity check from now on: there is a network.
    pub fn on_connectivity_check(&mut self) -> &mut Self {
        self.on_http(|http| {
            assert!(http.url().contains("internet-up"), "a connectivity check, not {}", http.url());
            respond_text(200, "text/plain", "yes\n")
        })
    }

    /// A socket is open.
    #[track_caller]
    pub fn open(&mut self, socket: &Socket) {
        self.event(ConnectionInput::SocketOpened { id: socket.id });
    }

    /// A frame comes over a socket, as text.
    #[track_caller]
    pub fn receive(&mut self, socket: &Socket, frame: Value) {
        self.receive_text(socket, &frame.to_string());
    }

    /// Text comes over a socket, whatever it is.
    #[track_caller]
    pub fn receive_text(&mut self, socket: &Socket, text: &str) {
        let content = FrameContent::Text(text.into());
        self.event(ConnectionInput::Frame { id: socket.id, content });
    }

    /// A ping comes over a socket.
    #[track_caller]
    pub fn ping(&mut self, socket: &Socket) {
        self.event(ConnectionInput::Activity { id: socket.id });
    }

    /// A socket opens, and a frame comes over it.
    #[track_caller]
    pub fn open_and_receive(&mut self, socket: &Socket, frame: Value) {
        self.open(socket);
        self.receive(socket, frame);
    }

    /// A socket is closed from the other side.
    #[track_caller]
    pub fn socket_closed(&mut self, socket: &Socket) {
        self.socket_gone(socket, HttpFailureKind::Closed);
    }

    /// A socket cannot be opened.
    #[track_caller]
    pub fn refuse_socket(&mut self, socket: &Socket) {
        self.socket_gone(socket, HttpFailureKind::Connect);
    }

    /// A socket is gone, or could not be opened.
    #[track_caller]
    pub fn socket_gone(&mut self, socket: &Socket, kind: HttpFailureKind) {
        self.event(ConnectionInput::SocketClosed { id: socket.id, kind: Some(kind), status: None, message: None });
    }

    /// The upgrade to a WebSocket is refused with an HTTP status.
    #[track_caller]
    pub fn refuse_upgrade(&mut self, socket: &Socket, status: u16) {
        self.event(ConnectionInput::SocketClosed { id: socket.id, kind: None, status: Some(status), message: None });
    }

    /// The operating system says whether there is a network.
    #[track_caller]
    pub fn network(&mut self, up: bool) {
        self.event(ConnectionInput::Network { up });
    }
}

/// Ways that many tests go.
impl Harness<Session> {
    /// The connection comes up over a socket that is being opened.
    #[track_caller]
    pub fn come_up(&mut self, socket: &Socket, frame: Value) {
        self.open_and_receive(socket, frame);
        self.expect_change(ConnectionState::Connected);
    }

    /// Connects, with credentials that are there at once, and comes up as `connection-1` with the key `key-1`.
    #[track_caller]
    pub fn connect_up(&mut self) -> Socket {
        self.connect_up_as(connected("connection-1", "key-1"))
    }

    /// Connects, with credentials that are there at once, and comes up by this frame.
    #[track_caller]
    pub fn connect_up_as(&mut self, frame: Value) -> Socket {
        self.connect();
        let socket = self.expect_attempt();
        self.come_up(&socket, frame);
        socket
    }

    /// Connects and fails on the way: the first host is not there, and there is no other.
    #[track_caller]
    pub fn connect_in_vain(&mut self) -> ConnectionStateChange {
        self.connect();
        let socket = self.expect_attempt();
        self.refuse_socket(&socket);
        self.expect_change(ConnectionState::Disconnected)
    }

    /// Waits for the next attempt to connect, which fails.
    #[track_caller]
    pub fn retry_in_vain(&mut self) {
        let kind = self.advance_to_timeout();
        if kind != TimerKind::Retry {
            self.give_up(format_args!("expected another attempt, not {kind:?}"));
        }
        let socket = self.expect_attempt();
        self.refuse_socket(&socket);
    }

    /// Fails to connect until the connection is suspended, and returns how it became so.
    #[track_caller]
    pub fn retry_until_suspended(&mut self) -> ConnectionStateChange {
        loop {
            match self.advance_to_timeout() {
                TimerKind::Retry => {
                    let socket = self.expect_attempt();
                    self.refuse_socket(&socket);
                    let next = self.changes.last().expect("a change").current;
                    let change = self.expect_change(next);
                    if next == ConnectionState::Suspended {
                        return change;
                    }
                    if next != ConnectionState::Disconnected {
                        self.give_up("expected the next wait for an attempt");
                    }
                }
                TimerKind::Suspend => return self.expect_change(ConnectionState::Suspended),
                other => self.give_up(format_args!("expected another attempt, not {other:?}")),
            }
        }
    }
}

/// Views.
impl Harness<Session> {
    /// See [`ConnectionMachine::state`](crate::ConnectionMachine::state).
    pub fn state(&self) -> ConnectionState {
        self.subject.connection().state()
    }

    /// See [`ConnectionMachine::id`](crate::ConnectionMachine::id).
    pub fn connection_id(&self) -> Option<&str> {
        self.subject.connection().id()
    }

    /// See [`ConnectionMachine::key`](crate::ConnectionMachine::key).
    pub fn connection_key(&self) -> Option<&str> {
        self.subject.connection().key().map(|key| key.expose())
    }

    /// See [`ConnectionMachine::error_reason`](crate::ConnectionMachine::error_reason).
    pub fn error_reason(&self) -> Option<&Error> {
        self.subject.connection().error_reason()
    }

    /// The recovery key, as JSON.
    pub fn recovery_key(&self) -> Option<Value> {
        let key = self.subject.connection().create_recovery_key()?;
        Some(serde_json::from_str(key.expose()).expect("a recovery key is JSON"))
    }

    /// The session, to look at.
    pub fn session(&self) -> &Session {
        &self.subject
    }

    /// The hosts that sockets were opened to, in order.
    pub fn socket_hosts(&self) -> Vec<&str> {
        self.sockets.iter().map(Socket::host).collect()
    }

    /// The states that the connection has gone to, in order.
    pub fn states(&self) -> Vec<ConnectionState> {
        let changes = self.changes.iter().filter(|change| change.previous != change.current);
        changes.map(|change| change.current).collect()
    }
}
