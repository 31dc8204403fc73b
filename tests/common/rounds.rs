//! What happens after every input: the machine's actions are taken in, answered by handlers, and checked.

use std::collections::VecDeque;

use ably_auth::{Action, Event, NoticeLevel};

use super::client::Client;
use super::messages::{Callback, Http};

/// More inputs than any flow of a test needs: past it the machine goes in circles.
const MOST_ANSWERS: usize = 10_000;

impl Client {
    /// Takes in what the machine has to say, answers what handlers are there for, and checks, until all is quiet.
    #[track_caller]
    pub(super) fn settle(&mut self) {
        let mut answers = VecDeque::new();
        for _ in 0..MOST_ANSWERS {
            self.drain(&mut answers);
            if self.machine.poll_timeout().is_some_and(|(at, _)| at <= self.now.mono) {
                self.machine.handle_timeout(self.now);
                self.drain(&mut answers);
            }
            self.check();
            match answers.pop_front() {
                Some(Event::HttpResponse { id, .. } | Event::HttpFailed { id, .. })
                    if !self.in_flight.contains(&id) => {}
                Some(event) => self.report(event),
                None => return,
            }
        }
        panic!("the machine does not come to rest after {MOST_ANSWERS} answers");
    }

    pub(super) fn report(&mut self, event: Event) {
        if let Event::HttpResponse { id, .. } | Event::HttpFailed { id, .. } = &event {
            self.in_flight.remove(id);
        }
        self.machine.handle_event(event, self.now);
    }

    #[track_caller]
    fn drain(&mut self, answers: &mut VecDeque<Event>) {
        while let Some(action) = self.machine.poll_action() {
            let answer = match &action {
                Action::SendHttp { id, request, timeout, open_timeout, body_limit, .. } => {
                    let http = Http {
                        id: *id,
                        request: request.clone(),
                        timeout: *timeout,
                        open_timeout: *open_timeout,
                        body_limit: *body_limit,
                    };
                    assert!(self.requests.iter().all(|other| other.id != *id), "{id:?} is used twice");
                    assert_eq!(http.header("host"), None, "the HTTP client derives the header Host (RSC15j)");
                    self.in_flight.insert(*id);
                    self.requests.push(http.clone());
                    self.http_handler.as_mut().and_then(|handler| handler(&http).to(&http))
                }
                Action::InvokeCallback { id, callback, token_params } => {
                    let callback = Callback { id: *id, name: callback.clone(), params: token_params.clone() };
                    assert!(self.callbacks.iter().all(|other| other.id != *id), "{id:?} is used twice");
                    self.callbacks.push(callback.clone());
                    self.callback_handler.as_mut().and_then(|handler| handler(&callback).to(&callback))
                }
                Action::AbortHttp { id } => {
                    assert!(self.in_flight.remove(id), "{id:?} is aborted, and is not in flight");
                    None
                }
                Action::TokenChanged { token_details } => {
                    self.token_changes.push(token_details.clone());
                    self.known_token = token_details.clone();
                    continue;
                }
                Action::Complete { operation, outcome } => {
                    assert!(self.running.remove(operation), "{operation:?} completes, and is not running");
                    self.ended.insert(*operation, outcome.clone());
                    continue;
                }
                Action::Notice(notice) if notice.level == NoticeLevel::Debug => continue,
                _ => None,
            };
            match answer {
                Some(event) => answers.push_back(event),
                None => self.unexpected.push(action),
            }
        }
    }

    #[track_caller]
    fn check(&self) {
        let mut woken = self.machine.clone();
        woken.handle_timeout(self.now);
        assert_eq!(woken.poll_action(), None, "it hid until the next timeout");
        if let Some((at, kind)) = woken.poll_timeout() {
            assert!(at > self.now.mono, "the deadline {kind:?} at {at} is not later than now, {}", self.now.mono);
        }
        assert_eq!(self.known_token.as_ref(), self.machine.token_details(), "TokenChanged disagrees with the view");
    }
}

impl Drop for Client {
    /// Everything has been expected, and has ended.
    fn drop(&mut self) {
        if std::thread::panicking() {
            return;
        }
        self.expect_silence();
        assert!(self.running.is_empty(), "they never completed: {:?}", self.running);
        assert!(self.ended.is_empty(), "nobody looked at how these ended: {:#?}", self.ended);
        assert!(self.in_flight.is_empty(), "neither answered nor aborted: {:?}", self.in_flight);
    }
}
