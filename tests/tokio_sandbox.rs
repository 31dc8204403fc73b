//! The adapter and the sandbox against each other, over real sockets.
#![cfg(all(feature = "tokio", feature = "sandbox"))]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use ably_auth::options::{AuthMethod, AuthOptions, AuthScheme, ClientOptions, TokenOption};
use ably_auth::sandbox::{CredentialsKind, Sandbox};
use ably_auth::tokio::Auth;
use ably_auth::wire::{
    Capability, TokenDetails, TokenParams, TokenRequest, TokenRevocationResult, TokenRevocationTargetSpecifier,
};
use ably_auth::{CallbackValue, Error, ErrorKind, RestRequest, Revocation};
use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinSet;

fn client(sandbox: &Sandbox, options: ClientOptions) -> Auth {
    Auth::builder(options).root_certificates_pem(sandbox.root_certificate_pem()).unwrap().build().unwrap()
}

fn client_with(sandbox: &Sandbox, auth: AuthOptions) -> Auth {
    client(sandbox, sandbox.options(auth))
}

/// A token as somebody else got it.
fn issue(sandbox: &Sandbox) -> TokenDetails {
    sandbox.issue_token(&TokenRequest::new(sandbox.key().name())).unwrap()
}

fn probe() -> RestRequest {
    RestRequest::new("GET", "/channels/test")
}

async fn status_of(auth: &Auth, request: RestRequest) -> u16 {
    auth.request(request).await.unwrap().response.status
}

/// What every client can do, however it gets its tokens.
async fn exercise(sandbox: &Sandbox, auth: &Auth, way: &str) {
    assert_eq!(status_of(auth, probe()).await, 200, "{way}");
    assert_eq!(sandbox.requests().last().unwrap().credentials, CredentialsKind::Bearer, "{way}");
    let in_use = auth.token_details().unwrap();
    let credentials = auth.credentials().await.unwrap();
    assert_eq!(credentials.access_token(), Some(in_use.token.expose()), "{way}");

    let independent = auth.request_token(None, None).await.unwrap();
    assert_ne!(independent.token, in_use.token, "{way}");
    assert_eq!(auth.token_details().as_ref(), Some(&in_use), "{way}");

    let params = TokenParams { client_id: Some("me".into()), ..TokenParams::default() };
    let authorized = auth.authorize(Some(params), None).await.unwrap().unwrap();
    assert_eq!(auth.token_details().as_ref(), Some(&authorized), "{way}");
    assert_eq!(status_of(auth, probe()).await, 200, "{way}");
    assert_eq!(sandbox.requests().last().unwrap().client_id.as_deref(), Some("me"), "{way}");

    let time = auth.time().await.unwrap();
    assert!((time - sandbox.now()).abs() < 60_000, "{way}");
}

#[tokio::test]
async fn a_key_makes_requests_and_gets_tokens() {
    let sandbox = Sandbox::start().await.unwrap();
    let auth = client(&sandbox, sandbox.options_with_key());

    assert_eq!((status_of(&auth, probe()).await, auth.auth_method()), (200, AuthScheme::Basic));
    assert_eq!(sandbox.requests().last().unwrap().credentials, CredentialsKind::Basic);
    assert_eq!(auth.credentials().await.unwrap().key(), Some(sandbox.key().expose()));

    auth.authorize(None, None).await.unwrap();
    assert_eq!(auth.auth_method(), AuthScheme::Token);
    exercise(&sandbox, &auth, "key").await;
}

