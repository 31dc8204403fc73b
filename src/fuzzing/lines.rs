//! Arbitrary lines for [`Driver`].
//!
//! The first line of an input says `machine` or `realtime`, and perhaps `ready`: then there is a machine already, whose
//! secrets hold a word that must not show. The others are what the driver is given.

use alloc::string::{String, ToString as _};
use alloc::vec::Vec;

use serde_json::Value;

use crate::testkit::session::palette::CANARY;
use crate::trace::{Driver, Mode};

/// As many lines as are taken.
const MAX_LINES: usize = 128;

/// A line that nobody's state can refuse.
const PROBE: &str = r#"{"credentials": {}}"#;

/// Gives a driver the lines. Panics where something does not hold.
pub fn lines(bytes: &[u8]) {
    let mut lines = bytes.split(|byte| *byte == b'\n');
    let first = String::from_utf8_lossy(lines.next().unwrap_or_default()).into_owned();
    let mut driver = Driver::new(if first.starts_with("realtime") { Mode::Realtime } else { Mode::Machine });
    let mut is_told = contains(bytes, CANARY);
    if first.ends_with("ready") {
        let answer = output(&mut driver, READY.as_bytes());
        assert!(answer.get("view").is_some(), "options of this file: {answer}");
    } else {
        is_told = true;
    }
    for line in lines.take(MAX_LINES) {
        let before = driver.clone();
        let answer = output(&mut driver, line);
        if let Some(error) = answer.get("error") {
            assert!(error["code"].as_u64().is_some_and(|code| code != 0), "an error has a code: {answer}");
            assert!(error["message"].as_str().is_some_and(|message| !message.is_empty()), "{answer}");
            nothing_has_changed(before, driver.clone());
            let shown = secrets_of(line).into_iter().find(|secret| error.to_string().contains(secret));
            assert!(shown.is_none(), "{shown:?} shows in {error}");
        }
        if !is_told {
            errors_of(&answer).for_each(|error| assert!(!contains(error.as_bytes(), CANARY), "{error}"));
        }
    }
}

/// The answer to a line, which is one line of JSON.
fn output(driver: &mut Driver, line: &[u8]) -> Value {
    let text = driver.line(line);
    assert!(!text.contains('\n'), "an answer is one line: {text}");
    let answer: Value = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
    let is_either = answer.get("error").is_some() != answer.get("actions").is_some();
    assert!(is_either, "an answer is an error, or says what to do: {text}");
    answer
}

/// Both show and do the same.
fn nothing_has_changed(mut before: Driver, mut after: Driver) {
    for line in [r#"{"timeout": {}}"#, PROBE] {
        assert_eq!(before.line(line), after.line(line), "a line that was refused has changed something");
    }
}

/// What is secret in a line, and nowhere else in it.
pub(super) fn secrets_of(line: &[u8]) -> Vec<String> {
    let (mut secrets, mut others) = (Vec::new(), String::new());
    if let Ok(value) = serde_json::from_slice(line) {
        sort_out(&value, false, &mut secrets, &mut others);
    }
    secrets.retain(|secret| secret.len() >= 8 && !others.contains(secret.as_str()));
    secrets
}

/// The members whose texts are secret, all that is in them included.
const SECRET_MEMBERS: [&str; 8] =
    ["token", "key", "mac", "accessToken", "authHeaders", "authParams", "recover", "transportParams"];

fn sort_out(value: &Value, is_secret: bool, secrets: &mut Vec<String>, others: &mut String) {
    match value {
        // The name of a key may show.
        Value::String(text) if is_secret => {
            let (name, secret) = text.split_once(':').unwrap_or(("", text));
            others.push_str(name);
            secrets.push(secret.into());
        }
        Value::Object(members) => members.iter().for_each(|(name, value)| {
            others.push_str(name);
            others.push('\n');
            let is_named = SECRET_MEMBERS.contains(&name.as_str());
            sort_out(value, is_named || (is_secret && !value.is_object()), secrets, others);
        }),
        Value::Array(items) => items.iter().for_each(|item| sort_out(item, is_secret, secrets, others)),
        other => {
            others.push_str(&other.to_string());
            others.push('\n');
        }
    }
}

/// The errors in an answer, and what it notes.
fn errors_of(answer: &Value) -> impl Iterator<Item = String> {
    let actions = answer["actions"].as_array().into_iter().flatten();
    let told = actions.flat_map(|action| [&action["complete"]["error"], &action["notice"]]);
    told.chain([&answer["error"]]).filter(|value| !value.is_null()).map(Value::to_string)
}

fn contains(bytes: &[u8], word: &str) -> bool {
    bytes.windows(word.len()).any(|window| window == word.as_bytes())
}

const READY: &str = concat!(
    r#"{"now": {"mono": 0, "unix": 1700000000000}, "new": {"seed": ""#,
    "0707070707070707070707070707070707070707070707070707070707070707",
    r#"", "options": {"key": "app.key:CANARY-secret", "authUrl": "https://auth.example/token?q=CANARY-query", "#,
    r#""authHeaders": {"X-Secret": "CANARY-header"}, "authParams": {"secret": "CANARY-param"}, "clientId": "me"}}}"#,
);
