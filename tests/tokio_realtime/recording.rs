//! Clients that are recorded, and their recordings run again.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, OnceLock, mpsc};

use ably_auth::sandbox::{Effect, Fault, Trigger};
use ably_auth::tokio::Auth;
use ably_auth::trace::{Mode, Secrets, replay};
use ably_auth::{ErrorKind, RestRequest};
use tokio::task::JoinSet;

use super::*;

/// What a client has handed over.
#[derive(Clone, Default)]
struct Recording(Arc<Mutex<String>>);

impl Recording {
    fn sink(&self) -> impl FnMut(&str) + Send + 'static {
        let Recording(text) = self.clone();
        move |line| {
            assert!(!line.contains('\n'));
            let mut text = text.lock().unwrap();
            *text += line;
            *text += "\n";
        }
    }

    fn text(&self) -> String {
        self.0.lock().unwrap().clone()
    }
}

/// Runs a recording again: nothing may differ. It has to tell of all of these.
fn check(recording: &Recording, mode: Mode, secrets: Secrets, told: &[&str]) -> String {
    let text = recording.text();
    let replay = replay(&text).unwrap();
    let differences: Vec<_> = replay.differences.iter().map(ToString::to_string).collect();
    assert!(differences.is_empty(), "{}", differences.join("\n"));
    assert_eq!((replay.header.mode, replay.header.secrets), (mode, secrets));
    assert_eq!(replay.updated.expose(), text);
    for told in told {
        assert!(text.contains(told), "no {told} in\n{text}");
    }
    text
}

