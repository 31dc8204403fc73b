//! What the official SDKs are put through beside this file, by the crate's own clients: the same scenarios under the
//! same names, against the same sandbox. README.md has all three side by side.
#![cfg(all(feature = "tokio", feature = "sandbox"))]

use std::sync::{Arc, Mutex};

use ably_auth::connection::ConnectionEventKind;
use ably_auth::options::{ApiKey, AuthMethod, AuthOptions, ClientOptions};
use ably_auth::sandbox::Sandbox;
use ably_auth::tokio::{Auth, Builder, Realtime, StateChanges};
use ably_auth::wire::{TokenDetails, TokenParams, TokenRequest, TokenRevocationResult, TokenRevocationTargetSpecifier};
use ably_auth::{CallbackValue, ConnectionState, Error, RestRequest, Revocation};

const HOUR: i64 = 3_600_000;

async fn sandbox() -> Arc<Sandbox> {
    Arc::new(Sandbox::start().await.unwrap())
}

fn options(sandbox: &Sandbox, auth: AuthOptions) -> ClientOptions {
    let mut options = sandbox.options(auth);
    options.realtime_request_timeout = 120_000;
    options.http_open_timeout = 120_000;
    options
}

fn rest_builder(sandbox: &Sandbox, auth: AuthOptions) -> Builder<Auth> {
    Auth::builder(options(sandbox, auth)).root_certificates_pem(sandbox.root_certificate_pem()).unwrap()
}

fn rest(sandbox: &Sandbox, auth: AuthOptions) -> Auth {
    rest_builder(sandbox, auth).build().unwrap()
}

fn realtime_builder(sandbox: &Sandbox, auth: AuthOptions) -> Builder<Realtime> {
    Realtime::builder(options(sandbox, auth)).root_certificates_pem(sandbox.root_certificate_pem()).unwrap()
}

fn with_key(key: &ApiKey) -> AuthOptions {
    AuthOptions::with_key(key.expose()).unwrap()
}

/// The code and the status of what comes of a request; `None`: it is answered.
async fn status(client: &Auth) -> Option<(u32, u16)> {
    match client.request(RestRequest::new("GET", "/channels/a")).await {
        Ok(answer) => answer.error_code.map(|code| (code, answer.response.status)),
        Err(error) => Some((error.code(), error.status_code())),
    }
}

fn wanted(sandbox: &Sandbox, client_id: Option<&str>, ttl: i64) -> TokenRequest {
    let mut wanted = TokenRequest::new(sandbox.revocable_key().unwrap().name());
    wanted.client_id = client_id.map(Into::into);
    wanted.ttl = Some(ttl);
    wanted
}

/// Callbacks that get tokens of these lifetimes one after the other, and what they got.
#[derive(Clone)]
struct Tokens {
    sandbox: Arc<Sandbox>,
    lifetimes: Arc<[i64]>,
    client_id: Option<&'static str>,
    made: Arc<Mutex<Vec<TokenDetails>>>,
}

impl Tokens {
    fn new(sandbox: &Arc<Sandbox>, client_id: Option<&'static str>, lifetimes: &[i64]) -> Self {
        Tokens { sandbox: Arc::clone(sandbox), lifetimes: lifetimes.into(), client_id, made: Arc::default() }
    }

    fn count(&self) -> usize {
        self.made.lock().unwrap().len()
    }

    fn of<Client>(&self, builder: Builder<Client>) -> Builder<Client> {
        let tokens = self.clone();
        builder.auth_callback(move |_| {
            let mut made = tokens.made.lock().unwrap();
            let ttl = tokens.lifetimes[made.len().min(tokens.lifetimes.len() - 1)];
            let token = tokens.sandbox.issue_token(&wanted(&tokens.sandbox, tokens.client_id, ttl));
            made.extend(token.clone());
            // Only its text, so that the client cannot know when it expires.
            async move { token.map(|token| token.token) }
        })
    }
}

/// A connected client with such a callback.
async fn connected(sandbox: &Sandbox, tokens: &Tokens) -> (Realtime, StateChanges) {
    let client = tokens.of(realtime_builder(sandbox, AuthOptions::default())).build().unwrap();
    client.connected().await.unwrap();
    let changes = client.state_changes();
    (client, changes)
}

