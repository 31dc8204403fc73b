//! Operations: what a handle asks for, and waits for.

use ::tokio::sync::oneshot;

use super::driver::Driver;
use crate::options::AuthOptions;
use crate::wire::{Error, ErrorKind, TokenParams, codes};
use crate::{AuthMachine, Now, OperationId, Outcome, RestRequest, Revocation};

/// One of the machine's commands with its arguments.
pub(super) enum Operation {
    Authorize(Option<TokenParams>, Option<AuthOptions>),
    RequestToken(Option<TokenParams>, Option<AuthOptions>),
    CreateTokenRequest(Option<TokenParams>, Option<AuthOptions>),
    RevokeTokens(Revocation),
    Request(RestRequest),
    Credentials,
    Time,
}

impl Operation {
    /// Has it performed. Dropping the future cancels it.
    pub(super) async fn perform(self, driver: &Driver) -> Result<Outcome, Error> {
        let (reply, answer) = oneshot::channel();
        let id = driver.start(self, reply).ok_or_else(client_has_ended)?;
        let mut waiting = Waiting { driver, id, answer };
        (&mut waiting.answer).await.unwrap_or_else(|_| Err(client_has_ended()))
    }

    pub(super) fn start(self, machine: &mut AuthMachine, now: Now) -> OperationId {
        match self {
            Self::Authorize(params, options) => machine.authorize(params, options, now),
            Self::RequestToken(params, options) => machine.request_token(params, options, now),
            Self::CreateTokenRequest(params, options) => machine.create_token_request(params, options, now),
            Self::RevokeTokens(revocation) => machine.revoke_tokens(revocation, now),
            Self::Request(request) => machine.request(request, now),
            Self::Credentials => machine.credentials(now),
            Self::Time => machine.time(now),
        }
    }

    /// The operation's name, for tracing.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Authorize(..) => "authorize",
            Self::RequestToken(..) => "request_token",
            Self::CreateTokenRequest(..) => "create_token_request",
            Self::RevokeTokens(_) => "revoke_tokens",
            Self::Request(_) => "request",
            Self::Credentials => "credentials",
            Self::Time => "time",
        }
    }
}

/// An operation whose outcome is waited for.
struct Waiting<'a> {
    driver: &'a Driver,
    id: OperationId,
    answer: oneshot::Receiver<Result<Outcome, Error>>,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        if !self.answer.is_terminated() {
            self.driver.cancel(self.id);
        }
    }
}

/// The error where there is nobody any more to perform anything.
pub(super) fn client_has_ended() -> Error {
    let message = "the client has ended with the tokio runtime that it was built in: build a new one";
    Error::new(ErrorKind::Misuse, codes::BAD_REQUEST, 400, message)
}
