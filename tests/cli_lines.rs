//! Whatever stands in a line, the driver answers with a line, and goes on.
#![cfg(feature = "cli")]

use ably_auth::trace::Driver;
use serde_json::{Value, json};

/// A line of each kind, in an order in which all are accepted.
fn lines() -> Vec<Value> {
    let options = json!({
        "key": "appId.keyId:keySecret", "authCallback": true, "clientId": "me", "authHeaders": { "x-a": "b" },
        "defaultTokenParams": { "ttl": 1_000, "capability": { "a": ["b"] } }, "renewal": { "mode": "onDemand" },
        "fallbackHosts": ["fallback.example"], "agents": { "sdk": "1" },
    });
    let arguments =
        json!({ "tokenParams": { "ttl": 5, "capability": "{}" }, "authOptions": { "authCallback": "mine" } });
    let error = json!({ "code": 40142, "statusCode": 401, "message": "no", "cause": { "code": 1 } });
    vec![
        json!({ "now": { "mono": 1, "unix": 2 }, "new": { "options": options, "seed": "0".repeat(64) } }),
        json!({ "authorize": arguments }),
        json!({ "callbackResult": { "id": 1, "tokenDetails": { "token": "t", "expires": 9, "clientId": "me" } } }),
        json!({ "requestToken": arguments }),
        json!({ "callbackResult": { "id": 2, "json": { "keyName": "a.b", "mac": "c" } } }),
        json!({ "httpResponse": { "id": 1, "status": 401, "headers": [["content-type", "application/json"]], "body": "{}" } }),
        json!({ "createTokenRequest": arguments }),
        json!({ "request": { "method": "GET", "path": "/x", "params": { "a": 1 }, "headers": [["a", "b"]], "body": "c", "version": 3 } }),
        json!({ "httpResponse": { "id": 2, "status": 200, "headers": [], "bodyBase64": "/w==" } }),
        json!({ "revokeTokens": { "targets": [{ "type": "clientId", "value": "a" }], "issuedBefore": 1, "allowReauthMargin": true } }),
        json!({ "time": {} }),
        json!({ "httpFailed": { "id": 3, "kind": "timeout", "message": "slow" } }),
        json!({ "credentials": {} }),
        json!({ "cancel": { "op": 3 } }),
        json!({ "callbackFailed": { "id": 3, "error": error } }),
        json!({ "tokenExpired": {} }),
        json!({ "tokenRejected": { "token": "t", "error": error } }),
        json!({ "connection": { "state": "connected", "update": true, "connectionDetails": { "clientId": "me" }, "reason": error, "host": "h" } }),
        json!({ "reauthRequested": {} }),
        json!({ "now": { "mono": 1_000_000, "unix": 5 }, "timeout": {} }),
    ]
}

#[test]
fn lines_of_every_kind_are_accepted() {
    let mut driver = Driver::default();
    for line in lines() {
        let answer = answer(&mut driver, line.to_string().as_bytes());
        assert!(answer.get("error").is_none(), "{line}: {answer}");
    }
}

#[test]
fn every_beginning_of_a_line_is_answered() {
    for (index, line) in lines().iter().enumerate() {
        let mut driver = driver_after(index);
        let line = line.to_string();
        for end in 0..line.len() {
            let answer = answer(&mut driver, &line.as_bytes()[..end]);
            assert!(answer.get("error").is_some(), "{answer}");
        }
    }
}

#[test]
fn every_wrong_value_is_answered() {
    for (index, line) in lines().iter().enumerate() {
        let before = driver_after(index);
        for place in 0.. {
            let wrong_values = [
                Value::Null,
                json!(true),
                json!(-1),
                json!(0.5),
                json!(u64::MAX),
                json!(""),
                json!("\u{0}\u{feff}\u{1f600}"),
                json!([]),
                json!({}),
                json!([[[]]]),
                json!({ "token": { "token": {} } }),
            ];
            let mut there_is_such_a_place = false;
            for wrong in wrong_values {
                let mut line = line.clone();
                there_is_such_a_place = replace(&mut line, &mut place.clone(), &wrong);
                let mut driver = before.clone();
                answer(&mut driver, line.to_string().as_bytes());
                answer(&mut driver, br#"{"timeout":{}}"#);
            }
            if !there_is_such_a_place {
                break;
            }
        }
    }
}

fn driver_after(lines_before: usize) -> Driver {
    let mut driver = Driver::default();
    for line in &lines()[..lines_before] {
        driver.line(line.to_string());
    }
    driver
}

/// The answer to a line, which is either a refusal or shows the machine.
fn answer(driver: &mut Driver, line: &[u8]) -> Value {
    let text = driver.line(line);
    assert!(!text.contains('\n'));
    let answer: Value = serde_json::from_str(&text).expect("the answer is JSON");
    if answer.get("error").is_none() {
        assert!(answer["actions"].is_array() && answer["view"].is_object(), "{answer}");
        assert_eq!(answer["wakeAt"].is_null(), answer["timer"].is_null());
    }
    answer
}

/// Puts a value in the place of the n-th one, counted from the outside in; false where there are fewer.
fn replace(value: &mut Value, place: &mut usize, with: &Value) -> bool {
    if *place == 0 {
        *value = with.clone();
        return true;
    }
    *place -= 1;
    match value {
        Value::Array(items) => items.iter_mut().any(|item| replace(item, place, with)),
        Value::Object(members) => members.values_mut().any(|member| replace(member, place, with)),
        _ => false,
    }
}
