//! An application with a client: it asks for this and that, and does not put up with a connection that has failed.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use ably_auth::connection::ConnectionEventKind;
use ably_auth::options::{AuthOptions, ClientOptions};
use ably_auth::sandbox::Sandbox;
use ably_auth::tokio::{Auth, Realtime};
use ably_auth::wire::{TokenDetails, TokenParams, TokenRequest, TokenRevocationTargetSpecifier};
use ably_auth::{ConnectionState, Error, ErrorKind, RestRequest, Revocation};
use tokio::sync::watch;
use tokio::time::sleep;

use super::ledger::{Ledger, RECONNECTED, RENEWED};
use super::random::Random;

/// How long tokens live, in milliseconds: the sandbox asks for another one 30 s before the end, so after seconds.
const SHORTEST_TTL: i64 = 31_000;
const TTL_VARIES_BY: u64 = 5_000;

/// An application. Dropping it ends it once the storm signal's sender is dropped too.
pub(super) struct Application {
    realtime: Realtime,
}

impl Application {
    /// Starts a client and what uses it. It uses it while there is a storm.
    pub(super) fn start(
        number: u32,
        sandbox: &Arc<Sandbox>,
        storm: &watch::Receiver<bool>,
        ledger: &Arc<Ledger>,
        is_bad: &Arc<AtomicBool>,
        mut random: Random,
    ) -> Result<Self, Error> {
        let realtime = client(number, sandbox, is_bad, &mut random)?;
        tokio::spawn(keep_connected(realtime.clone(), storm.clone(), Arc::clone(ledger)));
        tokio::spawn(use_client(realtime.clone(), storm.clone(), Arc::clone(ledger), random));
        Ok(Application { realtime })
    }

    pub(super) fn is_connected(&self) -> bool {
        self.realtime.state() == ConnectionState::Connected
    }
}

impl Application {
    /// What is known about a client that is not connected.
    pub(super) fn trouble(&self) -> Option<String> {
        (!self.is_connected()).then(|| format!("{:?}", self.realtime))
    }
}

/// A client that gets its tokens by a key, from an auth server or from a callback; every tenth uses TLS.
fn client(
    number: u32,
    sandbox: &Arc<Sandbox>,
    is_bad: &Arc<AtomicBool>,
    random: &mut Random,
) -> Result<Realtime, Error> {
    let key = sandbox.revocable_key().unwrap_or_else(|| sandbox.key()).clone();
    let ttl = SHORTEST_TTL + random.below(TTL_VARIES_BY) as i64;
    let auth = match number % 3 {
        0 => {
            let mut auth = AuthOptions::with_key(key.expose())?;
            auth.use_token_auth = Some(true);
            auth
        }
        1 => AuthOptions::with_url(&sandbox.auth_url(&format!("details?keyName={}", key.name())))?,
        _ => AuthOptions::with_callback("issue"),
    };
    let mut options = sandbox.options(auth);
    options.tls = number % 10 == 0;
    options.default_token_params.ttl = Some(ttl);
    let source = (Arc::clone(sandbox), Arc::clone(is_bad), Arc::new(std::sync::Mutex::new(random.fork())));
    let issue = move |params: TokenParams| {
        let (sandbox, is_bad, random) = source.clone();
        let (fate, key_name) = (random.lock().map_or(9, |mut random| random.below(10)), key.name().to_owned());
        async move {
            if is_bad.load(Ordering::Relaxed) {
                match fate {
                    0 => return Err(Error::new(ErrorKind::Rejected, 0, 0, "no token today")),
                    1 => sleep(Duration::from_secs(3)).await,
                    _ => {}
                }
            }
            issue(&sandbox, &key_name, params)
        }
    };
    impatient(sandbox, options)?.callback("issue", issue).build()
}

fn issue(sandbox: &Sandbox, key_name: &str, params: TokenParams) -> Result<TokenDetails, Error> {
    let mut wanted = TokenRequest::new(key_name);
    wanted.ttl = params.ttl;
    wanted.client_id = params.client_id;
    sandbox.issue_token(&wanted)
}

