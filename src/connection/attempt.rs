//! Attempts to connect: credentials, hosts, the connectivity check, and what follows when they fail.

use alloc::string::String;

use super::event::{ConnectWith, ConnectionAction};
use super::state::{Attempt, NextHosts, Sequence, State};
use super::url::{Continuity, connect_url};
use super::{ConnectionMachine, Renewal, errors};
use crate::base::{HttpId, TimerKind};
use crate::http::{Headers, HttpFailure, HttpRequest, HttpResponse};
use crate::wire::Error;

/// How long an immediate reconnect keeps from the last one, so that a server which connects and drops makes no hot loop.
const RECONNECT_PAUSE: u64 = 1_000;

impl ConnectionMachine {
    /// Starts an attempt. `rejected` is the error that the last credentials were rejected with during the attempt
    /// that this one takes the place of.
    pub(super) fn start_connecting(&mut self, rejected: Option<Error>) {
        self.suspend_at.get_or_insert(self.mono.saturating_add(self.connection_state_ttl.max(1)));
        self.await_credentials(self.mono);
        self.emit(ConnectionAction::CredentialsNeeded { rejected });
    }

    /// Starts an attempt after the connection was lost, at once, unless the last one like it was just now (`RTN15a`).
    pub(super) fn reconnect(&mut self) {
        let not_before = self.reconnected_at.map_or(self.mono, |at| self.mono.max(at.saturating_add(RECONNECT_PAUSE)));
        self.reconnected_at = Some(not_before);
        self.suspend_at.get_or_insert(self.mono.saturating_add(self.connection_state_ttl.max(1)));
        self.await_credentials(not_before);
        self.emit(ConnectionAction::CredentialsNeeded { rejected: None });
    }

    pub(super) fn await_credentials(&mut self, not_before: u64) {
        let gives_up_at = self.after(self.settings.realtime_request_timeout).max(not_before);
        let waiting = Attempt::AwaitingCredentials { not_before, gives_up_at };
        self.transition(State::Connecting(waiting), None, None);
    }

    pub(super) fn on_credentials(&mut self, with: ConnectWith) {
        match self.state {
            State::Connecting(Attempt::AwaitingCredentials { not_before, .. }) if not_before > self.mono => {
                let pausing = Attempt::Pausing { until: not_before, with };
                return self.transition(State::Connecting(pausing), None, None);
            }
            State::Connecting(Attempt::AwaitingCredentials { .. }) => {}
            State::Connecting(_) => self.let_go(),
            State::Closing(_) => {
                self.let_go();
                self.forget_everything();
            }
            State::Connected(_) => self.leave_connected(None),
            State::Closed | State::Failed => self.forget_everything(),
            State::Initialized | State::Disconnected { .. } | State::Suspended { .. } => {}
        }
        self.suspend_at.get_or_insert(self.mono.saturating_add(self.connection_state_ttl.max(1)));
        self.open_primary(with);
    }

    /// Opens a socket to the primary host (`RTN17i`).
    fn open_primary(&mut self, with: ConnectWith) {
        let host = self.settings.primary_host.clone().into_owned();
        self.open(Sequence { with, host, next: NextHosts::Undecided });
    }

    fn open(&mut self, sequence: Sequence) {
        let id = self.next_socket();
        let key = self.link.as_ref().and_then(|link| link.key.as_ref());
        let continuity = match (key, &self.recover) {
            (Some(key), _) => Continuity::Resume(key),
            (None, Some(key)) => Continuity::Recover(key),
            (None, None) => Continuity::None,
        };
        let url = connect_url(&self.settings, &sequence.host, &sequence.with, &continuity);
        let gives_up_at = self.after(self.settings.realtime_request_timeout);
        let attempt = Attempt::AwaitingConnected { socket: id, gives_up_at, sequence };
        self.transition(State::Connecting(attempt), None, None);
        self.emit(ConnectionAction::OpenSocket { id, url });
    }

    /// The attempt has failed on its host. Where another may do better, it is tried: fallback hosts after a check
    /// that there is a network at all (`RTN17f`, `RTN17j`).
    pub(super) fn attempt_failed(&mut self, failure: Error, another_host_may_help: bool) {
        let State::Connecting(Attempt::AwaitingConnected { sequence, .. }) = &self.state else {
            return self.give_up_attempt(failure);
        };
        let mut sequence = sequence.clone();
        if !another_host_may_help {
            return self.give_up_attempt(failure);
        }
        match &mut sequence.next {
            NextHosts::Decided(hosts) => match hosts.pop_front() {
                Some(host) => {
                    self.let_go();
                    self.open(Sequence { host, ..sequence });
                }
                None => self.give_up_attempt(failure),
            },
            NextHosts::Undecided => {
                let hosts = self.settings.fallbacks(&mut self.random);
                if hosts.is_empty() {
                    return self.give_up_attempt(failure);
                }
                self.let_go();
                self.check_connectivity(Sequence { next: NextHosts::Decided(hosts), ..sequence }, failure);
            }
        }
    }

