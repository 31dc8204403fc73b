//! The revocations in effect.
//!
//! A revocation hits those tokens of its key that match its target and were issued strictly before an instant.
//! It is kept for as long as such a token can live.

use alloc::borrow::ToOwned;
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::account::app_id_of;
use super::errors;
use super::request_token::MAX_REVOCABLE_TTL;
use super::tokens::{IssuedToken, TextDigest, digest};
use crate::sandbox::choices::Choices;
use crate::wire::{Capability, Error};

/// How many revocations can be in effect at once.
const MAX_REVOCATIONS: usize = 10_000;
/// A clock that goes back further than this, in milliseconds, was set; the order of issuing and revoking is
/// then no longer kept.
const SET_BACK: i64 = 1_000;

/// Which tokens of a key are meant: the digest of a `type:value`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Target(TextDigest);

impl Target {
    /// Reads `type:value`.
    pub(super) fn parse(text: &str, choices: &Choices) -> Result<Target, Error> {
        match text.split_once(':') {
            None | Some((_, "")) => Err(errors::UNKNOWN_TARGET.error()),
            Some(("channel", _)) if !choices.revocation_by_channel => Err(errors::REVOCATION_OFF.error()),
            Some(("clientId" | "revocationKey" | "channel", _)) => Ok(Target(digest(text))),
            Some(("token", _)) if choices.revocation_by_token => Ok(Target(digest(text))),
            Some(_) => Err(errors::UNKNOWN_TARGET.error()),
        }
    }

    /// Every target that a token would match. Of its capability the names count, character for character.
    fn of_token(token: &IssuedToken) -> impl Iterator<Item = Target> {
        let of = |kind: &str, value: &str| Target(digest(&format!("{kind}:{value}")));
        let capability = token.capability.parse::<Capability>();
        let channels = capability.map(|capability| capability.resources()).unwrap_or_default().into_keys();
        let client_id = token.client_id.as_deref().map(|client_id| of("clientId", client_id));
        let revocation_key = token.revocation_key.as_deref().map(|key| of("revocationKey", key));
        let token = of("token", token.token.expose());
        client_id
            .into_iter()
            .chain(revocation_key)
            .chain([token])
            .chain(channels.map(move |channel| of("channel", &channel)))
    }
}

#[derive(Clone, Copy, Debug)]
struct Revocation {
    issued_before: i64,
    applies_at: i64,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Revocations {
    by_key: BTreeMap<String, OfKey>,
    count: usize,
}

/// What concerns one key.
#[derive(Clone, Debug, Default)]
struct OfKey {
    targets: BTreeMap<Target, Vec<Revocation>>,
    last_issued: i64,
    /// No token is issued before this, so that a revocation does not hit what is issued after it.
    not_before: i64,
}

impl Revocations {
    /// Revokes the tokens of a key that match the target and were issued before an instant.
    ///
    /// # Errors
    ///
    /// 42910/429 where there are too many revocations to remember another one.
    pub(super) fn insert(
        &mut self,
        key_name: &str,
        target: Target,
        issued_before: i64,
        applies_at: i64,
    ) -> Result<(), Error> {
        let entries = self.by_key.entry(key_name.to_owned()).or_default().targets.entry(target).or_default();
        let before = entries.len();
        entries.retain(|entry| entry.issued_before > issued_before || entry.applies_at < applies_at);
        self.count -= before - entries.len();
        if self.count >= MAX_REVOCATIONS {
            return Err(errors::TOO_MANY_REVOCATIONS.error());
        }
        entries.push(Revocation { issued_before, applies_at });
        self.count += 1;
        Ok(())
    }

    /// Forgets what can concern no token that still lives.
    pub(super) fn forget(&mut self, now: i64) {
        let mut count = 0;
        for of_key in self.by_key.values_mut() {
            of_key.targets.retain(|_, entries| {
                entries.retain(|entry| entry.issued_before.saturating_add(MAX_REVOCABLE_TTL) > now);
                count += entries.len();
                !entries.is_empty()
            });
        }
        self.count = count;
    }

    #[cfg(feature = "__fuzzing")]
    /// How many keys something is known about, and how many revocations are in effect.
    pub(super) fn lengths(&self) -> (usize, usize) {
        assert!(self.count <= MAX_REVOCATIONS);
        (self.by_key.len(), self.count)
    }

    /// Forgets all about the keys of an app.
    pub(super) fn forget_app(&mut self, app_id: &str) {
        self.by_key.retain(|key_name, _| app_id_of(key_name) != app_id);
        self.count = self.by_key.values().flat_map(|of_key| of_key.targets.values()).map(Vec::len).sum();
    }

    /// From when on a token is revoked.
    pub(super) fn applies_at(&self, token: &IssuedToken) -> Option<i64> {
        let targets = &self.by_key.get(&token.key_name).filter(|_| token.revocable)?.targets;
        if targets.is_empty() {
            return None;
        }
        let entries = Target::of_token(token).filter_map(|target| targets.get(&target)).flatten();
        entries.filter(|entry| token.issued < entry.issued_before).map(|entry| entry.applies_at).min()
    }

    /// The issue time of a token of this key that is issued now.
    pub(super) fn issue_time(&mut self, key_name: &str, now: i64) -> i64 {
        let of_key = self.by_key.entry(key_name.to_owned()).or_default();
        let is_ahead = now < of_key.not_before && of_key.not_before - now <= SET_BACK;
        of_key.last_issued = if is_ahead { of_key.not_before } else { now };
        of_key.last_issued
    }

    /// An instant after every token of this key so far, and not after any later one.
    pub(super) fn close_millisecond(&mut self, key_name: &str, now: i64) -> i64 {
        let of_key = self.by_key.entry(key_name.to_owned()).or_default();
        let is_ahead = now <= of_key.last_issued && of_key.last_issued - now <= SET_BACK;
        of_key.not_before = if is_ahead { of_key.last_issued + 1 } else { now };
        of_key.not_before
    }
}
