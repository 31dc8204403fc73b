//! A machine's environment in virtual time: what is pending, what is answered, when time passes.
//!
//! Every input goes to two machines, which must not differ: at first two that were made alike, after
//! [`Op::Clone`] a machine and its clone.

use alloc::format;
use alloc::vec::Vec;

use super::invariants::{Broken, Step, Watch, broken, secrets};
use super::ops::{Client, Command, Life, Op, Punctuality, RejectedToken, Stray};
use super::palette::{self, Mint};
use super::pending::Pending;
use crate::http::{HttpFailure, HttpFailureKind};
use crate::options::AuthOptions;
use crate::wire::{Error, TokenParams, TokenRevocationTargetSpecifier};
use crate::{
    Action, AuthMachine, CallbackId, ConnectionEvent, ConnectionState, Event, HttpId, Now, OperationId, RestRequest,
    Revocation,
};

/// An input of the machine.
#[derive(Clone, Debug)]
pub(super) enum Input {
    Authorize(Option<TokenParams>, Option<AuthOptions>),
    RequestToken(Option<TokenParams>, Option<AuthOptions>),
    CreateTokenRequest(Option<TokenParams>, Option<AuthOptions>),
    RevokeTokens(Revocation),
    Request(RestRequest),
    Credentials,
    Time,
    Cancel(OperationId),
    Event(Event),
    Timeout,
}

impl Input {
    fn give_to(self, machine: &mut AuthMachine, now: Now) -> Option<OperationId> {
        Some(match self {
            Input::Authorize(params, auth) => machine.authorize(params, auth, now),
            Input::RequestToken(params, auth) => machine.request_token(params, auth, now),
            Input::CreateTokenRequest(params, auth) => machine.create_token_request(params, auth, now),
            Input::RevokeTokens(revocation) => machine.revoke_tokens(revocation, now),
            Input::Request(request) => machine.request(request, now),
            Input::Credentials => machine.credentials(now),
            Input::Time => machine.time(now),
            Input::Cancel(operation) => machine.cancel(operation, now),
            Input::Event(event) => {
                machine.handle_event(event, now);
                return None;
            }
            Input::Timeout => {
                machine.handle_timeout(now);
                return None;
            }
        })
    }
}

/// How the environment behaves once the ops are over.
#[derive(Clone, Copy, Debug)]
pub(super) enum Ending {
    /// Everything succeeds.
    Answers,
    /// Everything fails.
    Failures,
    /// Nothing answers; only time passes.
    Silence,
}

#[derive(Clone)]
pub(super) struct World {
    machine: AuthMachine,
    twin: AuthMachine,
    now: Now,
    mint: Mint,
    pending: Pending,
    watch: Watch,
}

impl World {
    /// The error where the options are refused.
    pub(super) fn new(client: &Client) -> Result<Result<World, Error>, Broken> {
        let now = Now::new(1_000, 1_700_000_000_000);
        let mut mint = Mint::default();
        let options = palette::client_options(client, &mut mint, now);
        let new = || AuthMachine::new(options.clone(), [client.seed; 32], now);
        secrets().check_shown(&format!("{options:?}"))?;
        let (machine, twin) = match (new(), new()) {
            (Ok(machine), Ok(twin)) => (machine, twin),
            (Err(error), Err(same)) if error == same => {
                secrets().check_error(&error)?;
                return Ok(Err(error));
            }
            _ => return broken(5, "the same options are accepted once and refused once"),
        };
        let watch = Watch::new(&machine);
        let mut world = World { machine, twin, now, mint, pending: Pending::default(), watch };
        // What construction has queued.
        world.feed(Input::Timeout)?;
        Ok(Ok(world))
    }

    pub(super) fn into_machine(self) -> AuthMachine {
        self.machine
    }

    pub(super) fn perform(&mut self, op: &Op) -> Result<(), Broken> {
        match op {
            Op::Command(command) => self.command(command),
            Op::Respond { nth, answer } => self.pending.nth_http(*nth).map_or(Ok(()), |(id, request)| {
                let response = palette::response(*answer, &request, &mut self.mint, self.now);
                self.event(Event::HttpResponse { id, response })
            }),
            Op::FailHttp { nth, failure } => self.pending.nth_http(*nth).map_or(Ok(()), |(id, _)| {
                let failure = HttpFailure::new(*failure);
                self.event(Event::HttpFailed { id, failure })
            }),
            Op::Return { nth, answer } => self.pending.nth_callback(*nth).map_or(Ok(()), |id| {
                let value = palette::callback_value(*answer, &mut self.mint, self.now);
                self.event(Event::CallbackResult { id, value })
            }),
            Op::FailCallback { nth, error } => self.pending.nth_callback(*nth).map_or(Ok(()), |id| {
                let error = palette::error(*error);
                self.event(Event::CallbackFailed { id, error })
            }),
            Op::Stray(stray) => self.stray(*stray),
            Op::TokenExpired => self.event(Event::TokenExpired {}),
            Op::TokenRejected(which) => self.token_rejected(*which),
            Op::Connection { state, update, reason, client_id } => {
                let event = palette::connection_event(*state, *update, *reason, *client_id);
                self.event(Event::Connection(event))
            }
            Op::Reauth => self.event(Event::ReauthRequested {}),
            Op::Pass { seconds } => {
                self.pass(u64::from(*seconds) * 1_000);
                Ok(())
            }
            Op::SetWallClock { minutes } => {
                self.now.unix_ms += i64::from(*minutes) * i64::from(minutes.unsigned_abs()) * 60_000;
                Ok(())
            }
            Op::Timeout(punctuality) => self.timeout(*punctuality),
            Op::Clone => {
                self.twin = self.machine.clone();
                Ok(())
            }
        }
    }

