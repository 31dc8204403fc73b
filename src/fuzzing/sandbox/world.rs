//! The service, its clients, and the time.

use alloc::borrow::ToOwned;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::checks;
use super::forge::{Forge, Made, Token, format_of, pick};
use super::ops::{Frame, Step};
use crate::sandbox::{Choices, Format, KeySpec, Output, Request, Service, TransportId};
use crate::wire::TokenRequest;

const START: i64 = 1_700_000_000_000;
const HOUR: i64 = 3_600_000;

pub(super) struct World {
    service: Service,
    forge: Forge,
    now: i64,
    last: Option<Made>,
    transports: Vec<TransportId>,
    formats: BTreeMap<TransportId, Format>,
    ended: BTreeSet<TransportId>,
}

impl World {
    pub(super) fn new() -> Self {
        let mut service = Service::new([7; 32], Choices::default());
        let mut keys = service.add_app(KeySpec::test_app()).expect("the test app's keys");
        keys.extend(service.add_app([KeySpec::full().revocable()]).expect("a key"));
        let forge = Forge { keys, tokens: Vec::new(), connection_keys: Vec::new(), nonces: 0, has_told: false };
        let mut world = World {
            service,
            forge,
            now: START,
            last: None,
            transports: Vec::new(),
            formats: BTreeMap::new(),
            ended: BTreeSet::new(),
        };
        world.stock_tokens();
        world
    }

    fn stock_tokens(&mut self) {
        let plain = |text: String| Token { text, is_carrier: false };
        let kinds = [
            (0, HOUR, None),
            (4, HOUR, Some("bob")),
            (4, 40_000, Some("bob")),
            (2, HOUR, Some("*")),
            (6, 10_000, Some("eve")),
            (0, 1, None),
        ];
        for (key, ttl, client_id) in kinds {
            let mut wanted = TokenRequest::new(self.forge.keys[key].name());
            wanted.ttl = Some(ttl);
            wanted.client_id = client_id.map(ToOwned::to_owned);
            let issued = self.service.issue_token(&wanted, START).expect("a token");
            self.forge.tokens.push(plain(issued.token.expose().to_owned()));
        }
        for (key, revocation_key) in [(0, None), (4, Some("r"))] {
            let mut wanted = TokenRequest::new(self.forge.keys[key].name());
            wanted.client_id = Some("bob".to_owned());
            let jwt = self.service.issue_jwt(&wanted, revocation_key, START).expect("a JWT");
            self.forge.tokens.push(plain(jwt.expose().to_owned()));
        }
        for inner in [1, 7] {
            let part = |value: Value| URL_SAFE_NO_PAD.encode(format!("{value}"));
            let header = part(json!({ "alg": "HS256", "x-ably-token": self.forge.tokens[inner].text }));
            let text = format!("{header}.{}.c2lnbmF0dXJl", part(json!({ "sub": "somebody" })));
            self.forge.tokens.push(Token { text, is_carrier: true });
        }
    }

    pub(super) fn take(&mut self, step: &Step) {
        match step {
            Step::Request(asked) => {
                let made = self.forge.request(asked, self.now);
                self.send(&made);
                self.last = Some(made);
            }
            Step::RawRequest(bytes) => {
                let made = Made { request: self.forge.raw_request(bytes), is_forged: false };
                self.send(&made);
                self.last = Some(made);
            }
            Step::Again(times) => {
                if let Some(made) = self.last.take() {
                    (0..*times % 16).for_each(|_| self.send(&made));
                    self.last = Some(made);
                }
            }
            Step::Connect(connect) => {
                let made = self.forge.websocket(connect);
                self.connect(&made);
            }
            Step::Frame { transport, frame } => self.frame(*transport, frame),
            Step::Closed { transport } => {
                if let Some(transport) = self.transport(*transport) {
                    self.service.handle_closed(transport, self.now);
                }
            }
            Step::Pass(root) => {
                self.now = self.now.saturating_add(i64::from(*root) * i64::from(*root));
                self.service.handle_timeout(self.now);
            }
            Step::SetBack(ms) => {
                self.now = self.now.saturating_sub(i64::from(*ms));
                self.service.handle_timeout(self.now);
            }
        }
        // As the owner of a clock does.
        self.now = self.now.saturating_add(self.service.take_wanted_advance());
        self.service.handle_timeout(self.now);
    }

    fn transport(&self, number: u8) -> Option<TransportId> {
        (!self.transports.is_empty()).then(|| *pick(&self.transports, number))
    }