/// What every client of a test goes through: a change of the token over the connection, a lost socket, an expiry that
/// takes the connection down, tokens rejected to a request and elsewhere, a frame that cannot be sent, the end.
async fn live(sandbox: &Sandbox, realtime: &Realtime) {
    let (auth, mut changes, mut frames) = (realtime.auth(), realtime.state_changes(), realtime.frames());
    realtime.connected().await.unwrap();
    auth.authorize(allowing(r#"{"*":["*"]}"#), None).await.unwrap();
    assert!(publish(realtime, &mut frames, "news", 0).await);
    sandbox.drop_all_sockets();
    until(&mut changes, Some(ConnectionState::Disconnected)).await;
    realtime.connected().await.unwrap();
    sandbox.advance(HOUR);
    until(&mut changes, Some(ConnectionState::Disconnected)).await;
    realtime.connected().await.unwrap();

    let token = auth.token_details().unwrap().token;
    let quoting = || Error::new(ErrorKind::Rejected, 40_142, 401, format!("{} has expired", token.expose()));
    sandbox.inject(Fault::new(Trigger::path("/channels/"), Effect::Refuse { error: quoting() })).unwrap();
    assert_eq!(auth.request(RestRequest::new("GET", "/channels/news")).await.unwrap().response.status, 200);
    let token = auth.token_details().unwrap().token;
    auth.token_rejected(token, quoting()).unwrap();
    auth.credentials().await.unwrap();
    auth.create_token_request(None, Some(AuthOptions::with_key(sandbox.key().expose()).unwrap())).await.unwrap();
    auth.request_token(None, Some(AuthOptions::with_key(sandbox.key().expose()).unwrap())).await.unwrap_err();
    auth.request_token(None, Some(AuthOptions::with_callback("nobody"))).await.unwrap_err();
    realtime.connected().await.unwrap();
    realtime.close().await;
    realtime.send(message(json!({ "action": action::MESSAGE, "channel": "news" }))).await.unwrap_err();
}

const TOLD: [&str; 12] = [
    r#""new":{"#,
    r#""authorize":{"#,
    r#""request":{"#,
    r#""createTokenRequest":{"#,
    r#""callbackResult":{"#,
    r#""callbackFailed":{"#,
    r#""httpResponse":{"#,
    r#""tokenRejected":{"#,
    r#""socketOpened":{"#,
    r#""frame":{"#,
    r#""socketClosed":{"#,
    r#""close":{"#,
];

#[tokio::test]
async fn a_recorded_client_is_run_again() {
    let sandbox = sandbox().await;
    let recording = Recording::default();
    let client = builder_with_callback(&sandbox, sandbox.key(), HOUR).record_with_secrets_shown(recording.sink());
    live(&sandbox, &client.build().unwrap()).await;

    let text = check(&recording, Mode::Realtime, Secrets::Shown, &TOLD);

    assert!(sandbox.tokens().iter().any(|token| text.contains(token.token.expose())));
}

#[tokio::test]
async fn without_its_secrets_it_is_run_again_too() {
    let sandbox = sandbox().await;
    let recording = Recording::default();
    let client = builder_with_callback(&sandbox, sandbox.key(), HOUR).record(recording.sink());
    let realtime = client.build().unwrap();
    realtime.connected().await.unwrap();
    let mut secrets = Vec::from([realtime.key().unwrap(), sandbox.key().secret().into()]);
    live(&sandbox, &realtime).await;

    let text = check(&recording, Mode::Realtime, Secrets::Redacted, &TOLD);

    secrets.extend(sandbox.tokens().into_iter().map(|token| token.token));
    assert!(secrets.len() > 4, "{} secrets", secrets.len());
    for secret in secrets {
        assert!(!text.contains(secret.expose()), "{} shows in\n{text}", secret.expose());
    }
    for placeholder in ["redacted-key-1", "redacted-token-1", "redacted-token-3", "redacted-connection-key-1"] {
        assert!(text.contains(placeholder), "no {placeholder} in\n{text}");
    }
}

#[tokio::test]
async fn a_client_without_a_connection_is_recorded_too() {
    let sandbox = sandbox().await;
    let recording = Recording::default();
    let mut options = sandbox.options_with_key();
    options.auth.use_token_auth = Some(true);
    options.auth.query_time = Some(true);
    let auth = Auth::builder(options).root_certificates_pem(sandbox.root_certificate_pem()).unwrap();
    let auth = auth.record(recording.sink()).build().unwrap();

    sandbox.inject(Fault::new(Trigger::path("/keys/"), Effect::Status { status: 503 })).unwrap();
    assert_eq!(auth.request(RestRequest::new("GET", "/channels/news")).await.unwrap_err().code(), 40_170);
    assert_eq!(auth.request(RestRequest::new("GET", "/channels/news")).await.unwrap().response.status, 200);
    auth.time().await.unwrap();

    let told = [r#""sendHttp":{"#, "app", r#""mac\":\""#, "/requestToken", r#""time":{}"#];
    let text = check(&recording, Mode::Machine, Secrets::Redacted, &told);
    assert!(!text.contains(sandbox.key().secret()) && text.contains(sandbox.key().name()));
    assert!(!text.contains(auth.token_details().unwrap().token.expose()));
}

#[tokio::test]
async fn a_sink_that_panics_is_left_and_the_client_goes_on() {
    let sandbox = sandbox().await;
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&calls);
    let sink = move |_: &str| {
        assert!(counted.fetch_add(1, Ordering::Relaxed) < 2, "the disk is full");
    };
    let realtime = builder_with_callback(&sandbox, sandbox.key(), HOUR).record(sink).build().unwrap();
    live(&sandbox, &realtime).await;
    assert_eq!(calls.load(Ordering::Relaxed), 3, "the header, the first line, and the one it panicked on");
}

#[tokio::test]
async fn a_sink_may_use_its_client() {
    let sandbox = sandbox().await;
    let recording = Recording::default();
    let client: Arc<OnceLock<Realtime>> = Arc::default();
    let (handle, mut write) = (Arc::clone(&client), recording.sink());
    let sink = move |line: &str| {
        write(line);
        if line.contains(r#""authorize":"#) {
            handle.get().expect("there is a client by then").network(true);
        }
    };
    let realtime = builder_with_callback(&sandbox, sandbox.key(), HOUR).record(sink).build().unwrap();
    client.set(realtime.clone()).unwrap();
    live(&sandbox, &realtime).await;
    check(&recording, Mode::Realtime, Secrets::Redacted, &[r#""network":{"up":true}"#]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_happens_at_once_is_recorded_in_the_order_in_which_it_happened() {
    let sandbox = sandbox().await;
    let recording = Recording::default();
    let client = builder_with_callback(&sandbox, sandbox.key(), HOUR).record(recording.sink());
    let realtime = client.build().unwrap();
    let mut tasks = JoinSet::new();
    for number in 0..40 {
        let auth = realtime.auth().clone();
        tasks.spawn(async move {
            match number % 4 {
                0 => drop(auth.authorize(None, None).await.unwrap()),
                1 => drop(auth.request_token(None, None).await.unwrap()),
                _ => drop(auth.request(RestRequest::new("GET", "/channels/news")).await.unwrap()),
            }
        });
    }
    tasks.join_all().await;
    let text = check(&recording, Mode::Realtime, Secrets::Redacted, &[r#""op":40"#]);
    assert!(sandbox.tokens().iter().all(|token| !text.contains(token.token.expose())));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sink_that_is_stuck_is_left_and_the_client_goes_on() {
    let (entered, is_in) = mpsc::channel();
    let (release, released) = mpsc::channel::<()>();
    let recording = Recording::default();
    let mut write = recording.sink();
    let sink = move |line: &str| {
        write(line);
        if line.contains(r#""tokenRejected":"#) {
            entered.send(()).unwrap();
            // Until there is nobody any more who could release it.
            let _ = released.recv();
        }
    };
    let auth = Auth::builder(ClientOptions::new("a.token").unwrap()).record(sink).build().unwrap();
    let reject = |auth: &Auth| {
        let error = Error::new(ErrorKind::Rejected, 40_142, 401, "expired");
        auth.token_rejected("another.token", error).unwrap();
    };
    let stuck = auth.clone();
    let stuck = tokio::task::spawn_blocking(move || reject(&stuck));
    is_in.recv().unwrap();

    for _ in 0..2_000 {
        reject(&auth);
    }
    assert_eq!(auth.credentials().await.unwrap().authorization(), "Bearer a.token");

    drop(release);
    stuck.await.unwrap();
    let text = check(&recording, Mode::Machine, Secrets::Redacted, &[r#""tokenRejected":{"#]);
    let rejections = text.matches(r#""tokenRejected":{"#).count();
    assert!((900..1_100).contains(&rejections), "{rejections} of 2001 lines");
}
