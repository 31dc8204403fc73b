//! What the machine has asked its environment for and is still owed, and what it still owes.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::format;
use core::hash::Hash;

use super::palette::{self, Purpose};
use crate::http::{HttpFailure, HttpFailureKind, HttpRequest};
use crate::session::Command;
use crate::testkit::model::{Invariant, Violation, broken, ensure};
use crate::testkit::session::Reason;
use crate::trace::Input;
use crate::{Action, AuthMachine, CallbackId, ConnectionState, Event, HttpId, OperationId, SessionEvent};

/// Everything under way, by id.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Pending {
    /// With the operation they are for, if it is one alone.
    pub(super) http: BTreeMap<HttpId, (HttpRequest, Option<OperationId>)>,
    /// Calls that the machine still waits for; it does not say when it gives one up.
    pub(super) callbacks: BTreeSet<CallbackId>,
    pub(super) operations: BTreeMap<OperationId, Kind>,
    /// What the environment last said of its connection; none before it has one.
    pub(super) connection: Option<ConnectionState>,
    /// Whether the machine waits for the connection to come about, or to accept a token.
    pub(super) connection_wanted: bool,
    /// How many ids of each kind there have been.
    http_ids: u64,
    callback_ids: u64,
    operation_ids: u64,
}

/// What an operation was started as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Kind {
    Authorize,
    RequestToken,
    CreateTokenRequest,
    RevokeTokens,
    Request,
    Credentials,
    Time,
    Cancel,
    Refused,
}

/// What there is.
impl Pending {
    /// What decides over what can happen from now on: whether there is something past that may answer, not how much.
    pub(super) fn what_matters(&self) -> impl PartialEq + Hash + use<'_> {
        let Pending { http, callbacks, operations, connection, connection_wanted, .. } = self;
        let past = [self.has_past_http(), self.has_past_callback()];
        (http, callbacks, operations, connection, connection_wanted, past)
    }

    pub(super) fn nth_http(&self, nth: u8) -> Option<(HttpId, HttpRequest)> {
        let index = usize::from(nth).checked_rem(self.http.len())?;
        self.http.iter().nth(index).map(|(id, (request, _))| (*id, request.clone()))
    }

    pub(super) fn nth_callback(&self, nth: u8) -> Option<CallbackId> {
        let index = usize::from(nth).checked_rem(self.callbacks.len())?;
        self.callbacks.iter().nth(index).copied()
    }

    /// Of those under way; then the last one that is over, and one that never was.
    pub(super) fn nth_operation(&self, nth: u8) -> OperationId {
        let running = self.operations.keys().copied();
        let is_over = |id: &OperationId| !self.operations.contains_key(id);
        let over = (1..=self.operation_ids).rev().map(OperationId::from).find(is_over);
        let candidates = running.chain(over).chain([OperationId::from(self.operation_ids + 1)]);
        let count = candidates.clone().count();
        candidates.clone().nth(usize::from(nth) % count).unwrap_or_else(|| OperationId::from(0))
    }

    /// Of those that nobody waits for, back from one that never was.
    pub(super) fn nth_stray_http(&self, nth: u8) -> HttpId {
        nth_stray(nth, self.http_ids, |id| self.http.contains_key(&id))
    }

    /// As [`Self::nth_stray_http`].
    pub(super) fn nth_stray_callback(&self, nth: u8) -> CallbackId {
        nth_stray(nth, self.callback_ids, |id| self.callbacks.contains(&id))
    }

    /// Whether a request is over.
    pub(super) fn has_past_http(&self) -> bool {
        self.http_ids > self.http.len() as u64
    }

    /// Whether a callback is over, or has been given up.
    pub(super) fn has_past_callback(&self) -> bool {
        self.callback_ids > self.callbacks.len() as u64
    }

    pub(super) fn is_over(&self) -> bool {
        self.http.is_empty() && self.callbacks.is_empty() && self.operations.is_empty()
    }

    pub(super) fn count(&self, kind: Kind) -> usize {
        self.operations.values().filter(|other| **other == kind).count()
    }

    /// How many requests for this are under way.
    pub(super) fn requests(&self, purpose: Purpose) -> usize {
        self.http.values().filter(|(request, _)| Purpose::of(request) == purpose).count()
    }
}

