use alloc::format;

use serde_json::json;

use super::placeholders::{Kind, Placeholders};
use super::words_of;

#[test]
fn what_a_double_does_not_say_is_told_without_its_words() {
    let actual = json!({
        "actions": [
            { "tokenChanged": { "tokenDetails": { "token": "a secret", "expires": 7 } } },
            { "connectionStateChange": { "current": "failed", "reason": { "code": 1, "message": "a secret", "detail": { "state": "a secret" } } } },
            { "sendFrame": { "id": 1, "message": { "action": 17, "auth": { "accessToken": "a secret" } } } },
        ],
        "wakeAt": 1,
    });
    let double = json!({
        "actions": [
            { "tokenChanged": { "tokenDetails": { "token": "redacted-token-1", "expires": 7 } } },
            { "complete": { "op": 1, "ok": {} } },
        ],
        "wakeAt": null,
    });
    let written = json!({
        "actions": [
            { "tokenChanged": { "tokenDetails": { "token": "redacted-token-1", "expires": 7 } } },
            { "connectionStateChange": { "current": "failed", "reason": { "code": 1, "message": "redacted", "detail": {} } } },
            { "sendFrame": { "id": 1, "message": {} } },
        ],
        "wakeAt": 1,
    });
    assert_eq!(words_of(&actual, Some(&double)), written);
}

#[test]
fn a_quoted_secret_has_its_placeholder() {
    let mut placeholders = Placeholders::default();
    assert_eq!(placeholders.of_key("app.key:p/ss word"), "app.key:redacted -key-1");
    assert_eq!(placeholders.of(Kind::Token, "one"), "redacted-token-1");
    assert_eq!(placeholders.of(Kind::Token, "a.long.token"), "redacted-token-2");
    assert_eq!(placeholders.of(Kind::Token, "one"), "redacted-token-1");
    for (text, scrubbed) in [
        ("one is no good, someone said", "redacted-token-1 is no good, someone said"),
        ("xa.long.tokenx", "xredacted-token-2x"),
        ("?key=p%2Fss%20word&k=p%2Fss+word", "?key=redacted -key-1&k=redacted -key-1"),
        ("Basic YXBwLmtleTpwL3NzIHdvcmQ=", "Basic YXBwLmtleTpyZWRhY3RlZCAta2V5LTE="),
        ("app.key:p/ss word", "app.key:redacted -key-1"),
        ("\u{f6}one\u{f6} \u{f6}", "\u{f6}one\u{f6} \u{f6}"),
    ] {
        assert_eq!(placeholders.scrub(text), scrubbed);
        assert_eq!(placeholders.scrub(scrubbed), scrubbed);
    }
}

#[test]
fn a_word_of_a_placeholder_may_be_a_secret() {
    let mut placeholders = Placeholders::default();
    for secret in ["redacted", "token", "1"] {
        placeholders.of(Kind::Token, secret);
    }
    assert_eq!(
        placeholders.scrub("redacted token 1 redacted-token-1"),
        "redacted-token-1 redacted-token-2 redacted-token-3 redacted-token-1"
    );
}

#[test]
fn the_oldest_are_forgotten_and_a_key_last() {
    let mut placeholders = Placeholders::default();
    let key = placeholders.of_key("app.key:secret");
    for number in 0..1_000 {
        placeholders.of(Kind::Param, &format!("param number {number}"));
        let token = format!("token number {number}");
        let placeholder = placeholders.of(Kind::Token, &token);
        assert_eq!(placeholders.of(Kind::Token, &token), placeholder);
    }
    assert_eq!(placeholders.of_key("app.key:secret"), key);
    assert_eq!(placeholders.scrub("token number 0 and token number 999"), "token number 0 and redacted -token-1000");
}

#[test]
fn what_could_be_no_token_still_could_not() {
    let mut placeholders = Placeholders::default();
    for (secret, placeholder) in [
        ("", ""),
        ("null", "null"),
        ("undefined", "undefined"),
        ("<html>", "<redacted-token"),
        ("{\"token\"", "{redacted-token"),
        ("t\u{f6}ken", "redacted\u{f6}-token-1"),
        ("a\nb", "redacted\n-token-2"),
        ("\u{f6}\t\u{7f}", "redacted\u{7f}-token-3"),
    ] {
        assert_eq!(placeholders.of(Kind::Token, secret), placeholder);
    }
    let long = "x".repeat(crate::wire::MAX_TOKEN_LENGTH + 1);
    assert_eq!(placeholders.of(Kind::Token, &long).len(), long.len());
}
