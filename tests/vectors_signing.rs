//! Token requests that ably-js signed (and ably-python checked), signed again by this crate.
//!
//! Each vector is a call of `createTokenRequest` with nonce and timestamp given. The request has to be the
//! same, member for member, text for text; where ably-js raised an error this crate has to refuse, with the
//! same code where ably-js gave one of Ably's. Where that is not so, it is listed below with its reason.

mod vectors;

use ably_auth::options::{ApiKey, AuthOptions, ClientOptions};
use ably_auth::wire::{Capability, TokenParams, TokenRequest};
use ably_auth::{Action, AuthMachine, Error, Now, Outcome, sign};
use serde_json::{Value, json};
use vectors::{Difference, Found, assert_listed, list, read, text};

const DIFFERENCES: &[Difference] = &[
    Difference {
        ids: &["sv-139", "sv-141", "sv-187", "sv-315", "sv-341", "sv-345"],
        what: &["capability", "mac"],
        reason: "a name that looks like an integer is sorted as any other (behaviour.md 7); README.md, integer-like \
                 resource names",
    },
    Difference {
        ids: &["sv-145", "sv-147", "sv-149", "sv-191", "sv-205", "sv-363", "sv-365", "sv-375"],
        what: &["capability", "mac"],
        reason: "sorted by code point, not by UTF-16 unit (behaviour.md 7); README.md, sort order",
    },
    Difference {
        ids: &[
            "sv-133", "sv-321", "sv-337", "sv-339", "sv-349", "sv-357", "sv-361", "sv-363", "sv-365", "sv-367",
            "sv-379", "sv-387", "sv-391", "sv-393", "sv-395",
        ],
        what: &["capability", "mac"],
        reason: "an operation named twice is named once (behaviour.md 7); README.md, duplicate ops",
    },
    Difference {
        ids: &["sv-173", "sv-211"],
        what: &["capability"],
        reason: "RSA6: a capability that is null or empty is absent; README.md, capability null or ''",
    },
    Difference { ids: &["sv-045"], what: &["ttl"], reason: "RSA5: a ttl that is null is absent; README.md, ttl null" },
    Difference { ids: &["sv-123"], what: &["clientId"], reason: "a null is an absent member (behaviour.md 7)" },
    Difference {
        ids: &["sv-043"],
        what: &["ttl"],
        reason: "TK2a: ttl is a number; a numeric text is read as one and sent as one, with the same mac",
    },
    Difference {
        ids: &["sv-041", "sv-047"],
        what: &["refused: 40003/400"],
        reason: "ttl is a positive integer (behaviour.md 7); README.md, ttl as text / 1.5 / true",
    },
    Difference {
        ids: &["sv-125"],
        what: &["refused: 40012/400"],
        reason: "clientId is a non-empty string (behaviour.md 7)",
    },
    Difference {
        ids: &["sv-129", "sv-209"],
        what: &["refused: 40000/400"],
        reason: "an empty list of operations grants nothing and is refused (behaviour.md 7)",
    },
    Difference {
        ids: &["sv-169", "sv-171", "sv-175", "sv-221", "sv-229"],
        what: &["refused: 40000/400"],
        reason: "a capability is a JSON object of string arrays (behaviour.md 7)",
    },
    Difference {
        ids: &["sv-165", "sv-167", "sv-213", "sv-215", "sv-217", "sv-219", "sv-223", "sv-225", "sv-227"],
        what: &["refused: 40000/400"],
        reason: "a capability is a JSON object of string arrays, and the error is one of Ably's (behaviour.md 7); README.md, \
                 capability not JSON / ops not arrays",
    },
    Difference {
        ids: &["sv-239", "sv-243", "sv-245"],
        what: &["mac", "recorded mac"],
        reason: "RSA17g: the name ends at the first colon, the rest is the secret; README.md, key with ':' in the secret",
    },
    Difference {
        ids: &["sv-241"],
        what: &["accepted"],
        reason: "RSA17g: the name ends at the first colon, so this secret is ':'; README.md, key with ':' in the secret",
    },
    Difference {
        ids: &["sv-279"],
        what: &["refused: 40101/403", "recorded mac"],
        reason: "a key has a name (behaviour.md 7)",
    },
    Difference {
        ids: &["sv-297", "sv-299", "sv-301", "sv-303", "sv-305"],
        what: &["refused: 40000/400"],
        reason: "TK2d: timestamp and nonce are not for defaultTokenParams (behaviour.md 1)",
    },
    Difference {
        ids: &["sv-307"],
        what: &["keyName", "mac", "recorded mac"],
        reason: "params that TK2 does not name are ignored, a keyName too; README.md, members not in TK2",
    },
    Difference {
        ids: &["sv-309"],
        what: &["refused: 40000/400", "recorded mac"],
        reason: "TK2d: timestamp is a number of milliseconds, an integer",
    },
    Difference {
        ids: &["sv-047", "sv-125"],
        what: &["recorded mac"],
        reason: "a request whose ttl is no number, or whose clientId is no text, is not a TokenRequest (TE4, TE2)",
    },
];

