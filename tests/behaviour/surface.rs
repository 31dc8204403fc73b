//! The surface itself: the order of actions, determinism, and what the type promises.

use std::hash::{DefaultHasher, Hash, Hasher};

use ably_auth::http::{HttpFailure, HttpFailureKind};
use ably_auth::options::ClientOptions;
use ably_auth::{
    Action, AuthMachine, CallbackValue, ConnectionEvent, ConnectionState, Event, Now, OperationId, RestRequest,
};
use serde_json::{Value, json};

use crate::common::*;

const NOW: Now = Now::new(0, UNIX_START);

fn machine(options: Value, seed: u8) -> AuthMachine {
    AuthMachine::new(ClientOptions::from_json(&options).unwrap(), [seed; 32], NOW).unwrap()
}

/// Everything the machine wants done, until it has no more.
fn drain(machine: &mut AuthMachine) -> Vec<Action> {
    std::iter::from_fn(|| machine.poll_action()).collect()
}

#[test]
fn a_machine_can_be_sent_shared_cloned_compared_and_hashed() {
    fn promises<T: Send + Sync + Clone + Eq + Hash + std::fmt::Debug>(_: &T) {}
    let hash = |machine: &AuthMachine| {
        let mut hasher = DefaultHasher::new();
        machine.hash(&mut hasher);
        hasher.finish()
    };
    let mut machine = machine(json!({"authCallback": true}), 1);
    promises(&machine);

    let snapshot = machine.clone();
    assert_eq!((&snapshot, hash(&snapshot)), (&machine, hash(&machine)));
    machine.authorize(None, None, NOW);

    assert_ne!(snapshot, machine);
}

#[test]
fn the_same_seed_and_inputs_give_the_same_actions_and_machine() {
    let run = |seed: u8| {
        let mut machine = machine(json!({"key": KEY, "useTokenAuth": true, "addRequestIds": true}), seed);
        machine.authorize(None, None, NOW);
        machine.create_token_request(None, None, NOW);
        let mut actions = drain(&mut machine);
        for id in 1..=3_u64 {
            machine.handle_event(
                Event::HttpFailed { id: id.into(), failure: HttpFailure::new(HttpFailureKind::Timeout) },
                NOW,
            );
            actions.extend(drain(&mut machine));
        }
        (actions, machine)
    };

    assert_eq!(run(1), run(1));
    assert_ne!(run(1).0, run(2).0);
}

#[test]
fn commands_may_be_given_while_actions_are_queued() {
    let mut machine = machine(json!({"authCallback": true}), 1);

    let operations = [
        machine.authorize(None, None, NOW),
        machine.credentials(NOW),
        machine.authorize(None, None, NOW),
        machine.time(NOW),
    ];
    let actions = drain(&mut machine);
    let callbacks = actions.iter().filter(|action| matches!(action, Action::InvokeCallback { .. })).count();
    assert_eq!(callbacks, 2);
    machine.handle_event(Event::CallbackResult { id: 2.into(), value: CallbackValue::Token("t".into()) }, NOW);

    let completed: Vec<_> = drain(&mut machine)
        .into_iter()
        .filter_map(|action| match action {
            Action::Complete { operation, outcome } => Some((operation, outcome.is_ok())),
            _ => None,
        })
        .collect();
    assert_eq!(completed.len(), 3);
    assert!(operations[..3].iter().all(|operation| completed.contains(&(*operation, true))));
}

/// The names of the actions, each completion with its operation.
fn names(actions: &[Action]) -> Vec<String> {
    actions
        .iter()
        .map(|action| match action {
            Action::Complete { operation, .. } => format!("complete {}", operation.as_u64()),
            other => serde_json::to_value(other).unwrap().as_object().unwrap().keys().next().unwrap().clone(),
        })
        .collect()
}

#[test]
fn a_change_stands_before_the_completions_it_causes() {
    let mut machine = machine(json!({"authCallback": true}), 1);
    let callback_returns = |machine: &mut AuthMachine, id: u64, token: &str| {
        machine.handle_event(Event::CallbackResult { id: id.into(), value: CallbackValue::Token(token.into()) }, NOW);
    };

    machine.authorize(None, None, NOW);
    callback_returns(&mut machine, 1, "t");
    assert_eq!(names(&drain(&mut machine)), ["invokeCallback", "tokenChanged", "complete 1"]);

    machine.handle_event(Event::Connection(ConnectionEvent::new(ConnectionState::Connecting)), NOW);
    machine.authorize(None, None, NOW);
    callback_returns(&mut machine, 2, "");
    assert_eq!(
        names(&drain(&mut machine)),
        ["openConnection", "haltConnection", "invokeCallback", "dropConnection", "complete 2"]
    );
}

#[test]
fn ids_count_from_one_and_none_is_used_twice() {
    let mut machine = machine(json!({"key": KEY}), 1);

    let operations = [machine.time(NOW), machine.time(NOW), machine.cancel(OperationId::from(1), NOW)];

    assert_eq!(operations.map(OperationId::as_u64), [1, 2, 3]);
    let ids: Vec<_> = drain(&mut machine)
        .into_iter()
        .filter_map(|action| match action {
            Action::SendHttp { id, .. } => Some(id.as_u64()),
            _ => None,
        })
        .collect();
    assert_eq!(ids, [1, 2]);
}

#[test]
fn a_machine_explains_what_it_does_and_waits_for() {
    let mut machine = machine(json!({"authCallback": true}), 1);
    let idle = "auth: token\ntoken: none\nnext token: not being acquired\noperations: 0\nnext deadline: none";
    assert_eq!(machine.explain().to_string(), idle);

    machine.authorize(None, None, NOW);
    machine.credentials(NOW);
    machine.request(RestRequest::new("GET", "/channels"), NOW);
    machine.request_token(None, None, NOW);
    machine.time(NOW);

    let busy = "auth: token\n\
                token: none\n\
                next token: waiting for the authCallback; 3 operations wait for it, 1 of them authorize\n\
                operations: 5\n  \
                1: authorize\n  \
                2: credentials, waiting for a token\n  \
                3: request, waiting for a token\n  \
                4: waiting for the authCallback\n  \
                5: asking for the time\n\
                next deadline: 10000 (Callback)";
    assert_eq!(machine.explain().to_string(), busy);
}
