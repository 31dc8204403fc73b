//! A line that is written is read as what it was.

use ably_auth::connection::{ConnectionInput, FrameContent};
use ably_auth::http::{Headers, HttpResponse};
use ably_auth::options::{AuthMethod, AuthOptions, ClientOptions, Endpoint, TokenOption};
use ably_auth::session::Command;
use ably_auth::trace::{Driver, Input, Line, Mode, New};
use ably_auth::wire::{ProtocolMessage, Secret, TokenDetails, TokenParams, TokenRequest};
use ably_auth::{CallbackValue, Event, HttpId, Now, OpaqueJson, RestRequest, SessionEvent};
use proptest::collection::{btree_map, vec};
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Map, Number, Value, json};

/// Any JSON value of a size.
fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(|number| Number::from_f64(number).map_or(Value::Null, Value::Number)),
        any::<String>().prop_map(Value::String),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Value::Array),
            btree_map(any::<String>(), inner, 0..4).prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

fn text() -> impl Strategy<Value = Value> {
    prop_oneof![any::<String>(), "[a-z]{1,8}"].prop_map(Value::String)
}

/// A whole number in one of the forms that are read.
fn number() -> impl Strategy<Value = Value> {
    (0_u32.., 0..3).prop_map(|(number, form)| match form {
        0 => json!(number),
        1 => json!(f64::from(number)),
        _ => json!(number.to_string()),
    })
}

fn flag() -> impl Strategy<Value = Value> {
    any::<bool>().prop_map(Value::Bool)
}

