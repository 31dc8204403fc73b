//! Options and the scheme that follows from them.

use ably_auth::options::{AuthScheme, Endpoint};
use ably_auth::{NoticeKind, NoticeLevel};
use serde_json::{Value, json};

use crate::common::*;

const AUTH_URL: &str = "https://auth.example.com/token";

#[track_caller]
fn assert_refused(options: Value, expected: (u32, u16)) {
    let error = Client::refusal(options);
    assert_eq!(codes(&error), expected, "{error}");
}

#[test]
fn a_string_with_a_colon_is_a_key_and_its_secret_may_hold_more() {
    let mut client = Client::new(json!("appId.keyId:sec:ret"));
    assert_eq!(client.auth_method(), AuthScheme::Basic);

    let signing = client.create_token_request(None, None);
    assert_eq!(client.expect_token_request(signing).key_name, "appId.keyId");
    let credentials = client.credentials();

    let credentials = client.expect_credentials(credentials);
    assert_eq!(credentials.key(), Some("appId.keyId:sec:ret"));
    assert_eq!(credentials.authorization(), "Basic YXBwSWQua2V5SWQ6c2VjOnJldA==");
    assert_eq!(credentials.access_token(), None);
}

#[test]
fn a_string_without_a_colon_is_a_token() {
    let mut client = Client::new(json!("appId.token"));
    client.expect_notice(NoticeKind::TokenNotRenewable);

    assert_eq!(client.auth_method(), AuthScheme::Token);
    let credentials = client.credentials();

    let credentials = client.expect_credentials(credentials);
    assert_eq!(credentials.access_token(), Some("appId.token"));
    assert_eq!(credentials.authorization(), "Bearer appId.token");
    assert_eq!(credentials.key(), None);
}

#[test]
fn use_token_auth_decides_and_else_anything_but_a_key_means_token_auth() {
    for (options, scheme) in [
        (json!({"key": KEY}), AuthScheme::Basic),
        (json!({"key": KEY, "useTokenAuth": true}), AuthScheme::Token),
        (json!({"key": KEY, "useTokenAuth": false}), AuthScheme::Basic),
        (json!({"key": KEY, "authCallback": true}), AuthScheme::Token),
        (json!({"key": KEY, "authUrl": AUTH_URL}), AuthScheme::Token),
        (json!({"key": KEY, "token": "t"}), AuthScheme::Token),
        (json!({"key": KEY, "tokenDetails": {"token": "t"}}), AuthScheme::Token),
        (json!({"key": KEY, "authCallback": true, "authUrl": AUTH_URL, "useTokenAuth": false}), AuthScheme::Basic),
        (json!({"key": KEY, "token": "t", "useTokenAuth": false}), AuthScheme::Basic),
        (json!({"key": KEY, "authCallback": false}), AuthScheme::Basic),
        (json!({"key": KEY, "authCallback": null, "token": null}), AuthScheme::Basic),
    ] {
        let client = Client::new(options.clone());
        assert_eq!(client.auth_method(), scheme, "{options}");
    }
}

#[test]
fn a_client_id_beside_a_key_leaves_basic_auth() {
    assert_eq!(Client::new(json!({"key": KEY, "clientId": "me"})).auth_method(), AuthScheme::Basic);
}

#[test]
fn options_that_leave_nothing_usable_are_refused() {
    assert_refused(json!({"useTokenAuth": true}), (40106, 401));
    assert_refused(json!({"useTokenAuth": false}), (40106, 401));
    assert_refused(json!({"authCallback": true, "useTokenAuth": false}), (40106, 401));
    assert_refused(json!({"token": "t", "useTokenAuth": false}), (40106, 401));
    assert_refused(json!({"clientId": "me"}), (40106, 401));
}

#[test]
fn basic_auth_without_tls_is_refused_whatever_else_is_there() {
    assert_refused(json!({"key": KEY, "tls": false}), (40103, 401));
    assert_refused(json!({"key": KEY, "authCallback": true, "useTokenAuth": false, "tls": false}), (40103, 401));
}