#[test]
fn token_requests_are_those_of_the_official_sdks() {
    let mut found = Found::new();
    for vector in list(&read(include_str!("vectors/signing-vectors.json")), "vectors") {
        found.extend(differences(vector).into_iter().map(|what| (text(vector, "id").to_owned(), what)));
    }
    assert_listed(&found, DIFFERENCES);
}

/// In what our answer to a vector differs from the recorded one.
fn differences(vector: &Value) -> Vec<String> {
    let recorded = &vector["tokenRequest"];
    match (create_token_request(vector), vector.get("error")) {
        (Ok(_), Some(_)) => vec!["accepted".to_owned()],
        (Ok(ours), None) => {
            let mut differences = differing_members(&serde_json::to_value(&ours).unwrap(), recorded);
            if !differences.contains(&"mac".to_owned()) {
                assert_eq!(sign::signing_text(&ours), text(vector, "signText"));
            }
            differences.extend(unverified(vector));
            differences
        }
        (Err(error), None) => [refusal(&error)].into_iter().chain(unverified(vector)).collect(),
        (Err(error), Some(recorded)) => {
            let same = recorded["code"] == error.code() && recorded["statusCode"] == error.status_code();
            (!same).then(|| refusal(&error)).into_iter().collect()
        }
    }
}

fn refusal(error: &Error) -> String {
    format!("refused: {}/{}", error.code(), error.status_code())
}

/// What this crate answers to the call of a vector.
fn create_token_request(vector: &Value) -> Result<TokenRequest, Error> {
    let mut options = vector.get("clientOptions").cloned().unwrap_or_else(|| json!({}));
    let auth_options = match text(vector, "keyVia") {
        "clientOptions" => {
            options["key"] = vector["key"].clone();
            None
        }
        _ => {
            options["key"] = "another.key:secret".into();
            Some(json!({ "key": vector["key"] }))
        }
    };
    let now = Now::new(0, 1_234);
    let mut machine = AuthMachine::new(ClientOptions::from_json(&options)?, [0; 32], now)?;
    let params =
        vector.get("tokenParams").filter(|params| !params.is_null()).map(TokenParams::from_json).transpose()?;
    let auth_options = auth_options.as_ref().map(AuthOptions::from_json).transpose()?;
    let operation = machine.create_token_request(params, auth_options, now);
    match machine.poll_action() {
        Some(Action::Complete { operation: completed, outcome }) if completed == operation => match outcome? {
            Outcome::TokenRequest(request) => Ok(request),
            other => panic!("{other:?}"),
        },
        other => panic!("expected the request at once, got {other:?}"),
    }
}

fn differing_members(ours: &Value, recorded: &Value) -> Vec<String> {
    let (ours, recorded) = (ours.as_object().unwrap(), recorded.as_object().unwrap());
    let capability = |request: &serde_json::Map<String, Value>| {
        request.get("capability").and_then(Value::as_str).and_then(|text| text.parse::<Capability>().ok())
    };
    assert_eq!(capability(ours), capability(recorded), "whatever its text, a capability means the same");

    let names: std::collections::BTreeSet<_> = ours.keys().chain(recorded.keys()).collect();
    names.into_iter().filter(|name| ours.get(*name) != recorded.get(*name)).cloned().collect()
}

/// Whether the recorded request, as it is, does not pass as signed with the key.
fn unverified(vector: &Value) -> Option<String> {
    let key: Result<ApiKey, _> = text(vector, "key").parse();
    let verified = match (key, TokenRequest::from_json(&vector["tokenRequest"])) {
        (Ok(key), Ok(request)) => sign::verify(&key, &request).is_ok(),
        _ => false,
    };
    (!verified).then(|| "recorded mac".to_owned())
}
