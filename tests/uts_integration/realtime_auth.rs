//! `uts/realtime/integration/auth.md`, `auth/token_renewal_test.md`, `auth/token_request_test.md` and
//! `proxy/auth_reauth.md`

use ably_auth::sandbox::FrameEvent;
use ably_auth::wire::{ProtocolMessage, action};

use super::*;

/// A client that gets JWTs by a callback.
fn client(sandbox: &Sandbox, callback: &Arc<JwtCallback>, client_id: Option<&str>) -> Realtime {
    callback.of(realtime_builder(sandbox, AuthOptions::default(), client_id)).build().unwrap()
}

async fn connect(client: &Realtime) {
    client.connect();
    client.connected().await.unwrap();
}

// uts: realtime/integration/RTC8a/in-band-reauth-connected-0
#[tokio::test]
async fn authorize_reauthenticates_a_live_connection() {
    let sandbox = sandbox().await;
    let client = client(&sandbox, &JwtCallback::new(&sandbox, None, HOUR), None);
    connect(&client).await;
    let id = client.id();
    let mut changes = client.state_changes();
    assert!(client.auth().authorize(None, None).await.unwrap().is_some());
    assert_eq!((client.id(), client.state()), (id, ConnectionState::Connected));
    let change = changes.next().await.unwrap();
    assert!(matches!(change.event, ConnectionEventKind::Update(_)), "{change:?}");
    client.close().await;
}

// uts: realtime/integration/RTC8c/authorize-initiates-connection-0
#[tokio::test]
async fn authorize_connects() {
    let sandbox = sandbox().await;
    let client = client(&sandbox, &JwtCallback::new(&sandbox, None, HOUR), None);
    assert_eq!(client.state(), ConnectionState::Initialized);
    assert!(client.auth().authorize(None, None).await.unwrap().is_some());
    client.connected().await.unwrap();
    assert!(client.id().is_some());
    client.close().await;
}

// uts: realtime/integration/RSA8/token-auth-connect-0
#[tokio::test]
async fn a_token_connects() {
    let sandbox = sandbox().await;
    let client = client(&sandbox, &JwtCallback::new(&sandbox, None, HOUR), None);
    connect(&client).await;
    assert!(client.id().is_some());
    assert_eq!(client.error_reason(), None);
    client.close().await;
}

// uts: realtime/integration/RSA7/matching-clientid-succeeds-0
#[tokio::test]
async fn the_tokens_client_connects() {
    let sandbox = sandbox().await;
    let client = client(&sandbox, &JwtCallback::new(&sandbox, Some("me"), HOUR), Some("me"));
    connect(&client).await;
    assert_eq!(client.auth().client_id().as_deref(), Some("me"));
    client.close().await;
}

// uts: realtime/integration/RSA7/mismatched-clientid-fails-1
#[tokio::test]
async fn another_client_than_the_tokens_fails() {
    let sandbox = sandbox().await;
    let client = client(&sandbox, &JwtCallback::new(&sandbox, Some("token-client"), HOUR), Some("wrong-client"));
    client.connect();
    assert_eq!(client.connected().await.unwrap_err().code(), 40_102);
    assert_eq!(client.state(), ConnectionState::Failed);
}

// uts: realtime/integration/RSA4b/token-renewal-on-expiry-0
#[tokio::test]
async fn an_expired_token_is_renewed() {
    let sandbox = sandbox().await;
    let callback = JwtCallback::new(&sandbox, None, 5 * SECOND);
    let client = client(&sandbox, &callback, None);
    connect(&client).await;
    assert_eq!(callback.count(), 1);
    let mut changes = client.state_changes();
    sandbox.advance(5 * SECOND);
    until(&mut changes, ConnectionState::Connected).await;
    assert_eq!((callback.count(), client.state()), (2, ConnectionState::Connected));
    client.close().await;
}

/// A client that gets token requests, which another client signs for a client id.
fn client_of_a_signer(sandbox: &Sandbox, client_id: Option<&'static str>) -> Realtime {
    let signer = rest(sandbox, with_key(sandbox.key()));
    let builder = realtime_builder(sandbox, AuthOptions::default(), client_id).auth_callback(move |_| {
        let signer = signer.clone();
        let params = TokenParams { client_id: client_id.map(Into::into), ..TokenParams::default() };
        async move { signer.create_token_request(Some(params), None).await }
    });
    builder.build().unwrap()
}

// uts: realtime/integration/RSA9a/token-request-server-accepted-0
#[tokio::test]
async fn the_service_accepts_a_token_request() {
    let sandbox = sandbox().await;
    let client = client_of_a_signer(&sandbox, None);
    connect(&client).await;
    assert!(client.id().is_some());
    assert_eq!(client.error_reason(), None);
    client.close().await;
}

// uts: realtime/integration/RSA9/token-request-with-clientid-0
#[tokio::test]
async fn a_token_request_is_for_a_client() {
    let sandbox = sandbox().await;
    let client = client_of_a_signer(&sandbox, Some("me"));
    connect(&client).await;
    assert_eq!(client.auth().client_id().as_deref(), Some("me"));
    client.close().await;
}

// uts: realtime/proxy/RTN22/server-initiated-reauth-0
#[tokio::test]
async fn the_service_asks_for_another_token() {
    let sandbox = sandbox().await;
    let callback = JwtCallback::new(&sandbox, None, HOUR);
    let client = client(&sandbox, &callback, None);
    connect(&client).await;
    let (id, mut changes) = (client.id().unwrap(), client.state_changes());
    assert!(sandbox.send(&id, ProtocolMessage::new(action::AUTH)));
    let change = changes.next().await.unwrap();
    assert!(matches!(change.event, ConnectionEventKind::Update(_)), "{change:?}");
    assert_eq!((callback.count(), client.state(), client.id()), (2, ConnectionState::Connected, Some(id)));
    let sent = sandbox.frames().into_iter().filter_map(|record| match record.event {
        FrameEvent::Received(message) => Some(message),
        _ => None,
    });
    assert!(sent.into_iter().any(|message| message.action() == action::AUTH && message.member("auth").is_some()));
    client.close().await;
}
