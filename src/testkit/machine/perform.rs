//! Performing an op: what the machine is told.

use alloc::format;
use alloc::string::String;

use super::ops::{Command, Op, Punctuality, RejectedToken, Stray};
use super::palette;
use super::world::World;
use crate::http::{Headers, HttpFailure, HttpFailureKind, HttpResponse};
use crate::session;
use crate::testkit::model::{Invariant, Violation, broken, may_follow};
use crate::testkit::session::{CallbackAnswer, Reason};
use crate::trace::Input;
use crate::wire::TokenRevocationTargetSpecifier;
use crate::{AuthMachine, ConnectionState, Event, RestRequest, Revocation};

impl World {
    pub(super) fn perform(&mut self, op: Op) -> Result<(), Violation> {
        match op {
            Op::Command(command) => self.command(command),
            Op::Respond { nth, answer } => self.pending.nth_http(nth).map_or(Ok(()), |(id, request)| {
                let response = palette::response(answer, &request, &mut self.mint, self.now);
                self.event(Event::HttpResponse { id, response })
            }),
            Op::FailHttp { nth, failure } => self.pending.nth_http(nth).map_or(Ok(()), |(id, _)| {
                let failure = HttpFailure::new(failure);
                self.event(Event::HttpFailed { id, failure })
            }),
            Op::Return { nth, answer } => self.pending.nth_callback(nth).map_or(Ok(()), |id| {
                let value = palette::callback_value(answer, &mut self.mint, self.now);
                self.event(Event::CallbackResult { id, value })
            }),
            Op::FailCallback { nth, error } => self.pending.nth_callback(nth).map_or(Ok(()), |id| {
                let error = palette::error(error);
                self.event(Event::CallbackFailed { id, error })
            }),
            Op::Stray(stray) => self.stray(stray),
            Op::TokenExpired => self.event(Event::TokenExpired {}),
            Op::TokenRejected(which) => self.token_rejected(which),
            Op::Connection { state, update, reason, client_id } => {
                let event = palette::connection_event(state, update, reason, client_id);
                self.event(Event::Connection(event))
            }
            Op::Reauth => self.event(Event::ReauthRequested {}),
            Op::Pass { seconds } => {
                self.pass(u64::from(seconds) * 1_000);
                Ok(())
            }
            Op::SetWallClock { minutes } => {
                self.now.unix_ms += i64::from(minutes) * i64::from(minutes.unsigned_abs()) * 60_000;
                Ok(())
            }
            Op::Timeout(punctuality) => self.timeout(punctuality),
            Op::Clone => {
                self.twin = Some(self.machine.clone());
                Ok(())
            }
        }
    }

    /// Whether there is something for an op to act on. An environment whose connection changes as the specification has
    /// it takes no other step (`RTN4`).
    pub(crate) fn concerns(&self, op: Op) -> bool {
        match op {
            Op::Command(Command::Cancel { .. }) => !self.pending.operations.is_empty(),
            Op::Respond { nth, .. } | Op::FailHttp { nth, .. } => usize::from(nth) < self.pending.http.len(),
            Op::Return { nth, .. } | Op::FailCallback { nth, .. } => usize::from(nth) < self.pending.callbacks.len(),
            Op::Stray(Stray::HttpResponse { .. } | Stray::HttpFailed { .. }) => self.pending.has_past_http(),
            Op::Stray(Stray::CallbackResult { .. } | Stray::CallbackFailed { .. }) => self.pending.has_past_callback(),
            Op::TokenExpired | Op::TokenRejected(RejectedToken::Current) => self.machine.token_details().is_some(),
            Op::Connection { state, update, .. } => self.may_become(state, update),
            Op::Reauth => self.pending.connection == Some(ConnectionState::Connected),
            Op::Timeout(_) => self.machine.poll_timeout().is_some(),
            _ => true,
        }
    }

    fn may_become(&self, next: ConnectionState, update: bool) -> bool {
        let state = self.pending.connection.unwrap_or(ConnectionState::Initialized);
        // An update is a CONNECTED while it is connected.
        may_follow(state).contains(&next) && update == (state == next)
    }

