//! Who sends a request, and what he may do.

use super::*;

#[test]
fn keys_are_refused_with_what_is_wrong() {
    let mut world = World::new();
    let app = world.app_id();
    for (key, expected) in [
        ("no-colon".to_owned(), (40005, 400)),
        ("nodot:secret".to_owned(), (40005, 400)),
        ("invalid.key:secret".to_owned(), (40101, 401)),
        ("nonexistent.keyname:keysecret".to_owned(), (40101, 401)),
        ("this.is:wrong".to_owned(), (40101, 401)),
        ("nosuch.keyId:secret".to_owned(), (40400, 404)),
        (format!("{app}.invalidKey:invalidSecret"), (40400, 401)),
        (format!("{}:wrong", world.key_name(0)), (40101, 401)),
    ] {
        let answer = world.probe(|request| request.with_header("Authorization", basic(&key)));
        assert_eq!(answer.error(), expected, "{key}");
        let answer = world.probe(|mut request| {
            request.query = Some(format!("key={key}").as_str().into());
            request
        });
        assert_eq!(answer.error(), expected, "{key}");
        assert!(!answer.message().contains("secret"), "{}", answer.message());
    }
}

#[test]
fn tokens_are_refused_with_what_is_wrong() {
    let mut world = World::new();
    let app = world.app_id();
    for (token, expected) in [
        ("nonsense".to_owned(), (40005, 400)),
        ("a b.c".to_owned(), (40005, 400)),
        (format!("{app}.nosuch"), (40143, 401)),
        ("nosuch.token".to_owned(), (40400, 404)),
    ] {
        assert_eq!(world.probe_token(&token).error(), expected, "{token}");
    }
}

#[test]
fn a_request_needs_credentials() {
    let mut world = World::new();
    assert_eq!(world.probe(|request| request).error(), (40101, 401));
    for header in ["Digest username=bob", "Bearer ", "Bearer", ""] {
        let answer = world.probe(|request| request.with_header("Authorization", header));
        assert_eq!(answer.error(), (40101, 401), "{header}");
    }
}

#[test]
fn every_accepted_form_works() {
    let mut world = World::new();
    let token = world.token(0, &TokenParams::default());
    let key = world.keys[0].expose().to_owned();
    let header = |value: String| move |request: Request| request.with_header("authorization", value.clone());
    let query = |query: String| {
        move |mut request: Request| {
            request.query = Some(query.as_str().into());
            request
        }
    };
    type Form = Box<dyn Fn(Request) -> Request>;
    let forms: [(CredentialsKind, Form); 8] = [
        (CredentialsKind::Basic, Box::new(header(basic(&key)))),
        (CredentialsKind::Basic, Box::new(header(basic(&key).replace("Basic", "basic")))),
        (CredentialsKind::KeyParam, Box::new(query(format!("key={key}")))),
        (CredentialsKind::Bearer, Box::new(header(format!("Bearer {token}")))),
        (CredentialsKind::Bearer, Box::new(header(format!("Bearer {}", STANDARD.encode(&token))))),
        (CredentialsKind::TokenParam, Box::new(query(format!("accessToken={token}")))),
        (CredentialsKind::TokenParam, Box::new(query(format!("access_token={token}")))),
        (CredentialsKind::TokenParam, Box::new(query(format!("key=bad&access_token={token}")))),
    ];
    for (kind, form) in forms {
        assert_eq!(world.probe(&form).status, 200, "{kind}");
        assert_eq!(world.service.requests().next_back().unwrap().credentials, kind);
    }
}

#[test]
fn a_bearer_header_counts_more_than_the_rest() {
    let mut world = World::new();
    let key = world.keys[0].expose().to_owned();
    let answer = world.probe(|request| {
        request.with_header("Authorization", basic(&key)).with_header("Authorization", "Bearer nonsense")
    });
    assert_eq!(answer.error(), (40005, 400));
}

