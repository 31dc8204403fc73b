//! The pure logic of the sandbox.
//!
//! [`Service`] holds apps and their keys, the tokens that were issued, used nonces, revocations, connections and a
//! log of the last requests and frames. It is told the time with every request and gets its randomness from a seed: the same seed and
//! the same requests at the same times give the same answers. Its memory is bounded, whatever comes in.

mod account;
mod auth_url;
#[cfg(feature = "__fuzzing")]
mod bounds;
mod channels;
mod control;
mod credentials;
mod errors;
mod fault;
mod faulty;
mod format;
mod grant;
mod history;
mod jwt;
mod message;
mod nonces;
mod provision;
mod publish;
mod realtime;
mod request_token;
mod revocations;
mod revoke;
mod tokens;
mod traffic;

use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chacha20::ChaCha20Rng;
use chacha20::rand_core::{Rng as _, SeedableRng as _};
use serde_json::json;

use super::choices::Choices;
use crate::options::ApiKey;
use crate::wire::{Error, TokenRequest};

pub use account::{AppStatus, KeySpec, KeyStatus};
pub use fault::{Effect, Fault, Trigger};
pub use format::Format;
pub use grant::Grant;
pub use message::{Delivery, Reply, Request};
pub use realtime::{ConnectionRecord, FrameEvent, FrameRecord, MAX_FRAME_SIZE, Output, TransportId};
pub use tokens::IssuedToken;
pub use traffic::{CredentialsKind, RequestRecord};

use message::Answer;

/// The largest body of a request, in bytes.
pub const MAX_BODY: usize = 2 * 1_024 * 1_024;

/// The service: give it requests and the time, and it answers.
///
/// ```
/// use ably_auth::sandbox::{Choices, KeySpec, Request, Service};
///
/// let mut service = Service::new([7; 32], Choices::default());
/// let key = service.add_app(KeySpec::test_app())?.remove(0);
/// let reply = service.handle(&Request::new("GET", "/time"), 1_700_000_000_000);
/// assert_eq!(reply.response.body(), b"[1700000000000]");
/// # Ok::<(), ably_auth::Error>(())
/// ```
#[derive(Debug)]
pub struct Service {
    choices: Choices,
    random: ChaCha20Rng,
    server_id: String,
    apps: account::Apps,
    /// The key that was set up first; the authUrl uses it unless it is told otherwise.
    first_key: Option<String>,
    tokens: tokens::Tokens,
    nonces: nonces::Nonces,
    revocations: revocations::Revocations,
    realtime: realtime::Connections,
    history: history::History,
    faults: fault::Faults,
    /// By how much the clock is to be moved.
    wanted_advance: i64,
    traffic: traffic::Traffic,
    /// About the request that is being handled.
    noted: traffic::Noted,
}

impl Service {
    /// A service without apps.
    pub fn new(seed: [u8; 32], choices: Choices) -> Self {
        let mut service = Service {
            choices,
            random: ChaCha20Rng::from_seed(seed),
            server_id: String::new(),
            apps: account::Apps::default(),
            first_key: None,
            tokens: tokens::Tokens::default(),
            nonces: nonces::Nonces::default(),
            revocations: revocations::Revocations::default(),
            realtime: realtime::Connections::default(),
            history: history::History::default(),
            faults: fault::Faults::default(),
            wanted_advance: 0,
            traffic: traffic::Traffic::default(),
            noted: traffic::Noted::default(),
        };
        service.server_id = format!("sandbox.{}", service.random_text::<6>());
        service
    }

    /// Sets up an app with keys of these kinds, and returns the keys in their order.
    ///
    /// # Errors
    ///
    /// 40000/400 for an invalid capability.
    pub fn add_app(&mut self, keys: impl IntoIterator<Item = KeySpec>) -> Result<Vec<ApiKey>, Error> {
        let app_id = self.unused(|service| service.random_text::<4>(), |service, id| service.apps.contains(id));
        keys.into_iter()
            .map(|spec| {
                let name = self.unused(
                    |service| format!("{app_id}.{}", service.random_text::<4>()),
                    |service, name| service.apps.find_key(name).is_some(),
                );
                let key: ApiKey = format!("{name}:{}", self.random_text::<24>()).parse()?;
                self.add_key(key.clone(), spec)?;
                Ok(key)
            })
            .collect()
    }

    /// Sets up a key that is given, and its app where there is none yet. A key of that name is replaced.
    ///
    /// # Errors
    ///
    /// 40000/400 for an invalid capability.
    pub fn add_key(&mut self, key: ApiKey, spec: KeySpec) -> Result<(), Error> {
        let name = key.name().to_owned();
        let key = account::Key::new(key, spec)?;
        self.first_key.get_or_insert_with(|| name.clone());
        self.apps.entry(account::app_id_of(&name)).keys.insert(name, key);
        Ok(())
    }

    /// Answers a request that came at this time, in milliseconds since the epoch.
    pub fn handle(&mut self, request: &Request, now: i64) -> Reply {
        self.handle_timeout(now);
        if let Some(reply) = self.control(request, now) {
            return reply;
        }
        let (reply, code) = self.answer(request, now);
        let noted = core::mem::take(&mut self.noted);
        self.traffic.record(now, request, noted, reply.response.status, code);
        reply
    }

    /// The answer, and the Ably error code where it is one of the service's own errors.
    fn route(&mut self, request: &Request, now: i64, format: Format) -> (Reply, Option<u32>) {
        match self.find_route(request, now) {
            Ok(Routed::Answer(answer)) => self.seal(answer, format),
            Ok(Routed::Reply(reply)) => (reply, None),
            Err(error) => self.seal(error.into(), format),
        }
    }

