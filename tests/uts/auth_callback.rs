//! Callbacks and authUrls as sources of tokens.

use serde_json::json;

use crate::common::*;

const AUTH_URL: &str = "https://auth.example.com/token";

/// A client whose authUrl gives out a token, and whose service answers everything.
fn client_with_auth_url(options: serde_json::Value) -> Client {
    let mut client = Client::new(options);
    client.on_http(|http| match http.host() {
        "auth.example.com" => ok(json!({"token": "authurl-token", "expires": UNIX_START + HOUR})),
        _ => ok(json!({"channelId": "test"})),
    });
    client
}

// uts: rest/unit/RSA8d/callback-invoked-for-auth-0
#[test]
fn a_callback_is_asked_for_the_token_of_a_request() {
    let mut client = Client::new(json!({"authCallback": true}));
    client.on_callback(|_| token("callback-token")).on_http(|_| ok(json!({"channelId": "test"})));

    let request = client.request("GET", "/channels/test");

    assert_eq!(client.expect_response(request).response.status, 200);
    assert_eq!(client.callbacks.len(), 1);
    assert_eq!(client.callbacks[0].name, "default");
    assert_eq!(client.requests.len(), 1);
    assert_eq!(client.requests[0].authorization(), Some("Bearer callback-token"));
}

// uts: rest/unit/RSA8d/callback-returns-jwt-1
#[test]
fn a_callback_may_return_a_jwt() {
    const JWT: &str = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.test-jwt-payload";
    let mut client = Client::new(json!({"authCallback": true}));
    client.on_callback(|_| JWT).on_http(|_| ok(json!({"channelId": "test"})));

    let request = client.request("GET", "/channels/test");

    client.expect_response(request);
    assert_eq!(client.requests.len(), 1);
    assert_eq!(client.requests[0].authorization(), Some(format!("Bearer {JWT}").as_str()));
}

// uts: rest/unit/RSA8d/callback-returns-token-request-2
#[test]
fn a_token_request_of_a_callback_is_exchanged() {
    let signed = json!({
        "keyName": "app.key", "ttl": HOUR, "timestamp": UNIX_START, "nonce": "unique-nonce", "mac": "computed-mac",
    });
    let returned = token_request(signed.clone());
    let mut client = Client::new(json!({"authCallback": true}));
    client.on_callback(move |_| returned.clone()).on_http(|http| match http.is_exchange() {
        true => ok(json!({"token": "exchanged-token", "expires": UNIX_START + HOUR})),
        false => ok(json!({"channelId": "test"})),
    });

    let request = client.request("GET", "/channels/test");

    client.expect_response(request);
    assert_eq!(client.callbacks.len(), 1);
    assert_eq!(client.requests.len(), 2);
    let exchange = &client.requests[0];
    assert_eq!((exchange.method(), exchange.path()), ("POST", "/keys/app.key/requestToken"));
    assert_eq!(exchange.json(), signed);
    assert_eq!(exchange.authorization(), None);
    assert_eq!(client.requests[1].authorization(), Some("Bearer exchanged-token"));
}

// uts: rest/unit/RSA8d/callback-receives-token-params-3
#[test]
fn a_callback_is_given_the_token_params_of_authorize() {
    let mut client = Client::new(json!({"authCallback": true}));
    client.on_callback(|_| token("test-token"));
    let params = json!({"clientId": "requested-client-id", "ttl": 7_200_000, "capability": {"channel1": ["publish"]}});

    let authorize = client.authorize(token_params(params.clone()), None);

    assert_eq!(client.expect_token(authorize).token.expose(), "test-token");
    assert_eq!(client.callbacks.len(), 1);
    assert_eq!(client.callbacks[0].params, token_params(params));
    assert_eq!(client.requests.len(), 0);
}

// uts: rest/unit/RSA8c/authurl-invoked-for-auth-0
#[test]
fn an_auth_url_is_asked_for_the_token_of_a_request() {
    let mut client = client_with_auth_url(json!({"authUrl": AUTH_URL}));

    let request = client.request("GET", "/channels/test");

    client.expect_response(request);
    assert_eq!(client.requests.len(), 2);
    let auth = &client.requests[0];
    assert_eq!((auth.method(), auth.url()), ("GET", AUTH_URL));
    assert_eq!(client.requests[1].authorization(), Some("Bearer authurl-token"));
}