/// The next change: the state, `None` for an update, and the code of the reason.
async fn next(changes: &mut StateChanges) -> (Option<ConnectionState>, Option<u32>) {
    let change = changes.next().await.unwrap();
    let code = change.reason.map(|error| error.code());
    match change.event {
        ConnectionEventKind::State(state) => (Some(state), code),
        ConnectionEventKind::Update(_) => (None, code),
    }
}

#[tokio::test]
async fn auth_callback() {
    let sandbox = sandbox().await;
    let signer = rest(&sandbox, with_key(sandbox.key()));
    for form in ["a TokenRequest", "a TokenDetails", "a token", "a JWT"] {
        let (signer, issuer) = (signer.clone(), Arc::clone(&sandbox));
        let builder = rest_builder(&sandbox, AuthOptions::default()).auth_callback(move |params: TokenParams| {
            let (signer, issuer) = (signer.clone(), Arc::clone(&issuer));
            async move {
                Ok::<CallbackValue, Error>(match form {
                    "a TokenRequest" => signer.create_token_request(Some(params), None).await?.into(),
                    "a TokenDetails" => signer.request_token(Some(params), None).await?.into(),
                    "a token" => signer.request_token(Some(params), None).await?.token.into(),
                    _ => issuer.issue_jwt(&wanted(&issuer, None, HOUR), None)?.into(),
                })
            }
        });
        assert_eq!(status(&builder.build().unwrap()).await, None, "{form}");
    }
    let failing = rest_builder(&sandbox, AuthOptions::default())
        .auth_callback(async |_| Err::<CallbackValue, _>("no"))
        .build()
        .unwrap();
    assert_eq!(status(&failing).await, Some((40_170, 401)));
}

#[tokio::test]
async fn auth_url() {
    let sandbox = sandbox().await;
    let client = |answer: &str, auth_method| {
        let mut auth = AuthOptions::with_url(&sandbox.secure_auth_url(answer)).unwrap();
        auth.auth_method = auth_method;
        rest(&sandbox, auth)
    };
    for answer in ["token", "jwt", "details", "request"] {
        for method in [AuthMethod::Get, AuthMethod::Post] {
            assert_eq!(status(&client(answer, method)).await, None, "{answer} by {method:?}");
        }
    }
    let refused = [("error?code=40300&status=403", (40_300, 403)), ("error", (40_100, 401)), ("html", (40_170, 401))];
    for (answer, error) in refused {
        assert_eq!(status(&client(answer, AuthMethod::Get)).await, Some(error), "{answer}");
    }
}

