//! The client: a machine, its time, its commands and events.

use std::collections::{BTreeMap, BTreeSet};

use ably_auth::http::HttpFailureKind;
use ably_auth::options::{AuthOptions, AuthScheme, ClientOptions};
use ably_auth::wire::{TokenDetails, TokenParams};
use ably_auth::{
    Action, AuthMachine, ConnectionEvent, ConnectionState, Error, Event, HttpId, Now, OperationId, Outcome,
    RestRequest, Revocation, TimerKind,
};
use serde_json::Value;

use super::messages::{Answer, Callback, Http, Reply, UNIX_START, respond, token};

/// Not zero, so that a monotonic time is not mistaken for a duration.
const MONO_START: u64 = 5_000;

const SEED: [u8; 32] = [7; 32];

type HttpHandler = Box<dyn FnMut(&Http) -> Answer>;
type CallbackHandler = Box<dyn FnMut(&Callback) -> Reply>;

/// A machine and its environment.
pub struct Client {
    pub(super) machine: AuthMachine,
    pub(super) now: Now,
    /// Every HTTP request so far.
    pub requests: Vec<Http>,
    /// Every call of a callback so far.
    pub callbacks: Vec<Callback>,
    /// Every value that the token has changed to.
    pub token_changes: Vec<Option<TokenDetails>>,
    /// Actions that nobody has expected yet.
    pub(super) unexpected: Vec<Action>,
    pub(super) in_flight: BTreeSet<HttpId>,
    pub(super) running: BTreeSet<OperationId>,
    /// How operations ended whose end nobody has looked at yet.
    pub(super) ended: BTreeMap<OperationId, Result<Outcome, Error>>,
    pub(super) known_token: Option<TokenDetails>,
    pub(super) http_handler: Option<HttpHandler>,
    pub(super) callback_handler: Option<CallbackHandler>,
}

/// Construction.
impl Client {
    /// A client of these options, which must be acceptable.
    #[track_caller]
    pub fn new(options: Value) -> Client {
        Client::with_seed(options, SEED)
    }

    #[track_caller]
    pub fn with_seed(options: Value, seed: [u8; 32]) -> Client {
        match Client::try_with_seed(options, seed) {
            Ok(client) => client,
            Err(error) => panic!("the options are refused: {error}"),
        }
    }

    /// The error that these options are refused with.
    #[track_caller]
    pub fn refusal(options: Value) -> Error {
        Client::try_with_seed(options, SEED).err().expect("the options are accepted")
    }

    fn try_with_seed(options: Value, seed: [u8; 32]) -> Result<Client, Error> {
        let now = Now::new(MONO_START, UNIX_START);
        let machine = AuthMachine::new(ClientOptions::from_json(&options)?, seed, now)?;
        let mut client = Client {
            known_token: machine.token_details().cloned(),
            machine,
            now,
            requests: Vec::new(),
            callbacks: Vec::new(),
            token_changes: Vec::new(),
            unexpected: Vec::new(),
            in_flight: BTreeSet::new(),
            running: BTreeSet::new(),
            ended: BTreeMap::new(),
            http_handler: None,
            callback_handler: None,
        };
        client.settle();
        Ok(client)
    }

    /// A client with a callback that returns `token-1`, `token-2` and so on, each valid for an hour.
    #[track_caller]
    pub fn with_numbered_tokens(mut options: Value) -> Client {
        options["authCallback"] = true.into();
        let mut client = Client::new(options);
        client.on_callback(|callback| token(&format!("token-{}", callback.number())));
        client
    }

    /// Answers every HTTP request from now on.
    pub fn on_http(&mut self, handler: impl FnMut(&Http) -> Answer + 'static) -> &mut Self {
        self.http_handler = Some(Box::new(handler));
        self
    }

    /// Answers every call of a callback from now on.
    pub fn on_callback<R: Into<Reply>>(&mut self, mut handler: impl FnMut(&Callback) -> R + 'static) -> &mut Self {
        self.callback_handler = Some(Box::new(move |callback| handler(callback).into()));
        self
    }
}

/// Commands.
impl Client {
    #[track_caller]
    pub fn authorize(
        &mut self,
        params: impl Into<Option<TokenParams>>,
        options: impl Into<Option<AuthOptions>>,
    ) -> OperationId {
        let (params, options) = (params.into(), options.into());
        self.command(|machine, now| machine.authorize(params, options, now))
    }

    #[track_caller]
    pub fn request_token(
        &mut self,
        params: impl Into<Option<TokenParams>>,
        options: impl Into<Option<AuthOptions>>,
    ) -> OperationId {
        let (params, options) = (params.into(), options.into());
        self.command(|machine, now| machine.request_token(params, options, now))
    }

    #[track_caller]
    pub fn create_token_request(
        &mut self,
        params: impl Into<Option<TokenParams>>,
        options: impl Into<Option<AuthOptions>>,
    ) -> OperationId {
        let (params, options) = (params.into(), options.into());
        self.command(|machine, now| machine.create_token_request(params, options, now))
    }

