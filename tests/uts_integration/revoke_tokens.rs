//! `uts/rest/integration/revoke_tokens.md`

use ably_auth::Revocation;
use ably_auth::wire::{TokenRevocationResult, TokenRevocationTargetSpecifier};

use super::*;

const MINUTE: i64 = 60 * SECOND;

/// A client of REST with the revocable key, and one of realtime that is connected with a token of it.
async fn revoker_and_connected(sandbox: &Sandbox, client_id: &str) -> (Auth, StateChanges, Realtime) {
    let revoker = rest(sandbox, with_key(sandbox.revocable_key().unwrap()));
    let params = TokenParams { client_id: Some(client_id.into()), ..TokenParams::default() };
    let token = revoker.request_token(Some(params), None).await.unwrap();
    let client = realtime_builder(sandbox, AuthOptions::with_token(token), None).build().unwrap();
    let changes = client.state_changes();
    client.connect();
    client.connected().await.unwrap();
    (revoker, changes, client)
}

/// Whether a result tells that a client was revoked.
fn has_succeeded(result: &TokenRevocationResult, client_id: &str) -> bool {
    matches!(result, TokenRevocationResult::Success(success)
        if success.target == format!("clientId:{client_id}") && success.issued_before > 0 && success.applies_at > 0)
}

/// Why the service has ended a connection.
async fn ended_by(mut changes: StateChanges) -> u32 {
    until(&mut changes, ConnectionState::Disconnected).await.reason.unwrap().code()
}

// uts: rest/integration/RSA17g/revoke-token-prevents-use-0
#[tokio::test]
async fn a_revoked_token_cannot_be_used() {
    let sandbox = sandbox().await;
    let (revoker, changes, _client) = revoker_and_connected(&sandbox, "revoked").await;
    let revocation = Revocation::new([TokenRevocationTargetSpecifier::client_id("revoked")]);
    let outcome = revoker.revoke_tokens(revocation).await.unwrap();
    assert_eq!((outcome.success_count, outcome.failure_count, outcome.results.len()), (1, 0, 1));
    assert!(has_succeeded(&outcome.results[0], "revoked"));
    assert_eq!(ended_by(changes).await, 40_141);
}

// uts: rest/integration/RSA17d/token-auth-revoke-rejected-0
#[tokio::test]
async fn a_token_does_not_revoke() {
    let sandbox = sandbox().await;
    let wanted = TokenRequest::new(sandbox.revocable_key().unwrap().name());
    let jwt = sandbox.issue_jwt(&wanted, None).unwrap();
    let client = rest(&sandbox, AuthOptions::with_token(TokenDetails::new(jwt)));
    let revocation = Revocation::new([TokenRevocationTargetSpecifier::client_id("anyone")]);
    let error = client.revoke_tokens(revocation).await.unwrap_err();
    assert_eq!((error.code(), error.status_code()), (40_162, 401));
    assert!(sandbox.requests().is_empty(), "the client knows by itself");
}

// uts: rest/integration/RSA17e/issued-before-reauth-margin-0
#[tokio::test]
async fn a_revocation_has_an_instant_and_a_margin() {
    let sandbox = sandbox().await;
    let revoker = rest(&sandbox, with_key(sandbox.revocable_key().unwrap()));
    let server_time = revoker.time().await.unwrap();
    let mut revocation = Revocation::new([TokenRevocationTargetSpecifier::client_id("margin")]);
    revocation.issued_before = Some(server_time - 20 * MINUTE);
    revocation.allow_reauth_margin = Some(true);
    let outcome = revoker.revoke_tokens(revocation).await.unwrap();
    assert_eq!((outcome.success_count, outcome.results.len()), (1, 1));
    let TokenRevocationResult::Success(success) = &outcome.results[0] else { panic!("it failed") };
    assert_eq!(success.issued_before, server_time - 20 * MINUTE);
    assert!(success.applies_at > server_time + 30 * SECOND);
}

// uts: rest/integration/RSA17c/mixed-success-failure-0
#[tokio::test]
async fn each_target_has_its_result() {
    let sandbox = sandbox().await;
    let (revoker, changes, _client) = revoker_and_connected(&sandbox, "mixed").await;
    let targets =
        [TokenRevocationTargetSpecifier::client_id("mixed"), TokenRevocationTargetSpecifier::new("invalidType", "abc")];
    let outcome = revoker.revoke_tokens(Revocation::new(targets)).await.unwrap();
    assert_eq!((outcome.success_count, outcome.failure_count, outcome.results.len()), (1, 1, 2));
    assert!(has_succeeded(&outcome.results[0], "mixed"));
    let TokenRevocationResult::Failure(failure) = &outcome.results[1] else { panic!("it succeeded") };
    assert_eq!((failure.target.as_str(), failure.error.status_code()), ("invalidType:abc", 400));
    assert_eq!(ended_by(changes).await, 40_141);
}
