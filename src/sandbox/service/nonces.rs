//! The nonces that were used.
//!
//! Of each only a digest is kept, so that a long one costs no more memory than a short one, and that for as
//! long as the request it came with is current.

use alloc::collections::BTreeSet;

use sha2::{Digest as _, Sha256};

use super::tokens::TextDigest;

/// How many are remembered; beyond that the one that matters for the shortest time is forgotten.
const MAX_NONCES: usize = 100_000;

#[derive(Clone, Debug, Default)]
pub(super) struct Nonces {
    used: BTreeSet<TextDigest>,
    by_end: BTreeSet<(i64, TextDigest)>,
}

impl Nonces {
    pub(super) fn contains(&self, key_name: &str, nonce: &str) -> bool {
        self.used.contains(&digest_of(key_name, nonce))
    }

    #[cfg(feature = "__fuzzing")]
    pub(super) fn check_bounds(&self) {
        assert!(self.used.len() <= MAX_NONCES && self.used.len() == self.by_end.len());
    }

    /// How many are remembered.
    pub(super) fn len(&self) -> usize {
        self.used.len()
    }

    /// Uses a nonce up, unless it was used before. It is remembered until `end`, and those whose end has passed
    /// are forgotten.
    pub(super) fn burn(&mut self, key_name: &str, nonce: &str, end: i64, now: i64) -> bool {
        while let Some(&(end, digest)) = self.by_end.first() {
            if end >= now && self.used.len() < MAX_NONCES {
                break;
            }
            self.by_end.pop_first();
            self.used.remove(&digest);
        }
        let digest = digest_of(key_name, nonce);
        let is_new = self.used.insert(digest);
        if is_new {
            self.by_end.insert((end, digest));
        }
        is_new
    }
}

fn digest_of(key_name: &str, nonce: &str) -> TextDigest {
    Sha256::new().chain_update(key_name).chain_update([0]).chain_update(nonce).finalize().into()
}
