//! Replays a recorded scenario of ably-js through an [`AuthMachine`], and says in what the two differ.
//!
//! The scenario's options and calls become ours. Each request that the machine sends is compared with the next
//! one recorded in that step, and gets the recorded response; callbacks answer as their script says. Time is
//! virtual, and starts where the recorded tokens are valid (when they were recorded they had expired, which
//! ably-js does not look at). Compared are every request's method, host, path, query, headers and body, every
//! callback's params, each call's outcome, how long it took where that was recorded, and the views afterwards.
//!
//! What differs everywhere, and so is translated here instead of listed:
//! - the service is reached over TLS: it was recorded over plain http, where this crate refuses basic auth;
//! - a token stands in the `Authorization` header as it is, where ably-js encodes it (behaviour.md 5; RSA3b);
//! - an authUrl is told that a JWT is acceptable too (behaviour.md 4);
//! - `Ably-Agent` names this crate;
//! - the binary protocol is not offered, so it is not switched off;
//! - `stats()` and `history()` are no calls of this crate: the request they make is sent by `request`, and its
//!   error taken out of the response;
//! - nonce, timestamp and mac of a token request that ably-js made up: ours have to be well signed instead;
//! - the order of fallback hosts, which is random: only whether it is one of them counts.

mod compare;
mod recorded;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use ably_auth::http::HttpRequest;
use ably_auth::options::ClientOptions;
use ably_auth::{Action, AuthMachine, CallbackId, Error, Event, HttpId, Now, OperationId, Outcome};
use serde_json::{Value, json};

use crate::vectors::{Found, list, text};
use compare::{Comparison, Url, points};
use recorded::AUTH_SERVER;

/// The points in which the machine differs from the scenarios of a file.
pub(crate) fn differences(file: &Value) -> Found {
    let found = |scenario: &Value| {
        let id = text(scenario, "id").to_owned();
        replay(&file["baseOptions"], scenario).into_iter().map(move |what| (id.clone(), what))
    };
    list(file, "scenarios").iter().flat_map(found).collect()
}

fn replay(base_options: &Value, scenario: &Value) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let Some(machine) = construct(base_options, scenario, &mut found) else {
        return found;
    };
    let mut replay = Replay::new(machine, scenario);
    if let Some(state) = scenario.get("initialState") {
        replay.found.extend(compare::views(&replay.machine, state));
    }
    for step in list(scenario, "steps") {
        replay.step(step);
    }
    found.append(&mut replay.found);
    found
}

/// When a replay starts: the recorded tokens are valid then.
const START: Now = Now::new(0, 1_700_000_001_000);

/// The machine with the scenario's options, if there is to be one.
fn construct(base_options: &Value, scenario: &Value, found: &mut BTreeSet<String>) -> Option<AuthMachine> {
    let construct = |tls: bool| {
        let options = ClientOptions::from_json(&recorded::client_options(base_options, scenario, tls))?;
        AuthMachine::new(options, [7; 32], START)
    };
    let label = |outcome: &Result<AuthMachine, Error>| match outcome {
        Ok(_) => "ok".to_owned(),
        Err(error) => compare::error_label(error),
    };
    let expected = scenario.get("constructorError").map_or_else(|| "ok".to_owned(), recorded::error_label);
    let as_recorded = label(&construct(false));
    if as_recorded != expected {
        found.insert(format!("construction: {as_recorded}"));
    }
    construct(true).ok().filter(|_| expected == "ok")
}

struct Replay<'a> {
    machine: AuthMachine,
    now: Now,
    comparison: Comparison,
    found: BTreeSet<String>,
    /// What the callback does, one call after the other; the last one stands for all that follow.
    script: VecDeque<&'a Value>,
    /// What was recorded in this step and has not been met yet.
    requests: VecDeque<&'a Value>,
    callback_params: VecDeque<&'a Value>,
    /// The last answer to a method and path, for requests that were not recorded.
    answers: BTreeMap<String, &'a Value>,
    /// What has yet to happen, by its time and then its number.
    due: BTreeMap<(u64, usize), Event>,
    scheduled: usize,
    completed: BTreeMap<OperationId, Result<Outcome, Error>>,
}

impl<'a> Replay<'a> {
    fn new(machine: AuthMachine, scenario: &'a Value) -> Self {
        Replay {
            machine,
            now: START,
            comparison: Comparison::of(scenario),
            found: BTreeSet::new(),
            script: scenario["options"]["authCallback"].as_array().into_iter().flatten().collect(),
            requests: VecDeque::new(),
            callback_params: VecDeque::new(),
            answers: BTreeMap::new(),
            due: BTreeMap::new(),
            scheduled: 0,
            completed: BTreeMap::new(),
        }
    }

