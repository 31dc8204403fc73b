//! What must hold after every input, whatever the inputs were. The numbers are those of the crate's design.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::format;
use alloc::string::String;

use super::palette::{CANARY, Mint, Purpose, SOURCE_NONCE};
use super::pending::{Kind, Pending};
use super::world::{Input, drain};
use crate::http::HttpRequest;
use crate::testkit::Violation;
use crate::testkit::model::{Secrets, body_member};
use crate::wire::{Error, Secret, TokenDetails};
use crate::{Action, AuthMachine, Event, Now};

/// An invariant that does not hold.
#[derive(Clone, Debug)]
pub(super) struct Broken {
    pub(super) invariant: u8,
    pub(super) what: String,
}

impl From<Violation> for Broken {
    fn from(violation: Violation) -> Self {
        Broken { invariant: violation.invariant as u8, what: violation.what }
    }
}

/// Everything secret in the palette.
pub(super) fn secrets() -> Secrets {
    let mut secrets = Secrets::default();
    secrets.know(CANARY);
    secrets
}

pub(super) fn broken<T>(invariant: u8, what: impl Into<String>) -> Result<T, Broken> {
    Err(Broken { invariant, what: what.into() })
}

pub(super) fn ensure(holds: bool, invariant: u8, what: impl FnOnce() -> String) -> Result<(), Broken> {
    if holds { Ok(()) } else { broken(invariant, what()) }
}

/// One input and what came of it.
pub(super) struct Step<'a> {
    pub(super) input: &'a Input,
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
    /// The token last announced.
    announced: Option<TokenDetails>,
    /// The number of the newest token that was ever in use.
    newest: u64,
    /// How often something gave reason to get a token, and how often one was asked for, in quarters.
    reasons: u64,
    quarters: u64,
    /// The headers each request was sent with, by its path.
    authorizations: BTreeMap<String, BTreeSet<String>>,
    sends: BTreeMap<String, usize>,
    secrets: Secrets,
}

/// An input causes at most so many actions, and so many more for each operation under way.
const ACTIONS: usize = 8;
const ACTIONS_PER_OPERATION: usize = 4;
/// With the token it finds, the one that another request has got meanwhile, and the one of its own renewal.
const TOKENS_PER_REQUEST: usize = 3;
/// The primary host and three fallbacks.
const HOSTS: usize = 4;

impl Watch {
    pub(super) fn new(machine: &AuthMachine) -> Self {
        let announced = machine.token_details().cloned();
        let newest = announced.as_ref().map_or(0, |details| Mint::number_of(&details.token));
        Watch { announced, newest, secrets: secrets(), ..Watch::default() }
    }

    pub(super) fn check(&mut self, step: &Step<'_>) -> Result<(), Broken> {
        one_acquisition_at_most(step.pending)?;
        later_timeout(step)?;
        nothing_hides(step)?;
        self.tokens_only_advance(step)?;
        self.bounded_actions(step)?;
        self.bounded_renewals(step)?;
        valid_token_stays(step)?;
        self.no_secret_shows(step)
    }

    /// 6. What is announced is what the views show, and no token comes back once a newer one was in use.
    fn tokens_only_advance(&mut self, step: &Step<'_>) -> Result<(), Broken> {
        for action in step.actions {
            if let Action::TokenChanged { token_details } = action {
                self.announced.clone_from(token_details);
                let Some(details) = token_details else { continue };
                let number = Mint::number_of(&details.token);
                let newest = self.newest;
                ensure(number >= newest, 6, || format!("token {number} is in use again after token {newest}"))?;
                self.newest = number;
            }
        }
        let token = step.after.token_details();
        ensure(self.announced.as_ref() == token, 6, || {
            format!("announced is {:?}, in use is {token:?}", self.announced)
        })
    }

    /// 7. No input causes a flood.
    fn bounded_actions(&self, step: &Step<'_>) -> Result<(), Broken> {
        let operations = step.pending_before.operations.len() + 1;
        let (count, limit) = (step.actions.len(), ACTIONS + ACTIONS_PER_OPERATION * operations);
        ensure(count <= limit, 7, || format!("{count} actions with {operations} operations under way"))
    }

    /// 7. Tokens are asked for as often as there is reason to, and a request is sent with three at most.
    fn bounded_renewals(&mut self, step: &Step<'_>) -> Result<(), Broken> {
        self.reasons += reasons(step);
        for action in step.actions {
            match action {
                Action::InvokeCallback { .. } => self.quarters += 4,
                Action::SendHttp { request, .. } => match Purpose::of(request) {
                    Purpose::AuthUrl => self.quarters += 4,
                    // A request that the machine signed may be signed anew for each host.
                    Purpose::Exchange if is_signed_by_us(request) => self.quarters += 1,
                    Purpose::Rest => self.on_request_sent(request)?,
                    _ => {}
                },
                _ => {}
            }
        }
        let (asked, reasons) = (self.quarters / 4, self.reasons);
        ensure(self.quarters <= 4 * reasons, 7, || format!("{asked} tokens were asked for with {reasons} reasons to"))
    }

