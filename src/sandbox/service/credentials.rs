//! Who sends a request, and what he may do.

use alloc::borrow::ToOwned;
use alloc::string::String;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use super::account::app_id_of;
use super::errors::{self, Refusal};
use super::grant::Grant;
use super::message::Request;
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
pub(super) struct Identity {
    /// The key he has, or that issued his token.
    pub(super) key_name: String,
    pub(super) grant: Grant,
    pub(super) client: Client,
}

/// Whom credentials let one be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Client {
    /// The holder of a key may be anybody.
    KeyHolder,
    /// A token without a client id.
    Anonymous,
    /// A token for any client id.
    Any,
    /// A token for one client id.
    Pinned(String),
}

impl Client {
    pub(super) fn of_token(client_id: Option<&str>) -> Client {
        match client_id {
            None => Client::Anonymous,
            Some("*") => Client::Any,
            Some(id) => Client::Pinned(id.to_owned()),
        }
    }

    /// Who he is, if he says that he is `claimed`: `*` where he may be anybody, none where he is anonymous.
    pub(super) fn resolve(&self, claimed: Option<&str>, mismatch: Refusal) -> Result<Option<String>, Error> {
        match (self, claimed) {
            (Client::KeyHolder | Client::Any, None) => Ok(Some("*".to_owned())),
            (Client::KeyHolder, Some(claimed)) => Ok(Some(claimed.to_owned())),
            (Client::Any, Some(claimed)) if claimed != "*" => Ok(Some(claimed.to_owned())),
            (Client::Anonymous, None) => Ok(None),
            (Client::Pinned(id), None) => Ok(Some(id.clone())),
            (Client::Pinned(id), Some(claimed)) if claimed == id => Ok(Some(id.clone())),
            _ => Err(mismatch.error()),
        }
    }
}

impl Service {
    /// Checks the credentials of a request, and whom it claims to come from.
    pub(super) fn authenticate(&mut self, request: &Request, now: i64) -> Result<Identity, Error> {
        let identity = match Credentials::of(request) {
            Credentials::Missing => Err(errors::NO_CREDENTIALS.error()),
            Credentials::Key(_, key) => self.authenticate_key(key.as_ref(), request.secure),
            Credentials::Token(_, token) => self.authenticate_token(token.expose(), now),
        }?;
        self.noted.key_name = Some(identity.key_name.clone());
        let mismatch = Refusal::new(self.choices.client_id_mismatch, "invalid clientId for credentials");
        self.noted.client_id = identity.client.resolve(claimed_client_id(request)?.as_deref(), mismatch)?;
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
        Ok(Identity { key_name: given.name().to_owned(), grant: key.grant.clone(), client: Client::KeyHolder })
    }

    fn authenticate_token(&self, token: &str, now: i64) -> Result<Identity, Error> {
        let is_text =
            |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_~".contains(&b));
        let (app_id, _) = token
            .split_once('.')
            .filter(|(app_id, opaque)| is_text(app_id) && is_text(opaque))
            .ok_or_else(|| errors::INVALID_TOKEN.error())?;
        if !self.apps.contains(app_id) {
            return Err(errors::UNKNOWN_APP.because(app_id));
        }
        let issued = self.tokens.find(token).ok_or_else(|| errors::TOKEN_UNRECOGNIZED.error())?;
        self.apps.working_key(&issued.key_name, &self.choices)?;
        if issued.expires <= now {
            return Err(errors::TOKEN_EXPIRED.error());
        }
        if self.revocations.applies_at(issued).is_some_and(|at| at <= now) {
            return Err(errors::TOKEN_REVOKED.error());
        }
        Ok(Identity {
            key_name: issued.key_name.clone(),
            grant: issued.grant.clone(),
            client: Client::of_token(issued.client_id.as_deref()),
        })
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
fn is_same_secret(given: &str, actual: &str) -> bool {
    let mac = |text: &str| {
        Hmac::<Sha256>::new_from_slice(b"comparison").expect("HMAC takes keys of any length").chain_update(text)
    };
    mac(given).verify(&mac(actual).finalize().into_bytes()).is_ok()
}
