//! The one place that reads clocks, and the timer that wakes the driver.

use std::boxed::Box;
use std::pin::Pin;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use ::tokio::time::{Instant, Sleep, sleep_until};

use crate::Now;

/// Both clocks. The monotonic one is tokio's, so that a test which pauses time pauses ours too.
#[derive(Clone, Copy)]
pub(super) struct Clock {
    start: Instant,
}

impl Clock {
    pub(super) fn new() -> Self {
        Clock { start: Instant::now() }
    }

    pub(super) fn now(self) -> Now {
        Now::new(milliseconds(self.start.elapsed()), unix_ms(SystemTime::now()))
    }
}

fn unix_ms(time: SystemTime) -> i64 {
    let to_i64 = |duration: Duration| i64::try_from(duration.as_millis()).unwrap_or(i64::MAX);
    match time.duration_since(UNIX_EPOCH) {
        Ok(since) => to_i64(since),
        Err(before) => -to_i64(before.duration()),
    }
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// No sleep is longer than this, in milliseconds: the monotonic clock of most systems stands still while the
/// machine is suspended, and a driver that slept on would not look at the wall clock.
const LONGEST_SLEEP_MS: u64 = 30_000;

/// A timer that is armed for one deadline, and touched again only for another.
pub(super) struct Alarm {
    sleep: Pin<Box<Sleep>>,
    /// What it is armed for, by the monotonic clock. It may go off before.
    deadline: Option<u64>,
}

impl Alarm {
    pub(super) fn new() -> Self {
        Alarm { sleep: Box::pin(sleep_until(Instant::now())), deadline: None }
    }

    /// Has [`Alarm::rings`] return at the deadline, or half a minute from now, whichever is earlier.
    pub(super) fn arm(&mut self, deadline: Option<u64>, now: Now) {
        if self.deadline == deadline && !self.sleep.is_elapsed() {
            return;
        }
        self.deadline = deadline;
        if let Some(deadline) = deadline {
            let wait = deadline.saturating_sub(now.mono).min(LONGEST_SLEEP_MS);
            self.sleep.as_mut().reset(Instant::now() + Duration::from_millis(wait));
        }
    }

    /// Waits for the alarm; for ever, if it is not armed.
    pub(super) async fn rings(&mut self) {
        match self.deadline {
            Some(_) => self.sleep.as_mut().await,
            None => std::future::pending().await,
        }
    }
}
