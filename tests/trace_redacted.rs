//! What is recorded shows no secret, and is still the session that it was.
#![cfg(feature = "proptest")]

use std::fs;
use std::path::Path;

use ably_auth::Now;
use ably_auth::testkit::session::{Scenario, World};
use ably_auth::testkit::strategies;
use ably_auth::trace::{Command, Header, Input, Line, Mode, New, Recorder, Secrets, replay};
use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::{Value, json};

/// Stands in every secret of the sessions that the strategies make.
const MARKER: &str = "CANARY";

/// What a session is told, op by op.
fn lines_of(scenario: &Scenario) -> Option<Vec<Line>> {
    let mut world = World::new(&scenario.client)?;
    let mut lines = vec![World::first_line(world.now(), &scenario.client)];
    for op in &scenario.ops {
        world.apply(*op).expect("the model accepts it");
        lines.extend(world.lines().iter().cloned());
    }
    Some(lines)
}

fn record(header: &Header, lines: &[Line]) -> String {
    let mut file = String::new();
    let mut recorder = Recorder::new(header, |line: &str| {
        file += line;
        file += "\n";
    });
    for line in lines {
        // A refusal is written down too.
        let _ = recorder.accept(line.clone());
    }
    file
}

/// A recording without secrets runs again without a difference. Of what happens it shows as much as one with them.
fn check(mode: Mode, lines: &[Line]) -> Result<String, TestCaseError> {
    let shown = record(&Header::with_secrets_shown(mode), lines);
    let redacted = record(&Header::new(mode), lines);
    let quoting = redacted.lines().find(|line| line.contains(MARKER));
    prop_assert_eq!(quoting, None);
    let replay = replay(&redacted).expect("a trace");
    let differences: Vec<_> = replay.differences.iter().map(ToString::to_string).collect();
    prop_assert!(differences.is_empty(), "{}", differences.join("\n"));
    prop_assert_eq!(replay.updated.expose(), &redacted);
    prop_assert_eq!(replay.header.secrets, Secrets::Redacted);
    for (shown, redacted) in shown.lines().zip(redacted.lines()).skip(1) {
        prop_assert_eq!(outline(shown), outline(redacted));
    }
    // Recorded once more it is the same.
    let again: Vec<_> = redacted.lines().skip(1).map(input_of).collect();
    for (again, line) in record(&Header::new(mode), &again).lines().zip(redacted.lines()) {
        prop_assert_eq!(again, line);
    }
    Ok(redacted)
}

fn input_of(line: &str) -> Line {
    let line: Value = serde_json::from_str(line).expect("JSON");
    Line::parse(line["in"].to_string().as_bytes()).expect("a line")
}

/// Values can be what no line is: token params that no command accepts, say.
fn can_be_read(line: &Line) -> bool {
    line.to_json().is_ok_and(|written| Line::parse(written.expose().as_bytes()).as_ref() == Ok(line))
}

/// What a line says without its words: which actions, what numbers.
fn outline(line: &str) -> Value {
    fn without_words(value: &mut Value) {
        match value {
            Value::String(text) => text.clear(),
            Value::Array(elements) => elements.iter_mut().for_each(without_words),
            Value::Object(members) => {
                // What is left out of a frame.
                members.remove("message");
                members.values_mut().for_each(without_words);
            }
            _ => {}
        }
    }

    let line: Value = serde_json::from_str(line).expect("JSON");
    let mut out = line["out"].clone();
    without_words(&mut out);
    out
}

proptest! {
    #[test]
    fn no_secret_shows_and_the_session_is_the_same(scenario in strategies::scenario(64)) {
        let Some(lines) = lines_of(&scenario) else { return Ok(()) };
        check(Mode::Realtime, &lines)?;
    }

    #[test]
    fn whatever_a_machine_is_told_can_be_recorded(
        realtime in any::<bool>(),
        options in strategies::client_options(),
        auth in strategies::auth_options(),
        events in vec(strategies::session_event(), 0..24),
    ) {
        let new = Input::New(New { options, seed: [7; 32] });
        let commands = [
            Input::Command(Command::Authorize(None, None)),
            Input::Command(Command::RequestToken(None, Some(auth))),
            Input::Connect,
        ];
        let events = events.into_iter().map(Input::Event);
        let inputs = std::iter::once(new).chain(commands).chain(events);
        let line = |(mono, input)| Line { now: Some(Now::new(mono, 1_700_000_000_000)), input };
        let lines: Vec<_> = (0..).zip(inputs).map(line).filter(can_be_read).collect();
        check(if realtime { Mode::Realtime } else { Mode::Machine }, &lines)?;
    }
}