#[test]
fn keys_need_tls_and_tokens_do_not() {
    let mut world = World::new();
    let token = world.token(0, &TokenParams::default());
    let key = world.keys[0].expose().to_owned();
    let answer = world.probe(|request| request.with_header("Authorization", basic(&key)).over_plain_http());
    assert_eq!(answer.error(), (40103, 401));
    let answer = world.probe(|mut request| {
        request.query = Some(format!("key={key}").as_str().into());
        request.over_plain_http()
    });
    assert_eq!(answer.error(), (40103, 401));
    let bearer = format!("Bearer {token}");
    assert_eq!(
        world.probe(|request| request.with_header("Authorization", bearer.as_str()).over_plain_http()).status,
        200
    );
}

#[test]
fn an_expired_token_is_expired_and_then_forgotten() {
    let mut world = World::new();
    let token = world.token(0, &params(json!({ "ttl": 5000 })));
    world.now += 4999;
    assert_eq!(world.probe_token(&token).status, 200);
    world.now += 1;
    assert_eq!(world.probe_token(&token).error(), (40142, 401));
    world.now += HOUR + 1;
    world.token(0, &TokenParams::default());
    assert_eq!(world.probe_token(&token).error(), (40143, 401));
    assert_eq!(world.service.tokens().count(), 1);
}

#[test]
fn a_capability_is_enforced() {
    let mut world = World::new();
    let token = world.token(0, &params(json!({ "capability": { "probe": ["publish"] } })));
    assert_eq!(world.probe_token(&token).error(), (40160, 401));
    let token = world.token(0, &params(json!({ "capability": { "pro*": ["*"], "probe": ["channel-metadata"] } })));
    assert_eq!(world.probe_token(&token).status, 200);
    let elsewhere = Request::new("GET", "/channels/other").with_header("Authorization", format!("Bearer {token}"));
    assert_eq!(world.send(&elsewhere).error(), (40160, 401));
    let escaped =
        Request::new("GET", "/channels/a%3Ab%2Fc").with_header("Authorization", basic(world.keys[0].expose()));
    assert_eq!(world.send(&escaped).body["channelId"], "a:b/c");
}

#[test]
fn the_client_id_is_resolved() {
    let mut world = World::new();
    let none = world.token(0, &TokenParams::default());
    let bob = world.token(0, &params(json!({ "clientId": "bob" })));
    let any = world.token(0, &params(json!({ "clientId": "*" })));
    let key = basic(world.keys[0].expose());
    let bearer = |token: &str| format!("Bearer {token}");
    for (credentials, claimed, expected) in [
        (key.clone(), None, Ok(Some("*"))),
        (key, Some("eve"), Ok(Some("eve"))),
        (bearer(&none), None, Ok(None)),
        (bearer(&none), Some("eve"), Err((40102, 401))),
        (bearer(&bob), None, Ok(Some("bob"))),
        (bearer(&bob), Some("bob"), Ok(Some("bob"))),
        (bearer(&bob), Some("eve"), Err((40102, 401))),
        (bearer(&any), None, Ok(Some("*"))),
        (bearer(&any), Some("eve"), Ok(Some("eve"))),
        (bearer(&any), Some("*"), Err((40102, 401))),
    ] {
        let answer = world.probe(|request| {
            let request = request.with_header("Authorization", credentials.as_str());
            match claimed {
                Some(claimed) => request.with_header("X-Ably-ClientId", STANDARD.encode(claimed)),
                None => request,
            }
        });
        match expected {
            Ok(client_id) => {
                assert_eq!(answer.status, 200);
                assert_eq!(world.service.requests().next_back().unwrap().client_id.as_deref(), client_id);
            }
            Err(error) => assert_eq!(answer.error(), error, "{claimed:?}"),
        }
    }
    for header in ["", "not base64!", "/w=="] {
        let answer = world.probe(|request| {
            request.with_header("Authorization", bearer(&none)).with_header("X-Ably-ClientId", header)
        });
        assert_eq!(answer.error(), (40012, 400), "{header}");
    }
}
