//! The alphabet: what can happen to a session.

use ably_auth::wire::action;
use proptest::prelude::*;
use serde_json::{Value, json};

pub(crate) const KEY: &str = "appId.keyId:secret-of-the-key";

/// The options of a client.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Options {
    Key,
    KeyAndTokens,
    Callback,
    CallbackAndFallbackHosts,
    TokenOnly,
    TokenAndCallback,
    AuthUrl,
}

impl Options {
    pub(crate) fn json(self) -> Value {
        let mut options = match self {
            Self::Key => json!({"key": KEY}),
            Self::KeyAndTokens => json!({"key": KEY, "useTokenAuth": true}),
            Self::Callback | Self::CallbackAndFallbackHosts => json!({"authCallback": true, "clientId": "me"}),
            Self::TokenOnly => json!({"token": "secret-given"}),
            Self::TokenAndCallback => json!({"token": "secret-given", "authCallback": true}),
            Self::AuthUrl => json!({"authUrl": "https://example.com/auth"}),
        };
        if !matches!(self, Self::CallbackAndFallbackHosts) {
            options["fallbackHosts"] = json!([]);
        }
        options["disconnectedRetryTimeout"] = 1_000.into();
        options["suspendedRetryTimeout"] = 5_000.into();
        options
    }
}

pub(crate) fn options() -> impl Strategy<Value = Options> {
    use Options::{AuthUrl, Callback, CallbackAndFallbackHosts, Key, KeyAndTokens, TokenAndCallback, TokenOnly};
    proptest::sample::select(
        &[Key, KeyAndTokens, Callback, CallbackAndFallbackHosts, TokenOnly, TokenAndCallback, AuthUrl][..],
    )
}

/// One thing that happens.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Op {
    Connect,
    Close,
    Authorize(Authorize),
    Request,
    RequestToken,
    Credentials,
    /// Of the operation that has run longest.
    Cancel,
    Send,
    Open,
    Receive(Frame),
    /// Over a socket that is no longer used, or never was.
    ReceiveStale(Frame),
    Ping,
    SocketGone,
    SocketGoneStale,
    /// Of the call that waits longest.
    AnswerCallback(Reply),
    /// Of the request that waits longest.
    AnswerHttp(Reply),
    Network(bool),
    TokenRejected,
    TokenExpired,
    /// The next deadline comes.
    Deadline,
    /// So many milliseconds pass, with a wake-up at each deadline.
    Advance(u64),
    /// So many milliseconds pass, and nobody wakes the session.
    Oversleep(u64),
}

/// What `authorize` is asked with.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Authorize {
    Plainly,
    WithToken,
    WithCallback,
    WithNothing,
    WithTheKeyAlone,
}

impl Authorize {
    pub(crate) fn options(self, token: &str) -> Option<Value> {
        match self {
            Self::Plainly => None,
            Self::WithToken => Some(json!({"token": token})),
            Self::WithCallback => Some(json!({"authCallback": "another"})),
            Self::WithNothing => Some(json!({})),
            Self::WithTheKeyAlone => Some(json!({"key": KEY, "useTokenAuth": false})),
        }
    }
}

/// What a source of tokens, or a server, answers.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Reply {
    Good,
    /// The token that was returned last.
    SameAgain,
    OfAnotherClient,
    TokenError,
    Forbidden,
    Failing,
    Garbage,
    Unreachable,
}

/// What the server sends.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Frame {
    Connected,
    ConnectedAnew,
    ConnectedWithoutDetails,
    ConnectedAsAnother,
    ErrorToken,
    ErrorFatal,
    ErrorOfChannel,
    DisconnectedToken,
    DisconnectedOther,
    DisconnectedUnwell,
    Auth,
    Heartbeat,
    Closed,
    Message,
    Unknown,
    Garbage,
}

impl Frame {
    /// Whether the server rejects the connection's token by it.
    pub(crate) fn rejects_token(self) -> bool {
        matches!(self, Self::ErrorToken | Self::DisconnectedToken)
    }

