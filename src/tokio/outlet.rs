//! Where the lines of a recording go.

use std::boxed::Box;
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError, TryLockError};

use tracing::warn;

use crate::wire::Secret;

type Sink = Box<dyn FnMut(&str) + Send>;

/// How many lines may wait while the sink is at another. A recording with lines missing is none.
const MAX_LINES: usize = 1_000;

/// Hands lines to a sink of the application's: in order, one at a time, and never under the client's lock, so that a
/// sink may be slow, use the client, or panic.
pub(super) struct Outlet {
    lines: Mutex<VecDeque<Secret>>,
    /// None once it has panicked.
    sink: Mutex<Option<Sink>>,
    is_closed: AtomicBool,
}

impl Outlet {
    pub(super) fn new(sink: impl FnMut(&str) + Send + 'static) -> Self {
        Outlet { lines: Mutex::default(), sink: Mutex::new(Some(Box::new(sink))), is_closed: false.into() }
    }

    /// Whether no more lines are wanted.
    pub(super) fn is_closed(&self) -> bool {
        self.is_closed.load(Ordering::Relaxed)
    }

    /// One more line to hand over.
    pub(super) fn put(&self, line: Secret) {
        let mut lines = self.lines();
        if lines.len() < MAX_LINES {
            lines.push_back(line);
        } else {
            warn!("the sink of a recording is too slow: it gets no more lines than those that wait");
            self.is_closed.store(true, Ordering::Relaxed);
        }
    }

    /// Hands over what there is, unless somebody is at it already: then it is theirs to hand over.
    pub(super) fn flush(&self) {
        // Whoever leaves the sink looks once more for lines that came while others found it taken.
        while !self.lines().is_empty() {
            let mut sink = match self.sink.try_lock() {
                Ok(sink) => sink,
                Err(TryLockError::Poisoned(sink)) => sink.into_inner(),
                Err(TryLockError::WouldBlock) => return,
            };
            while let Some(line) = self.next() {
                self.hand_over(&mut sink, line.expose());
            }
        }
    }

    fn hand_over(&self, sink: &mut Option<Sink>, line: &str) {
        let Some(call) = sink else { return };
        if catch_unwind(AssertUnwindSafe(|| call(line))).is_err() {
            warn!("the sink of a recording has panicked: it gets no more lines");
            *sink = None;
            self.is_closed.store(true, Ordering::Relaxed);
        }
    }

    fn next(&self) -> Option<Secret> {
        self.lines().pop_front()
    }

    fn lines(&self) -> MutexGuard<'_, VecDeque<Secret>> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
