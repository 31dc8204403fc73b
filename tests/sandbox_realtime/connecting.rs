//! Connecting: credentials, params, identity; sandbox rows 5.1, 5.2, 5.4 and 3.3.

use super::*;

#[test]
fn connected_tells_the_details() {
    let mut world = World::new();
    let connected = world.connect_with_key(0, "");
    let id_characters = |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte));
    assert!(id_characters(connected.id()));
    let (id, secret) = connected.key().split_once('!').unwrap();
    assert_eq!(id, connected.id());
    assert!(id_characters(secret));
    assert_eq!(connected.message["connectionKey"], connected.key());
    let mut details = connected.details().clone();
    details["serverId"].take();
    let expected = json!({
        "clientId": "*", "connectionKey": connected.key(), "maxMessageSize": 65_536, "maxInboundRate": 250,
        "maxOutboundRate": 100, "maxFrameSize": 524_288, "serverId": null, "connectionStateTtl": 120_000,
        "maxIdleInterval": 15_000,
    });
    assert_eq!(details, expected);
    world.nothing(connected.transport);
    let record = world.service.requests().last().unwrap();
    assert_eq!((record.status, record.code, record.client_id.as_deref()), (101, None, Some("*")));
}

#[test]
fn credentials_come_in_many_forms() {
    let mut world = World::new();
    let key = world.keys[0].expose().to_owned();
    let token = world.token(0, HOUR, &json!({}));
    let wanted = TokenRequest::new(world.keys[0].name());
    let jwt = world.service.issue_jwt(&wanted, None, NOW).unwrap();
    world.connect(&format!("key={key}"));
    for token in [&token, jwt.expose()] {
        world.connect(&format!("accessToken={token}"));
        world.connect(&format!("access_token={token}"));
        for value in [token.to_owned(), STANDARD.encode(token)] {
            let request = Request::new("GET", "/?v=6").with_header("Authorization", format!("Bearer {value}"));
            let transport = world.open_by(&request.over_plain_http());
            assert_eq!(world.next(transport)["action"], action::CONNECTED);
        }
    }
    let basic = format!("Basic {}", STANDARD.encode(&key));
    let request = Request::new("GET", "/?v=6").with_header("Authorization", basic);
    let transport = world.open_by(&request);
    assert_eq!(world.next(transport)["action"], action::CONNECTED);
    let transport = world.open_by(&request.over_plain_http());
    assert_eq!(world.ends_with_error(transport), (40103, 401));
}