    fn send(&mut self, made: &Made) {
        let Made { request, is_forged } = made;
        let is_undisturbed = self.service.faults().next().is_none();
        let reply = self.service.handle(request, self.now);
        let segments = request.segments().unwrap_or_default();
        let first = segments.first().map_or("", String::as_str);
        let status = reply.response.status;
        if is_undisturbed || first == "__sandbox" {
            assert!((200..600).contains(&status), "an answer has a status: {reply:?}");
            let is_own = first != "auth-url" || reply.response.headers.find("x-ably-serverid").is_some();
            if status >= 400 && is_own {
                checks::error_is_well_formed(&reply, &self.secrets(request));
            }
            let is_for_token =
                matches!(segments.as_slice(), [keys, _, last] if keys == "keys" && last == "requestToken");
            if status < 300 && is_for_token {
                checks::token_was_earned(request, &reply, &self.forge.keys);
            }
            let is_in = status < 400 && *is_forged && checks::is_guarded(request);
            assert!(!is_in, "forged credentials open {} {}", request.method, request.path);
        }
        if first == "__sandbox" && !self.forge.has_told {
            checks::shows_none(&String::from_utf8_lossy(reply.response.body()), &self.secrets(request));
        }
    }

    fn connect(&mut self, made: &Made) {
        let is_undisturbed = self.service.faults().next().is_none();
        let connections = self.service.connections().count();
        match self.service.connect(&made.request, self.now) {
            Ok(transport) => {
                let is_binary = Format::of_websocket(&made.request) == Some(Format::MessagePack);
                self.transports.push(transport);
                self.formats.insert(transport, format_of(is_binary));
                let is_told = self.drain().contains(&transport);
                assert!(is_told, "whoever connects is told something");
                let is_in = made.is_forged && self.service.connections().count() > connections;
                assert!(!is_in, "forged credentials open a connection");
            }
            Err(reply) if is_undisturbed => checks::error_is_well_formed(&reply, &self.secrets(&made.request)),
            Err(_) => {}
        }
    }

    fn frame(&mut self, transport: u8, frame: &Frame) {
        let Some(transport) = self.transport(transport) else { return };
        let is_binary = self.formats.get(&transport) == Some(&Format::MessagePack);
        let bytes = self.forge.frame(frame, is_binary);
        self.service.handle_frame(transport, &bytes, self.now);
    }

    /// The secrets that are not in the request itself.
    fn secrets(&self, request: &Request) -> Vec<&str> {
        let keys = self.forge.keys.iter().map(crate::options::ApiKey::secret);
        let tokens = self.forge.tokens.iter().map(|token| token.text.as_str());
        let issued = self.service.tokens().map(|token| token.token.expose());
        let connection_keys = self.forge.connection_keys.iter().map(String::as_str);
        let all = keys.chain(tokens).chain(issued).chain(connection_keys);
        all.filter(|secret| !request.path.contains(secret)).collect()
    }

    /// Takes what the service wants done, and returns the transports it concerned.
    fn drain(&mut self) -> BTreeSet<TransportId> {
        let mut concerned = BTreeSet::new();
        while let Some((transport, output)) = self.service.poll_output() {
            assert!(!self.ended.contains(&transport), "{output:?} after the end of its transport");
            concerned.insert(transport);
            match output {
                Output::Close(_) | Output::Drop => {
                    self.ended.insert(transport);
                }
                Output::Frame(message) => {
                    let format = self.formats.get(&transport).copied().unwrap_or_default();
                    checks::can_be_read(&json!(*message), format);
                    self.forge.connection_keys.extend(message.text("connectionKey").map(ToOwned::to_owned));
                }
                Output::Ping => {}
            }
        }
        concerned
    }

    /// What must hold after every step.
    pub(super) fn check(&mut self) {
        self.drain();
        assert!(self.service.poll_timeout().is_none_or(|at| at > self.now), "what was due was done");
        let mut ids = BTreeSet::new();
        for connection in self.service.connections() {
            assert!(ids.insert(connection.id.clone()), "an id names one connection");
            if let Some(transport) = connection.transport {
                assert!(!self.ended.contains(&transport), "a connection is not on an ended transport");
                assert!(connection.expires.is_none_or(|expires| expires > self.now), "its token has expired");
            }
        }
        self.service.check_bounds();
    }

    /// Time passes until nothing is left of the connections.
    pub(super) fn finish(&mut self) {
        self.service.clear_faults();
        self.service.drop_all_transports(self.now);
        self.now = self.now.saturating_add(HOUR);
        self.service.handle_timeout(self.now);
        self.check();
        assert_eq!(self.service.connections().count(), 0, "a lost connection is forgotten");
    }
}
