//! A connection that is up: activity, losing it, sending, closing.

use super::event::{ConnectWith, ConnectionAction};
use super::state::{Attempt, Farewell, FarewellStage, State};
use super::{ConnectionMachine, errors};
use crate::base::SocketId;
use crate::http::HttpFailureKind;
use crate::wire::{Error, ErrorKind, ProtocolMessage, Secret, action, codes};

impl ConnectionMachine {
    /// Whether the id is that of the socket in use. Any other is counted.
    pub(super) fn is_current(&mut self, id: SocketId) -> bool {
        let current = self.state.socket() == Some(id);
        if !current {
            self.ignored += 1;
        }
        current
    }

    /// Something has come over a socket (`RTN23a`).
    pub(super) fn on_activity(&mut self, id: SocketId) {
        if self.is_current(id) {
            self.note_activity();
        }
    }

    pub(super) fn note_activity(&mut self) {
        if let State::Connected(live) = &mut self.state {
            live.active_at = self.mono;
        }
    }

    pub(super) fn on_socket_closed(
        &mut self,
        id: SocketId,
        kind: Option<HttpFailureKind>,
        status: Option<u16>,
        message: Option<&str>,
    ) {
        if !self.is_current(id) {
            return;
        }
        self.closed = Some(id);
        let kind = kind.unwrap_or(HttpFailureKind::Closed);
        let error = errors::socket_closed(kind, status, message);
        let another_host_may_help = match status {
            Some(status) => (500..=504).contains(&status),
            None => kind.qualifies_for_fallback(),
        };
        match self.state {
            State::Connected(_) => self.lose(error),
            State::Closing(_) => self.finish_closing(),
            _ => self.attempt_failed(error, another_host_may_help),
        }
    }

    /// The connection is lost; it is made again at once (`RTN15a`, `RTN15h3`).
    pub(super) fn lose(&mut self, reason: Error) {
        self.leave_connected(Some(reason));
        self.reconnect();
    }

    /// Leaves a connection that is up. The time until it is suspended runs from here (`RTN14e`).
    pub(super) fn leave_connected(&mut self, reason: Option<Error>) {
        self.let_go();
        self.suspend_at = Some(self.mono.saturating_add(self.connection_state_ttl.max(1)));
        self.disconnect(reason);
    }

    /// The connection is over for good.
    pub(super) fn on_fatal(&mut self, reason: Error) {
        if let State::Failed = self.state {
            return;
        }
        self.let_go();
        self.suspend_at = None;
        self.transition(State::Failed, Some(reason), None);
    }

    pub(super) fn send_for_application(&mut self, message: ProtocolMessage) -> Result<(), Error> {
        if matches!(message.action(), action::AUTH | action::CONNECT | action::DISCONNECT | action::CLOSE) {
            let message = "send: frames of this action are the connection's own; use authorize, connect or close";
            return Err(Error::new(ErrorKind::Misuse, codes::BAD_REQUEST, 400, message));
        }
        let State::Connected(live) = &self.state else {
            return Err(Error::new(
                ErrorKind::Misuse,
                codes::CONNECTION_LOST,
                400,
                "send: the connection is not up; wait for the state connected",
            ));
        };
        let id = live.socket;
        self.serials.on_sent(&message);
        self.emit(ConnectionAction::SendFrame { id, message });
        Ok(())
    }

    pub(super) fn send_auth(&mut self, access_token: Secret, renewable: bool) {
        let State::Connected(live) = &mut self.state else { return };
        live.with = ConnectWith::Token { access_token: access_token.clone(), renewable };
        let id = live.socket;
        self.emit(ConnectionAction::SendFrame { id, message: ProtocolMessage::auth(access_token) });
    }

    pub(super) fn start_closing(&mut self) {
        let gives_up_at = self.after(self.settings.realtime_request_timeout);
        match &self.state {
            State::Closing(_) | State::Closed | State::Failed => {}
            State::Initialized | State::Disconnected { .. } | State::Suspended { .. } => {
                self.transition(State::Closed, None, None);
            }
            State::Connected(live) => self.say_farewell(live.socket, gives_up_at),
            State::Connecting(Attempt::AwaitingConnected { socket, .. }) => {
                let stage = FarewellStage::AwaitingConnected;
                let farewell = Farewell { socket: *socket, gives_up_at, stage };
                self.transition(State::Closing(farewell), None, None);
            }
            State::Connecting(_) => {
                // There is nothing to close; the change is shown all the same (`RTN4c`, `RTN12f`).
                self.let_go();
                let farewell =
                    Farewell { socket: SocketId::from(0), gives_up_at, stage: FarewellStage::AwaitingConnected };
                self.transition(State::Closing(farewell), None, None);
                self.transition(State::Closed, None, None);
            }
        }
    }

    /// Sends CLOSE and waits for CLOSED (`RTN12a`).
    pub(super) fn say_farewell(&mut self, socket: SocketId, gives_up_at: u64) {
        let farewell = Farewell { socket, gives_up_at, stage: FarewellStage::AwaitingClosed };
        self.emit(ConnectionAction::SendFrame { id: socket, message: ProtocolMessage::new(action::CLOSE) });
        self.transition(State::Closing(farewell), None, None);
    }

    /// The connection is closed, or taken for closed (`RTN12b`).
    pub(super) fn finish_closing(&mut self) {
        self.let_go();
        self.suspend_at = None;
        self.transition(State::Closed, None, None);
    }
}
