//! Getting one token from one source, whoever it is for (`RSA8`).
//!
//! ```text
//! key:       [AskingTime] -> Exchanging
//! callback:  Calling   -> (token) | Exchanging
//! authUrl:   AskingUrl -> (token) | Exchanging
//! given:     Exchanging
//! ```
//!
//! A fetch changes nothing in the library; its owner decides what becomes of the token. It asks each party
//! once, with one exception: a signed request from elsewhere that the service takes for a replay, because it had
//! to be sent twice, is asked for once more.

use alloc::string::String;
use alloc::sync::Arc;

use super::ably_request::{self, AblyRequest, HttpResult, Template};
use super::auth_url::{self, AuthUrlRequest};
use super::clock::Freshness;
use super::errors::{self, Origin};
use super::event::CallbackValue;
use super::io::{Io, Owner};
use super::obtained::{self, Obtained};
use super::service;
use crate::base::{CallbackId, TimerKind};
use crate::options::{ApiKey, AuthOptions};
use crate::wire::wiped::object_of;
use crate::wire::{Error, Secret, TokenDetails, TokenParams, TokenRequest, codes, is_key_name};

/// Where the token comes from.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Source {
    /// A callback of the environment, by name.
    Callback(String),
    /// The authUrl of these options.
    Url(Arc<AuthOptions>),
    /// A key to sign with.
    Key(ApiKey),
    /// A signed request that was given as an option (`TO3j2`).
    Given(TokenRequest),
}

/// A token that is being fetched.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Fetch {
    source: Source,
    params: TokenParams,
    query_time: bool,
    state: State,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum State {
    AskingTime(AblyRequest),
    Calling { id: CallbackId, times_out_at: u64, round: Round },
    AskingUrl { request: AuthUrlRequest, round: Round },
    Exchanging { request: AblyRequest, token_request: TokenRequest, sent: Sent, round: Round },
}

/// Whether the source may be asked again, should the service take its signed request for a replay.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Round {
    First,
    Last,
}

/// How often a signed request may have reached the service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Sent {
    Once,
    PerhapsTwice,
}

/// Why no token could be fetched.
#[derive(Clone, Debug)]
pub(super) struct FetchError {
    pub(super) error: Error,
    pub(super) consequence: Consequence,
}

/// What a failure means for a connection that wanted the token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Consequence {
    /// It may try again (`RSA4c`).
    Retry,
    /// It has no business here (`RSA4d`).
    Forbidden,
    /// The token is bound to another client id (`RSA15c`).
    WrongIdentity,
}

impl From<Error> for FetchError {
    fn from(error: Error) -> Self {
        let forbidden = error.status_code() == 403;
        FetchError { error, consequence: if forbidden { Consequence::Forbidden } else { Consequence::Retry } }
    }
}

/// Where a fetch stands after something happened to it.
#[allow(clippy::large_enum_variant, reason = "it is taken apart where it is returned")]
pub(super) enum Progress {
    Pending(Fetch),
    Done(Result<TokenDetails, FetchError>),
}

/// Something that happened to a fetch.
pub(super) enum Input {
    Http(HttpResult),
    Callback(Result<CallbackValue, Error>),
    Timeout,
}

impl Fetch {
    /// Asks the source.
    pub(super) fn start(source: Source, params: TokenParams, query_time: bool, owner: Owner, io: &mut Io) -> Progress {
        match ask(&source, &params, query_time, Round::First, owner, io) {
            Ok(state) => Progress::Pending(Fetch { source, params, query_time, state }),
            Err(error) => Progress::Done(Err(error.into())),
        }
    }

    /// Takes what happened. Only what the fetch waits for reaches it.
    pub(super) fn handle(self, input: Input, owner: Owner, io: &mut Io) -> Progress {
        let Fetch { source, params, query_time, state } = self;
        let step = Step { source: &source, params: &params, query_time, owner };
        match step.take(state, input, io) {
            Ok(Next::State(state)) => Progress::Pending(Fetch { source, params, query_time, state }),
            Ok(Next::Token(details)) => Progress::Done(fresh(details, step.origin(), io).map_err(Into::into)),
            Err(error) => Progress::Done(Err(error)),
        }
    }

    pub(super) fn deadline(&self) -> (u64, TimerKind) {
        match &self.state {
            State::AskingTime(request) | State::Exchanging { request, .. } => request.deadline(),
            State::Calling { times_out_at, .. } => (*times_out_at, TimerKind::Callback),
            State::AskingUrl { request, .. } => (request.times_out_at(), TimerKind::AuthUrl),
        }
    }

