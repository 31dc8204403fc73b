//! What has to hold for a session after every input.

use alloc::collections::BTreeSet;
use alloc::format;
use alloc::string::String;

use serde_json::json;

use super::world::{MOST_DEADLINES, Pending, Socket, World};
use crate::connection::{ConnectionAction, ConnectionStateChange};
use crate::fuzzing::invariants::Broken;
use crate::fuzzing::palette::Purpose;
use crate::http::HttpRequest;
use crate::wire::Secret;
use crate::{Action, ConnectionState, HttpId, Now, SessionAction};

/// More actions than one input has reason for.
const MOST_ACTIONS: usize = 24;

impl World {
    /// Two sessions with the same past are the same and do the same.
    pub(super) fn check_equals(&self, other: &World) {
        assert_eq!(self.actions, other.actions);
        assert_eq!(self.session, other.session);
    }

    /// Takes in what the session wants done, and checks.
    pub(super) fn settle(&mut self) {
        if self.session.poll_timeout().is_some_and(|(at, _)| at <= self.now.mono) {
            self.session.handle_timeout(self.now);
        }
        let asked = self.asked;
        let running = self.running.len();
        self.actions.clear();
        while let Some(action) = self.session.poll_action() {
            self.check_action(&action);
            self.actions.push(action);
        }
        assert!(self.actions.len() <= MOST_ACTIONS + 2 * running, "{:#?}", self.actions);
        // Once for the library, and for each operation that asks for a token of its own.
        assert!(self.asked - asked <= 1 + running, "it asks too often for tokens: {:#?}", self.actions);
        hold(self.secrets.check_shown(&format!("{:?}", self.session)));
        self.check_state();
    }

    fn check_action(&mut self, action: &SessionAction) {
        match action {
            SessionAction::Auth(action) => {
                self.secrets.learn(core::slice::from_ref(action));
                hold(self.secrets.check_action(action));
                self.check_auth_action(action);
            }
            SessionAction::Connection(action) => {
                hold(self.secrets.check_shown(&format!("{action:?}")));
                self.check_connection_action(action);
            }
        }
    }

    fn check_auth_action(&mut self, action: &Action) {
        match action {
            Action::SendHttp { id, request, .. } => self.on_request(*id, request),
            Action::AbortHttp { id } => self.requests.retain(|request| request.id != *id),
            Action::InvokeCallback { id, .. } => {
                self.asked += 1;
                self.callbacks.push_back(*id);
            }
            Action::TokenChanged { token_details } => {
                self.generation += 1;
                if let Some(details) = token_details {
                    self.rejected.remove(details.token.expose());
                }
            }
            Action::Complete { operation, .. } => {
                assert!(self.running.remove(operation), "{operation:?} completes, and is not running");
            }
            Action::Notice(_) => {}
            other => panic!("a session keeps it to itself: {other:?}"),
        }
    }

    fn on_request(&mut self, id: HttpId, request: &HttpRequest) {
        if Purpose::of(request).is_source() {
            self.asked += 1;
        }
        self.requests.push_back(Pending { id, request: request.clone(), generation: self.generation });
    }

    fn check_connection_action(&mut self, action: &ConnectionAction) {
        match action {
            ConnectionAction::OpenSocket { id, url } => {
                assert!(self.socket.is_none(), "one socket at a time");
                assert!(!self.opened.contains(id), "{id:?} is used twice");
                assert_eq!(self.state, ConnectionState::Connecting, "a socket is opened while connecting only");
                let token = param(url.expose(), "accessToken");
                check_is_not_rejected(&self.rejected, token.as_deref());
                self.opened.push(*id);
                self.socket = Some(Socket::new(*id, token));
            }
            ConnectionAction::SendFrame { id, message } => {
                let socket = self.socket.as_mut().expect("a frame goes over a socket");
                assert_eq!(*id, socket.id, "a frame goes over the socket in use");
                let form = json!(message);
                if let Some(token) = form["auth"]["accessToken"].as_str() {
                    check_is_not_rejected(&self.rejected, Some(token));
                    assert_eq!(self.state, ConnectionState::Connected);
                    socket.token = Some(token.into());
                    assert_eq!(self.token().map(Secret::expose), Some(token), "a token that is sent is in the view");
                }
            }
            ConnectionAction::CloseSocket { id } => {
                let socket = self.socket.take().expect("there is a socket to close");
                assert_eq!(*id, socket.id, "it is that in use that is closed");
                self.closed += 1;
            }
            ConnectionAction::ConnectionStateChange(change) => self.on_change(change),
            ConnectionAction::Notice(notice) => hold(self.secrets.check_notice(notice)),
            ConnectionAction::FrameReceived { .. } => {}
            other => panic!("a session keeps it to itself: {other:?}"),
        }
    }