    /// Asks whether there is a network (`RTN17j`, `REC3`), without anything of Ably's in the request.
    fn check_connectivity(&mut self, sequence: Sequence, failure: Error) {
        let check = self.next_check();
        let timeout = self.settings.http_request_timeout;
        let waiting = Attempt::CheckingConnectivity { check, gives_up_at: self.after(timeout), sequence, failure };
        self.transition(State::Connecting(waiting), None, None);
        let request = HttpRequest {
            method: String::from("GET"),
            url: self.settings.connectivity_check_url.clone(),
            headers: Headers::new(),
            body: None,
        };
        self.emit(ConnectionAction::SendHttp { id: check, request, timeout });
    }

    pub(super) fn on_check(&mut self, id: HttpId, result: Result<HttpResponse, HttpFailure>) {
        let State::Connecting(Attempt::CheckingConnectivity { check, sequence, failure, .. }) = &self.state else {
            self.ignored += 1;
            return;
        };
        if *check != id {
            self.ignored += 1;
            return;
        }
        let (mut sequence, failure) = (sequence.clone(), failure.clone());
        let is_up = result.is_ok_and(|response| response.is_success() && contains_yes(response.body()));
        let next_host = match &mut sequence.next {
            NextHosts::Decided(hosts) => hosts.pop_front(),
            NextHosts::Undecided => None,
        };
        match next_host.filter(|_| is_up) {
            Some(host) => self.open(Sequence { host, ..sequence }),
            None => self.give_up_attempt_quietly(failure),
        }
    }

    /// The attempt is over: the next one follows later (`RTN14d`, `RTN14e`).
    pub(super) fn give_up_attempt(&mut self, reason: Error) {
        self.let_go();
        self.give_up_attempt_quietly(reason);
    }

    fn give_up_attempt_quietly(&mut self, reason: Error) {
        if self.suspend_at.is_some_and(|at| at <= self.mono) {
            self.suspend(reason);
        } else {
            self.disconnect(Some(reason));
        }
    }

    /// Goes to DISCONNECTED until the next attempt.
    pub(super) fn disconnect(&mut self, reason: Option<Error>) {
        self.failures = self.failures.saturating_add(1);
        let retry_in = self.settings.retry_in(self.failures, &mut self.random);
        let retry_at = self.mono.saturating_add(retry_in.max(1));
        self.transition(State::Disconnected { retry_at }, reason, Some(retry_in));
    }

    fn suspend(&mut self, reason: Error) {
        let retry_in = u64::from(self.settings.suspended_retry_timeout);
        let retry_at = self.mono.saturating_add(retry_in.max(1));
        self.transition(State::Suspended { retry_at }, Some(reason), Some(retry_in));
    }

    /// A deadline of the state has come.
    pub(super) fn on_deadline(&mut self, timer: TimerKind) {
        match timer {
            TimerKind::Retry => self.start_connecting(None),
            TimerKind::Suspend => self.suspend(errors::suspended(self.error_reason.clone())),
            TimerKind::ConnectionAuth => self.give_up_attempt(errors::no_credentials()),
            TimerKind::ReconnectPause => {
                if let State::Connecting(Attempt::Pausing { with, .. }) = &self.state {
                    self.open_primary(with.clone());
                }
            }
            TimerKind::Connect => self.attempt_failed(errors::lost("the connection was not made in time"), true),
            TimerKind::ConnectivityCheck => {
                if let State::Connecting(Attempt::CheckingConnectivity { failure, .. }) = &self.state {
                    self.give_up_attempt(failure.clone());
                }
            }
            TimerKind::Idle => self.lose(errors::lost("nothing was heard from the server for too long")),
            TimerKind::Close => self.finish_closing(),
            // Not a connection's.
            _ => {}
        }
    }

    /// The server has rejected the token of this attempt: one renewal, and one more attempt at once (`RTN14b`,
    /// `RTN15c5`).
    pub(super) fn on_token_rejected(&mut self, error: Error) {
        self.let_go();
        match core::mem::replace(&mut self.renewal, Renewal::Spent) {
            Renewal::Available => self.start_connecting(Some(error)),
            Renewal::Spent => self.give_up_attempt_quietly(error),
        }
    }

    /// The server has rejected the token of this attempt, which cannot be renewed. Whoever answers for the credentials
    /// learns of it, and gives the connection up (`RSA4a2`).
    pub(super) fn on_last_token_rejected(&mut self, error: Error) {
        self.let_go();
        self.start_connecting(Some(error));
    }

    /// The network has come or gone (`RTN20`).
    pub(super) fn on_network(&mut self, up: bool) {
        match (&self.state, up) {
            (State::Connected(_), false) => self.lose(errors::lost("there is no network")),
            (State::Connecting(_), false) => self.give_up_attempt(errors::lost("there is no network")),
            (State::Disconnected { .. } | State::Suspended { .. }, true) => self.start_connecting(None),
            (State::Connecting(Attempt::AwaitingConnected { sequence, .. }), true)
            | (State::Connecting(Attempt::CheckingConnectivity { sequence, .. }), true) => {
                let with = sequence.with.clone();
                self.let_go();
                self.open_primary(with);
            }
            _ => {}
        }
    }
}

fn contains_yes(body: &[u8]) -> bool {
    body.windows(3).any(|window| window == b"yes")
}
