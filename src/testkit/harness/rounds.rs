//! What happens after every input: the actions are taken in, answered by handlers, and checked.

use alloc::collections::VecDeque;
use alloc::format;
use alloc::string::String;

use super::history::Entry;
use super::{Callback, Harness, Http, Socket, Subject};
use crate::connection::{ConnectionAction, ConnectionInput, ConnectionStateChange};
use crate::{
    Action, ConnectionMachine, ConnectionState, Event, HttpId, NoticeLevel, SessionAction, SessionEvent, SocketId,
};

/// More inputs than any flow of a test needs: past it the machine goes in circles.
const MOST_ANSWERS: usize = 10_000;

/// What there is between a session and the service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SocketStage {
    None,
    Opening(SocketId),
    Open(SocketId),
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

impl<M: Subject> Harness<M> {
    /// Takes in what there is to do, answers what handlers are there for, and checks, until all is quiet.
    #[track_caller]
    pub(super) fn settle(&mut self) {
        let mut answers = VecDeque::new();
        for _ in 0..MOST_ANSWERS {
            self.drain(&mut answers);
            if self.subject.poll_timeout().is_some_and(|(at, _)| at <= self.now().mono) {
                self.record(Entry::Input("timeout"));
                self.subject.handle_timeout(self.clock.now());
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
        self.give_up(format_args!("it does not come to rest after {MOST_ANSWERS} answers"));
    }

    pub(super) fn record(&mut self, entry: Entry) {
        self.history.record(self.clock.now(), entry);
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
            SessionEvent::Connection(ConnectionInput::SocketClosed { id, .. }) if self.has_socket(*id) => {
                self.socket = SocketStage::None;
            }
            _ => {}
        }
        self.record(Entry::Event(event.clone()));
        self.subject.handle_event(event, self.clock.now());
    }

    fn has_socket(&self, id: SocketId) -> bool {
        [SocketStage::Opening(id), SocketStage::Open(id)].contains(&self.socket)
    }

    #[track_caller]
    fn drain(&mut self, answers: &mut VecDeque<Event>) {
        while let Some(action) = self.subject.poll_action() {
            self.record(Entry::Action(action.clone()));
            self.ensure(is_one_member(&action), || "the JSON form of an action has one member, its name".into());
            let taken = match &action {
                SessionAction::Auth(action) => self.take_auth_action(action),
                SessionAction::Connection(action) => {
                    self.take_connection_action(action);
                    Taken::Unanswered
                }
            };
            match taken {
                Taken::Done => {}
                Taken::Answered(event) => answers.push_back(event),
                Taken::Unanswered => self.queue.push_back(action),
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
                self.ensure(self.requests.iter().all(|other| other.id != *id), || format!("{id:?} is used twice"));
                self.ensure(http.header("host").is_none(), || {
                    "the HTTP client derives the header Host (RSC15j)".into()
                });
                self.in_flight.insert(*id);
                self.requests.push(http.clone());
                self.http_handler.as_mut().and_then(|handler| handler(&http).to(&http)).into()
            }
            Action::InvokeCallback { id, callback, token_params } => {
                let callback = Callback { id: *id, name: callback.clone(), params: token_params.clone() };
                self.ensure(self.callbacks.iter().all(|other| other.id != *id), || format!("{id:?} is used twice"));
                self.callbacks.push(callback.clone());
                self.callback_handler.as_mut().and_then(|handler| handler(&callback).to(&callback)).into()
            }
            Action::AbortHttp { id } => self.take_abort(*id),
            Action::TokenChanged { token_details } => {
                self.token_changes.push(token_details.clone());
                self.known_token.clone_from(token_details);
                Taken::Done
            }
            Action::Complete { operation, .. } => {
                let was_running = self.running.remove(operation);
                self.ensure(was_running, || format!("{operation:?} completes, and is not running"));
                Taken::Unanswered
            }
            Action::Notice(notice) if notice.level == NoticeLevel::Debug => Taken::Done,
            Action::UpgradeConnection { .. }
            | Action::OpenConnection {}
            | Action::HaltConnection {}
            | Action::DropConnection { .. }
            | Action::FailConnection { .. } => {
                self.ensure(self.subject.connection().is_none(), || "a session keeps it to itself".into());
                Taken::Unanswered
            }
            Action::Notice(_) => Taken::Unanswered,
        }
    }

    #[track_caller]
    fn take_abort(&mut self, id: HttpId) -> Taken {
        let was_in_flight = self.in_flight.remove(&id);
        self.ensure(was_in_flight, || format!("{id:?} is aborted, and is not in flight"));
        Taken::Unanswered
    }

    #[track_caller]
    fn take_connection_action(&mut self, action: &ConnectionAction) {
        match action {
            ConnectionAction::OpenSocket { id, url } => {
                self.ensure(self.socket == SocketStage::None, || "one socket at a time".into());
                self.ensure(self.sockets.iter().all(|other| other.id != *id), || format!("{id:?} is used twice"));
                self.socket = SocketStage::Opening(*id);
                self.sockets.push(Socket { id: *id, url: url.expose().into() });
            }
            ConnectionAction::SendFrame { id, .. } => {
                let is_open = self.socket == SocketStage::Open(*id);
                self.ensure(is_open, || format!("a frame goes over {id:?}, and there is {:?}", self.socket));
            }
            ConnectionAction::CloseSocket { id } => {
                let is_there = self.has_socket(*id);
                self.ensure(is_there, || format!("{id:?} is closed, and there is {:?}", self.socket));
                self.socket = SocketStage::None;
            }
            ConnectionAction::ConnectionStateChange(change) => self.take_change(change),
            ConnectionAction::SendHttp { .. }
            | ConnectionAction::AbortHttp { .. }
            | ConnectionAction::CredentialsNeeded { .. }
            | ConnectionAction::ReauthRequested {} => self.give_up("a session keeps it to itself"),
            ConnectionAction::FrameReceived { .. } | ConnectionAction::Notice(_) => {}
        }
    }

    #[track_caller]
    fn take_change(&mut self, change: &ConnectionStateChange) {
        let before = self.changes.last().map_or(ConnectionState::Initialized, |change| change.current);
        self.ensure(change.previous == before, || format!("changes follow each other, and it was {before:?}"));
        let is_away = matches!(change.current, ConnectionState::Disconnected | ConnectionState::Suspended);
        self.ensure(change.retry_in.is_some() == is_away, || "it says when it tries again (TA2)".into());
        self.changes.push(change.clone());
    }

    #[track_caller]
    fn check(&self) {
        let mut woken = self.subject.clone();
        woken.handle_timeout(self.now());
        if let Some(action) = woken.poll_action() {
            self.give_up(format_args!("it hid until the next timeout: {action:?}"));
        }
        let deadline = woken.poll_timeout();
        self.ensure(deadline.is_none_or(|(at, _)| at > self.now().mono), || {
            format!("the deadline {deadline:?} is not later than now, {}", self.now().mono)
        });
        let agrees = self.known_token.as_ref() == self.token_details();
        self.ensure(agrees, || "TokenChanged disagrees with the view".into());
        if let Some(connection) = self.subject.connection() {
            self.check_connection(connection);
        }
    }

    #[track_caller]
    fn check_connection(&self, connection: &ConnectionMachine) {
        let Some(change) = self.changes.last() else { return };
        self.ensure(change.current == connection.state(), || "the last change disagrees with the view".into());
        match change.current {
            ConnectionState::Disconnected | ConnectionState::Suspended | ConnectionState::Failed => {
                let agrees = change.reason.as_ref() == connection.error_reason();
                self.ensure(agrees, || "the reason disagrees with errorReason".into());
            }
            ConnectionState::Closing | ConnectionState::Closed => {
                self.ensure(connection.id().is_none(), || "it has an id, and is closed".into());
            }
            _ => {}
        }
        let uses_socket = matches!(
            change.current,
            ConnectionState::Connecting | ConnectionState::Connected | ConnectionState::Closing
        );
        self.ensure(uses_socket || self.socket == SocketStage::None, || "a socket is left".into());
    }

    #[track_caller]
    fn ensure(&self, holds: bool, what: impl FnOnce() -> String) {
        if !holds {
            self.give_up(what());
        }
    }
}

/// The form that other languages see.
fn is_one_member(action: &SessionAction) -> bool {
    let form = serde_json::to_value(action);
    form.is_ok_and(|form| form.as_object().is_some_and(|members| members.len() == 1))
}
