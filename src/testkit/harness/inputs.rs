//! What happens outside, and time.

use serde_json::{Value, json};

use super::history::Entry;
use super::{Answer, Callback, Harness, Http, Reply, Subject, error, respond};
use crate::http::HttpFailureKind;
use crate::{Event, SessionEvent, TimerKind};

/// Events.
impl<M: Subject> Harness<M> {
    /// Something happens.
    #[track_caller]
    pub fn event(&mut self, event: impl Into<SessionEvent>) {
        self.report(event.into());
        self.settle();
    }

    /// A request gets a response of JSON.
    #[track_caller]
    pub fn respond(&mut self, http: &Http, status: u16, body: Value) {
        self.answer(http, respond(status, body));
    }

    /// A request fails.
    #[track_caller]
    pub fn fail(&mut self, http: &Http, kind: HttpFailureKind) {
        self.answer(http, Answer::Failure(kind));
    }

    /// A request gets an answer.
    #[track_caller]
    pub fn answer(&mut self, http: &Http, answer: Answer) {
        self.event(answer.to(http).expect("an answer"));
    }

    /// A callback returns, or fails.
    #[track_caller]
    pub fn callback_returns(&mut self, callback: &Callback, reply: impl Into<Reply>) {
        self.event(reply.into().to(callback).expect("a reply"));
    }

    /// A request made elsewhere with this token got a token error.
    #[track_caller]
    pub fn reject_token(&mut self, token: &str) {
        let error = error(json!({"code": 40142, "statusCode": 401, "message": "Token expired"}));
        self.event(Event::TokenRejected { token: token.into(), error });
    }
}

/// Time.
impl<M: Subject> Harness<M> {
    /// Lets so many milliseconds pass on both clocks, with a timeout at each deadline on the way.
    #[track_caller]
    pub fn advance(&mut self, ms: u64) {
        let end = self.now().mono + ms;
        while let Some((at, _)) = self.subject.poll_timeout().filter(|(at, _)| *at <= end) {
            self.pass(at - self.now().mono);
            self.wake();
        }
        self.pass(end - self.now().mono);
    }

    /// Lets time pass up to the next deadline, which there must be, and says what it was for.
    #[track_caller]
    pub fn advance_to_timeout(&mut self) -> TimerKind {
        let Some((ms, kind)) = self.deadline() else { self.give_up("there is no deadline") };
        self.advance(ms);
        kind
    }

    /// Lets time pass up to the next deadline, which must be of this kind and come after so many milliseconds.
    #[track_caller]
    pub fn advance_to(&mut self, ms: u64, kind: TimerKind) {
        if self.deadline() != Some((ms, kind)) {
            self.give_up(format_args!("expected {kind:?} after {ms} ms; the next deadline is {:?}", self.deadline()));
        }
        self.advance(ms);
    }

    /// Lets time pass on both clocks, and nobody notices: what is due is learnt of with the next input.
    pub fn pass(&mut self, ms: u64) {
        self.clock.advance(ms);
    }

    /// Sets the wall clock forward, or back, by so many milliseconds. Nobody notices until the next input.
    pub fn shift_wall_clock(&mut self, ms: i64) {
        self.clock.shift_wall_clock(ms);
    }

    /// Says what time it is, whether or not anything is due.
    #[track_caller]
    pub fn wake(&mut self) {
        self.record(Entry::Input("timeout"));
        self.subject.handle_timeout(self.clock.now());
        self.settle();
    }

    /// Lets time pass from deadline to deadline until no operation runs and no request waits for its answer, and says
    /// how many it took; more than `limit` must not be needed.
    #[track_caller]
    pub fn drive(&mut self, limit: usize) -> usize {
        self.drive_until(limit, |harness| harness.running.is_empty() && harness.in_flight.is_empty())
    }

    /// Lets time pass from deadline to deadline until it is so, and says how many it took; more than `limit` must not
    /// be needed.
    #[track_caller]
    pub fn drive_until(&mut self, limit: usize, mut is_so: impl FnMut(&Self) -> bool) -> usize {
        for count in 0..=limit {
            if is_so(self) {
                return count;
            }
            if count == limit {
                break;
            }
            if self.deadline().is_none() {
                self.give_up(format_args!("it comes to rest after {count} deadlines, and it is not so"));
            }
            self.advance_to_timeout();
        }
        self.give_up(format_args!("after {limit} deadlines it is not so"))
    }
}
