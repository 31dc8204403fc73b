//! Makes requests and frames of what the steps say, with the keys and tokens that there are.

use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use super::ops::*;
use crate::options::ApiKey;
use crate::sandbox::{Format, Request};
use crate::sign;
use crate::wire::{Secret, TokenRequest, action};

const TEXTS: [&str; 16] = [
    "a",
    "canpublish:a",
    "channel2",
    "[meta]a",
    "bob",
    "eve",
    "*",
    "clientId:bob",
    "revocationKey:r",
    "channel:*",
    "true",
    "false",
    "msgpack",
    "token:x",
    "/keys/",
    "",
];
const PARAMS: [&str; 24] = [
    "v",
    "format",
    "clientId",
    "echo",
    "heartbeats",
    "heartbeatInterval",
    "limit",
    "direction",
    "cursor",
    "start",
    "end",
    "delivery",
    "status",
    "contentType",
    "to",
    "times",
    "ttl",
    "capability",
    "keyName",
    "_forceNack",
    "body",
    "after",
    "piece",
    "nonce",
];
const MEMBERS: [&str; 40] = [
    "keyName",
    "ttl",
    "capability",
    "clientId",
    "timestamp",
    "nonce",
    "mac",
    "targets",
    "issuedBefore",
    "allowReauthMargin",
    "keys",
    "revocableTokens",
    "namespaces",
    "name",
    "data",
    "encoding",
    "id",
    "messages",
    "action",
    "channel",
    "flags",
    "msgSerial",
    "auth",
    "accessToken",
    "presence",
    "on",
    "effect",
    "times",
    "method",
    "path",
    "milliseconds",
    "status",
    "contentType",
    "error",
    "code",
    "statusCode",
    "message",
    "connectionId",
    "advance",
    "connectionSerial",
];
const WORDS: [&str; 18] = [
    "request",
    "websocket",
    "frame",
    "delay",
    "drop",
    "hang",
    "refuse",
    "disconnect",
    "status",
    "contentType",
    "malformed",
    "cut",
    "skew",
    "replay",
    "POST",
    "GET",
    "base64",
    "utf-8/base64",
];
const CAPABILITIES: [&str; 8] = [
    r#"{"*":["*"]}"#,
    r#"{"a":["publish","subscribe"]}"#,
    r#"{"channel2":["subscribe"],"canpublish:a":["publish"]}"#,
    r#"{"[*]*":["*"]}"#,
    r#"{"a":["history"],"a:*":["presence","stats"]}"#,
    r#"{}"#,
    r#"{"a":[]}"#,
    r#"{"a":["*","publish"]}"#,
];
const ANSWERS: [&str; 10] =
    ["token", "jwt", "json-string", "details", "request", "error", "redirect", "html", "body", "nothing"];
const ORDERS: [&str; 5] = ["disconnect", "fail", "drop", "reauth", "forgive"];

/// One of these, whatever the number.
pub(super) fn pick<T>(list: &[T], number: u8) -> &T {
    &list[usize::from(number) % list.len()]
}

/// A token that there is.
#[derive(Clone, Debug)]
pub(super) struct Token {
    pub(super) text: String,
    /// Whether another token is in it, which is what counts.
    pub(super) is_carrier: bool,
}

/// What requests and frames are made of.
pub(super) struct Forge {
    pub(super) keys: Vec<ApiKey>,
    pub(super) tokens: Vec<Token>,
    pub(super) connection_keys: Vec<String>,
    pub(super) nonces: u32,
    /// Whether a client has put a token where others may see it.
    pub(super) has_told: bool,
}

/// A request, and whether its credentials are certain to be wrong.
pub(super) struct Made {
    pub(super) request: Request,
    pub(super) is_forged: bool,
}