    pub(crate) fn text(self) -> String {
        let details = json!({"connectionKey": "secret-key", "maxIdleInterval": 15_000, "connectionStateTtl": 20_000});
        let connected = |id: &str, details: Value| json!({"action": action::CONNECTED, "connectionId": id, "connectionDetails": details});
        let error = |action: i64, code: u32, status: u16| json!({"action": action, "error": {"code": code, "statusCode": status, "message": "m"}});
        let frame = match self {
            Self::Connected => connected("connection-1", details),
            Self::ConnectedAnew => {
                let mut frame = connected("connection-2", details);
                frame["error"] = json!({"code": 80008, "statusCode": 400, "message": "m"});
                frame
            }
            Self::ConnectedWithoutDetails => json!({"action": action::CONNECTED, "connectionId": "connection-1"}),
            Self::ConnectedAsAnother => connected("connection-1", json!({"clientId": "another"})),
            Self::ErrorToken => error(action::ERROR, 40142, 401),
            Self::ErrorFatal => error(action::ERROR, 40101, 401),
            Self::ErrorOfChannel => {
                let mut frame = error(action::ERROR, 40142, 401);
                frame["channel"] = "channel".into();
                frame
            }
            Self::DisconnectedToken => error(action::DISCONNECTED, 40142, 401),
            Self::DisconnectedOther => error(action::DISCONNECTED, 80003, 400),
            Self::DisconnectedUnwell => error(action::DISCONNECTED, 50003, 503),
            Self::Auth => json!({"action": action::AUTH}),
            Self::Heartbeat => json!({"action": action::HEARTBEAT}),
            Self::Closed => json!({"action": action::CLOSED}),
            Self::Message => json!({"action": action::MESSAGE, "channel": "channel", "channelSerial": "serial"}),
            Self::Unknown => json!({"action": 99, "channel": "channel"}),
            Self::Garbage => return "{".to_owned(),
        };
        frame.to_string()
    }
}

fn frame() -> impl Strategy<Value = Frame> {
    prop_oneof![
        8 => Just(Frame::Connected),
        1 => Just(Frame::ConnectedAnew),
        1 => Just(Frame::ConnectedWithoutDetails),
        1 => Just(Frame::ConnectedAsAnother),
        3 => Just(Frame::ErrorToken),
        1 => Just(Frame::ErrorFatal),
        1 => Just(Frame::ErrorOfChannel),
        3 => Just(Frame::DisconnectedToken),
        1 => Just(Frame::DisconnectedOther),
        1 => Just(Frame::DisconnectedUnwell),
        3 => Just(Frame::Auth),
        1 => Just(Frame::Heartbeat),
        1 => Just(Frame::Closed),
        1 => Just(Frame::Message),
        1 => Just(Frame::Unknown),
        1 => Just(Frame::Garbage),
    ]
}

fn reply() -> impl Strategy<Value = Reply> {
    prop_oneof![
        8 => Just(Reply::Good),
        1 => Just(Reply::SameAgain),
        1 => Just(Reply::OfAnotherClient),
        2 => Just(Reply::TokenError),
        1 => Just(Reply::Forbidden),
        1 => Just(Reply::Failing),
        1 => Just(Reply::Garbage),
        1 => Just(Reply::Unreachable),
    ]
}

fn authorize() -> impl Strategy<Value = Authorize> {
    use Authorize::{Plainly, WithCallback, WithNothing, WithTheKeyAlone, WithToken};
    proptest::sample::select(&[Plainly, Plainly, WithToken, WithCallback, WithNothing, WithTheKeyAlone][..])
}

/// Anything.
pub(crate) fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        6 => Just(Op::Connect),
        1 => Just(Op::Close),
        3 => authorize().prop_map(Op::Authorize),
        2 => Just(Op::Request),
        1 => Just(Op::RequestToken),
        1 => Just(Op::Credentials),
        1 => Just(Op::Cancel),
        1 => Just(Op::Send),
        8 => Just(Op::Open),
        12 => frame().prop_map(Op::Receive),
        1 => frame().prop_map(Op::ReceiveStale),
        1 => Just(Op::Ping),
        4 => Just(Op::SocketGone),
        1 => Just(Op::SocketGoneStale),
        10 => reply().prop_map(Op::AnswerCallback),
        8 => reply().prop_map(Op::AnswerHttp),
        1 => any::<bool>().prop_map(Op::Network),
        1 => Just(Op::TokenRejected),
        1 => Just(Op::TokenExpired),
        8 => Just(Op::Deadline),
        2 => (0_u64..15_000).prop_map(Op::Advance),
        1 => (0_u64..200_000).prop_map(Op::Oversleep),
    ]
}

/// What does no harm to a connection that is up, as long as everything is answered well.
pub(crate) fn happy_op() -> impl Strategy<Value = Op> {
    prop_oneof![
        4 => Just(Op::Receive(Frame::Auth)),
        3 => Just(Op::Authorize(Authorize::Plainly)),
        2 => Just(Op::Authorize(Authorize::WithToken)),
        2 => Just(Op::Request),
        1 => Just(Op::RequestToken),
        1 => Just(Op::Credentials),
        1 => Just(Op::Cancel),
        1 => Just(Op::Send),
        1 => Just(Op::Connect),
        2 => Just(Op::TokenRejected),
        1 => Just(Op::TokenExpired),
        1 => Just(Op::Network(true)),
        1 => Just(Op::Receive(Frame::Heartbeat)),
        1 => Just(Op::Receive(Frame::Message)),
        1 => Just(Op::Receive(Frame::ErrorOfChannel)),
        1 => Just(Op::Receive(Frame::Garbage)),
        1 => Just(Op::SocketGoneStale),
        2 => (0_u64..5_000).prop_map(Op::Advance),
    ]
}
