//! Whatever is asked of a client over real sockets, and whatever goes wrong, nothing that ends up in a log shows a
//! secret: no `Debug` or `Display` of handles, errors, notices and changes, nothing told to `tracing`, by whichever
//! crate, and nothing that the sandbox shows of what it saw.
#![cfg(all(feature = "tokio", feature = "sandbox"))]

use std::fmt::{Debug, Write as _};
use std::sync::{Arc, Mutex};

use ably_auth::connection::ConnectionEventKind;
use ably_auth::options::{AuthMethod, AuthOptions};
use ably_auth::sandbox::{Effect, Fault, Sandbox, Trigger};
use ably_auth::tokio::Realtime;
use ably_auth::wire::{TokenDetails, TokenParams, TokenRequest, action};
use ably_auth::{ConnectionState, Error, ErrorKind, RestRequest};
use proptest::prelude::*;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

/// What every secret holds that is not made by the sandbox.
const CANARY: &str = "CANARY";

/// All that anybody said.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<String>>);

impl Log {
    fn line(&self, line: &str) {
        writeln!(self.0.lock().unwrap(), "{line}").unwrap();
    }

    fn debug(&self, value: &impl Debug) {
        self.line(&format!("{value:?} {value:#?}"));
    }

    /// An error with its causes, in every way there is to show it.
    fn error(&self, error: &Error) {
        self.debug(error);
        self.line(&serde_json::to_string(error).unwrap());
        let chain = std::iter::successors(Some(error as &dyn std::error::Error), |error| error.source());
        chain.for_each(|error| self.line(&error.to_string()));
    }

    fn outcome<T: Debug>(&self, outcome: Result<T, Error>) {
        match outcome {
            Ok(value) => self.debug(&value),
            Err(error) => self.error(&error),
        }
    }

    fn record(&self, metadata: &Metadata<'_>, visit: impl FnOnce(&mut Line)) {
        let mut line = Line(format!("{} {}", metadata.target(), metadata.name()));
        visit(&mut line);
        self.line(&line.0);
    }
}

struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        write!(self.0, " {field}={value:?}").unwrap();
    }
}

impl Subscriber for Log {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        self.record(span.metadata(), |line| span.record(line));
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, values: &Record<'_>) {
        let mut line = Line(String::new());
        values.record(&mut line);
        self.line(&line.0);
    }

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        Log::record(self, event.metadata(), |line| event.record(line));
    }

    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