#[test]
fn a_given_token_is_used_first_and_the_way_to_renew_is_kept() {
    let mut client = Client::with_numbered_tokens(json!({"token": "given"}));
    client.on_http(|http| match http.authorization() {
        Some("Bearer given") => token_expired(),
        _ => ok(json!({})),
    });

    let request = client.request("GET", "/channels/test");

    client.expect_response(request);
    assert_eq!(client.authorizations(), ["Bearer given", "Bearer token-1"]);
    assert_eq!(client.callbacks.len(), 1);
}

#[test]
fn a_given_token_is_renewed_with_the_key() {
    let mut client = Client::new(json!({"key": KEY, "token": "given"}));
    client.on_http(|http| match http.authorization() {
        _ if http.is_exchange() => ok(json!({"token": "exchanged", "expires": UNIX_START + HOUR})),
        Some("Bearer given") => token_expired(),
        _ => ok(json!({})),
    });

    let request = client.request("GET", "/channels/test");

    client.expect_response(request);
    assert_eq!(client.authorizations(), ["Bearer given", "Bearer exchanged"]);
}

#[test]
fn a_callback_goes_before_a_url_and_a_url_before_the_key() {
    let mut client = Client::with_numbered_tokens(json!({"key": KEY, "authUrl": AUTH_URL}));
    let authorize = client.authorize(None, None);
    client.expect_token(authorize);
    assert_eq!((client.callbacks.len(), client.requests.len()), (1, 0));

    let mut client = Client::new(json!({"key": KEY, "authUrl": AUTH_URL}));
    client.on_http(|_| ok(json!({"token": "from-url"})));
    let authorize = client.authorize(None, None);
    client.expect_token(authorize);
    assert_eq!(client.hosts(), ["auth.example.com"]);
}

#[test]
fn a_given_token_request_is_exchanged_when_a_token_is_first_needed() {
    let signed = json!({"keyName": "app.key", "timestamp": UNIX_START, "nonce": "0123456789abcdef", "mac": "m"});
    let mut client = Client::with_numbered_tokens(json!({"token": signed}));
    client.on_http(|http| match http.authorization() {
        None => ok(json!({"token": "exchanged", "expires": UNIX_START + HOUR})),
        Some("Bearer exchanged") => token_expired(),
        Some(_) => ok(json!({})),
    });
    assert_eq!(client.requests.len(), 0);

    let request = client.request("GET", "/channels/test");

    client.expect_response(request);
    assert_eq!(client.requests[0].path(), "/keys/app.key/requestToken");
    assert_eq!(client.requests[0].json(), signed);
    assert_eq!(client.authorizations(), ["Bearer exchanged", "Bearer token-1"]);
    assert_eq!(client.callbacks.len(), 1);
}

#[test]
fn token_details_go_before_a_token() {
    let mut client = Client::new(json!({"token": "from-token", "tokenDetails": {"token": "from-details"}}));
    client.expect_notice(NoticeKind::TokenNotRenewable);

    assert_eq!(client.token(), Some("from-details"));
}

#[test]
fn a_token_that_cannot_be_renewed_is_a_notice_with_where_to_read_about_it() {
    let mut client = Client::new(json!({"token": "static"}));

    let notice = client.expect_notice(NoticeKind::TokenNotRenewable);
    assert_eq!(notice.level, NoticeLevel::Info);
    assert!(notice.message.contains("40171"), "{}", notice.message);
    assert!(notice.message.contains("https://help.ably.io/error/40171"), "{}", notice.message);
    assert_eq!(notice.spec, Some("RSA4a1"));
}

#[test]
fn a_token_that_can_be_renewed_is_no_notice() {
    for options in [
        json!({"token": "t", "key": KEY}),
        json!({"token": "t", "authCallback": true}),
        json!({"token": "t", "authUrl": AUTH_URL}),
    ] {
        Client::new(options).expect_silence();
    }
}

#[test]
fn a_client_id_is_a_non_empty_string_that_is_not_the_wildcard() {
    for client_id in [json!(""), json!("*"), json!(1), json!(true), json!(["me"])] {
        assert_refused(json!({"key": KEY, "clientId": client_id}), (40012, 400));
    }
}

