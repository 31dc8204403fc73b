//! What must hold after every input, whatever the inputs were.

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;
use core::hash::Hash;

use super::palette::{CANARY, Mint, Purpose, SOURCE_NONCE};
use super::pending::{Kind, Pending};
use crate::http::HttpRequest;
use crate::session::Command;
use crate::testkit::model::{Invariant, Secrets, Violation, body_member, ensure};
use crate::trace::Input;
use crate::wire::{Error, Secret};
use crate::{Action, AuthMachine, Event, Now, OperationId, SessionEvent};

/// Everything secret in the palette.
pub(super) fn secrets() -> Secrets {
    let mut secrets = Secrets::default();
    secrets.know(CANARY);
    secrets
}

/// One input and what came of it.
pub(super) struct Step<'a> {
    pub(super) input: &'a Input,
    /// The operation, if it is a command.
    pub(super) started: Option<OperationId>,
    pub(super) actions: &'a [Action],
    pub(super) before: &'a AuthMachine,
    pub(super) after: &'a AuthMachine,
    pub(super) pending_before: Pending,
    pub(super) pending: &'a Pending,
    pub(super) now: Now,
}

/// What is remembered from step to step.
#[derive(Clone, Default)]
pub(super) struct Watch {
    /// The number of the newest token that was ever in use.
    newest: u64,
    /// What the requests under way have had.
    requests: BTreeMap<OperationId, Request>,
    secrets: Secrets,
}

/// What a request has had so far.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
struct Request {
    /// How often a token was asked for on its behalf.
    asked: usize,
    /// The authorization that it was sent with last, and how often that was another.
    authorization: String,
    authorizations: usize,
    sent: usize,
}

/// An input causes at most so many actions, and so many more for each operation under way.
const ACTIONS: usize = 8;
const ACTIONS_PER_OPERATION: usize = 4;
/// One if there is none in hand, one if that is rejected.
const ASKS_PER_REQUEST: usize = 2;
/// With the token it finds, the one that another request has got meanwhile, and the one of its own renewal.
const TOKENS_PER_REQUEST: usize = 3;
/// The primary host and three fallbacks.
const HOSTS: usize = 4;

impl Watch {
    pub(super) fn new(machine: &AuthMachine) -> Self {
        let newest = machine.token_details().map_or(0, |details| Mint::number_of(&details.token));
        Watch { newest, requests: BTreeMap::new(), secrets: secrets() }
    }

    /// What decides over what it will have to say. What is secret in a machine has come by on every way to it.
    pub(super) fn what_matters(&self) -> impl PartialEq + Hash + use<'_> {
        (Mint::nth_token(self.newest), &self.requests)
    }

    /// What concerns an input.
    pub(super) fn check_step(&mut self, step: &Step<'_>) -> Result<(), Violation> {
        one_acquisition_at_most(step.pending)?;
        later_timeout(step)?;
        self.tokens_only_advance(step)?;
        bounded_actions(step)?;
        self.bounded_renewals(step)?;
        valid_token_stays(step)?;
        step.actions.iter().for_each(|action| self.secrets.learn_from(action));
        self.secrets.check_shown(&format!("{:?}", step.input))?;
        step.actions.iter().try_for_each(|action| self.secrets.check_action(action))
    }

    /// What concerns the state that a machine is in since it was told something.
    pub(super) fn check_state(&self, machine: &AuthMachine, told: Now) -> Result<(), Violation> {
        nothing_hides(machine, told)?;
        self.secrets.check_shown(&format!("{machine:?} {}", machine.explain()))
    }

    /// What is announced is what the views show, and no token comes back once a newer one was in use.
    fn tokens_only_advance(&mut self, step: &Step<'_>) -> Result<(), Violation> {
        let mut announced = step.before.token_details();
        for action in step.actions {
            if let Action::TokenChanged { token_details } = action {
                announced = token_details.as_ref();
                let Some(details) = token_details else { continue };
                let number = Mint::number_of(&details.token);
                let newest = self.newest;
                ensure(number >= newest, Invariant::TokensAdvance, || {
                    format!("token {number} is in use again after token {newest}")
                })?;
                self.newest = number;
            }
        }
        let token = step.after.token_details();
        ensure(announced == token, Invariant::TokensAdvance, || {
            format!("announced is {announced:?}, in use is {token:?}")
        })
    }

    /// Tokens are asked for as often as there is reason to, and a request is sent with three at most.
    fn bounded_renewals(&mut self, step: &Step<'_>) -> Result<(), Violation> {
        let requester = requester(step);
        let had = requester.map_or(0, |id| self.requests.get(&id).map_or(0, |request| request.asked));
        let reasons = reasons(step, ASKS_PER_REQUEST.saturating_sub(had));
        // In quarters: a request that the machine signed may be signed anew for each host.
        let quarters: usize = step.actions.iter().map(quarters).sum();
        ensure(quarters <= 4 * reasons, Invariant::BoundedRenewals, || {
            format!("tokens were asked for {} times with {reasons} reasons to", quarters.div_ceil(4))
        })?;
        if let Some(id) = requester.filter(|_| quarters > 0) {
            self.requests.entry(id).or_default().asked += 1;
        }
        for action in step.actions {
            if let Action::SendHttp { request, operation: Some(id), .. } = action {
                if Purpose::of(request) == Purpose::Rest {
                    self.requests.entry(*id).or_default().on_sent(request)?;
                }
            }
        }
        self.requests.retain(|id, _| step.pending.operations.contains_key(id));
        Ok(())
    }
}