    /// Lets everything come to its end and sees that nothing is left.
    pub(super) fn finish(&mut self, ending: Ending) -> Result<(), Broken> {
        let steps = 100 + 50 * self.pending.operations.len();
        for _ in 0..steps {
            let next = match ending {
                Ending::Answers => self.next_answer(),
                Ending::Failures => self.next_failure(),
                Ending::Silence => None,
            };
            match (next, self.machine.poll_timeout()) {
                (Some(event), _) => self.event(event)?,
                (None, Some(_)) => self.timeout(Punctuality::OnTime)?,
                (None, None) if self.pending.is_over() => return Ok(()),
                (None, None) => self.connection(ConnectionState::Closed)?,
            }
        }
        let Pending { operations, .. } = &self.pending;
        broken(1, format!("{ending:?} for {steps} steps, and these are still under way: {operations:?}"))
    }

    fn next_answer(&mut self) -> Option<Event> {
        if let Some((id, request)) = self.pending.nth_http(0) {
            let answer = super::ops::HttpAnswer::Success(Life::Ages);
            let response = palette::response(answer, &request, &mut self.mint, self.now);
            return Some(Event::HttpResponse { id, response });
        }
        if let Some(id) = self.pending.nth_callback(0) {
            let answer = super::ops::CallbackAnswer::Token(Life::Ages);
            return Some(Event::CallbackResult {
                id,
                value: palette::callback_value(answer, &mut self.mint, self.now),
            });
        }
        let wanted = core::mem::take(&mut self.pending.connection_wanted);
        wanted.then(|| Event::Connection(ConnectionEvent::new(ConnectionState::Connected)))
    }

    fn next_failure(&mut self) -> Option<Event> {
        if let Some((id, _)) = self.pending.nth_http(0) {
            return Some(Event::HttpFailed { id, failure: HttpFailure::new(HttpFailureKind::Connect) });
        }
        if let Some(id) = self.pending.nth_callback(0) {
            return Some(Event::CallbackFailed { id, error: palette::error(super::ops::Reason::NoCode) });
        }
        let wanted = core::mem::take(&mut self.pending.connection_wanted);
        wanted.then(|| Event::Connection(ConnectionEvent::new(ConnectionState::Failed)))
    }

    fn connection(&mut self, state: ConnectionState) -> Result<(), Broken> {
        self.event(Event::Connection(ConnectionEvent::new(state)))
    }

    fn command(&mut self, command: &Command) -> Result<(), Broken> {
        let input = match *command {
            Command::Authorize { params, auth } => {
                let auth = palette::auth_options(auth, &mut self.mint, self.now);
                Input::Authorize(palette::token_params(params), auth)
            }
            Command::RequestToken { params, auth } => {
                let auth = palette::auth_options(auth, &mut self.mint, self.now);
                Input::RequestToken(palette::token_params(params), auth)
            }
            Command::CreateTokenRequest { params, auth } => {
                let auth = palette::auth_options(auth, &mut self.mint, self.now);
                Input::CreateTokenRequest(palette::token_params(params), auth)
            }
            Command::RevokeTokens { targets } => {
                let target = TokenRevocationTargetSpecifier::client_id("me");
                Input::RevokeTokens(Revocation::new((0..targets % 3).map(|_| target.clone())))
            }
            // The path tells the requests apart.
            Command::Request => Input::Request(RestRequest::new("GET", format!("/probe/{}", self.pending.commands()))),
            Command::Credentials => Input::Credentials,
            Command::Time => Input::Time,
            Command::Cancel { nth } => Input::Cancel(OperationId::from(u64::from(nth) % (self.pending.commands() + 2))),
        };
        self.feed(input).map(drop)
    }

    fn event(&mut self, event: Event) -> Result<(), Broken> {
        self.feed(Input::Event(event)).map(drop)
    }

