//! Tokens of a connection that is up: other ones, requests for one, expiry, revocation.

use ably_auth::options::AuthOptions;
use ably_auth::sandbox::FrameEvent;
use ably_auth::wire::{TokenRevocationTargetSpecifier, action};
use ably_auth::{ConnectionState, NoticeKind, Revocation};

use super::*;

/// How many AUTHs the service has got.
fn auths(sandbox: &Sandbox) -> usize {
    let is_auth = |event: &FrameEvent| matches!(event, FrameEvent::Received(frame) if frame.action() == action::AUTH);
    sandbox.frames().iter().filter(|record| is_auth(&record.event)).count()
}

#[tokio::test]
async fn authorize_upgrades_the_connection_that_is_up() {
    let sandbox = sandbox().await;
    let realtime = client_with_callback(&sandbox, sandbox.key(), HOUR);
    let (mut changes, mut frames) = (realtime.state_changes(), realtime.frames());
    realtime.auth().authorize(allowing(r#"{"news":["subscribe"]}"#), None).await.unwrap();
    let id = realtime.id();
    assert!(!publish(&realtime, &mut frames, "news", 0).await);
    until(&mut changes, Some(ConnectionState::Connected)).await;

    realtime.auth().authorize(allowing(r#"{"news":["publish","subscribe"]}"#), None).await.unwrap();

    assert!(publish(&realtime, &mut frames, "news", 1).await);
    assert_eq!((realtime.id(), next(&mut changes).await), (id, (None, None)));
    assert_eq!(auths(&sandbox), 1);
}

#[tokio::test]
async fn authorize_connects_and_many_at_once_agree() {
    let sandbox = sandbox().await;
    let mut options = sandbox.options_with_key();
    options.auto_connect = Some(false);
    let realtime = client(&sandbox, options);

    let token = realtime.auth().authorize(None, None).await.unwrap().unwrap();
    assert_eq!(realtime.state(), ConnectionState::Connected);
    assert_eq!(sandbox.connections()[0].token.as_ref(), Some(&token.token));

    let (one, two) = (realtime.clone(), realtime.clone());
    let (one, two) = tokio::join!(one.auth().authorize(None, None), two.auth().authorize(None, None));
    let (one, two) = (one.unwrap().unwrap(), two.unwrap().unwrap());
    assert_eq!(one, two);
    assert_eq!(sandbox.connections()[0].token.as_ref(), Some(&one.token));
}

#[tokio::test]
async fn the_service_asks_for_a_token_and_gets_one() {
    let sandbox = sandbox().await;
    let realtime = client_with_callback(&sandbox, sandbox.key(), HOUR);
    let mut changes = realtime.state_changes();
    until(&mut changes, Some(ConnectionState::Connected)).await;
    let id = realtime.id();

    for renewal in 1..=24 {
        sandbox.advance(HOUR - 30 * SECOND);
        assert_eq!(next(&mut changes).await, (None, None));
        assert_eq!(auths(&sandbox), renewal);
        assert_eq!(sandbox.connections()[0].token.as_ref(), sandbox.tokens().last().map(|token| &token.token));
    }

    assert_eq!((realtime.id(), realtime.state()), (id, ConnectionState::Connected));
}

#[tokio::test]
async fn an_expiry_that_nobody_announced_is_survived() {
    let sandbox = sandbox().await;
    let realtime = client_with_callback(&sandbox, sandbox.key(), HOUR);
    let mut changes = realtime.state_changes();
    until(&mut changes, Some(ConnectionState::Connected)).await;
    let id = realtime.id();

    // AUTH and DISCONNECTED come at once: there is no time to answer.
    sandbox.advance(HOUR);

    let (state, reason) = next(&mut changes).await;
    assert_eq!((state, code(reason)), (Some(ConnectionState::Disconnected), Some(40_142)));
    assert_eq!(next(&mut changes).await.0, Some(ConnectionState::Connecting));
    assert_eq!(next(&mut changes).await, (Some(ConnectionState::Connected), None));
    assert_eq!((realtime.id(), sandbox.tokens().len()), (id, 2), "resumed, with one renewal");
}

#[tokio::test]
async fn a_token_that_cannot_be_renewed_ends_the_connection() {
    let sandbox = sandbox().await;
    let mut options = sandbox.options(AuthOptions::with_token(issue(&sandbox, HOUR)));
    options.tls = false;
    let realtime = client(&sandbox, options);
    let (mut changes, mut notices) = (realtime.state_changes(), realtime.auth().notices());
    until(&mut changes, Some(ConnectionState::Connected)).await;

    sandbox.advance(HOUR - 30 * SECOND);
    while notices.next().await.unwrap().kind != NoticeKind::ReauthNotPossible {}
    assert_eq!(realtime.state(), ConnectionState::Connected);
    sandbox.advance(30 * SECOND);

    for expected in [ConnectionState::Disconnected, ConnectionState::Failed] {
        let (state, reason) = next(&mut changes).await;
        assert_eq!((state, code(reason)), (Some(expected), Some(40_142)));
    }
    assert_eq!(realtime.connected().await.unwrap_err().code(), 40_142);
}

#[tokio::test]
async fn a_revocation_hits_live_connections() {
    for margin in [true, false] {
        let sandbox = sandbox().await;
        let key = sandbox.revocable_key().unwrap().clone();
        let owner = client(&sandbox, sandbox.options(AuthOptions::with_key(key.expose()).unwrap()));
        let realtime = client_with_callback(&sandbox, &key, HOUR);
        let params = TokenParams { client_id: Some("me".into()), ..TokenParams::default() };
        realtime.auth().authorize(Some(params), None).await.unwrap();
        realtime.connected().await.unwrap();
        let issued = sandbox.tokens().len();
        let mut changes = realtime.state_changes();

        let mut revocation = Revocation::new([TokenRevocationTargetSpecifier::client_id("me")]);
        revocation.allow_reauth_margin = Some(margin);
        let result = owner.auth().revoke_tokens(revocation).await.unwrap();

        assert_eq!(result.success_count, 1);
        if margin {
            assert_eq!(next(&mut changes).await, (None, None), "another token in time");
            sandbox.advance(31 * SECOND);
        } else {
            let (state, reason) = next(&mut changes).await;
            assert_eq!((state, code(reason)), (Some(ConnectionState::Disconnected), Some(40_141)));
            until(&mut changes, Some(ConnectionState::Connected)).await;
        }
        assert_eq!((realtime.state(), sandbox.tokens().len()), (ConnectionState::Connected, issued + 1));
        realtime.close().await;
        let states = until(&mut changes, Some(ConnectionState::Closed)).await;
        assert_eq!(states, [Some(ConnectionState::Closing), Some(ConnectionState::Closed)]);
    }
}

#[tokio::test]
async fn a_revocation_ends_who_has_nothing_but_the_token() {
    let sandbox = sandbox().await;
    let key = sandbox.revocable_key().unwrap().clone();
    let owner = client(&sandbox, sandbox.options(AuthOptions::with_key(key.expose()).unwrap()));
    let token = sandbox.issue_token(&TokenRequest::new(key.name())).unwrap();
    let realtime = client(&sandbox, sandbox.options(AuthOptions::with_token(token.clone())));
    realtime.connected().await.unwrap();

    let target = TokenRevocationTargetSpecifier::token(token.token.expose());
    owner.auth().revoke_tokens(Revocation::new([target])).await.unwrap();

    let mut changes = realtime.state_changes();
    if realtime.state() != ConnectionState::Failed {
        until(&mut changes, Some(ConnectionState::Failed)).await;
    }
    assert_eq!(code(realtime.error_reason()), Some(40_141));
}
