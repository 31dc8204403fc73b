//! The library's own token: holding it, judging it, and acquiring the next one (`RSA4b`, `RSA16`).
//!
//! One acquisition at a time. Whoever needs a token joins it and is answered when it ends; an explicit
//! `authorize` puts its own in its place and takes the waiters along. The token at hand is kept until its
//! successor is there, unless the server has rejected it or it has expired.

use alloc::boxed::Box;
use alloc::collections::BTreeSet;
use core::hash::{Hash, Hasher};

use super::AuthMachine;
use super::action::{Action, Credentials, Outcome};
use super::clock::{Freshness, ServerReading};
use super::errors::{self, Origin};
use super::fetch::{self, Consequence, Fetch, FetchError, Source};
use super::io::Owner;
use crate::base::{NameKind, NoticeKind, NoticeLevel, OperationId, TimerKind, hash_name};
use crate::options::incompatible_client_id;
use crate::wire::{Error, ErrorKind, Secret, TokenDetails, TokenParams, TokenRequest};

/// The library's token.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Token {
    /// There is none; one can be fetched.
    None,
    Held(Box<Held>),
    /// There is none, and no way to get another. The error is repeated until a command gives a way out.
    Lost(Error),
}

/// A token in use.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Held {
    pub(super) details: TokenDetails,
    pub(super) credentials: Credentials,
    /// The least the server's clock showed when the token arrived; for judging its expiry.
    issued: Option<ServerReading>,
}

/// Tells the tokens that the library has had apart, so that a rejection can be told from a late one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Generation(u64);

impl Hash for Generation {
    fn hash<H: Hasher>(&self, state: &mut H) {
        hash_name(NameKind::Generation, self.0, state);
    }
}

/// The library's next token being fetched.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Acquisition {
    pub(super) fetch: Fetch,
    reason: Reason,
    pub(super) claims: Claims,
}

/// Who wants the token that is being acquired.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Claims {
    /// The `authorize` operations that it answers.
    pub(super) authorizing: BTreeSet<OperationId>,
    /// Who goes on when there is a token.
    pub(super) waiters: BTreeSet<OperationId>,
    /// When a connection that waits gives up (`RSA4c`).
    pub(super) connection_gives_up_at: Option<u64>,
}

/// Why a token is acquired, as far as that matters later.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Reason {
    Needed,
    /// The wall clock says that the last one has expired.
    LooksExpired,
}

/// What a need for a token comes to.
pub(super) enum Need {
    /// These credentials will do.
    Met(Credentials),
    /// They are being acquired; join.
    Acquiring,
    /// There is no way to get any.
    Hopeless(Error),
}

impl AuthMachine {
    /// What whoever needs credentials now is to do. Starts an acquisition where one is needed.
    pub(super) fn need_credentials(&mut self) -> Need {
        if let Some(credentials) = self.policy.basic_credentials() {
            return Need::Met(credentials.clone());
        }
        let reason = match self.judge_token() {
            Ok(credentials) => return Need::Met(credentials),
            Err(reason) => reason,
        };
        self.acquire(reason)
    }

    /// The token's credentials, if it can be used. One that has expired is dropped.
    fn judge_token(&mut self) -> Result<Credentials, Reason> {
        let Token::Held(held) = &self.token else { return Err(Reason::Needed) };
        let freshness = match held.details.expires {
            Some(expires) => self.io.clock.freshness(expires, held.issued),
            None => Freshness::Usable,
        };
        let reason = match freshness {
            Freshness::Usable => return Ok(held.credentials.clone()),
            Freshness::Expired => Reason::Needed,
            Freshness::LooksExpired => Reason::LooksExpired,
        };
        self.drop_token(None);
        Err(reason)
    }

