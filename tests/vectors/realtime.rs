//! Replays a recorded realtime scenario of ably-js through a [`Session`], and says in what the two differ.
//!
//! The scenario's options, calls and server become ours. What the scripted server sent because of a connection or a
//! frame, it sends because of ours; what it sent by itself, and the calls, come at their time. Callbacks answer as
//! their script says, HTTP requests get the recorded responses. Time is virtual, and starts where the recorded tokens
//! are valid. Compared are every connection's query, every frame sent, every change of the connection with its reason
//! and the reason's cause, every callback's params, every HTTP request, each call's outcome, and the views at the
//! recorded moments.
//!
//! What differs everywhere, and so is translated here instead of listed:
//! - the service is reached over TLS: it was recorded over plain http, where this crate refuses basic auth;
//! - a token stands in the param `accessToken`, where ably-js calls it `access_token` (RTN2e; README.md 26);
//! - `echo` is always sent (RTN2b; behaviour.md 10; README.md 27);
//! - `agent` names this crate;
//! - the binary protocol is not offered, so it is not switched off;
//! - a transport is given up by closing the socket, where ably-js sends DISCONNECT first;
//! - a close that was asked for has no error as its reason (TA3), where ably-js has 80017/400;
//! - a connection that cannot be made is 80003/400 (behaviour.md 11), where ably-js has 80003/404 if it is because of
//!   the last of the hosts;
//! - how long it is to the next attempt is random (RTB1b): it has to be about the same.

#[allow(dead_code, reason = "what the replays of REST compare besides")]
mod compare;
mod environment;
#[allow(dead_code, reason = "the calls of the replays of REST")]
mod recorded;
mod server;

use std::collections::{BTreeMap, BTreeSet};

use ably_auth::connection::ConnectionStateChange;
use ably_auth::options::{AuthScheme, ClientOptions};
use ably_auth::{Error, Now, Outcome, Session};
use serde_json::{Value, json};

use crate::vectors::{Found, list, text};
use compare::{error_label, points};
use environment::Environment;

/// The points in which the session differs from the scenarios of a file.
pub(crate) fn differences(file: &Value) -> Found {
    let found = |scenario: &Value| {
        let id = text(scenario, "id").to_owned();
        replay(&file["baseOptions"], scenario).into_iter().map(move |what| (id.clone(), what))
    };
    list(file, "scenarios").iter().flat_map(found).collect()
}

/// When a replay starts: the recorded tokens are valid then.
const START: Now = Now::new(0, 1_700_000_001_000);

fn replay(base_options: &Value, scenario: &Value) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut base_options = base_options.clone();
    base_options["endpoint"] = "<the service>".into();
    if let Err(error) = construct(&base_options, scenario, false) {
        found.insert(format!("construction: {}", error_label(&error)));
    }
    let session = construct(&base_options, scenario, true).expect("options that can be used");
    let mut environment = Environment::new(session, scenario);
    for event in list(scenario, "events") {
        let name = text(event, "ev");
        if !matches!(name, "call" | "probe") && !environment.is_due_by_itself(event) {
            continue;
        }
        environment.wait_until(event["t"].as_u64().expect("a time"));
        match name {
            "call" => environment.call(event),
            "probe" => found.extend(probe(&environment.session, event)),
            _ => environment.server_acts(event),
        }
    }
    found.extend(compare(&environment, list(scenario, "events")));
    found.append(&mut environment.found);
    found
}

fn construct(base_options: &Value, scenario: &Value, tls: bool) -> Result<Session, Error> {
    let mut options = recorded::client_options(base_options, scenario, tls);
    // Not an option of ours: the service says how long it keeps a connection (DF1a).
    options.as_object_mut().expect("options").remove("connectionStateTtl");
    Session::new(ClientOptions::from_json(&options)?, [7; 32], START)
}