#[test]
fn refusals_are_error_frames() {
    let mut world = World::new();
    let name = world.keys[0].name().to_owned();
    let app = name.split_once('.').unwrap().0.to_owned();
    let expired = world.token(0, 5, &json!({}));
    world.now += 5;
    assert_eq!(world.refused(""), (40101, 401));
    assert_eq!(world.refused("key=invalid.key:secret"), (40101, 401));
    assert_eq!(world.refused(&format!("key={name}:wrong")), (40101, 401));
    assert_eq!(world.refused("key=nothing"), (40005, 400));
    assert_eq!(world.refused(&format!("key={app}.unknown:secret")), (40400, 401));
    assert_eq!(world.refused(&format!("access_token={expired}")), (40142, 401));
    assert_eq!(world.refused(&format!("access_token={app}.unheard-of")), (40143, 401));
    assert_eq!(world.refused("access_token=rubbish"), (40005, 400));
    let unknown_app = STANDARD.encode(r#"{"alg":"HS256","kid":"invalid.invalid"}"#).replace('=', "");
    assert_eq!(world.refused(&format!("access_token={unknown_app}.e30.x")), (40400, 404));
    assert_eq!(world.service.connections().count(), 0);
    let last = world.service.requests().last().unwrap();
    assert_eq!((last.status, last.code), (101, Some(40400)));
}

#[test]
fn the_protocol_version_counts() {
    let mut world = World::new();
    let key = world.keys[0].expose().to_owned();
    for (version, code) in [
        ("v=2", None),
        ("v=99", None),
        ("", None),
        ("v=1", Some((80024, 400))),
        ("v=0", Some((40017, 400))),
        ("v=-3", Some((40017, 400))),
        ("v=1.2", Some((40017, 400))),
        ("v=", Some((40017, 400))),
    ] {
        let transport = world.open_by(&Request::new("GET", &format!("/?key={key}&{version}")));
        match code {
            None => assert_eq!(world.next(transport)["action"], action::CONNECTED),
            Some(code) => assert_eq!(world.ends_with_error(transport), code, "{version}"),
        }
    }
    world.service.choices_mut().protocol_version_required = true;
    let transport = world.open_by(&Request::new("GET", &format!("/?key={key}")));
    assert_eq!(world.ends_with_error(transport), (40017, 400));
}

#[test]
fn an_unknown_format_never_becomes_a_websocket() {
    let mut world = World::new();
    let key = world.keys[0].expose().to_owned();
    world.connect(&format!("key={key}&format=json"));
    let request = Request::new("GET", &format!("/?v=6&key={key}&format=xml"));
    let reply = world.service.connect(&request, NOW).unwrap_err();
    assert_eq!(reply.response.status, 400);
    assert_eq!(world.service.poll_output(), None);
}

#[test]
fn who_one_is() {
    let mut world = World::new();
    let mut connect = |token: Option<Value>, claimed: Option<&str>| {
        let claimed = claimed.map_or(String::new(), |claimed| format!("&clientId={claimed}"));
        let query = match token {
            None => format!("key={}{claimed}", world.keys[0].expose()),
            Some(wanted) => format!("access_token={}{claimed}", world.token(0, HOUR, &wanted)),
        };
        let transport = world.open(&query);
        let message = world.next(transport);
        if message["action"] == action::CONNECTED {
            Ok(message["connectionDetails"].get("clientId").map(|id| id.as_str().unwrap().to_owned()))
        } else {
            Err(error_of(&message))
        }
    };
    let is = |id: &str| Ok(Some(id.to_owned()));
    let mismatch = Err((40102, 401));
    let token = |client_id: &str| Some(json!({ "clientId": client_id }));
    assert_eq!(connect(None, None), is("*"));
    assert_eq!(connect(None, Some("bob")), is("bob"));
    assert_eq!(connect(Some(json!({})), None), Ok(None));
    assert_eq!(connect(Some(json!({})), Some("bob")), mismatch);
    assert_eq!(connect(token("bob"), None), is("bob"));
    assert_eq!(connect(token("bob"), Some("bob")), is("bob"));
    assert_eq!(connect(token("bob"), Some("eve")), mismatch);
    assert_eq!(connect(token("*"), None), is("*"));
    assert_eq!(connect(token("*"), Some("bob")), is("bob"));
    assert_eq!(connect(token("*"), Some("*")), mismatch);
    assert_eq!(connect(None, Some("")), Err((40012, 400)));
}

#[test]
fn connections_are_listed() {
    let mut world = World::new();
    let token = world.token(0, HOUR, &json!({ "clientId": "bob" }));
    let by_token = world.connect_with_token(&token, "");
    let by_key = world.connect_with_key(1, "");
    world.send(by_token.transport, &json!({ "action": action::ATTACH, "channel": "a" }));
    let first = world.connection(&by_token).unwrap();
    assert_eq!(first.transport, Some(by_token.transport));
    assert_eq!(first.token.as_ref().unwrap().expose(), token);
    assert_eq!(first.expires, Some(NOW + HOUR));
    assert_eq!(first.client_id.as_deref(), Some("bob"));
    assert_eq!(first.channels, ["a"]);
    let debug = format!("{first:?} {:?}", world.service.frames().collect::<Vec<_>>());
    assert!(!debug.contains(&token) && !debug.contains(by_token.key()));
    let second = world.connection(&by_key).unwrap();
    assert_eq!((second.token, second.expires), (None, None));
    assert_eq!(second.key_name, world.keys[1].name());
}

#[test]
fn connections_are_bounded_and_lost_ones_make_room() {
    let mut world = World::new();
    let mut lost = None;
    for number in 0..10_000 {
        let connected = world.connect_with_key(0, "");
        if number == 5_000 {
            lost = Some(connected);
        }
    }
    let key = format!("key={}", world.keys[0].expose());
    assert_eq!(world.refused(&key), (40111, 403));
    let lost = lost.unwrap();
    world.service.handle_closed(lost.transport, world.now);
    assert!(world.connection(&lost).is_some());
    world.connect(&key);
    assert!(world.connection(&lost).is_none());
    assert_eq!(world.service.connections().count(), 10_000);
}