    /// Takes the token out of use, because it has expired or, with the server's error, because it was rejected.
    pub(super) fn drop_token(&mut self, rejection: Option<&Error>) {
        let next = match self.can_acquire() {
            true => Token::None,
            false => Token::Lost(errors::not_renewable(rejection.cloned())),
        };
        if let Token::Held(held) = core::mem::replace(&mut self.token, next) {
            if rejection.is_some() {
                self.rejected = Some(Box::new(held.details.token));
            }
            self.io.emit(Action::TokenChanged { token_details: None });
        }
    }

    fn can_acquire(&self) -> bool {
        self.policy.can_renew() || self.given.is_some() || self.acquisition.is_some()
    }

    /// Acquires a token, or joins in where one is being acquired.
    pub(super) fn renew(&mut self) -> Need {
        self.acquire(Reason::Needed)
    }

    fn acquire(&mut self, reason: Reason) -> Need {
        if self.acquisition.is_some() {
            return Need::Acquiring;
        }
        let source = self.given.as_deref().cloned().map(Source::Given).or_else(|| self.policy.source());
        let Some(source) = source else { return Need::Hopeless(self.hopeless()) };
        let params = self.policy.params();
        match self.start_acquisition(source, params, self.policy.query_time(), reason) {
            Ok(()) => Need::Acquiring,
            Err(error) => Need::Hopeless(error),
        }
    }

    /// There is no token and no way to get one. The same error again each time.
    fn hopeless(&mut self) -> Error {
        if let Token::Lost(error) = &self.token {
            return error.clone();
        }
        let error = errors::not_renewable(None);
        if let Token::None = self.token {
            self.token = Token::Lost(error.clone());
        }
        error
    }

    /// Starts fetching on behalf of an `authorize`, in the place of whatever is under way.
    pub(super) fn acquire_for_authorize(
        &mut self,
        operation: OperationId,
        awaiting: BTreeSet<OperationId>,
        given: Option<TokenRequest>,
        params: TokenParams,
        query_time: bool,
    ) {
        let mut claims = self.supersede();
        claims.authorizing.insert(operation);
        claims.authorizing.extend(awaiting);
        let source = given.map(Source::Given).or_else(|| self.policy.source());
        let started = match source {
            Some(source) => self.start_acquisition(source, params, query_time, Reason::Needed),
            None => Err(errors::not_renewable(None)),
        };
        match (&mut self.acquisition, started) {
            (Some(acquisition), Ok(())) => {
                acquisition.claims = claims;
                self.on_authorize_started();
            }
            (_, started) => {
                let error = started.err().unwrap_or_else(|| errors::not_renewable(None));
                self.on_acquisition_failed(claims, FetchError { error, consequence: Consequence::Retry });
            }
        }
    }

    /// Stops the acquisition that is under way, if any, and returns who waits for it.
    pub(super) fn supersede(&mut self) -> Claims {
        let Some(acquisition) = self.acquisition.take() else { return Claims::default() };
        acquisition.fetch.abort(&mut self.io);
        acquisition.claims
    }

    fn start_acquisition(
        &mut self,
        source: Source,
        params: TokenParams,
        query_time: bool,
        reason: Reason,
    ) -> Result<(), Error> {
        match Fetch::start(source, params, query_time, Owner::Acquisition, &mut self.io) {
            fetch::Progress::Pending(fetch) => {
                self.acquisition = Some(Box::new(Acquisition { fetch, reason, claims: Claims::default() }));
                Ok(())
            }
            // Only params that cannot be signed end a fetch before it has begun.
            fetch::Progress::Done(Err(failure)) => Err(failure.error),
            fetch::Progress::Done(Ok(_)) => Ok(()),
        }
    }