impl Request {
    fn on_sent(&mut self, request: &HttpRequest) -> Result<(), Violation> {
        let authorization = request.headers.find("authorization").unwrap_or_default();
        if self.sent == 0 || self.authorization != authorization {
            self.authorization = authorization.into();
            self.authorizations += 1;
        }
        self.sent += 1;
        let Request { authorizations, sent, .. } = self;
        ensure(*authorizations <= TOKENS_PER_REQUEST, Invariant::BoundedRenewals, || {
            format!("{authorizations} tokens for one request")
        })?;
        ensure(*sent <= TOKENS_PER_REQUEST * HOSTS, Invariant::BoundedRenewals, || {
            format!("one request was sent {sent} times")
        })
    }
}

fn quarters(action: &Action) -> usize {
    match action {
        Action::InvokeCallback { .. } => 4,
        Action::SendHttp { request, .. } => match Purpose::of(request) {
            Purpose::AuthUrl => 4,
            Purpose::Exchange if is_signed_by_us(request) => 1,
            _ => 0,
        },
        _ => 0,
    }
}

/// The request that an input concerns: it is started, or gets its answer.
fn requester(step: &Step<'_>) -> Option<OperationId> {
    match step.input {
        Input::Command(Command::Request(_)) => step.started,
        _ => {
            let (request, operation) = answered(step)?;
            operation.filter(|_| Purpose::of(request) == Purpose::Rest)
        }
    }
}

/// The request that an input answers, and the operation that it is for.
fn answered<'a>(step: &'a Step<'_>) -> Option<(&'a HttpRequest, Option<OperationId>)> {
    let id = match auth_event(step.input)? {
        Event::HttpResponse { id, .. } | Event::HttpFailed { id, .. } => id,
        _ => return None,
    };
    step.pending_before.http.get(id).map(|(request, operation)| (request, *operation))
}

fn auth_event(input: &Input) -> Option<&Event> {
    match input {
        Input::Event(SessionEvent::Auth(event)) => Some(event),
        _ => None,
    }
}

/// Each `request_token` has one source of its own; all others share one.
fn one_acquisition_at_most(pending: &Pending) -> Result<(), Violation> {
    let requests = pending.http.values().filter(|(request, _)| Purpose::of(request).is_source()).count();
    let (sources, own) = (requests + pending.callbacks.len(), pending.count(Kind::RequestToken));
    ensure(sources <= own + 1, Invariant::OneAcquisition, || {
        format!("{sources} sources are asked, {own} of them by request_token at most")
    })
}

/// What was due is done, and what is pending has a deadline.
fn later_timeout(step: &Step<'_>) -> Result<(), Violation> {
    let timeout = step.after.poll_timeout();
    if matches!(step.input, Input::Timeout) {
        ensure(timeout.is_none_or(|(at, _)| at > step.now.mono), Invariant::LaterDeadline, || {
            format!("{timeout:?} is due at {:?}", step.now)
        })?;
    }
    let waits = !step.pending.http.is_empty() || !step.pending.callbacks.is_empty();
    ensure(!waits || timeout.is_some(), Invariant::LaterDeadline, || "something is pending without any deadline".into())
}

