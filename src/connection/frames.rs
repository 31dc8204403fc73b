//! What the frames of a connection mean (`RTN14`, `RTN15`, `RTN22`, `RTN24`).

use super::event::{
    ConnectWith, ConnectionAction, ConnectionEventKind, ConnectionStateChange, FrameContent, UpdateEvent,
};
use super::recovery::Serials;
use super::state::{Attempt, FarewellStage, Live, Sequence, State};
use super::{ConnectionMachine, Link, Renewal, errors};
use crate::base::{ConnectionState, NoticeKind, NoticeLevel, SocketId};
use crate::options::incompatible_client_id;
use crate::wire::{Error, ProtocolMessage, action, client_ids_differ};

impl ConnectionMachine {
    pub(super) fn on_frame(&mut self, id: SocketId, content: FrameContent) {
        if !self.is_current(id) {
            return;
        }
        self.note_activity();
        let message = match content {
            FrameContent::Message(message) => message,
            FrameContent::Text(text) => match serde_json::from_str(text.expose()) {
                Ok(message) => message,
                Err(_) => {
                    let message = "a frame is not a JSON object; it is ignored";
                    return self.notice(NoticeLevel::Warn, NoticeKind::MalformedFrame, "RTF1", message);
                }
            },
        };
        self.serials.on_received(&message);
        match (&self.state, message.action()) {
            (State::Connecting(_), _) => self.on_frame_while_connecting(message),
            (State::Connected(_), _) => self.on_frame_while_connected(message),
            (State::Closing(farewell), action) => self.on_frame_while_closing(farewell.stage, action),
            // Only these states have a socket.
            _ => {}
        }
    }

    fn on_frame_while_connecting(&mut self, message: ProtocolMessage) {
        let State::Connecting(Attempt::AwaitingConnected { socket, sequence, .. }) = &self.state else { return };
        match message.action() {
            action::CONNECTED => {
                let (socket, sequence) = (*socket, sequence.clone());
                self.on_connected(socket, sequence, &message);
            }
            action::ERROR if message.channel().is_none() => {
                let error = self.error_of(&message).unwrap_or_else(errors::unspecified);
                match self.judge_token_error(&error) {
                    TokenError::Renewable => self.on_token_rejected(error),
                    TokenError::Final => self.on_last_token_rejected(error),
                    TokenError::None => self.on_fatal(error),
                }
            }
            action::DISCONNECTED => self.on_disconnected_while_connecting(self.error_of(&message)),
            action::CLOSED => self.attempt_failed(errors::lost("the server closed the connection"), true),
            action::HEARTBEAT | action::AUTH => {}
            _ => self.emit(ConnectionAction::FrameReceived { message }),
        }
    }

    fn on_disconnected_while_connecting(&mut self, error: Option<Error>) {
        let error = error.unwrap_or_else(|| errors::lost("the server refused the connection without a reason"));
        match self.judge_token_error(&error) {
            TokenError::Renewable => self.on_token_rejected(error),
            TokenError::Final => {
                self.give_up_attempt(error.clone());
                self.on_fatal(error);
            }
            TokenError::None => {
                let another_host_may_help = (500..=504).contains(&error.status_code());
                self.attempt_failed(error, another_host_may_help);
            }
        }
    }

    fn on_frame_while_connected(&mut self, message: ProtocolMessage) {
        match message.action() {
            action::CONNECTED => self.on_update(&message),
            action::DISCONNECTED => self.on_disconnected(self.error_of(&message)),
            action::ERROR if message.channel().is_none() => {
                self.on_fatal(self.error_of(&message).unwrap_or_else(errors::unspecified));
            }
            action::CLOSED => self.finish_closing(),
            action::AUTH => self.emit(ConnectionAction::ReauthRequested {}),
            // One with an id answers a heartbeat of the application's (`RTN13e`).
            action::HEARTBEAT if message.member("id").is_none() => {}
            _ => self.emit(ConnectionAction::FrameReceived { message }),
        }
    }

    fn on_frame_while_closing(&mut self, stage: FarewellStage, action: i64) {
        match (stage, action) {
            (FarewellStage::AwaitingConnected, action::CONNECTED) => {
                if let State::Closing(farewell) = &mut self.state {
                    farewell.stage = FarewellStage::AwaitingClosed;
                    let id = farewell.socket;
                    let message = ProtocolMessage::new(action::CLOSE);
                    self.emit(ConnectionAction::SendFrame { id, message });
                }
            }
            (_, action::CLOSED | action::DISCONNECTED | action::ERROR) => self.finish_closing(),
            _ => {}
        }
    }

