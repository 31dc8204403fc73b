//! Virtual time.

use crate::Now;

/// When the virtual time starts, by the wall clock: milliseconds since the epoch.
pub const UNIX_START: i64 = 1_700_000_000_000;

/// Not zero, so that a monotonic time is not mistaken for a duration.
const MONO_START: u64 = 5_000;

/// Both clocks of an environment, which stand still unless they are told to go on.
///
/// ```
/// use ably_auth::testkit::{Clock, UNIX_START};
///
/// let mut clock = Clock::default();
/// let start = clock.now();
/// clock.advance(1_500);
/// clock.shift_wall_clock(-60_000);
/// assert_eq!(clock.now().mono, start.mono + 1_500);
/// assert_eq!(clock.now().unix_ms, UNIX_START + 1_500 - 60_000);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Clock(Now);

impl Default for Clock {
    /// At [`UNIX_START`] by the wall clock.
    fn default() -> Self {
        Clock(Now::new(MONO_START, UNIX_START))
    }
}

impl Clock {
    /// A clock that stands at this time.
    pub const fn at(now: Now) -> Self {
        Clock(now)
    }

    /// What the clocks show.
    pub const fn now(&self) -> Now {
        self.0
    }

    /// Lets so many milliseconds pass, by both clocks.
    pub fn advance(&mut self, ms: u64) {
        let unix_ms = self.0.unix_ms.saturating_add(i64::try_from(ms).unwrap_or(i64::MAX));
        self.0 = Now::new(self.0.mono.saturating_add(ms), unix_ms);
    }

    /// Sets the wall clock forward, or back, by so many milliseconds. The monotonic one shows nothing of it.
    pub fn shift_wall_clock(&mut self, ms: i64) {
        self.0.unix_ms = self.0.unix_ms.saturating_add(ms);
    }
}