    fn stray(&mut self, stray: Stray) -> Result<(), Broken> {
        // Whatever the time brings comes first: it may give out the ids that nobody knows yet.
        self.feed(Input::Timeout)?;
        let http = |nth: u8| HttpId::from(u64::from(nth) % (self.pending.http_ids + 2));
        let callback = |nth: u8| CallbackId::from(u64::from(nth) % (self.pending.callback_ids + 2));
        let event = match stray {
            Stray::HttpResponse { nth } if !self.pending.http.contains_key(&http(nth)) => {
                let response = crate::http::HttpResponse::new(200, crate::http::Headers::new(), "[1]");
                Event::HttpResponse { id: http(nth), response }
            }
            Stray::HttpFailed { nth } if !self.pending.http.contains_key(&http(nth)) => {
                Event::HttpFailed { id: http(nth), failure: HttpFailure::new(HttpFailureKind::Closed) }
            }
            Stray::CallbackResult { nth } if !self.pending.callbacks.contains(&callback(nth)) => {
                let value = palette::callback_value(super::ops::CallbackAnswer::TokenText, &mut self.mint, self.now);
                Event::CallbackResult { id: callback(nth), value }
            }
            Stray::CallbackFailed { nth } if !self.pending.callbacks.contains(&callback(nth)) => {
                Event::CallbackFailed { id: callback(nth), error: palette::error(super::ops::Reason::Forbidden) }
            }
            _ => return Ok(()),
        };
        let ignored = self.machine.ignored();
        self.feed_in_vain(event)?;
        if self.machine.ignored() != ignored + 1 {
            return broken(6, "an answer that nobody waits for was not counted as ignored");
        }
        Ok(())
    }

    fn token_rejected(&mut self, which: RejectedToken) -> Result<(), Broken> {
        let current = self.machine.token_details().map(|details| details.token.clone());
        let error = palette::error(super::ops::Reason::TokenExpired);
        match (which, current) {
            (RejectedToken::Current, Some(token)) => self.event(Event::TokenRejected { token, error }),
            (RejectedToken::Current, None) => Ok(()),
            (RejectedToken::Stale { nth }, current) => {
                let token = Mint::nth_token(nth.into());
                if current.as_ref() == Some(&token) {
                    return Ok(());
                }
                self.feed_in_vain(Event::TokenRejected { token, error })
            }
        }
    }

    /// An event that must change nothing, once what the time brings has been dealt with.
    fn feed_in_vain(&mut self, event: Event) -> Result<(), Broken> {
        self.feed(Input::Timeout)?;
        let before = self.machine.clone();
        let what = format!("{event:?}");
        let actions = self.feed(Input::Event(event))?;
        let views = |machine: &AuthMachine| {
            let token = machine.token_details().cloned();
            (token, machine.client_id().map(alloc::string::String::from), machine.poll_timeout(), machine.auth_method())
        };
        if !actions.is_empty() || views(&before) != views(&self.machine) {
            return broken(6, format!("{what} concerns nobody, and yet it changed something: {actions:?}"));
        }
        Ok(())
    }

    fn timeout(&mut self, punctuality: Punctuality) -> Result<(), Broken> {
        let left = self.machine.poll_timeout().map(|(at, _)| at.saturating_sub(self.now.mono));
        match (punctuality, left) {
            (Punctuality::Now, _) | (_, None) => {}
            (Punctuality::OnTime, Some(left)) => self.pass(left),
            (Punctuality::Early, Some(left)) => self.pass(left.saturating_sub(1)),
            (Punctuality::Late, Some(left)) => self.pass(left + 3_600_000),
        }
        self.feed(Input::Timeout).map(drop)
    }

    fn pass(&mut self, ms: u64) {
        self.now.mono += ms;
        self.now.unix_ms += i64::try_from(ms).unwrap_or(i64::MAX);
    }

    /// Gives an input to both machines, takes their actions, and checks all that must hold.
    fn feed(&mut self, input: Input) -> Result<Vec<Action>, Broken> {
        let before = self.machine.clone();
        let pending_before = self.pending.clone();
        let operation = input.clone().give_to(&mut self.machine, self.now);
        let actions = drain(&mut self.machine);
        if operation != input.clone().give_to(&mut self.twin, self.now) || actions != drain(&mut self.twin) {
            return broken(5, "two machines with the same past do different things");
        }
        if self.machine != self.twin {
            return broken(5, "two machines with the same past differ");
        }
        self.pending.on_input(&input, operation)?;
        for action in &actions {
            self.pending.on_action(action)?;
        }
        self.pending.forget_unheard(&self.machine)?;
        let Self { machine: after, pending, watch, now, .. } = self;
        let before = &before;
        watch.check(&Step { input: &input, actions: &actions, before, after, pending_before, pending, now: *now })?;
        Ok(actions)
    }
}

pub(super) fn drain(machine: &mut AuthMachine) -> Vec<Action> {
    core::iter::from_fn(|| machine.poll_action()).collect()
}