/// What was seen, against what was recorded.
fn compare(environment: &Environment<'_>, events: &[Value]) -> Vec<String> {
    let recorded = |name: &'static str| events.iter().filter(move |event| event["ev"] == name);
    let mut found = Vec::new();

    let states: Vec<String> = environment.changes.iter().map(change).collect();
    let recorded_states: Vec<String> = recorded("state").map(recorded_change).collect();
    if states != recorded_states {
        found.push(format!("states: {}", states.join(", ")));
    }
    let changes = environment.changes.iter().filter_map(|change| change.retry_in);
    let recorded_changes = recorded("state").filter_map(|change| change["retryIn"].as_f64());
    if changes.zip(recorded_changes).any(|(ours, recorded)| !(0.75..=1.3).contains(&(ours as f64 / recorded))) {
        found.push("retryIn".to_owned());
    }

    let queries: Vec<Value> = recorded("ws.connect").map(|event| recorded_query(&event["query"])).collect();
    found.extend(points([("connections", environment.queries.len() != queries.len())]));
    for ((ours, recorded), number) in environment.queries.iter().zip(&queries).zip(1..) {
        found.extend(members(ours, recorded).map(|name| format!("connect {number}: {name}")));
    }

    let frames: Vec<String> = environment.frames.iter().map(|(conn, frame)| format!("{conn} {frame}")).collect();
    let is_disconnect = |event: &&Value| event["frame"]["action"] == 5;
    let recorded_frames = recorded("ws.fromClient").filter(|event| !is_disconnect(event));
    let recorded_frames: Vec<String> =
        recorded_frames.map(|event| format!("{} {}", event["conn"], event["frame"])).collect();
    if frames != recorded_frames {
        found.push(format!("frames: {}", frames.join(", ")));
    }

    let callbacks: Vec<&Value> = environment.callbacks.iter().collect();
    let recorded_callbacks: Vec<&Value> = recorded("authCallback").map(|event| &event["tokenParams"]).collect();
    found.extend(points([
        ("callbacks", callbacks.len() != recorded_callbacks.len()),
        ("callback params", callbacks.iter().zip(&recorded_callbacks).any(|(ours, recorded)| ours != recorded)),
        ("requests", environment.has_requests_left()),
    ]));

    let ends = recorded("resolved").chain(recorded("rejected"));
    let recorded_ends: BTreeMap<u64, String> =
        ends.map(|event| (event["id"].as_u64().expect("an id"), recorded_end(event))).collect();
    for id in environment.calls.keys() {
        let ours = environment.ends.get(id).map_or_else(|| "pending".to_owned(), end);
        let recorded = recorded_ends.get(id).map_or("pending", String::as_str);
        if ours != recorded {
            found.push(format!("call {id}: {ours}"));
        }
    }
    found
}

fn members<'a>(ours: &'a Value, recorded: &'a Value) -> impl Iterator<Item = String> + 'a {
    let names = |value: &Value| value.as_object().expect("an object").keys().cloned().collect::<BTreeSet<_>>();
    let all: BTreeSet<String> = names(ours).union(&names(recorded)).cloned().collect();
    all.into_iter().filter(|name| ours.get(name) != recorded.get(name))
}

fn recorded_query(query: &Value) -> Value {
    let mut translated = json!({ "echo": "true" });
    for pair in query.as_array().expect("pairs") {
        match pair[0].as_str().expect("a name") {
            "access_token" => translated["accessToken"] = pair[1].clone(),
            "agent" => translated["agent"] = environment::AGENT.into(),
            name => translated[name] = pair[1].clone(),
        }
    }
    translated
}

/// A change in a few words.
fn change(change: &ConnectionStateChange) -> String {
    let label = |error: &Error| match error.cause() {
        Some(cause) => format!(" {} <- {}", error_label(error), error_label(cause)),
        None => format!(" {}", error_label(error)),
    };
    let event = json!(change.event);
    format!("{}{}", event.as_str().expect("a name"), change.reason.as_ref().map(label).unwrap_or_default())
}

fn recorded_change(change: &Value) -> String {
    let event = text(change, "event");
    let reason = &change["reason"];
    if reason.is_null() || matches!(event, "closing" | "closed") {
        return event.to_owned();
    }
    let label = |error: &Value| match recorded::error_label(error).as_str() {
        "80003/404" => "80003/400".to_owned(),
        label => label.to_owned(),
    };
    let cause = reason.get("cause").filter(|cause| !cause.is_null());
    let cause = cause.map(|cause| format!(" <- {}", label(cause))).unwrap_or_default();
    format!("{event} {}{cause}", label(reason))
}

/// How a call ended, in a few words.
fn end(outcome: &Result<Outcome, Error>) -> String {
    match outcome {
        Ok(Outcome::TokenDetails(details)) => json!(details)["token"].to_string(),
        Ok(other) => panic!("{other:?}"),
        Err(error) => error_label(error),
    }
}

fn recorded_end(event: &Value) -> String {
    match event.get("error") {
        Some(error) => recorded::error_label(error),
        None => event["value"]["token"].to_string(),
    }
}

/// The views, against those recorded at this moment.
fn probe(session: &Session, recorded: &Value) -> Vec<String> {
    let (auth, connection) = (session.auth(), session.connection());
    let method = match auth.auth_method() {
        AuthScheme::Basic => "basic",
        AuthScheme::Token => "token",
    };
    let reason = connection.error_reason().map(error_label);
    let recorded_reason = Some(&recorded["errorReason"]).filter(|reason| !reason.is_null());
    let recorded_reason = recorded_reason.map(|reason| match recorded::error_label(reason).as_str() {
        "80003/404" => "80003/400".to_owned(),
        // Why it is closed is no error.
        "80017/400" => String::new(),
        label => label.to_owned(),
    });
    let views = [
        ("state", json!(connection.state()), recorded["state"].clone()),
        ("errorReason", json!(reason), json!(recorded_reason.filter(|reason| !reason.is_empty()))),
        ("clientId", json!(auth.client_id()), recorded["clientId"].clone()),
        ("method", json!(method), recorded["method"].clone()),
        ("tokenDetails", json!(auth.token_details()), recorded["tokenDetails"].clone()),
    ];
    let label = text(recorded, "label");
    let differing = views.into_iter().filter(|(_, ours, recorded)| ours != recorded);
    let short = |ours: Value| ours.get("token").unwrap_or(&ours).to_string().replace('"', "");
    differing.map(|(name, ours, _)| format!("{label}: {name} {}", short(ours))).collect()
}
