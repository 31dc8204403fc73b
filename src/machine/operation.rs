//! One operation: what a command started and exactly one `Complete` ends.

use alloc::boxed::Box;

use super::AuthMachine;
use super::ably_request::{self, AblyRequest, HttpResult, Template};
use super::action::{Credentials, Outcome, Response};
use super::errors;
use super::fetch::{self, Fetch, Input};
use super::io::{Io, Owner};
use super::library::{Generation, Need};
use super::service;
use crate::base::{OperationId, TimerKind};
use crate::http::HttpResponse;
use crate::options::ApiKey;
use crate::wire::{Error, TokenParams};

/// Where an operation stands.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Operation {
    /// An `authorize`, answered by an acquisition or by the connection.
    Authorize,
    /// A `credentials`, answered by an acquisition.
    Credentials,
    RequestToken(Box<Fetch>),
    /// A `create_token_request` that waits for the service's time.
    CreateTokenRequest(Box<Unsigned>),
    RevokeTokens(Box<AblyRequest>),
    Time(Box<AblyRequest>),
    Request(Box<Request>),
}

/// What is to be signed once the service's time is known.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Unsigned {
    pub(super) key: ApiKey,
    pub(super) params: TokenParams,
    pub(super) time: AblyRequest,
}

/// An authenticated request, with what it takes to send it again.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Request {
    /// Without authorization.
    pub(super) template: Template,
    pub(super) state: RequestState,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[allow(clippy::large_enum_variant, reason = "a request is nearly always sent, and in a box already")]
pub(super) enum RequestState {
    AwaitingToken(Chance),
    Sent { request: AblyRequest, with: SentWith, chance: Chance },
}

/// What a request may still do about a rejected token: at most one renewal (`RSA4b`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Chance {
    /// Nothing has been rejected yet.
    Fresh,
    /// A token was rejected that had been replaced already; the current one is being tried.
    Replaced,
    /// A token has been renewed for this request.
    Renewed,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum SentWith {
    Key,
    Token(Generation),
}

impl Operation {
    /// When something happens to it by itself.
    pub(super) fn deadline(&self) -> Option<(u64, TimerKind)> {
        match self {
            Self::Authorize | Self::Credentials => None,
            Self::RequestToken(fetch) => Some(fetch.deadline()),
            Self::CreateTokenRequest(unsigned) => Some(unsigned.time.deadline()),
            Self::RevokeTokens(request) | Self::Time(request) => Some(request.deadline()),
            Self::Request(request) => match &request.state {
                RequestState::AwaitingToken(_) => None,
                RequestState::Sent { request, .. } => Some(request.deadline()),
            },
        }
    }

    /// Gives up what it has under way.
    fn abort(&self, io: &mut Io) {
        match self {
            Self::Authorize | Self::Credentials => {}
            Self::RequestToken(fetch) => fetch.abort(io),
            Self::CreateTokenRequest(unsigned) => unsigned.time.abort(io),
            Self::RevokeTokens(request) | Self::Time(request) => request.abort(io),
            Self::Request(request) => {
                if let RequestState::Sent { request, .. } = &request.state {
                    request.abort(io);
                }
            }
        }
    }

    /// What it does, in words.
    pub(super) fn describe(&self) -> &'static str {
        match self {
            Self::Authorize => "authorize",
            Self::Credentials => "credentials, waiting for a token",
            Self::RequestToken(fetch) => fetch.describe(),
            Self::CreateTokenRequest(_) => "asking for the time to sign a request with",
            Self::RevokeTokens(_) => "revoking tokens",
            Self::Time(_) => "asking for the time",
            Self::Request(request) => match request.state {
                RequestState::AwaitingToken(_) => "request, waiting for a token",
                RequestState::Sent { .. } => "request, waiting for the response",
            },
        }
    }
}

/// What an input makes of an operation that is one request to the service.
enum After<T> {
    Pending(T),
    Done(HttpResult),
}