    fn step(&mut self, step: &'a Value) {
        let wire = list(step, "wire");
        self.requests = wire.iter().filter(|entry| entry.get("request").is_some()).collect();
        self.callback_params = wire.iter().filter_map(|entry| entry.get("callbackInvocation")).collect();
        let started_at = self.now.mono;
        match text(step, "call") {
            "sleep" => self.wait_until(started_at + 1_000),
            "parallel" => {
                let calls = list(step, "calls").iter().map(|call| call[0].as_str().expect("a call"));
                let operations: Vec<_> = calls.map(|call| self.call(call, &Value::Null)).collect();
                let outcomes = operations.into_iter().map(|operation| self.outcome(operation)).collect::<Vec<_>>();
                for (outcome, recorded) in outcomes.into_iter().zip(list(step, "ok")) {
                    self.compare_outcome("authorize", outcome, recorded);
                }
            }
            call => {
                let operation = self.call(call, &step["args"]);
                let outcome = self.outcome(operation);
                self.compare_outcome(call, outcome, step);
            }
        }
        let took = self.now.mono - started_at;
        let is_timed_otherwise = step["tookMs"].as_u64().is_some_and(|recorded| recorded.abs_diff(took) > 5);
        // What comes late has to be ignored, so the views are compared after it.
        while let Some(((at, _), _)) = self.due.first_key_value() {
            let at = *at;
            self.wait_until(at);
        }
        self.found.extend(points([
            ("duration", is_timed_otherwise),
            ("requests", !self.requests.is_empty()),
            ("callbacks", !self.callback_params.is_empty()),
        ]));
        self.found.extend(compare::views(&self.machine, &step["after"]));
    }

    fn call(&mut self, call: &str, args: &Value) -> OperationId {
        let called = recorded::call(&mut self.machine, call, args, self.now);
        called.unwrap_or_else(|error| self.machine.refuse(error, self.now))
    }

    /// Plays the environment until an operation has completed.
    fn outcome(&mut self, operation: OperationId) -> Result<Outcome, Error> {
        loop {
            self.obey();
            if let Some(outcome) = self.completed.remove(&operation) {
                return outcome;
            }
            let next_event = self.due.first_key_value().map(|((at, _), _)| *at);
            let deadline = self.machine.poll_timeout().map(|(at, _)| at);
            let next = next_event.into_iter().chain(deadline).min();
            self.wait_until(next.expect("something has to happen before the operation can complete"));
        }
    }

    /// Lets time pass, and everything happen that is due until then.
    fn wait_until(&mut self, mono: u64) {
        let mono = mono.max(self.now.mono);
        self.now = Now::new(mono, START.unix_ms + mono as i64);
        while let Some(entry) = self.due.first_entry().filter(|entry| entry.key().0 <= mono) {
            let event = entry.remove();
            self.machine.handle_event(event, self.now);
            self.obey();
        }
        self.machine.handle_timeout(self.now);
        self.obey();
    }

    fn obey(&mut self) {
        while let Some(action) = self.machine.poll_action() {
            match action {
                Action::SendHttp { id, request, .. } => self.on_request(id, &request),
                Action::InvokeCallback { id, token_params, .. } => self.on_callback(id, &json!(token_params)),
                Action::Complete { operation, outcome } => {
                    let earlier = self.completed.insert(operation, outcome);
                    assert!(earlier.is_none(), "{operation:?} completed twice");
                }
                _ => {}
            }
        }
    }

    fn on_request(&mut self, id: HttpId, request: &HttpRequest) {
        let url = Url::parse(request.url.expose());
        let target = format!("{} {}", request.method, url.path);
        let is_met = self.requests.front().is_some_and(|entry| {
            let recorded = &entry["request"];
            recorded["method"] == *request.method && (recorded["server"] == "auth") == (url.host == AUTH_SERVER)
        });
        if let Some(entry) = is_met.then(|| self.requests.pop_front()).flatten() {
            self.found.extend(self.comparison.request(request, &entry["request"], self.now.unix_ms));
            self.answers.insert(target.clone(), &entry["response"]);
        } else {
            self.found.insert("requests".to_owned());
        }
        let response = self.answers.get(&target).map_or_else(|| unrecorded_response(&url), |answer| (*answer).clone());
        self.schedule(recorded::http_event(id, &response), &response);
    }

    fn on_callback(&mut self, id: CallbackId, token_params: &Value) {
        let differs = match self.callback_params.pop_front() {
            Some(recorded) => ("callback params", *token_params != recorded["tokenParams"]),
            None => ("callbacks", true),
        };
        self.found.extend(points([differs]));
        let answer = self.script[0];
        if self.script.len() > 1 {
            self.script.pop_front();
        }
        self.schedule(recorded::callback_event(id, answer), answer);
    }

    fn schedule(&mut self, event: Option<Event>, script: &Value) {
        if let Some(event) = event {
            let at = self.now.mono + script["delayMs"].as_u64().unwrap_or(0);
            self.scheduled += 1;
            self.due.insert((at, self.scheduled), event);
        }
    }

    fn compare_outcome(&mut self, call: &str, ours: Result<Outcome, Error>, recorded: &Value) {
        self.found.extend(self.comparison.outcome(call, ours, recorded, self.now.unix_ms));
    }
}

/// What the servers answer to a request that ably-js did not send.
fn unrecorded_response(url: &Url) -> Value {
    let (content_type, body) = match url.path.as_str() {
        _ if url.host == AUTH_SERVER => ("text/plain", "authurl-token"),
        path if path.ends_with("/requestToken") => ("application/json", r#"{"token":"exchanged-token"}"#),
        _ => ("application/json", "[]"),
    };
    json!({ "status": 200, "headers": { "content-type": content_type }, "body": body })
}
