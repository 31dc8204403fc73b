//! Operations: what a handle asks for, and waits for.

use ::tokio::sync::oneshot;

use super::driver::Driver;
use crate::session::Command;
use crate::wire::{Error, ErrorKind, codes};
use crate::{OperationId, Outcome};

/// Has a command performed. Dropping the future cancels it.
pub(super) async fn perform(command: Command, driver: &Driver) -> Result<Outcome, Error> {
    let (reply, answer) = oneshot::channel();
    let (id, errand) = driver.start(command, reply).ok_or_else(client_has_ended)?;
    let mut waiting = Waiting { driver, id, answer };
    if let Some(errand) = errand {
        errand.run(driver).await;
    }
    (&mut waiting.answer).await.unwrap_or_else(|_| Err(client_has_ended()))
}

/// The command's name, for tracing.
pub(super) fn name(command: &Command) -> &'static str {
    match command {
        Command::Authorize(..) => "authorize",
        Command::RequestToken(..) => "request_token",
        Command::CreateTokenRequest(..) => "create_token_request",
        Command::RevokeTokens(_) => "revoke_tokens",
        Command::Request(_) => "request",
        Command::Credentials => "credentials",
        Command::Time => "time",
        Command::Cancel(_) => "cancel",
        Command::Refused { .. } => "refused",
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
