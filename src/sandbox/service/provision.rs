//! `POST /apps` and `DELETE /apps/{appId}`: apps that come and go, as the test suites of the official SDKs want them.

use alloc::borrow::ToOwned;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;

use serde_json::{Value, json};

use super::Service;
use super::account::{KeySpec, app_id_of};
use super::errors;
use super::grant::Grant;
use super::message::{Answer, Request};
use super::request_token::read_body;
use crate::options::ApiKey;
use crate::wire::Error;

/// How many apps there can be for another one to be made.
const MAX_APPS: usize = 1_000;
const MAX_KEYS: usize = 100;
/// The largest specification of an app, in bytes.
const MAX_SPECIFICATION: usize = 64 * 1_024;

impl KeySpec {
    /// The keys of an app, from a specification of it as `POST /apps` takes it: an object whose member `keys` is an
    /// array of objects, each with perhaps a `capability`, as JSON text or as it is, and `revocableTokens`. What else
    /// there is does not matter.
    ///
    /// # Errors
    ///
    /// 40001/400 where there are no keys, or more than a hundred; 40000/400 for an invalid capability.
    pub fn of_app(specification: &Value) -> Result<Vec<KeySpec>, Error> {
        let keys = specification.get("keys").and_then(Value::as_array);
        let keys = keys.filter(|keys| (1..=MAX_KEYS).contains(&keys.len()));
        let keys = keys.ok_or_else(|| errors::INVALID_BODY.because("keys: expected 1 to 100 of them"))?;
        keys.iter().map(KeySpec::read).collect()
    }

    fn read(key: &Value) -> Result<KeySpec, Error> {
        let capability = match key.get("capability") {
            None | Some(Value::Null) => None,
            Some(Value::String(text)) => Some(text.to_owned()),
            Some(value) => Some(value.to_string()),
        };
        let grant = capability.map_or_else(|| Ok(Grant::all()), |capability| capability.parse::<Grant>())?;
        let spec = KeySpec::with_capability(grant.to_string());
        let is_revocable = key.get("revocableTokens").and_then(Value::as_bool).unwrap_or(false);
        Ok(if is_revocable { spec.revocable() } else { spec })
    }
}

impl Service {
    /// Needs no credentials.
    pub(super) fn create_app(&mut self, request: &Request) -> Result<Answer, Error> {
        if request.body().len() > MAX_SPECIFICATION {
            return Err(errors::BODY_TOO_LARGE.error());
        }
        if self.apps.len() >= MAX_APPS {
            return Err(errors::TOO_MANY_APPS.error());
        }
        let specification = Value::Object(read_body(request)?);
        let specs = KeySpec::of_app(&specification)?;
        let keys = self.add_app(specs)?;
        let app_id = keys.first().map_or("", |key| app_id_of(key.name()));
        let listed = |name: &str| specification.get(name).filter(|value| value.is_array()).cloned();
        Ok(Answer::new(
            201,
            json!({
                "appId": app_id,
                "accountId": "sandbox",
                "keys": keys.iter().map(|key| self.describe_key(key)).collect::<Vec<_>>(),
                "namespaces": listed("namespaces").unwrap_or_else(|| json!([])),
            }),
        ))
    }

    fn describe_key(&self, key: &ApiKey) -> Value {
        let found = self.apps.find_key(key.name());
        json!({
            "id": key.name().split_once('.').map(|(_, id)| id),
            "keyName": key.name(),
            "keySecret": key.secret(),
            "keyStr": key.expose(),
            "capability": found.map(|key| key.capability.as_str()),
            "revocableTokens": found.is_some_and(|key| key.revocable_tokens),
        })
    }

    /// Needs a key of the app.
    pub(super) fn delete_app(&mut self, app_id: &str, request: &Request, now: i64) -> Result<Answer, Error> {
        let identity = self.authenticate(request, now)?;
        if identity.token().is_some() {
            return Err(errors::BASIC_AUTH_REQUIRED.error());
        }
        if !self.apps.contains(app_id) {
            return Err(errors::UNKNOWN_APP.because(app_id));
        }
        if app_id_of(identity.key_name()) != app_id {
            return Err(errors::KEY_OF_ANOTHER_APP.error());
        }
        self.remove_app(app_id, now);
        Ok(Answer::new(204, Value::Null))
    }

    /// Forgets an app: its keys and tokens work no longer, and its connections end. Returns whether there was one of
    /// that id.
    pub fn remove_app(&mut self, app_id: &str, now: i64) -> bool {
        let was_found = self.apps.remove(app_id);
        let is_of_app = |name: &String| app_id_of(name) == app_id;
        self.first_key.take_if(|name| is_of_app(name));
        self.history.forget(app_id);
        self.tokens.forget_app(app_id);
        self.revocations.forget_app(app_id);
        self.end_orphans(now);
        was_found
    }
}