    fn on_connected(&mut self, socket: SocketId, sequence: Sequence, message: &ProtocolMessage) {
        let Ok(max_silence) = self.take_details(message) else {
            return self.on_fatal(incompatible_client_id());
        };
        let reason = self.error_of(message);
        self.error_reason.clone_from(&reason);
        self.failures = 0;
        self.suspend_at = None;
        self.renewal = Renewal::Available;
        self.recover = None;
        let Sequence { with, host, .. } = sequence;
        let live = Live { socket, host, with, max_silence, active_at: self.mono };
        self.transition(State::Connected(live), reason, None);
    }

    /// CONNECTED while connected: the same connection, under other conditions (`RTN24`).
    fn on_update(&mut self, message: &ProtocolMessage) {
        let Ok(max_silence) = self.take_details(message) else {
            return self.on_fatal(incompatible_client_id());
        };
        if let State::Connected(live) = &mut self.state {
            live.max_silence = max_silence;
        }
        let state = ConnectionState::Connected;
        self.emit(ConnectionAction::ConnectionStateChange(ConnectionStateChange {
            event: ConnectionEventKind::Update(UpdateEvent::Update),
            previous: state,
            current: state,
            reason: self.error_of(message),
            retry_in: None,
        }));
    }

    /// Takes over what a CONNECTED message says (`RTN21`), and returns how long the connection may be silent.
    ///
    /// # Errors
    ///
    /// Where it assigns a client id that contradicts the options' (`RSA15c`).
    fn take_details(&mut self, message: &ProtocolMessage) -> Result<Option<u64>, ()> {
        let details = message.connection_details().unwrap_or_default();
        if client_ids_differ(self.settings.client_id.as_deref(), details.client_id.as_deref()) {
            return Err(());
        }
        let id = message.text("connectionId").map(Into::into);
        let key = details.connection_key.or_else(|| message.text("connectionKey").map(Into::into));
        let is_continued = match &self.link {
            Some(link) => link.id == id,
            // A recovery key does not tell the id; an error says that nothing was recovered (`RTN16l`).
            None => message.error().is_none(),
        };
        if !is_continued {
            // Numbering starts again (`RTN15c7`).
            self.serials = Serials::default();
        }
        self.link = Some(Link { id, key, client_id: details.client_id });
        if let Some(ttl) = details.connection_state_ttl.and_then(|ttl| u64::try_from(ttl).ok()) {
            self.connection_state_ttl = ttl;
        }
        let idle = details.max_idle_interval.and_then(|idle| u64::try_from(idle).ok()).filter(|idle| *idle > 0);
        Ok(idle.map(|idle| idle.saturating_add(u64::from(self.settings.realtime_request_timeout))))
    }

    fn on_disconnected(&mut self, error: Option<Error>) {
        let error = error.unwrap_or_else(|| errors::lost("the server ended the connection without a reason"));
        match self.judge_token_error(&error) {
            TokenError::None => self.lose(error),
            TokenError::Renewable => {
                self.renewal = Renewal::Spent;
                self.lose(error);
            }
            TokenError::Final => {
                self.leave_connected(Some(error.clone()));
                self.on_fatal(error);
            }
        }
    }

    /// The error that a message reports, without the credentials that the server may quote in it.
    fn error_of(&self, message: &ProtocolMessage) -> Option<Error> {
        let error = message.error()?;
        Some(match self.state.with() {
            Some(ConnectWith::Token { access_token, .. }) => error.without_secret(access_token.expose()),
            Some(ConnectWith::Key(key)) => {
                let secret = key.expose().split_once(':').map_or("", |(_, secret)| secret);
                error.without_secret(secret)
            }
            None => error,
        })
    }

    /// What an error says of the token in use. With a key it says nothing.
    fn judge_token_error(&self, error: &Error) -> TokenError {
        match self.state.with() {
            Some(ConnectWith::Token { renewable, .. }) if error.is_token_error() => {
                if *renewable {
                    TokenError::Renewable
                } else {
                    TokenError::Final
                }
            }
            _ => TokenError::None,
        }
    }
}

/// What an error says of the token in use.
enum TokenError {
    None,
    Renewable,
    Final,
}
