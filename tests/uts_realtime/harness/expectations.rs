//! What a test expects of the session, in order.

use ably_auth::connection::{ConnectionAction, ConnectionStateChange};
use ably_auth::wire::TokenDetails;
use ably_auth::{Action, ConnectionState, Error, Notice, NoticeKind, OperationId, Outcome, SessionAction};
use serde_json::{Value, json};

use super::client::Client;
use super::frames::Socket;
use super::messages::{Callback, Http};

/// Expectations of the connection.
impl Client {
    /// The connection goes to another state.
    #[track_caller]
    pub fn expect_change(&mut self, to: ConnectionState) -> ConnectionStateChange {
        let change = self.expect_any_change();
        let told = (json!(change.event), change.current);
        assert_eq!(told, (json!(to), to), "{change:#?}\nand then {:#?}", self.queue);
        change
    }

    /// The connection goes to another state because of an error with this code and status code.
    #[track_caller]
    pub fn expect_change_because(&mut self, to: ConnectionState, code: u32, status_code: u16) -> ConnectionStateChange {
        let change = self.expect_change(to);
        let reason = change.reason.as_ref().map(|reason| (reason.code(), reason.status_code()));
        assert_eq!(reason, Some((code, status_code)), "{:?}", change.reason);
        change
    }

    /// The conditions of the connection change, its state does not.
    #[track_caller]
    pub fn expect_update(&mut self) -> ConnectionStateChange {
        let change = self.expect_any_change();
        let told = (json!(change.event), change.previous, change.current);
        assert_eq!(told, (json!("update"), ConnectionState::Connected, ConnectionState::Connected), "{change:?}");
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

    #[track_caller]
    pub fn expect_socket(&mut self) -> Socket {
        let id = self.expect("a socket", |action| match action {
            SessionAction::Connection(ConnectionAction::OpenSocket { id, .. }) => Some(*id),
            _ => None,
        });
        self.sockets.iter().find(|socket| socket.id == id).expect("it was recorded").clone()
    }

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

/// Expectations of both.
impl Client {
    #[track_caller]
    pub fn expect_http(&mut self) -> Http {
        let id = self.expect("an HTTP request", |action| match action {
            SessionAction::Auth(Action::SendHttp { id, .. }) => Some(*id),
            _ => None,
        });
        self.requests.iter().find(|http| http.id == id).expect("it was recorded").clone()
    }

    #[track_caller]
    pub fn expect_abort(&mut self, http: &Http) {
        self.expect("the end of an HTTP request", |action| match action {
            SessionAction::Auth(Action::AbortHttp { id }) if *id == http.id => Some(()),
            _ => None,
        });
    }

    #[track_caller]
    pub fn expect_callback(&mut self) -> Callback {
        let id = self.expect("a call of a callback", |action| match action {
            SessionAction::Auth(Action::InvokeCallback { id, .. }) => Some(*id),
            _ => None,
        });
        self.callbacks.iter().find(|callback| callback.id == id).expect("it was recorded").clone()
    }

    #[track_caller]
    pub fn expect_notice(&mut self, kind: NoticeKind) -> Notice {
        self.expect("a notice", |action| match action {
            SessionAction::Auth(Action::Notice(notice))
            | SessionAction::Connection(ConnectionAction::Notice(notice))
                if notice.kind == kind =>
            {
                Some(notice.clone())
            }
            _ => None,
        })
    }

    /// How an operation ends.
    #[track_caller]
    pub fn expect_complete(&mut self, operation: OperationId) -> Result<Outcome, Error> {
        self.expect("the end of an operation", |action| match action {
            SessionAction::Auth(Action::Complete { operation: ended, outcome }) if *ended == operation => {
                Some(outcome.clone())
            }
            _ => None,
        })
    }

    #[track_caller]
    pub fn expect_token(&mut self, operation: OperationId) -> TokenDetails {
        match self.expect_complete(operation) {
            Ok(Outcome::TokenDetails(Some(details))) => details,
            other => panic!("expected a token, not {other:?}"),
        }
    }

    #[track_caller]
    pub fn expect_token_text(&mut self, operation: OperationId, token: &str) {
        assert_eq!(self.expect_token(operation).token.expose(), token);
    }

    #[track_caller]
    pub fn expect_error(&mut self, operation: OperationId) -> Error {
        match self.expect_complete(operation) {
            Err(error) => error,
            Ok(outcome) => panic!("{operation:?} succeeded with {outcome:?}"),
        }
    }

    /// Takes what has happened first, which must be what is meant.
    #[track_caller]
    fn expect<T>(&mut self, what: &str, meant: impl Fn(&SessionAction) -> Option<T>) -> T {
        let taken = self.queue.front().and_then(meant);
        taken
            .map(|found| (found, self.queue.pop_front()).0)
            .unwrap_or_else(|| panic!("expected {what}; there is {:#?}\nin the state {:?}", self.queue, self.state()))
    }

    /// Nothing has happened that the test has not expected.
    #[track_caller]
    pub fn expect_silence(&self) {
        assert!(self.queue.is_empty(), "nobody expected {:#?}", self.queue);
    }

    /// Nothing happens for so long.
    #[track_caller]
    pub fn expect_silence_for(&mut self, ms: u64) {
        self.expect_silence();
        self.advance(ms);
        self.expect_silence();
    }

    /// That the test may end here although something is still under way.
    pub fn leave_unfinished(&mut self) {
        self.running.clear();
        self.in_flight.clear();
    }
}