#[test]
fn the_client_id_goes_before_that_of_the_default_token_params() {
    let mut client =
        Client::new(json!({"key": KEY, "clientId": "options", "defaultTokenParams": {"clientId": "defaults"}}));

    let signing = client.create_token_request(None, None);

    assert_eq!(client.expect_token_request(signing).client_id.as_deref(), Some("options"));
}

#[test]
fn the_client_id_of_the_default_token_params_is_asked_for_where_there_is_no_other() {
    let mut client = Client::new(json!({"key": KEY, "defaultTokenParams": {"clientId": "*"}}));
    assert_eq!(client.client_id(), None);

    let signing = client.create_token_request(None, None);

    assert_eq!(client.expect_token_request(signing).client_id.as_deref(), Some("*"));
}

#[test]
fn timestamp_and_nonce_are_no_defaults() {
    assert_refused(json!({"key": KEY, "defaultTokenParams": {"timestamp": UNIX_START}}), (40000, 400));
    assert_refused(json!({"key": KEY, "defaultTokenParams": {"nonce": "0123456789abcdef"}}), (40000, 400));
}

#[test]
fn a_bad_key_is_refused() {
    for key in ["", "appId.keyId", ":secret", "appId.keyId:"] {
        assert_refused(json!({ "key": key }), (40400, 404));
    }
    assert_refused(json!(":secret"), (40400, 404));
    assert_refused(json!("appId.keyId:"), (40400, 404));
    assert_refused(json!({"key": 5}), (40000, 400));
}

#[test]
fn an_unknown_option_is_refused_by_name() {
    for name in ["invalid", "Key", "auth_callback", "promises", "useBinaryProtocol", "environment"] {
        let error = Client::refusal(json!({"key": KEY, name: true}));
        assert_eq!(codes(&error), (40000, 400));
        assert_eq!(error.message(), format!("invalid option {name}"));
    }
}

#[test]
fn proactive_renewal_and_spread_are_refused_by_name() {
    Client::new(json!({"key": KEY, "renewal": {"mode": "onDemand"}}));
    for (renewal, name) in
        [(json!({"mode": "proactive"}), "proactive"), (json!({"mode": "onDemand", "spread": 1_000}), "spread")]
    {
        let error = Client::refusal(json!({"key": KEY, "renewal": renewal}));
        assert_eq!(codes(&error), (40000, 400));
        assert_says(&error, &["invalid option", name]);
    }
}

#[test]
fn the_auth_method_is_get_or_post_in_any_case() {
    for method in ["GET", "get", "Post", "POST"] {
        Client::new(json!({"authUrl": AUTH_URL, "authMethod": method}));
    }
    for method in [json!("PUT"), json!(""), json!(1)] {
        assert_refused(json!({"authUrl": AUTH_URL, "authMethod": method}), (40000, 400));
    }
}

#[test]
fn what_cannot_be_used_is_refused_at_construction() {
    assert_refused(json!({"token": ""}), (40000, 400));
    assert_refused(json!({"tokenDetails": {"token": ""}}), (40000, 400));
    assert_refused(json!({"token": "with space"}), (40000, 400));
    assert_refused(json!({"tokenDetails": {"expires": UNIX_START}}), (40000, 400));
    let urls = [
        "",
        "/token",
        "auth.example.com/token",
        "ftp://auth.example.com/",
        "https://",
        "https:///token",
        "https://a b/",
        "https://a<b/",
        "https://:443/",
        "https://auth.example.com:port/",
        "https://auth.example.com:65536/",
        "https://[::1/",
        "https://[::1]x/",
    ];
    for url in urls {
        assert_refused(json!({ "authUrl": url }), (40000, 400));
    }
    for headers in [json!({"bad name": "v"}), json!({"": "v"}), json!({"X-Bad": "line\r\nX-More: 1"})] {
        assert_refused(json!({"authUrl": AUTH_URL, "authHeaders": headers}), (40000, 400));
    }
}

