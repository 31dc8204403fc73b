//! What a harness is built around.

use core::fmt::Debug;

use crate::session::Command;
use crate::{AuthMachine, ConnectionMachine, Now, OperationId, Session, SessionAction, SessionEvent, TimerKind};

/// What a [`Harness`](super::Harness) drives: an [`AuthMachine`] or a [`Session`]. There are no others.
#[allow(missing_docs, reason = "each is the method of AuthMachine and of Session of that name")]
pub trait Subject: Clone + Debug + private::Sealed {
    /// Whether a test expects its actions in the order in which they come. Those of a machine alone go to parties
    /// who know nothing of each other; those of a session tell of one connection.
    const IN_ORDER: bool;

    fn start(&mut self, command: Command, now: Now) -> OperationId;
    fn handle_event(&mut self, event: SessionEvent, now: Now);
    fn handle_timeout(&mut self, now: Now);
    fn poll_action(&mut self) -> Option<SessionAction>;
    fn poll_timeout(&self) -> Option<(u64, TimerKind)>;
    fn ignored(&self) -> u64;
    fn auth(&self) -> &AuthMachine;
    fn connection(&self) -> Option<&ConnectionMachine>;
}

impl Subject for AuthMachine {
    const IN_ORDER: bool = false;

    fn start(&mut self, command: Command, now: Now) -> OperationId {
        self.start(command, now)
    }

    /// Nothing happens to a connection: there is none.
    fn handle_event(&mut self, event: SessionEvent, now: Now) {
        if let SessionEvent::Auth(event) = event {
            self.handle_event(event, now);
        }
    }

    fn handle_timeout(&mut self, now: Now) {
        self.handle_timeout(now);
    }

    fn poll_action(&mut self) -> Option<SessionAction> {
        self.poll_action().map(SessionAction::Auth)
    }

    fn poll_timeout(&self) -> Option<(u64, TimerKind)> {
        self.poll_timeout()
    }

    fn ignored(&self) -> u64 {
        self.ignored()
    }

    fn auth(&self) -> &AuthMachine {
        self
    }

    fn connection(&self) -> Option<&ConnectionMachine> {
        None
    }
}

impl Subject for Session {
    const IN_ORDER: bool = true;

    fn start(&mut self, command: Command, now: Now) -> OperationId {
        self.start(command, now)
    }

    fn handle_event(&mut self, event: SessionEvent, now: Now) {
        self.handle_event(event, now);
    }

    fn handle_timeout(&mut self, now: Now) {
        self.handle_timeout(now);
    }

    fn poll_action(&mut self) -> Option<SessionAction> {
        self.poll_action()
    }

    fn poll_timeout(&self) -> Option<(u64, TimerKind)> {
        self.poll_timeout()
    }

    fn ignored(&self) -> u64 {
        self.ignored()
    }

    fn auth(&self) -> &AuthMachine {
        self.auth()
    }

    fn connection(&self) -> Option<&ConnectionMachine> {
        Some(self.connection())
    }
}

mod private {
    pub trait Sealed {}
    impl Sealed for crate::AuthMachine {}
    impl Sealed for crate::Session {}
}