impl Forge {
    pub(super) fn request(&mut self, asked: &Asked, now: i64) -> Made {
        let (of_path, path) = self.path(&asked.path);
        let method = match asked.method {
            Method::OfPath | Method::OfPathToo => of_path,
            Method::Get => "GET",
            Method::Post => "POST",
            Method::Delete => "DELETE",
            Method::Put => "PUT",
        };
        let mut query = self.query(&asked.query);
        let header = self.credentials(&asked.credentials, &mut query);
        let target = if query.is_empty() { path } else { format!("{path}?{}", encode(&query)) };
        let mut request = Request::new(method, &target);
        request.secure = !asked.is_plain;
        request = with(request, "Authorization", header);
        let client_id = asked.client_id.as_ref().map(|text| STANDARD.encode(self::text(text)));
        request = with(request, "X-Ably-ClientId", client_id);
        request = with(request, "X-Ably-Version", asked.version.map(|version| version.to_string()));
        request = with(request, "Accept", media_type(asked.accept).map(ToOwned::to_owned));
        request = with(request, "Content-Type", media_type(asked.media).map(ToOwned::to_owned));
        let is_binary = (asked.media == Media::MessagePack) != asked.is_mislabelled;
        let body = self.body(&asked.body, is_binary, now);
        // A param with a token is looked at before a key.
        let is_forged = is_forged(&asked.credentials, &self.tokens);
        Made { request: request.with_body(body), is_forged }
    }

    /// A request from its text, in which `{n0}` is the name of a key, `{b0}` the key for a header, `{t0}` a token.
    pub(super) fn raw_request(&self, bytes: &[u8]) -> Request {
        let end = bytes.windows(2).position(|pair| pair == b"\n\n").unwrap_or(bytes.len());
        let head = self.filled(&String::from_utf8_lossy(&bytes[..end]));
        let mut lines = head.lines();
        let mut line = lines.next().unwrap_or_default().split(' ');
        let method = line.next().unwrap_or_default();
        let mut request = Request::new(method, line.next().unwrap_or_default());
        for (name, value) in lines.filter_map(|line| line.split_once(':')) {
            request.headers.append(name, value.trim());
        }
        let body = bytes.get(end + 2..).unwrap_or_default();
        request.with_body(match core::str::from_utf8(body) {
            Ok(text) => self.filled(text).into_bytes(),
            Err(_) => body.to_vec(),
        })
    }

    fn filled(&self, text: &str) -> String {
        if !text.contains('{') {
            return text.to_owned();
        }
        let mut text = text.to_owned();
        for (number, key) in self.keys.iter().enumerate() {
            text = text.replace(&format!("{{n{number}}}"), key.name());
            text = text.replace(&format!("{{b{number}}}"), &STANDARD.encode(key.expose()));
        }
        for (number, token) in self.tokens.iter().enumerate() {
            text = text.replace(&format!("{{t{number}}}"), &token.text);
        }
        text
    }

    pub(super) fn websocket(&mut self, connect: &Connect) -> Made {
        let mut query = Vec::new();
        if !connect.is_versionless {
            query.push(("v".to_owned(), "6".to_owned()));
        }
        if connect.is_binary {
            query.push(("format".to_owned(), "msgpack".to_owned()));
        }
        if let Some((number, forgery)) = &connect.resume {
            if !self.connection_keys.is_empty() {
                let key = pick(&self.connection_keys, *number);
                query.push(("resume".to_owned(), forged(key, *forgery)));
            }
        }
        query.extend(self.query(&connect.query));
        let header = self.credentials(&connect.credentials, &mut query);
        let request = Request::new("GET", &format!("/?{}", encode(&query)));
        let is_forged = is_forged(&connect.credentials, &self.tokens);
        Made { request: with(request, "Authorization", header), is_forged }
    }

    /// The bytes of a frame for a transport of that format.
    pub(super) fn frame(&mut self, frame: &Frame, is_binary: bool) -> Vec<u8> {
        let (value, is_binary) = match frame {
            Frame::Raw(bytes) => return bytes.clone(),
            Frame::Auth { token, forgery } => {
                let token = forged(&pick(&self.tokens, *token).text, *forgery);
                (json!({ "action": action::AUTH, "auth": { "accessToken": token } }), is_binary)
            }
            Frame::Message { action, channel, members, is_mislabelled } => {
                let mut message = self.object(members);
                message.insert("action".to_owned(), (*action % 24).into());
                if let Some(channel) = channel {
                    message.insert("channel".to_owned(), text(channel).into());
                }
                (message.into(), is_binary != *is_mislabelled)
            }
        };
        format_of(is_binary).write(&value)
    }

