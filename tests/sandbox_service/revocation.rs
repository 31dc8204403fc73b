//! Revoking tokens.

use super::*;

fn targets(targets: &[&str]) -> Value {
    json!({ "targets": targets })
}

/// Which of these tokens are revoked.
fn revoked(world: &mut World, tokens: &[String]) -> Vec<bool> {
    tokens
        .iter()
        .map(|token| {
            let answer = world.probe_token(token);
            // The probe may lack the capability; what counts is that the token itself is good.
            answer.status != 200 && answer.error() == (40141, 401)
        })
        .collect()
}

#[test]
fn a_client_ids_tokens_are_revoked_and_no_others() {
    let mut world = World::new();
    let bob = params(json!({ "clientId": "bob" }));
    let tokens = [
        world.token(4, &bob),
        world.token(4, &params(json!({ "clientId": "eve" }))),
        world.token(4, &TokenParams::default()),
        world.token(0, &bob),
    ];
    world.now += 10;
    let answer = world.revoke(&targets(&["clientId:bob"]));
    assert_eq!(answer.status, 201);
    let success = json!({ "target": "clientId:bob", "issuedBefore": NOW + 10, "appliesAt": NOW + 10 });
    assert_eq!(answer.body, json!({ "successCount": 1, "failureCount": 0, "results": [success] }));
    assert_eq!(revoked(&mut world, &tokens), [true, false, false, false]);
    let later = world.token(4, &bob);
    assert_eq!(revoked(&mut world, &[later]), [false], "issued later");
}

#[test]
fn issuing_and_revoking_within_a_millisecond_keep_their_order() {
    let mut world = World::new();
    let bob = params(json!({ "clientId": "bob" }));
    let before = world.token(4, &bob);
    world.revoke(&targets(&["clientId:bob"]));
    let after = world.token(4, &bob);
    assert_eq!(revoked(&mut world, &[before, after.clone()]), [true, false]);
    world.revoke(&targets(&["clientId:bob"]));
    assert_eq!(revoked(&mut world, &[after]), [true]);
}

#[test]
fn milliseconds_alone_can_count() {
    let mut choices = Choices::default();
    choices.revocation_keeps_order = false;
    let mut world = World::with_choices(choices);
    let bob = params(json!({ "clientId": "bob" }));
    let token = world.token(4, &bob);
    world.revoke(&targets(&["clientId:bob"]));
    assert_eq!(revoked(&mut world, &[token]), [false], "not issued strictly before");
}

#[test]
fn a_channel_is_meant_character_for_character() {
    let mut world = World::new();
    let with = |name: &str| params(json!({ "capability": { name: ["*"], "probe": ["*"] } }));
    let tokens =
        [world.token(4, &with("foo:*")), world.token(4, &with("foo:bar")), world.token(4, &TokenParams::default())];
    world.now += 1;
    world.revoke(&targets(&["channel:foo:*"]));
    assert_eq!(revoked(&mut world, &tokens), [true, false, false]);
    world.revoke(&targets(&["channel:*"]));
    assert_eq!(revoked(&mut world, &tokens), [true, false, true], "inherited from the key");
}

#[test]
fn one_token_can_be_revoked_unless_that_is_switched_off() {
    let mut world = World::new();
    let tokens = [world.token(4, &TokenParams::default()), world.token(4, &TokenParams::default())];
    world.now += 1;
    let target = format!("token:{}", tokens[0]);
    world.revoke(&targets(&[&target]));
    assert_eq!(revoked(&mut world, &tokens), [true, false]);
    world.service.choices_mut().revocation_by_token = false;
    world.service.choices_mut().revocation_by_channel = false;
    let answer = world.revoke(&targets(&[&target, "channel:a", "revocationKey:k"]));
    assert_eq!(answer.body["results"][0]["error"]["code"], 40001);
    assert_eq!(answer.body["results"][1]["error"]["code"], 40121);
    assert_eq!(answer.body["results"][2]["target"], "revocationKey:k");
    assert_eq!(answer.body["successCount"], 1);
}

#[test]
fn issued_before_and_the_margin_are_heeded() {
    let mut world = World::new();
    let bob = params(json!({ "clientId": "bob" }));
    let first = world.token(4, &bob);
    world.now += 60_000;
    let second = world.token(4, &bob);
    world.now += 60_000;
    let mut order = targets(&["clientId:bob"]);
    order["issuedBefore"] = json!(NOW + 60_000);
    order["allowReauthMargin"] = json!(true);
    let answer = world.revoke(&order);
    let result = &answer.body["results"][0];
    assert_eq!(result["issuedBefore"], NOW + 60_000);
    let applies_at = result["appliesAt"].as_i64().unwrap();
    assert!(applies_at > world.now + 30_000 && applies_at < world.now + 31_000);

    let tokens = [first, second];
    assert_eq!(revoked(&mut world, &tokens), [false, false]);
    world.now = applies_at - 1;
    assert_eq!(revoked(&mut world, &tokens), [false, false]);
    world.now = applies_at;
    assert_eq!(revoked(&mut world, &tokens), [true, false]);
}