/// An object with some of these members.
fn object(members: Vec<(&'static str, BoxedStrategy<Value>)>) -> BoxedStrategy<Value> {
    let member = |(name, value): (&'static str, BoxedStrategy<Value>)| {
        option::of(value).prop_map(move |value| value.map(|value| (name.to_string(), value))).boxed()
    };
    let members: Vec<_> = members.into_iter().map(member).collect();
    members.prop_map(|members| Value::Object(members.into_iter().flatten().collect())).boxed()
}

/// An object with all of these members.
fn whole(members: Vec<(&'static str, BoxedStrategy<Value>)>) -> BoxedStrategy<Value> {
    let (names, values): (Vec<_>, Vec<_>) = members.into_iter().unzip();
    values.prop_map(move |values| names.iter().map(|name| name.to_string()).zip(values).collect()).boxed()
}

fn union(one: BoxedStrategy<Value>, other: BoxedStrategy<Value>) -> BoxedStrategy<Value> {
    (one, other)
        .prop_map(|(one, other)| {
            let members = [one, other].into_iter().filter_map(|value| value.as_object().cloned());
            members.flatten().collect::<Map<_, _>>().into()
        })
        .boxed()
}

fn pairs() -> BoxedStrategy<Value> {
    let pair = ("[a-c]{1,2}", "[ -~]{0,6}").prop_map(|(name, value)| json!([name, value]));
    vec(pair, 0..4).prop_map(Value::Array).boxed()
}

fn names_and_values() -> BoxedStrategy<Value> {
    let value = prop_oneof!["[ -~]{0,6}".prop_map(Value::String), number(), flag()];
    let object = btree_map("[a-c]{1,2}", value, 0..4).prop_map(|members| members.into_iter().collect());
    prop_oneof![object, pairs()].boxed()
}

fn capability() -> BoxedStrategy<Value> {
    let value = btree_map(any::<String>(), vec(any::<String>(), 1..3), 0..3).prop_map(|value| json!(value));
    prop_oneof![value.clone(), value.prop_map(|value| value.to_string().into())].boxed()
}

fn error() -> BoxedStrategy<Value> {
    let members = || {
        vec![
            ("code", prop_oneof![number(), Just(json!(40142)), Just(json!(0))].boxed()),
            ("statusCode", number().boxed()),
            ("message", text().boxed()),
            ("href", prop_oneof![text(), Just(json!("https://help.ably.io/error/40142"))].boxed()),
            ("requestId", text().boxed()),
            ("detail", btree_map(any::<String>(), any::<String>(), 0..2).prop_map(|detail| json!(detail)).boxed()),
            ("anything", any_json().boxed()),
        ]
    };
    let caused = object(members()).prop_recursive(10, 10, 1, move |inner| {
        let mut members = members();
        members.push(("cause", inner.boxed()));
        object(members)
    });
    caused.boxed()
}

fn token_params() -> BoxedStrategy<Value> {
    object(vec![
        ("ttl", prop_oneof![number(), any_json()].boxed()),
        ("capability", capability()),
        ("clientId", text().boxed()),
        ("timestamp", number().boxed()),
        ("nonce", text().boxed()),
        ("anything", any_json().boxed()),
    ])
}

fn token_details() -> BoxedStrategy<Value> {
    let known = object(vec![
        ("expires", number().boxed()),
        ("issued", number().boxed()),
        ("capability", prop_oneof![text().boxed(), capability()].boxed()),
        ("clientId", text().boxed()),
        ("keyName", text().boxed()),
        ("anything", any_json().boxed()),
    ]);
    union(whole(vec![("token", text().boxed())]), known)
}

fn token_request() -> BoxedStrategy<Value> {
    let rest = object(vec![
        ("ttl", number().boxed()),
        ("capability", capability()),
        ("clientId", text().boxed()),
        ("timestamp", number().boxed()),
        ("nonce", text().boxed()),
        ("mac", text().boxed()),
    ]);
    union(whole(vec![("keyName", text().boxed())]), rest)
}

fn auth_options() -> BoxedStrategy<Value> {
    let one_of = |values: &[&str]| select(values.iter().map(|value| json!(value)).collect::<Vec<_>>()).boxed();
    object(vec![
        ("key", one_of(&["app.key:secret", "a:b:c"])),
        ("token", prop_oneof![text().boxed(), token_details(), token_request()].boxed()),
        ("tokenDetails", token_details()),
        ("authCallback", prop_oneof![text().boxed(), flag().boxed()].boxed()),
        ("authUrl", one_of(&["https://user:pass@auth.example:1/a?b=c#d", "HTTP://auth.example", "http://[::1]?"])),
        ("authMethod", one_of(&["GET", "post"])),
        ("authHeaders", names_and_values()),
        ("authParams", names_and_values()),
        ("queryTime", flag().boxed()),
        ("useTokenAuth", flag().boxed()),
    ])
}

fn client_options() -> BoxedStrategy<Value> {
    let hosts = || select(&["a.example", "::1", "[::1]", "1.2.3.4"][..]).prop_map(|host| json!(host));
    let names = select(&["main", "acme", "nonprod:acme", "localhost", "a.example"][..]).prop_map(|name| json!(name));
    let default_params = object(vec![("ttl", (1..9).prop_map(|ttl| json!(ttl)).boxed()), ("capability", capability())]);
    let numbers = [
        "httpOpenTimeout",
        "httpRequestTimeout",
        "httpMaxRetryCount",
        "httpMaxRetryDuration",
        "fallbackRetryTimeout",
        "realtimeRequestTimeout",
        "disconnectedRetryTimeout",
        "suspendedRetryTimeout",
    ];
    let flags = ["tls", "autoConnect", "echoMessages", "pingsVisible", "addRequestIds"];
    let agents = btree_map("[a-z]{1,3}", option::of("[0-9.]{1,3}"), 0..3).prop_map(|agents| json!(agents));
    let mut members = vec![
        ("clientId", text().boxed()),
        ("defaultTokenParams", default_params),
        ("endpoint", prop_oneof![hosts().boxed(), names.boxed()].boxed()),
        ("port", (0..=65_535_u16).prop_map(|port| json!(port)).boxed()),
        ("tlsPort", (0..=65_535_u16).prop_map(|port| json!(port)).boxed()),
        ("fallbackHosts", vec(hosts(), 0..3).prop_map(Value::Array).boxed()),
        ("transportParams", names_and_values()),
        ("recover", text().boxed()),
        ("connectivityCheckUrl", text().boxed()),
        ("agents", agents.boxed()),
        ("renewal", Just(json!({ "mode": "onDemand" })).boxed()),
    ];
    members.extend(numbers.map(|name| (name, number().boxed())));
    members.extend(flags.map(|name| (name, flag().boxed())));
    let text = select(&["app.key:secret", "a token"][..]).prop_map(|text| json!(text)).boxed();
    prop_oneof![9 => union(object(members), auth_options()), 1 => text].boxed()
}

/// The kinds of line, and what their members may be.
fn kinds() -> Vec<(&'static str, BoxedStrategy<Value>)> {
    let id = || any::<u64>().prop_map(Value::from).boxed();
    let nothing = || Just(json!({})).boxed();
    let arguments = || object(vec![("tokenParams", token_params()), ("authOptions", auth_options())]);
    let with_id = |rest| union(whole(vec![("id", id())]), rest);
    let state = ["initialized", "connecting", "connected", "disconnected", "suspended", "closing", "closed", "failed"];
    let state = || select(state.to_vec()).prop_map(|state| json!(state)).boxed();
    let failure = select(&["dns", "connect", "tls", "timeout", "closed", "other"][..]);
    let failure = || failure.clone().prop_map(|kind| json!(kind)).boxed();
    let details = object(vec![
        ("clientId", text().boxed()),
        ("connectionKey", text().boxed()),
        ("connectionStateTtl", number().boxed()),
        ("maxIdleInterval", number().boxed()),
    ]);
    let message = || btree_map("[a-z]{1,6}", any_json(), 0..4).prop_map(|members| json!(members)).boxed();
    let seed = "[0-9a-fA-F]{64}".prop_map(Value::String).boxed();
    let target = whole(vec![("type", text().boxed()), ("value", text().boxed())]);
    let response = prop_oneof![
        whole(vec![
            ("status", (100..600).prop_map(|status| json!(status)).boxed()),
            ("headers", pairs()),
            ("body", text().boxed())
        ]),
        whole(vec![
            ("status", Just(json!(200)).boxed()),
            ("headers", pairs()),
            ("bodyBase64", Just(json!("/w==")).boxed())
        ]),
    ];
    let value = prop_oneof![
        whole(vec![("token", text().boxed())]),
        whole(vec![("tokenDetails", prop_oneof![token_details(), any_json().boxed()].boxed())]),
        whole(vec![("tokenRequest", prop_oneof![token_request(), any_json().boxed()].boxed())]),
        whole(vec![("json", any_json().boxed())]),
    ];
    let request_rest = object(vec![
        ("params", names_and_values()),
        ("headers", pairs()),
        ("body", text().boxed()),
        ("version", number().boxed()),
    ]);
    let frame = prop_oneof![whole(vec![("message", message())]), whole(vec![("text", text().boxed())])];
    let closed = object(vec![("kind", failure()), ("status", Just(json!(401)).boxed()), ("message", text().boxed())]);
    let connection_rest = object(vec![
        ("update", flag().boxed()),
        ("connectionDetails", details),
        ("reason", error()),
        ("host", text().boxed()),
    ]);
    let revocation_rest = object(vec![("issuedBefore", number().boxed()), ("allowReauthMargin", flag().boxed())]);
    vec![
        ("new", whole(vec![("options", client_options()), ("seed", seed)])),
        ("authorize", arguments()),
        ("requestToken", arguments()),
        ("createTokenRequest", arguments()),
        (
            "revokeTokens",
            union(whole(vec![("targets", vec(target, 0..3).prop_map(Value::Array).boxed())]), revocation_rest),
        ),
        ("request", union(whole(vec![("method", text().boxed()), ("path", text().boxed())]), request_rest)),
        ("credentials", nothing()),
        ("time", nothing()),
        ("cancel", whole(vec![("op", id())])),
        ("httpResponse", with_id(response.boxed())),
        ("httpFailed", with_id(union(whole(vec![("kind", failure())]), object(vec![("message", text().boxed())])))),
        ("callbackResult", with_id(value.boxed())),
        ("callbackFailed", with_id(whole(vec![("error", error())]))),
        ("tokenExpired", nothing()),
        ("tokenRejected", whole(vec![("token", text().boxed()), ("error", error())])),
        ("connection", union(whole(vec![("state", state())]), connection_rest)),
        ("reauthRequested", nothing()),
        ("timeout", nothing()),
        ("connect", nothing()),
        ("close", nothing()),
        ("socketOpened", whole(vec![("id", id())])),
        ("frame", with_id(frame.boxed())),
        ("activity", whole(vec![("id", id())])),
        ("send", whole(vec![("message", message())])),
        ("socketClosed", with_id(closed)),
        ("network", whole(vec![("up", flag().boxed())])),
    ]
}

fn line() -> impl Strategy<Value = Value> {
    let now = whole(vec![
        ("mono", any::<u64>().prop_map(Value::from).boxed()),
        ("unix", any::<i64>().prop_map(Value::from).boxed()),
    ]);
    let kind = |(kind, members): (&'static str, BoxedStrategy<Value>)| {
        members.prop_map(move |members| json!({ kind: members })).boxed()
    };
    let kinds = proptest::strategy::Union::new(kinds().into_iter().map(kind));
    union(object(vec![("now", now)]), kinds.boxed())
}

/// Lines that are accepted as they are written: most of the kinds' members are optional, and some forms are refused.
fn is_read_as_it_was(line: &Line) -> Result<(), TestCaseError> {
    let written = line.to_json().expect("there is a line for what came as a line");
    let by_serde = serde_json::to_string(line).expect("the same by serde");
    prop_assert_eq!(&by_serde, written.expose());
    prop_assert!(!written.expose().contains('\n'));
    let read = Line::parse(written.expose().as_bytes());
    prop_assert_eq!(read.as_ref(), Ok(line), "{}", written.expose());
    Ok(())
}

proptest! {
    #[test]
    fn what_was_read_is_written_as_what_is_read_again(json in line()) {
        match Line::parse(json.to_string().as_bytes()) {
            Ok(line) => is_read_as_it_was(&line)?,
            Err(error) => prop_assert_eq!(error.code() / 1_000, 40, "{}", json),
        }
    }
}

/// That the property above is not about lines that are all refused.
#[test]
fn most_lines_that_are_tried_are_lines() {
    use proptest::strategy::ValueTree as _;
    use proptest::test_runner::TestRunner;

    let mut runner = TestRunner::deterministic();
    for (kind, members) in kinds() {
        let read = (0..100).filter(|_| {
            let members = members.new_tree(&mut runner).expect("a value").current();
            Line::parse(json!({ kind: members }).to_string().as_bytes()).is_ok()
        });
        let read = read.count();
        assert!(read > 40, "only {read} of 100 lines are a {kind}");
    }
}

/// What no JSON object could hold: names twice, and an order of one's own.
#[test]
fn options_keep_the_order_and_the_number_of_their_names() {
    let mut auth = AuthOptions::with_url("https://auth.example/").expect("a URL");
    auth.auth_method = AuthMethod::Post;
    auth.auth_headers = Headers::from_iter([("x-b", "1"), ("x-a", "2"), ("x-b", "3")]);
    auth.auth_params = [("z", "1"), ("a", "2")].map(|(name, value)| (name.into(), value.into())).into();
    auth.token = Some(TokenOption::Request(TokenRequest::new("app.key")));
    let mut options = ClientOptions::with_auth(auth.clone());
    options.endpoint = Endpoint::NonProduction("acme".into());
    options.transport_params = [("b", "1"), ("a", "2")].map(|(name, value)| (name.into(), value.into())).into();
    let mut request = RestRequest::new("GET", "/channels/a");
    request.params = [("b", "1"), ("a", "2"), ("b", "3")].map(|(name, value)| (name.into(), value.into())).into();
    for input in [
        Input::New(New { options, seed: [0xa5; 32] }),
        Input::Command(Command::Authorize(Some(TokenParams::default()), Some(auth))),
        Input::Command(Command::Request(request)),
    ] {
        let line = Line { now: Some(Now::new(3, -4)), input };
        let written = line.to_json().expect("a line");
        assert_eq!(Line::parse(written.expose().as_bytes()), Ok(line), "{}", written.expose());
    }
}

#[test]
fn a_refused_command_is_written_as_it_was_given() {
    let text = r#"{"authorize":{"authOptions":{"key":"app.key:secret","nonsense":1}}}"#;
    let line = Line::parse(text.as_bytes()).expect("a line");
    assert!(matches!(line.input, Input::Command(Command::Refused { .. })));
    assert_eq!(line.to_json().expect("a line").expose(), text);
    assert!(!format!("{line:?}").contains("secret"), "{line:?}");
}

/// A counterexample that another tool has found, say, as values, is a file of lines that drives the same.
#[test]
fn a_session_made_of_values_is_driven_the_same_by_its_lines() {
    let options = ClientOptions::with_auth(AuthOptions::with_callback("mine"));
    let details = TokenDetails::new("a-token");
    let inputs = [
        Input::New(New { options, seed: [7; 32] }),
        Input::Connect,
        Input::Event(Event::CallbackResult { id: 1.into(), value: CallbackValue::TokenDetails(details) }.into()),
        Input::Event(ConnectionInput::SocketOpened { id: 1.into() }.into()),
        Input::Event(
            ConnectionInput::Frame {
                id: 1.into(),
                content: FrameContent::Message(ProtocolMessage::from_members(Map::from_iter([
                    ("action".into(), json!(4)),
                    ("connectionId".into(), json!("c")),
                ]))),
            }
            .into(),
        ),
        Input::Send(ProtocolMessage::new(15)),
        Input::Timeout,
        Input::Close,
    ];
    let (mut by_values, mut by_text) = (Driver::new(Mode::Realtime), Driver::new(Mode::Realtime));
    for (mono, input) in (0..).zip(inputs) {
        let line = Line { now: Some(Now::new(mono, 1_700_000_000_000)), input };
        let answer = by_text.line(line.to_json().expect("a line").expose());
        let output = by_values.accept(line).expect("a session takes it");
        assert_eq!(serde_json::to_string(&output).ok(), Some(answer));
    }
}

#[test]
fn what_has_no_line_is_an_error() {
    let response = HttpResponse::new(200, Headers::new(), "yes");
    let input = ConnectionInput::HttpResponse { id: HttpId::from(1), response };
    let line = Line { now: None, input: Input::Event(SessionEvent::Connection(input)) };
    assert_eq!(line.to_json().map_err(|error| error.code()).err(), Some(40000));
}

#[test]
fn no_line_shows_its_secrets() {
    let options = ClientOptions::new("app.key:SECRET").expect("a key");
    let inputs = [
        Input::New(New { options, seed: [0xab; 32] }),
        Input::Event(Event::CallbackResult { id: 1.into(), value: "SECRET".into() }.into()),
        Input::Event(
            Event::CallbackResult { id: 1.into(), value: CallbackValue::Json(OpaqueJson(json!("SECRET"))) }.into(),
        ),
        Input::Event(ConnectionInput::Frame { id: 1.into(), content: FrameContent::Text("SECRET".into()) }.into()),
    ];
    for input in inputs {
        let line = Line { now: None, input };
        let written: Secret = line.to_json().expect("a line");
        assert!(written.expose().contains("SECRET"));
        for shown in [format!("{line:?}"), format!("{written:?}")] {
            assert!(!shown.contains("SECRET") && !shown.contains("ababab"), "{shown}");
        }
    }
}
