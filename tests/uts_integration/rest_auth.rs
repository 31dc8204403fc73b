//! `uts/rest/integration/auth.md`

use ably_auth::wire::Capability;
use serde_json::json;

use super::*;

// uts: rest/integration/RSA4/basic-auth-key-0
#[tokio::test]
async fn a_key_authenticates_requests() {
    let sandbox = sandbox().await;
    let client = rest(&sandbox, with_key(sandbox.key()));
    assert_eq!(channel_status(&client).await.response.status, 200);
}

// uts: rest/integration/RSA8/token-auth-jwt-0
#[tokio::test]
async fn a_jwt_authenticates_requests() {
    let sandbox = sandbox().await;
    let jwt = sandbox.issue_jwt(&claims(&sandbox, None, HOUR), None).unwrap();
    let client = rest(&sandbox, AuthOptions::with_token(TokenDetails::new(jwt)));
    assert_eq!(channel_status(&client).await.response.status, 200);
}

// uts: rest/integration/RSA8/token-auth-native-1
#[tokio::test]
async fn a_token_of_the_service_authenticates_requests() {
    let sandbox = sandbox().await;
    let token = rest(&sandbox, with_key(sandbox.key())).request_token(None, None).await.unwrap();
    assert!(!token.token.is_empty());
    assert!(token.expires > Some(sandbox.now()));
    let client = rest(&sandbox, AuthOptions::with_token(TokenDetails::new(token.token)));
    assert_eq!(channel_status(&client).await.response.status, 200);
}

// uts: rest/integration/RSA8/auth-callback-token-request-2
#[tokio::test]
async fn a_callback_returns_token_requests() {
    let sandbox = sandbox().await;
    let signer = rest(&sandbox, with_key(sandbox.key()));
    let builder = rest_builder(&sandbox, AuthOptions::default()).auth_callback(move |params| {
        let signer = signer.clone();
        async move { signer.create_token_request(Some(params), None).await }
    });
    assert_eq!(channel_status(&builder.build().unwrap()).await.response.status, 200);
}

// uts: rest/integration/RSA8/auth-callback-jwt-3
#[tokio::test]
async fn a_callback_returns_jwts() {
    let sandbox = sandbox().await;
    let callback = JwtCallback::new(&sandbox, None, HOUR);
    let client = callback.of(rest_builder(&sandbox, AuthOptions::default())).build().unwrap();
    assert_eq!(channel_status(&client).await.response.status, 200);
}

// uts: rest/integration/RSA4/invalid-credentials-rejected-1
#[tokio::test]
async fn an_unknown_key_is_rejected() {
    let sandbox = sandbox().await;
    let key: ApiKey = format!("{}.invalidKey:invalidSecret", sandbox.app_id()).parse().unwrap();
    let answer = channel_status(&rest(&sandbox, with_key(&key))).await;
    assert_eq!((answer.response.status, answer.error_code), (401, Some(40_400)));
}

// uts: rest/integration/RSC10/token-renewal-expired-jwt-0
#[tokio::test]
async fn an_expired_jwt_is_renewed() {
    let sandbox = sandbox().await;
    let callback = JwtCallback::new(&sandbox, None, 5 * SECOND);
    let client = callback.of(rest_builder(&sandbox, AuthOptions::default())).build().unwrap();
    // Its first JWT expires before it is used.
    client.credentials().await.unwrap();
    sandbox.advance(10 * SECOND);
    assert_eq!(channel_status(&client).await.response.status, 200);
    assert_eq!(callback.count(), 2);
}

// uts: rest/integration/RSA8/capability-restriction-4
#[tokio::test]
async fn a_jwt_allows_what_it_says() {
    let sandbox = sandbox().await;
    let mut wanted = claims(&sandbox, None, HOUR);
    let capability: Capability = r#"{"allowed":["publish","subscribe"]}"#.parse().unwrap();
    wanted.capability = Some(capability.to_string());
    let jwt = sandbox.issue_jwt(&wanted, None).unwrap();
    let client = rest(&sandbox, AuthOptions::with_token(TokenDetails::new(jwt)));
    let publish = async |channel: &str| {
        let message = json!({ "name": "test", "data": "hello" }).to_string();
        let request = RestRequest::new("POST", format!("/channels/{channel}/messages")).with_body(message);
        let answer = client.request(request).await.unwrap();
        (answer.response.status, answer.error_code)
    };
    assert_eq!(publish("allowed").await, (201, None));
    assert_eq!(publish("denied").await, (401, Some(40_160)));
}
