//! The states of a connection and what each of them holds.
//!
//! ```text
//! Initialized -> Connecting -> Connected <-> (update)
//! Connecting  -> Connected | Disconnected | Suspended | Closing | Failed
//! Connected   -> Disconnected (and Connecting at once) | Closing | Closed | Failed
//! Disconnected -> Connecting | Suspended | Closed | Failed
//! Suspended   -> Connecting | Closed | Failed
//! Closing     -> Closed | Connecting | Failed
//! Closed, Failed -> Connecting
//! ```

use alloc::collections::VecDeque;
use alloc::string::String;

use super::event::ConnectWith;
use crate::base::{ConnectionState, HttpId, SocketId, TimerKind};
use crate::wire::Error;

/// Where a connection stands. Every state but the resting ones (initialized, closed, failed) has a deadline, or
/// waits for a socket that has one: see [`State::deadline`].
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum State {
    Initialized,
    Connecting(Attempt),
    Connected(Live),
    Disconnected { retry_at: u64 },
    Suspended { retry_at: u64 },
    Closing(Farewell),
    Closed,
    Failed,
}

/// An attempt to connect, named by what it waits for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Attempt {
    /// Credentials. With them it goes on, but not before its time.
    AwaitingCredentials { not_before: u64, gives_up_at: u64 },
    /// The second that an immediate reconnect keeps from the last one.
    Pausing { until: u64, with: ConnectWith },
    /// CONNECTED, over a socket that is being opened or is open.
    AwaitingConnected { socket: SocketId, gives_up_at: u64, sequence: Sequence },
    /// The answer to whether there is a network at all.
    CheckingConnectivity { check: HttpId, gives_up_at: u64, sequence: Sequence, failure: Error },
}

/// The hosts of one attempt to connect (`RTN17`).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Sequence {
    pub(super) with: ConnectWith,
    pub(super) host: String,
    pub(super) next: NextHosts,
}

/// The fallback hosts still to try; drawn when the primary has failed.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum NextHosts {
    Undecided,
    Decided(VecDeque<String>),
}

/// A connection that is up.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Live {
    pub(super) socket: SocketId,
    pub(super) host: String,
    /// What it was authenticated with last.
    pub(super) with: ConnectWith,
    /// How long it may be silent; none for as long as it likes (`RTN23a`).
    pub(super) max_silence: Option<u64>,
    pub(super) active_at: u64,
}

/// What a connection that is being closed waits for (`RTN12`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Farewell {
    pub(super) socket: SocketId,
    pub(super) gives_up_at: u64,
    pub(super) stage: FarewellStage,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum FarewellStage {
    /// CONNECTED, so that it can be closed properly (`RTN12f`).
    AwaitingConnected,
    /// CLOSED (`RTN12a`).
    AwaitingClosed,
}

impl State {
    /// The state by its public name.
    pub(super) fn name(&self) -> ConnectionState {
        match self {
            Self::Initialized => ConnectionState::Initialized,
            Self::Connecting(_) => ConnectionState::Connecting,
            Self::Connected(_) => ConnectionState::Connected,
            Self::Disconnected { .. } => ConnectionState::Disconnected,
            Self::Suspended { .. } => ConnectionState::Suspended,
            Self::Closing(_) => ConnectionState::Closing,
            Self::Closed => ConnectionState::Closed,
            Self::Failed => ConnectionState::Failed,
        }
    }

    /// When something happens by itself. `suspend_at` is when the connection has been away for too long.
    pub(super) fn deadline(&self, suspend_at: Option<u64>) -> Option<(u64, TimerKind)> {
        match self {
            Self::Initialized | Self::Closed | Self::Failed => None,
            Self::Connecting(attempt) => Some(match attempt {
                Attempt::AwaitingCredentials { gives_up_at, .. } => (*gives_up_at, TimerKind::ConnectionAuth),
                Attempt::Pausing { until, .. } => (*until, TimerKind::ReconnectPause),
                Attempt::AwaitingConnected { gives_up_at, .. } => (*gives_up_at, TimerKind::Connect),
                Attempt::CheckingConnectivity { gives_up_at, .. } => (*gives_up_at, TimerKind::ConnectivityCheck),
            }),
            Self::Connected(live) => {
                live.max_silence.map(|silence| (live.active_at.saturating_add(silence), TimerKind::Idle))
            }
            Self::Disconnected { retry_at } => {
                let suspend = suspend_at.map(|at| (at, TimerKind::Suspend));
                Some(suspend.into_iter().fold((*retry_at, TimerKind::Retry), Ord::min))
            }
            Self::Suspended { retry_at } => Some((*retry_at, TimerKind::Retry)),
            Self::Closing(farewell) => Some((farewell.gives_up_at, TimerKind::Close)),
        }
    }

    /// The socket that it uses.
    pub(super) fn socket(&self) -> Option<SocketId> {
        match self {
            Self::Connecting(Attempt::AwaitingConnected { socket, .. }) => Some(*socket),
            Self::Connected(live) => Some(live.socket),
            Self::Closing(farewell) => Some(farewell.socket),
            _ => None,
        }
    }

    /// What it authenticates itself with.
    pub(super) fn with(&self) -> Option<&ConnectWith> {
        match self {
            Self::Connecting(Attempt::AwaitingConnected { sequence, .. }) => Some(&sequence.with),
            Self::Connected(live) => Some(&live.with),
            _ => None,
        }
    }

    /// The connectivity check that is under way.
    pub(super) fn check(&self) -> Option<HttpId> {
        match self {
            Self::Connecting(Attempt::CheckingConnectivity { check, .. }) => Some(*check),
            _ => None,
        }
    }
}

/// The transitions between the states by name: what the diagram in the module's documentation draws.
pub(super) const TRANSITIONS: &[(ConnectionState, &[ConnectionState])] = {
    use ConnectionState::{Closed, Closing, Connected, Connecting, Disconnected, Failed, Initialized, Suspended};
    &[
        (Initialized, &[Connecting, Closed, Failed]),
        (Connecting, &[Connected, Disconnected, Suspended, Closing, Failed]),
        (Connected, &[Disconnected, Closing, Closed, Failed]),
        (Disconnected, &[Connecting, Suspended, Closed, Failed]),
        (Suspended, &[Connecting, Closed, Failed]),
        (Closing, &[Connecting, Closed, Failed]),
        (Closed, &[Connecting, Failed]),
        (Failed, &[Connecting]),
    ]
};

/// Whether the table has a transition.
pub(super) fn is_allowed(from: ConnectionState, to: ConnectionState) -> bool {
    TRANSITIONS.iter().any(|(state, next)| *state == from && next.contains(&to))
}
