//! What the application asked for, and what came of it.

use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use ably_auth::Error;
use tokio::time::timeout;

/// Counts operations and what happened to connections.
#[derive(Default)]
pub(super) struct Ledger {
    started: AtomicU64,
    by_name: Mutex<BTreeMap<&'static str, Ends>>,
    codes: Mutex<BTreeMap<u32, u64>>,
    events: Mutex<BTreeMap<&'static str, u64>>,
}

/// How operations of one kind ended.
#[derive(Clone, Copy, Default)]
struct Ends {
    well: u64,
    badly: u64,
    /// The application did not want to wait any longer, and dropped the future.
    given_up: u64,
}

impl Ends {
    fn all(self) -> u64 {
        self.well + self.badly + self.given_up
    }
}

impl Ledger {
    /// Waits for an operation, as long as the application's patience lasts.
    pub(super) async fn perform<T>(
        &self,
        name: &'static str,
        patience: Option<Duration>,
        operation: impl Future<Output = Result<T, Error>>,
    ) {
        self.started.fetch_add(1, Ordering::Relaxed);
        let ended = match patience {
            Some(patience) => timeout(patience, operation).await.ok(),
            None => Some(operation.await),
        };
        if let Some(Err(error)) = &ended {
            *lock(&self.codes).entry(error.code()).or_default() += 1;
        }
        let mut by_name = lock(&self.by_name);
        let ends = by_name.entry(name).or_default();
        match ended {
            Some(Ok(_)) => ends.well += 1,
            Some(Err(_)) => ends.badly += 1,
            None => ends.given_up += 1,
        }
    }

    /// Something else has happened.
    pub(super) fn note(&self, event: &'static str) {
        *lock(&self.events).entry(event).or_default() += 1;
    }

    /// How many operations have started and not ended.
    pub(super) fn under_way(&self) -> u64 {
        // In this order: one that starts and ends in between is not taken for one too many.
        let ended = self.ended();
        self.started.load(Ordering::Relaxed).saturating_sub(ended)
    }

    pub(super) fn ended(&self) -> u64 {
        lock(&self.by_name).values().map(|ends| ends.all()).sum()
    }

    /// # Errors
    ///
    /// Where an operation did not end exactly once, or what should go on all the time did not.
    pub(super) fn check(&self) -> Result<(), String> {
        let (started, ended) = (self.started.load(Ordering::Relaxed), self.ended());
        if started != ended {
            return Err(format!("{started} operations started and {ended} ended"));
        }
        if lock(&self.by_name).values().all(|ends| ends.well == 0) {
            return Err("no operation ever succeeded".into());
        }
        let events = lock(&self.events);
        match [RENEWED, RECONNECTED].iter().find(|event| !events.contains_key(*event)) {
            Some(event) => Err(format!("no client was ever {event}")),
            None => Ok(()),
        }
    }
}

pub(super) const RENEWED: &str = "authenticated anew while connected";
pub(super) const RECONNECTED: &str = "connected again";

impl fmt::Display for Ledger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let started = self.started.load(Ordering::Relaxed);
        writeln!(f, "{started} operations started, {} ended:", self.ended())?;
        for (name, ends) in lock(&self.by_name).iter() {
            let Ends { well, badly, given_up } = ends;
            writeln!(f, "  {name:<22} {well:>7} succeeded {badly:>6} failed {given_up:>6} given up")?;
        }
        let codes: Vec<String> = lock(&self.codes).iter().map(|(code, times)| format!("{code} x {times}")).collect();
        writeln!(f, "their errors: {}", codes.join(", "))?;
        write!(f, "clients:")?;
        for (event, times) in lock(&self.events).iter() {
            write!(f, "\n  {times:>7} {event}")?;
        }
        Ok(())
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