/// Every place for a secret that is not the sessions'.
#[test]
fn no_place_of_a_line_shows_its_secret() {
    let key = "app.key:CANARY secret";
    let options = json!({
        "key": key, "useTokenAuth": true, "queryTime": false,
        "authHeaders": { "authorization": "Bearer CANARY-1", "cookie": "a=CANARY-2; b=CANARY-3", "x": "CANARY-4" },
        "transportParams": { "x": "CANARY-7" },
        "recover": r#"{"connectionKey":"CANARY-8","msgSerial":3,"channelSerials":{"news":"serial"}}"#,
        "connectivityCheckUrl": "https://CANARY@check.example/up?q=CANARY",
        "fallbackHosts": [], "endpoint": "rest.example",
    });
    let with_url = json!({
        "authUrl": "https://user:CANARY-9@auth.example/token?a=CANARY-10&CANARY-11&b=%43ANARY-12#CANARY",
        "authMethod": "POST", "authParams": [["p", "CANARY {5"], ["p", "CANARY-6"]],
        "authHeaders": [["x-b", "Basic Q0FOQVJZLXVzZXI6Q0FOQVJZ"], ["x-a", "Basic CANARY"]],
    });
    let request = json!({
        "method": "POST", "path": "/channels/news/messages?q=CANARY-13", "params": { "s": "CANARY-14" },
        "headers": [["x-secret", "CANARY-15"], ["content-type", "text/plain"]], "body": "CANARY-16",
    });
    let answer = |id: u64, content_type: &str, body: &str| {
        let status = if body.contains("error") { 400 } else { 200 };
        let headers =
            json!([["content-type", content_type], ["set-cookie", "CANARY"], ["x-ably-errormessage", "CANARY-4"]]);
        json!({ "httpResponse": { "id": id, "status": status, "headers": headers, "body": body } })
    };
    let lines = [
        json!({ "new": { "options": options, "seed": "07".repeat(32) } }),
        json!({ "authorize": { "authOptions": with_url } }),
        json!({ "httpResponse": { "id": 1, "status": 307, "headers": [["location", "/other?a=CANARY-10"]], "body": "CANARY" } }),
        answer(2, "text/plain", "CANARY-17"),
        json!({ "requestToken": { "authOptions": with_url } }),
        answer(
            3,
            "application/json",
            r#"{"tok\u0065n":"CANARY-18","more":{"x":"CANARY"},"secret":["CANARY"],"pin":4711}"#,
        ),
        json!({ "requestToken": { "authOptions": with_url } }),
        answer(4, "text/plain", "47110815"),
        json!({ "requestToken": { "authOptions": with_url } }),
        json!({ "httpResponse": { "id": 5, "status": 200, "headers": [["content-type", "text/plain"]], "bodyBase64": "/0NBTkFSWQ==" } }),
        json!({ "request": request }),
        answer(6, "text/html", "<p>CANARY</p>"),
        json!({ "request": request }),
        answer(7, "application/json", r#"[{"data":"CANARY","name":"CANARY","id":"1","target":"token:CANARY-17"}]"#),
        json!({ "request": request }),
        answer(
            8,
            "application/json",
            r#"{"error":{"code":40000,"statusCode":400,"message":"no","detail":{"state":"CANARY"}}}"#,
        ),
        json!({ "authorize": { "authOptions": { "key": "CANARY", "nonsense": "CANARY" } } }),
        json!({ "authorize": { "authOptions": { "token": { "keyName": "app.key", "nonce": "n", "mac": "CANARY-19" } } } }),
        json!({ "createTokenRequest": { "authOptions": { "key": "app.key:CANARY-20" } } }),
        json!({ "revokeTokens": { "targets": [{ "type": "clientId", "value": "me" }] } }),
        json!({ "revokeTokens": { "targets": [{ "type": "token", "value": "CANARY-17" }, { "type": "else", "value": "CANARY-23" }] } }),
        json!({ "tokenRejected": { "token": "CANARY-17", "error": { "code": 40142, "statusCode": 401, "message": "bad CANARY-17",
            "detail": { "x": "CANARY" }, "cause": { "code": 1, "message": "CANARY-17, CANARY-18", "href": "CANARY-1" } } } }),
        json!({ "callbackFailed": { "id": 9, "error": { "message": "CANARY-20 of CANARY%20secret or CANARY+secret" } } }),
        json!({ "callbackResult": { "id": 9, "json": ["CANARY"] } }),
        json!({ "socketOpened": { "id": 1 } }),
        json!({ "frame": { "id": 1, "text": r#"{"action":4,"connectionDetails":{"connectionKey":"CANARY-21"},"x":"CANARY"}"# } }),
        json!({ "frame": { "id": 1, "text": "{CANARY" } }),
        json!({ "frame": { "id": 1, "message": { "action": 15, "messages": [{ "data": "CANARY" }], "extras": { "x": "CANARY" } } } }),
        json!({ "send": { "message": { "action": 15, "channel": "c", "messages": [{ "data": "CANARY" }], "params": "CANARY" } } }),
        json!({ "connection": { "state": "connected", "connectionDetails": { "connectionKey": "CANARY-22" },
            "reason": { "message": "not CANARY-22" } } }),
        json!({ "socketClosed": { "id": 1, "message": "over CANARY-21" } }),
        json!({ "connect": {} }),
    ];
    let lines =
        lines.map(|line| Line::parse(line.to_string().as_bytes()).unwrap_or_else(|error| panic!("{line}: {error}")));
    for mode in [Mode::Machine, Mode::Realtime] {
        let file = check(mode, &lines).unwrap_or_else(|error| panic!("{error}"));
        for shown in ["4711", "YXBwLmtleTpDQU5BUlk", "Q0FOQVJZ"] {
            assert!(!file.contains(shown), "{shown} shows in\n{file}");
        }
        for kept in [r#"app.key:redacted -key-1"#, "auth.example/token?a=redacted-param-", "rest.example", "text/plain"]
        {
            assert!(file.contains(kept), "no {kept} in\n{file}");
        }
    }
}

#[test]
fn every_scenario_is_the_same_without_its_secrets() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenarios");
    let paths = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path());
    let mut recorded = 0;
    for path in paths.filter(|path| path.extension().is_some_and(|extension| extension == "jsonl")) {
        let file = fs::read_to_string(&path).expect("a file");
        let mode = replay(&file).expect("a trace").header.mode;
        let inputs = file.lines().skip(1).map(|line| serde_json::from_str::<Value>(line).expect("JSON")["in"].take());
        // Some are refused before they are anything that could be recorded.
        let lines: Vec<_> = inputs.filter_map(|input| Line::parse(input.to_string().as_bytes()).ok()).collect();
        check(mode, &lines).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        recorded += 1;
    }
    assert!(recorded > 30, "{recorded}");
}
