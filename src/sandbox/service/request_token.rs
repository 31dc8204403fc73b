//! `POST /keys/{keyName}/requestToken`: the checks of a request for a token, in the service's order.

use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::{String, ToString as _};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};

use super::credentials::Credentials;
use super::errors::{self, Refusal};
use super::grant::Grant;
use super::message::{Answer, Request};
use super::tokens::IssuedToken;
use super::{CredentialsKind, Service, account::Key, account::app_id_of};
use crate::sign::{self, VerifyError};
use crate::wire::{Error, Secret, TokenRequest, lenient};

/// How long a token lives unless it was asked otherwise.
pub(super) const DEFAULT_TTL: i64 = 60 * 60 * 1_000;
const MAX_TTL: i64 = 24 * 60 * 60 * 1_000;
pub(super) const MAX_REVOCABLE_TTL: i64 = 60 * 60 * 1_000;
/// How far the timestamp of a request may be from the service's time, either way.
const TIMESTAMP_WINDOW: i64 = 2 * 60 * 1_000;

impl Service {
    pub(super) fn request_token(&mut self, key_name: &str, request: &Request, now: i64) -> Result<Answer, Error> {
        let wanted = self.checked_shape(key_name, request)?;
        self.checked_key(key_name)?;
        if wanted.mac.is_some() {
            self.check_signature(&wanted)?;
        } else {
            self.check_same_key(key_name, request)?;
        }
        self.noted.client_id.clone_from(&wanted.client_id);
        self.check_currency(&wanted, now)?;
        let issued = self.issue(&wanted, now)?;
        let details = serde_json::to_value(issued.details()).unwrap_or_default();
        Ok(Answer::new(self.choices.request_token_status, details))
    }

    /// What can be said of a request before anybody asks who made it.
    fn checked_shape(&self, key_name: &str, request: &Request) -> Result<TokenRequest, Error> {
        let object = read_body(request)?;
        let mut wanted = read_token_request(&object)?;
        if wanted.key_name != key_name {
            let refusal =
                Refusal::new(self.choices.request_token_key_mismatch, "keyName mismatch between path and body");
            return Err(refusal.error());
        }
        if let Some(capability) = &wanted.capability {
            capability.parse::<Grant>()?;
        }
        self.check_ttl(wanted.ttl, self.apps.find_key(key_name))?;
        wanted.client_id = read_client_id(&object)?;
        Ok(wanted)
    }

    pub(super) fn check_ttl(&self, ttl: Option<i64>, key: Option<&Key>) -> Result<(), Error> {
        match ttl {
            Some(ttl) if ttl < 0 || (ttl == 0 && !self.choices.zero_ttl_is_default) => Err(errors::INVALID_TTL.error()),
            Some(ttl) if ttl > MAX_TTL => Err(errors::EXCESSIVE_TTL.error()),
            Some(ttl) if ttl > MAX_REVOCABLE_TTL && key.is_some_and(|key| key.revocable_tokens) => {
                Err(errors::EXCESSIVE_REVOCABLE_TTL.error())
            }
            _ => Ok(()),
        }
    }

    fn checked_key(&self, key_name: &str) -> Result<&Key, Error> {
        let unknown = Refusal::new(self.choices.request_token_unknown_key, "No key found with name ");
        if self.apps.contains(app_id_of(key_name)) && self.apps.find_key(key_name).is_none() {
            return Err(unknown.because(key_name));
        }
        self.apps.working_key(key_name, &self.choices).map(|(_, key)| key)
    }

    fn check_signature(&mut self, wanted: &TokenRequest) -> Result<(), Error> {
        let key = &self.checked_key(&wanted.key_name)?.key;
        let verified = sign::verify(key, wanted);
        self.noted.credentials = CredentialsKind::Signature;
        self.noted.key_name = Some(wanted.key_name.clone());
        verified.map_err(|error| {
            if let VerifyError::MacMismatch { likely } = error {
                self.noted.note = Some(format!("most likely {likely}"));
            }
            errors::MAC_MISMATCH.error()
        })
    }

    /// An unsigned request needs the key itself.
    fn check_same_key(&mut self, key_name: &str, request: &Request) -> Result<(), Error> {
        let refusal = match Credentials::of(request) {
            Credentials::Key(_, key) => {
                let identity = self.authenticate_key(key.as_ref(), request.secure)?;
                if identity.key_name() == key_name {
                    self.noted.key_name = Some(key_name.to_owned());
                    return Ok(());
                }
                errors::MAC_MISSING
            }
            Credentials::Token(..) => {
                Refusal::new(self.choices.request_token_by_bearer, "a token cannot be used to request another token")
            }
            Credentials::Missing => errors::MAC_MISSING,
        };
        Err(refusal.error())
    }

