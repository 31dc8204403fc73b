//! The Auth object at work: tokens, capabilities, an expiry, a signed request, a revocation.
//!
//! ```text
//! cargo run --all-features --example quickstart
//! ```
//!
//! Everything goes over real HTTP, to a sandbox inside this process; with a key in `ABLY_API_KEY`, to Ably.

#![allow(clippy::disallowed_methods, reason = "it waits for a token to expire, and tells the time")]

use std::error::Error;
use std::fmt::Display;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use ably_auth::options::{AuthOptions, ClientOptions, TokenOption};
use ably_auth::sandbox::Sandbox;
use ably_auth::tokio::{Auth, Builder};
use ably_auth::wire::{Capability, TokenDetails, TokenParams, TokenRevocationResult, TokenRevocationTargetSpecifier};
use ably_auth::{RestRequest, Revocation};
use tokio::task::JoinSet;
use tokio::time::sleep;

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
    let auth = service.builder(options)?.build()?;

    let token = auth.authorize(Some(allowing("news")?), None).await?;
    timeline.line('✓', "get a token", describe(token));
    expect(&auth, "news", 200).await?;
    expect(&auth, "sport", 401).await?;
    timeline.line('✓', "use it", "news is allowed, sport is refused");

    let token = auth.authorize(Some(allowing("sport")?), None).await?;
    timeline.line('✓', "authorize", describe(token));
    expect(&auth, "sport", 200).await?;
    expect(&auth, "news", 401).await?;
    timeline.line('✓', "use it", "sport is allowed, news is refused");
    Ok(())
}

/// A client that asks a callback for tokens; behind it stands the owner of the key, as on a server of one's own.
async fn live_through_an_expiry(service: &Service, timeline: &Timeline) -> Result<()> {
    const REQUESTS: usize = 20;
    const LIFETIME: Duration = Duration::from_secs(5);
    let owner = service.owner(&service.key)?;
    let calls = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&calls);
    let builder = service.builder(service.options(AuthOptions::default()))?.auth_callback(move |mut params| {
        counter.fetch_add(1, Ordering::SeqCst);
        params.ttl = Some(LIFETIME.as_millis() as i64);
        let owner = owner.clone();
        async move { owner.request_token(Some(params), None).await }
    });
    let auth = builder.build()?;
    expect(&auth, "news", 200).await?;
    timeline.line('✓', "ask a callback", describe(auth.token_details()));

    service.outlive(LIFETIME).await;
    let before = calls.load(Ordering::SeqCst);
    let mut requests = JoinSet::new();
    for _ in 0..REQUESTS {
        let auth = auth.clone();
        requests.spawn(async move { expect(&auth, "news", 200).await });
    }
    while let Some(outcome) = requests.join_next().await {
        outcome??;
    }
    let renewals = calls.load(Ordering::SeqCst) - before;
    check(renewals == 1, || format!("{renewals} renewals"))?;
    timeline.line('✓', "expire", format!("then {REQUESTS} requests at once: {REQUESTS} answers, {renewals} renewal"));
    Ok(())
}

/// The owner of the key signs; somebody without a key gets a token for it.
async fn hand_out_a_signed_request(service: &Service, timeline: &Timeline) -> Result<()> {
    let params = TokenParams { client_id: Some("grace".into()), ..allowing("weather")? };
    let request = service.owner(&service.key)?.create_token_request(Some(params), None).await?;
    timeline.line('✓', "sign a request", format!("with {}", request.key_name));

    let mut given = AuthOptions::default();
    given.token = Some(TokenOption::Request(request));
    let auth = service.builder(service.options(given))?.build()?;
    expect(&auth, "weather", 200).await?;
    expect(&auth, "news", 401).await?;
    timeline.line('✓', "exchange it", describe(auth.token_details()));
    Ok(())
}

/// The owner of the key revokes what somebody holds.
async fn revoke(service: &Service, timeline: &Timeline) -> Result<()> {
    let owner = service.owner(&service.revocable_key)?;
    let params = TokenParams { client_id: Some("mallory".into()), ..allowing("news")? };
    let token = owner.request_token(Some(params), None).await?;
    let holder = service.builder(service.options(AuthOptions::with_token(token)))?.build()?;
    expect(&holder, "news", 200).await?;

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

    service.settle().await;
    let refusal = match holder.request(probe("news")).await {
        Ok(response) => return Err(format!("a revoked token was good for {}", response.response.status).into()),
        Err(error) => error,
    };
    let cause = refusal.cause().unwrap_or(&refusal);
    check(cause.is_token_error(), || format!("refused for another reason: {refusal}"))?;
    timeline.line('✓', "use it", format!("mallory is refused: {cause}"));
    Ok(())
}

/// What the service says where the tokens of a key cannot be revoked.
const NOT_REVOCABLE: u32 = 40_163;

/// A request that needs the operation `channel-metadata` on the channel.
fn probe(channel: &str) -> RestRequest {
    RestRequest::new("GET", format!("/channels/{channel}"))
}

fn allowing(channel: &str) -> Result<TokenParams> {
    let capability = Capability::new([(channel, ["channel-metadata"])])?;
    Ok(TokenParams { capability: Some(capability), ..TokenParams::default() })
}

async fn expect(auth: &Auth, channel: &str, status: u16) -> Result<()> {
    let response = auth.request(probe(channel)).await?;
    let got = response.response.status;
    check(got == status, || {
        let why = response.error_message.unwrap_or_default();
        format!("channel {channel}: expected status {status}, got {got} {why}")
    })
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
            None => "Ably".into(),
        }
    }

    fn options(&self, auth: AuthOptions) -> ClientOptions {
        match &self.sandbox {
            Some(sandbox) => sandbox.options(auth),
            None => ClientOptions::with_auth(auth),
        }
    }

    fn builder(&self, options: ClientOptions) -> Result<Builder<Auth>> {
        let builder = Auth::builder(options);
        match &self.sandbox {
            Some(sandbox) => Ok(builder.root_certificates_pem(sandbox.root_certificate_pem())?),
            None => Ok(builder),
        }
    }

    /// A client that has the key and uses basic auth.
    fn owner(&self, key: &str) -> Result<Auth> {
        Ok(self.builder(self.options(AuthOptions::with_key(key)?))?.build()?)
    }

    /// Lets a token of that lifetime expire. The sandbox's clock is simply put forward.
    async fn outlive(&self, lifetime: Duration) {
        let lifetime = lifetime + Duration::from_secs(1);
        match &self.sandbox {
            Some(sandbox) => sandbox.advance(lifetime.as_millis() as i64),
            None => sleep(lifetime).await,
        }
    }

    /// Lets a revocation reach all of the service.
    async fn settle(&self) {
        if self.sandbox.is_none() {
            sleep(Duration::from_secs(3)).await;
        }
    }
}