    fn path(&self, path: &Path) -> (&'static str, String) {
        let channel = |name: &Text, rest: &str| {
            let name =
                percent_encoding::utf8_percent_encode(&text(name), percent_encoding::NON_ALPHANUMERIC).to_string();
            format!("/channels/{name}{rest}")
        };
        let key = |number: &u8| pick(&self.keys, *number).name();
        match path {
            Path::Time => ("GET", "/time".to_owned()),
            Path::RequestToken { key: number } => ("POST", format!("/keys/{}/requestToken", key(number))),
            Path::RevokeTokens { key: number } => ("POST", format!("/keys/{}/revokeTokens", key(number))),
            Path::Apps => ("POST", "/apps".to_owned()),
            Path::App { key: number } => {
                ("DELETE", format!("/apps/{}", key(number).split('.').next().unwrap_or_default()))
            }
            Path::Messages { channel: name } => ("POST", channel(name, "/messages")),
            Path::History { channel: name } => ("GET", channel(name, "/messages")),
            Path::Presence { channel: name } => ("GET", channel(name, "/presence")),
            Path::Status { channel: name } => ("GET", channel(name, "")),
            Path::AuthUrl { answer } => ("GET", format!("/auth-url/{}", pick(&ANSWERS, *answer))),
            Path::Faults => ("POST", "/__sandbox/faults".to_owned()),
            Path::Fault { id } => ("DELETE", format!("/__sandbox/faults/{id}")),
            Path::Traffic => ("GET", "/__sandbox/traffic".to_owned()),
            Path::Connections { what } => ("POST", format!("/__sandbox/connections/{}", pick(&ORDERS, *what))),
            Path::Clock => ("POST", "/__sandbox/clock".to_owned()),
            Path::Raw(path) => ("GET", path.clone()),
        }
    }

    fn query(&self, params: &[(Param, Text)]) -> Vec<(String, String)> {
        let name = |param: &Param| match param {
            Param::Known(number) => (*pick(&PARAMS, *number)).to_owned(),
            Param::Other(name) => name.clone(),
        };
        params.iter().map(|(param, value)| (name(param), text(value))).collect()
    }

    /// The header, or else what goes into the query.
    fn credentials(&self, credentials: &Credentials, query: &mut Vec<(String, String)>) -> Option<String> {
        let key = |number: u8, forgery: Option<Forgery>| {
            let key = pick(&self.keys, number);
            format!("{}:{}", key.name(), forged(key.secret(), forgery))
        };
        let token = |number: u8, forgery: Option<Forgery>| forged(&pick(&self.tokens, number).text, forgery);
        match credentials {
            Credentials::None => None,
            Credentials::Basic { key: number, forgery } => {
                Some(format!("Basic {}", STANDARD.encode(key(*number, *forgery))))
            }
            Credentials::KeyParam { key: number, forgery } => {
                query.insert(0, ("key".to_owned(), key(*number, *forgery)));
                None
            }
            Credentials::Bearer { token: number, forgery, is_encoded } => {
                let token = token(*number, *forgery);
                Some(format!("Bearer {}", if *is_encoded { STANDARD.encode(token) } else { token }))
            }
            Credentials::TokenParam { token: number, forgery } => {
                query.insert(0, ("access_token".to_owned(), token(*number, *forgery)));
                None
            }
            Credentials::Header(text) => Some(text.clone()),
        }
    }

    fn body(&mut self, body: &Body, is_binary: bool, now: i64) -> Vec<u8> {
        let value = match body {
            Body::Empty => return Vec::new(),
            Body::Raw(bytes) => return bytes.clone(),
            Body::Json(value) => self.json(value),
            Body::Object(members) => self.object(members).into(),
            Body::TokenRequest { key, members, signing, change, skew } => {
                let timestamp = now.saturating_add(i64::from(*skew) * 1_000);
                self.token_request(*key, members, *signing, change.as_ref(), timestamp).into()
            }
        };
        format_of(is_binary).write(&value)
    }