    fn find_route(&mut self, request: &Request, now: i64) -> Result<Routed, Error> {
        self.noted.credentials = credentials::Credentials::of(request).kind();
        if request.body().len() > MAX_BODY {
            return Err(errors::BODY_TOO_LARGE.error());
        }
        let unknown = || errors::UNKNOWN_PATH.because(&request.path);
        let segments = request.segments().ok_or_else(unknown)?;
        let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
        let answer = match (request.method.as_str(), segments.as_slice()) {
            ("GET", ["time"]) => Ok(Answer::ok(json!([now]))),
            ("POST", ["keys", key_name, "requestToken"]) => self.request_token(key_name, request, now),
            ("POST", ["keys", key_name, "revokeTokens"]) => self.revoke_tokens(key_name, request, now),
            ("POST", ["apps"]) => self.create_app(request),
            ("DELETE", ["apps", app_id]) => self.delete_app(app_id, request, now),
            ("POST", ["channels", name, "messages"]) => self.publish_by_rest(name, request, now),
            ("GET", ["channels", name, "messages" | "history"]) => self.channel_history(name, request, now),
            ("GET", ["channels", name, "presence"]) => self.presence(name, request, now),
            ("GET", ["channels", name, "presence", "history"]) => self.presence_history(name, request, now),
            ("GET", ["channels", name]) => self.channel_status(name, request, now),
            (_, [auth_url::PATH, answer]) => return self.auth_url(answer, request, now).map(Routed::Reply),
            _ => Err(unknown()),
        };
        answer.map(Routed::Answer)
    }

    /// Issues a token as if it had been asked for with a valid signature now. `keyName` says by which key;
    /// timestamp, nonce and mac do not matter.
    ///
    /// # Errors
    ///
    /// The service's, such as 40160/401 where the key has none of the capability.
    pub fn issue_token(&mut self, wanted: &TokenRequest, now: i64) -> Result<IssuedToken, Error> {
        self.issue(wanted, now)
    }

    /// What the open points of the service's behaviour are decided as.
    pub fn choices(&self) -> &Choices {
        &self.choices
    }

    /// The same, to be changed.
    pub fn choices_mut(&mut self) -> &mut Choices {
        &mut self.choices
    }

    /// Whether the tokens of a key can be revoked.
    pub fn is_revocable(&self, key_name: &str) -> bool {
        self.apps.find_key(key_name).is_some_and(|key| key.revocable_tokens)
    }

    /// Changes what has become of a key; one that no longer works takes its connections with it. Returns whether
    /// there is one of that name.
    pub fn set_key_status(&mut self, key_name: &str, status: KeyStatus, now: i64) -> bool {
        let was_found = self.apps.find_key_mut(key_name).map(|key| key.status = status).is_some();
        self.end_orphans(now);
        was_found
    }

    /// Changes what has become of an app; one that no longer works takes its connections with it. Returns whether
    /// there is one of that id.
    pub fn set_app_status(&mut self, app_id: &str, status: AppStatus, now: i64) -> bool {
        let was_found = self.apps.find_mut(app_id).map(|app| app.status = status).is_some();
        self.end_orphans(now);
        was_found
    }

    /// Switches token revocation for a whole app (40121). Returns whether there is one of that id.
    pub fn set_revocation_enabled(&mut self, app_id: &str, enabled: bool) -> bool {
        self.apps.find_mut(app_id).map(|app| app.revocation_enabled = enabled).is_some()
    }

    /// The tokens that are remembered, in the order in which they were issued.
    pub fn tokens(&self) -> impl Iterator<Item = &IssuedToken> {
        self.tokens.iter()
    }

    /// The token of that text, if it is remembered.
    pub fn find_token(&self, token: &str) -> Option<&IssuedToken> {
        self.tokens.find(token)
    }

    /// From when on a token is revoked, in milliseconds since the epoch, if at all.
    pub fn revoked_from(&self, token: &IssuedToken) -> Option<i64> {
        self.revocations.applies_at(token)
    }

    /// Whether a nonce was used with a key and is still remembered.
    pub fn is_nonce_used(&self, key_name: &str, nonce: &str) -> bool {
        self.nonces.contains(key_name, nonce)
    }

    /// How many nonces are remembered.
    pub fn nonce_count(&self) -> usize {
        self.nonces.len()
    }

    /// The last requests, the oldest first; a thousand at most.
    pub fn requests(&self) -> impl DoubleEndedIterator<Item = &RequestRecord> {
        self.traffic.iter()
    }

    /// How many requests have come in all; those that are forgotten count too.
    pub fn request_count(&self) -> u64 {
        self.traffic.count()
    }

    /// Forgets the requests and frames so far.
    pub fn forget_traffic(&mut self) {
        self.traffic.clear();
        self.realtime.clear_log();
    }

    fn random<const N: usize>(&mut self) -> [u8; N] {
        let mut bytes = [0; N];
        self.random.fill_bytes(&mut bytes);
        bytes
    }

    fn random_text<const N: usize>(&mut self) -> String {
        URL_SAFE_NO_PAD.encode(self.random::<N>())
    }

    fn unused(&mut self, mut make: impl FnMut(&mut Self) -> String, is_used: impl Fn(&Self, &str) -> bool) -> String {
        loop {
            let text = make(self);
            if !is_used(self, &text) {
                return text;
            }
        }
    }
}

enum Routed {
    Answer(Answer),
    Reply(Reply),
}
