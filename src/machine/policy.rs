//! How the library authenticates: the scheme, and the stored arguments that the next token is fetched with.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::sync::Arc;

use super::action::Credentials;
use super::fetch::Source;
use super::settings::Settings;
use crate::options::{
    ApiKey, AuthOptions, AuthScheme, ClientOptions, TokenOption, basic_over_plain_http, no_auth_method,
};
use crate::wire::{Error, ErrorKind, TokenDetails, TokenParams, TokenRequest, codes};

/// The stored arguments (`RSA10g`), and what construction fixed. Of stored options only the ways to get tokens are
/// kept: a token among them is used once, `queryTime` and `useTokenAuth` hold for the one call.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Policy {
    scheme: Scheme,
    /// The key given at construction; it stays usable for signing whatever options are stored (`RSA10i`).
    key: Option<ApiKey>,
    /// None where they say nothing.
    params: Option<Box<TokenParams>>,
    sources: Sources,
    query_time: bool,
}

/// The ways to get tokens that are stored, in order of preference (`RSA4g`).
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
struct Sources {
    callback: Option<String>,
    /// The options that have an authUrl.
    url: Option<Arc<AuthOptions>>,
    key: Option<ApiKey>,
}

impl Sources {
    fn of(options: &AuthOptions) -> Self {
        Sources {
            callback: options.auth_callback.clone(),
            url: options
                .auth_url
                .is_some()
                .then(|| Arc::new(AuthOptions { key: None, token: None, ..options.clone() })),
            key: options.key.clone(),
        }
    }

    fn can_renew(&self) -> bool {
        self.callback.is_some() || self.url.is_some() || self.key.is_some()
    }

