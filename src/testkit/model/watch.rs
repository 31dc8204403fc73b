//! What has to hold for a session once its actions are taken.

use alloc::format;

use super::violation::{Invariant, Violation, broken, ensure};
use super::{Kind, Model, Purpose, check_is_not_rejected};
use crate::{ConnectionState, Error, ErrorKind, Event, Now, Session};

/// More actions than one input has reason for, and so many more for each operation.
const MOST_ACTIONS: usize = 24;
const MOST_ACTIONS_PER_OPERATION: usize = 2;

/// More deadlines than it takes to leave a state, or to end every operation.
const MOST_DEADLINES: usize = 400;

/// What it looks at.
impl Model {
    /// Looks at the session after an input, when every action of it was taken.
    ///
    /// # Errors
    ///
    /// The first invariant that does not hold.
    pub fn check(&mut self, session: &Session, now: Now) -> Result<(), Violation> {
        self.check_step(session)?;
        self.check_state(session, now)
    }

    /// What concerns the input; of the session no more than what is under way.
    pub(crate) fn check_step(&mut self, session: &Session) -> Result<(), Violation> {
        self.deadline = session.poll_timeout().map(|(at, _)| at);
        self.forget_unheard(session);
        // What is allowed ends with the input.
        let step = core::mem::take(&mut self.step);
        let is_due = self.deadline.is_some_and(|at| at <= step.now.mono);
        ensure(!is_due || !step.is_timeout, Invariant::LaterDeadline, || format!("{:?} has come", self.deadline))?;
        let most = MOST_ACTIONS + MOST_ACTIONS_PER_OPERATION * (step.operations + 1);
        ensure(step.actions <= most, Invariant::BoundedRenewals, || format!("{} actions at once", step.actions))?;
        ensure(step.asked <= step.asks_allowed, Invariant::BoundedRenewals, || {
            format!("tokens are asked for {} times, with {} reasons to", step.asked, step.asks_allowed)
        })?;
        if let Some(operation) = step.renewing.filter(|_| step.asked > 0).and_then(|id| self.operations.get_mut(&id)) {
            operation.renewed = true;
        }
        let own = self.running(Kind::RequestToken);
        let is_source = |purpose: &Purpose| *purpose == Purpose::Source;
        let asked = self.callbacks.len() + self.requests.values().filter(|request| is_source(&request.purpose)).count();
        ensure(asked <= 1 + own, Invariant::OneAcquisition, || {
            format!("{asked} sources are asked, {own} of them by request_token at most")
        })?;
        let left = self
            .requests
            .iter()
            .find(|(_, request)| request.operation.is_some_and(|operation| !self.operations.contains_key(&operation)));
        ensure(left.is_none(), Invariant::NothingLeft, || format!("{left:?} goes on, and its operation has ended"))
    }

    /// What concerns the state that the session is in, and what the model knows of it.
    pub(crate) fn check_state(&mut self, session: &Session, now: Now) -> Result<(), Violation> {
        use ConnectionState::{Closed, Closing, Connected, Connecting, Disconnected, Failed, Suspended};
        let connection = session.connection();
        ensure(connection.state() == self.state, Invariant::ChangesFollow, || {
            format!("the view says {:?}, the last change {:?}", connection.state(), self.state)
        })?;
        let token = session.auth().token_details().map(|details| &details.token);
        ensure(token == self.token.as_ref(), Invariant::TokensAdvance, || {
            "the token in the view is not that last announced".into()
        })?;
        check_is_not_rejected(&self.rejected, token)?;
        ensure(
            self.socket.is_none() || matches!(self.state, Connecting | Connected | Closing),
            Invariant::OneSocket,
            || format!("there is a socket in {:?}", self.state),
        )?;
        let is_over = matches!(self.state, Closing | Closed | Failed);
        ensure(!is_over || connection.create_recovery_key().is_none(), Invariant::ChangesFollow, || {
            format!("there is something to recover in {:?}", self.state)
        })?;
        ensure(!is_over || connection.id().is_none(), Invariant::ChangesFollow, || {
            format!("there is an id in {:?}", self.state)
        })?;
        self.check_deadline(session, now)?;
        self.secrets.check_shown(&format!("{session:?} {}", session.auth().explain()))?;
        match self.state {
            Connecting | Disconnected | Suspended | Closing => self.check_is_left(session, now),
            _ => Ok(()),
        }
    }