/// With nothing due, `handle_timeout` finds nothing to do. The time is that of the last input.
fn nothing_hides(machine: &AuthMachine, told: Now) -> Result<(), Violation> {
    if machine.poll_timeout().is_some_and(|(at, _)| at <= told.mono) {
        return Ok(());
    }
    let mut probe = machine.clone();
    probe.handle_timeout(told);
    let hidden = probe.poll_action();
    ensure(hidden.is_none(), Invariant::NothingHides, || format!("only handle_timeout brought out {hidden:?}"))?;
    ensure(probe == *machine, Invariant::NothingHides, || {
        "handle_timeout changed something though nothing was due".into()
    })
}

/// No input causes a flood.
fn bounded_actions(step: &Step<'_>) -> Result<(), Violation> {
    let operations = step.pending_before.operations.len() + 1;
    let (count, limit) = (step.actions.len(), ACTIONS + ACTIONS_PER_OPERATION * operations);
    ensure(count <= limit, Invariant::BoundedRenewals, || {
        format!("{count} actions with {operations} operations under way")
    })
}

/// A token that has not expired goes only where it was rejected or replaced.
fn valid_token_stays(step: &Step<'_>) -> Result<(), Violation> {
    let (Some(before), None) = (step.before.token_details(), step.after.token_details()) else { return Ok(()) };
    let cannot_have_expired = before.expires.is_none_or(|expires| expires > step.now.unix_ms.saturating_add(YEAR_MS));
    ensure(!cannot_have_expired || may_drop(step, &before.token), Invariant::ValidTokenStays, || {
        format!("a token that is still valid is gone after {:?}", step.input)
    })
}

const YEAR_MS: i64 = 365 * 86_400_000;

fn may_drop(step: &Step<'_>, token: &Secret) -> bool {
    if let Input::Command(Command::Authorize(_, options)) = step.input {
        return options
            .as_ref()
            .is_some_and(|options| options.use_token_auth == Some(false) || options.token.is_some());
    }
    match auth_event(step.input) {
        Some(Event::TokenExpired {}) => true,
        Some(Event::TokenRejected { token: rejected, .. }) => rejected == token,
        Some(Event::Connection(event)) => event.reason.as_ref().is_some_and(Error::is_token_error),
        Some(Event::HttpResponse { response, .. }) => {
            let sent_with = answered(step).and_then(|(request, _)| request.headers.find("authorization"));
            let bearer = sent_with.and_then(|header| header.strip_prefix("Bearer "));
            response.status == 401 && bearer == Some(token.expose())
        }
        _ => false,
    }
}

/// How many tokens an input gives reason to get, at most, where a request may still have so many.
fn reasons(step: &Step<'_>, left: usize) -> usize {
    match step.input {
        Input::Command(Command::Request(_)) => left.min(1),
        Input::Command(Command::Authorize(..) | Command::RequestToken(..) | Command::Credentials) => 1,
        // Signed anew for the next host.
        Input::Timeout => step.pending_before.requests(Purpose::Exchange),
        input => match auth_event(input) {
            Some(Event::HttpResponse { response, .. }) => match answered(step).map(|(request, _)| Purpose::of(request))
            {
                Some(Purpose::Rest) if response.status == 401 => {
                    // A connection goes on with the next one.
                    left.min(1).max(usize::from(step.pending_before.connection.is_some()))
                }
                // Whoever waited for the time signs now. A signed request is signed anew for the next host, or its source
                // is asked once more, where it was used before.
                Some(Purpose::Time | Purpose::Exchange) => 1,
                _ => 0,
            },
            Some(Event::HttpFailed { .. }) => {
                usize::from(answered(step).is_some_and(|(request, _)| Purpose::of(request) == Purpose::Exchange))
            }
            Some(
                Event::TokenExpired {} | Event::TokenRejected { .. } | Event::Connection(_) | Event::ReauthRequested {},
            ) => 1,
            _ => 0,
        },
    }
}

fn is_signed_by_us(request: &HttpRequest) -> bool {
    let nonce = body_member(request, "nonce");
    nonce.is_some_and(|nonce| !nonce.starts_with(SOURCE_NONCE))
}
