//! The two clocks, and what is known of the server's.

use crate::base::Now;

/// A jump of the wall clock past the monotonic one by more than this may have been a suspend.
const SUSPEND_THRESHOLD_MS: i64 = 1_000;

/// A reading of the server's clock, carried on by the monotonic one.
///
/// From `/time`, or from the `issued` of a token that has just come: then the server's clock shows at least
/// this, which is only good for judging that one token, and errs towards more time left.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct ServerReading {
    unix_ms: i64,
    at_mono: u64,
}

impl ServerReading {
    fn at(self, mono: u64) -> i64 {
        let elapsed = i64::try_from(mono.saturating_sub(self.at_mono)).unwrap_or(i64::MAX);
        self.unix_ms.saturating_add(elapsed)
    }
}

/// What is known of the server's clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum ServerClock {
    /// What `/time` told (`RSA10k`).
    Told(ServerReading),
    Unknown(WallClock),
}

/// Whether the wall clock may decide that a token has expired, while the server's is unknown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum WallClock {
    Trusted,
    Distrusted,
}

/// How a token's expiry was judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Freshness {
    /// Not expired, or nobody knows.
    Usable,
    /// Expired, by the server's time.
    Expired,
    /// Expired, if the wall clock is right.
    LooksExpired,
}

/// The environment's clocks and what is known of the server's.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Clock {
    now: Now,
    server: ServerClock,
}

impl Clock {
    pub(super) fn new(now: Now) -> Self {
        Clock { now, server: ServerClock::Unknown(WallClock::Trusted) }
    }

    /// Takes note of the time. True where the wall clock ran ahead, so that what was known of the server's is gone.
    pub(super) fn advance(&mut self, now: Now) -> bool {
        // A monotonic clock does not go back; if an environment's does, time stands still.
        let mono = now.mono.max(self.now.mono);
        let mono_elapsed = i64::try_from(mono - self.now.mono).unwrap_or(i64::MAX);
        let wall_elapsed = now.unix_ms.saturating_sub(self.now.unix_ms);
        self.now = Now { mono, unix_ms: now.unix_ms };
        let jumped = wall_elapsed.saturating_sub(mono_elapsed) > SUSPEND_THRESHOLD_MS;
        if jumped {
            self.forget_server_time();
        }
        jumped
    }

    /// What `/time` told is no longer true, or never was.
    pub(super) fn forget_server_time(&mut self) {
        if self.knows_server_time() {
            self.server = ServerClock::Unknown(WallClock::Trusted);
        }
    }

    pub(super) fn mono(&self) -> u64 {
        self.now.mono
    }

    /// The deadline that is so many milliseconds away.
    pub(super) fn after(&self, ms: u32) -> u64 {
        // Never now: with a timeout of 0, what follows would come due at once, and so for ever.
        self.now.mono.saturating_add(u64::from(ms.max(1)))
    }

    /// The time to sign with: the server's where `/time` told it, else the wall clock's (`RSA9d`, `RSA10k`).
    pub(super) fn timestamp(&self) -> i64 {
        match self.server {
            ServerClock::Told(reading) => reading.at(self.now.mono),
            ServerClock::Unknown(_) => self.now.unix_ms,
        }
    }

    /// Whether `/time` has told the server's time.
    pub(super) fn knows_server_time(&self) -> bool {
        matches!(self.server, ServerClock::Told(_))
    }

    /// The service has told its time.
    pub(super) fn on_server_time(&mut self, unix_ms: i64) {
        self.server = ServerClock::Told(self.reading(unix_ms));
    }

    /// The least the server's clock shows where a token has just come that it issued at this time.
    pub(super) fn reading(&self, unix_ms: i64) -> ServerReading {
        ServerReading { unix_ms, at_mono: self.now.mono }
    }

    /// Tokens look expired when they arrive; the wall clock is wrong.
    pub(super) fn distrust_wall_clock(&mut self) {
        self.server = ServerClock::Unknown(WallClock::Distrusted);
    }

    /// Whether a token that expires at this time has expired (`RSA4b1`). `issued` is the reading from its arrival.
    pub(super) fn freshness(&self, expires: i64, issued: Option<ServerReading>) -> Freshness {
        let reading = match self.server {
            ServerClock::Told(reading) => Some(reading),
            ServerClock::Unknown(_) => issued,
        };
        match (reading, self.server) {
            (Some(reading), _) if expires <= reading.at(self.now.mono) => Freshness::Expired,
            (None, ServerClock::Unknown(WallClock::Trusted)) if expires <= self.now.unix_ms => Freshness::LooksExpired,
            _ => Freshness::Usable,
        }
    }
}
