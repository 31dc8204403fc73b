//! The handle of a client.

use core::fmt::{self, Display};
use std::future::Future;
use std::string::String;
use std::sync::Arc;

use ::tokio::sync::watch;
use tracing::{Instrument as _, debug, debug_span};

use super::builder::Builder;
use super::callback::Callbacks;
use super::driver::Driver;
use super::operation::{self, client_has_ended};
use super::watch::{Notices, TokenWatch, Views};
use crate::options::{AuthOptions, AuthScheme, ClientOptions};
use crate::session::Command;
use crate::wire::{
    BatchResult, Error, ErrorKind, Secret, TokenDetails, TokenParams, TokenRequest, TokenRevocationResult, codes,
};
use crate::{CallbackValue, Credentials, Event, Outcome, Response, RestRequest, Revocation};

/// The Auth object of a client that lives in a tokio runtime: a handle of its
/// [`AuthMachine`](crate::AuthMachine) and of what drives it.
///
/// Cloning it gives another handle of the same client. Dropping the future of an operation cancels the operation;
/// dropping the last handle ends the client. With a connection, it is what [`Realtime::auth`](super::Realtime::auth)
/// gives.
///
/// Every operation fails with 40000/400 (of kind misuse) once the runtime that the client was built in is gone.
#[derive(Clone)]
pub struct Auth(Arc<Shared>);

struct Shared {
    driver: Arc<Driver>,
    views: watch::Receiver<Views>,
    notices: Notices,
    callbacks: Callbacks,
}

impl Auth {
    /// Starts building a client with these options.
    pub fn builder(options: ClientOptions) -> Builder<Auth> {
        Builder::new(options)
    }

    pub(super) fn new(
        driver: Arc<Driver>,
        views: watch::Receiver<Views>,
        notices: Notices,
        callbacks: Callbacks,
    ) -> Self {
        Auth(Arc::new(Shared { driver, views, notices, callbacks }))
    }

    /// Gets a new token and uses it from now on (`RSA10`); what is given replaces the params and options stored.
    ///
    /// The token is `None` where the options given switched the client to basic auth.
    ///
    /// # Errors
    ///
    /// 40106/401 for options that name no way to get a token, 40102/401 for a key other than the client's or a token
    /// of another client id; else what the source of tokens failed with: 40170/401 unless it is an error of Ably's.
    pub async fn authorize(
        &self,
        params: Option<TokenParams>,
        options: Option<AuthOptions>,
    ) -> Result<Option<TokenDetails>, Error> {
        match self.perform(Command::Authorize(params, options)).await? {
            Outcome::TokenDetails(token) => Ok(token),
            _ => Err(another_outcome()),
        }
    }

    /// Gets a token and changes nothing in the client (`RSA8`); what is given replaces what the client would use.
    ///
    /// # Errors
    ///
    /// As [`Auth::authorize`].
    pub async fn request_token(
        &self,
        params: Option<TokenParams>,
        options: Option<AuthOptions>,
    ) -> Result<TokenDetails, Error> {
        match self.perform(Command::RequestToken(params, options)).await? {
            Outcome::TokenDetails(Some(token)) => Ok(token),
            _ => Err(another_outcome()),
        }
    }

    /// Signs a request for a token with the key (`RSA9`), for somebody else to exchange.
    ///
    /// # Errors
    ///
    /// 40101/403 without a key, 40003/400 and 40012/400 for bad params; with `query_time` what asking for it failed
    /// with.
    pub async fn create_token_request(
        &self,
        params: Option<TokenParams>,
        options: Option<AuthOptions>,
    ) -> Result<TokenRequest, Error> {
        match self.perform(Command::CreateTokenRequest(params, options)).await? {
            Outcome::TokenRequest(request) => Ok(request),
            _ => Err(another_outcome()),
        }
    }

    /// Revokes tokens (`RSA17`). What came of each target is in the result.
    ///
    /// # Errors
    ///
    /// 40162/401 from a client that uses token auth, 40000/400 without targets; else what the request failed with.
    pub async fn revoke_tokens(&self, revocation: Revocation) -> Result<BatchResult<TokenRevocationResult>, Error> {
        match self.perform(Command::RevokeTokens(revocation)).await? {
            Outcome::BatchResult(result) => Ok(result),
            _ => Err(another_outcome()),
        }
    }

