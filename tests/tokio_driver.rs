//! The adapter's task: what starts it, what it does for callbacks, and what ends it.
#![cfg(feature = "tokio")]

use std::future::pending;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use ably_auth::options::{AuthOptions, AuthScheme, ClientOptions};
use ably_auth::tokio::Auth;
use ably_auth::wire::{TokenDetails, TokenParams};
use ably_auth::{CallbackValue, Error, ErrorKind, NoticeKind};
use tokio::sync::{mpsc, oneshot};

/// Tells when it is dropped.
struct Alive(Option<oneshot::Sender<()>>);

impl Alive {
    fn new() -> (Alive, oneshot::Receiver<()>) {
        let (sender, dropped) = oneshot::channel();
        (Alive(Some(sender)), dropped)
    }
}

impl Drop for Alive {
    fn drop(&mut self) {
        let _ = self.0.take().map(|sender| sender.send(()));
    }
}

/// Options of a client that asks the callback of that name for tokens.
fn options(callback: &str) -> ClientOptions {
    ClientOptions::with_auth(AuthOptions::with_callback(callback))
}

/// A callback whose calls never return: it reports each, with what tells that the call was dropped.
fn stuck() -> (impl Fn(TokenParams) -> StuckCall + Send + Sync + 'static, mpsc::UnboundedReceiver<oneshot::Receiver<()>>)
{
    let (sender, calls) = mpsc::unbounded_channel();
    let callback = move |_| -> StuckCall {
        let (alive, dropped) = Alive::new();
        sender.send(dropped).unwrap();
        Box::pin(async move {
            let _alive = alive;
            pending().await
        })
    };
    (callback, calls)
}

type StuckCall = Pin<Box<dyn Future<Output = Result<String, Error>> + Send>>;

#[tokio::test]
async fn a_callback_gives_whatever_makes_a_token() {
    let auth = Auth::builder(ClientOptions::default())
        .auth_callback(
            |params: TokenParams| async move { Ok::<_, Error>(format!("for-{}", params.client_id.unwrap())) },
        )
        .callback("details", |_| async { Ok::<_, Error>(TokenDetails::new("some.details")) })
        .callback("json", |_| async { Ok::<_, Error>(serde_json::json!({"token": "some.json", "clientId": "me"})) })
        .build()
        .unwrap();
    let params = TokenParams { client_id: Some("me".into()), ..TokenParams::default() };

    let of_default = auth.request_token(Some(params), None).await.unwrap();
    let of_details = auth.request_token(None, Some(AuthOptions::with_callback("details"))).await.unwrap();
    let of_json = auth.request_token(None, Some(AuthOptions::with_callback("json"))).await.unwrap();

    assert_eq!(of_default.token.expose(), "for-me");
    assert_eq!(of_details.token.expose(), "some.details");
    assert_eq!((of_json.token.expose(), of_json.client_id.as_deref()), ("some.json", Some("me")));
    assert_eq!(auth.token_details(), None, "requestToken changes nothing");
}

#[tokio::test]
async fn views_follow_an_operation_at_once() {
    let auth = Auth::builder(ClientOptions::default())
        .auth_callback(|_| async { Ok::<_, Error>(serde_json::json!({"token": "a.token", "clientId": "me"})) })
        .build()
        .unwrap();
    let mut watch = auth.watch_token();
    assert_eq!((auth.auth_method(), auth.token_details(), auth.client_id()), (AuthScheme::Token, None, None));

    let token = auth.authorize(None, None).await.unwrap();

    assert_eq!((auth.token_details(), auth.client_id().as_deref()), (token.clone(), Some("me")));
    assert_eq!(watch.token_details(), None);
    assert!(watch.changed().await);
    assert_eq!(watch.token_details(), token.as_ref());
    assert_eq!(auth.credentials().await.unwrap().authorization(), "Bearer a.token");
}

#[tokio::test]
async fn an_error_of_a_callback_reaches_who_waits() {
    let auth = Auth::builder(ClientOptions::default())
        .auth_callback(|_| async { Err::<String, _>(io::Error::other("the auth server is on fire")) })
        .callback("ours", |_| async { Err::<String, _>(Error::new(ErrorKind::Rejected, 40_100, 401, "no")) })
        .callback("boxed", |_| async {
            let error = Error::new(ErrorKind::Rejected, 40_100, 401, "no");
            Err::<String, Box<dyn std::error::Error + Send + Sync>>(error.into())
        })
        .build()
        .unwrap();

    let error = auth.authorize(None, None).await.unwrap_err();
    assert_eq!((error.code(), error.status_code()), (40_170, 401));
    assert!(error.message().ends_with("the auth server is on fire"), "{error}");
    for name in ["ours", "boxed"] {
        let error = auth.request_token(None, Some(AuthOptions::with_callback(name))).await.unwrap_err();
        assert_eq!((error.code(), error.message()), (40_100, "no"));
    }
}

#[tokio::test]
async fn a_callback_may_be_registered_later() {
    let auth = Auth::builder(options("later")).build().unwrap();

    let error = auth.authorize(None, None).await.unwrap_err();
    assert_eq!((error.code(), error.kind()), (40_170, ErrorKind::Configuration));
    assert!(error.message().contains("\"later\""), "{error}");

    auth.register_callback("later", |_| async { Ok::<_, Error>("a.token") });
    assert_eq!(auth.authorize(None, None).await.unwrap().unwrap().token.expose(), "a.token");
}

#[tokio::test]
async fn a_callback_that_panics_is_an_error_and_nothing_more() {
    let auth = Auth::builder(options("panics"))
        .callback("panics", |_| async {
            if true {
                panic!("this is the panic of a test");
            }
            Ok::<_, Error>("a.token")
        })
        .build()
        .unwrap();

    let error = auth.authorize(None, None).await.unwrap_err();

    assert_eq!(error.code(), 40_170);
    assert!(error.message().contains("panicked"), "{error}");
    assert_eq!(auth.authorize(None, None).await.unwrap_err(), error, "the client lives on");
}

#[tokio::test]
async fn a_callback_that_never_returns_is_given_up() {
    let (callback, mut calls) = stuck();
    let mut options = options("stuck");
    options.realtime_request_timeout = 20;
    let auth = Auth::builder(options).callback("stuck", callback).build().unwrap();

    let error = auth.authorize(None, None).await.unwrap_err();

    assert_eq!(error.code(), 40_170);
    assert!(error.message().contains("within 20 ms"), "{error}");
    calls.recv().await.unwrap().await.unwrap();
}

#[tokio::test]
async fn a_callback_may_use_a_client() {
    let signer = Auth::builder(ClientOptions::new("app.key:secret").unwrap()).build().unwrap();
    let auth = Auth::builder(ClientOptions::default())
        .auth_callback(move |params| {
            let signer = signer.clone();
            async move {
                let request = signer.create_token_request(Some(params), None).await?;
                Ok::<_, Error>(CallbackValue::from(request.key_name))
            }
        })
        .build()
        .unwrap();

    assert_eq!(auth.authorize(None, None).await.unwrap().unwrap().token.expose(), "app.key");
}

#[tokio::test]
async fn a_dropped_future_cancels_its_operation() {
    let (callback, mut calls) = stuck();
    let auth = Auth::builder(options("stuck")).callback("stuck", callback).build().unwrap();

    let waiting = tokio::spawn({
        let auth = auth.clone();
        async move { auth.request_token(None, None).await }
    });
    calls.recv().await.unwrap();
    waiting.abort();
    assert!(waiting.await.unwrap_err().is_cancelled());

    // Nothing is left of it: the client answers others as ever.
    auth.register_callback("stuck", |_| async { Ok::<_, Error>("a.token") });
    assert_eq!(auth.request_token(None, None).await.unwrap().token.expose(), "a.token");
}

#[tokio::test]
async fn the_last_handle_ends_the_client() {
    let (callback, mut calls) = stuck();
    let auth = Auth::builder(options("stuck")).callback("stuck", callback).build().unwrap();
    let (mut watch, mut notices) = (auth.watch_token(), auth.notices());
    let other = auth.clone();

    let waiting = tokio::spawn(async move { other.authorize(None, None).await });
    let dropped = calls.recv().await.unwrap();
    drop(auth);
    waiting.abort();

    dropped.await.unwrap();
    assert!(!watch.changed().await);
    assert_eq!(notices.next().await, None);
}

#[test]
fn a_client_ends_with_its_runtime() {
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (first, second) = (runtime(), runtime());
    let auth = first.block_on(async { Auth::builder(ClientOptions::new("app.key:secret").unwrap()).build().unwrap() });

    // A handle may be used from any runtime, or none.
    let waiting = second.spawn({
        let auth = auth.clone();
        async move { auth.create_token_request(None, None).await }
    });
    drop(first);
    let error = second.block_on(waiting).unwrap().unwrap_err();

    assert_eq!((error.code(), error.kind()), (40_000, ErrorKind::Misuse));
    assert!(error.message().contains("runtime"), "{error}");
    assert_eq!(second.block_on(auth.time()).unwrap_err(), error);
    assert_eq!(auth.token_rejected("a.token", error.clone()).unwrap_err(), error);
}

#[test]
fn a_client_is_built_inside_a_runtime() {
    let error = Auth::builder(ClientOptions::new("app.key:secret").unwrap()).build().unwrap_err();

    assert_eq!((error.code(), error.kind()), (40_000, ErrorKind::Misuse));
}

#[tokio::test]
async fn options_that_contradict_are_refused() {
    assert_eq!(Auth::builder(ClientOptions::default()).build().unwrap_err().code(), 40_106);
}

#[tokio::test]
async fn certificates_are_read_or_refused() {
    let builder = || Auth::builder(ClientOptions::new("app.key:secret").unwrap());

    for text in ["", "no certificate", "-----BEGIN CERTIFICATE-----\n%\n-----END CERTIFICATE-----\n"] {
        assert_eq!(builder().root_certificates_pem(text).unwrap_err().code(), 40_000, "{text:?}");
    }
    assert_eq!(builder().root_certificate_der(b"nonsense").build().unwrap_err().code(), 40_000);
}

#[tokio::test]
async fn the_first_notice_is_not_missed() {
    let builder = Auth::builder(ClientOptions::new("a.token").unwrap());
    let mut notices = builder.notices();

    let _auth = builder.build().unwrap();

    assert_eq!(notices.next().await.unwrap().kind, NoticeKind::TokenNotRenewable);
}

#[tokio::test]
async fn a_token_that_somebody_else_saw_rejected_is_renewed() {
    let calls = Arc::new(AtomicUsize::new(0));
    let auth = Auth::builder(ClientOptions::default())
        .auth_callback(move |_| {
            let number = calls.fetch_add(1, Ordering::SeqCst);
            async move { Ok::<_, Error>(format!("token.{number}")) }
        })
        .build()
        .unwrap();
    let first = auth.credentials().await.unwrap();
    assert_eq!(auth.credentials().await.unwrap(), first);
    let rejection = Error::new(ErrorKind::Rejected, 40_142, 401, "Token expired");

    auth.token_rejected(first.access_token().unwrap(), rejection.clone()).unwrap();
    let second = auth.credentials().await.unwrap();
    auth.token_rejected(first.access_token().unwrap(), rejection).unwrap();

    assert_eq!(second.access_token(), Some("token.1"));
    assert_eq!(auth.credentials().await.unwrap(), second);
}

#[test]
fn handles_are_send_and_sync_and_show_no_secret() {
    fn check<T: Send + Sync>() {}
    check::<Auth>();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let builder = Auth::builder(ClientOptions::new("app.key:canary").unwrap());
        assert!(!format!("{builder:?}").contains("canary"));
        let auth = builder.build().unwrap();
        auth.authorize(None, Some(AuthOptions::with_token("canary"))).await.unwrap();
        assert!(!format!("{auth:?}").contains("canary"), "{auth:?}");
    });
}