    fn token_request(
        &mut self,
        key: u8,
        members: &[(Member, Json)],
        signing: Signing,
        change: Option<&(Member, Json)>,
        timestamp: i64,
    ) -> Map<String, Value> {
        let key = pick(&self.keys, key).clone();
        self.nonces += 1;
        let mut object = Map::from_iter([
            ("keyName".to_owned(), key.name().into()),
            ("timestamp".to_owned(), timestamp.into()),
            ("nonce".to_owned(), format!("nonce-{:010}", self.nonces).into()),
        ]);
        object.extend(self.object(members));
        let mac = TokenRequest::from_json(&Value::Object(object.clone())).ok().and_then(|request| match signing {
            Signing::Signed => Some(sign::mac(&key, &request)),
            Signing::ByAnother { key } => Some(sign::mac(pick(&self.keys, key), &request)),
            Signing::Forged(forgery) => Some(forged(sign::mac(&key, &request).expose(), Some(forgery)).into()),
            Signing::Unsigned => None,
        });
        object.extend(mac.map(|mac: Secret| ("mac".to_owned(), mac.expose().into())));
        if let Some((name, value)) = change {
            object.insert(member(name), self.json(value));
        }
        object
    }

    fn json(&mut self, value: &Json) -> Value {
        match value {
            Json::Plain(plain) => self.plain(plain),
            Json::List(items) => items.iter().map(|item| self.plain(item)).collect(),
            Json::Object(members) => self.flat(members),
            Json::Objects(objects) => objects.iter().map(|members| self.flat(members)).collect(),
        }
    }

    fn flat(&mut self, members: &[(Member, Plain)]) -> Value {
        Value::Object(members.iter().map(|(name, value)| (member(name), self.plain(value))).collect())
    }

    fn object(&mut self, members: &[(Member, Json)]) -> Map<String, Value> {
        members.iter().map(|(name, value)| (member(name), self.json(value))).collect()
    }

    fn plain(&mut self, value: &Plain) -> Value {
        match value {
            Plain::Null => Value::Null,
            Plain::Bool(value) => (*value).into(),
            Plain::Small(number) => (*number).into(),
            Plain::Number(number) => (*number).into(),
            Plain::Float(number) => (*number).into(),
            Plain::Text(value) => text(value).into(),
            Plain::Token { token, forgery } => {
                self.has_told = true;
                forged(&pick(&self.tokens, *token).text, *forgery).into()
            }
            Plain::Capability(number) => (*pick(&CAPABILITIES, *number)).into(),
            Plain::Binary(bytes) => STANDARD.encode(bytes).into(),
            Plain::Nested { member, token } => {
                self.has_told = true;
                json!({ *pick(&MEMBERS, *member): pick(&self.tokens, *token).text })
            }
        }
    }
}

/// Whether the credentials that count are forged. Of a token that carries another one, nobody checks the outside.
fn is_forged(credentials: &Credentials, tokens: &[Token]) -> bool {
    match credentials {
        Credentials::Bearer { token, forgery: Some(_), .. } | Credentials::TokenParam { token, forgery: Some(_) } => {
            !pick(tokens, *token).is_carrier
        }
        // What else is in the query may hold a token, which is looked at before a key.
        _ => false,
    }
}

fn forged(text: &str, forgery: Option<Forgery>) -> String {
    let Some(Forgery { at }) = forgery else { return text.to_owned() };
    let at = usize::from(at) % text.len();
    let another = |c: char| if c == 'A' { 'B' } else { 'A' };
    text.char_indices().map(|(index, c)| if index == at { another(c) } else { c }).collect()
}

pub(super) fn format_of(is_binary: bool) -> Format {
    if is_binary { Format::MessagePack } else { Format::Json }
}

fn with(request: Request, name: &str, value: Option<String>) -> Request {
    match value {
        Some(value) => request.with_header(name, value),
        None => request,
    }
}

fn encode(query: &[(String, String)]) -> String {
    form_urlencoded::Serializer::new(String::new()).extend_pairs(query).finish()
}

fn media_type(media: Media) -> Option<&'static str> {
    match media {
        Media::Json => Some("application/json"),
        Media::MessagePack => Some("application/x-msgpack"),
        Media::None => None,
        Media::Form => Some("application/x-www-form-urlencoded"),
        Media::Other => Some("text/html; charset=utf-8"),
    }
}

fn member(name: &Member) -> String {
    match name {
        Member::Known(number) => (*pick(&MEMBERS, *number)).to_owned(),
        Member::Other(name) => name.clone(),
    }
}

fn text(text: &Text) -> String {
    match text {
        Text::Known(number) => {
            let number = usize::from(*number) % (TEXTS.len() + WORDS.len());
            TEXTS.iter().chain(&WORDS).nth(number).copied().unwrap_or_default().to_owned()
        }
        Text::Number(number) => number.to_string(),
        Text::Other(text) => text.clone(),
    }
}
