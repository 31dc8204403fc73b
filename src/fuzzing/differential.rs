//! Signing and encoding, against other implementations of the same.

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use arbitrary::Arbitrary;
use ring::hmac;

use crate::options::{ApiKey, AuthMethod, AuthOptions, ClientOptions};
use crate::sign;
use crate::testkit::machine::drain;
use crate::wire::{Capability, TokenParams, TokenRequest};
use crate::{Action, AuthMachine, Now};

/// A key, what is signed with it, and an authUrl that is asked for the same.
#[derive(Clone, Debug, Arbitrary)]
#[allow(missing_docs, reason = "the names say it")]
pub struct Differential {
    pub name: String,
    pub secret: String,
    pub ttl: Option<i64>,
    pub operation: Option<String>,
    pub client_id: Option<String>,
    pub timestamp: i64,
    pub nonce: String,
    pub query: String,
    pub auth_params: Vec<(String, String)>,
    pub is_post: bool,
}

/// Compares. Panics where something differs.
pub fn differential(input: &Differential) {
    let capability = input.operation.as_ref().and_then(|name| Capability::new([("a", [name.clone()])]).ok());
    signatures_agree(input, capability.as_ref());
    let params = TokenParams {
        ttl: input.ttl,
        capability,
        client_id: input.client_id.clone(),
        timestamp: Some(input.timestamp),
        nonce: Some(input.nonce.clone()),
    };
    params_arrive(input, &params);
}

/// The MAC is that of `ring`, in base64 made by hand.
fn signatures_agree(input: &Differential, capability: Option<&Capability>) {
    let Ok(key) = format!("{}:{}", input.name, input.secret).parse::<ApiKey>() else { return };
    let mut request = TokenRequest::new(key.name());
    request.ttl = input.ttl;
    request.capability = capability.map(|capability| capability.as_str().into());
    request.client_id.clone_from(&input.client_id);
    request.timestamp = Some(input.timestamp);
    request.nonce = Some(input.nonce.clone());

    let number = |number: Option<i64>| number.map_or_else(String::new, |number| format!("{number}"));
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    let text = [
        key.name().into(),
        number(request.ttl),
        text(&request.capability),
        text(&request.client_id),
        number(request.timestamp),
        text(&request.nonce),
        String::new(),
    ];
    let theirs = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key.secret().as_bytes()), text.join("\n").as_bytes());
    let mac = sign::mac(&key, &request);
    assert_eq!(mac.expose(), base64(theirs.as_ref()));

    request.mac = Some(mac);
    assert_eq!(sign::verify(&key, &request), Ok(()));
    request.nonce = Some(input.nonce.clone() + "x");
    assert!(sign::verify(&key, &request).is_err(), "another nonce was not signed");
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let quartet = |chunk: &[u8]| {
        let bits = (0..3).fold(0, |bits, at| bits << 8 | u32::from(chunk.get(at).copied().unwrap_or_default()));
        let digit = |at: usize| char::from(DIGITS[(bits >> (18 - 6 * at)) as usize & 63]);
        [0, 1, 2, 3].map(|at| if at <= chunk.len() { digit(at) } else { '=' })
    };
    bytes.chunks(3).flat_map(quartet).collect()
}

/// An authUrl is asked with all params, each once, and the later ones override the earlier.
fn params_arrive(input: &Differential, params: &TokenParams) {
    let url = format!("https://auth.example/token?{}", input.query);
    let (Ok(mut auth), Ok(theirs)) = (AuthOptions::with_url(&url), url::Url::parse(&url)) else { return };
    auth.auth_params = input.auth_params.iter().map(|(name, value)| (name.clone(), value.as_str().into())).collect();
    auth.auth_method = if input.is_post { AuthMethod::Post } else { AuthMethod::Get };
    let now = Now::new(0, 1_700_000_000_000);
    let Ok(mut machine) = AuthMachine::new(ClientOptions::with_auth(auth), [7; 32], now) else { return };
    machine.request_token(Some(params.clone()), None, now);
    let request = drain(&mut machine).into_iter().find_map(|action| match action {
        Action::SendHttp { request, .. } => Some(request),
        _ => None,
    });
    // Params that cannot be asked for are refused.
    let Some(request) = request else { return };

    let own = input.auth_params.iter().cloned();
    let own = own.chain(params.to_query().into_iter().map(|(name, value)| (name.into(), value)));
    let given: Vec<(String, String)> = theirs.query_pairs().into_owned().collect();
    let sent = url::Url::parse(request.url.expose()).expect("a URL");
    assert_eq!(sent.host_str(), Some("auth.example"));
    let in_url: Vec<(String, String)> = sent.query_pairs().into_owned().collect();
    match &request.body {
        Some(body) => {
            assert!(input.is_post && in_url == given, "the URL is as it was");
            same(own, url::form_urlencoded::parse(body.expose().as_bytes()).into_owned().collect());
        }
        None => same(given.into_iter().chain(own), in_url),
    }
}

fn same(expected: impl Iterator<Item = (String, String)>, sent: Vec<(String, String)>) {
    let expected: BTreeMap<String, String> = expected.collect();
    assert_eq!(sent.len(), expected.len(), "each name is there once: {sent:?}");
    assert_eq!(BTreeMap::from_iter(sent), expected);
}