/// Where the client gets its tokens from.
#[derive(Clone, Copy, Debug)]
enum Source {
    Key,
    Callback,
    /// The first call panics, and its message holds a token.
    PanickingCallback,
    Url(AuthMethod, &'static str),
}

#[derive(Clone, Debug)]
enum Step {
    Authorize,
    RequestToken,
    CreateTokenRequest,
    Request,
    Fault(Fault),
    Drop,
    Reauth,
    Revoked,
}

fn source() -> impl Strategy<Value = Source> {
    let method = prop_oneof![Just(AuthMethod::Get), Just(AuthMethod::Post)];
    let answer = prop::sample::select(vec![
        "details",
        "token",
        "request",
        "html",
        "error?message=CANARY-header",
        "body?body=%7B%22token%22:%5B%22CANARY-body%22%5D%7D",
        "redirect",
    ]);
    prop_oneof![
        1 => Just(Source::Key),
        1 => Just(Source::Callback),
        1 => Just(Source::PanickingCallback),
        4 => (method, answer).prop_map(|(method, answer)| Source::Url(method, answer)),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let error = || Error::new(ErrorKind::Rejected, 40142, 401, "token expired");
    let on_request = prop::sample::select(vec![
        Effect::Drop,
        Effect::Status { status: 503 },
        Effect::Refuse { error: error() },
        Effect::Malformed,
        Effect::Cut,
        Effect::ContentType { content_type: "text/html".into() },
        Effect::Replay,
    ]);
    let on_frame = prop::sample::select(vec![
        Effect::Drop,
        Effect::Refuse { error: error() },
        Effect::Disconnect { error: error() },
    ]);
    prop_oneof![
        Just(Step::Authorize),
        Just(Step::RequestToken),
        Just(Step::CreateTokenRequest),
        Just(Step::Request),
        on_request.prop_map(|effect| Step::Fault(Fault::new(Trigger::path("/"), effect))),
        on_frame.prop_map(|effect| Step::Fault(Fault::new(Trigger::frame(action::AUTH), effect))),
        Just(Step::Drop),
        Just(Step::Reauth),
        Just(Step::Revoked),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nothing_that_is_shown_holds_a_secret(source in source(), steps in prop::collection::vec(step(), 1..8)) {
        let log = Log::default();
        let _guard = tracing::subscriber::set_default(log.clone());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let secrets = runtime.block_on(play(source, &steps, &log));
        let said = log.0.lock().unwrap();
        prop_assert!(said.contains("ably_auth::tokio"), "nothing was said");
        for secret in secrets {
            prop_assert!(!said.contains(&secret), "{secret} shows in:\n{said}");
        }
    }
}

/// Plays the steps, and returns every secret there was.
async fn play(source: Source, steps: &[Step], log: &Log) -> Vec<String> {
    let sandbox = Arc::new(Sandbox::start().await.unwrap());
    let mut options = sandbox.options(auth_options(source, &sandbox));
    options.realtime_request_timeout = 500;
    options.disconnected_retry_timeout = 10;
    options.transport_params.push(("secret".into(), "CANARY-transport".into()));
    let builder = Realtime::builder(options).root_certificates_pem(sandbox.root_certificate_pem()).unwrap();
    let builder = builder.callback("tokens", callback(source, &sandbox));
    log.debug(&builder);
    let mut notices = builder.notices();
    let realtime = builder.build().unwrap();
    let mut changes = realtime.state_changes();
    let mut secrets = vec![CANARY.to_owned()];

    for step in steps {
        let auth = realtime.auth();
        match step {
            Step::Authorize => log.outcome(auth.authorize(None, None).await),
            Step::RequestToken => log.outcome(auth.request_token(None, None).await),
            Step::CreateTokenRequest => {
                let request = auth.create_token_request(None, None).await;
                secrets.extend(request.iter().filter_map(|request| Some(request.mac.as_ref()?.expose().to_owned())));
                log.outcome(request);
            }
            Step::Request => {
                let mut request = RestRequest::new("GET", "/channels/test/messages").with_body("CANARY-rest-body");
                request.headers.append("X-Secret", "CANARY-rest-header");
                request.params.push(("secret".into(), "CANARY-rest-param".into()));
                log.debug(&request);
                log.outcome(auth.request(request).await);
            }
            Step::Fault(fault) => {
                sandbox.inject(fault.clone()).unwrap();
            }
            Step::Drop => drop(sandbox.drop_all_sockets()),
            Step::Reauth => drop(sandbox.request_reauth_of_all()),
            Step::Revoked => {
                if let Some(token) = auth.token_details() {
                    let message = format!("Invalid accessToken in request: {}", token.token.expose());
                    let error = Error::new(ErrorKind::Rejected, 40141, 401, message);
                    auth.token_rejected(token.token, error).unwrap();
                }
            }
        }
        secrets.extend(realtime.key().iter().chain(&realtime.create_recovery_key()).map(|key| key.expose().to_owned()));
        log.debug(&realtime);
        log.debug(auth);
    }
    sandbox.clear_faults();
    // Only what came of it is looked at here, not that it goes well: some sources never do.
    log.outcome(realtime.auth().authorize(None, None).await);
    secrets.extend(realtime.key().iter().map(|key| key.expose().to_owned()));
    realtime.close().await;
    drop(realtime);
    while let Some(change) = changes.next().await {
        log.debug(&change);
        log.line(&serde_json::to_string(&change).unwrap());
        if let (ConnectionEventKind::State(ConnectionState::Failed), Some(reason)) = (change.event, &change.reason) {
            log.error(reason);
        }
    }
    while let Some(notice) = notices.next().await {
        log.debug(&notice);
        log.line(&serde_json::to_string(&notice).unwrap());
        notice.error.iter().for_each(|error| log.error(error));
    }
    log.debug(&sandbox);
    log.debug(&sandbox.requests());
    log.debug(&sandbox.frames());
    log.debug(&sandbox.connections());
    log.debug(&sandbox.tokens());
    secrets.extend(sandbox.tokens().iter().map(|token| token.token.expose().to_owned()));
    secrets.extend(sandbox.keys().iter().map(|key| key.secret().to_owned()));
    secrets
}

fn auth_options(source: Source, sandbox: &Sandbox) -> AuthOptions {
    match source {
        Source::Key => {
            let mut auth = AuthOptions::with_key(sandbox.key().expose()).unwrap();
            auth.use_token_auth = Some(true);
            auth
        }
        Source::Callback | Source::PanickingCallback => AuthOptions::with_callback("tokens"),
        Source::Url(method, answer) => {
            let separator = if answer.contains('?') { '&' } else { '?' };
            let url = sandbox.secure_auth_url(&format!("{answer}{separator}q=CANARY-query"));
            let mut auth = AuthOptions::with_url(&url).unwrap();
            auth.auth_method = method;
            auth.auth_headers.append("X-Session", "CANARY-header");
            auth.auth_params.push(("ticket".into(), "CANARY-param".into()));
            auth
        }
    }
}

fn callback(
    source: Source,
    sandbox: &Arc<Sandbox>,
) -> impl Fn(TokenParams) -> std::future::Ready<Result<TokenDetails, Error>> + Send + Sync + use<> {
    let (sandbox, calls) = (Arc::clone(sandbox), Mutex::new(0));
    move |_| {
        let mut calls = calls.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        *calls += 1;
        if let (Source::PanickingCallback, 1) = (source, *calls) {
            // Without a word of the panic hook's to standard error, which is the program's own.
            std::panic::resume_unwind(Box::new("CANARY-panic".to_owned()));
        }
        std::future::ready(sandbox.issue_token(&TokenRequest::new(sandbox.key().name())))
    }
}
