//! What can go wrong, and the count of what did.

use std::collections::BTreeMap;

/// A kind of fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    RequestLost,
    AnswerLost,
    AnswerDuplicated,
    AnswerLate,
    Refused,
    ServerError,
    TooMany,
    Malformed,
    Stale,
    Partition,
    SocketCut,
    HalfOpen,
    Restart,
    MemoryLost,
    Disconnected,
    ReauthRequested,
    Revoked,
    RevokedWithMargin,
    WallJump,
    Suspended,
    Oversleep,
    CallbackFailed,
    CallbackForbidden,
    CallbackSlow,
    CallbackNever,
}

impl Kind {
    pub const ALL: [Kind; 25] = {
        use Kind::*;
        [
            RequestLost,
            AnswerLost,
            AnswerDuplicated,
            AnswerLate,
            Refused,
            ServerError,
            TooMany,
            Malformed,
            Stale,
            Partition,
            SocketCut,
            HalfOpen,
            Restart,
            MemoryLost,
            Disconnected,
            ReauthRequested,
            Revoked,
            RevokedWithMargin,
            WallJump,
            Suspended,
            Oversleep,
            CallbackFailed,
            CallbackForbidden,
            CallbackSlow,
            CallbackNever,
        ]
    };

    /// Those that are planned; the others meet requests and callbacks on their way.
    pub const PLANNED: [Kind; 12] = {
        use Kind::*;
        [
            Partition,
            SocketCut,
            HalfOpen,
            Restart,
            MemoryLost,
            Disconnected,
            ReauthRequested,
            Revoked,
            RevokedWithMargin,
            WallJump,
            Suspended,
            Oversleep,
        ]
    };
}

/// What happened in a run, or in many.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    pub faults: BTreeMap<Kind, u64>,
    pub virtual_ms: u64,
    pub inputs: u64,
    pub operations: u64,
    pub tokens: u64,
    pub sockets: u64,
    pub failures: u64,
    /// The longest way back, in thousandths of what it may take.
    pub slowest: u64,
}

impl Tally {
    pub fn count(&mut self, kind: Kind) {
        *self.faults.entry(kind).or_default() += 1;
    }

    pub fn add(&mut self, other: &Tally) {
        for (kind, count) in &other.faults {
            *self.faults.entry(*kind).or_default() += count;
        }
        self.virtual_ms += other.virtual_ms;
        self.inputs += other.inputs;
        self.operations += other.operations;
        self.tokens += other.tokens;
        self.sockets += other.sockets;
        self.failures += other.failures;
        self.slowest = self.slowest.max(other.slowest);
    }
}
