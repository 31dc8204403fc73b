//! API keys.

use alloc::format;
use alloc::string::String;
use alloc::sync::Arc;
use core::fmt;
use core::str::FromStr;

use crate::wire::{Error, Secret, codes, is_key_name};

/// An API key, `name:secret` (`RSA11`). The name is public, the secret is not.
///
/// ```
/// use ably_auth::options::ApiKey;
///
/// let key: ApiKey = "appId.keyId:keySecret".parse()?;
/// assert_eq!(key.name(), "appId.keyId");
/// assert_eq!(format!("{key:?}"), "ApiKey(appId.keyId:[redacted])");
/// # Ok::<(), ably_auth::Error>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct ApiKey {
    // Shared, so that there is one copy to wipe.
    text: Arc<Secret>,
    name_length: usize,
}

impl ApiKey {
    /// The key's name, `appId.keyId`.
    pub fn name(&self) -> &str {
        &self.text.expose()[..self.name_length]
    }

    /// The key's secret, for signing.
    pub fn secret(&self) -> &str {
        &self.text.expose()[self.name_length + 1..]
    }

    /// The whole key, name and secret.
    pub fn expose(&self) -> &str {
        self.text.expose()
    }
}

impl FromStr for ApiKey {
    type Err = Error;

    /// Splits at the first colon; the secret may hold more of them.
    ///
    /// # Errors
    ///
    /// 40101/403 where the name or the secret is missing, or the name is `.` or `..`.
    fn from_str(text: &str) -> Result<Self, Error> {
        match text.split_once(':') {
            Some((name, secret)) if is_key_name(name) && !secret.is_empty() => {
                Ok(ApiKey { text: Arc::new(text.into()), name_length: name.len() })
            }
            _ => Err(Error::configuration(
                codes::INVALID_CREDENTIALS,
                403,
                "key: expected \"appId.keyId:secret\", with a name and a secret; copy the whole key",
            )),
        }
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ApiKey({}:[redacted])", self.name())
    }
}

/// The error for a bad key among the client options (`RSC1b`).
pub(super) fn invalid_client_key(error: &Error) -> Error {
    let message: String = format!("invalid key parameter: {}", error.message());
    Error::configuration(codes::NOT_FOUND, 404, message)
}
