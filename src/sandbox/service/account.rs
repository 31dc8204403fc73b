//! Apps and their keys.

use alloc::borrow::ToOwned;
use alloc::collections::BTreeMap;
use alloc::string::{String, ToString as _};

use super::errors;
use super::grant::Grant;
use crate::options::ApiKey;
use crate::sandbox::choices::Choices;
use crate::wire::Error;

/// A key to be set up.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct KeySpec {
    /// The capability, as JSON text; absent: everything on every channel.
    pub capability: Option<String>,
    /// Whether its tokens can be revoked. They then live for an hour at most.
    pub revocable_tokens: bool,
}

impl KeySpec {
    /// A key that may do everything on every channel.
    pub fn full() -> Self {
        KeySpec { capability: None, revocable_tokens: false }
    }

    /// A key with this capability, as JSON text.
    pub fn with_capability(capability: impl Into<String>) -> Self {
        KeySpec { capability: Some(capability.into()), ..Self::full() }
    }

    /// The same key, with tokens that can be revoked.
    #[must_use]
    pub fn revocable(mut self) -> Self {
        self.revocable_tokens = true;
        self
    }

    /// The keys of the app that the official SDKs run their tests with, in their order.
    pub fn test_app() -> [KeySpec; 6] {
        [
            KeySpec::full(),
            KeySpec::with_capability(concat!(
                r#"{"canpublish:*":["publish"],"canpublish:andpresence":["presence","publish"],"#,
                r#""cansubscribe:*":["subscribe"],"pushenabled:*":["publish","push-subscribe","subscribe"],"#,
                r#""pushenabled:admin:*":["publish","push-admin","subscribe"]}"#,
            )),
            KeySpec::with_capability(concat!(
                r#"{"channel0":["publish"],"channel1":["publish"],"channel2":["publish","subscribe"],"#,
                r#""channel3":["subscribe"],"channel4":["presence","publish","subscribe"],"#,
                r#""channel5":["presence"],"channel6":["*"]}"#,
            )),
            KeySpec::with_capability(r#"{"*":["subscribe"]}"#),
            KeySpec::full().revocable(),
            KeySpec::with_capability(r#"{"[*]*":["*"]}"#),
        ]
    }
}

/// What has become of a key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum KeyStatus {
    /// It works.
    #[default]
    Active,
    /// It was revoked, and all its tokens with it (40131).
    Revoked,
    /// It has expired, and all its tokens with it (40132).
    Expired,
}

/// What has become of an app.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AppStatus {
    /// It works.
    #[default]
    Enabled,
    /// It was disabled (40120).
    Disabled,
    /// Its account was disabled (40110).
    AccountDisabled,
}

#[derive(Clone, Debug, Default)]
pub(super) struct App {
    pub(super) status: AppStatus,
    pub(super) revocation_enabled: bool,
    pub(super) keys: BTreeMap<String, Key>,
}

#[derive(Clone, Debug)]
pub(super) struct Key {
    pub(super) key: ApiKey,
    /// The capability as it was given; tokens that ask for none get this text.
    pub(super) capability: String,
    pub(super) grant: Grant,
    pub(super) revocable_tokens: bool,
    pub(super) status: KeyStatus,
}

impl Key {
    pub(super) fn new(key: ApiKey, spec: KeySpec) -> Result<Self, Error> {
        let capability = spec.capability.unwrap_or_else(|| Grant::all().to_string());
        let grant = capability.parse()?;
        Ok(Key { key, capability, grant, revocable_tokens: spec.revocable_tokens, status: KeyStatus::Active })
    }
}

/// All apps by id.
#[derive(Clone, Debug, Default)]
pub(super) struct Apps(BTreeMap<String, App>);

impl Apps {
    pub(super) fn entry(&mut self, app_id: &str) -> &mut App {
        self.0.entry(app_id.to_owned()).or_insert_with(|| App { revocation_enabled: true, ..App::default() })
    }

    pub(super) fn find_mut(&mut self, app_id: &str) -> Option<&mut App> {
        self.0.get_mut(app_id)
    }

    pub(super) fn remove(&mut self, app_id: &str) -> bool {
        self.0.remove(app_id).is_some()
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    #[cfg(feature = "__fuzzing")]
    pub(super) fn key_count(&self) -> usize {
        self.0.values().map(|app| app.keys.len()).sum()
    }

    pub(super) fn contains(&self, app_id: &str) -> bool {
        self.0.contains_key(app_id)
    }

    pub(super) fn find_key(&self, name: &str) -> Option<&Key> {
        self.0.get(app_id_of(name))?.keys.get(name)
    }

    pub(super) fn find_key_mut(&mut self, name: &str) -> Option<&mut Key> {
        self.0.get_mut(app_id_of(name))?.keys.get_mut(name)
    }

    /// The app and key of that name.
    ///
    /// # Errors
    ///
    /// What the service says where one of them does not exist.
    pub(super) fn key(&self, name: &str) -> Result<(&App, &Key), Error> {
        let app_id = app_id_of(name);
        let app = self.0.get(app_id).ok_or_else(|| errors::UNKNOWN_APP.because(app_id))?;
        let key = app.keys.get(name).ok_or_else(|| errors::UNKNOWN_KEY.because(name))?;
        Ok((app, key))
    }

    /// The app and key of that name, where both are in working order.
    ///
    /// # Errors
    ///
    /// Also where one was revoked, has expired or was disabled.
    pub(super) fn working_key(&self, name: &str, choices: &Choices) -> Result<(&App, &Key), Error> {
        let (app, key) = self.key(name)?;
        match key.status {
            KeyStatus::Active => {}
            KeyStatus::Revoked => return Err(errors::KEY_REVOKED.error()),
            KeyStatus::Expired => return Err(errors::KEY_EXPIRED.error()),
        }
        match app.status {
            AppStatus::Enabled => Ok((app, key)),
            AppStatus::Disabled => Err(errors::Refusal::new(choices.app_disabled, "application disabled").error()),
            AppStatus::AccountDisabled => {
                Err(errors::Refusal::new(choices.account_disabled, "account disabled").error())
            }
        }
    }
}

/// The part of a key's name, or of a token, that names the app.
pub(super) fn app_id_of(name: &str) -> &str {
    name.split_once('.').map_or(name, |(app_id, _)| app_id)
}
