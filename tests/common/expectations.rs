//! What a test expects of the machine.

use ably_auth::wire::{BatchResult, TokenDetails, TokenRequest, TokenRevocationResult};
use ably_auth::{Action, Credentials, Error, Notice, NoticeKind, OperationId, Outcome, Response};

use super::client::Client;
use super::messages::{Callback, Http};

/// Expectations.
impl Client {
    /// The one HTTP request that waits for an answer of the test.
    #[track_caller]
    pub fn expect_http(&mut self) -> Http {
        let id = self.expect("an HTTP request", |action| match action {
            Action::SendHttp { id, .. } => Some(*id),
            _ => None,
        });
        self.requests.iter().find(|http| http.id == id).expect("it was recorded").clone()
    }

    /// The one call of a callback that waits for an answer of the test.
    #[track_caller]
    pub fn expect_callback(&mut self) -> Callback {
        let id = self.expect("a call of a callback", |action| match action {
            Action::InvokeCallback { id, .. } => Some(*id),
            _ => None,
        });
        self.callbacks.iter().find(|callback| callback.id == id).expect("it was recorded").clone()
    }

    #[track_caller]
    pub fn expect_abort(&mut self, http: &Http) {
        self.expect("the end of a request", |action| match action {
            Action::AbortHttp { id } if *id == http.id => Some(()),
            _ => None,
        });
    }

    #[track_caller]
    pub fn expect_notice(&mut self, kind: NoticeKind) -> Notice {
        self.expect("a notice", |action| match action {
            Action::Notice(notice) if notice.kind == kind => Some(notice.clone()),
            _ => None,
        })
    }

    /// The token that an AUTH message shall be sent with.
    #[track_caller]
    pub fn expect_upgrade(&mut self) -> String {
        self.expect("an upgrade of the connection", |action| match action {
            Action::UpgradeConnection { access_token } => Some(access_token.expose().to_owned()),
            _ => None,
        })
    }

    #[track_caller]
    pub fn expect_open(&mut self) {
        self.expect("the order to connect", |action| matches!(action, Action::OpenConnection {}).then_some(()));
    }

    #[track_caller]
    pub fn expect_halt(&mut self) {
        self.expect("the order to halt", |action| matches!(action, Action::HaltConnection {}).then_some(()));
    }

    #[track_caller]
    pub fn expect_drop(&mut self) -> Error {
        self.expect("the loss of the connection", |action| match action {
            Action::DropConnection { reason } => Some(reason.clone()),
            _ => None,
        })
    }

    #[track_caller]
    pub fn expect_fail(&mut self) -> Error {
        self.expect("the failure of the connection", |action| match action {
            Action::FailConnection { reason } => Some(reason.clone()),
            _ => None,
        })
    }

    /// Takes the one action that is meant out of those that nobody expected.
    #[track_caller]
    fn expect<T>(&mut self, what: &str, meant: impl Fn(&Action) -> Option<T>) -> T {
        let mut found: Vec<usize> =
            (0..self.unexpected.len()).filter(|&i| meant(&self.unexpected[i]).is_some()).collect();
        match (found.pop(), found.len()) {
            (Some(index), 0) => meant(&self.unexpected.remove(index)).expect("it was found"),
            (None, _) => panic!("expected {what}; there is only {:#?}", self.unexpected),
            (Some(_), _) => panic!("expected one, not more: {what}; there is {:#?}", self.unexpected),
        }
    }

    /// Nothing has been asked for that the test has not expected.
    #[track_caller]
    pub fn expect_silence(&self) {
        assert!(self.unexpected.is_empty(), "nobody expected {:#?}", self.unexpected);
    }

    /// Whether an operation has neither ended nor been looked at.
    pub fn is_running(&self, operation: OperationId) -> bool {
        self.running.contains(&operation)
    }

    /// How an operation ended, which it must have.
    #[track_caller]
    pub fn expect_complete(&mut self, operation: OperationId) -> Result<Outcome, Error> {
        match self.ended.remove(&operation) {
            Some(outcome) => outcome,
            None if self.running.contains(&operation) => {
                panic!("{operation:?} has not completed; unexpected so far: {:#?}", self.unexpected)
            }
            None => panic!("{operation:?} was looked at before"),
        }
    }

    #[track_caller]
    fn success(&mut self, operation: OperationId) -> Outcome {
        match self.expect_complete(operation) {
            Ok(outcome) => outcome,
            Err(error) => panic!("{operation:?} failed: {error}, because of {:?}", error.cause()),
        }
    }

    #[track_caller]
    pub fn expect_error(&mut self, operation: OperationId) -> Error {
        match self.expect_complete(operation) {
            Err(error) => error,
            Ok(outcome) => panic!("{operation:?} succeeded with {outcome:?}"),
        }
    }

    #[track_caller]
    pub fn expect_token(&mut self, operation: OperationId) -> TokenDetails {
        match self.success(operation) {
            Outcome::TokenDetails(Some(details)) => details,
            other => panic!("expected a token, not {other:?}"),
        }
    }

    /// A switch to basic auth.
    #[track_caller]
    pub fn expect_no_token(&mut self, operation: OperationId) {
        assert!(matches!(self.success(operation), Outcome::TokenDetails(None)));
    }

    #[track_caller]
    pub fn expect_token_request(&mut self, operation: OperationId) -> TokenRequest {
        match self.success(operation) {
            Outcome::TokenRequest(request) => request,
            other => panic!("expected a token request, not {other:?}"),
        }
    }

    #[track_caller]
    pub fn expect_response(&mut self, operation: OperationId) -> Response {
        match self.success(operation) {
            Outcome::Response(response) => response,
            other => panic!("expected a response, not {other:?}"),
        }
    }

    #[track_caller]
    pub fn expect_batch(&mut self, operation: OperationId) -> BatchResult<TokenRevocationResult> {
        match self.success(operation) {
            Outcome::BatchResult(result) => result,
            other => panic!("expected the result of a revocation, not {other:?}"),
        }
    }

    #[track_caller]
    pub fn expect_credentials(&mut self, operation: OperationId) -> Credentials {
        match self.success(operation) {
            Outcome::Credentials(credentials) => credentials,
            other => panic!("expected credentials, not {other:?}"),
        }
    }

    #[track_caller]
    pub fn expect_time(&mut self, operation: OperationId) -> i64 {
        match self.success(operation) {
            Outcome::Time(time) => time,
            other => panic!("expected a time, not {other:?}"),
        }
    }

    #[track_caller]
    pub fn expect_cancelled(&mut self, operation: OperationId) {
        assert!(matches!(self.success(operation), Outcome::Cancelled {}));
    }
}