fn nth_stray<Id: From<u64> + Copy>(nth: u8, last: u64, is_pending: impl Fn(Id) -> bool) -> Id {
    let strays = (0..=last + 1).rev().map(Id::from).filter(|id| !is_pending(*id));
    let count = strays.clone().count();
    strays.clone().nth(usize::from(nth) % count).unwrap_or_else(|| Id::from(0))
}

/// What it is told.
impl Pending {
    pub(super) fn on_input(&mut self, input: &Input, operation: Option<OperationId>) -> Result<(), Violation> {
        match input {
            Input::Command(command) => {
                self.operation_ids += 1;
                let id = OperationId::from(self.operation_ids);
                self.operations.insert(id, Kind::of(command));
                ensure(operation == Some(id), Invariant::CompletesOnce, || {
                    format!("operation {id:?} is called {operation:?}")
                })
            }
            Input::Event(SessionEvent::Auth(event)) => {
                match event {
                    Event::HttpResponse { id, .. } | Event::HttpFailed { id, .. } => drop(self.http.remove(id)),
                    Event::CallbackResult { id, .. } | Event::CallbackFailed { id, .. } => {
                        self.callbacks.remove(id);
                    }
                    Event::Connection(event) => {
                        self.connection = Some(event.state);
                        self.connection_wanted = false;
                    }
                    _ => {}
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }

    pub(super) fn on_action(&mut self, action: &Action) -> Result<(), Violation> {
        match action {
            Action::SendHttp { id, request, operation, .. } => {
                self.http_ids += 1;
                let next = HttpId::from(self.http_ids);
                self.http.insert(*id, (request.clone(), *operation));
                ensure(*id == next, Invariant::NothingLeft, || format!("HTTP attempt {next:?} is called {id:?}"))?;
                let is_running = operation.is_none_or(|operation| self.operations.contains_key(&operation));
                ensure(is_running, Invariant::NothingLeft, || format!("{id:?} is for {operation:?}, which has ended"))
            }
            Action::AbortHttp { id } => {
                let was_pending = self.http.remove(id).is_some();
                ensure(was_pending, Invariant::NothingLeft, || format!("{id:?} is aborted and was not under way"))
            }
            Action::InvokeCallback { id, .. } => {
                self.callback_ids += 1;
                let next = CallbackId::from(self.callback_ids);
                self.callbacks.insert(*id);
                ensure(*id == next, Invariant::NothingLeft, || format!("callback {next:?} is called {id:?}"))
            }
            Action::OpenConnection {} | Action::UpgradeConnection { .. } => {
                self.connection_wanted = true;
                Ok(())
            }
            Action::HaltConnection {} | Action::DropConnection { .. } | Action::FailConnection { .. } => {
                self.connection_wanted = false;
                Ok(())
            }
            Action::Complete { operation, .. } => {
                let was_running = self.operations.remove(operation).is_some();
                ensure(was_running, Invariant::CompletesOnce, || {
                    format!("{operation:?} is completed and was not under way")
                })
            }
            Action::TokenChanged { .. } | Action::Notice(_) => Ok(()),
        }
    }

    /// Drops the callbacks that the machine no longer waits for; it says so of HTTP attempts only.
    pub(super) fn forget_unheard(&mut self, machine: &AuthMachine) -> Result<(), Violation> {
        let error = palette::error(Reason::NoCode);
        let is_heard = |event: Event| {
            let mut probe = machine.clone();
            // A time long past, so that nothing becomes due by it.
            probe.handle_event(event, crate::Now::default());
            probe.ignored() == machine.ignored()
        };
        self.callbacks.retain(|id| is_heard(Event::CallbackFailed { id: *id, error: error.clone() }));
        let failure = HttpFailure::new(HttpFailureKind::Other);
        match self.http.keys().find(|id| !is_heard(Event::HttpFailed { id: **id, failure: failure.clone() })) {
            Some(id) => broken(Invariant::NothingLeft, format!("nobody waits for {id:?}, and it was not aborted")),
            None => Ok(()),
        }
    }
}

impl Kind {
    fn of(command: &Command) -> Self {
        match command {
            Command::Authorize(..) => Kind::Authorize,
            Command::RequestToken(..) => Kind::RequestToken,
            Command::CreateTokenRequest(..) => Kind::CreateTokenRequest,
            Command::RevokeTokens(_) => Kind::RevokeTokens,
            Command::Request(_) => Kind::Request,
            Command::Credentials => Kind::Credentials,
            Command::Time => Kind::Time,
            Command::Cancel(_) => Kind::Cancel,
            Command::Refused { .. } => Kind::Refused,
        }
    }
}