    /// What it waits for, in words.
    pub(super) fn describe(&self) -> &'static str {
        match self.state {
            State::AskingTime(_) => "asking the service for its time",
            State::Calling { .. } => "waiting for the authCallback",
            State::AskingUrl { .. } => "waiting for the authUrl",
            State::Exchanging { .. } => "exchanging a signed request",
        }
    }

    /// Gives it up.
    pub(super) fn abort(&self, io: &mut Io) {
        match &self.state {
            State::AskingTime(request) | State::Exchanging { request, .. } => request.abort(io),
            State::Calling { id, .. } => io.forget_callback(*id),
            State::AskingUrl { request, .. } => request.abort(io),
        }
    }
}

/// Details that have already expired are no token: by the server's time, or by their own `issued`.
fn fresh(details: TokenDetails, origin: Origin, io: &mut Io) -> Result<TokenDetails, Error> {
    let issued = details.issued.map(|issued| io.clock.reading(issued));
    let expired = details.expires.is_some_and(|expires| io.clock.freshness(expires, issued) == Freshness::Expired);
    if expired {
        // A token that has just come says that the server's time may be wrong; else every one to come would be refused.
        io.clock.forget_server_time();
        return Err(errors::malformed_token(origin, "gave a token that has already expired"));
    }
    Ok(details)
}

/// Puts the question to the source.
fn ask(
    source: &Source,
    params: &TokenParams,
    query_time: bool,
    round: Round,
    owner: Owner,
    io: &mut Io,
) -> Result<State, Error> {
    Ok(match source {
        Source::Callback(name) => {
            let id = io.invoke_callback(owner, name, params);
            let times_out_at = io.clock.after(io.settings.realtime_request_timeout);
            State::Calling { id, times_out_at, round }
        }
        Source::Url(options) => {
            let url = options.auth_url.as_ref().ok_or_else(|| errors::not_renewable(None))?;
            State::AskingUrl { request: AuthUrlRequest::start(options, url, params, owner, io), round }
        }
        Source::Key(_) if service::must_ask_time(params, query_time, io) => {
            State::AskingTime(service::ask_time(owner, io))
        }
        Source::Key(key) => exchange(service::sign(key, params, io)?, Sent::Once, round, owner, io)?,
        Source::Given(request) => exchange(request.clone(), Sent::Once, Round::Last, owner, io)?,
    })
}

/// Sends a signed request to the service. It is sent without other credentials.
fn exchange(token_request: TokenRequest, sent: Sent, round: Round, owner: Owner, io: &mut Io) -> Result<State, Error> {
    if !is_key_name(&token_request.key_name) {
        return Err(errors::no_key_name());
    }
    let path = service::key_path(&token_request.key_name, "requestToken");
    let template = Template::new("POST", &path, io).with_body(body(&token_request));
    Ok(State::Exchanging { request: AblyRequest::start(template, owner, io), token_request, sent, round })
}

fn body(token_request: &TokenRequest) -> Secret {
    object_of(token_request, &["keyName", "ttl", "capability", "clientId", "timestamp", "nonce"])
}

/// What follows from an input.
#[allow(clippy::large_enum_variant, reason = "it is taken apart where it is returned")]
enum Next {
    State(State),
    Token(TokenDetails),
}

/// The unchanging part of a fetch, while it takes a step.
struct Step<'a> {
    source: &'a Source,
    params: &'a TokenParams,
    query_time: bool,
    owner: Owner,
}

