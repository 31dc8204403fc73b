//! Commands of the Auth object.

use alloc::boxed::Box;

use super::history::Entry;
use super::{Harness, Subject};
use crate::options::AuthOptions;
use crate::session::Command;
use crate::wire::TokenParams;
use crate::{OperationId, RestRequest, Revocation};

/// Commands: each is the method of [`AuthMachine`](crate::AuthMachine) of that name.
#[allow(missing_docs, reason = "each is the method of AuthMachine of that name")]
impl<M: Subject> Harness<M> {
    #[track_caller]
    pub fn authorize(
        &mut self,
        params: impl Into<Option<TokenParams>>,
        options: impl Into<Option<AuthOptions>>,
    ) -> OperationId {
        self.command(Command::Authorize(params.into(), options.into()))
    }

    #[track_caller]
    pub fn request_token(
        &mut self,
        params: impl Into<Option<TokenParams>>,
        options: impl Into<Option<AuthOptions>>,
    ) -> OperationId {
        self.command(Command::RequestToken(params.into(), options.into()))
    }

    #[track_caller]
    pub fn create_token_request(
        &mut self,
        params: impl Into<Option<TokenParams>>,
        options: impl Into<Option<AuthOptions>>,
    ) -> OperationId {
        self.command(Command::CreateTokenRequest(params.into(), options.into()))
    }

    #[track_caller]
    pub fn revoke_tokens(&mut self, revocation: Revocation) -> OperationId {
        self.command(Command::RevokeTokens(revocation))
    }

    #[track_caller]
    pub fn request(&mut self, method: &str, path: &str) -> OperationId {
        self.send_request(RestRequest::new(method, path))
    }

    /// `request`, with more to it than method and path.
    #[track_caller]
    pub fn send_request(&mut self, request: RestRequest) -> OperationId {
        self.command(Command::Request(request))
    }

    #[track_caller]
    pub fn credentials(&mut self) -> OperationId {
        self.command(Command::Credentials)
    }

    #[track_caller]
    pub fn time(&mut self) -> OperationId {
        self.command(Command::Time)
    }

    #[track_caller]
    pub fn cancel(&mut self, operation: OperationId) -> OperationId {
        self.command(Command::Cancel(operation))
    }

    /// Any command.
    #[track_caller]
    pub fn command(&mut self, command: Command) -> OperationId {
        self.record(Entry::Command(Box::new(command.clone())));
        let operation = self.subject.start(command, self.now());
        self.record(Entry::Started(operation));
        if !self.running.insert(operation) {
            self.give_up(format_args!("{operation:?} is used twice"));
        }
        self.settle();
        operation
    }
}
