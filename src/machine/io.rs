//! What every part of the machine works with: settings, clocks, randomness, hosts, and the way out.

use alloc::collections::{BTreeMap, VecDeque};
use alloc::string::{String, ToString};

use super::action::{Action, Outcome};
use super::clock::Clock;
use super::hosts::Hosts;
use super::settings::Settings;
use crate::base::{CallbackId, Counter, HttpId, Notice, NoticeKind, NoticeLevel, OperationId, Random};
use crate::http::HttpRequest;
use crate::wire::{Error, TokenParams};

/// Who a request or a callback belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Owner {
    /// The acquisition of the library's own token.
    Acquisition,
    /// One operation.
    Operation(OperationId),
}

/// How much of a request's body is read at most, where it is one of the service's.
pub(super) const SERVICE_BODY_LIMIT: usize = 16 * 1024 * 1024;

/// The machine's surroundings. It has no state machine of its own.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Io {
    pub(super) settings: Settings,
    pub(super) clock: Clock,
    pub(super) random: Random,
    pub(super) hosts: Hosts,
    pub(super) outbox: VecDeque<Action>,
    https: InFlight<HttpId>,
    callbacks: InFlight<CallbackId>,
}

/// What was asked for and is not answered yet.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct InFlight<Id> {
    ids: Counter,
    owners: BTreeMap<Id, Owner>,
}

impl<Id: From<u64> + Ord + Copy> InFlight<Id> {
    fn new() -> Self {
        InFlight { ids: Counter::default(), owners: BTreeMap::new() }
    }

    /// An empty map keeps its memory.
    fn shrink(&mut self) {
        if self.owners.is_empty() {
            self.owners = BTreeMap::new();
        }
    }

    fn start(&mut self, owner: Owner) -> Id {
        let id = self.ids.next();
        self.owners.insert(id, owner);
        id
    }
}

impl Io {
    pub(super) fn new(settings: Settings, clock: Clock, random: Random) -> Self {
        Io {
            settings,
            clock,
            random,
            hosts: Hosts::default(),
            outbox: VecDeque::new(),
            https: InFlight::new(),
            callbacks: InFlight::new(),
        }
    }

    /// Gives back what is not in use, save room for one action, so that `credentials` needs no allocation.
    pub(super) fn shrink(&mut self) {
        self.outbox.shrink_to(1);
        self.https.shrink();
        self.callbacks.shrink();
    }

    pub(super) fn emit(&mut self, action: Action) {
        self.outbox.push_back(action);
    }

    pub(super) fn complete(&mut self, operation: OperationId, outcome: Result<Outcome, Error>) {
        self.emit(Action::Complete { operation, outcome });
    }

    pub(super) fn notice(
        &mut self,
        level: NoticeLevel,
        kind: NoticeKind,
        spec: Option<&'static str>,
        message: impl Into<String>,
        error: Option<Error>,
    ) {
        self.emit(Action::Notice(Notice { level, kind, message: message.into(), error, spec }));
    }

    /// Sends a request to the service.
    pub(super) fn send(&mut self, owner: Owner, request: HttpRequest) -> HttpId {
        self.send_limited(owner, request, self.settings.http_request_timeout, SERVICE_BODY_LIMIT)
    }

    /// Sends any request.
    pub(super) fn send_limited(
        &mut self,
        owner: Owner,
        request: HttpRequest,
        timeout: u32,
        body_limit: usize,
    ) -> HttpId {
        let id = self.https.start(owner);
        let open_timeout = self.settings.http_open_timeout;
        let operation = match owner {
            Owner::Operation(operation) => Some(operation),
            Owner::Acquisition => None,
        };
        self.emit(Action::SendHttp { id, request, timeout, open_timeout, body_limit, operation });
        id
    }

    /// An id for a request that is not this machine's.
    pub(super) fn reserve_http_id(&mut self) -> HttpId {
        self.https.ids.next()
    }

    /// Gives up on a response; if it comes all the same it is a late one.
    pub(super) fn abort(&mut self, id: HttpId) {
        if self.https.owners.remove(&id).is_some() {
            self.emit(Action::AbortHttp { id });
        }
    }

    pub(super) fn invoke_callback(&mut self, owner: Owner, callback: &str, token_params: &TokenParams) -> CallbackId {
        let id = self.callbacks.start(owner);
        self.emit(Action::InvokeCallback { id, callback: callback.to_string(), token_params: token_params.clone() });
        id
    }

    /// Gives up on a callback; if it answers all the same it is late.
    pub(super) fn forget_callback(&mut self, id: CallbackId) {
        self.callbacks.owners.remove(&id);
    }

    /// Whose response has come. `None`: nobody waits for it, or not any more.
    pub(super) fn take_http_owner(&mut self, id: HttpId) -> Option<Owner> {
        self.https.owners.remove(&id)
    }

    /// Whose callback has answered.
    pub(super) fn take_callback_owner(&mut self, id: CallbackId) -> Option<Owner> {
        self.callbacks.owners.remove(&id)
    }
}
