//! What happens after every input: the session's actions are taken in, answered by handlers, and checked.

use std::collections::VecDeque;

use ably_auth::connection::{ConnectionAction, ConnectionInput, ConnectionStateChange};
use ably_auth::{Action, ConnectionState, Event, NoticeLevel, SessionAction, SessionEvent};
use serde_json::Value;

use super::client::{Client, SocketStage};
use super::frames::Socket;
use super::messages::{Callback, Http};

/// More inputs than any flow of a test needs: past it the session goes in circles.
const MOST_ANSWERS: usize = 10_000;

impl Client {
    /// Takes in what the session has to say, answers what handlers are there for, and checks, until all is quiet.
    #[track_caller]
    pub(super) fn settle(&mut self) {
        let mut answers = VecDeque::new();
        for _ in 0..MOST_ANSWERS {
            self.drain(&mut answers);
            if self.session.poll_timeout().is_some_and(|(at, _)| at <= self.now.mono) {
                self.session.handle_timeout(self.now);
                self.drain(&mut answers);
            }
            self.check();
            match answers.pop_front() {
                Some(Event::HttpResponse { id, .. } | Event::HttpFailed { id, .. })
                    if !self.in_flight.contains(&id) => {}
                Some(event) => self.report(event.into()),
                None => return,
            }
        }
        panic!("the session does not come to rest after {MOST_ANSWERS} answers");
    }

    pub(super) fn report(&mut self, event: SessionEvent) {
        match &event {
            SessionEvent::Auth(Event::HttpResponse { id, .. } | Event::HttpFailed { id, .. }) => {
                self.in_flight.remove(id);
            }
            SessionEvent::Connection(ConnectionInput::SocketOpened { id })
                if self.socket == SocketStage::Opening(*id) =>
            {
                self.socket = SocketStage::Open(*id);
            }
            SessionEvent::Connection(ConnectionInput::SocketClosed { id, .. }) if matches!(self.socket, SocketStage::Opening(other) | SocketStage::Open(other) if other == *id) =>
            {
                self.socket = SocketStage::None;
            }
            _ => {}
        }
        self.session.handle_event(event, self.now);
    }

    #[track_caller]
    fn drain(&mut self, answers: &mut VecDeque<Event>) {
        while let Some(action) = self.session.poll_action() {
            assert_is_one_member(&action);
            let answer = match &action {
                SessionAction::Auth(action) => match self.take_auth_action(action) {
                    Taken::Done => continue,
                    Taken::Answered(event) => Some(event),
                    Taken::Unanswered => None,
                },
                SessionAction::Connection(action) => {
                    self.take_connection_action(action);
                    None
                }
            };
            match answer {
                Some(event) => answers.push_back(event),
                None => self.queue.push_back(action),
            }
        }
    }

    #[track_caller]
    fn take_auth_action(&mut self, action: &Action) -> Taken {
        match action {
            Action::SendHttp { id, request, timeout, open_timeout, body_limit, .. } => {
                let http = Http {
                    id: *id,
                    request: request.clone(),
                    timeout: *timeout,
                    open_timeout: *open_timeout,
                    body_limit: *body_limit,
                };
                assert!(self.requests.iter().all(|other| other.id != *id), "{id:?} is used twice");
                self.in_flight.insert(*id);
                self.requests.push(http.clone());
                self.http_handler.as_mut().and_then(|handler| handler(&http).to(&http)).into()
            }
            Action::InvokeCallback { id, callback, token_params } => {
                let callback = Callback { id: *id, name: callback.clone(), params: token_params.clone() };
                assert!(self.callbacks.iter().all(|other| other.id != *id), "{id:?} is used twice");
                self.callbacks.push(callback.clone());
                self.callback_handler.as_mut().and_then(|handler| handler(&callback).to(&callback)).into()
            }
            Action::AbortHttp { id } => {
                assert!(self.in_flight.remove(id), "{id:?} is aborted, and is not in flight");
                Taken::Unanswered
            }
            Action::TokenChanged { token_details } => {
                self.token_changes.push(token_details.clone());
                self.known_token = token_details.clone();
                Taken::Done
            }
            Action::Complete { operation, .. } => {
                assert!(self.running.remove(operation), "{operation:?} completes, and is not running");
                Taken::Unanswered
            }
            Action::Notice(notice) if notice.level == NoticeLevel::Debug => Taken::Done,
            Action::UpgradeConnection { .. }
            | Action::OpenConnection {}
            | Action::HaltConnection {}
            | Action::DropConnection { .. }
            | Action::FailConnection { .. } => panic!("a session keeps it to itself: {action:?}"),
            _ => Taken::Unanswered,
        }
    }