/// A client that waits for nothing for longer than two seconds.
fn impatient(sandbox: &Sandbox, mut options: ClientOptions) -> Result<ably_auth::tokio::Builder<Realtime>, Error> {
    options.http_open_timeout = 2_000;
    options.http_request_timeout = 2_000;
    options.realtime_request_timeout = 2_000;
    options.disconnected_retry_timeout = 200;
    options.suspended_retry_timeout = 500;
    Realtime::builder(options).root_certificates_pem(sandbox.root_certificate_pem())
}

/// Connects a client again that would not do so by itself.
async fn keep_connected(realtime: Realtime, mut storm: watch::Receiver<bool>, ledger: Arc<Ledger>) {
    let mut changes = realtime.state_changes();
    let mut was_connected = false;
    loop {
        let change = tokio::select! {
            change = changes.next() => change,
            () = over(&mut storm) => return,
        };
        match change.map(|change| change.event) {
            Some(ConnectionEventKind::Update(_)) => ledger.note(RENEWED),
            Some(ConnectionEventKind::State(ConnectionState::Connected)) => {
                ledger.note(if was_connected { RECONNECTED } else { "connected" });
                was_connected = true;
            }
            Some(ConnectionEventKind::State(ConnectionState::Failed)) => {
                ledger.note("failed, and told to connect");
                realtime.connect();
            }
            Some(ConnectionEventKind::State(ConnectionState::Suspended)) => ledger.note("suspended"),
            Some(_) => {}
            None => return,
        }
    }
}

/// Asks the client for this and that while there is a storm.
async fn use_client(realtime: Realtime, mut storm: watch::Receiver<bool>, ledger: Arc<Ledger>, mut random: Random) {
    let auth = realtime.auth();
    while storm.wait_for(|storm| *storm).await.is_ok() {
        sleep(Duration::from_millis(200 + random.below(2_500))).await;
        // The storm may be over by now.
        if !*storm.borrow() {
            continue;
        }
        let patience = random.one_in(8).then(|| Duration::from_millis(random.below(40)));
        match random.below(14) {
            0 | 1 => ledger.perform("authorize", patience, auth.authorize(None, None)).await,
            2 | 3 => ledger.perform("request_token", patience, auth.request_token(None, None)).await,
            4 => ledger.perform("time", patience, auth.time()).await,
            5 => ledger.perform("credentials", patience, auth.credentials()).await,
            6 => {
                let closing = async {
                    realtime.close().await;
                    Ok(())
                };
                ledger.perform("close", patience, closing).await;
                realtime.connect();
            }
            7 => {
                realtime.network(false);
                sleep(Duration::from_millis(random.below(300))).await;
                realtime.network(true);
                ledger.note("without a network for a while");
            }
            _ => {
                let request = RestRequest::new("GET", "/channels/soak/messages");
                ledger.perform("request", patience, auth.request(request)).await;
            }
        }
    }
}

/// Has somebody who owns the key revoke a token every now and then.
pub(super) fn revoke_now_and_then(
    sandbox: &Arc<Sandbox>,
    storm: &watch::Receiver<bool>,
    ledger: &Arc<Ledger>,
    mut random: Random,
) -> Result<(), Error> {
    let key = sandbox.revocable_key().unwrap_or_else(|| sandbox.key()).clone();
    let mut options = sandbox.options(AuthOptions::with_key(key.expose())?);
    options.http_open_timeout = 2_000;
    options.http_request_timeout = 2_000;
    let owner = Auth::builder(options).root_certificates_pem(sandbox.root_certificate_pem())?.build()?;
    let (sandbox, mut storm, ledger) = (Arc::clone(sandbox), storm.clone(), Arc::clone(ledger));
    tokio::spawn(async move {
        while storm.wait_for(|storm| *storm).await.is_ok() {
            let tokens: Vec<_> = sandbox.connections().into_iter().filter_map(|connection| connection.token).collect();
            if !tokens.is_empty() {
                let target = TokenRevocationTargetSpecifier::token(random.pick(&tokens).expose());
                let revocation = Revocation::new([target]);
                ledger.perform("revoke_tokens", None, owner.revoke_tokens(revocation)).await;
            }
            sleep(Duration::from_millis(100 + random.below(400))).await;
        }
    });
    Ok(())
}

/// Waits until there will be no storm any more.
async fn over(storm: &mut watch::Receiver<bool>) {
    while storm.changed().await.is_ok() {}
}
