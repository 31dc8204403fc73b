//! What an environment drives: an [`AuthMachine`] alone, or a [`Session`]. Both are driven in the same way.

use super::{Session, SessionAction, SessionEvent};
use crate::base::{Now, OperationId, TimerKind};
use crate::machine::AuthMachine;
use crate::options::AuthOptions;
use crate::wire::{Error, TokenParams};
use crate::{OpaqueJson, RestRequest, Revocation};

/// A command of the Auth object with its arguments.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs, reason = "each is the method of AuthMachine of that name")]
pub enum Command {
    Authorize(Option<TokenParams>, Option<AuthOptions>),
    RequestToken(Option<TokenParams>, Option<AuthOptions>),
    CreateTokenRequest(Option<TokenParams>, Option<AuthOptions>),
    RevokeTokens(Revocation),
    Request(RestRequest),
    Credentials,
    Time,
    Cancel(OperationId),
    /// A command whose token params or auth options are wrong; it completes with the error.
    Refused {
        /// Which command, as the kind of its line.
        kind: &'static str,
        /// What it was given.
        arguments: OpaqueJson,
        error: Error,
    },
}

/// Both take the same commands, each by its method of that name.
macro_rules! start {
    ($($target:ty),*) => {$(
        impl $target {
            pub(crate) fn start(&mut self, command: Command, now: Now) -> OperationId {
                match command {
                    Command::Authorize(params, options) => self.authorize(params, options, now),
                    Command::RequestToken(params, options) => self.request_token(params, options, now),
                    Command::CreateTokenRequest(params, options) => self.create_token_request(params, options, now),
                    Command::RevokeTokens(revocation) => self.revoke_tokens(revocation, now),
                    Command::Request(request) => self.request(request, now),
                    Command::Credentials => self.credentials(now),
                    Command::Time => self.time(now),
                    Command::Cancel(operation) => self.cancel(operation, now),
                    Command::Refused { error, .. } => self.refuse(error, now),
                }
            }
        }
    )*};
}

start!(AuthMachine, Session);

/// A machine: one with a connection, or one without.
#[derive(Clone, Debug)]
#[allow(clippy::large_enum_variant, reason = "who drives has one, for its whole life")]
pub(crate) enum Driven {
    Machine(AuthMachine),
    Session(Session),
}

impl Driven {
    pub(crate) fn start(&mut self, command: Command, now: Now) -> OperationId {
        match self {
            Self::Machine(machine) => machine.start(command, now),
            Self::Session(session) => session.start(command, now),
        }
    }

    /// Something has happened. An `AuthMachine` has no sockets that anything could happen to.
    pub(crate) fn handle_event(&mut self, event: SessionEvent, now: Now) {
        match (self, event) {
            (Self::Session(session), event) => session.handle_event(event, now),
            (Self::Machine(machine), SessionEvent::Auth(event)) => machine.handle_event(event, now),
            (Self::Machine(_), SessionEvent::Connection(_)) => {}
        }
    }

    pub(crate) fn handle_timeout(&mut self, now: Now) {
        match self {
            Self::Machine(machine) => machine.handle_timeout(now),
            Self::Session(session) => session.handle_timeout(now),
        }
    }

    pub(crate) fn poll_action(&mut self) -> Option<SessionAction> {
        match self {
            Self::Machine(machine) => machine.poll_action().map(SessionAction::Auth),
            Self::Session(session) => session.poll_action(),
        }
    }

    pub(crate) fn poll_timeout(&self) -> Option<(u64, TimerKind)> {
        match self {
            Self::Machine(machine) => machine.poll_timeout(),
            Self::Session(session) => session.poll_timeout(),
        }
    }

    /// The Auth object, to look at.
    pub(crate) fn auth(&self) -> &AuthMachine {
        match self {
            Self::Machine(machine) => machine,
            Self::Session(session) => session.auth(),
        }
    }
}
