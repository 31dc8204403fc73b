//! Who sends a request, and what he may do.

use alloc::borrow::ToOwned;
use alloc::boxed::Box;
use alloc::string::String;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use super::account::app_id_of;
use super::errors::{self, Refusal};
use super::grant::Grant;
use super::jwt::Jwt;
use super::message::Request;
use super::tokens::IssuedToken;
use super::{CredentialsKind, Service};
use crate::options::ApiKey;
use crate::wire::{Error, Secret};

/// The credentials of a request. The first of these counts: a bearer header, a token param, a basic header, a
/// key param.
pub(super) enum Credentials {
    Missing,
    /// A key in the given form; `None` where it is no key.
    Key(CredentialsKind, Option<ApiKey>),
    Token(CredentialsKind, Secret),
}

impl Credentials {
    pub(super) fn of(request: &Request) -> Credentials {
        let header = |scheme: &str| {
            let mut values = request.headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case("authorization"));
            values.find_map(|(_, value)| {
                let (given, credentials) = value.trim().split_once(' ')?;
                given.eq_ignore_ascii_case(scheme).then(|| credentials.trim())
            })
        };
        let token_param = || request.query_param("access_token").or_else(|| request.query_param("accessToken"));
        if let Some(text) = header("bearer") {
            Credentials::Token(CredentialsKind::Bearer, decoded(text).unwrap_or_else(|| text.into()))
        } else if let Some(token) = token_param() {
            Credentials::Token(CredentialsKind::TokenParam, token.into())
        } else if let Some(text) = header("basic") {
            let key = decoded(text).and_then(|text| read_key(text.expose()));
            Credentials::Key(CredentialsKind::Basic, key)
        } else if let Some(text) = request.query_param("key") {
            Credentials::Key(CredentialsKind::KeyParam, read_key(Secret::new(text).expose()))
        } else {
            Credentials::Missing
        }
    }

    pub(super) fn kind(&self) -> CredentialsKind {
        match self {
            Credentials::Missing => CredentialsKind::None,
            Credentials::Key(kind, _) | Credentials::Token(kind, _) => *kind,
        }
    }
}

fn decoded(text: &str) -> Option<Secret> {
    let bytes = STANDARD.decode(text).ok()?;
    String::from_utf8(bytes).ok().map(Secret::new)
}

/// A key of the form `x.y:z`.
fn read_key(text: &str) -> Option<ApiKey> {
    let key: ApiKey = text.parse().ok()?;
    let (app_id, key_id) = key.name().split_once('.')?;
    (!app_id.is_empty() && !key_id.is_empty()).then_some(key)
}

/// Who was found to send a request.
#[derive(Clone, Debug)]
pub(super) enum Identity {
    /// The holder of a key.
    Key { name: String, grant: Grant },
    /// The holder of a token.
    Token(Box<IssuedToken>),
}

impl Identity {
    /// The name of the key he has, or that issued his token.
    pub(super) fn key_name(&self) -> &str {
        match self {
            Identity::Key { name, .. } => name,
            Identity::Token(token) => &token.key_name,
        }
    }

    pub(super) fn grant(&self) -> &Grant {
        match self {
            Identity::Key { grant, .. } => grant,
            Identity::Token(token) => &token.grant,
        }
    }

    pub(super) fn token(&self) -> Option<&IssuedToken> {
        match self {
            Identity::Key { .. } => None,
            Identity::Token(token) => Some(token),
        }
    }

    /// Who he is, if he says that he is `claimed`: `*` where he may be anybody, none where he is anonymous.
    pub(super) fn resolve_client_id(&self, claimed: Option<&str>, mismatch: Refusal) -> Result<Option<String>, Error> {
        let may_be_anybody = Some("*");
        let bound_to = self.token().map_or(may_be_anybody, |token| token.client_id.as_deref());
        let is_key = self.token().is_none();
        match (bound_to, claimed) {
            (bound_to, None) => Ok(bound_to.map(ToOwned::to_owned)),
            (Some("*"), Some(claimed)) if claimed != "*" || is_key => Ok(Some(claimed.to_owned())),
            (Some(id), Some(claimed)) if id == claimed && id != "*" => Ok(Some(id.to_owned())),
            _ => Err(mismatch.error()),
        }
    }
}

