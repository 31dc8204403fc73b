//! What a test expects of the Auth object.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use super::{Callback, Harness, Http, Subject};
use crate::connection::ConnectionAction;
use crate::wire::{BatchResult, TokenDetails, TokenRequest, TokenRevocationResult};
use crate::{Action, Credentials, Error, Notice, NoticeKind, OperationId, Outcome, Response, SessionAction};

/// Expectations.
impl<M: Subject> Harness<M> {
    /// An HTTP request that waits for an answer of the test.
    #[track_caller]
    pub fn expect_http(&mut self) -> Http {
        let id = self.expect_auth("an HTTP request", |action| match action {
            Action::SendHttp { id, .. } => Some(*id),
            _ => None,
        });
        self.requests.iter().find(|http| http.id == id).expect("it was recorded").clone()
    }

    /// A call of a callback that waits for an answer of the test.
    #[track_caller]
    pub fn expect_callback(&mut self) -> Callback {
        let id = self.expect_auth("a call of a callback", |action| match action {
            Action::InvokeCallback { id, .. } => Some(*id),
            _ => None,
        });
        self.callbacks.iter().find(|callback| callback.id == id).expect("it was recorded").clone()
    }

    /// A request is given up.
    #[track_caller]
    pub fn expect_abort(&mut self, http: &Http) {
        self.expect_auth("the end of an HTTP request", |action| match action {
            Action::AbortHttp { id } if *id == http.id => Some(()),
            _ => None,
        });
    }

    /// A notice, of a level above `Debug`.
    #[track_caller]
    pub fn expect_notice(&mut self, kind: NoticeKind) -> Notice {
        self.expect("a notice", |action| match action {
            SessionAction::Auth(Action::Notice(notice))
            | SessionAction::Connection(ConnectionAction::Notice(notice))
                if notice.kind == kind =>
            {
                Some(notice.clone())
            }
            _ => None,
        })
    }

    #[track_caller]
    pub(super) fn expect_auth<T>(&mut self, what: &str, meant: impl Fn(&Action) -> Option<T>) -> T {
        self.expect(what, |action| match action {
            SessionAction::Auth(action) => meant(action),
            SessionAction::Connection(_) => None,
        })
    }

    /// Takes what is meant out of what has happened: the first of it, or the only one of its kind.
    #[track_caller]
    pub(super) fn expect<T>(&mut self, what: &str, meant: impl Fn(&SessionAction) -> Option<T>) -> T {
        let considered = if M::IN_ORDER { 1 } else { self.queue.len() };
        let found: Vec<(usize, T)> = (self.queue.iter().take(considered).enumerate())
            .filter_map(|(index, action)| Some((index, meant(action)?)))
            .collect();
        match <[_; 1]>::try_from(found) {
            Ok([(index, taken)]) => {
                self.queue.remove(index);
                taken
            }
            Err(none) if none.is_empty() => self.give_up(format_args!("expected {what}; there is {:#?}", self.queue)),
            Err(_) => self.give_up(format_args!("expected one, not more: {what}; there is {:#?}", self.queue)),
        }
    }

    /// Nothing has happened that the test has not expected. How a machine's operations ended can be looked at later.
    #[track_caller]
    pub fn expect_silence(&self) {
        let is_end = |action: &SessionAction| matches!(action, SessionAction::Auth(Action::Complete { .. }));
        if self.queue.iter().any(|action| M::IN_ORDER || !is_end(action)) {
            self.give_up(format_args!("nobody expected {:#?}", self.queue));
        }
    }

    /// Nothing happens for so many milliseconds.
    #[track_caller]
    pub fn expect_silence_for(&mut self, ms: u64) {
        self.expect_silence();
        self.advance(ms);
        self.expect_silence();
    }
}

/// Expectations of how operations end.
impl<M: Subject> Harness<M> {
    /// How an operation ends.
    #[track_caller]
    pub fn expect_complete(&mut self, operation: OperationId) -> Result<Outcome, Error> {
        self.expect_auth("the end of an operation", |action| match action {
            Action::Complete { operation: ended, outcome } if *ended == operation => Some(outcome.clone()),
            _ => None,
        })
    }

    /// An operation fails.
    #[track_caller]
    pub fn expect_error(&mut self, operation: OperationId) -> Error {
        match self.expect_complete(operation) {
            Err(error) => error,
            Ok(outcome) => self.give_up(format_args!("{operation:?} succeeded with {outcome:?}")),
        }
    }

