//! The Auth object at work on a live connection: tokens, capabilities, re-authentication, an expiry, a signed request,
//! a revocation.
//!
//! ```text
//! cargo run --all-features --example quickstart
//! ```
//!
//! Everything goes over real HTTP and real WebSockets, to a sandbox inside this process; with a key in `ABLY_API_KEY`,
//! to Ably.

#![allow(clippy::disallowed_methods, reason = "it tells the time")]

use std::error::Error;
use std::fmt::Display;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use ably_auth::connection::ConnectionEventKind;
use ably_auth::options::{AuthOptions, ClientOptions, TokenOption};
use ably_auth::sandbox::Sandbox;
use ably_auth::tokio::{Auth, Builder, Frames, Realtime, StateChanges};
use ably_auth::wire::{
    Capability, ProtocolMessage, TokenDetails, TokenParams, TokenRevocationResult, TokenRevocationTargetSpecifier,
    action,
};
use ably_auth::{ConnectionState, Revocation};
use serde_json::{Value, json};
use tokio::time::timeout;

type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

#[tokio::main]
async fn main() -> ExitCode {
    let timeline = Timeline { start: Instant::now() };
    match run(&timeline).await {
        Ok(()) => {
            timeline.line('✓', "done", "everything came out as it should");
            ExitCode::SUCCESS
        }
        Err(error) => {
            timeline.line('✗', "failed", error);
            ExitCode::FAILURE
        }
    }
}

async fn run(timeline: &Timeline) -> Result<()> {
    let service = Service::from_environment().await?;
    println!("ably-auth quickstart, with {}\n", service.name());
    change_capability(&service, timeline).await?;
    answer_the_server(&service, timeline).await?;
    live_through_an_expiry(&service, timeline).await?;
    hand_out_a_signed_request(&service, timeline).await?;
    revoke(&service, timeline).await
}

/// A client that has the key and uses tokens: it signs requests for them, and exchanges those itself.
async fn change_capability(service: &Service, timeline: &Timeline) -> Result<()> {
    let mut with_key = AuthOptions::with_key(&service.key)?;
    with_key.use_token_auth = Some(true);
    let mut options = service.options(with_key);
    options.client_id = Some("ada".into());
    options.auto_connect = Some(false);
    let mut ada = Client::of(service.realtime(options)?.build()?);

    let token = ada.auth().authorize(Some(allowing("news")?), None).await?;
    timeline.line('✓', "get a token", describe(token));
    let id = ada.id()?;
    timeline.line('✓', "connect", format!("as connection {id}"));
    ada.expect("news", true).await?;
    ada.expect("sport", false).await?;
    timeline.line('✓', "publish", "news is allowed, sport is refused");

    let token = ada.auth().authorize(Some(allowing("sport")?), None).await?;
    timeline.line('✓', "authorize", describe(token));
    ada.expect("sport", true).await?;
    ada.expect("news", false).await?;
    check(ada.id()? == id, || "the connection is another one".into())?;
    timeline.line('✓', "publish", "sport is allowed, news is refused, over the same connection");
    ada.realtime.close().await;
    Ok(())
}

/// Half a minute before a token ends the server asks for another. The client asks a callback; behind it stands the
/// owner of the key, as on a server of one's own.
async fn answer_the_server(service: &Service, timeline: &Timeline) -> Result<()> {
    let (mut client, calls) = client_with_callback(service, Duration::from_secs(40))?;
    client.realtime.connected().await?;
    let (id, token) = (client.id()?, client.auth().token_details());
    timeline.line('✓', "ask a callback", describe(token.clone()));

    // The sandbox's clock is put forward; with Ably it takes these ten seconds.
    service.advance(Duration::from_secs(10));
    client.until("an update", |event| matches!(event, ConnectionEventKind::Update(_))).await?;
    check(client.auth().token_details() != token, || "the token is the same".into())?;
    check(client.id()? == id, || "the connection is another one".into())?;
    check(calls.load(Ordering::SeqCst) == 2, || "the callback was not called once for each token".into())?;
    timeline.line('✓', "be asked", "the server wanted another token, and has it: never disconnected");
    client.realtime.close().await;
    Ok(())
}

