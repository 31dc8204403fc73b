//! What a model has to say against a session.

use alloc::string::String;
use core::fmt;

/// What has to hold, whatever happens. 1 to 9 are also what holds for an [`AuthMachine`](crate::AuthMachine) alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Invariant {
    /// 1. An operation has an id of its own and completes exactly once; time alone ends it.
    CompletesOnce = 1,
    /// 2. One acquisition of the library's own token at a time, and one for each `request_token`.
    OneAcquisition = 2,
    /// 3. After a timeout the next deadline is later than now; what waits for something has one.
    LaterDeadline = 3,
    /// 4. What there is to do is there at once, never only after a timeout.
    NothingHides = 4,
    /// 5. The same seed and inputs give the same session and the same actions.
    SamePastSameFuture = 5,
    /// 6. A token comes from its source; one that the service has rejected is used again only if the source returns
    ///    it again; what is announced is what is in the view; late, duplicate and unknown answers change nothing.
    TokensAdvance = 6,
    /// 7. As many renewals as there are reasons: one for an expiry, one at most for a request, one for a connection
    ///    until it is connected again, or made anew. An input has few actions.
    BoundedRenewals = 7,
    /// 8. A token that is still valid is kept until its successor is there, unless it was rejected.
    ValidTokenStays = 8,
    /// 9. No secret shows, neither in what may be logged nor in the session's own `Debug`.
    NoSecretShown = 9,
    /// 10. What is over is gone: only what is under way is aborted, nothing is sent for what has ended.
    NothingLeft = 10,
    /// 11. One socket at a time, each with an id of its own; frames go over it; none where there is no connection.
    OneSocket = 11,
    /// 12. Changes of the connection are those of the specification, follow each other, and agree with the views.
    ChangesFollow = 12,
    /// 13. A token is sent over a connection that is connected, and it is that in the view.
    AuthWhenConnected = 13,
    /// 14. A state that is no resting one is left when time passes.
    StatesAreLeft = 14,
    /// 15. What the two sides of a session want from each other does not come out of it.
    KeepsToItself = 15,
}

/// An invariant that does not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Which one.
    pub invariant: Invariant,
    /// What has happened.
    pub what: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "invariant {} ({:?}) is broken: {}", self.invariant as u8, self.invariant, self.what)
    }
}

impl core::error::Error for Violation {}

pub(crate) fn broken(invariant: Invariant, what: impl Into<String>) -> Result<(), Violation> {
    Err(Violation { invariant, what: what.into() })
}

pub(crate) fn ensure(holds: bool, invariant: Invariant, what: impl FnOnce() -> String) -> Result<(), Violation> {
    if holds { Ok(()) } else { broken(invariant, what()) }
}