    /// Makes an authenticated request to the service (`RSC19`), with one renewal of a token that it rejects and with
    /// host fallback. Any answer is a response, whatever its status.
    ///
    /// # Errors
    ///
    /// 40171/403 for a rejected token that cannot be renewed, a token error that a new token did not mend, what
    /// getting a token failed with, and 50002/500 or 50003/500 where no host gave an answer.
    pub async fn request(&self, request: RestRequest) -> Result<Response, Error> {
        match self.perform(Command::Request(request)).await? {
            Outcome::Response(response) => Ok(response),
            _ => Err(another_outcome()),
        }
    }

    /// What a request that somebody else sends authenticates itself with: those in hand, or those of a new token
    /// where there is none or it has expired. Report a token that the service rejects to [`Auth::token_rejected`].
    ///
    /// # Errors
    ///
    /// 40171/403 for an expired token that cannot be renewed; else what getting a token failed with.
    pub async fn credentials(&self) -> Result<Credentials, Error> {
        match self.perform(Command::Credentials).await? {
            Outcome::Credentials(credentials) => Ok(credentials),
            _ => Err(another_outcome()),
        }
    }

    /// Tells the client that a request made with this token got this token error from the service (`RSC10`), so that
    /// the next [`Auth::credentials`] are others. A token that is no longer in use changes nothing.
    ///
    /// # Errors
    ///
    /// None but that of a client that has ended.
    pub fn token_rejected(&self, token: impl Into<Secret>, error: Error) -> Result<(), Error> {
        let event = Event::TokenRejected { token: token.into(), error };
        self.0.driver.tell(event.into()).ok_or_else(client_has_ended)
    }

    /// Asks the service for its time (`RSC16`), in milliseconds since the epoch. Signing uses it from now on.
    ///
    /// # Errors
    ///
    /// What the request failed with.
    pub async fn time(&self) -> Result<i64, Error> {
        match self.perform(Command::Time).await? {
            Outcome::Time(time) => Ok(time),
            _ => Err(another_outcome()),
        }
    }

    /// Registers a callback, in place of any other of that name. See [`Builder::callback`].
    pub fn register_callback<F, Fut, T, E>(&self, name: impl Into<String>, callback: F)
    where
        F: Fn(TokenParams) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<T, E>> + Send + 'static,
        T: Into<CallbackValue>,
        E: Display + 'static,
    {
        self.0.callbacks.register(name.into(), callback);
    }

    /// Who the client is, as far as that is known; `*` for anybody (`RSA7`, `RSA12`).
    pub fn client_id(&self) -> Option<String> {
        self.0.views.borrow().client_id.clone()
    }

    /// The token in use (`RSA16`).
    pub fn token_details(&self) -> Option<TokenDetails> {
        self.0.views.borrow().token_details.clone()
    }

    /// How the client authenticates.
    pub fn auth_method(&self) -> AuthScheme {
        self.0.views.borrow().auth_method
    }

    /// Follows the token in use, starting from the one of now.
    pub fn watch_token(&self) -> TokenWatch {
        TokenWatch::new(self.0.views.clone())
    }

    /// The client's notices from now on. Those of building it are in [`Builder::notices`]; all of them are events
    /// of `tracing` too.
    pub fn notices(&self) -> Notices {
        self.0.notices.resubscribe()
    }

    pub(super) fn driver(&self) -> &Driver {
        &self.0.driver
    }

    async fn perform(&self, command: Command) -> Result<Outcome, Error> {
        let span = debug_span!("ably_auth", operation = operation::name(&command));
        let performed = async {
            let outcome = operation::perform(command, &self.0.driver).await;
            match &outcome {
                Ok(_) => debug!("completed"),
                Err(error) => debug!(%error, "failed"),
            }
            outcome
        };
        performed.instrument(span).await
    }
}

impl fmt::Debug for Auth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let views = self.0.views.borrow();
        f.debug_struct("Auth")
            .field("client_id", &views.client_id)
            .field("token_details", &views.token_details)
            .field("auth_method", &views.auth_method)
            .finish_non_exhaustive()
    }
}

/// The machine completes every operation with its own kind of outcome.
fn another_outcome() -> Error {
    Error::new(ErrorKind::Malformed, codes::INTERNAL, 500, "the operation ended with the outcome of another kind")
}
