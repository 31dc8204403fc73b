//! A scripted environment in virtual time around an [`AuthMachine`](crate::AuthMachine) or a
//! [`Session`](crate::Session).
//!
//! A test gives commands to a [`Harness`], answers what the machine asks for (or has a handler do it), plays the
//! service over the sockets it opens, and lets time pass. Nothing that the machine does goes unnoticed: each action is
//! expected by the test or answered by a handler, and what is left over when the harness is dropped fails the test.
//!
//! With handlers a whole flow runs within the command that starts it; without, the test answers step by step.

mod clock;
mod commands;
mod expectations;
mod history;
mod inputs;
mod machine;
mod messages;
mod rounds;
mod session;
mod session_expectations;
mod subject;

use alloc::boxed::Box;
use alloc::collections::{BTreeSet, VecDeque};
use alloc::format;
use alloc::vec::Vec;
use core::fmt;

use serde_json::Value;

use crate::connection::ConnectionStateChange;
use crate::options::{AuthScheme, ClientOptions};
use crate::wire::TokenDetails;
use crate::{AuthMachine, Error, HttpId, Now, OperationId, Session, SessionAction, TimerKind};

pub use clock::{Clock, UNIX_START};
pub use messages::{
    Answer, Callback, Http, Reply, Socket, ably_error, error, respond, respond_raw, respond_text, token,
};
pub use subject::Subject;

use history::History;
use rounds::SocketStage;

/// A key for tests.
pub const KEY: &str = "appId.keyId:keySecret";

const SEED: [u8; 32] = [7; 32];

type HttpHandler = Box<dyn FnMut(&Http) -> Answer>;
type CallbackHandler = Box<dyn FnMut(&Callback) -> Reply>;

/// A machine or a session in an environment that a test plays.
///
/// After every input it takes in all that the machine has to say, gives the answers of the handlers, and checks what
/// holds always: nothing hides until the next timeout, no deadline lies in the past, an operation completes exactly
/// once, only what is in flight is aborted, one socket is open at most and is used only while it is, changes of the
/// connection follow each other and agree with the views, and `TokenChanged` agrees with its view.
///
/// What the machine does then waits for an expectation, an `expect_...`. Those of a session come in the order in which
/// it happened, ends of operations included. A machine alone is expected to do one such thing, whatever else it does,
/// and the ends of its operations are looked at by their ids. Changes of the token, and notices for debugging, are not
/// expected: see [`token_changes`](Self::token_changes). What a handler answers is not, either: see
/// [`requests`](Self::requests) and [`callbacks`](Self::callbacks).
///
/// # Panics
///
/// Every method, where something does not hold; `expect_...` where it is not there. The message shows the last inputs
/// and actions, without their secrets. Dropping it panics where something is left that nobody has expected, or that
/// has not ended; [`finish`](Self::finish) does so where it is called, and [`abandon`](Self::abandon) does not.
///
/// ```
/// use ably_auth::AuthMachine;
/// use ably_auth::testkit::{Harness, respond, token};
/// use serde_json::json;
///
/// let mut client = Harness::<AuthMachine>::new(json!({"authCallback": "my-server"}));
/// let operation = client.request("GET", "/channels/news");
///
/// // It wants a token first.
/// let callback = client.expect_callback();
/// client.callback_returns(&callback, token("a-token"));
/// let http = client.expect_http();
/// assert_eq!(http.authorization(), Some("Bearer a-token"));
///
/// client.respond(&http, 200, json!({}));
/// assert_eq!(client.expect_response(operation).response.status, 200);
/// client.finish();
/// ```
pub struct Harness<M: Subject> {
    subject: M,
    clock: Clock,
    /// Every HTTP request so far.
    pub requests: Vec<Http>,
    /// Every call of a callback so far.
    pub callbacks: Vec<Callback>,
    /// Every socket so far.
    pub sockets: Vec<Socket>,
    /// Every change of the connection so far, updates included.
    pub changes: Vec<ConnectionStateChange>,
    /// Every value that the token has changed to.
    pub token_changes: Vec<Option<TokenDetails>>,
    /// What has happened and has not been expected yet.
    queue: VecDeque<SessionAction>,
    history: History,
    socket: SocketStage,
    in_flight: BTreeSet<HttpId>,
    running: BTreeSet<OperationId>,
    known_token: Option<TokenDetails>,
    http_handler: Option<HttpHandler>,
    callback_handler: Option<CallbackHandler>,
    abandoned: bool,
}

/// Construction, with options as JSON.
impl Harness<AuthMachine> {
    /// A machine of these options, which must be acceptable.
    #[track_caller]
    pub fn new(options: Value) -> Self {
        Self::with_seed(options, SEED)
    }

    /// A machine of these options and this seed.
    #[track_caller]
    pub fn with_seed(options: Value, seed: [u8; 32]) -> Self {
        accepted(Self::try_with_seed(&options, seed))
    }

    /// The error that these options are refused with.
    #[track_caller]
    pub fn refusal(options: Value) -> Error {
        Self::try_with_seed(&options, SEED).err().expect("the options are accepted")
    }

    fn try_with_seed(options: &Value, seed: [u8; 32]) -> Result<Self, Error> {
        let clock = Clock::default();
        Ok(Self::around(AuthMachine::new(ClientOptions::from_json(options)?, seed, clock.now())?, clock))
    }

    /// A machine with a callback that returns `token-1`, `token-2` and so on, each valid for an hour.
    #[track_caller]
    pub fn with_numbered_tokens(options: Value) -> Self {
        let mut harness = Self::new(with_callback(options));
        harness.number_tokens();
        harness
    }
}

