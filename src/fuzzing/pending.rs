//! What the machine has asked its environment for and is still owed, and what it still owes.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::format;

use super::invariants::{Broken, broken};
use super::palette;
use super::world::Input;
use crate::http::{HttpFailure, HttpFailureKind, HttpRequest};
use crate::{Action, AuthMachine, CallbackId, Event, HttpId, OperationId};

/// Everything under way, by id.
#[derive(Clone, Debug, Default)]
pub(super) struct Pending {
    pub(super) http: BTreeMap<HttpId, HttpRequest>,
    /// Calls that the machine still waits for; it does not say when it gives one up.
    pub(super) callbacks: BTreeSet<CallbackId>,
    pub(super) operations: BTreeMap<OperationId, Kind>,
    /// Whether the machine waits for the connection to come about, or to accept a token.
    pub(super) connection_wanted: bool,
    pub(super) http_ids: u64,
    pub(super) callback_ids: u64,
    operation_ids: u64,
}

/// What an operation was started as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Authorize,
    RequestToken,
    CreateTokenRequest,
    RevokeTokens,
    Request,
    Credentials,
    Time,
    Cancel,
}

impl Pending {
    pub(super) fn nth_http(&self, nth: u8) -> Option<(HttpId, HttpRequest)> {
        let index = usize::from(nth).checked_rem(self.http.len())?;
        self.http.iter().nth(index).map(|(id, request)| (*id, request.clone()))
    }

    pub(super) fn nth_callback(&self, nth: u8) -> Option<CallbackId> {
        let index = usize::from(nth).checked_rem(self.callbacks.len())?;
        self.callbacks.iter().nth(index).copied()
    }

    /// How many commands there have been.
    pub(super) fn commands(&self) -> u64 {
        self.operation_ids
    }

    pub(super) fn is_over(&self) -> bool {
        self.http.is_empty() && self.callbacks.is_empty() && self.operations.is_empty()
    }

    pub(super) fn count(&self, kind: Kind) -> usize {
        self.operations.values().filter(|other| **other == kind).count()
    }

    pub(super) fn on_input(&mut self, input: &Input, operation: Option<OperationId>) -> Result<(), Broken> {
        let kind = match input {
            Input::Authorize(..) => Kind::Authorize,
            Input::RequestToken(..) => Kind::RequestToken,
            Input::CreateTokenRequest(..) => Kind::CreateTokenRequest,
            Input::RevokeTokens(_) => Kind::RevokeTokens,
            Input::Request(_) => Kind::Request,
            Input::Credentials => Kind::Credentials,
            Input::Time => Kind::Time,
            Input::Cancel(_) => Kind::Cancel,
            Input::Event(event) => {
                match event {
                    Event::HttpResponse { id, .. } | Event::HttpFailed { id, .. } => drop(self.http.remove(id)),
                    Event::CallbackResult { id, .. } | Event::CallbackFailed { id, .. } => {
                        self.callbacks.remove(id);
                    }
                    Event::Connection(_) => self.connection_wanted = false,
                    _ => {}
                }
                return Ok(());
            }
            Input::Timeout => return Ok(()),
        };
        self.operation_ids += 1;
        let id = OperationId::from(self.operation_ids);
        if operation != Some(id) {
            return broken(1, format!("operation {id:?} is called {operation:?}"));
        }
        self.operations.insert(id, kind);
        Ok(())
    }

    pub(super) fn on_action(&mut self, action: &Action) -> Result<(), Broken> {
        match action {
            Action::SendHttp { id, request, .. } => {
                self.http_ids += 1;
                if *id != HttpId::from(self.http_ids) {
                    return broken(7, format!("HTTP attempt {} is called {id:?}", self.http_ids));
                }
                self.http.insert(*id, request.clone());
            }
            Action::AbortHttp { id } => {
                if self.http.remove(id).is_none() {
                    return broken(10, format!("{id:?} is aborted and was not under way"));
                }
            }
            Action::InvokeCallback { id, .. } => {
                self.callback_ids += 1;
                if *id != CallbackId::from(self.callback_ids) {
                    return broken(7, format!("callback {} is called {id:?}", self.callback_ids));
                }
                self.callbacks.insert(*id);
            }
            Action::OpenConnection {} | Action::UpgradeConnection { .. } => self.connection_wanted = true,
            Action::HaltConnection {} | Action::DropConnection { .. } | Action::FailConnection { .. } => {
                self.connection_wanted = false;
            }
            Action::Complete { operation, .. } => {
                if self.operations.remove(operation).is_none() {
                    return broken(1, format!("{operation:?} is completed and was not under way"));
                }
            }
            Action::TokenChanged { .. } | Action::Notice(_) => {}
        }
        Ok(())
    }

    /// Drops the callbacks that the machine no longer waits for; it says so of HTTP attempts only.
    pub(super) fn forget_unheard(&mut self, machine: &AuthMachine) -> Result<(), Broken> {
        let error = palette::error(super::ops::Reason::NoCode);
        let is_heard = |event: Event| {
            let mut probe = machine.clone();
            // A time long past, so that nothing becomes due by it.
            probe.handle_event(event, crate::Now::default());
            probe.ignored() == machine.ignored()
        };
        self.callbacks.retain(|id| is_heard(Event::CallbackFailed { id: *id, error: error.clone() }));
        let failure = HttpFailure::new(HttpFailureKind::Other);
        match self.http.keys().find(|id| !is_heard(Event::HttpFailed { id: **id, failure: failure.clone() })) {
            Some(id) => broken(10, format!("nobody waits for {id:?}, and it was not aborted")),
            None => Ok(()),
        }
    }
}