    /// Something has happened to the acquisition.
    pub(super) fn on_acquisition_input(&mut self, input: fetch::Input) {
        let Some(acquisition) = self.acquisition.take() else { return };
        let Acquisition { fetch, reason, claims } = *acquisition;
        match fetch.handle(input, Owner::Acquisition, &mut self.io) {
            fetch::Progress::Pending(fetch) => {
                self.acquisition = Some(Box::new(Acquisition { fetch, reason, claims }));
            }
            fetch::Progress::Done(Ok(details)) => self.on_fetched(claims, details, reason),
            fetch::Progress::Done(Err(failure)) => {
                self.on_given_failed(&failure);
                self.on_acquisition_failed(claims, failure);
            }
        }
    }

    /// The next thing to happen to the acquisition by itself.
    pub(super) fn acquisition_deadline(&self) -> Option<(u64, TimerKind)> {
        let acquisition = self.acquisition.as_ref()?;
        let connection = acquisition.claims.connection_gives_up_at.filter(|_| self.connection_waits());
        let connection = connection.map(|at| (at, TimerKind::ConnectionAuth));
        Some(connection.into_iter().fold(acquisition.fetch.deadline(), Ord::min))
    }

    /// The acquisition's time is over, or that of the connection that waits for it.
    pub(super) fn on_acquisition_timeout(&mut self, timer: TimerKind) {
        if timer != TimerKind::ConnectionAuth {
            return self.on_acquisition_input(fetch::Input::Timeout);
        }
        let claims = self.supersede();
        let timeout = self.io.settings.realtime_request_timeout;
        self.on_acquisition_failed(claims, errors::source_timed_out(Origin::Exchange, timeout).into());
    }

    /// A signed request that was given as an option is not used again once the service has refused it.
    fn on_given_failed(&mut self, failure: &FetchError) {
        if self.given.is_some() && failure.error.kind() != ErrorKind::Transport {
            self.given = None;
        }
    }

    fn on_fetched(&mut self, claims: Claims, details: TokenDetails, reason: Reason) {
        match self.adopt(details, reason) {
            Ok(()) => self.on_credentials_replaced(claims),
            Err(error) => {
                let failure = FetchError { error, consequence: Consequence::WrongIdentity };
                self.on_acquisition_failed(claims, failure);
            }
        }
    }

    /// Puts a token to use.
    ///
    /// # Errors
    ///
    /// 40102/401 where it is bound to another client id than the options' (`RSA15`); nothing changes.
    fn adopt(&mut self, details: TokenDetails, reason: Reason) -> Result<(), Error> {
        if details.contradicts(self.io.settings.client_id.as_deref()) {
            return Err(incompatible_client_id());
        }
        if self.rejected.take().is_some_and(|rejected| *rejected == details.token) {
            self.io.notice(
                NoticeLevel::Warn,
                NoticeKind::SameTokenAgain,
                None,
                "the token just obtained is the one that was rejected: the source should not hand out a token twice",
                None,
            );
        }
        let issued = details.issued.map(|issued| self.io.clock.reading(issued));
        self.judge_wall_clock(&details, issued, reason);
        self.given = None;
        self.generation = Generation(self.generation.0 + 1);
        self.forget_connected_client_id();
        let credentials = self.token_credentials(&details.token);
        self.io.emit(Action::TokenChanged { token_details: Some(details.clone()) });
        self.token = Token::Held(Box::new(Held { details, credentials, issued }));
        Ok(())
    }

    /// A token that was fetched because the last one looked expired, and that looks expired itself, says that it
    /// is the clock that is wrong.
    fn judge_wall_clock(&mut self, details: &TokenDetails, issued: Option<ServerReading>, reason: Reason) {
        let looks_expired =
            details.expires.is_some_and(|expires| self.io.clock.freshness(expires, issued) == Freshness::LooksExpired);
        if looks_expired && reason == Reason::LooksExpired {
            self.io.clock.distrust_wall_clock();
            self.io.notice(
                NoticeLevel::Warn,
                NoticeKind::WallClockDistrusted,
                Some("RSA4b1"),
                "tokens look expired as soon as they arrive: the wall clock seems to be wrong and is not used to judge \
                 tokens until the server's time is known",
                None,
            );
        }
    }

