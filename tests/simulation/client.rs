//! One client: a session, the clocks of its machine, and everything that must hold whatever happens.

use std::collections::{BTreeMap, BTreeSet};

use ably_auth::connection::{ConnectionAction, ConnectionEventKind};
use ably_auth::options::ClientOptions;
use ably_auth::session::Command;
use ably_auth::trace::{Input, Line, New};
use ably_auth::{Action, ConnectionState, HttpId, Now, OperationId, Session, SessionAction, SocketId};

use crate::EPOCH;
use crate::figures::Figures;

/// So many actions one input may cause, and as many again for every operation under way, which it may end.
const MAX_ACTIONS: usize = 24;

/// A rule that does not hold.
#[derive(Debug)]
pub(crate) struct Broken(pub(crate) String);

pub(crate) fn broken<T>(what: impl Into<String>) -> Result<T, Broken> {
    Err(Broken(what.into()))
}

/// What the application wants of its connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wish {
    Connected,
    Closed,
    /// An `authorize` under way connects again if it succeeds, and does not if it fails.
    Either,
}

/// What is wrong with a client on purpose, to see that it is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sabotage {
    None,
    ForgetsTimeouts,
    DropsRequests,
    DropsCallbacks,
    DropsFrames,
    DropsClosing,
    LosesCompletions,
}

pub(crate) struct Client {
    pub(crate) session: Session,
    pub(crate) wish: Wish,
    /// What is pending, by who asked for it.
    pub(crate) operations: BTreeSet<OperationId>,
    pub(crate) requests: BTreeMap<HttpId, ()>,
    pub(crate) socket: Option<SocketId>,
    pub(crate) asleep_until: Option<u64>,
    /// By how much the monotonic clock is behind: it stands while the machine sleeps, on some systems.
    pub(crate) mono_lag: u64,
    /// By how much the wall clock is wrong.
    pub(crate) wall_error: i64,
    pub(crate) wake_at: Option<u64>,
    /// The lines of input, and the actions after each: what happened, to be repeated or compared.
    pub(crate) lines: Option<Vec<String>>,
    sabotage: Sabotage,
    last_operation: u64,
    last_request: u64,
    last_callback: u64,
    last_socket: u64,
}

impl Client {
    pub(crate) fn new(
        options: ClientOptions,
        seed: [u8; 32],
        wall_error: i64,
        sabotage: Sabotage,
        recorded: bool,
    ) -> Self {
        let now = Now::new(1_000, EPOCH + wall_error);
        let line = Line { now: Some(now), input: Input::New(New { options: options.clone(), seed }) };
        let session = Session::new(options, seed, now).expect("the simulation chooses options that are accepted");
        Client {
            session,
            wish: Wish::Closed,
            operations: BTreeSet::new(),
            requests: BTreeMap::new(),
            socket: None,
            asleep_until: None,
            mono_lag: 0,
            wall_error,
            wake_at: None,
            lines: recorded.then(|| vec![line.to_json().unwrap().expose().to_owned()]),
            sabotage,
            last_operation: 0,
            last_request: 0,
            last_callback: 0,
            last_socket: 0,
        }
    }

    pub(crate) fn now(&self, time: u64) -> Now {
        Now::new(1_000 + time - self.mono_lag, EPOCH + i64::try_from(time).unwrap() + self.wall_error)
    }

    /// When the session wants to be woken, in the simulation's time.
    pub(crate) fn deadline(&self) -> Option<u64> {
        if self.sabotage == Sabotage::ForgetsTimeouts {
            return None;
        }
        self.session.poll_timeout().map(|(at, _)| at.saturating_sub(1_000) + self.mono_lag)
    }

    /// Gives the session an input, and returns what it wants done, checked.
    pub(crate) fn give(
        &mut self,
        input: Input,
        time: u64,
        figures: &mut Figures,
    ) -> Result<Vec<SessionAction>, Broken> {
        let now = self.now(time);
        figures.inputs += 1;
        if let Some(lines) = &mut self.lines {
            let line = Line { now: Some(now), input: input.clone() };
            lines.push(line.to_json().expect("only inputs that have a line are given").expose().to_owned());
        }
        let is_timeout = matches!(input, Input::Timeout);
        if let Some(operation) = self.feed(input, now) {
            if operation.as_u64() != self.last_operation + 1 {
                return broken(format!("operation {operation:?} follows operation {}", self.last_operation));
            }
            self.last_operation += 1;
            self.operations.insert(operation);
            figures.operations += 1;
        }
        let limit = MAX_ACTIONS * (1 + self.operations.len());
        let mut actions = Vec::new();
        while let Some(action) = self.session.poll_action() {
            actions.push(action);
            if actions.len() > limit {
                return broken(format!("one input causes more than {limit} actions"));
            }
        }
        if is_timeout && self.session.poll_timeout().is_some_and(|(at, _)| at <= now.mono) {
            return broken("after a timeout the next one is not later");
        }
        if let Some(lines) = &mut self.lines {
            lines.extend(actions.iter().map(|action| format!("# {}", serde_json::to_string(action).unwrap())));
        }
        if self.sabotage != Sabotage::None {
            actions.retain(|action| !self.is_dropped(action));
        }
        actions.iter().try_for_each(|action| self.check(action, figures))?;
        Ok(actions)
    }