    fn on_change(&mut self, change: &ConnectionStateChange) {
        use ConnectionState::{Closed, Closing, Connected, Connecting, Disconnected, Failed, Initialized, Suspended};
        assert_eq!(change.previous, self.state, "changes follow each other");
        let next: &[ConnectionState] = match self.state {
            Initialized => &[Connecting, Closed, Failed],
            Connecting => &[Connected, Disconnected, Suspended, Closing, Failed],
            Connected => &[Connected, Disconnected, Closing, Closed, Failed],
            Disconnected => &[Connecting, Suspended, Closed, Failed],
            Suspended => &[Connecting, Closed, Failed],
            Closing => &[Connecting, Closed, Failed],
            Closed => &[Connecting, Failed],
            Failed => &[Connecting],
        };
        assert!(next.contains(&change.current), "{:?} is no way from {:?}", change.current, self.state);
        let retries = matches!(change.current, Disconnected | Suspended);
        assert_eq!(change.retry_in.is_some(), retries, "it says when it tries again: {change:?}");
        assert!(change.current != Failed || change.reason.is_some(), "it says why it failed");
        change.reason.iter().for_each(|reason| hold(self.secrets.check_error(reason)));
        self.state = change.current;
    }

    fn check_state(&self) {
        use ConnectionState::{Closed, Closing, Connected, Connecting, Disconnected, Failed, Suspended};
        let connection = self.session.connection();
        assert_eq!(connection.state(), self.state, "the view disagrees with the last change");
        let deadline = self.session.poll_timeout();
        assert!(deadline.is_none_or(|(at, _)| at > self.now.mono), "{deadline:?} has come");
        if self.socket.is_some() {
            assert!(matches!(self.state, Connecting | Connected | Closing), "a socket in {:?}", self.state);
        }
        if matches!(self.state, Closing | Closed | Failed) {
            assert_eq!((connection.id(), connection.create_recovery_key()), (None, None));
        }
        check_is_not_rejected(&self.rejected, self.token().map(Secret::expose));
        if matches!(self.state, Connecting | Disconnected | Suspended | Closing) {
            self.check_is_left();
        }
    }

    /// The state is left when time passes and nothing else happens.
    fn check_is_left(&self) {
        let mut session = self.session.clone();
        for _ in 0..MOST_DEADLINES {
            if session.connection().state() != self.state {
                return;
            }
            let (at, _) = session.poll_timeout().unwrap_or_else(|| panic!("{:?} has no deadline", self.state));
            session.handle_timeout(Now::new(at, self.now.unix_ms));
        }
        panic!("{:?} is not left", self.state);
    }
}

fn check_is_not_rejected(rejected: &BTreeSet<String>, token: Option<&str>) {
    assert!(token.is_none_or(|token| !rejected.contains(token)), "{token:?} was rejected");
}

fn hold(check: Result<(), Broken>) {
    if let Err(Broken { what, .. }) = check {
        panic!("{what}");
    }
}

fn param(url: &str, name: &str) -> Option<String> {
    let (_, query) = url.split_once('?')?;
    form_urlencoded::parse(query.as_bytes()).find(|(other, _)| other == name).map(|(_, value)| value.into_owned())
}