#[tokio::test]
async fn a_signed_request_is_exchanged_by_somebody_else() {
    let sandbox = Sandbox::start().await.unwrap();
    let signer = client(&sandbox, sandbox.options_with_key());
    let capability: Capability = r#"{"news":["subscribe"]}"#.parse().unwrap();
    let params = TokenParams { capability: Some(capability), ..TokenParams::default() };

    let request = signer.create_token_request(Some(params), None).await.unwrap();
    let mut options = AuthOptions::default();
    options.token = Some(TokenOption::Request(request));
    let auth = client_with(&sandbox, options);
    auth.credentials().await.unwrap();

    assert_eq!(auth.token_details().unwrap().capability.as_deref(), Some(r#"{"news":["subscribe"]}"#));
    assert_eq!(auth.authorize(None, None).await.unwrap_err().code(), 40_171, "it can be exchanged once");
}

#[tokio::test]
async fn a_callback_gives_tokens_and_requests() {
    let sandbox = Arc::new(Sandbox::start().await.unwrap());
    let signer = client(&sandbox, sandbox.options_with_key());
    let (issuer, signing) = (Arc::clone(&sandbox), signer.clone());
    let auth = Auth::builder(sandbox.options(AuthOptions::with_callback("details")))
        .root_certificate_der(sandbox.root_certificate_der())
        .callback("details", move |params: TokenParams| {
            let mut wanted = TokenRequest::new(issuer.key().name());
            wanted.client_id = params.client_id;
            let token = issuer.issue_token(&wanted);
            async move { token }
        })
        .callback("request", move |params| {
            let signer = signing.clone();
            async move { signer.create_token_request(Some(params), None).await }
        })
        .build()
        .unwrap();

    exercise(&sandbox, &auth, "callback that gives details").await;
    auth.authorize(None, Some(AuthOptions::with_callback("request"))).await.unwrap();
    exercise(&sandbox, &auth, "callback that gives requests").await;
}

#[tokio::test]
async fn an_auth_url_gives_every_form_of_a_token() {
    let sandbox = Sandbox::start().await.unwrap();
    for answer in ["token", "jwt", "json-string", "details", "request", "redirect?times=2"] {
        for auth_method in [AuthMethod::Get, AuthMethod::Post] {
            let mut options = AuthOptions::with_url(&sandbox.secure_auth_url(answer)).unwrap();
            options.auth_method = auth_method;
            let auth = client_with(&sandbox, options);
            exercise(&sandbox, &auth, &format!("{auth_method:?} {answer}")).await;
        }
    }
}

#[tokio::test]
async fn an_auth_url_that_misbehaves_is_an_error() {
    let sandbox = Sandbox::start().await.unwrap();
    let in_time = ["html", "token?delivery=cut", "token?delivery=endless", "redirect?times=9", "token?status=500"];
    let too_slow = ["token?delivery=never", "token?delivery=drip"];
    for (answers, timeout) in [(&in_time[..], 10_000), (&too_slow[..], 50)] {
        for answer in answers {
            let url = sandbox.auth_url(answer);
            let mut options = ClientOptions::with_auth(AuthOptions::with_url(&url).unwrap());
            options.realtime_request_timeout = timeout;

            let error = client(&sandbox, options).authorize(None, None).await.unwrap_err();

            assert_eq!((error.code(), error.status_code()), (40_170, 401), "{answer}: {error}");
        }
    }
    let url = sandbox.auth_url("error?code=40199&status=403&message=no");
    let error = client_with(&sandbox, AuthOptions::with_url(&url).unwrap()).authorize(None, None).await.unwrap_err();
    assert_eq!((error.code(), error.status_code(), error.message()), (40_199, 403, "no"));
}

#[tokio::test]
async fn a_token_alone_works_until_it_expires() {
    let sandbox = Sandbox::start().await.unwrap();
    let token = issue(&sandbox);
    let mut options = sandbox.options(AuthOptions::with_token(token.clone()));
    options.tls = false;
    let auth = client(&sandbox, options);

    assert_eq!(status_of(&auth, probe()).await, 200);
    sandbox.advance(24 * 3_600_000);
    let error = auth.request(probe()).await.unwrap_err();

    assert_eq!((error.code(), error.status_code()), (40_171, 403));
    assert_eq!(error.cause().unwrap().code(), 40_142);
    assert_eq!(auth.token_details(), None);
}

#[tokio::test]
async fn a_revocation_takes_effect() {
    let sandbox = Sandbox::start().await.unwrap();
    let owner = client_with(&sandbox, AuthOptions::with_key(sandbox.revocable_key().unwrap().expose()).unwrap());
    let params = TokenParams { client_id: Some("me".into()), ..TokenParams::default() };
    let token = owner.request_token(Some(params), None).await.unwrap();
    let holder = client_with(&sandbox, AuthOptions::with_token(token));
    assert_eq!(status_of(&holder, probe()).await, 200);

    let targets =
        [TokenRevocationTargetSpecifier::client_id("me"), TokenRevocationTargetSpecifier::new("nonsense", "me")];
    let result = owner.revoke_tokens(Revocation::new(targets)).await.unwrap();

    assert_eq!((result.success_count, result.failure_count), (1, 1));
    assert!(matches!(&result.results[0], TokenRevocationResult::Success(success) if success.target == "clientId:me"));
    let error = holder.request(probe()).await.unwrap_err();
    assert_eq!((error.code(), error.cause().unwrap().code()), (40_171, 40_141));
}

#[tokio::test]
async fn one_renewal_serves_a_thousand_requests() {
    const REQUESTS: usize = 1_000;
    let sandbox = Arc::new(Sandbox::start().await.unwrap());
    let calls = Arc::new(AtomicUsize::new(0));
    let mut options = sandbox.options(AuthOptions::with_callback("count"));
    options.tls = false;
    // A machine under load takes its time for so many.
    options.http_request_timeout = 120_000;
    let (issuer, counted) = (Arc::clone(&sandbox), Arc::clone(&calls));
    let auth = Auth::builder(options)
        .callback("count", move |_| {
            counted.fetch_add(1, Ordering::SeqCst);
            let token = CallbackValue::from(issue(&issuer));
            async move { Ok::<_, Error>(token) }
        })
        .build()
        .unwrap();
    auth.authorize(None, None).await.unwrap();
    // The service's clock runs ahead: it has the token expired, and the client does not know.
    sandbox.advance(3_600_000);

    let mut requests = JoinSet::new();
    for _ in 0..REQUESTS {
        let auth = auth.clone();
        requests.spawn(async move { status_of(&auth, probe()).await });
    }
    let statuses = requests.join_all().await;

    assert_eq!(statuses, [200; REQUESTS]);
    assert_eq!((calls.load(Ordering::SeqCst), sandbox.tokens().len()), (2, 2));
}

#[tokio::test]
async fn successive_expiries_renew_once_each() {
    let sandbox = Sandbox::start().await.unwrap();
    let mut options = sandbox.options_with_key();
    options.default_token_params.ttl = Some(30_000);
    options.auth.use_token_auth = Some(true);
    let auth = client(&sandbox, options);

    for round in 1..=3 {
        assert_eq!(status_of(&auth, probe()).await, 200);
        assert_eq!(sandbox.tokens().len(), round);
        sandbox.advance(31_000);
    }
}

#[tokio::test]
async fn a_certificate_that_is_not_trusted_is_an_error() {
    let sandbox = Sandbox::start().await.unwrap();
    let auth = Auth::builder(sandbox.options_with_key()).build().unwrap();

    let error = auth.request(probe()).await.unwrap_err();

    assert_eq!((error.code(), error.kind()), (50_002, ErrorKind::Transport));
    assert!(error.message().contains("TLS failed"), "{error}");
    assert!(sandbox.requests().is_empty());
}

#[tokio::test]
async fn a_server_that_is_gone_is_an_error() {
    let sandbox = Sandbox::start().await.unwrap();
    let mut options = sandbox.options(AuthOptions::with_token(issue(&sandbox)));
    options.tls = false;
    let auth = client(&sandbox, options);
    assert_eq!(status_of(&auth, probe()).await, 200);

    sandbox.shutdown().await;

    let error = auth.request(probe()).await.unwrap_err();
    assert_eq!((error.code(), error.kind()), (50_002, ErrorKind::Transport));
}

#[test]
fn two_runtimes_do_not_depend_on_each_other() {
    let runtime = || Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let of_sandbox = runtime();
    let sandbox = of_sandbox.block_on(Sandbox::start()).unwrap();
    let connect = |runtime: &Runtime| {
        runtime.block_on(async {
            let auth = client(&sandbox, sandbox.options_with_key());
            assert_eq!(status_of(&auth, probe()).await, 200);
            auth
        })
    };
    let (first, second) = (runtime(), runtime());
    let (of_first, of_second) = (connect(&first), connect(&second));

    drop(first);

    assert_eq!(second.block_on(of_first.request(probe())).unwrap_err().kind(), ErrorKind::Misuse);
    assert_eq!(second.block_on(status_of(&of_second, probe())), 200);
    assert_eq!(of_sandbox.block_on(status_of(&of_second, probe())), 200, "a handle works from any runtime");
}