    /// That a request is of now, and is not used a second time.
    fn check_currency(&mut self, wanted: &TokenRequest, now: i64) -> Result<(), Error> {
        let timestamp = wanted.timestamp.unwrap_or_default();
        if now.abs_diff(timestamp) > TIMESTAMP_WINDOW.unsigned_abs() {
            return Err(errors::TIMESTAMP_NOT_CURRENT.error());
        }
        if wanted.mac.is_none() {
            return Ok(());
        }
        let nonce = wanted.nonce.as_deref().filter(|nonce| !nonce.is_empty());
        let nonce = nonce.ok_or_else(|| errors::NONCE_MISSING.error())?;
        // A request from the future stays current for longer, and so does its nonce.
        if self.nonces.burn(&wanted.key_name, nonce, timestamp.saturating_add(TIMESTAMP_WINDOW), now) {
            Ok(())
        } else {
            Err(errors::NONCE_REPLAYED.error())
        }
    }

    /// Issues what was asked for; whoever asks has the right to.
    pub(super) fn issue(&mut self, wanted: &TokenRequest, now: i64) -> Result<IssuedToken, Error> {
        let key = self.checked_key(&wanted.key_name)?;
        self.check_ttl(wanted.ttl, Some(key))?;
        let (capability, grant) = match &wanted.capability {
            None => (key.capability.clone(), key.grant.clone()),
            Some(capability) => {
                let grant = key.grant.intersect(&capability.parse()?);
                if grant.is_empty() {
                    return Err(errors::NO_COMMON_CAPABILITY.error());
                }
                (grant.to_string(), grant)
            }
        };
        let revocable = key.revocable_tokens;
        let issued = self.revocations.issue_time(&wanted.key_name, now);
        let token = IssuedToken {
            token: self.new_token(app_id_of(&wanted.key_name)),
            key_name: wanted.key_name.clone(),
            issued,
            expires: issued.saturating_add(wanted.ttl.filter(|ttl| *ttl != 0).unwrap_or(DEFAULT_TTL)),
            capability,
            client_id: wanted.client_id.clone(),
            revocation_key: None,
            revocable,
            grant,
        };
        self.tokens.insert(token.clone(), now.saturating_sub(self.choices.expired_tokens_kept));
        Ok(token)
    }

    fn new_token(&mut self, app_id: &str) -> Secret {
        let random: [u8; 24] = self.random();
        Secret::new(format!("{app_id}.{}", URL_SAFE_NO_PAD.encode(random)))
    }
}

/// The object in a body.
pub(super) fn read_body(request: &Request) -> Result<Map<String, Value>, Error> {
    match request.read_body()? {
        Value::Object(members) => Ok(members),
        _ => Err(errors::INVALID_BODY.because("expected an object")),
    }
}

/// Everything but the client id, which the service looks at later.
fn read_token_request(object: &Map<String, Value>) -> Result<TokenRequest, Error> {
    let wrong = |name: &str| errors::INVALID_BODY.because(name.to_owned() + " is missing or has the wrong type");
    let member = |name: &str| object.get(name).filter(|value| !value.is_null());
    let text = |name: &str| -> Result<Option<String>, Error> {
        let text = member(name).map(|value| value.as_str().map(ToOwned::to_owned).ok_or_else(|| wrong(name)));
        Ok(text.transpose()?.filter(|text| !text.is_empty()))
    };
    let number = |name: &str| -> Result<Option<i64>, Error> {
        member(name).map(|value| lenient::integer(value).ok_or_else(|| wrong(name))).transpose()
    };
    Ok(TokenRequest {
        ttl: number("ttl")?,
        capability: text("capability")?,
        timestamp: Some(number("timestamp")?.ok_or_else(|| wrong("timestamp"))?),
        nonce: text("nonce")?,
        mac: text("mac")?.map(Secret::new),
        ..TokenRequest::new(text("keyName")?.ok_or_else(|| wrong("keyName"))?)
    })
}

fn read_client_id(object: &Map<String, Value>) -> Result<Option<String>, Error> {
    match object.get("clientId") {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(client_id)) if !client_id.is_empty() => Ok(Some(client_id.clone())),
        Some(_) => Err(errors::INVALID_CLIENT_ID.error()),
    }
}