/// Construction, with options as JSON.
impl Harness<Session> {
    /// A session of these options, which must be acceptable.
    #[track_caller]
    pub fn new(options: Value) -> Self {
        Self::with_seed(options, SEED)
    }

    /// A session of these options and this seed.
    #[track_caller]
    pub fn with_seed(options: Value, seed: [u8; 32]) -> Self {
        let clock = Clock::default();
        let options = ClientOptions::from_json(&options);
        let session = options.and_then(|options| Session::new(options, seed, clock.now()));
        accepted(session.map(|session| Self::around(session, clock)))
    }

    /// A session with a callback that returns `token-1`, `token-2` and so on, each valid for an hour.
    #[track_caller]
    pub fn with_numbered_tokens(options: Value) -> Self {
        let mut harness = Self::new(with_callback(options));
        harness.number_tokens();
        harness
    }

    /// A session with [`KEY`] and these options.
    #[track_caller]
    pub fn with_key(mut options: Value) -> Self {
        options["key"] = KEY.into();
        Self::new(options)
    }

    /// A session that gets tokens for [`KEY`], `token-1`, `token-2` and so on.
    #[track_caller]
    pub fn with_key_and_tokens(mut options: Value) -> Self {
        options["useTokenAuth"] = true.into();
        let mut harness = Self::with_key(options);
        let mut count = 0;
        harness.on_http(move |http| {
            assert!(http.is_exchange(), "an exchange, not {http:?}");
            count += 1;
            respond(200, serde_json::json!(token(&format!("token-{count}"))))
        });
        harness
    }
}

#[track_caller]
fn accepted<T>(made: Result<T, Error>) -> T {
    made.unwrap_or_else(|error| panic!("the options are refused: {error}"))
}

fn with_callback(mut options: Value) -> Value {
    options["authCallback"] = true.into();
    options
}

/// Construction, and handlers.
impl<M: Subject> Harness<M> {
    /// A harness around what was made at this clock's time, and has not been told anything since.
    #[track_caller]
    pub fn around(subject: M, clock: Clock) -> Self {
        let mut harness = Harness {
            known_token: subject.auth().token_details().cloned(),
            subject,
            clock,
            requests: Vec::new(),
            callbacks: Vec::new(),
            sockets: Vec::new(),
            changes: Vec::new(),
            token_changes: Vec::new(),
            queue: VecDeque::new(),
            history: History::default(),
            socket: SocketStage::None,
            in_flight: BTreeSet::new(),
            running: BTreeSet::new(),
            http_handler: None,
            callback_handler: None,
            abandoned: false,
        };
        harness.settle();
        harness
    }

    /// Answers every HTTP request from now on.
    pub fn on_http(&mut self, handler: impl FnMut(&Http) -> Answer + 'static) -> &mut Self {
        self.http_handler = Some(Box::new(handler));
        self
    }

    /// Leaves HTTP requests to the test from now on.
    pub fn hold_http(&mut self) -> &mut Self {
        self.http_handler = None;
        self
    }

    /// Answers every call of a callback from now on.
    pub fn on_callback<R: Into<Reply>>(&mut self, mut handler: impl FnMut(&Callback) -> R + 'static) -> &mut Self {
        self.callback_handler = Some(Box::new(move |callback| handler(callback).into()));
        self
    }

    /// Leaves calls of a callback to the test from now on.
    pub fn hold_callbacks(&mut self) -> &mut Self {
        self.callback_handler = None;
        self
    }

    fn number_tokens(&mut self) {
        self.on_callback(|callback| token(&format!("token-{}", callback.number())));
    }
}

/// Views.
impl<M: Subject> Harness<M> {
    /// What it is around, to look at.
    pub fn subject(&self) -> &M {
        &self.subject
    }

    /// The time.
    pub fn now(&self) -> Now {
        self.clock.now()
    }

    /// How long it is to the next deadline, in milliseconds, and what it is for.
    pub fn deadline(&self) -> Option<(u64, TimerKind)> {
        self.subject.poll_timeout().map(|(at, kind)| (at - self.now().mono, kind))
    }

    /// Whether an operation has not ended yet.
    pub fn is_running(&self, operation: OperationId) -> bool {
        self.running.contains(&operation)
    }

    /// See [`AuthMachine::client_id`].
    pub fn client_id(&self) -> Option<&str> {
        self.subject.auth().client_id()
    }

    /// See [`AuthMachine::token_details`].
    pub fn token_details(&self) -> Option<&TokenDetails> {
        self.subject.auth().token_details()
    }

    /// The text of the current token.
    pub fn token(&self) -> Option<&str> {
        self.token_details().map(|details| details.token.expose())
    }

    /// See [`AuthMachine::auth_method`].
    pub fn auth_method(&self) -> AuthScheme {
        self.subject.auth().auth_method()
    }

    /// See [`AuthMachine::ignored`], [`Session::ignored`].
    pub fn ignored(&self) -> u64 {
        self.subject.ignored()
    }

    /// What the requests so far authorized themselves with, those without left out.
    pub fn authorizations(&self) -> Vec<&str> {
        self.requests.iter().filter_map(Http::authorization).collect()
    }

    /// The hosts that the requests so far went to, in order.
    pub fn hosts(&self) -> Vec<&str> {
        self.requests.iter().map(Http::host).collect()
    }

    /// The last inputs and actions, without their secrets; for people.
    pub fn history(&self) -> impl fmt::Display + '_ {
        &self.history
    }
}
