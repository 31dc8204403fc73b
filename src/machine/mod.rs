//! The Auth object as a state machine: [`AuthMachine`].
//!
//! It holds the options, the library's token, and the operations under way. It never opens a socket, reads a
//! clock, sleeps, or asks for randomness: every input carries the time, and whatever is to be done comes out as
//! an [`Action`].
//!
//! Where it stands with its own token ([`AuthState`]), and what one command or input may make of that:
//!
#![doc = include_str!("states.md")]
//!
//! # Where to find what
//!
//! | module | holds |
//! | --- | --- |
//! | `library` | the library's own token: judged, acquired, adopted, dropped |
//! | `fetch` | one token from one source: callback, authUrl, key |
//! | `auth_url`, `obtained` | the authUrl's request and redirects; what sources may give |
//! | `ably_request` | one request to the service: hosts, attempts, deadlines |
//! | `operation`, `operations` | what a command started; the index of deadlines |
//! | `attached` | the connection that the environment owns |
//! | `policy`, `settings` | stored arguments; what never changes |

mod ably_request;
mod action;
mod attached;
mod auth_url;
mod clock;
mod command;
mod commands;
mod errors;
mod event;
mod explain;
mod fetch;
mod hosts;
mod io;
mod library;
mod obtained;
mod operation;
mod operations;
mod policy;
mod service;
mod settings;
mod states;

use alloc::boxed::Box;

use crate::base::{Counter, NoticeKind, NoticeLevel, Now, OperationId, Random, TimerKind};
use crate::http::HttpRequest;
use crate::options::{AuthScheme, ClientOptions};
use crate::wire::{Error, Secret, TokenDetails, TokenRequest};

use attached::Attached;
use clock::Clock;
use io::{Io, Owner};
use library::{Acquisition, Generation, Token};
use operations::Operations;
use policy::{Given, Policy};
use settings::Settings;

pub use action::{Action, Credentials, Outcome, Response};
pub use command::{RestRequest, Revocation};
pub use event::{CallbackValue, ConnectionEvent, Event, OpaqueJson};
pub use explain::Explanation;
pub use states::AuthState;

/// The Auth object of one client.
///
/// There are four kinds of methods, in this order:
///
/// - **commands** start an operation and return its id: [`authorize`](Self::authorize),
///   [`request_token`](Self::request_token), [`create_token_request`](Self::create_token_request),
///   [`revoke_tokens`](Self::revoke_tokens), [`request`](Self::request), [`credentials`](Self::credentials),
///   [`time`](Self::time), [`cancel`](Self::cancel). Each is answered by exactly one [`Action::Complete`];
/// - **inputs** say what has happened: [`handle_event`](Self::handle_event),
///   [`handle_timeout`](Self::handle_timeout);
/// - **outputs** say what to do, and when to come back: [`poll_action`](Self::poll_action),
///   [`poll_timeout`](Self::poll_timeout);
/// - **views** look and change nothing: [`client_id`](Self::client_id), [`token_details`](Self::token_details),
///   [`auth_method`](Self::auth_method), [`explain`](Self::explain).
///
/// After any command or input, take actions until there are none, and do them in order. Then wait for whatever
/// comes first: an answer to report, or the time of `poll_timeout`.
///
/// The same options, seed and inputs give the same actions, byte for byte, on every platform.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct AuthMachine {
    io: Io,
    policy: Policy,
    token: Token,
    generation: Generation,
    /// The token that was rejected last, until another one is in use.
    rejected: Option<Box<Secret>>,
    /// A signed request from the client options that has not been exchanged yet (`TO3j2`).
    given: Option<Box<TokenRequest>>,
    acquisition: Option<Box<Acquisition>>,
    operations: Operations,
    operation_ids: Counter,
    connection: Option<Box<Attached>>,
    ignored: u64,
}

/// How much of the answer to a plain request is read.
const PLAIN_BODY_LIMIT: usize = 4_096;

/// Construction and inputs.
impl AuthMachine {
    /// A machine with these options. Everything random in it comes from the seed: give it 32 bytes that nobody can
    /// guess, such as from the operating system.
    ///
    /// # Errors
    ///
    /// Where the options contradict each other or leave no way to authenticate: see [`ClientOptions::check`].
    pub fn new(options: ClientOptions, seed: [u8; 32], now: Now) -> Result<AuthMachine, Error> {
        let settings = Settings::new(&options);
        let (policy, given) = Policy::new(options)?;
        let mut machine = AuthMachine {
            io: Io::new(settings, Clock::new(now), Random::new(seed)),
            policy,
            token: Token::None,
            generation: Generation::default(),
            rejected: None,
            given: None,
            acquisition: None,
            operations: Operations::default(),
            operation_ids: Counter::default(),
            connection: None,
            ignored: 0,
        };
        machine.take_given(given);
        Ok(machine)
    }

