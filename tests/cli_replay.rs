//! `ably-auth replay`.
#![cfg(feature = "cli")]

use std::fs;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use ably_auth::trace::{Header, Line, Mode, Recorder};

/// What a recorder writes of a machine that signs a request, and of a line it refuses.
fn recorded() -> String {
    recorded_under(&Header::with_secrets_shown(Mode::Machine))
}

fn recorded_under(header: &Header) -> String {
    let mut file = String::new();
    let mut recorder = Recorder::new(header, |line: &str| {
        file += line;
        file += "\n";
    });
    let new = format!(
        r#"{{"now":{{"mono":5,"unix":1700000000000}},"new":{{"options":"app.key:secret","seed":"{}"}}}}"#,
        "ab".repeat(32)
    );
    for line in [&new, r#"{"createTokenRequest":{}}"#, r#"{"connect":{}}"#] {
        let line = Line::parse(line.as_bytes()).expect("a line");
        let refused = recorder.accept(line.clone()).is_err();
        assert_eq!(refused, line == Line::parse(br#"{"connect":{}}"#).expect("a line"));
    }
    drop(recorder);
    file
}

fn file(name: &str, text: &str) -> PathBuf {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    fs::write(&path, text).expect("a file");
    path
}

fn replay(arguments: &[&str], input: &str) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_ably-auth"))
        .arg("replay")
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    child.stdin.take().expect("its input").write_all(input.as_bytes()).expect("it reads");
    child.wait_with_output().expect("it ends")
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).expect("text")
}

#[test]
fn what_was_recorded_comes_out_again() {
    let output = replay(&["-"], &recorded());
    assert_eq!((output.status.code(), text(&output.stdout), text(&output.stderr)), (Some(0), "", ""));
}

#[test]
fn what_was_recorded_without_secrets_comes_out_again() {
    let recorded = recorded_under(&Header::new(Mode::Machine));
    assert!(recorded.contains("app.key:redacted-key-1") && !recorded.contains("secret\""), "{recorded}");
    let output = replay(&["-"], &recorded);
    assert_eq!((output.status.code(), text(&output.stdout), text(&output.stderr)), (Some(0), "", ""));
}

/// Where the client did something for what a secret was, nothing but a difference can tell.
#[test]
fn a_difference_of_a_file_without_secrets_may_come_of_that() {
    let recorded = recorded_under(&Header::new(Mode::Machine))
        .replace(r#""actions":[{"#, r#""actions":[{"abortHttp":{"id":9}},{"#);
    let output = replay(&["-"], &recorded);
    assert_eq!(output.status.code(), Some(1));
    let told = text(&output.stderr);
    assert!(told.contains("its secrets are redacted"), "{told}");
}

#[test]
fn a_difference_is_told_by_line_and_member() {
    let path = file("differs.jsonl", &recorded().replace(r#""timestamp":1700000000000"#, r#""timestamp":1"#));
    let output = replay(&[path.to_str().expect("a path")], "");
    assert_eq!(output.status.code(), Some(1));
    let told = text(&output.stdout);
    let expected = "line 3: out/actions/0/complete/ok/tokenRequest/timestamp: expected 1, got 1700000000000\n";
    assert!(told.ends_with(expected) && told.lines().count() == 1, "{told}");
}

#[test]
fn an_action_too_few_is_a_difference() {
    let file = recorded().replace(r#""actions":[{"#, r#""actions":[{"abortHttp":{"id":9}},{"#);
    let output = replay(&["-"], &file);
    assert_eq!(output.status.code(), Some(1));
    let told = text(&output.stdout);
    assert!(told.contains(r#"line 3: out/actions/1: expected {"complete""#), "{told}");
    assert!(told.contains("got nothing"), "{told}");
}

#[test]
fn an_update_writes_what_comes_out() {
    let recorded = recorded();
    let path = file("update.jsonl", &recorded.replace(r#""wakeAt":null"#, r#""wakeAt":7"#));
    let output = replay(&["--update", path.to_str().expect("a path")], "");
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(fs::read_to_string(&path).expect("a file"), recorded);
}

#[test]
fn lines_of_input_alone_are_filled_in() {
    let recorded = recorded();
    let input_of = |line: &str| {
        let record: serde_json::Value = serde_json::from_str(line).expect("a line of JSON");
        record.get("in").map_or_else(|| line.to_owned(), |input| serde_json::json!({ "in": input }).to_string())
    };
    let inputs: Vec<_> = recorded.lines().map(input_of).collect();
    let inputs = inputs.join("\n");

    let output = replay(&["-"], &inputs);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(text(&output.stdout).lines().count(), 3);
    assert!(text(&output.stdout).contains("line 2: out: expected nothing, got {"), "{}", text(&output.stdout));

    let output = replay(&["--update", "-"], &inputs);
    assert_eq!((output.status.code(), text(&output.stdout)), (Some(0), &*recorded));
}

#[test]
fn a_file_is_drawn() {
    let output = replay(&["--diagram", "-"], &recorded());
    assert_eq!((output.status.code(), text(&output.stderr)), (Some(0), ""));
    let drawn = text(&output.stdout);
    assert!(drawn.starts_with("sequenceDiagram\n"), "{drawn}");
    assert!(drawn.ends_with("App->>Auth: connect\n    Auth--xApp: refused 40000\n"), "{drawn}");

    let output = replay(&["--diagram", "-", "another"], "");
    assert_eq!((output.status.code(), text(&output.stdout)), (Some(1), ""));
    assert!(text(&output.stderr).contains("one file at a time"), "{}", text(&output.stderr));
}

#[test]
fn a_file_that_cannot_be_read_is_named() {
    let output = replay(&["no-such-file.jsonl"], "");
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("no-such-file.jsonl: "), "{}", text(&output.stderr));
}

#[test]
fn what_is_no_trace_is_refused() {
    for (file, words) in [
        ("{}", "not a trace"),
        (r#"{"trace":{"version":2,"mode":"machine"}}"#, "version 2"),
        ("{\"trace\":{\"version\":1,\"mode\":\"machine\"}}\n{\"new\":{}}", "line 2"),
    ] {
        let output = replay(&["-"], file);
        assert_eq!(output.status.code(), Some(1));
        assert!(text(&output.stderr).contains(words), "{}", text(&output.stderr));
    }
}
