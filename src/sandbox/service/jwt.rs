//! JSON Web Tokens: those that a key has signed, and those that carry another token.
//!
//! A text of three (JWS) or five (JWE) parts whose first is a JSON object is one. If its header, or the payload of
//! a JWS, has `x-ably-token`, that counts in its place: nobody here can check the outer signature. Else it must be
//! signed with HS256 by the secret of the key that `kid` names. What such a token says is not remembered: it is
//! read anew whenever it is shown.

use alloc::borrow::ToOwned;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, crypto};
use serde_json::{Map, Value, json};

use super::Service;
use super::account::{Key, app_id_of};
use super::errors::{self, Refusal};
use super::request_token::DEFAULT_TTL;
use super::tokens::IssuedToken;
use crate::wire::{Error, Secret, TokenRequest};

/// The claim, or the header parameter, that holds another token.
const EMBEDDED: &str = "x-ably-token";
/// How far in the future a token may have been issued, in milliseconds: clocks differ.
const TOLERANCE: i64 = 60 * 1_000;

/// A text that has the form of a JWT.
pub(super) struct Jwt<'a> {
    text: &'a str,
    header: Map<String, Value>,
    /// What is signed, and by what, where it is a JWS.
    signed: Option<Signed<'a>>,
}

struct Signed<'a> {
    message: &'a str,
    signature: &'a str,
    /// None where the payload is no JSON object.
    claims: Option<Map<String, Value>>,
}

impl<'a> Jwt<'a> {
    /// Reads a token's text. `None` where it is no JWT.
    pub(super) fn parse(text: &'a str) -> Option<Self> {
        let parts: Vec<&str> = text.split('.').take(6).collect();
        let header = read_part(parts[0])?;
        let signed = match parts.as_slice() {
            [_, payload, signature] => Some(Signed {
                message: &text[..text.len() - signature.len() - 1],
                signature,
                claims: read_part(payload),
            }),
            [_, _, _, _, _] => None,
            _ => return None,
        };
        Some(Jwt { text, header, signed })
    }

    fn claims(&self) -> Option<&Map<String, Value>> {
        self.signed.as_ref()?.claims.as_ref()
    }

    fn embedded(&self) -> Option<&Value> {
        let of_payload = || self.claims().and_then(|claims| claims.get(EMBEDDED));
        self.header.get(EMBEDDED).or_else(of_payload)
    }
}

impl Service {
    /// The token that a JWT is or carries. Whether it is of now is not checked.
    pub(super) fn read_jwt(&self, jwt: &Jwt<'_>, now: i64) -> Result<IssuedToken, Error> {
        let Some(embedded) = jwt.embedded() else { return self.read_signed(jwt, now) };
        let text = embedded.as_str().ok_or_else(|| errors::INVALID_JWT.because("an embedded token is a string"))?;
        let mut token = match Jwt::parse(text) {
            Some(inner) if inner.embedded().is_some() => {
                return Err(errors::INVALID_JWT.because("a token in a token in a token"));
            }
            Some(inner) => self.read_signed(&inner, now)?,
            None => self.recognize_token(text)?,
        };
        if let Some(expires) = jwt.claims().and_then(|claims| milliseconds(claims.get("exp")?)) {
            if expires > token.expires {
                let message = "Invalid token; it expires later than the token embedded in it";
                return Err(Refusal::new(self.choices.jwt_outlives_embedded, message).error());
            }
            token.expires = expires;
        }
        Ok(token)
    }

    /// The token that a JWT is.
    fn read_signed(&self, jwt: &Jwt<'_>, now: i64) -> Result<IssuedToken, Error> {
        let signed = jwt.signed.as_ref().ok_or_else(|| errors::INVALID_JWT.because("encrypted"))?;
        let key = self.signing_key(jwt)?;
        let secret = DecodingKey::from_secret(key.key.secret().as_bytes());
        let is_signed = crypto::verify(signed.signature, signed.message.as_bytes(), &secret, Algorithm::HS256);
        if !is_signed.unwrap_or(false) {
            return Err(errors::INVALID_JWT.because("signature verification failed"));
        }
        let claims =
            signed.claims.as_ref().ok_or_else(|| errors::INVALID_JWT.because("the payload is no JSON object"))?;
        let (issued, expires) = self.read_lifetime(claims, key, now)?;
        let (capability, grant) = match text_claim(claims, "x-ably-capability")? {
            None => (key.capability.clone(), key.grant.clone()),
            Some(capability) => {
                let wanted =
                    capability.parse().map_err(|_: Error| errors::INVALID_JWT.because("invalid x-ably-capability"))?;
                let grant = key.grant.intersect(&wanted);
                if grant.is_empty() {
                    return Err(errors::NO_COMMON_CAPABILITY.error());
                }
                (grant.to_string(), grant)
            }
        };
        Ok(IssuedToken {
            token: Secret::new(jwt.text),
            key_name: key.key.name().to_owned(),
            issued,
            expires,
            capability,
            client_id: read_client_id(claims)?,
            revocation_key: text_claim(claims, "x-ably-revocation-key")?,
            revocable: key.revocable_tokens,
            grant,
        })
    }