    fn token_credentials(&self, token: &Secret) -> Credentials {
        Credentials::of_token(token, self.io.settings.client_id.as_deref())
    }

    /// Holds a token that was given at construction.
    pub(super) fn hold_given(&mut self, details: TokenDetails) {
        let credentials = self.token_credentials(&details.token);
        // How long ago it was issued nobody says, so that its `issued` tells nothing about now.
        self.token = Token::Held(Box::new(Held { details, credentials, issued: None }));
    }

    /// Uses a token as it is, on behalf of an `authorize` (`RSA10e`).
    pub(super) fn use_token(&mut self, operation: OperationId, details: TokenDetails, awaiting: BTreeSet<OperationId>) {
        let acceptable = !details.contradicts(self.io.settings.client_id.as_deref());
        // Who waits for an acquisition that is under way does not suffer for a token that is not used.
        let mut claims = if acceptable { self.supersede() } else { Claims::default() };
        claims.authorizing.insert(operation);
        claims.authorizing.extend(awaiting);
        self.on_fetched(claims, details, Reason::Needed);
    }

    /// Drops the token for the key (`RSA16d`).
    pub(super) fn switch_to_basic(&mut self, operation: OperationId, awaiting: BTreeSet<OperationId>) {
        let mut claims = self.supersede();
        claims.authorizing.insert(operation);
        claims.authorizing.extend(awaiting);
        self.given = None;
        if let Token::Held(_) = core::mem::replace(&mut self.token, Token::None) {
            self.io.emit(Action::TokenChanged { token_details: None });
        }
        self.forget_connected_client_id();
        self.on_credentials_replaced(claims);
    }

    /// There are new credentials: the connection gets them, and whoever waited goes on.
    fn on_credentials_replaced(&mut self, claims: Claims) {
        let Claims { authorizing, waiters, .. } = claims;
        let awaits_connection = self.on_connection_credentials(!authorizing.is_empty());
        for operation in authorizing {
            if awaits_connection {
                self.await_connection(operation);
            } else {
                self.complete_authorize(operation);
            }
        }
        let Some(credentials) = self.peek_credentials().cloned() else { return };
        for operation in waiters {
            self.resume(operation, &credentials);
        }
    }

    /// Ends an `authorize` with the token now in use.
    pub(super) fn complete_authorize(&mut self, operation: OperationId) {
        if self.operations.remove(operation).is_some() {
            let details = self.token_details().cloned();
            self.io.complete(operation, Ok(Outcome::TokenDetails(details)));
        }
    }

    fn on_acquisition_failed(&mut self, claims: Claims, failure: FetchError) {
        self.on_connection_auth_failed(&failure, !claims.authorizing.is_empty());
        self.fail_claims(claims, &failure.error);
    }

    fn fail_claims(&mut self, claims: Claims, error: &Error) {
        for operation in claims.authorizing.into_iter().chain(claims.waiters) {
            self.fail_operation(operation, error.clone());
        }
    }

    /// Nobody waits for the acquisition any more.
    pub(super) fn abandon_acquisition_if_unwanted(&mut self) {
        let unwanted = self.acquisition.as_ref().is_some_and(|acquisition| {
            let claims = &acquisition.claims;
            claims.waiters.is_empty() && claims.authorizing.is_empty() && self.connection.is_none()
        });
        if unwanted {
            self.supersede();
        }
    }

    /// The wall clock has jumped ahead: what the server's clock showed then says nothing about now.
    pub(super) fn on_clock_jumped(&mut self) {
        if let Token::Held(held) = &mut self.token {
            held.issued = None;
        }
        self.io.notice(
            NoticeLevel::Debug,
            NoticeKind::ClockJumped,
            Some("RSA10k"),
            "the wall clock ran ahead of the monotonic one, perhaps during a suspend: the server's time is unknown again",
            None,
        );
    }
}