impl Step<'_> {
    fn take(&self, state: State, input: Input, io: &mut Io) -> Result<Next, FetchError> {
        match (state, input) {
            (State::AskingTime(request), input) => self.on_time(request, input, io),
            (State::Calling { round, .. }, Input::Callback(Ok(value))) => {
                self.on_obtained(obtained::from_callback(value)?, round, io)
            }
            (State::Calling { .. }, Input::Callback(Err(error))) => Err(callback_failed(error).into()),
            (State::Calling { id, .. }, Input::Timeout) => {
                io.forget_callback(id);
                Err(self.timed_out(Origin::Callback, io))
            }
            (State::AskingUrl { request, round }, Input::Http(result)) => self.on_auth_url(request, result, round, io),
            (State::AskingUrl { request, .. }, Input::Timeout) => {
                request.abort(io);
                Err(self.timed_out(Origin::Url, io))
            }
            (State::Exchanging { request, token_request, sent, round }, input) => {
                self.on_exchange(request, token_request, sent, round, input, io)
            }
            // Routing by id leaves no other pairs.
            (state, _) => Ok(Next::State(state)),
        }
    }

    fn origin(&self) -> Origin {
        match self.source {
            Source::Callback(_) => Origin::Callback,
            Source::Url(_) => Origin::Url,
            Source::Key(_) | Source::Given(_) => Origin::Exchange,
        }
    }

    fn timed_out(&self, origin: Origin, io: &Io) -> FetchError {
        errors::source_timed_out(origin, io.settings.realtime_request_timeout).into()
    }

    fn on_time(&self, mut request: AblyRequest, input: Input, io: &mut Io) -> Result<Next, FetchError> {
        let progress = match input {
            Input::Http(result) => request.on_result(result, io),
            _ => request.on_timeout(io),
        };
        match progress {
            ably_request::Progress::Retry { next_host, .. } => {
                request.send_next(next_host, None, self.owner, io);
                Ok(Next::State(State::AskingTime(request)))
            }
            ably_request::Progress::Done(result) => {
                let time = service::read_time(result).map_err(|error| request.own(error))?;
                io.clock.on_server_time(time);
                ask(self.source, self.params, self.query_time, Round::First, self.owner, io)
                    .map(Next::State)
                    .map_err(Into::into)
            }
        }
    }

    fn on_obtained(&self, obtained: Obtained, round: Round, io: &mut Io) -> Result<Next, FetchError> {
        Ok(match obtained {
            Obtained::Token(details) => Next::Token(details),
            Obtained::Request(request) => Next::State(exchange(request, Sent::Once, round, self.owner, io)?),
        })
    }

    fn on_auth_url(
        &self,
        request: AuthUrlRequest,
        result: HttpResult,
        round: Round,
        io: &mut Io,
    ) -> Result<Next, FetchError> {
        let response = result.map_err(|failure| errors::source_failed(Origin::Url, errors::transport(&failure)))?;
        let sent = request.clone();
        match request.on_response(response, self.owner, io)? {
            auth_url::Progress::Redirected(request) => Ok(Next::State(State::AskingUrl { request, round })),
            auth_url::Progress::Answered(response) if response.is_success() => {
                self.on_obtained(obtained::from_auth_url(&response)?, round, io)
            }
            auth_url::Progress::Answered(response) => {
                let error = match errors::body_error(&response) {
                    Some(error) => error,
                    None => errors::source_failed(Origin::Url, errors::of_status(response.status)),
                };
                let failure = FetchError::from(sent.own(error));
                // The status counts, whatever the body says of it.
                Err(if response.status == 403 {
                    FetchError { consequence: Consequence::Forbidden, ..failure }
                } else {
                    failure
                })
            }
        }
    }

    fn on_exchange(
        &self,
        mut request: AblyRequest,
        token_request: TokenRequest,
        sent: Sent,
        round: Round,
        input: Input,
        io: &mut Io,
    ) -> Result<Next, FetchError> {
        let progress = match input {
            Input::Http(result) => request.on_result(result, io),
            _ => request.on_timeout(io),
        };
        let result = match progress {
            ably_request::Progress::Done(result) => result,
            ably_request::Progress::Retry { next_host, may_have_reached_server } => {
                let state = match self.source {
                    Source::Key(key) if may_have_reached_server => {
                        // A signed request is good for one use.
                        let token_request = service::sign(key, self.params, io)?;
                        request.send_next(next_host, Some(body(&token_request)), self.owner, io);
                        State::Exchanging { request, token_request, sent, round }
                    }
                    _ => {
                        request.send_next(next_host, None, self.owner, io);
                        let sent = if may_have_reached_server { Sent::PerhapsTwice } else { sent };
                        State::Exchanging { request, token_request, sent, round }
                    }
                };
                return Ok(Next::State(state));
            }
        };
        match service::read_token(result).map_err(|error| request.own(error)) {
            Ok(details) => Ok(Next::Token(details)),
            Err(error) => {
                let replayed = error.code() == codes::NONCE_REPLAYED && sent == Sent::PerhapsTwice;
                if replayed && round == Round::First {
                    let state = ask(self.source, self.params, self.query_time, Round::Last, self.owner, io)?;
                    return Ok(Next::State(state));
                }
                let signed_by_clock = matches!(self.source, Source::Key(_)) && self.params.timestamp.is_none();
                if signed_by_clock && error.code() == codes::TIMESTAMP_NOT_CURRENT {
                    // Else every request to come would be signed with that time, and be refused.
                    io.clock.forget_server_time();
                }
                let mac = token_request.mac.as_ref().map_or("", crate::wire::Secret::expose);
                Err(error.without_secret(mac).into())
            }
        }
    }
}

/// An error of a callback: Ably's is passed through, any other is wrapped (`RSA4e`).
fn callback_failed(error: Error) -> Error {
    if error.code() == 0 {
        return errors::source_failed(Origin::Callback, error);
    }
    let status =
        if error.status_code() == 0 { u16::try_from(error.code() / 100).unwrap_or(0) } else { error.status_code() };
    let code = error.code();
    error.with_codes(code, status)
}
