//! The time, by both clocks of the environment.

use serde::{Deserialize, Serialize};

/// The time at which something happens, by both clocks of the environment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Now {
    /// Monotonic: milliseconds since any fixed start. For deadlines.
    pub mono: u64,
    /// Wall clock: milliseconds since the epoch. For timestamps; it may be wrong, and jump.
    #[serde(rename = "unix")]
    pub unix_ms: i64,
}

impl Now {
    /// Both clocks' readings.
    pub const fn new(mono: u64, unix_ms: i64) -> Self {
        Now { mono, unix_ms }
    }
}
