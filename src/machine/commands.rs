//! The commands.

use alloc::boxed::Box;

use percent_encoding::utf8_percent_encode;

use super::ably_request::{AblyRequest, Template};
use super::action::{Credentials, Outcome};
use super::command::{RestRequest, Revocation};
use super::fetch::Fetch;
use super::io::Owner;
use super::library::{Need, Token};
use super::operation::{Chance, Operation, Unsigned};
use super::policy::Authorization;
use super::{AuthMachine, Now, errors, service};
use crate::base::OperationId;
use crate::http::is_token;
use crate::options::{AuthOptions, AuthScheme, check_headers};
use crate::sign;
use crate::wire::wiped::{SecretText, push_form};
use crate::wire::{Error, ErrorKind, TokenParams, codes};

/// Commands. They may be given in any state, also while actions are still queued. Arguments that cannot be
/// accepted are the operation's outcome.
impl AuthMachine {
    /// Gets a new token at once, and uses token auth from now on (`RSA10`).
    ///
    /// Arguments that are given replace the stored ones wholly, and are stored, even if getting the token then
    /// fails; `timestamp`, `nonce` and `queryTime` are used but not stored. A token among the options is used as it
    /// is. With a connection attached, the operation ends when the connection has accepted the token (`RTC8`). Of
    /// several at once the newest one's token wins, and answers all.
    ///
    /// Completes with [`Outcome::TokenDetails`]; or with 40106/401 where the options hold no way to authenticate,
    /// 40102/401 where they hold another key, or where the token is bound to another client id, or with what the
    /// source of tokens made of it, such as 40170/401.
    #[allow(clippy::needless_pass_by_value, reason = "a command takes its arguments over")]
    pub fn authorize(&mut self, params: Option<TokenParams>, options: Option<AuthOptions>, now: Now) -> OperationId {
        let id = self.start_command(now);
        if let Err(error) = self.try_authorize(id, params, options.as_ref()) {
            self.operations.remove(id);
            self.io.complete(id, Err(error));
        }
        id
    }

    fn try_authorize(
        &mut self,
        id: OperationId,
        params: Option<TokenParams>,
        options: Option<&AuthOptions>,
    ) -> Result<(), Error> {
        let to_store = params.is_some();
        let params = self.policy.params_of_call(params, &self.io.settings)?;
        let query_time = self.policy.query_time_of_call(options);
        let to_store = Some(&params).filter(|_| to_store);
        let authorization = self.policy.authorize(to_store, options, &self.io.settings)?;
        if let Token::Lost(_) = self.token {
            self.token = Token::None;
        }
        self.operations.insert(id, Operation::Authorize);
        let awaiting = self.on_authorize_accepted();
        match authorization {
            Authorization::Use(details) => self.use_token(id, details, awaiting),
            Authorization::Basic => self.switch_to_basic(id, awaiting),
            Authorization::Fetch => self.acquire_for_authorize(id, awaiting, None, params, query_time),
            Authorization::Exchange(request) => {
                self.acquire_for_authorize(id, awaiting, Some(request), params, query_time);
            }
        }
        Ok(())
    }

    /// Gets a token and changes nothing in the library (`RSA8`). Arguments that are given replace the stored ones.
    ///
    /// Completes with [`Outcome::TokenDetails`], or as [`authorize`](Self::authorize) does; with 40171/403 where the
    /// options hold no way to get a token.
    pub fn request_token(
        &mut self,
        params: Option<TokenParams>,
        options: Option<AuthOptions>,
        now: Now,
    ) -> OperationId {
        let id = self.start_command(now);
        let source = self.policy.source_of_call(options.as_ref());
        let source = source.and_then(|source| source.ok_or_else(|| errors::not_renewable(None)));
        match source.and_then(|source| Ok((source, self.policy.params_of_call(params, &self.io.settings)?))) {
            Ok((source, params)) => {
                let query_time = self.policy.query_time_of_call(options.as_ref());
                let progress = Fetch::start(source, params, query_time, Owner::Operation(id), &mut self.io);
                self.on_fetch_progress(id, progress);
            }
            Err(error) => self.io.complete(id, Err(error)),
        }
        id
    }

    /// Signs a request for a token with the key (`RSA9`). With `queryTime` it asks the service for its time first,
    /// unless that is known.
    ///
    /// Completes with [`Outcome::TokenRequest`], or with 40101/403 where there is no key.
    pub fn create_token_request(
        &mut self,
        params: Option<TokenParams>,
        options: Option<AuthOptions>,
        now: Now,
    ) -> OperationId {
        let id = self.start_command(now);
        let key = self.policy.key_of_call(options.as_ref()).ok_or_else(sign::no_key);
        match key.and_then(|key| Ok((key, self.policy.params_of_call(params, &self.io.settings)?))) {
            Ok((key, params)) => {
                let query_time = self.policy.query_time_of_call(options.as_ref());
                if service::must_ask_time(&params, query_time, &self.io) {
                    let time = service::ask_time(Owner::Operation(id), &mut self.io);
                    let unsigned = Unsigned { key, params, time };
                    self.operations.insert(id, Operation::CreateTokenRequest(Box::new(unsigned)));
                } else {
                    self.sign_and_complete(id, &key, &params);
                }
            }
            Err(error) => self.io.complete(id, Err(error)),
        }
        id
    }