    /// An operation yields a token.
    #[track_caller]
    pub fn expect_token(&mut self, operation: OperationId) -> TokenDetails {
        match self.expect_success(operation) {
            Outcome::TokenDetails(Some(details)) => details,
            other => self.give_up(format_args!("expected a token, not {other:?}")),
        }
    }

    /// An operation yields the token of this text.
    #[track_caller]
    pub fn expect_token_text(&mut self, operation: OperationId, token: &str) {
        assert_eq!(self.expect_token(operation).token.expose(), token);
    }

    /// An operation switches to basic auth.
    #[track_caller]
    pub fn expect_no_token(&mut self, operation: OperationId) {
        match self.expect_success(operation) {
            Outcome::TokenDetails(None) => {}
            other => self.give_up(format_args!("expected no token, not {other:?}")),
        }
    }

    /// An operation yields a signed request for a token.
    #[track_caller]
    pub fn expect_token_request(&mut self, operation: OperationId) -> TokenRequest {
        match self.expect_success(operation) {
            Outcome::TokenRequest(request) => request,
            other => self.give_up(format_args!("expected a token request, not {other:?}")),
        }
    }

    /// An operation yields a response.
    #[track_caller]
    pub fn expect_response(&mut self, operation: OperationId) -> Response {
        match self.expect_success(operation) {
            Outcome::Response(response) => response,
            other => self.give_up(format_args!("expected a response, not {other:?}")),
        }
    }

    /// An operation yields the result of a revocation.
    #[track_caller]
    pub fn expect_batch(&mut self, operation: OperationId) -> BatchResult<TokenRevocationResult> {
        match self.expect_success(operation) {
            Outcome::BatchResult(result) => result,
            other => self.give_up(format_args!("expected the result of a revocation, not {other:?}")),
        }
    }

    /// An operation yields credentials.
    #[track_caller]
    pub fn expect_credentials(&mut self, operation: OperationId) -> Credentials {
        match self.expect_success(operation) {
            Outcome::Credentials(credentials) => credentials,
            other => self.give_up(format_args!("expected credentials, not {other:?}")),
        }
    }

    /// An operation yields the server's time.
    #[track_caller]
    pub fn expect_time(&mut self, operation: OperationId) -> i64 {
        match self.expect_success(operation) {
            Outcome::Time(time) => time,
            other => self.give_up(format_args!("expected a time, not {other:?}")),
        }
    }

    /// A `cancel` ends.
    #[track_caller]
    pub fn expect_cancelled(&mut self, operation: OperationId) {
        match self.expect_success(operation) {
            Outcome::Cancelled {} => {}
            other => self.give_up(format_args!("expected the end of a cancel, not {other:?}")),
        }
    }

    #[track_caller]
    fn expect_success(&mut self, operation: OperationId) -> Outcome {
        match self.expect_complete(operation) {
            Ok(outcome) => outcome,
            Err(error) => self.give_up(format_args!("{operation:?} failed: {error}, because of {:?}", error.cause())),
        }
    }
}

/// The end.
impl<M: Subject> Harness<M> {
    /// The test may end although something is still under way.
    pub fn leave_unfinished(&mut self) {
        self.running.clear();
        self.in_flight.clear();
    }

    /// The test ends: everything has been expected, and has ended.
    #[track_caller]
    pub fn finish(mut self) {
        self.check_end();
        self.abandoned = true;
    }

    /// The test ends, whatever is left.
    pub fn abandon(mut self) {
        self.abandoned = true;
    }

    #[track_caller]
    fn check_end(&self) {
        self.expect_silence();
        if !self.running.is_empty() {
            self.give_up(format_args!("they never completed: {:?}", self.running));
        }
        if !self.queue.is_empty() {
            self.give_up(format_args!("nobody looked at how these ended: {:#?}", self.queue));
        }
        if !self.in_flight.is_empty() {
            self.give_up(format_args!("neither answered nor aborted: {:?}", self.in_flight));
        }
    }

    /// Something does not hold.
    #[track_caller]
    pub(super) fn give_up(&self, what: impl fmt::Display) -> ! {
        let state = match self.subject.connection() {
            Some(connection) => format!("in the state {:?}\n", connection.state()),
            None => String::new(),
        };
        panic!("{what}\n{state}what has happened, and at which millisecond:\n{}", self.history)
    }
}

impl<M: Subject> Drop for Harness<M> {
    /// See [`finish`](Harness::finish).
    fn drop(&mut self) {
        if !self.abandoned && !std::thread::panicking() {
            self.check_end();
        }
    }
}
