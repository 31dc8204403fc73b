//! Ways to connect, to close, and to end.

use ably_auth::options::{AuthMethod, AuthOptions};
use ably_auth::sandbox::{FrameEvent, Sandbox};
use ably_auth::tokio::{Auth, Realtime};
use ably_auth::wire::action;
use ably_auth::{ConnectionState, ErrorKind};
use tokio::runtime::Builder;

use super::*;

async fn connects(sandbox: &Sandbox, realtime: &Realtime) {
    realtime.connected().await.unwrap();
    let connections = sandbox.connections();
    let connection = connections.iter().find(|connection| Some(&connection.id) == realtime.id().as_ref()).unwrap();
    assert_eq!(Some(&connection.connection_key), realtime.key().as_ref());
    assert_eq!(connection.token, realtime.auth().token_details().map(|details| details.token));
    realtime.close().await;
    assert_eq!(realtime.state(), ConnectionState::Closed);
}

#[tokio::test]
async fn every_source_of_credentials_connects() {
    let sandbox = sandbox().await;
    connects(&sandbox, &client(&sandbox, sandbox.options_with_key())).await;
    for tls in [true, false] {
        let mut options = sandbox.options(AuthOptions::with_token(issue(&sandbox, HOUR)));
        options.tls = tls;
        connects(&sandbox, &client(&sandbox, options)).await;
    }
    connects(&sandbox, &client_with_callback(&sandbox, sandbox.key(), HOUR)).await;
    for (answer, auth_method) in [("details", AuthMethod::Get), ("jwt", AuthMethod::Post)] {
        let mut auth = AuthOptions::with_url(&sandbox.secure_auth_url(answer)).unwrap();
        auth.auth_method = auth_method;
        connects(&sandbox, &client(&sandbox, sandbox.options(auth))).await;
    }
    assert!(sandbox.connections().is_empty());
}

#[tokio::test]
async fn a_client_connects_when_it_is_told_to() {
    let sandbox = sandbox().await;
    let mut options = sandbox.options_with_key();
    options.auto_connect = Some(false);
    let realtime = client(&sandbox, options);
    assert_eq!((realtime.state(), realtime.id(), realtime.key()), (ConnectionState::Initialized, None, None));
    let mut changes = realtime.state_changes();

    realtime.connect();
    assert_eq!(realtime.state(), ConnectionState::Connecting);
    realtime.connected().await.unwrap();
    assert!(realtime.create_recovery_key().is_some());
    realtime.close().await;
    realtime.connect();
    realtime.connected().await.unwrap();
    realtime.close().await;

    assert_eq!(realtime.connected().await.unwrap_err().code(), 80_017);
    let mut states = until(&mut changes, Some(ConnectionState::Closed)).await;
    states.extend(until(&mut changes, Some(ConnectionState::Closed)).await);
    let once = ["Connecting", "Connected", "Closing", "Closed"];
    let states: Vec<String> = states.iter().map(|state| format!("{:?}", state.unwrap())).collect();
    assert_eq!(states, [once, once].concat());
}

#[tokio::test]
async fn a_connection_is_recovered_in_another_life() {
    let sandbox = sandbox().await;
    let first = client(&sandbox, sandbox.options_with_key());
    first.connected().await.unwrap();
    let (id, recovery_key) = (first.id(), first.create_recovery_key());
    sandbox.drop_all_sockets();
    drop(first);

    let mut options = sandbox.options_with_key();
    options.recover = recovery_key;
    let second = client(&sandbox, options);
    second.connected().await.unwrap();

    assert_eq!(second.id(), id);
}

#[tokio::test]
async fn refusals_are_errors() {
    let sandbox = sandbox().await;
    let wrong_key = AuthOptions::with_key(&format!("{}:wrong", sandbox.key().name())).unwrap();
    let realtime = client(&sandbox, sandbox.options(wrong_key));
    assert_eq!(realtime.connected().await.unwrap_err().code(), 40_101);
    assert_eq!(realtime.state(), ConnectionState::Failed);
    let sent = realtime.send(message(json!({ "action": action::MESSAGE }))).await;
    assert_eq!((sent.unwrap_err().code(), code(realtime.error_reason())), (80_003, Some(40_101)));

    let realtime = client_with_callback(&sandbox, sandbox.key(), HOUR);
    realtime.connected().await.unwrap();
    let own = realtime.send(message(json!({ "action": action::CLOSE }))).await.unwrap_err();
    assert_eq!((own.code(), own.kind()), (40_000, ErrorKind::Misuse));
}

#[tokio::test]
async fn a_certificate_that_is_not_trusted_is_an_error() {
    let sandbox = sandbox().await;
    let realtime = Realtime::builder(sandbox.options_with_key()).build().unwrap();
    let mut changes = realtime.state_changes();

    until(&mut changes, Some(ConnectionState::Disconnected)).await;

    let reason = realtime.error_reason().unwrap();
    assert_eq!(reason.code(), 80_003);
    assert!(reason.message().contains("TLS failed"), "{reason}");
}

#[tokio::test]
async fn the_last_handle_closes_the_socket() {
    let sandbox = sandbox().await;
    let realtime = client_with_callback(&sandbox, sandbox.key(), HOUR);
    realtime.connected().await.unwrap();
    let (mut changes, mut frames) = (realtime.state_changes(), realtime.frames());
    let auth: Auth = realtime.auth().clone();

    drop(realtime);
    auth.authorize(None, None).await.unwrap();
    assert!(sandbox.connections()[0].transport.is_some(), "the Auth object keeps it");
    drop(auth);

    sandbox.until(|service| service.connections().all(|connection| connection.transport.is_none()).then_some(())).await;
    assert!(sandbox.frames().iter().any(|record| record.event == FrameEvent::Lost));
    until_end(&mut changes).await;
    assert_eq!(frames.next().await, None);
}

async fn until_end(changes: &mut StateChanges) {
    while changes.next().await.is_some() {}
}

#[test]
fn a_client_ends_with_its_runtime() {
    let runtime = || Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let (of_sandbox, first, second) = (runtime(), runtime(), runtime());
    let sandbox = of_sandbox.block_on(sandbox());
    let realtime = first.block_on(async {
        let realtime = client(&sandbox, sandbox.options_with_key());
        realtime.connected().await.unwrap();
        realtime
    });

    drop(first);

    second.block_on(async {
        sandbox.until(|service| service.connections().all(|one| one.transport.is_none()).then_some(())).await;
        let sent = realtime.send(message(json!({ "action": action::MESSAGE }))).await;
        assert_eq!(sent.unwrap_err().kind(), ErrorKind::Misuse);
        assert_eq!(realtime.frames().next().await, None);
        realtime.close().await;
    });
}

#[test]
fn handles_are_send_and_sync_and_show_no_secret() {
    fn check<T: Send + Sync>() {}
    check::<Realtime>();
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let sandbox = sandbox().await;
        let realtime = client(&sandbox, sandbox.options_with_key());
        realtime.connected().await.unwrap();
        let shown = format!("{realtime:?}");
        assert!(!shown.contains(sandbox.key().secret()), "{shown}");
        assert!(!shown.contains(realtime.key().unwrap().expose()), "{shown}");
    });
}
