//! The service's time: the system's, or one that only moves when it is told to.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

pub(super) struct Clock {
    /// Whether the system's clock is added.
    is_real: bool,
    offset: AtomicI64,
}

impl Clock {
    pub(super) fn real() -> Self {
        Clock { is_real: true, offset: AtomicI64::new(0) }
    }

    /// A clock that stands at this time, in milliseconds since the epoch.
    pub(super) fn standing(at: i64) -> Self {
        Clock { is_real: false, offset: AtomicI64::new(at) }
    }

    pub(super) fn is_real(&self) -> bool {
        self.is_real
    }

    pub(super) fn now(&self) -> i64 {
        let offset = self.offset.load(Ordering::SeqCst);
        if self.is_real { system_time().saturating_add(offset) } else { offset }
    }

    pub(super) fn advance(&self, milliseconds: i64) {
        let advanced = |offset: i64| Some(offset.saturating_add(milliseconds));
        let _ = self.offset.fetch_update(Ordering::SeqCst, Ordering::SeqCst, advanced);
    }
}

#[allow(clippy::disallowed_methods, reason = "this is where the sandbox reads the clock")]
fn system_time() -> i64 {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX)
}