    fn on_request_sent(&mut self, request: &HttpRequest) -> Result<(), Broken> {
        let path = request.url.expose().split("/probe/").nth(1).unwrap_or_default();
        let path: String = path.chars().take_while(char::is_ascii_digit).collect();
        let headers = self.authorizations.entry(path.clone()).or_default();
        headers.insert(request.headers.find("authorization").unwrap_or_default().into());
        ensure(headers.len() <= TOKENS_PER_REQUEST, 7, || format!("{} tokens for one request", headers.len()))?;
        let sends = self.sends.entry(path).or_default();
        *sends += 1;
        ensure(*sends <= TOKENS_PER_REQUEST * HOSTS, 7, || format!("one request was sent {sends} times"))
    }

    /// 9. Neither what has happened nor the machine itself shows a secret.
    fn no_secret_shows(&mut self, step: &Step<'_>) -> Result<(), Broken> {
        step.actions.iter().for_each(|action| self.secrets.learn_from(action));
        self.secrets.check_shown(&format!("{:?} {}", step.after, step.after.explain()))?;
        self.secrets.check_shown(&format!("{:?}", step.input))?;
        step.actions.iter().try_for_each(|action| Ok(self.secrets.check_action(action)?))
    }
}

/// 2. Each `request_token` has one source of its own; all others share one.
fn one_acquisition_at_most(pending: &Pending) -> Result<(), Broken> {
    let requests = pending.http.values().filter(|request| Purpose::of(request).is_source()).count();
    let (sources, own) = (requests + pending.callbacks.len(), pending.count(Kind::RequestToken));
    ensure(sources <= own + 1, 2, || format!("{sources} sources are asked, {own} of them by request_token at most"))
}

/// 3. What was due is done, and what is pending has a deadline.
fn later_timeout(step: &Step<'_>) -> Result<(), Broken> {
    let timeout = step.after.poll_timeout();
    if matches!(step.input, Input::Timeout) {
        ensure(timeout.is_none_or(|(at, _)| at > step.now.mono), 3, || {
            format!("{timeout:?} is due at {:?}", step.now)
        })?;
    }
    let waits = !step.pending.http.is_empty() || !step.pending.callbacks.is_empty();
    ensure(!waits || timeout.is_some(), 3, || "something is pending without any deadline".into())
}

/// 4. With nothing due, `handle_timeout` finds nothing to do.
fn nothing_hides(step: &Step<'_>) -> Result<(), Broken> {
    if step.after.poll_timeout().is_some_and(|(at, _)| at <= step.now.mono) {
        return Ok(());
    }
    let mut probe = step.after.clone();
    probe.handle_timeout(step.now);
    let actions = drain(&mut probe);
    ensure(actions.is_empty(), 4, || format!("only handle_timeout brought out {actions:?}"))?;
    ensure(probe == *step.after, 4, || "handle_timeout changed something though nothing was due".into())
}

/// 8. A token that has not expired goes only where it was rejected or replaced.
fn valid_token_stays(step: &Step<'_>) -> Result<(), Broken> {
    let (Some(before), None) = (step.before.token_details(), step.after.token_details()) else { return Ok(()) };
    let cannot_have_expired = before.expires.is_none_or(|expires| expires > step.now.unix_ms.saturating_add(YEAR_MS));
    ensure(!cannot_have_expired || may_drop(step, &before.token), 8, || {
        format!("a token that is still valid is gone after {:?}", step.input)
    })
}

const YEAR_MS: i64 = 365 * 86_400_000;

fn may_drop(step: &Step<'_>, token: &Secret) -> bool {
    match step.input {
        Input::Authorize(_, options) => {
            options.as_ref().is_some_and(|options| options.use_token_auth == Some(false) || options.token.is_some())
        }
        Input::Event(Event::TokenExpired {}) => true,
        Input::Event(Event::TokenRejected { token: rejected, .. }) => rejected == token,
        Input::Event(Event::Connection(event)) => event.reason.as_ref().is_some_and(Error::is_token_error),
        Input::Event(Event::HttpResponse { id, response }) => {
            let sent_with = step.pending_before.http.get(id).and_then(|request| request.headers.find("authorization"));
            let bearer = sent_with.and_then(|header| header.strip_prefix("Bearer "));
            response.status == 401 && bearer == Some(token.expose())
        }
        _ => false,
    }
}

/// How many tokens an input gives reason to get, at most.
fn reasons(step: &Step<'_>) -> u64 {
    match step.input {
        Input::Authorize(..) | Input::RequestToken(..) | Input::Credentials => 1,
        // One if there is none in hand, one if that is rejected.
        Input::Request(_) => 2,
        Input::Event(Event::HttpResponse { id, response }) => {
            // A signed request that was used before is no good; its source is asked once more.
            let request = step.pending_before.http.get(id);
            let is_exchange = request.is_some_and(|request| Purpose::of(request) == Purpose::Exchange);
            (is_exchange && response.body().windows(5).any(|window| window == b"40105")).into()
        }
        Input::Event(
            Event::TokenExpired {} | Event::TokenRejected { .. } | Event::Connection(_) | Event::ReauthRequested {},
        ) => 1,
        _ => 0,
    }
}

fn is_signed_by_us(request: &HttpRequest) -> bool {
    let nonce = body_member(request, "nonce");
    nonce.is_some_and(|nonce| !nonce.starts_with(SOURCE_NONCE))
}