#[test]
fn an_endpoint_is_a_host_an_address_or_a_routing_policy() {
    let host = |host: &str| Endpoint::Host(host.to_owned());
    for (text, expected) in [
        ("localhost", host("localhost")),
        ("rest.example-1_2.com", host("rest.example-1_2.com")),
        ("127.0.0.1", host("127.0.0.1")),
        ("::1", host("[::1]")),
        ("[::1]", host("[::1]")),
        ("1:2:3:4:5:6:7:8", host("[1:2:3:4:5:6:7:8]")),
        ("::ffff:192.0.2.1", host("[::ffff:192.0.2.1]")),
        ("acme-1_b", Endpoint::Production("acme-1_b".to_owned())),
        ("nonprod:acme-1_b", Endpoint::NonProduction("acme-1_b".to_owned())),
    ] {
        assert_eq!(text.parse::<Endpoint>().unwrap(), expected, "{text}");
    }
    for text in [
        "",
        "nonprod:",
        "nonprod:a.b",
        "prod:a",
        "a b",
        "a/b",
        "a.b/c",
        "a.b c",
        "a.b:80",
        "a@b.c",
        "[a.b]",
        "[acme]",
        "[]",
        "[::1",
        "::1]",
        "[[::1]]",
        "[::1]:80",
        "::1%eth0",
        ":::",
        "1:2",
        "1:2:3:4:5:6:7:8:9",
        "a%2eb.c",
    ] {
        let error = text.parse::<Endpoint>().expect_err(text);
        assert_eq!(codes(&error), (40000, 400), "{text}");
    }
}

#[test]
fn agents_are_names_and_versions_that_a_header_can_carry() {
    for agents in [json!({"a b": "1"}), json!({"": "1"}), json!({"a": "1 2"}), json!({"a": ""}), json!({"a": 1})] {
        assert_refused(json!({"key": KEY, "agents": agents}), (40000, 400));
    }
}

#[test]
fn what_cannot_be_used_fails_the_command_it_is_given_to() {
    use ably_auth::options::AuthOptions;

    let mut client = Client::new(json!({"authCallback": true}));
    for token in ["", "with space"] {
        let authorize = client.authorize(None, AuthOptions::with_token(token));
        assert_eq!(codes(&client.expect_error(authorize)), (40000, 400));
    }
    let mut options = AuthOptions::with_url(AUTH_URL).unwrap();
    options.auth_headers.append("X-Bad", "line\r\nX-More: 1");
    for command in [client.authorize(None, options.clone()), client.request_token(None, options)] {
        assert_eq!(codes(&client.expect_error(command)), (40000, 400));
    }
    assert_eq!((client.callbacks.len(), client.requests.len()), (0, 0));
}

#[test]
fn an_auth_url_may_name_a_port_or_an_address() {
    for (url, asked) in [
        ("https://auth.example.com:8443/token", "https://auth.example.com:8443/token"),
        ("https://[::1]:8443/token", "https://[::1]:8443/token"),
        ("http://[::1]", "http://[::1]/"),
        ("HTTPS://127.0.0.1?a=1", "https://127.0.0.1/?a=1"),
    ] {
        let mut client = Client::new(json!({ "authUrl": url }));
        client.on_http(|_| ok(json!({"token": "t"})));
        let authorize = client.authorize(None, None);
        client.expect_token(authorize);
        assert_eq!(client.requests[0].url(), asked);
    }
}

#[test]
fn user_info_of_an_auth_url_stays_in_it() {
    let mut client = Client::new(json!({"authUrl": "https://user:pass@auth.example.com/token"}));
    client.on_http(|_| ok(json!({"token": "t"})));

    let authorize = client.authorize(None, None);

    client.expect_token(authorize);
    assert_eq!(client.requests[0].url(), "https://user:pass@auth.example.com/token");
    assert_eq!(client.requests[0].authorization(), None);
}

#[test]
fn a_key_whose_name_cannot_be_in_a_path_is_refused() {
    for key in [".:secret", "..:secret"] {
        assert_refused(json!({ "key": key }), (40400, 404));
    }
    Client::new(json!({"key": "...:secret"}));
}