    #[track_caller]
    fn take_connection_action(&mut self, action: &ConnectionAction) {
        match action {
            ConnectionAction::OpenSocket { id, url } => {
                assert_eq!(self.socket, SocketStage::None, "one socket at a time");
                assert!(self.sockets.iter().all(|other| other.id != *id), "{id:?} is used twice");
                self.socket = SocketStage::Opening(*id);
                self.sockets.push(Socket { id: *id, url: url.expose().to_owned() });
            }
            ConnectionAction::SendFrame { id, .. } => {
                assert_eq!(self.socket, SocketStage::Open(*id), "a frame goes over the socket that is open");
            }
            ConnectionAction::CloseSocket { id } => {
                assert!(
                    self.socket == SocketStage::Opening(*id) || self.socket == SocketStage::Open(*id),
                    "{id:?} is closed, and there is {:?}",
                    self.socket
                );
                self.socket = SocketStage::None;
            }
            ConnectionAction::ConnectionStateChange(change) => self.take_change(change),
            ConnectionAction::SendHttp { .. }
            | ConnectionAction::AbortHttp { .. }
            | ConnectionAction::CredentialsNeeded { .. }
            | ConnectionAction::ReauthRequested {} => panic!("a session keeps it to itself: {action:?}"),
            _ => {}
        }
    }

    #[track_caller]
    fn take_change(&mut self, change: &ConnectionStateChange) {
        let before = self.changes.last().map_or(ConnectionState::Initialized, |change| change.current);
        assert_eq!(change.previous, before, "changes follow each other");
        let is_away = matches!(change.current, ConnectionState::Disconnected | ConnectionState::Suspended);
        assert_eq!(change.retry_in.is_some(), is_away, "it says when it tries again (TA2): {change:?}");
        self.changes.push(change.clone());
    }

    #[track_caller]
    fn check(&self) {
        let mut woken = self.session.clone();
        woken.handle_timeout(self.now);
        assert_eq!(woken.poll_action(), None, "it hid until the next timeout");
        if let Some((at, kind)) = woken.poll_timeout() {
            assert!(at > self.now.mono, "the deadline {kind:?} at {at} is not later than now, {}", self.now.mono);
        }
        assert_eq!(
            self.known_token.as_ref(),
            self.session.auth().token_details(),
            "TokenChanged disagrees with the view"
        );
        let Some(change) = self.changes.last() else { return };
        assert_eq!(change.current, self.state(), "the last change disagrees with the view");
        match change.current {
            ConnectionState::Disconnected | ConnectionState::Suspended | ConnectionState::Failed => {
                assert_eq!(change.reason.as_ref(), self.error_reason(), "the reason disagrees with errorReason");
            }
            ConnectionState::Closing | ConnectionState::Closed => assert_eq!(self.connection_id(), None),
            _ => {}
        }
        let uses_socket = matches!(
            change.current,
            ConnectionState::Connecting | ConnectionState::Connected | ConnectionState::Closing
        );
        assert!(uses_socket || self.socket == SocketStage::None, "there is no socket in {:?}", change.current);
    }
}

/// What has become of an action.
enum Taken {
    Done,
    Answered(Event),
    Unanswered,
}

impl From<Option<Event>> for Taken {
    fn from(answer: Option<Event>) -> Self {
        answer.map_or(Taken::Unanswered, Taken::Answered)
    }
}

/// The form that other languages see: an object of one member, the action's name.
#[track_caller]
fn assert_is_one_member(action: &SessionAction) {
    let form = serde_json::to_value(action).expect("an action has a JSON form");
    assert_eq!(form.as_object().map(serde_json::Map::len), Some(1), "{form}");
    assert!(!matches!(form, Value::Null));
}

impl Drop for Client {
    /// Everything has been expected, and has ended.
    fn drop(&mut self) {
        if std::thread::panicking() {
            return;
        }
        self.expect_silence();
        assert!(self.running.is_empty(), "they never completed: {:?}", self.running);
        assert!(self.in_flight.is_empty(), "neither answered nor aborted: {:?}", self.in_flight);
    }
}