impl AuthMachine {
    /// Something has happened to an operation's request, callback or deadline.
    pub(super) fn on_operation_input(&mut self, id: OperationId, input: Input) {
        match self.operations.remove(id) {
            None => {}
            Some(operation @ (Operation::Authorize | Operation::Credentials)) => self.operations.insert(id, operation),
            Some(Operation::RequestToken(fetch)) => {
                let progress = fetch.handle(input, Owner::Operation(id), &mut self.io);
                self.on_fetch_progress(id, progress);
            }
            Some(Operation::CreateTokenRequest(mut unsigned)) => match self.advance(unsigned.time.clone(), id, input) {
                After::Pending(time) => {
                    unsigned.time = time;
                    self.operations.insert(id, Operation::CreateTokenRequest(unsigned));
                }
                After::Done(result) => {
                    let Unsigned { key, params, time } = *unsigned;
                    match self.on_time(result) {
                        Ok(_) => self.sign_and_complete(id, &key, &params),
                        Err(error) => self.io.complete(id, Err(time.own(error))),
                    }
                }
            },
            Some(Operation::RevokeTokens(request)) => match self.advance(*request.clone(), id, input) {
                After::Pending(request) => self.operations.insert(id, Operation::RevokeTokens(Box::new(request))),
                After::Done(result) => {
                    let batch = service::read_batch(result).map_err(|error| request.own(error));
                    self.io.complete(id, batch.map(Outcome::BatchResult));
                }
            },
            Some(Operation::Time(request)) => match self.advance(*request.clone(), id, input) {
                After::Pending(request) => self.operations.insert(id, Operation::Time(Box::new(request))),
                After::Done(result) => {
                    let time = self.on_time(result).map_err(|error| request.own(error));
                    self.io.complete(id, time.map(Outcome::Time));
                }
            },
            Some(Operation::Request(request)) => self.on_request_input(id, *request, input),
        }
    }

    /// Carries a request to the service on.
    fn advance(&mut self, mut request: AblyRequest, id: OperationId, input: Input) -> After<AblyRequest> {
        let progress = match input {
            Input::Http(result) => request.on_result(result, &mut self.io),
            _ => request.on_timeout(&mut self.io),
        };
        match progress {
            ably_request::Progress::Retry { next_host, .. } => {
                request.send_next(next_host, None, Owner::Operation(id), &mut self.io);
                After::Pending(request)
            }
            ably_request::Progress::Done(result) => After::Done(result),
        }
    }

    pub(super) fn on_fetch_progress(&mut self, id: OperationId, progress: fetch::Progress) {
        match progress {
            fetch::Progress::Pending(fetch) => self.operations.insert(id, Operation::RequestToken(Box::new(fetch))),
            fetch::Progress::Done(Ok(details)) => self.io.complete(id, Ok(Outcome::TokenDetails(Some(details)))),
            fetch::Progress::Done(Err(failure)) => self.io.complete(id, Err(failure.error)),
        }
    }

    fn on_time(&mut self, result: HttpResult) -> Result<i64, Error> {
        let time = service::read_time(result)?;
        self.io.clock.on_server_time(time);
        Ok(time)
    }

    pub(super) fn sign_and_complete(&mut self, id: OperationId, key: &ApiKey, params: &TokenParams) {
        let signed = service::sign(key, params, &mut self.io);
        self.io.complete(id, signed.map(Outcome::TokenRequest));
    }

    /// Sends a request, or has it wait for a token.
    pub(super) fn send_or_wait(&mut self, id: OperationId, template: Template, chance: Chance) {
        match self.need_credentials() {
            Need::Met(credentials) => self.send_request(id, template, chance, &credentials),
            Need::Acquiring => {
                let chance = match chance {
                    Chance::Fresh => Chance::Fresh,
                    // There is none to be tried: the next one is its renewal.
                    Chance::Replaced | Chance::Renewed => Chance::Renewed,
                };
                let request = Request { template, state: RequestState::AwaitingToken(chance) };
                self.operations.insert(id, Operation::Request(Box::new(request)));
                self.wait_for_token(id);
            }
            Need::Hopeless(error) => self.io.complete(id, Err(error)),
        }
    }