    fn preferred(&self) -> Option<Source> {
        if let Some(name) = &self.callback {
            Some(Source::Callback(name.clone()))
        } else if let Some(options) = &self.url {
            Some(Source::Url(options.clone()))
        } else {
            self.key.clone().map(Source::Key)
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Scheme {
    Basic(Credentials),
    Token,
}

/// What an accepted `authorize` asks for.
pub(super) enum Authorization {
    /// A token from the stored source.
    Fetch,
    /// This token, as it is (`RSA10e`).
    Use(TokenDetails),
    /// This signed request's token.
    Exchange(TokenRequest),
    /// No token any more.
    Basic,
}

/// A token given at construction.
pub(super) enum Given {
    None,
    Token(TokenDetails),
    Request(TokenRequest),
}

impl Policy {
    /// Takes over what the options say, and the token among them.
    pub(super) fn new(options: ClientOptions) -> Result<(Self, Given), Error> {
        options.check()?;
        let scheme = options.auth_scheme();
        let ClientOptions { mut auth, client_id, default_token_params: mut params, .. } = options;
        let given = match auth.token.take() {
            Some(TokenOption::Details(details)) => Given::Token(details),
            Some(TokenOption::Request(request)) => Given::Request(request),
            None => Given::None,
        };
        if client_id.is_some() {
            params.client_id.clone_from(&client_id);
        }
        let key = auth.key.clone();
        let scheme = match (scheme, &key) {
            (AuthScheme::Basic, Some(key)) => Scheme::Basic(Credentials::of_key(key, client_id.as_deref())),
            _ => Scheme::Token,
        };
        let query_time = auth.query_time.unwrap_or(false);
        let sources = Sources::of(&auth);
        Ok((Policy { scheme, key, params: stored(params), sources, query_time }, given))
    }

    pub(super) fn scheme(&self) -> AuthScheme {
        match self.scheme {
            Scheme::Basic(_) => AuthScheme::Basic,
            Scheme::Token => AuthScheme::Token,
        }
    }

    /// The credentials of basic auth, where that is the scheme.
    pub(super) fn basic_credentials(&self) -> Option<&Credentials> {
        match &self.scheme {
            Scheme::Basic(credentials) => Some(credentials),
            Scheme::Token => None,
        }
    }

    /// The key that the service shall know us by: stored, or given at construction.
    pub(super) fn key(&self) -> Option<&ApiKey> {
        self.sources.key.as_ref().or(self.key.as_ref())
    }

    /// Where the next token comes from, if there is a way to get one (`RSA4g`).
    pub(super) fn source(&self) -> Option<Source> {
        self.sources.preferred().or_else(|| self.key.clone().map(Source::Key))
    }

    pub(super) fn can_renew(&self) -> bool {
        self.sources.can_renew() || self.key.is_some()
    }

    /// What the next token is asked for with.
    pub(super) fn params(&self) -> TokenParams {
        self.params.as_deref().cloned().unwrap_or_default()
    }

    pub(super) fn query_time(&self) -> bool {
        self.query_time
    }

    /// The params of a call: its own, with the options' client id where they have none, or the stored ones.
    pub(super) fn params_of_call(
        &self,
        params: Option<TokenParams>,
        settings: &Settings,
    ) -> Result<TokenParams, Error> {
        let Some(mut params) = params else { return Ok(self.params()) };
        params.check()?;
        if params.client_id.is_none() {
            params.client_id.clone_from(&settings.client_id);
        }
        Ok(params)
    }

    /// The source of a call to `request_token`: what its own options say, or the stored ones (`RSA8e`).
    pub(super) fn source_of_call(&self, options: Option<&AuthOptions>) -> Result<Option<Source>, Error> {
        match options {
            None => Ok(self.source()),
            Some(options) => options.check().map(|()| Sources::of(options).preferred()),
        }
    }

    /// The key of a call to `create_token_request` (`RSA9h`).
    pub(super) fn key_of_call(&self, options: Option<&AuthOptions>) -> Option<ApiKey> {
        match options {
            None => self.key().cloned(),
            Some(options) => options.key.clone(),
        }
    }

    /// Whether a call asks for the service's time (`AO2g`).
    pub(super) fn query_time_of_call(&self, options: Option<&AuthOptions>) -> bool {
        options.map_or(self.query_time, |options| options.query_time.unwrap_or(false))
    }

    /// Takes the arguments of an `authorize` over, and says what they ask for (`RSA10e`, `RSA10j`).
    ///
    /// # Errors
    ///
    /// Where they are refused, nothing is stored.
    pub(super) fn authorize(
        &mut self,
        params: Option<&TokenParams>,
        options: Option<&AuthOptions>,
        settings: &Settings,
    ) -> Result<Authorization, Error> {
        let (authorization, scheme) = match options {
            None => (Authorization::Fetch, Scheme::Token),
            Some(options) => self.judge(options, settings)?,
        };
        if let Some(params) = params {
            self.params = stored(TokenParams { timestamp: None, nonce: None, ..params.clone() });
        }
        if let Some(options) = options {
            self.sources = Sources::of(options);
        }
        self.scheme = scheme;
        Ok(authorization)
    }

    fn judge(&self, options: &AuthOptions, settings: &Settings) -> Result<(Authorization, Scheme), Error> {
        options.check()?;
        if let (Some(given), Some(own)) = (&options.key, &self.key) {
            if given != own {
                return Err(other_key());
            }
        }
        let key = options.key.as_ref().or(self.key.as_ref());
        if options.use_token_auth == Some(false) {
            let key = key.ok_or_else(no_auth_method)?;
            if !settings.tls {
                return Err(basic_over_plain_http());
            }
            let credentials = Credentials::of_key(key, settings.client_id.as_deref());
            return Ok((Authorization::Basic, Scheme::Basic(credentials)));
        }
        let authorization = match &options.token {
            Some(TokenOption::Details(details)) => Authorization::Use(details.clone()),
            Some(TokenOption::Request(request)) => Authorization::Exchange(request.clone()),
            None if options.can_renew() || key.is_some() => Authorization::Fetch,
            None => return Err(no_auth_method()),
        };
        Ok((authorization, Scheme::Token))
    }
}

/// Params to keep: nothing, where they ask for nothing.
fn stored(params: TokenParams) -> Option<Box<TokenParams>> {
    (params != TokenParams::default()).then(|| Box::new(params))
}

fn other_key() -> Error {
    Error::new(
        ErrorKind::Misuse,
        codes::INCOMPATIBLE_CREDENTIALS,
        401,
        "authorize cannot change the key that the client was made with: make another client",
    )
}
