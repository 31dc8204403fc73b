//! Signing token requests, and verifying what others signed (`RSA9`).
//!
//! The text that is signed is that which is sent: key name, ttl, capability, client id, timestamp and nonce,
//! a line feed after each, absent ones empty. The MAC is HMAC-SHA256 under the bytes of the key's secret, in
//! base64. Nothing here knows a clock or a source of randomness: timestamp and nonce are given.

mod verify;

use alloc::string::String;
use core::fmt::{self, Write};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use crate::options::ApiKey;
use crate::wire::{Error, Secret, TokenParams, TokenRequest, codes};

pub use verify::{LikelyChange, VerifyError, verify};

/// Signs a request for a token with these params (`RSA9a`, `RSA9g`).
///
/// `timestamp` (milliseconds since the epoch) and `nonce` (16 or more characters, never used before) are
/// used where the params hold none.
///
/// ```
/// use ably_auth::options::ApiKey;
/// use ably_auth::wire::TokenParams;
///
/// let key: ApiKey = "appId.keyId:keySecret".parse()?;
/// let request = ably_auth::sign::sign(&key, &TokenParams::default(), 1_700_000_000_000, "0123456789abcdef")?;
/// assert_eq!(request.mac.unwrap().expose(), "hof9jY3Ir8CZuMxMW/MEF7NHdZ61VWK2ByjCJDseUO0=");
/// # Ok::<(), ably_auth::Error>(())
/// ```
///
/// # Errors
///
/// 40003/400 for a ttl that is not positive, 40012/400 for an empty client id.
pub fn sign(key: &ApiKey, params: &TokenParams, timestamp: i64, nonce: &str) -> Result<TokenRequest, Error> {
    params.check()?;
    let mut request = TokenRequest::new(key.name());
    request.ttl = params.ttl;
    request.capability = params.capability.as_ref().map(|capability| capability.as_str().into());
    request.client_id = params.client_id.clone();
    request.timestamp = Some(params.timestamp.unwrap_or(timestamp));
    request.nonce = Some(params.nonce.as_deref().unwrap_or(nonce).into());
    request.mac = Some(mac(key, &request));
    Ok(request)
}

/// The MAC of a request under a key, whatever MAC it holds.
pub fn mac(key: &ApiKey, request: &TokenRequest) -> Secret {
    Secret::new(STANDARD.encode(keyed_text(key, request).finalize().into_bytes()))
}

/// The text that is signed.
pub fn signing_text(request: &TokenRequest) -> String {
    let mut text = String::new();
    // Writing to a string cannot fail.
    let _ = write_signing_text(&mut text, request);
    text
}

fn write_signing_text(out: &mut impl Write, request: &TokenRequest) -> fmt::Result {
    let number = |out: &mut dyn Write, number: Option<i64>| match number {
        Some(number) => writeln!(out, "{number}"),
        None => writeln!(out),
    };
    let text = |out: &mut dyn Write, text: Option<&str>| {
        out.write_str(text.unwrap_or_default())?;
        out.write_char('\n')
    };
    text(out, Some(&request.key_name))?;
    number(out, request.ttl)?;
    text(out, request.capability.as_deref())?;
    text(out, request.client_id.as_deref())?;
    number(out, request.timestamp)?;
    text(out, request.nonce.as_deref())
}

/// The HMAC that has read a request's text.
fn keyed_text(key: &ApiKey, request: &TokenRequest) -> Hmac<Sha256> {
    struct Feed(Hmac<Sha256>);

    impl Write for Feed {
        fn write_str(&mut self, text: &str) -> fmt::Result {
            self.0.update(text.as_bytes());
            Ok(())
        }
    }

    let mut feed = Feed(Hmac::new_from_slice(key.secret().as_bytes()).expect("HMAC takes keys of any length"));
    let _ = write_signing_text(&mut feed, request);
    feed.0
}

/// The error where a key is needed for signing and there is none.
pub(crate) fn no_key() -> Error {
    Error::configuration(
        codes::INVALID_CREDENTIALS,
        403,
        "no key to sign with: give a key in the client options or in authOptions",
    )
}