    /// Revokes tokens that the key has issued (`RSA17`).
    ///
    /// Completes with [`Outcome::BatchResult`], in which each target may have failed; with 40162/401, before any
    /// request, where the client uses token auth (`RSA17d`).
    #[allow(clippy::needless_pass_by_value, reason = "a command takes its arguments over")]
    pub fn revoke_tokens(&mut self, revocation: Revocation, now: Now) -> OperationId {
        let id = self.start_command(now);
        match self.prepare_revocation(&revocation) {
            Ok(template) => {
                let request = AblyRequest::start(template, Owner::Operation(id), &mut self.io);
                self.operations.insert(id, Operation::RevokeTokens(Box::new(request)));
            }
            Err(error) => self.io.complete(id, Err(error)),
        }
        id
    }

    fn prepare_revocation(&mut self, revocation: &Revocation) -> Result<Template, Error> {
        let key = self.policy.key().filter(|_| self.policy.scheme() == AuthScheme::Basic);
        let key = key.ok_or_else(revocation_needs_basic_auth)?;
        revocation.check()?;
        let path = service::key_path(key.name(), "revokeTokens");
        let credentials = Credentials::of_key(key, None);
        let template = Template::new("POST", &path, &mut self.io);
        Ok(template.with_authorization(credentials.authorization()).with_body(revocation.body()))
    }

    /// Sends an authenticated request to the service (`RSC19`), with host fallback, and with one renewal of the
    /// token and one retry where the service rejects it (`RSA4b`).
    ///
    /// Completes with [`Outcome::Response`] for any HTTP answer, whatever its status, but for a token error that is
    /// left after the renewal, 40171/403 where there is no way to renew, and failures of the transport.
    pub fn request(&mut self, request: RestRequest, now: Now) -> OperationId {
        let id = self.start_command(now);
        match self.prepare_request(request) {
            Ok(template) => self.send_or_wait(id, template, Chance::Fresh),
            Err(error) => self.io.complete(id, Err(error)),
        }
        id
    }

    fn prepare_request(&mut self, request: RestRequest) -> Result<Template, Error> {
        let RestRequest { method, path, params, headers, body, version } = request;
        if !is_token(&method) {
            return Err(Error::new(ErrorKind::Misuse, codes::BAD_REQUEST, 400, "method: expected an HTTP method"));
        }
        check_headers("headers", &headers)?;
        let mut target = SecretText::default();
        target.push(if path.starts_with('/') { "" } else { "/" });
        target.extend(utf8_percent_encode(&path, service::PATH));
        if !params.is_empty() {
            target.push(if target.as_str().contains('?') { "&" } else { "?" });
            let params = params.iter().map(|(name, value)| (name.as_str(), value.expose()));
            push_form(&mut target, params);
        }
        let mut template = Template::new(&method, target.as_str(), &mut self.io);
        for (name, value) in headers.iter() {
            // The client derives it from the host (`RSC15j`).
            if !name.eq_ignore_ascii_case("host") {
                template.headers.replace(name, value);
            }
        }
        template.headers.replace("X-Ably-Version", alloc::format!("{version}"));
        template.headers.remove("authorization");
        Ok(match body {
            Some(body) => template.with_body(body),
            None => template,
        })
    }

    /// The credentials for a request that someone else sends, fetched if need be.
    ///
    /// Completes with [`Outcome::Credentials`]: at once, and without an allocation, where a token is at hand.
    pub fn credentials(&mut self, now: Now) -> OperationId {
        let id = self.start_command(now);
        match self.need_credentials() {
            Need::Met(credentials) => self.io.complete(id, Ok(Outcome::Credentials(credentials))),
            Need::Acquiring => {
                self.operations.insert(id, Operation::Credentials);
                self.wait_for_token(id);
            }
            Need::Hopeless(error) => self.io.complete(id, Err(error)),
        }
        id
    }

    /// Asks the service for its time (`RSC16`), which is then known for signing and for judging tokens (`RSA10k`).
    ///
    /// Completes with [`Outcome::Time`].
    pub fn time(&mut self, now: Now) -> OperationId {
        let id = self.start_command(now);
        let request = service::ask_time(Owner::Operation(id), &mut self.io);
        self.operations.insert(id, Operation::Time(Box::new(request)));
        id
    }

    /// Ends an operation. It completes with an error of the kind [`ErrorKind::Cancelled`]; what it shares with
    /// others, such as the acquisition of a token, goes on for them. Of an operation that has ended already, or
    /// never was, nothing happens but that it is counted as ignored.
    ///
    /// Completes with [`Outcome::Cancelled`].
    pub fn cancel(&mut self, operation: OperationId, now: Now) -> OperationId {
        let id = self.start_command(now);
        if !self.cancel_operation(operation) {
            self.ignored += 1;
        }
        self.io.complete(id, Ok(Outcome::Cancelled {}));
        id
    }

    /// An operation that completes with this error: for a binding to another language whose caller gave arguments
    /// that no command takes.
    pub fn refuse(&mut self, error: Error, now: Now) -> OperationId {
        let id = self.start_command(now);
        self.io.complete(id, Err(error));
        id
    }

    fn start_command(&mut self, now: Now) -> OperationId {
        self.advance_clock(now);
        self.operation_ids.next()
    }
}

fn revocation_needs_basic_auth() -> Error {
    Error::new(
        ErrorKind::Misuse,
        codes::OPERATION_REQUIRES_BASIC_AUTH,
        401,
        "revoking tokens needs basic auth: use a client that is configured with the key alone",
    )
}