    #[track_caller]
    pub fn revoke_tokens(&mut self, revocation: Revocation) -> OperationId {
        self.command(|machine, now| machine.revoke_tokens(revocation, now))
    }

    #[track_caller]
    pub fn request(&mut self, method: &str, path: &str) -> OperationId {
        self.send(RestRequest::new(method, path))
    }

    #[track_caller]
    pub fn send(&mut self, request: RestRequest) -> OperationId {
        self.command(|machine, now| machine.request(request, now))
    }

    #[track_caller]
    pub fn credentials(&mut self) -> OperationId {
        self.command(|machine, now| machine.credentials(now))
    }

    #[track_caller]
    pub fn time(&mut self) -> OperationId {
        self.command(|machine, now| machine.time(now))
    }

    #[track_caller]
    pub fn cancel(&mut self, operation: OperationId) -> OperationId {
        self.command(|machine, now| machine.cancel(operation, now))
    }

    #[track_caller]
    pub fn refuse(&mut self, error: Error) -> OperationId {
        self.command(|machine, now| machine.refuse(error, now))
    }

    #[track_caller]
    fn command(&mut self, command: impl FnOnce(&mut AuthMachine, Now) -> OperationId) -> OperationId {
        let operation = command(&mut self.machine, self.now);
        assert!(self.running.insert(operation), "{operation:?} is used twice");
        self.settle();
        operation
    }
}

/// Events and time.
impl Client {
    #[track_caller]
    pub fn event(&mut self, event: Event) {
        self.report(event);
        self.settle();
    }

    /// Answers a request with JSON.
    #[track_caller]
    pub fn respond(&mut self, http: &Http, status: u16, body: Value) {
        self.answer(http, respond(status, body));
    }

    #[track_caller]
    pub fn fail(&mut self, http: &Http, kind: HttpFailureKind) {
        self.answer(http, Answer::Failure(kind));
    }

    #[track_caller]
    pub fn answer(&mut self, http: &Http, answer: Answer) {
        self.event(answer.to(http).expect("an answer"));
    }

    #[track_caller]
    pub fn callback_returns(&mut self, callback: &Callback, reply: impl Into<Reply>) {
        self.event(reply.into().to(callback).expect("a reply"));
    }

    #[track_caller]
    pub fn connection(&mut self, state: ConnectionState) {
        self.event(Event::Connection(ConnectionEvent::new(state)));
    }

    /// The connection changes its state because of an error.
    #[track_caller]
    pub fn connection_because(&mut self, state: ConnectionState, reason: Error) {
        let mut event = ConnectionEvent::new(state);
        event.reason = Some(reason);
        self.event(Event::Connection(event));
    }

    /// Lets time pass on both clocks, waking the machine at each deadline on the way.
    #[track_caller]
    pub fn advance(&mut self, ms: u64) {
        let end = self.now.mono + ms;
        while let Some((at, _)) = self.machine.poll_timeout().filter(|(at, _)| *at <= end) {
            self.pass(at - self.now.mono);
            self.wake();
        }
        self.pass(end - self.now.mono);
    }

    /// Lets time pass up to the next deadline and wakes the machine there.
    #[track_caller]
    pub fn advance_to_timeout(&mut self) -> TimerKind {
        let (at, kind) = self.machine.poll_timeout().expect("a deadline");
        self.advance(at - self.now.mono);
        kind
    }

    /// Lets time pass on both clocks without waking the machine: it learns of it with the next input.
    pub fn pass(&mut self, ms: u64) {
        self.now = Now::new(self.now.mono + ms, self.now.unix_ms + ms as i64);
    }

    /// Sets the wall clock forward, or back.
    pub fn shift_wall_clock(&mut self, ms: i64) {
        self.now = Now::new(self.now.mono, self.now.unix_ms + ms);
    }

    /// Says what time it is, whether or not anything is due.
    #[track_caller]
    pub fn wake(&mut self) {
        self.machine.handle_timeout(self.now);
        self.settle();
    }

    /// How long it is to the next deadline, and what it is for.
    pub fn deadline(&self) -> Option<(u64, TimerKind)> {
        self.machine.poll_timeout().map(|(at, kind)| (at - self.now.mono, kind))
    }
}

/// Views.
impl Client {
    pub fn client_id(&self) -> Option<&str> {
        self.machine.client_id()
    }

    pub fn token_details(&self) -> Option<&TokenDetails> {
        self.machine.token_details()
    }

    /// The text of the current token.
    pub fn token(&self) -> Option<&str> {
        self.token_details().map(|details| details.token.expose())
    }

    pub fn auth_method(&self) -> AuthScheme {
        self.machine.auth_method()
    }

    pub fn ignored(&self) -> u64 {
        self.machine.ignored()
    }

    pub fn machine(&self) -> &AuthMachine {
        &self.machine
    }

    /// What the requests so far authorized themselves with, those without left out.
    pub fn authorizations(&self) -> Vec<&str> {
        self.requests.iter().filter_map(Http::authorization).collect()
    }

    /// The hosts that the requests so far went to.
    pub fn hosts(&self) -> Vec<&str> {
        self.requests.iter().map(Http::host).collect()
    }
}