#[test]
fn a_later_margin_does_not_put_off_an_earlier_revocation() {
    let mut world = World::new();
    let token = world.token(4, &params(json!({ "clientId": "bob" })));
    world.now += 1;
    world.revoke(&targets(&["clientId:bob"]));
    world.now += 1;
    let mut order = targets(&["clientId:bob"]);
    order["allowReauthMargin"] = json!(true);
    world.revoke(&order);
    assert_eq!(revoked(&mut world, &[token]), [true]);
}

#[test]
fn issued_before_has_a_range() {
    let mut world = World::new();
    for (issued_before, is_valid) in [(NOW + 1, false), (NOW, true), (NOW - HOUR, true), (NOW - HOUR - 1, false)] {
        let mut order = targets(&["clientId:bob"]);
        order["issuedBefore"] = json!(issued_before);
        let answer = world.revoke(&order);
        if is_valid {
            assert_eq!(answer.status, 201);
        } else {
            assert_eq!(answer.error(), (40003, 400));
        }
    }
}

#[test]
fn malformed_orders_are_refused_whole() {
    let mut world = World::new();
    let many: Vec<String> = (0..101).map(|number| format!("clientId:{number}")).collect();
    for order in [
        json!({}),
        json!([]),
        json!({ "targets": [] }),
        json!({ "targets": "clientId:bob" }),
        json!({ "targets": [5] }),
        json!({ "targets": many }),
        json!({ "targets": ["clientId:bob"], "issuedBefore": "soon" }),
        json!({ "targets": ["clientId:bob"], "allowReauthMargin": "yes" }),
    ] {
        assert_eq!(world.revoke(&order).error(), (40001, 400), "{order}");
    }
    assert_eq!(world.revoke(&json!({ "targets": many[..100] })).body["successCount"], 100);
}

#[test]
fn partial_failures_are_told_by_version() {
    let mut world = World::new();
    let order = targets(&["clientId:x", "invalidType:abc", "nothing"]);
    let answer = world.revoke(&order);
    assert_eq!(answer.status, 201);
    assert_eq!(answer.body["successCount"], 1);
    assert_eq!(answer.body["failureCount"], 2);
    assert!(answer.body["results"][0].get("error").is_none());
    let failure = &answer.body["results"][1];
    assert_eq!(failure["target"], "invalidType:abc");
    assert_eq!((&failure["error"]["code"], &failure["error"]["statusCode"]), (&json!(40001), &json!(400)));
    let results = answer.body["results"].clone();

    for version in [None, Some("2"), Some("1.2")] {
        let mut request = world.revocation(4, 4, &order);
        if let Some(version) = version {
            request = request.with_header("X-Ably-Version", version);
        }
        let answer = world.send(&request);
        assert_eq!(answer.error(), (40020, 400));
        assert_eq!(answer.message(), "Batched response includes errors");
        assert_eq!(answer.body["batchResponse"], results);
    }
    let legacy = world.revocation(4, 4, &targets(&["clientId:x"]));
    let answer = world.send(&legacy);
    assert_eq!((answer.status, answer.body[0]["target"].as_str()), (201, Some("clientId:x")));
    let all_fail = world.revoke(&targets(&["nothing:abc"]));
    assert_eq!((all_fail.status, &all_fail.body["failureCount"]), (201, &json!(1)));
}

#[test]
fn it_takes_the_same_key_and_basic_auth() {
    let mut world = World::new();
    let order = targets(&["clientId:bob"]);
    let token = world.token(4, &TokenParams::default());
    let path = format!("/keys/{}/revokeTokens", world.key_name(4));
    let request = post(&path, &order);
    assert_eq!(world.send(&request).error(), (40101, 401));
    let by_token = request.clone().with_header("Authorization", format!("Bearer {token}"));
    assert_eq!(world.send(&by_token).error(), (40162, 401));
    let by_other = world.revocation(4, 0, &order);
    assert_eq!(world.send(&by_other).error(), (40133, 401));
    let not_enabled = world.revocation(0, 0, &order);
    assert_eq!(world.send(&not_enabled).error(), (40163, 401));
    let plain = world.revocation(4, 4, &order).over_plain_http();
    assert_eq!(world.send(&plain).error(), (40103, 401));
    let app = world.app_id();
    world.service.set_revocation_enabled(&app, false);
    assert_eq!(world.revoke(&order).error(), (40121, 401));
}

#[test]
fn revocations_in_effect_are_bounded() {
    let mut world = World::new();
    let batch = |round: usize| {
        let targets: Vec<String> = (0..100).map(|number| format!("clientId:{round}-{number}")).collect();
        json!({ "targets": targets })
    };
    for round in 0..100 {
        assert_eq!(world.revoke(&batch(round)).body["failureCount"], 0);
    }
    let answer = world.revoke(&batch(100));
    assert_eq!(answer.body["results"][0]["error"]["code"], 42910);
    world.now += HOUR;
    assert_eq!(world.revoke(&batch(100)).body["failureCount"], 0, "the old ones do not matter any more");
}