    /// The key that a JWT says it was signed with.
    fn signing_key(&self, jwt: &Jwt<'_>) -> Result<&Key, Error> {
        if jwt.header.get("alg").and_then(Value::as_str) != Some("HS256") {
            return Err(errors::INVALID_JWT.because("alg must be HS256"));
        }
        let kid = jwt.header.get("kid").and_then(Value::as_str).filter(|kid| kid.contains('.'));
        let kid = kid.ok_or_else(|| errors::INVALID_JWT.because("kid must be the name of a key"))?;
        if !self.apps.contains(app_id_of(kid)) {
            return Err(errors::UNKNOWN_APP.because(app_id_of(kid)));
        }
        let unknown = || Refusal::new(self.choices.jwt_unknown_key, "No key found with name ").because(kid);
        self.apps.find_key(kid).ok_or_else(unknown)
    }

    /// When a JWT was issued and when it expires, in milliseconds since the epoch.
    fn read_lifetime(&self, claims: &Map<String, Value>, key: &Key, now: i64) -> Result<(i64, i64), Error> {
        let instant = |name: &str| {
            let value = claims.get(name).and_then(milliseconds);
            value.ok_or_else(|| errors::MISSING_CLAIM.because(name.to_owned() + " must be specified"))
        };
        let (issued, expires) = (instant("iat")?, instant("exp")?);
        match expires.saturating_sub(issued) {
            0 => {}
            ttl => self.check_ttl(Some(ttl), Some(key))?,
        }
        if issued.saturating_sub(now) > TOLERANCE {
            let message = "Invalid token; it was issued in the future";
            return Err(Refusal::new(self.choices.jwt_from_the_future, message).error());
        }
        Ok((issued, expires))
    }

    /// A JWT as a customer's own server makes them: for what `wanted` asks, signed by the key that it names;
    /// timestamp, nonce and mac do not matter. It can ask for more than the service accepts, which shows when it
    /// is used. Its times have milliseconds.
    ///
    /// # Errors
    ///
    /// 40400 where there is no such key.
    pub fn issue_jwt(
        &mut self,
        wanted: &TokenRequest,
        revocation_key: Option<&str>,
        now: i64,
    ) -> Result<Secret, Error> {
        let (_, key) = self.apps.key(&wanted.key_name)?;
        let issued = self.revocations.issue_time(&wanted.key_name, now);
        let expires = issued.saturating_add(wanted.ttl.unwrap_or(DEFAULT_TTL));
        let claims = [
            ("iat", Some(seconds(issued))),
            ("exp", Some(seconds(expires))),
            ("x-ably-capability", wanted.capability.as_deref().map(Value::from)),
            ("x-ably-clientId", wanted.client_id.as_deref().map(Value::from)),
            ("x-ably-revocation-key", revocation_key.map(Value::from)),
        ];
        let claims: Map<String, Value> =
            claims.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect();
        let header = Header { kid: Some(key.key.name().to_owned()), ..Header::new(Algorithm::HS256) };
        let secret = EncodingKey::from_secret(key.key.secret().as_bytes());
        let text = jsonwebtoken::encode(&header, &claims, &secret).map_err(|_| errors::INVALID_JWT.error())?;
        Ok(Secret::new(text))
    }
}

fn read_part(part: &str) -> Option<Map<String, Value>> {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).ok()?).ok()
}

/// A claim that is text, and not empty.
fn text_claim(claims: &Map<String, Value>, name: &str) -> Result<Option<String>, Error> {
    match claims.get(name) {
        None => Ok(None),
        Some(Value::String(text)) if !text.is_empty() => Ok(Some(text.clone())),
        Some(_) => Err(errors::INVALID_JWT.because(name.to_owned() + " must be a string that is not empty")),
    }
}

fn read_client_id(claims: &Map<String, Value>) -> Result<Option<String>, Error> {
    match claims.get("x-ably-clientId") {
        None => Ok(None),
        Some(Value::String(client_id)) if !client_id.is_empty() => Ok(Some(client_id.clone())),
        Some(_) => Err(errors::JWT_CLIENT_ID.error()),
    }
}

/// Milliseconds of a number of seconds, which may have a fraction.
fn milliseconds(seconds: &Value) -> Option<i64> {
    match seconds.as_i64() {
        Some(seconds) => Some(seconds.saturating_mul(1_000)),
        // The conversion saturates.
        None => seconds.as_f64().map(|seconds| (seconds * 1_000.0).round() as i64),
    }
}

fn seconds(milliseconds: i64) -> Value {
    if milliseconds % 1_000 == 0 { json!(milliseconds / 1_000) } else { json!(milliseconds as f64 / 1_000.0) }
}