    fn command(&mut self, command: Command) -> Result<(), Violation> {
        let command = match command {
            Command::Authorize { params, auth } => {
                let auth = palette::auth_options(auth, &mut self.mint, self.now);
                session::Command::Authorize(palette::token_params(params), auth)
            }
            Command::RequestToken { params, auth } => {
                let auth = palette::auth_options(auth, &mut self.mint, self.now);
                session::Command::RequestToken(palette::token_params(params), auth)
            }
            Command::CreateTokenRequest { params, auth } => {
                let auth = palette::auth_options(auth, &mut self.mint, self.now);
                session::Command::CreateTokenRequest(palette::token_params(params), auth)
            }
            Command::RevokeTokens { targets } => {
                let target = TokenRevocationTargetSpecifier::client_id("me");
                session::Command::RevokeTokens(Revocation::new((0..targets % 3).map(|_| target.clone())))
            }
            Command::Request => session::Command::Request(RestRequest::new("GET", "/probe")),
            Command::Credentials => session::Command::Credentials,
            Command::Time => session::Command::Time,
            Command::Cancel { nth } => session::Command::Cancel(self.pending.nth_operation(nth)),
        };
        self.tell(Input::Command(command))
    }

    pub(super) fn event(&mut self, event: Event) -> Result<(), Violation> {
        self.tell(Input::Event(event.into()))
    }

    fn stray(&mut self, stray: Stray) -> Result<(), Violation> {
        // Whatever the time brings comes first: it may give out the ids that nobody knows yet.
        self.tell(Input::Timeout)?;
        let event = match stray {
            Stray::HttpResponse { nth } => {
                let response = HttpResponse::new(200, Headers::new(), "[1]");
                Event::HttpResponse { id: self.pending.nth_stray_http(nth), response }
            }
            Stray::HttpFailed { nth } => Event::HttpFailed {
                id: self.pending.nth_stray_http(nth),
                failure: HttpFailure::new(HttpFailureKind::Closed),
            },
            Stray::CallbackResult { nth } => {
                let value = palette::callback_value(CallbackAnswer::SameToken, &mut self.mint, self.now);
                Event::CallbackResult { id: self.pending.nth_stray_callback(nth), value }
            }
            Stray::CallbackFailed { nth } => Event::CallbackFailed {
                id: self.pending.nth_stray_callback(nth),
                error: palette::error(Reason::Forbidden),
            },
        };
        let ignored = self.machine.ignored();
        self.tell_in_vain(event)?;
        if self.machine.ignored() != ignored + 1 {
            let what = "an answer that nobody waits for was not counted as ignored";
            return broken(Invariant::TokensAdvance, what);
        }
        Ok(())
    }

    fn token_rejected(&mut self, which: RejectedToken) -> Result<(), Violation> {
        let current = self.machine.token_details().map(|details| details.token.clone());
        let error = palette::error(Reason::TokenExpired);
        match (which, current) {
            (RejectedToken::Current, Some(token)) => self.event(Event::TokenRejected { token, error }),
            (RejectedToken::Current, None) => Ok(()),
            (RejectedToken::Stale { nth }, current) => {
                let token = self.mint.nth_back(nth, current.as_ref());
                self.tell(Input::Timeout)?;
                self.tell_in_vain(Event::TokenRejected { token, error })
            }
        }
    }

    /// An event that must change nothing, now that what the time brings has been dealt with.
    fn tell_in_vain(&mut self, event: Event) -> Result<(), Violation> {
        let before = self.machine.clone();
        let actions_before = self.actions().len();
        self.event(event.clone())?;
        let views = |machine: &AuthMachine| {
            let token = machine.token_details().cloned();
            (token, machine.client_id().map(String::from), machine.poll_timeout(), machine.auth_method())
        };
        let actions = &self.actions()[actions_before..];
        if !actions.is_empty() || views(&before) != views(&self.machine) {
            let what = format!("{event:?} concerns nobody, and yet it changed something: {actions:?}");
            return broken(Invariant::TokensAdvance, what);
        }
        Ok(())
    }

    pub(super) fn timeout(&mut self, punctuality: Punctuality) -> Result<(), Violation> {
        let left = self.machine.poll_timeout().map(|(at, _)| at.saturating_sub(self.now.mono));
        match (punctuality, left) {
            (Punctuality::Now, _) | (_, None) => {}
            (Punctuality::OnTime, Some(left)) => self.pass(left),
            (Punctuality::Early, Some(left)) => self.pass(left.saturating_sub(1)),
            (Punctuality::Late, Some(left)) => self.pass(left + 3_600_000),
        }
        self.tell(Input::Timeout)
    }

    fn pass(&mut self, ms: u64) {
        self.now.mono += ms;
        self.now.unix_ms += i64::try_from(ms).unwrap_or(i64::MAX);
    }
}
