//! Signing a token request, beside the least that the same bytes cost: HMAC, base64 and JSON by hand.

use std::fmt::Write as _;
use std::hint::black_box;

use ably_auth::options::ApiKey;
use ably_auth::sign::{sign, verify};
use ably_auth::wire::{Capability, TokenParams};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde::Serialize;
use sha2::Sha256;

const KEY: &str = "appId.keyId:a-secret-of-the-usual-length-0123456";
const CAPABILITY: &str = r#"{"chat:*":["publish","subscribe"],"status":["presence","subscribe"]}"#;
const CLIENT_ID: &str = "client-1";
const TTL: i64 = 3_600_000;
const TIMESTAMP: i64 = 1_700_000_000_000;
const NONCE: &str = "0123456789abcdef01234567";

fn main() {
    divan::main();
}

fn params() -> TokenParams {
    TokenParams {
        ttl: Some(TTL),
        capability: Some(CAPABILITY.parse().expect("a capability")),
        client_id: Some(CLIENT_ID.into()),
        ..TokenParams::default()
    }
}

fn key() -> ApiKey {
    KEY.parse().expect("a key")
}

#[divan::bench]
fn sign_and_serialize(bencher: divan::Bencher<'_, '_>) {
    let (key, params) = (key(), params());
    bencher.bench(|| {
        let request = sign(black_box(&key), black_box(&params), TIMESTAMP, NONCE).expect("a request");
        serde_json::to_string(&request).expect("JSON")
    });
}

/// The limit: the text, the HMAC under a key that is set up each time, base64 and JSON, and nothing owned between.
#[divan::bench]
fn raw(bencher: divan::Bencher<'_, '_>) {
    let key = key();
    bencher.bench(|| {
        let hmac = Hmac::<Sha256>::new_from_slice(black_box(&key).secret().as_bytes()).expect("any length");
        raw_request(hmac, &key)
    });
}

/// The limit where even the HMAC's state under the key is kept.
#[divan::bench]
fn raw_with_the_key_set_up(bencher: divan::Bencher<'_, '_>) {
    let key = key();
    let hmac = Hmac::<Sha256>::new_from_slice(key.secret().as_bytes()).expect("any length");
    bencher.bench(|| raw_request(black_box(&hmac).clone(), &key));
}

fn raw_request(mut hmac: Hmac<Sha256>, key: &ApiKey) -> String {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Request<'a> {
        key_name: &'a str,
        ttl: i64,
        capability: &'a str,
        client_id: &'a str,
        timestamp: i64,
        nonce: &'a str,
        mac: &'a str,
    }

    let key_name = black_box(key.name());
    let mut text = String::with_capacity(256);
    writeln!(text, "{key_name}\n{TTL}\n{CAPABILITY}\n{CLIENT_ID}\n{TIMESTAMP}\n{NONCE}").expect("a string takes all");
    hmac.update(text.as_bytes());
    let mac = STANDARD.encode(hmac.finalize().into_bytes());
    let request = Request {
        key_name,
        ttl: TTL,
        capability: CAPABILITY,
        client_id: CLIENT_ID,
        timestamp: TIMESTAMP,
        nonce: NONCE,
        mac: &mac,
    };
    serde_json::to_string(&request).expect("JSON")
}

#[divan::bench]
fn verify_a_request(bencher: divan::Bencher<'_, '_>) {
    let key = key();
    let request = sign(&key, &params(), TIMESTAMP, NONCE).expect("a request");
    bencher.bench(|| verify(black_box(&key), black_box(&request)));
}

/// Done once, when params are set, and not at each signing.
#[divan::bench]
fn canonical_capability() -> Capability {
    black_box(CAPABILITY).parse().expect("a capability")
}