    /// A request for somebody who shares this machine's HTTP client and its ids; the answer is not for this machine.
    pub(crate) fn plain_request(&mut self, request: HttpRequest, timeout: u32) -> Action {
        let id = self.io.reserve_http_id();
        let open_timeout = self.io.settings.http_open_timeout;
        let body_limit = PLAIN_BODY_LIMIT;
        Action::SendHttp { id, request, timeout, open_timeout, body_limit, operation: None }
    }

    /// Whether there is a way to get another token (`RSA4a`).
    pub(crate) fn can_renew(&self) -> bool {
        self.policy.can_renew()
    }

    fn take_given(&mut self, given: Given) {
        if self.policy.scheme() == AuthScheme::Basic {
            return;
        }
        match given {
            Given::None => return,
            Given::Token(details) => self.hold_given(details),
            Given::Request(request) => self.given = Some(Box::new(request)),
        }
        if !self.policy.can_renew() {
            self.io.notice(
                NoticeLevel::Info,
                NoticeKind::TokenNotRenewable,
                Some("RSA4a1"),
                "the client has a token and no way to renew it: it will fail with error 40171 once the token has expired. \
                 See https://help.ably.io/error/40171",
                None,
            );
        }
    }

    /// Something has happened.
    ///
    /// What a server or a callback did wrong is the outcome of an operation, never an error here. Answers that come
    /// late or twice, or whose id was never given out, are ignored and counted ([`ignored`](Self::ignored)).
    pub fn handle_event(&mut self, event: Event, now: Now) {
        let before = self.state();
        self.advance_clock(now);
        self.on_event(event);
        self.check_transition(before);
    }

    fn on_event(&mut self, event: Event) {
        match event {
            Event::HttpResponse { id, response } => {
                let owner = self.io.take_http_owner(id);
                self.route(owner, fetch::Input::Http(Ok(response)));
            }
            Event::HttpFailed { id, failure } => {
                let owner = self.io.take_http_owner(id);
                self.route(owner, fetch::Input::Http(Err(failure)));
            }
            Event::CallbackResult { id, value } => {
                let owner = self.io.take_callback_owner(id);
                self.route(owner, fetch::Input::Callback(Ok(value)));
            }
            Event::CallbackFailed { id, error } => {
                let owner = self.io.take_callback_owner(id);
                self.route(owner, fetch::Input::Callback(Err(error)));
            }
            Event::TokenExpired {} => self.on_token_invalid(None),
            Event::TokenRejected { token, error } => {
                let is_current = self.token_details().is_some_and(|details| details.token == token);
                if is_current {
                    self.on_token_invalid(Some(&error.without_secret(token.expose())));
                }
            }
            Event::Connection(event) => {
                let reason = event.reason.map(|reason| match &self.token {
                    Token::Held(held) => reason.without_secret(held.details.token.expose()),
                    Token::None | Token::Lost(_) => reason,
                });
                self.on_connection_event(ConnectionEvent { reason, ..event });
            }
            Event::ReauthRequested {} => self.on_reauth_requested(),
        }
    }

    /// The time of [`poll_timeout`](Self::poll_timeout) has come, or may have. Afterwards `poll_timeout` is later
    /// than now, or `None`.
    pub fn handle_timeout(&mut self, now: Now) {
        self.advance_clock(now);
        while let Some((at, due)) = self.next_due() {
            if at > self.io.clock.mono() {
                break;
            }
            let before = self.state();
            match due {
                Due::Acquisition(timer) => self.on_acquisition_timeout(timer),
                Due::Operation(_, id) => self.on_operation_input(id, fetch::Input::Timeout),
                Due::Upgrade(_) => self.on_upgrade_timeout(),
            }
            self.check_transition(before);
        }
    }

    fn check_transition(&self, before: AuthState) {
        let after = self.state();
        debug_assert!(before.may_become(after), "{before:?} -> {after:?} is not in the table");
    }

