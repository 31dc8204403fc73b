//! What the adapter tells `tracing`: enough to follow what it does, and no secret.
#![cfg(all(feature = "tokio", feature = "sandbox"))]

use std::fmt::{Debug, Write as _};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use ably_auth::options::AuthOptions;
use ably_auth::sandbox::Sandbox;
use ably_auth::tokio::{Auth, Realtime};
use ably_auth::wire::{TokenParams, TokenRequest, TokenRevocationTargetSpecifier};
use ably_auth::{ConnectionState, Error, RestRequest, Revocation};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

/// Keeps all that this crate says, at every level, as text.
#[derive(Clone, Default)]
struct Recorder {
    text: Arc<Mutex<String>>,
    spans: Arc<AtomicU64>,
}

impl Recorder {
    fn record(&self, metadata: &Metadata<'_>, visit: impl FnOnce(&mut Line)) {
        let mut line = Line(format!("{} {}", metadata.level(), metadata.name()));
        visit(&mut line);
        self.text.lock().unwrap().push_str(&(line.0 + "\n"));
    }

    fn text(&self) -> String {
        self.text.lock().unwrap().clone()
    }
}

struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        write!(self.0, " {field}={value:?}").unwrap();
    }
}

impl Subscriber for Recorder {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with("ably_auth")
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        self.record(span.metadata(), |line| span.record(line));
        Id::from_u64(self.spans.fetch_add(1, Ordering::Relaxed) + 1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        self.record(event.metadata(), |line| event.record(line));
    }

    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

#[tokio::test]
async fn a_connection_is_told_without_its_secrets() {
    let recorder = Recorder::default();
    let _guard = tracing::subscriber::set_default(recorder.clone());
    let sandbox = Sandbox::start().await.unwrap();
    let mut keys = Vec::new();
    for again in [true, false] {
        let mut with_key = AuthOptions::with_key(sandbox.key().expose()).unwrap();
        with_key.use_token_auth = Some(true);
        let realtime = Realtime::builder(sandbox.options(with_key));
        let realtime = realtime.root_certificates_pem(sandbox.root_certificate_pem()).unwrap().build().unwrap();
        realtime.connected().await.unwrap();
        keys.extend(realtime.key());
        realtime.auth().authorize(None, None).await.unwrap();
        if again {
            sandbox.drop_all_sockets();
            let mut changes = realtime.state_changes();
            while changes.next().await.unwrap().current != ConnectionState::Connected {}
        }
        keys.extend(realtime.key());
        realtime.close().await;
    }

    let text = recorder.text();
    let mut secrets: Vec<String> = sandbox.tokens().iter().map(|token| token.token.expose().into()).collect();
    secrets.extend(keys.iter().map(|key| key.expose().into()));
    secrets.push(sandbox.key().secret().into());
    for secret in secrets {
        assert!(!text.contains(&secret), "{secret} in:\n{text}");
    }
    for expected in ["DEBUG socket id=1 host=\"wss://127.0.0.1", "message=opened", "message=closed kind=", "Connecting"]
    {
        assert!(text.contains(expected), "{expected} not in:\n{text}");
    }
}

#[tokio::test]
async fn a_whole_session_is_told_without_its_secrets() {
    let recorder = Recorder::default();
    let _guard = tracing::subscriber::set_default(recorder.clone());
    let sandbox = Sandbox::start().await.unwrap();
    let builder = |options| Auth::builder(options).root_certificates_pem(sandbox.root_certificate_pem()).unwrap();

    let owner = builder(sandbox.options(AuthOptions::with_key(sandbox.revocable_key().unwrap().expose()).unwrap()));
    let owner = owner.build().unwrap();
    let request = owner.create_token_request(None, None).await.unwrap();
    let mut url = AuthOptions::with_url(&sandbox.auth_url("details?session=canary-query")).unwrap();
    url.auth_headers = [("X-Session", "canary-header")].into_iter().collect();
    url.auth_params = vec![("secret".into(), "canary-param".into())];
    let mut options = sandbox.options(url);
    options.add_request_ids = true;
    let auth = builder(options).build().unwrap();
    auth.authorize(Some(TokenParams { client_id: Some("me".into()), ..TokenParams::default() }), None).await.unwrap();
    auth.request(RestRequest::new("GET", "/channels/test?key=canary-rest").with_body("canary-body")).await.unwrap();
    auth.register_callback("fails", |_| async {
        Err::<String, _>(Error::new(ably_auth::ErrorKind::Rejected, 0, 0, "no"))
    });
    auth.request_token(None, Some(AuthOptions::with_callback("fails"))).await.unwrap_err();
    let token = sandbox.issue_token(&TokenRequest::new(sandbox.revocable_key().unwrap().name())).unwrap();
    let holder = builder(sandbox.options(AuthOptions::with_token(token))).build().unwrap();
    let target = TokenRevocationTargetSpecifier::token(holder.token_details().unwrap().token.expose());
    owner.revoke_tokens(Revocation::new([target])).await.unwrap();
    holder.request(RestRequest::new("GET", "/channels/test")).await.unwrap_err();

    let text = recorder.text();
    let mut secrets: Vec<String> = sandbox.tokens().iter().map(|token| token.token.expose().into()).collect();
    secrets.extend(sandbox.keys().iter().map(|key| key.secret().into()));
    secrets.push(request.mac.unwrap().expose().into());
    secrets.push("canary".into());
    for secret in secrets {
        assert!(!text.contains(&secret), "{secret} in:\n{text}");
    }
    for expected in [
        r#"DEBUG ably_auth operation="authorize""#,
        r#"DEBUG http id=1 method="GET" url=http://127.0.0.1"#,
        "/auth-url/details\n",
        "/channels/test\n",
        "message=answered status=200",
        "message=completed",
        "message=failed error=",
        r#"DEBUG callback id=1 name="fails""#,
        "INFO",
        "TokenNotRenewable",
    ] {
        assert!(text.contains(expected), "{expected} not in:\n{text}");
    }
}
