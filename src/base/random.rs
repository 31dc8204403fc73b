//! All randomness, from a seed alone.

use alloc::string::String;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chacha20::ChaCha20Rng;
use chacha20::rand_core::{Rng as _, SeedableRng as _};
use zeroize::Zeroizing;

/// A stream of random numbers that can be cloned, compared and hashed: the seed and how far it has been read.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Random {
    seed: Zeroizing<[u8; 32]>,
    draws: u64,
}

impl Random {
    pub(crate) fn new(seed: [u8; 32]) -> Self {
        Random { seed: Zeroizing::new(seed), draws: 0 }
    }

    /// The bytes of the next draw. Each draw is a ChaCha20 stream of its own, so that none depends on how much
    /// an earlier one took.
    fn draw<const N: usize>(&mut self) -> [u8; N] {
        let mut rng = ChaCha20Rng::from_seed(*self.seed);
        rng.set_stream(self.draws);
        self.draws += 1;
        let mut bytes = [0; N];
        rng.fill_bytes(&mut bytes);
        bytes
    }

    /// A nonce of 24 URL-safe characters, 144 bits (`RSA9c`).
    pub(crate) fn nonce(&mut self) -> String {
        URL_SAFE_NO_PAD.encode(self.draw::<18>())
    }

    /// A request id of 16 URL-safe characters, 96 bits (`RSC7c`).
    pub(crate) fn request_id(&mut self) -> String {
        URL_SAFE_NO_PAD.encode(self.draw::<12>())
    }

    /// A number below a bound that is not 0.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        // 64 bits over small bounds: the bias of the remainder is below any measure.
        u64::from_le_bytes(self.draw()) % bound
    }

    /// Puts the items into a random order (`RSC15a`).
    pub(crate) fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            let index = self.below(last as u64 + 1);
            items.swap(last, index as usize);
        }
    }
}

/// Two seeds out of one, for two machines that shall not draw the same numbers.
pub(crate) fn split_seed(seed: [u8; 32]) -> ([u8; 32], [u8; 32]) {
    let mut random = Random::new(seed);
    (random.draw(), random.draw())
}

impl core::hash::Hash for Random {
    fn hash<H: core::hash::Hasher>(&self, state: &mut H) {
        self.seed.hash(state);
        self.draws.hash(state);
    }
}

impl core::fmt::Debug for Random {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Random").field("draws", &self.draws).finish_non_exhaustive()
    }
}