    fn route(&mut self, owner: Option<Owner>, input: fetch::Input) {
        match owner {
            Some(Owner::Acquisition) => self.on_acquisition_input(input),
            Some(Owner::Operation(id)) => self.on_operation_input(id, input),
            None => self.ignored += 1,
        }
    }

    /// The current token is none any more, says the environment. Whoever uses it gets the next one.
    fn on_token_invalid(&mut self, rejection: Option<&Error>) {
        if let Token::Held(_) = self.token {
            self.drop_token(rejection);
            if self.connection.is_some() {
                self.renew_for_connection();
            }
            if rejection.is_some() {
                self.on_token_found_rejected();
            }
        }
    }

    fn advance_clock(&mut self, now: Now) {
        if self.io.clock.advance(now) {
            self.on_clock_jumped();
        }
    }

    fn next_due(&self) -> Option<(u64, Due)> {
        let acquisition = self.acquisition_deadline().map(|(at, timer)| (at, Due::Acquisition(timer)));
        let operation = self.operations.next_deadline().map(|(at, timer, id)| (at, Due::Operation(timer, id)));
        let upgrade = self.upgrade_deadline().map(|(at, timer)| (at, Due::Upgrade(timer)));
        [acquisition, operation, upgrade].into_iter().flatten().min_by_key(|(at, _)| *at)
    }
}

/// Whose deadline it is.
#[derive(Clone, Copy)]
enum Due {
    Acquisition(TimerKind),
    Operation(TimerKind, OperationId),
    Upgrade(TimerKind),
}

impl Due {
    fn timer(self) -> TimerKind {
        match self {
            Self::Acquisition(timer) | Self::Operation(timer, _) | Self::Upgrade(timer) => timer,
        }
    }
}

/// Outputs.
impl AuthMachine {
    /// The next thing to do, if any. Everything there is to do is here at once, never only after a timeout.
    pub fn poll_action(&mut self) -> Option<Action> {
        let action = self.io.outbox.pop_front();
        if action.is_none() {
            self.io.shrink();
            self.operations.shrink();
        }
        action
    }

    /// When to call [`handle_timeout`](Self::handle_timeout), by the monotonic clock, and what for. It may change
    /// with every command and input.
    pub fn poll_timeout(&self) -> Option<(u64, TimerKind)> {
        self.next_due().map(|(at, due)| (at, due.timer()))
    }
}

/// Views.
impl AuthMachine {
    /// Who the client is (`RSA7`, `RSA12`): the client options' id, else the current token's, `*` included, else
    /// what CONNECTED said. It may change with every token and connection, unless the options fixed it.
    pub fn client_id(&self) -> Option<&str> {
        let of_token = || self.token_details().and_then(|details| details.client_id.as_deref());
        let of_connection = || self.connection.as_ref().and_then(|connection| connection.client_id());
        self.io.settings.client_id.as_deref().or_else(of_token).or_else(of_connection)
    }

    /// The token in use, if any (`RSA16`). None with basic auth, before the first token, and once it has been
    /// rejected or has expired.
    pub fn token_details(&self) -> Option<&TokenDetails> {
        match &self.token {
            Token::Held(held) => Some(&held.details),
            Token::None | Token::Lost(_) => None,
        }
    }

    /// How the client authenticates (`RSA2`, `RSA3`). It changes with `authorize` alone.
    pub fn auth_method(&self) -> AuthScheme {
        self.policy.scheme()
    }

    /// Where the machine stands with its own credentials.
    pub fn state(&self) -> AuthState {
        AuthState::of(self)
    }

    /// The credentials in hand, borrowed: the key's, or the current token's without judging whether it has expired.
    /// [`credentials`](Self::credentials) judges, and gets a token where there is none.
    pub fn peek_credentials(&self) -> Option<&Credentials> {
        match (self.policy.basic_credentials(), &self.token) {
            (Some(credentials), _) => Some(credentials),
            (None, Token::Held(held)) => Some(&held.credentials),
            (None, Token::None | Token::Lost(_)) => None,
        }
    }

    /// How many answers have been ignored because they came late or twice, or had an unknown id.
    pub fn ignored(&self) -> u64 {
        self.ignored
    }

    /// Counts them anew. Nothing else depends on it.
    #[cfg(feature = "testkit")]
    pub(crate) fn forget_ignored(&mut self) {
        self.ignored = 0;
    }

    /// What the machine is doing and waiting for, for people. It holds no secret.
    pub fn explain(&self) -> Explanation {
        Explanation::of(self)
    }
}
