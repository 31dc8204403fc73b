//! The tokens that were issued.
//!
//! They are found by a digest of their text, so that the time of a lookup tells nothing about it. Whenever one
//! is issued, those that expired long ago are forgotten.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::String;
use alloc::vec::Vec;

use sha2::{Digest as _, Sha256};

use super::account::app_id_of;
use super::grant::Grant;
use crate::wire::{Secret, TokenDetails};

/// How much memory tokens may take, in bytes, more or less; beyond that the one that expires first is forgotten.
const MAX_SIZE: usize = 64 * 1_024 * 1_024;

/// A token as the service knows it: one that it has issued, or a JWT that it was shown.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct IssuedToken {
    /// The token.
    pub token: Secret,
    /// The name of the key it came from.
    pub key_name: String,
    /// When it was issued, in milliseconds since the epoch.
    pub issued: i64,
    /// When it expires, in milliseconds since the epoch.
    pub expires: i64,
    /// Its capability, as JSON text.
    pub capability: String,
    /// The client id it is bound to; `*` for any, none for anonymous.
    pub client_id: Option<String>,
    /// What a JWT says it can be revoked by.
    pub revocation_key: Option<String>,
    /// Whether its key's tokens could be revoked when it was issued.
    pub revocable: bool,
    pub(super) grant: Grant,
}

impl IssuedToken {
    /// The token as it is handed out.
    pub fn details(&self) -> TokenDetails {
        TokenDetails {
            expires: Some(self.expires),
            issued: Some(self.issued),
            capability: Some(self.capability.clone()),
            client_id: self.client_id.clone(),
            key_name: Some(self.key_name.clone()),
            ..TokenDetails::new(self.token.clone())
        }
    }

    /// About how many bytes it takes; the capability is there as text and as a value.
    fn size(&self) -> usize {
        512 + 8 * self.capability.len() + self.client_id.as_ref().map_or(0, String::len)
    }
}

pub(super) type TextDigest = [u8; 32];

pub(super) fn digest(text: &str) -> TextDigest {
    Sha256::digest(text.as_bytes()).into()
}

#[derive(Clone, Debug, Default)]
pub(super) struct Tokens {
    next: u64,
    by_number: BTreeMap<u64, IssuedToken>,
    numbers: BTreeMap<TextDigest, u64>,
    by_expiry: BTreeSet<(i64, u64)>,
    size: usize,
}

impl Tokens {
    pub(super) fn find(&self, token: &str) -> Option<&IssuedToken> {
        self.by_number.get(self.numbers.get(&digest(token))?)
    }

    #[cfg(feature = "__fuzzing")]
    pub(super) fn check_bounds(&self) {
        assert!(self.size <= MAX_SIZE && self.size == self.iter().map(IssuedToken::size).sum::<usize>());
        assert!(self.numbers.len() == self.by_number.len() && self.by_expiry.len() == self.by_number.len());
    }

    /// In the order in which they were issued.
    pub(super) fn iter(&self) -> impl Iterator<Item = &IssuedToken> {
        self.by_number.values()
    }

    /// Forgets the tokens of an app.
    pub(super) fn forget_app(&mut self, app_id: &str) {
        let is_of_app = |token: &&IssuedToken| app_id_of(&token.key_name) == app_id;
        let gone: Vec<(i64, u64)> = self
            .by_number
            .iter()
            .filter(|(_, token)| is_of_app(token))
            .map(|(number, token)| (token.expires, *number))
            .collect();
        gone.into_iter().for_each(|entry| self.remove(entry));
    }

    /// Takes a token in, and forgets those that expired before an instant.
    pub(super) fn insert(&mut self, token: IssuedToken, forget_before: i64) {
        self.next += 1;
        self.size += token.size();
        self.numbers.insert(digest(token.token.expose()), self.next);
        self.by_expiry.insert((token.expires, self.next));
        self.by_number.insert(self.next, token);
        while let Some(&(expires, number)) = self.by_expiry.first() {
            if expires >= forget_before && self.size <= MAX_SIZE {
                break;
            }
            self.remove((expires, number));
        }
    }

    /// Forgets the token with this expiry and number.
    fn remove(&mut self, entry: (i64, u64)) {
        self.by_expiry.remove(&entry);
        if let Some(token) = self.by_number.remove(&entry.1) {
            self.size -= token.size();
            self.numbers.remove(&digest(token.token.expose()));
        }
    }
}