    fn check_deadline(&self, session: &Session, now: Now) -> Result<(), Violation> {
        let waits = !self.requests.is_empty() || !self.callbacks.is_empty();
        let deadline = session.poll_timeout();
        ensure(!waits || deadline.is_some(), Invariant::LaterDeadline, || "it waits, and has no deadline".into())?;
        let mut probe = session.clone();
        if deadline.is_none_or(|(at, _)| at > now.mono) {
            // A wall clock set back changes nothing; one that has jumped ahead may be news.
            probe.handle_timeout(Now::new(now.mono, 0));
        }
        let hidden = probe.poll_action();
        ensure(hidden.is_none(), Invariant::NothingHides, || format!("only a timeout brought {hidden:?}"))
    }

    /// The state is left when time passes and nothing else happens.
    fn check_is_left(&self, session: &Session, now: Now) -> Result<(), Violation> {
        let mut session = session.clone();
        for _ in 0..MOST_DEADLINES {
            if session.connection().state() != self.state {
                return Ok(());
            }
            let Some((at, _)) = session.poll_timeout() else {
                return broken(Invariant::StatesAreLeft, format!("{:?} has no deadline", self.state));
            };
            session.handle_timeout(later(now, at));
        }
        broken(Invariant::StatesAreLeft, format!("{:?} is not left", self.state))
    }

    /// Looks ahead: when nobody answers any more, time ends every operation.
    ///
    /// # Errors
    ///
    /// [`Invariant::CompletesOnce`] where one does not end.
    pub fn check_ends(&self, session: &Session, now: Now) -> Result<(), Violation> {
        let mut session = session.clone();
        let mut running = self.operations.clone();
        for _ in 0..MOST_DEADLINES {
            while let Some(action) = session.poll_action() {
                if let crate::SessionAction::Auth(crate::Action::Complete { operation, .. }) = action {
                    running.remove(&operation);
                }
            }
            if running.is_empty() {
                return Ok(());
            }
            let Some((at, _)) = session.poll_timeout() else { break };
            session.handle_timeout(later(now, at));
        }
        broken(Invariant::CompletesOnce, format!("time does not end these: {running:?} in {:?}", self.state))
    }

    /// Drops the callbacks that the session no longer waits for; it says so of requests only.
    fn forget_unheard(&mut self, session: &Session) {
        let is_heard = |event: Event| {
            let mut probe = session.clone();
            // A time long past, so that nothing becomes due by it.
            probe.handle_event(event.into(), Now::default());
            probe.ignored() == session.ignored()
        };
        let error = Error::new(ErrorKind::Rejected, 0, 500, "");
        self.callbacks.retain(|id| is_heard(Event::CallbackFailed { id: *id, error: error.clone() }));
    }
}

/// The time at which the monotonic clock shows so much.
fn later(now: Now, mono: u64) -> Now {
    let passed = i64::try_from(mono.saturating_sub(now.mono)).unwrap_or(i64::MAX);
    Now::new(mono, now.unix_ms.saturating_add(passed))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::{AuthOptions, ClientOptions};

    #[test]
    fn a_state_without_a_deadline_is_refused_where_it_is_no_resting_one() {
        let now = Now::new(1_000, 0);
        let options = ClientOptions::with_auth(AuthOptions::with_callback("tokens"));
        let session = Session::new(options, [7; 32], now).expect("options");
        // The state of a session that rests stands for one that should not.
        let refused = Model::new(&session).check_is_left(&session, now);
        assert_eq!(refused.map_err(|violation| violation.invariant), Err(Invariant::StatesAreLeft));
    }
}