    fn feed(&mut self, input: Input, now: Now) -> Option<OperationId> {
        let session = &mut self.session;
        match input {
            Input::Command(command) => return Some(start(session, command, now)),
            Input::Event(event) => session.handle_event(event, now),
            Input::Connect => session.connect(now),
            Input::Close => session.close(now),
            Input::Timeout => session.handle_timeout(now),
            // The connection may be down, which is the application's to know.
            Input::Send(message) => drop(session.send(message, now)),
            Input::New(_) => unreachable!("a session is made once"),
        }
        None
    }

    fn is_dropped(&self, action: &SessionAction) -> bool {
        match action {
            SessionAction::Auth(Action::SendHttp { .. }) => self.sabotage == Sabotage::DropsRequests,
            SessionAction::Auth(Action::InvokeCallback { .. }) => self.sabotage == Sabotage::DropsCallbacks,
            SessionAction::Auth(Action::Complete { .. }) => self.sabotage == Sabotage::LosesCompletions,
            SessionAction::Connection(ConnectionAction::SendFrame { .. }) => self.sabotage == Sabotage::DropsFrames,
            SessionAction::Connection(ConnectionAction::CloseSocket { .. }) => self.sabotage == Sabotage::DropsClosing,
            _ => false,
        }
    }

    fn check(&mut self, action: &SessionAction, figures: &mut Figures) -> Result<(), Broken> {
        match action {
            SessionAction::Auth(action) => self.check_auth(action, figures),
            SessionAction::Connection(action) => self.check_connection(action, figures),
        }
    }

    fn check_auth(&mut self, action: &Action, figures: &mut Figures) -> Result<(), Broken> {
        match action {
            Action::Complete { operation, outcome } => {
                if !self.operations.remove(operation) {
                    return broken(format!("{operation:?} is completed, and is not under way"));
                }
                figures.failed_operations += u64::from(outcome.is_err());
            }
            Action::SendHttp { id, .. } => {
                grows("request", &mut self.last_request, id.as_u64())?;
                self.requests.insert(*id, ());
            }
            Action::AbortHttp { id } if self.requests.remove(id).is_none() => {
                return broken(format!("{id:?} is given up, and is not under way"));
            }
            Action::InvokeCallback { id, .. } => grows("callback", &mut self.last_callback, id.as_u64())?,
            Action::TokenChanged { token_details: Some(_) } => figures.renewals += 1,
            Action::UpgradeConnection { .. }
            | Action::OpenConnection {}
            | Action::HaltConnection {}
            | Action::DropConnection { .. }
            | Action::FailConnection { .. } => return broken(format!("a session shows {action:?}")),
            _ => {}
        }
        Ok(())
    }

    fn check_connection(&mut self, action: &ConnectionAction, figures: &mut Figures) -> Result<(), Broken> {
        match action {
            ConnectionAction::OpenSocket { id, .. } => {
                grows("socket", &mut self.last_socket, id.as_u64())?;
                if let Some(other) = self.socket.replace(*id) {
                    return broken(format!("{id:?} is opened beside {other:?}"));
                }
            }
            ConnectionAction::SendFrame { id, .. } if self.socket != Some(*id) => {
                return broken(format!("a frame is sent over {id:?}, and {:?} is there", self.socket));
            }
            ConnectionAction::CloseSocket { id } if self.socket.take_if(|socket| socket == id).is_none() => {
                return broken(format!("{id:?} is closed, and {:?} is there", self.socket));
            }
            ConnectionAction::ConnectionStateChange(change) => match change.event {
                ConnectionEventKind::State(ConnectionState::Connected) => figures.connections += 1,
                ConnectionEventKind::State(ConnectionState::Failed) => figures.failures += 1,
                _ => {}
            },
            _ => {}
        }
        Ok(())
    }
}

fn grows(what: &str, last: &mut u64, id: u64) -> Result<(), Broken> {
    if id <= *last {
        return broken(format!("{what} {id} comes after {what} {last}"));
    }
    *last = id;
    Ok(())
}

fn start(session: &mut Session, command: Command, now: Now) -> OperationId {
    match command {
        Command::Authorize(params, options) => session.authorize(params, options, now),
        Command::RequestToken(params, options) => session.request_token(params, options, now),
        Command::CreateTokenRequest(params, options) => session.create_token_request(params, options, now),
        Command::RevokeTokens(revocation) => session.revoke_tokens(revocation, now),
        Command::Request(request) => session.request(request, now),
        Command::Credentials => session.credentials(now),
        Command::Time => session.time(now),
        Command::Cancel(operation) => session.cancel(operation, now),
        Command::Refused { error, .. } => session.refuse(error, now),
    }
}