/// A token that lives for five seconds is too short-lived for the server to ask in time.
async fn live_through_an_expiry(service: &Service, timeline: &Timeline) -> Result<()> {
    const LIFETIME: Duration = Duration::from_secs(5);
    let (mut client, calls) = client_with_callback(service, LIFETIME)?;
    client.realtime.connected().await?;
    let id = client.id()?;
    timeline.line('✓', "ask a callback", describe(client.auth().token_details()));

    service.advance(LIFETIME);
    client.until_state(ConnectionState::Disconnected).await?;
    let before = calls.load(Ordering::SeqCst);
    client.until_state(ConnectionState::Connected).await?;
    check(client.id()? == id, || "the connection is another one".into())?;
    check(calls.load(Ordering::SeqCst) <= before + 1, || "more than one renewal".into())?;
    timeline.line('✓', "expire", "disconnected by the server; one renewal, and the same connection again");
    client.realtime.close().await;
    Ok(())
}

/// The owner of the key signs; somebody without a key gets a token for it.
async fn hand_out_a_signed_request(service: &Service, timeline: &Timeline) -> Result<()> {
    let params = TokenParams { client_id: Some("grace".into()), ..allowing("weather")? };
    let request = service.owner(&service.key)?.create_token_request(Some(params), None).await?;
    timeline.line('✓', "sign a request", format!("with {}", request.key_name));

    let mut given = AuthOptions::default();
    given.token = Some(TokenOption::Request(request));
    let mut grace = Client::of(service.realtime(service.options(given))?.build()?);
    grace.realtime.connected().await?;
    grace.expect("weather", true).await?;
    grace.expect("news", false).await?;
    timeline.line('✓', "exchange it", describe(grace.auth().token_details()));
    grace.realtime.close().await;
    Ok(())
}

/// The owner of the key revokes what somebody holds.
async fn revoke(service: &Service, timeline: &Timeline) -> Result<()> {
    /// What the service says where the tokens of a key cannot be revoked.
    const NOT_REVOCABLE: u32 = 40_163;
    let owner = service.owner(&service.revocable_key)?;
    let params = TokenParams { client_id: Some("mallory".into()), ..allowing("news")? };
    let token = owner.request_token(Some(params), None).await?;
    let mut mallory = Client::of(service.realtime(service.options(AuthOptions::with_token(token)))?.build()?);
    mallory.realtime.connected().await?;
    mallory.expect("news", true).await?;

    let revocation = Revocation::new([TokenRevocationTargetSpecifier::client_id("mallory")]);
    let result = match owner.revoke_tokens(revocation).await {
        Err(error) if error.code() == NOT_REVOCABLE => {
            timeline.line('-', "revoke", "left out: this key's tokens cannot be revoked");
            return Ok(());
        }
        result => result?,
    };
    let succeeded = matches!(result.results[..], [TokenRevocationResult::Success(_)]);
    check(succeeded, || format!("the revocation failed: {result:?}"))?;
    timeline.line('✓', "revoke", "every token of mallory");

    mallory.until_state(ConnectionState::Failed).await?;
    let reason = mallory.realtime.error_reason().ok_or("the connection failed without a reason")?;
    check(reason.is_token_error(), || format!("it failed for another reason: {reason}"))?;
    timeline.line('✓', "see the effect", format!("mallory's connection is over: {reason}"));
    Ok(())
}

/// A client that gets tokens of that lifetime from a callback, and how often it has asked.
fn client_with_callback(service: &Service, lifetime: Duration) -> Result<(Client, Arc<AtomicUsize>)> {
    let owner = service.owner(&service.key)?;
    let calls = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&calls);
    let builder = service.realtime(service.options(AuthOptions::default()))?.auth_callback(move |mut params| {
        counter.fetch_add(1, Ordering::SeqCst);
        params.ttl = Some(lifetime.as_millis() as i64);
        let owner = owner.clone();
        async move { owner.request_token(Some(params), None).await }
    });
    Ok((Client::of(builder.build()?), calls))
}

/// A realtime client, and what is heard of it.
struct Client {
    realtime: Realtime,
    changes: StateChanges,
    frames: Frames,
    next_serial: u64,
}

impl Client {
    fn of(realtime: Realtime) -> Client {
        Client { changes: realtime.state_changes(), frames: realtime.frames(), realtime, next_serial: 0 }
    }

    fn auth(&self) -> &Auth {
        self.realtime.auth()
    }

    fn id(&self) -> Result<String> {
        self.realtime.id().ok_or_else(|| "there is no connection id".into())
    }