impl Service {
    /// Checks the credentials of a request, and whom it claims to come from.
    pub(super) fn authenticate(&mut self, request: &Request, now: i64) -> Result<Identity, Error> {
        let identity = self.identify(request, now)?;
        let mismatch = Refusal::new(self.choices.client_id_mismatch, "invalid clientId for credentials");
        self.noted.client_id = identity.resolve_client_id(claimed_client_id(request)?.as_deref(), mismatch)?;
        Ok(identity)
    }

    /// Checks the credentials of a request, whomever it claims to come from.
    pub(super) fn identify(&mut self, request: &Request, now: i64) -> Result<Identity, Error> {
        let identity = match Credentials::of(request) {
            Credentials::Missing => Err(errors::NO_CREDENTIALS.error()),
            Credentials::Key(_, key) => self.authenticate_key(key.as_ref(), request.secure),
            Credentials::Token(_, token) => self.authenticate_token(token.expose(), now),
        }?;
        self.noted.key_name = Some(identity.key_name().to_owned());
        Ok(identity)
    }

    pub(super) fn authenticate_key(&self, key: Option<&ApiKey>, secure: bool) -> Result<Identity, Error> {
        if !secure {
            return Err(errors::BASIC_WITHOUT_TLS.error());
        }
        let given = key.ok_or_else(|| errors::INVALID_KEY.error())?;
        let app_id = app_id_of(given.name());
        if !self.apps.contains(app_id) && !self.is_app_id(app_id) {
            return Err(errors::NO_APP_ID.error());
        }
        let (_, key) = self.apps.working_key(given.name(), &self.choices)?;
        if !is_same_secret(given.secret(), key.key.secret()) {
            return Err(errors::INVALID_CREDENTIALS.error());
        }
        Ok(Identity::Key { name: given.name().to_owned(), grant: key.grant.clone() })
    }

    pub(super) fn authenticate_token(&self, text: &str, now: i64) -> Result<Identity, Error> {
        let token = match Jwt::parse(text) {
            Some(jwt) => self.read_jwt(&jwt, now)?,
            None => self.recognize_token(text)?,
        };
        self.apps.working_key(&token.key_name, &self.choices)?;
        if token.expires <= now {
            return Err(errors::TOKEN_EXPIRED.error());
        }
        if self.revocations.applies_at(&token).is_some_and(|at| at <= now) {
            return Err(errors::TOKEN_REVOKED.error());
        }
        Ok(Identity::Token(Box::new(token)))
    }

    /// The Ably token of that text.
    pub(super) fn recognize_token(&self, text: &str) -> Result<IssuedToken, Error> {
        let is_text =
            |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_~".contains(&b));
        let (app_id, _) = text
            .split_once('.')
            .filter(|(app_id, opaque)| is_text(app_id) && is_text(opaque))
            .ok_or_else(|| errors::INVALID_TOKEN.error())?;
        if !self.apps.contains(app_id) {
            return Err(errors::UNKNOWN_APP.because(app_id));
        }
        self.tokens.find(text).cloned().ok_or_else(|| errors::TOKEN_UNRECOGNIZED.error())
    }

    /// Whether the text has the form of an app id.
    fn is_app_id(&self, text: &str) -> bool {
        text.len() == self.choices.app_id_length
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
    }
}

/// The client id in `X-Ably-ClientId`, base64 of UTF-8.
fn claimed_client_id(request: &Request) -> Result<Option<String>, Error> {
    let Some(header) = request.headers.find("x-ably-clientid") else { return Ok(None) };
    let bytes = STANDARD.decode(header.trim()).map_err(|_| errors::INVALID_CLIENT_ID.error())?;
    let client_id = String::from_utf8(bytes).ok().filter(|client_id| !client_id.is_empty());
    client_id.map(Some).ok_or_else(|| errors::INVALID_CLIENT_ID.error())
}

/// Whether both are the same, in a time that does not depend on where they differ.
pub(super) fn is_same_secret(given: &str, actual: &str) -> bool {
    let mac = |text: &str| {
        Hmac::<Sha256>::new_from_slice(b"comparison").expect("HMAC takes keys of any length").chain_update(text)
    };
    mac(given).verify(&mac(actual).finalize().into_bytes()).is_ok()
}
