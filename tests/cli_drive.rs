//! `ably-auth drive` as another process sees it: a line of JSON in, a line of JSON out.
#![cfg(feature = "cli")]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use ably_auth::sign;
use ably_auth::wire::TokenRequest;
use serde_json::{Value, json};

const KEY: &str = "appId.keyId:keySecret";
const SEED: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1F";

/// The tool, driving a machine.
struct Drive {
    process: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Drive {
    fn start() -> Self {
        Self::start_with(&["drive"])
    }

    fn start_with(arguments: &[&str]) -> Self {
        let mut process = Command::new(env!("CARGO_BIN_EXE_ably-auth"))
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the tool starts");
        let input = process.stdin.take().expect("a pipe");
        let output = BufReader::new(process.stdout.take().expect("a pipe"));
        Drive { process, input, output }
    }

    /// With a machine of these options.
    fn with(options: Value) -> Self {
        Self::start().made(options)
    }

    /// With a session of these options.
    fn realtime(options: Value) -> Self {
        Self::start_with(&["drive", "--realtime"]).made(options)
    }

    fn made(self, options: Value) -> Self {
        let mut drive = self;
        let now = json!({ "mono": 0, "unix": 1_700_000_000_000_i64 });
        let made = drive.say(json!({ "now": now, "new": { "options": options, "seed": SEED } }));
        assert!(made.get("op").is_none() && made.get("error").is_none(), "{made}");
        drive
    }

    /// Writes a line and reads the answer, which has to be there before the next line is written.
    fn say(&mut self, line: Value) -> Value {
        self.say_raw(line.to_string().as_bytes())
    }

    fn say_raw(&mut self, line: &[u8]) -> Value {
        self.input.write_all(line).expect("the tool reads");
        self.input.write_all(b"\n").expect("the tool reads");
        self.input.flush().expect("the tool reads");
        let mut answer = String::new();
        self.output.read_line(&mut answer).expect("the tool writes");
        serde_json::from_str(&answer).unwrap_or_else(|_| panic!("no line of JSON: {answer:?}"))
    }

    /// Ends the input; the tool has nothing more to say then, and ends well.
    fn end(mut self) {
        drop(self.input);
        let mut rest = String::new();
        self.output.read_to_string(&mut rest).expect("the tool writes");
        assert_eq!(rest, "");
        assert!(self.process.wait().expect("the tool ends").success());
    }
}

/// The members of the only action of that name.
fn action<'a>(answer: &'a Value, name: &str) -> &'a Value {
    let actions = answer["actions"].as_array().unwrap_or_else(|| panic!("no actions: {answer}"));
    let mut of_name = actions.iter().filter_map(|action| action.get(name));
    match (of_name.next(), of_name.next()) {
        (Some(action), None) => action,
        _ => panic!("not one {name}: {answer}"),
    }
}

/// An answer to the HTTP request that the tool wants sent.
fn http_answer(to: &Value, status: u16, body: &Value) -> Value {
    let headers = json!([["content-type", "application/json"]]);
    json!({ "httpResponse": { "id": to["id"], "status": status, "headers": headers, "body": body.to_string() } })
}

#[test]
fn the_answer_to_new_shows_the_machine() {
    let mut drive = Drive::start();
    let made = drive.say(json!({ "new": { "options": KEY, "seed": SEED } }));
    let view = json!({ "method": "basic", "clientId": null, "tokenDetails": null, "ignored": 0 });
    assert_eq!(made, json!({ "actions": [], "wakeAt": null, "timer": null, "view": view }));
    drive.end();
}