#[tokio::test]
async fn a_jwt() {
    let sandbox = sandbox().await;
    let client = |wanted: &TokenRequest| {
        let jwt = sandbox.issue_jwt(wanted, None).unwrap();
        (rest(&sandbox, AuthOptions::with_token(TokenDetails::new(jwt.expose()))), jwt)
    };
    let (good, jwt) = client(&wanted(&sandbox, None, HOUR));
    assert_eq!(status(&good).await, None);
    assert_eq!(status(&client(&wanted(&sandbox, None, 25 * HOUR)).0).await, Some((40_003, 400)));
    let mut denied = TokenRequest::new(sandbox.keys()[2].name());
    denied.capability = Some(r#"{"b":["subscribe"]}"#.into());
    assert_eq!(status(&client(&denied).0).await, Some((40_160, 401)));
    let forged = format!("{}x", jwt.expose());
    let forged = rest(&sandbox, AuthOptions::with_token(TokenDetails::new(forged)));
    assert_eq!(status(&forged).await, Some((40_171, 403)), "40144 asks for another, and there is none");
    assert_eq!(sandbox.requests().last().unwrap().code, Some(40_144));
}

#[tokio::test]
async fn connecting_where_the_auth_url_refuses() {
    let sandbox = sandbox().await;
    let change = async |answer: &str| {
        let auth = AuthOptions::with_url(&sandbox.secure_auth_url(answer)).unwrap();
        let mut options = options(&sandbox, auth);
        options.auto_connect = Some(false);
        let builder = Realtime::builder(options).root_certificates_pem(sandbox.root_certificate_pem()).unwrap();
        let client = builder.build().unwrap();
        let mut changes = client.state_changes();
        client.connect();
        assert_eq!(next(&mut changes).await.0, Some(ConnectionState::Connecting));
        next(&mut changes).await
    };
    assert_eq!(change("error?code=40300&status=403").await, (Some(ConnectionState::Failed), Some(80_019)));
    assert_eq!(change("error").await, (Some(ConnectionState::Disconnected), Some(80_019)));
}

#[tokio::test]
async fn wrong_keys() {
    let sandbox = sandbox().await;
    let (name, secret) = (sandbox.key().name(), sandbox.key().secret());
    let wrong = [
        (format!("{name}:wrong"), (40_101, 401)),
        (format!("{}.nobody:{secret}", sandbox.app_id()), (40_400, 401)),
        ("zzzzzz.nobody:secret".into(), (40_400, 404)),
        ("invalid.key:secret".into(), (40_101, 401)),
    ];
    for (key, (code, status_code)) in wrong {
        let auth = AuthOptions::with_key(&key).unwrap();
        assert_eq!(status(&rest(&sandbox, auth.clone())).await, Some((code, status_code)), "REST");
        let client = realtime_builder(&sandbox, auth).build().unwrap();
        assert_eq!(client.connected().await.unwrap_err().code(), code, "realtime");
        assert_eq!(client.state(), ConnectionState::Failed);
    }
    let mut without_tls = options(&sandbox, with_key(sandbox.key()));
    without_tls.tls = false;
    assert_eq!(Auth::builder(without_tls).build().unwrap_err().code(), 40_103, "a key without TLS");
}

#[tokio::test]
async fn a_client_id_that_is_not_the_tokens() {
    let sandbox = sandbox().await;
    let bobs = sandbox.issue_token(&wanted(&sandbox, Some("bob"), HOUR)).unwrap();
    let eve = |token: TokenDetails| {
        let mut options = options(&sandbox, AuthOptions::with_token(token));
        options.client_id = Some("eve".into());
        options
    };
    let refused = Auth::builder(eve(bobs.clone())).build().unwrap_err();
    assert_eq!((refused.code(), refused.status_code()), (40_102, 401), "the client, where it can know");
    let builder = Realtime::builder(eve(TokenDetails::new(bobs.token)));
    let client = builder.root_certificates_pem(sandbox.root_certificate_pem()).unwrap().build().unwrap();
    let refused = client.connected().await.unwrap_err();
    assert_eq!((refused.code(), refused.status_code()), (40_102, 401), "the service");
}

#[tokio::test]
async fn an_expired_token_is_renewed() {
    let sandbox = sandbox().await;
    let tokens = Tokens::new(&sandbox, None, &[60_000, HOUR]);
    let client = tokens.of(rest_builder(&sandbox, AuthOptions::default())).build().unwrap();
    client.credentials().await.unwrap();
    sandbox.advance(60_000);
    assert_eq!((status(&client).await, tokens.count()), (None, 2));

    let token = sandbox.issue_token(&wanted(&sandbox, None, 1)).unwrap();
    sandbox.advance(1);
    let client = rest(&sandbox, AuthOptions::with_token(TokenDetails::new(token.token)));
    assert_eq!(status(&client).await, Some((40_171, 403)), "there is no other");
}

#[tokio::test]
async fn revocation() {
    let sandbox = sandbox().await;
    let targets = || [TokenRevocationTargetSpecifier::client_id("bob"), TokenRevocationTargetSpecifier::new("x", "y")];
    let revoker = rest(&sandbox, with_key(sandbox.revocable_key().unwrap()));
    let token = sandbox.issue_token(&wanted(&sandbox, Some("bob"), HOUR)).unwrap();
    let outcome = revoker.revoke_tokens(Revocation::new(targets())).await.unwrap();
    assert_eq!((outcome.success_count, outcome.failure_count), (1, 1));
    assert!(matches!(&outcome.results[1], TokenRevocationResult::Failure(failure) if failure.error.code() == 40_001));
    let holder = rest(&sandbox, AuthOptions::with_token(TokenDetails::new(token.token)));
    assert_eq!(status(&holder).await, Some((40_171, 403)), "its token was revoked, and there is no other");

    let refusal = async |client: &Auth| client.revoke_tokens(Revocation::new(targets())).await.unwrap_err().code();
    assert_eq!(refusal(&holder).await, 40_162);
    assert_eq!(refusal(&rest(&sandbox, with_key(sandbox.key()))).await, 40_163);
}

#[tokio::test]
async fn authorize_on_a_live_connection() {
    let sandbox = sandbox().await;
    let tokens = Tokens::new(&sandbox, Some("bob"), &[HOUR]);
    let (client, mut changes) = connected(&sandbox, &tokens).await;
    let id = client.id();
    client.auth().authorize(None, None).await.unwrap();
    assert_eq!((next(&mut changes).await, client.id(), tokens.count()), ((None, None), id, 2));

    client.auth().register_callback("eve", {
        let eve = sandbox.issue_token(&wanted(&sandbox, Some("eve"), HOUR)).unwrap();
        move |_| core::future::ready(Ok::<_, Error>(eve.token.clone()))
    });
    let refused = client.auth().authorize(None, Some(AuthOptions::with_callback("eve"))).await.unwrap_err();
    assert_eq!((refused.code(), refused.status_code()), (40_102, 401), "authorize as somebody else");
    assert_eq!(next(&mut changes).await, (Some(ConnectionState::Failed), Some(40_102)));
}

#[tokio::test]
async fn re_authentication_before_expiry() {
    let sandbox = sandbox().await;
    let tokens = Tokens::new(&sandbox, None, &[HOUR]);
    let (client, mut changes) = connected(&sandbox, &tokens).await;
    let id = client.id();
    sandbox.advance(HOUR - 30_000);
    assert_eq!((next(&mut changes).await, client.id(), tokens.count()), ((None, None), id, 2));
}

#[tokio::test]
async fn expiry() {
    let sandbox = sandbox().await;
    let tokens = Tokens::new(&sandbox, None, &[HOUR]);
    let (client, mut changes) = connected(&sandbox, &tokens).await;
    let id = client.id();
    // Asked for another and cut off at once: there is no time to answer.
    sandbox.advance(HOUR);
    assert_eq!(next(&mut changes).await, (Some(ConnectionState::Disconnected), Some(40_142)));
    client.connected().await.unwrap();
    assert_eq!((client.id(), tokens.count()), (id, 2), "resumed with another token");

    let token = sandbox.issue_token(&wanted(&sandbox, None, HOUR)).unwrap();
    let alone = AuthOptions::with_token(TokenDetails::new(token.token));
    let client = realtime_builder(&sandbox, alone).build().unwrap();
    client.connected().await.unwrap();
    let mut changes = client.state_changes();
    sandbox.advance(HOUR);
    assert_eq!(next(&mut changes).await, (Some(ConnectionState::Disconnected), Some(40_142)));
    assert_eq!(next(&mut changes).await, (Some(ConnectionState::Failed), Some(40_142)), "there is no other");
}

#[tokio::test]
async fn revocation_of_a_live_connections_token() {
    let sandbox = sandbox().await;
    let tokens = Tokens::new(&sandbox, Some("bob"), &[HOUR]);
    let (client, mut changes) = connected(&sandbox, &tokens).await;
    let id = client.id();
    let revoker = rest(&sandbox, with_key(sandbox.revocable_key().unwrap()));

    let mut revocation = Revocation::new([TokenRevocationTargetSpecifier::client_id("bob")]);
    revocation.allow_reauth_margin = Some(true);
    revoker.revoke_tokens(revocation.clone()).await.unwrap();
    assert_eq!((next(&mut changes).await, client.id(), tokens.count()), ((None, None), id.clone(), 2), "with a margin");

    revocation.allow_reauth_margin = None;
    revoker.revoke_tokens(revocation).await.unwrap();
    assert_eq!(next(&mut changes).await, (Some(ConnectionState::Disconnected), Some(40_141)));
    client.connected().await.unwrap();
    assert_eq!((client.id(), tokens.count()), (id, 3), "resumed with another token");
}