    /// Publishes to the channel, and checks that the service takes it, or does not.
    async fn expect(&mut self, channel: &str, allowed: bool) -> Result<()> {
        let serial = self.next_serial;
        self.next_serial += 1;
        let frame = json!({ "action": action::MESSAGE, "channel": channel, "msgSerial": serial,
            "messages": [{ "name": "greeting", "data": "hello" }] });
        let Value::Object(members) = frame else { return Err("a frame is an object".into()) };
        self.realtime.send(ProtocolMessage::from_members(members)).await?;
        let answer = in_time("an answer to a message", async {
            loop {
                let frame = self.frames.next().await?;
                let is_answer = matches!(frame.action(), action::ACK | action::NACK);
                if is_answer && frame.member("msgSerial") == Some(&json!(serial)) {
                    return Some(frame);
                }
            }
        });
        let answer = answer.await?;
        check((answer.action() == action::ACK) == allowed, || {
            let why = answer.error().map_or_else(|| "it was taken".into(), |error| error.to_string());
            format!("a message to {channel}: {why}")
        })
    }

    async fn until_state(&mut self, state: ConnectionState) -> Result<()> {
        let wanted = ConnectionEventKind::State(state);
        self.until(&format!("the state {state:?}"), |event| event == wanted).await
    }

    /// Waits for a change of the connection.
    async fn until(&mut self, what: &str, is_wanted: impl Fn(ConnectionEventKind) -> bool) -> Result<()> {
        in_time(what, async {
            loop {
                if is_wanted(self.changes.next().await?.event) {
                    return Some(());
                }
            }
        })
        .await
    }
}

/// What comes within a minute.
async fn in_time<T>(what: &str, coming: impl Future<Output = Option<T>>) -> Result<T> {
    let came = timeout(Duration::from_secs(60), coming).await.map_err(|_| format!("{what} did not come"))?;
    came.ok_or_else(|| format!("the client ended before {what} came").into())
}

fn allowing(channel: &str) -> Result<TokenParams> {
    let capability = Capability::new([(channel, ["publish"])])?;
    Ok(TokenParams { capability: Some(capability), ..TokenParams::default() })
}

fn check(holds: bool, otherwise: impl FnOnce() -> String) -> Result<()> {
    if holds { Ok(()) } else { Err(otherwise().into()) }
}

fn describe(token: Option<TokenDetails>) -> String {
    let Some(token) = token else { return "no token".into() };
    let client_id = token.client_id.as_deref().unwrap_or("anybody");
    let seconds = token.expires.zip(token.issued).map_or(0, |(expires, issued)| (expires - issued) / 1_000);
    format!("for {client_id}, {seconds} s: {}", token.capability.unwrap_or_default())
}

/// Prints what happened, and when.
struct Timeline {
    start: Instant,
}

impl Timeline {
    fn line(&self, mark: char, what: &str, detail: impl Display) {
        println!("{:7.3} s  {mark} {what:<15} {detail}", self.start.elapsed().as_secs_f64());
    }
}

/// Who answers: a sandbox, or Ably.
struct Service {
    sandbox: Option<Sandbox>,
    key: String,
    revocable_key: String,
}

impl Service {
    async fn from_environment() -> Result<Service> {
        if let Ok(key) = std::env::var("ABLY_API_KEY") {
            return Ok(Service { sandbox: None, revocable_key: key.clone(), key });
        }
        let sandbox = Sandbox::start().await?;
        let revocable_key = sandbox.revocable_key().ok_or("the sandbox has no revocable key")?.expose().into();
        Ok(Service { key: sandbox.key().expose().into(), revocable_key, sandbox: Some(sandbox) })
    }

    fn name(&self) -> String {
        match &self.sandbox {
            Some(sandbox) => format!("a sandbox at {}", sandbox.secure_url("")),
            None => "Ably; what a sandbox's clock does at once takes its time".into(),
        }
    }

    fn options(&self, auth: AuthOptions) -> ClientOptions {
        match &self.sandbox {
            Some(sandbox) => sandbox.options(auth),
            None => ClientOptions::with_auth(auth),
        }
    }

    fn realtime(&self, options: ClientOptions) -> Result<Builder<Realtime>> {
        self.trusting(Realtime::builder(options))
    }

    /// A client that has the key and uses basic auth.
    fn owner(&self, key: &str) -> Result<Auth> {
        Ok(self.trusting(Auth::builder(self.options(AuthOptions::with_key(key)?)))?.build()?)
    }

    fn trusting<T>(&self, builder: Builder<T>) -> Result<Builder<T>> {
        match &self.sandbox {
            Some(sandbox) => Ok(builder.root_certificates_pem(sandbox.root_certificate_pem())?),
            None => Ok(builder),
        }
    }

    /// Puts the sandbox's clock forward. Ably's goes by itself.
    fn advance(&self, time: Duration) {
        if let Some(sandbox) = &self.sandbox {
            sandbox.advance(time.as_millis() as i64);
        }
    }
}