#[test]
fn authorize_asks_the_callback_and_adopts_the_token() {
    let mut drive = Drive::with(json!({ "authCallback": true, "clientId": "me" }));
    let asked = drive.say(json!({ "authorize": { "tokenParams": { "capability": { "b": ["x"], "a": ["y", "x"] } } } }));
    assert_eq!(asked["op"], 1);
    let call = json!({
        "id": 1, "callback": "default",
        "tokenParams": { "capability": r#"{"a":["x","y"],"b":["x"]}"#, "clientId": "me" },
    });
    assert_eq!(*action(&asked, "invokeCallback"), call);
    assert_eq!((&asked["wakeAt"], &asked["timer"]), (&json!(10_000), &json!("callback")));

    let answered = drive.say(
        json!({ "now": { "mono": 5, "unix": 1_700_000_000_005_i64 }, "callbackResult": { "id": 1, "token": "abc" } }),
    );
    let token = json!({ "token": "abc" });
    assert_eq!(
        answered["actions"],
        json!([
            { "tokenChanged": { "tokenDetails": token } },
            { "complete": { "op": 1, "ok": { "tokenDetails": token } } },
        ])
    );
    assert_eq!(answered["view"], json!({ "method": "token", "clientId": "me", "tokenDetails": token, "ignored": 0 }));
    assert!(answered.get("op").is_none());
    drive.end();
}

#[test]
fn a_callback_that_never_answers_is_given_up_when_its_time_comes() {
    let mut drive = Drive::with(json!({ "authCallback": "mine", "realtimeRequestTimeout": 700 }));
    let asked = drive.say(json!({ "authorize": {} }));
    assert_eq!(action(&asked, "invokeCallback")["callback"], "mine");
    assert_eq!(asked["wakeAt"], 700);
    let early = drive.say(json!({ "now": { "mono": 699, "unix": 1_700_000_000_699_i64 }, "timeout": {} }));
    assert_eq!(early["actions"], json!([]));
    let timely = drive.say(json!({ "now": { "mono": 700, "unix": 1_700_000_000_700_i64 }, "timeout": {} }));
    assert_eq!(action(&timely, "complete")["error"]["code"], 40170);
    let late = drive.say(json!({ "callbackResult": { "id": 1, "token": "abc" } }));
    assert_eq!(late["actions"], json!([]));
    assert_eq!(late["view"]["ignored"], 1);
    drive.end();
}

#[test]
fn a_callback_that_fails_fails_the_operation() {
    let mut drive = Drive::with(json!({ "authCallback": true }));
    drive.say(json!({ "authorize": { "tokenParams": null, "authOptions": null } }));
    let failed = drive
        .say(json!({ "callbackFailed": { "id": 1, "error": { "message": "no", "code": 40300, "statusCode": 403 } } }));
    let error = &action(&failed, "complete")["error"];
    assert_eq!((&error["code"], &error["statusCode"]), (&json!(40300), &json!(403)));
    drive.end();
}

#[test]
fn a_callback_may_return_any_value_of_json() {
    let mut drive = Drive::with(json!({ "authCallback": true }));
    for (index, value) in [json!(null), json!(5), json!([]), json!({}), json!("")].into_iter().enumerate() {
        drive.say(json!({ "requestToken": {} }));
        let answered = drive.say(json!({ "callbackResult": { "id": index + 1, "json": value } }));
        assert_eq!(action(&answered, "complete")["error"]["code"], 40170);
    }
    drive.end();
}

#[test]
fn request_token_exchanges_a_signed_request_and_changes_nothing() {
    let mut drive = Drive::with(json!({ "key": KEY }));
    let asked = drive.say(json!({ "requestToken": { "tokenParams": { "ttl": 60_000 } } }));
    let send = action(&asked, "sendHttp");
    assert_eq!(send["request"]["method"], "POST");
    assert_eq!(send["request"]["url"], "https://main.realtime.ably.net/keys/appId.keyId/requestToken");
    assert_eq!((&send["timeout"], &send["openTimeout"]), (&json!(10_000), &json!(4_000)));
    let signed: Value = serde_json::from_str(send["request"]["body"].as_str().unwrap()).unwrap();
    sign::verify(&KEY.parse().unwrap(), &TokenRequest::from_json(&signed).unwrap()).unwrap();

    let details = json!({ "token": "t", "issued": 1_700_000_000_000_i64, "expires": 1_700_000_060_000_i64 });
    let answered = drive.say(http_answer(send, 201, &details));
    assert_eq!(answered["actions"], json!([{ "complete": { "op": 1, "ok": { "tokenDetails": details } } }]));
    assert_eq!(answered["view"]["tokenDetails"], Value::Null);
    drive.end();
}

#[test]
fn create_token_request_signs_at_once() {
    let mut drive = Drive::with(json!(KEY));
    let params = json!({ "nonce": "0123456789abcdef", "timestamp": 1_700_000_000_000_i64 });
    let signed = drive.say(json!({ "createTokenRequest": { "tokenParams": params } }));
    let request = json!({
        "keyName": "appId.keyId", "nonce": "0123456789abcdef", "timestamp": 1_700_000_000_000_i64,
        "mac": "hof9jY3Ir8CZuMxMW/MEF7NHdZ61VWK2ByjCJDseUO0=",
    });
    assert_eq!(signed["actions"], json!([{ "complete": { "op": 1, "ok": { "tokenRequest": request } } }]));
    drive.end();
}

#[test]
fn revoke_tokens_gives_a_result_for_each_target() {
    let mut drive = Drive::with(json!(KEY));
    let targets = json!([{ "type": "clientId", "value": "a" }]);
    let asked = drive.say(json!({ "revokeTokens": { "targets": targets, "allowReauthMargin": true } }));
    let send = action(&asked, "sendHttp");
    assert_eq!(send["request"]["body"], r#"{"targets":["clientId:a"],"allowReauthMargin":true}"#);
    let result = json!({
        "successCount": 1, "failureCount": 0,
        "results": [{ "target": "clientId:a", "issuedBefore": 1, "appliesAt": 2 }],
    });
    let answered = drive.say(http_answer(send, 201, &result));
    assert_eq!(answered["actions"], json!([{ "complete": { "op": 1, "ok": { "batchResult": result } } }]));
    drive.end();
}

#[test]
fn request_renews_a_rejected_token_once() {
    let mut drive = Drive::with(json!({ "token": "first", "authCallback": true }));
    let request = json!({
        "method": "POST", "path": "/channels/c/messages", "params": { "a": "b c" }, "headers": [["x-mine", "1"]],
        "body": "{}", "version": 3,
    });
    let asked = drive.say(json!({ "request": request }));
    let send = action(&asked, "sendHttp");
    assert_eq!(send["request"]["url"], "https://main.realtime.ably.net/channels/c/messages?a=b+c");
    assert_eq!(send["request"]["body"], "{}");
    let headers: Vec<(String, String)> = serde_json::from_value(send["request"]["headers"].clone()).unwrap();
    let header =
        |name: &str| headers.iter().find(|(other, _)| other.eq_ignore_ascii_case(name)).map(|(_, value)| &**value);
    assert_eq!(header("authorization"), Some("Bearer first"));
    assert_eq!((header("x-mine"), header("x-ably-version")), (Some("1"), Some("3")));

    let error = json!({ "error": { "code": 40142, "statusCode": 401, "message": "expired" } });
    let rejected = drive.say(http_answer(send, 401, &error));
    let call = action(&rejected, "invokeCallback")["id"].clone();
    let renewed = drive.say(json!({ "callbackResult": { "id": call, "json": { "token": "second" } } }));
    let send = action(&renewed, "sendHttp");
    assert!(send["request"]["headers"].to_string().contains("Bearer second"));

    let body = "\u{1}\u{e9}";
    let answer = json!({ "httpResponse": { "id": send["id"], "status": 200, "headers": [], "body": body } });
    let answered = drive.say(answer);
    let response = json!({ "status": 200, "headers": [], "body": body });
    assert_eq!(*action(&answered, "complete"), json!({ "op": 1, "ok": { "response": response } }));
    drive.end();
}

#[test]
fn a_body_that_is_no_text_travels_as_base64() {
    let mut drive = Drive::with(json!({ "token": "t" }));
    let asked = drive.say(json!({ "request": { "method": "GET", "path": "/x" } }));
    let id = &action(&asked, "sendHttp")["id"];
    let response = json!({ "id": id, "status": 200, "headers": [], "bodyBase64": "/wA=" });
    let answered = drive.say(json!({ "httpResponse": response }));
    assert_eq!(action(&answered, "complete")["ok"]["response"]["bodyBase64"], "/wA=");
    drive.end();
}

#[test]
fn a_failed_request_goes_to_a_fallback_host() {
    let mut drive = Drive::with(json!({ "token": "t", "fallbackHosts": ["fallback.example"] }));
    let asked = drive.say(json!({ "request": { "method": "GET", "path": "/x" } }));
    let id = &action(&asked, "sendHttp")["id"];
    let failed = drive.say(json!({ "httpFailed": { "id": id, "kind": "dns", "message": "no such host" } }));
    assert_eq!(action(&failed, "sendHttp")["request"]["url"], "https://fallback.example/x");
    assert_eq!(action(&failed, "sendHttp")["id"], 2);
    drive.end();
}

#[test]
fn credentials_are_those_of_the_token_in_hand() {
    let mut drive = Drive::with(json!({ "token": "abc", "clientId": "me" }));
    let answered = drive.say(json!({ "credentials": {} }));
    let credentials = json!({ "authorization": "Bearer abc", "accessToken": "abc", "clientIdHeader": "bWU=" });
    assert_eq!(answered["actions"], json!([{ "complete": { "op": 1, "ok": { "credentials": credentials } } }]));
    drive.end();
}

#[test]
fn time_is_the_services() {
    let mut drive = Drive::with(json!(KEY));
    let asked = drive.say(json!({ "time": {} }));
    let answered = drive.say(http_answer(action(&asked, "sendHttp"), 200, &json!([1_600_000_000_000_i64])));
    assert_eq!(*action(&answered, "complete"), json!({ "op": 1, "ok": { "time": 1_600_000_000_000_i64 } }));
    drive.end();
}

#[test]
fn cancel_ends_an_operation_and_itself() {
    let mut drive = Drive::with(json!({ "authCallback": true }));
    drive.say(json!({ "requestToken": {} }));
    let cancelled = drive.say(json!({ "cancel": { "op": 1 } }));
    assert_eq!(cancelled["op"], 2);
    let completions: Vec<_> =
        cancelled["actions"].as_array().unwrap().iter().filter_map(|action| action.get("complete")).collect();
    assert_eq!(completions.len(), 2);
    let of = |op: u64| completions.iter().find(|completion| completion["op"] == op).expect("completed");
    assert_eq!(of(1)["error"]["code"], 40000);
    assert_eq!(of(2)["ok"], json!({}));
    drive.end();
}

#[test]
fn a_connection_gets_a_token_and_keeps_it_fresh() {
    let mut drive = Drive::with(json!({ "authCallback": true }));
    let asked = drive.say(json!({ "connection": { "state": "connecting" } }));
    assert_eq!(action(&asked, "invokeCallback")["id"], 1);
    let got = drive.say(json!({ "callbackResult": { "id": 1, "tokenDetails": { "token": "first" } } }));
    assert_eq!(*action(&got, "openConnection"), json!({}));
    let details = json!({ "clientId": "assigned" });
    let connected = drive.say(json!({ "connection": { "state": "connected", "connectionDetails": details } }));
    assert_eq!(connected["view"]["clientId"], "assigned");

    let asked = drive.say(json!({ "reauthRequested": {} }));
    let id = &action(&asked, "invokeCallback")["id"];
    let got = drive.say(json!({ "callbackResult": { "id": id, "token": "second" } }));
    assert_eq!(*action(&got, "upgradeConnection"), json!({ "accessToken": "second" }));
    drive.say(json!({ "connection": { "state": "connected", "update": true } }));

    let expired = drive.say(json!({ "tokenExpired": {} }));
    assert_eq!(expired["view"]["tokenDetails"], Value::Null);
    let id = &action(&expired, "invokeCallback")["id"];
    drive.say(json!({ "callbackResult": { "id": id, "token": "third" } }));

    let error = json!({ "code": 40142, "statusCode": 401, "message": "expired" });
    let stale = drive.say(json!({ "tokenRejected": { "token": "second", "error": error } }));
    assert_eq!(stale["view"]["tokenDetails"], json!({ "token": "third" }));
    let rejected = drive.say(json!({ "tokenRejected": { "token": "third", "error": error } }));
    assert_eq!(rejected["view"]["tokenDetails"], Value::Null);
    drive.end();
}

#[test]
fn wrong_arguments_are_the_commands_own_error() {
    let mut drive = Drive::with(json!(KEY));
    let cases = [
        (json!({ "authorize": { "tokenParams": { "ttl": 0 } } }), 40003, 400),
        (json!({ "requestToken": { "tokenParams": "ttl" } }), 40000, 400),
        (json!({ "createTokenRequest": { "authOptions": { "key": "nosecret" } } }), 40101, 403),
        (json!({ "authorize": { "authOptions": { "nonsense": 1 } } }), 40000, 400),
        (json!({ "revokeTokens": { "targets": [] } }), 40000, 400),
    ];
    for (index, (line, code, status)) in cases.into_iter().enumerate() {
        let answer = drive.say(line);
        assert_eq!(answer["op"], index + 1);
        let complete = action(&answer, "complete");
        assert_eq!(complete["op"], index + 1);
        assert_eq!((&complete["error"]["code"], &complete["error"]["statusCode"]), (&json!(code), &json!(status)));
    }
    drive.end();
}

/// That a line is refused, with the code and a message that holds this.
fn assert_refused(answer: &Value, code: u64, status: u64, hint: &str) {
    let error = answer["error"].as_object().unwrap_or_else(|| panic!("not refused: {answer}"));
    assert_eq!(answer.as_object().unwrap().len(), 1);
    assert_eq!(error.keys().collect::<Vec<_>>(), ["code", "message", "statusCode"]);
    assert_eq!((&error["code"], &error["statusCode"]), (&json!(code), &json!(status)), "{answer}");
    assert!(error["message"].as_str().unwrap().contains(hint), "{answer}");
}

#[test]
fn lines_that_cannot_be_accepted_change_nothing() {
    let mut drive = Drive::start();
    let seed = json!(SEED);
    assert_refused(&drive.say(json!({ "time": {} })), 40000, 400, "no machine");
    assert_refused(&drive.say(json!({ "new": { "options": {}, "seed": seed } })), 40106, 401, "authenticate");
    assert_refused(&drive.say(json!({ "new": { "options": "a:", "seed": seed } })), 40400, 404, "key");
    let unknown = json!({ "key": KEY, "restHost": "x" });
    assert_refused(
        &drive.say(json!({ "new": { "options": unknown, "seed": seed } })),
        40000,
        400,
        "invalid option restHost",
    );
    assert_refused(&drive.say(json!({ "new": { "options": KEY } })), 40000, 400, "seed");
    assert_refused(&drive.say(json!({ "new": { "options": KEY, "seed": "00" } })), 40000, 400, "64 hex digits");
    assert_refused(
        &drive.say(json!({ "new": { "options": KEY, "seed": "\u{e9}".repeat(32) } })),
        40000,
        400,
        "64 hex digits",
    );
    assert_refused(&drive.say(json!({ "now": { "mono": 77, "unix": 7 }, "new": {} })), 40000, 400, "options");

    let made = drive.say(json!({ "new": { "options": { "authCallback": true }, "seed": seed } }));
    assert_eq!(made["view"]["method"], "token");

    for (line, hint) in [
        (json!({ "new": { "options": KEY, "seed": seed } }), "already"),
        (json!({}), "what happened"),
        (json!({ "now": { "mono": 1, "unix": 1 } }), "what happened"),
        (json!({ "time": {}, "timeout": {} }), "one kind"),
        (json!({ "authorise": {} }), "invalid kind authorise"),
        (json!({ "connect": {} }), "invalid kind connect"),
        (json!({ "close": {} }), "invalid kind close"),
        (json!({ "send": { "message": { "action": 15 } } }), "invalid kind send"),
        (json!({ "socketOpened": { "id": 1 } }), "invalid kind socketOpened"),
        (json!({ "activity": { "id": 1 } }), "invalid kind activity"),
        (json!({ "frame": { "id": 1, "text": "{}" } }), "invalid kind frame"),
        (json!({ "socketClosed": { "id": 1 } }), "invalid kind socketClosed"),
        (json!({ "network": { "up": true } }), "invalid kind network"),
        (json!({ "time": null }), "time: expected an object"),
        (json!({ "tokenExpired": [] }), "tokenExpired: expected an object"),
        (json!({ "now": 5, "time": {} }), "now: expected an object"),
        (json!({ "now": { "mono": 1 }, "time": {} }), "now: missing field `unix`"),
        (json!({ "now": { "mono": -1, "unix": 1 }, "time": {} }), "now: "),
        (json!({ "cancel": {} }), "cancel: missing field `op`"),
        (json!({ "request": { "method": "GET" } }), "request: missing field `path`"),
        (json!({ "revokeTokens": { "targets": "all" } }), "revokeTokens: "),
        (json!({ "httpFailed": { "id": 1, "kind": "gremlins" } }), "httpFailed: "),
        (json!({ "httpResponse": { "id": 1, "status": 200, "headers": [["x-secret-value"]] } }), "httpResponse: "),
        (json!({ "callbackResult": { "id": 1 } }), "callbackResult: "),
        (json!({ "connection": { "state": "elsewhere" } }), "connection: "),
    ] {
        let answer = drive.say(line);
        assert_refused(&answer, 40000, 400, hint);
        assert!(!answer.to_string().contains("x-secret-value"), "a value is quoted: {answer}");
    }
    for line in
        ["", " ", "\r", "nonsense", "[]", "5", "{\"time\":{}", "{\"time\":{}} {}", "{\"time\":{},}", "\u{feff}{}"]
    {
        assert_refused(&drive.say_raw(line.as_bytes()), 40000, 400, "JSON");
    }
    assert_refused(&drive.say_raw(b"{\"time\":{\"\xff\":1}}"), 40000, 400, "JSON");
    assert_refused(&drive.say_raw("[".repeat(1_000_000).as_bytes()), 40000, 400, "JSON");
    let deep = format!("{{\"callbackResult\":{{\"id\":1,\"json\":{}{}}}}}", "[".repeat(500), "]".repeat(500));
    assert_refused(&drive.say_raw(deep.as_bytes()), 40000, 400, "JSON");

    // Neither the refused times nor the refused commands have left a trace.
    let asked = drive.say(json!({ "authorize": {} }));
    assert_eq!((&asked["op"], &asked["wakeAt"], &asked["view"]["ignored"]), (&json!(1), &json!(10_000), &json!(0)));
    drive.end();
}

#[test]
fn a_line_may_be_long_and_its_members_unknown_and_its_time_the_last_ones() {
    let mut drive = Drive::with(json!({ "authCallback": true }));
    let later = json!({ "mono": 1_000, "unix": 1_700_000_001_000_i64, "zone": "UTC" });
    let asked = drive.say(json!({ "now": later, "requestToken": { "comment": "x".repeat(2_000_000) } }));
    assert_eq!(asked["wakeAt"], 11_000);
    let asked = drive.say(json!({ "now": null, "requestToken": {} }));
    assert_eq!((&asked["op"], action(&asked, "invokeCallback")["id"].as_u64()), (&json!(2), Some(2)));
    let answered = drive.say(json!({ "callbackResult": { "id": 2, "token": "x".repeat(200_000) } }));
    assert_eq!(action(&answered, "complete")["error"]["code"], 40170);
    drive.end();
}

#[test]
fn the_last_line_needs_no_line_feed() {
    let mut drive = Drive::with(json!(KEY));
    drive.input.write_all(b"{\"credentials\":{}}").unwrap();
    drop(drive.input);
    let mut rest = String::new();
    drive.output.read_to_string(&mut rest).unwrap();
    assert_eq!(rest.lines().count(), 1);
    assert!(rest.contains("\"key\":\"appId.keyId:keySecret\""));
    assert!(drive.process.wait().unwrap().success());
}

#[test]
fn a_session_connects_and_authorizes_over_the_connection_that_is_up() {
    let mut drive = Drive::realtime(json!({ "authCallback": true }));

    let connect = drive.say(json!({ "connect": {} }));
    assert!(connect.get("op").is_none());
    assert_eq!(action(&connect, "connectionStateChange")["current"], "connecting");
    assert_eq!(action(&connect, "invokeCallback")["id"], 1);
    let first = drive.say(json!({ "callbackResult": { "id": 1, "token": "first" } }));
    let socket = action(&first, "openSocket");
    assert!(socket["url"].as_str().unwrap().contains("&accessToken=first&"), "{socket}");
    assert_eq!(drive.say(json!({ "socketOpened": { "id": 1 } }))["actions"], json!([]));
    let connected = json!({ "action": 4, "connectionId": "id", "connectionDetails": { "connectionKey": "key" } });
    let up = drive.say(json!({ "frame": { "id": 1, "message": connected } }));
    assert_eq!(action(&up, "connectionStateChange")["event"], "connected");
    assert_eq!(up["view"]["connection"]["id"], "id");
    assert_eq!((&up["wakeAt"], &up["timer"]), (&Value::Null, &Value::Null));

    assert_eq!(drive.say(json!({ "authorize": {} }))["op"], 1);
    let second = drive.say(json!({ "callbackResult": { "id": 2, "token": "second" } }));
    let auth = json!({ "action": 17, "auth": { "accessToken": "second" } });
    assert_eq!(action(&second, "sendFrame"), &json!({ "id": 1, "message": auth }));
    let update = drive.say(json!({ "frame": { "id": 1, "text": connected.to_string() } }));
    let [change, complete] = &update["actions"].as_array().unwrap()[..] else { panic!("{update}") };
    assert_eq!(change["connectionStateChange"]["event"], "update");
    assert_eq!(complete["complete"], json!({ "op": 1, "ok": { "tokenDetails": { "token": "second" } } }));

    let message = json!({ "action": 15, "channel": "c", "msgSerial": 4, "anything": [1] });
    let sent = drive.say(json!({ "send": { "message": message } }));
    assert_eq!(action(&sent, "sendFrame")["message"], message);
    let received = drive.say(json!({ "frame": { "id": 1, "message": message } }));
    assert_eq!(action(&received, "frameReceived")["message"], message);
    let closed = drive.say(json!({ "socketClosed": { "id": 1, "kind": "closed" } }));
    assert_eq!(closed["view"]["connection"]["state"], "connecting");
    assert_eq!(closed["view"]["connection"]["errorReason"]["code"], 80003);
    drive.end();
}

#[test]
fn a_mode_refuses_the_kinds_of_the_other_by_name() {
    let mut session = Drive::realtime(json!(KEY));
    assert_refused(&session.say(json!({ "connection": { "state": "connected" } })), 40000, 400, "connection");
    assert_refused(&session.say(json!({ "reauthRequested": {} })), 40000, 400, "reauthRequested");
    assert_refused(&session.say(json!({ "send": { "message": { "action": 15 } } })), 80003, 400, "not up");
    assert_eq!(session.say(json!({ "network": { "up": true } }))["view"]["connection"]["state"], "initialized");
    session.end();
    let mut machine = Drive::with(json!(KEY));
    for kind in ["connect", "close"] {
        assert_refused(&machine.say(json!({ kind: {} })), 40000, 400, kind);
    }
    assert_refused(&machine.say(json!({ "frame": { "id": 1, "text": "{}" } })), 40000, 400, "frame");
    machine.end();
}