    pub(super) fn wait_for_token(&mut self, id: OperationId) {
        if let Some(acquisition) = &mut self.acquisition {
            acquisition.claims.waiters.insert(id);
        }
    }

    /// There are credentials for an operation that waited for them.
    pub(super) fn resume(&mut self, id: OperationId, credentials: &Credentials) {
        match self.operations.remove(id) {
            Some(Operation::Credentials) => self.io.complete(id, Ok(Outcome::Credentials(credentials.clone()))),
            Some(Operation::Request(request)) => match request.state {
                RequestState::AwaitingToken(chance) => self.send_request(id, request.template, chance, credentials),
                RequestState::Sent { .. } => self.operations.insert(id, Operation::Request(request)),
            },
            Some(operation) => self.operations.insert(id, operation),
            None => {}
        }
    }

    fn send_request(&mut self, id: OperationId, template: Template, chance: Chance, credentials: &Credentials) {
        let with = if credentials.key().is_some() { SentWith::Key } else { SentWith::Token(self.generation) };
        let authorized = template.clone().with_authorization(credentials.authorization());
        let request = AblyRequest::start(authorized, Owner::Operation(id), &mut self.io);
        let request = Request { template, state: RequestState::Sent { request, with, chance } };
        self.operations.insert(id, Operation::Request(Box::new(request)));
    }

    fn on_request_input(&mut self, id: OperationId, operation: Request, input: Input) {
        let Request { template, state } = operation;
        let RequestState::Sent { request, with, chance } = state else {
            return self.operations.insert(id, Operation::Request(Box::new(Request { template, state })));
        };
        match self.advance(request.clone(), id, input) {
            After::Pending(request) => {
                let request = Request { template, state: RequestState::Sent { request, with, chance } };
                self.operations.insert(id, Operation::Request(Box::new(request)));
            }
            After::Done(Err(failure)) => self.io.complete(id, Err(request.own(errors::transport(&failure)))),
            After::Done(Ok(response)) => {
                let error = errors::error_of(&response).map(|error| request.own(error));
                match (error, with) {
                    (Some(error), SentWith::Token(generation)) if response.status == 401 && error.is_token_error() => {
                        self.on_token_rejected(id, template, error, generation, chance);
                    }
                    (error, _) => self.io.complete(id, Ok(Outcome::Response(answer(response, error.as_ref())))),
                }
            }
        }
    }

    /// A request got a token error: one renewal at most, and one retry with what it brings (`RSA4b`, `RSC10`).
    fn on_token_rejected(
        &mut self,
        id: OperationId,
        template: Template,
        error: Error,
        generation: Generation,
        chance: Chance,
    ) {
        let is_current = generation == self.generation;
        if is_current {
            self.drop_token(Some(&error));
            self.on_token_found_rejected();
        }
        let chance = match (chance, is_current) {
            (Chance::Renewed, _) => return self.io.complete(id, Err(error)),
            (Chance::Fresh, false) => Chance::Replaced,
            _ => Chance::Renewed,
        };
        self.send_or_wait(id, template, chance);
    }

    /// Ends an operation with an error.
    pub(super) fn fail_operation(&mut self, id: OperationId, error: Error) {
        if let Some(operation) = self.operations.remove(id) {
            operation.abort(&mut self.io);
            self.io.complete(id, Err(error));
        }
    }

    /// Ends an operation at its owner's wish. What it shares with others goes on for them.
    pub(super) fn cancel_operation(&mut self, id: OperationId) -> bool {
        let Some(operation) = self.operations.remove(id) else { return false };
        operation.abort(&mut self.io);
        if let Some(acquisition) = &mut self.acquisition {
            acquisition.claims.waiters.remove(&id);
            acquisition.claims.authorizing.remove(&id);
        }
        self.forget_awaiting(id);
        self.io.complete(id, Err(errors::cancelled()));
        self.abandon_acquisition_if_unwanted();
        true
    }
}

/// The service's answer with Ably's code and words, where it has them (`HP6`, `HP7`).
fn answer(response: HttpResponse, error: Option<&Error>) -> Response {
    Response { error_code: error.map(Error::code), error_message: error.map(|error| error.message().into()), response }
}