// uts: rest/unit/RSA8c/authurl-post-method-1
#[test]
fn an_auth_url_is_asked_by_post_where_options_say_so() {
    let mut client = client_with_auth_url(json!({"authUrl": AUTH_URL, "authMethod": "POST"}));

    let request = client.request("GET", "/channels/test");

    client.expect_response(request);
    assert_eq!((client.requests[0].method(), client.requests[0].url()), ("POST", AUTH_URL));
    assert_eq!(client.requests.len(), 2);
}

// uts: rest/unit/RSA8c/authurl-custom-headers-2
#[test]
fn auth_headers_go_to_the_auth_url_alone() {
    let mut client = client_with_auth_url(json!({
        "authUrl": AUTH_URL, "authHeaders": {"X-Custom-Header": "custom-value", "X-API-Key": "my-api-key"},
    }));

    let request = client.request("GET", "/channels/test");

    client.expect_response(request);
    let [auth, api] = &client.requests[..] else { panic!("two requests") };
    assert_eq!(auth.header("X-Custom-Header"), Some("custom-value"));
    assert_eq!(auth.header("X-API-Key"), Some("my-api-key"));
    assert_eq!(api.header("X-Custom-Header"), None);
    assert_eq!(api.header("X-API-Key"), None);
}

// uts: rest/unit/RSA8c/authurl-query-params-3
#[test]
fn auth_params_go_into_the_query_of_a_get() {
    let mut client = client_with_auth_url(json!({
        "authUrl": AUTH_URL, "authParams": {"client_id": "my-client", "scope": "publish:*"},
    }));

    let request = client.request("GET", "/channels/test");

    client.expect_response(request);
    let auth = &client.requests[0];
    assert_eq!(auth.method(), "GET");
    assert_eq!(
        auth.query().into_iter().collect::<Vec<_>>(),
        [("client_id".to_owned(), "my-client".to_owned()), ("scope".to_owned(), "publish:*".to_owned()),]
    );
    assert!(client.requests[1].query().is_empty());
}

// uts: rest/unit/RSA8c/authurl-returns-jwt-4
#[test]
fn an_auth_url_may_answer_with_a_jwt_as_plain_text() {
    const JWT: &str = "eyJhbGciOiJIUzI1NiJ9.jwt-body.signature";
    let mut client = Client::new(json!({"authUrl": "https://auth.example.com/jwt"}));
    client.on_http(|http| match http.host() {
        "auth.example.com" => respond_text(200, "text/plain", JWT),
        _ => ok(json!({"channelId": "test"})),
    });

    let request = client.request("GET", "/channels/test");

    client.expect_response(request);
    assert_eq!(client.requests.len(), 2);
    assert_eq!(client.requests[1].authorization(), Some(format!("Bearer {JWT}").as_str()));
}

// uts: rest/unit/RSA8d/callback-error-propagated-4
#[test]
fn a_failure_of_a_callback_fails_the_request() {
    let mut client = Client::new(json!({"authCallback": true}));
    client.on_callback(|_| plain_error("Authentication server unavailable"));

    let request = client.request("GET", "/channels/test");

    let error = client.expect_error(request);
    assert_eq!(codes(&error), (40170, 401));
    assert_says(&error, &["Authentication server unavailable"]);
    assert_eq!(error.cause().map(|cause| cause.message()), Some("Authentication server unavailable"));
    assert_eq!(client.callbacks.len(), 1);
    assert_eq!(client.requests.len(), 0);
}

// uts: rest/unit/RSA8c/authurl-error-propagated-5
#[test]
fn a_failure_of_an_auth_url_fails_the_request() {
    let mut client = Client::new(json!({"authUrl": AUTH_URL}));
    client.on_http(|_| respond(500, json!({"error": "Internal server error"})));

    let request = client.request("GET", "/channels/test");

    let error = client.expect_error(request);
    assert_eq!(codes(&error), (40170, 401));
    assert_says(&error, &["authUrl", "500"]);
    assert_eq!(client.requests.len(), 1);
    assert_eq!(client.requests[0].host(), "auth.example.com");
}
