//! What may come to the service.

use alloc::string::String;
use alloc::vec::Vec;

use arbitrary::Arbitrary;

/// Everything that happens, in order.
#[derive(Clone, Debug, Arbitrary)]
#[allow(missing_docs, reason = "the module says it")]
pub struct Scenario {
    pub steps: Vec<Step>,
}

/// One thing that happens.
#[derive(Clone, Debug, Arbitrary)]
#[allow(missing_docs, reason = "the names say it")]
pub enum Step {
    Request(Asked),
    /// A request as it comes over a socket: its line, its headers, an empty line, its body.
    RawRequest(Vec<u8>),
    Connect(Connect),
    Frame {
        transport: u8,
        frame: Frame,
    },
    Closed {
        transport: u8,
    },
    /// Milliseconds; their square at that.
    Pass(u16),
    /// The clock is set back, by milliseconds.
    SetBack(u16),
    /// The last request, so many times more.
    Again(u8),
}

/// A request made of parts.
#[derive(Clone, Debug, Arbitrary)]
#[allow(missing_docs, reason = "the names say it")]
pub struct Asked {
    pub method: Method,
    pub path: Path,
    pub query: Vec<(Param, Text)>,
    pub credentials: Credentials,
    pub client_id: Option<Text>,
    pub accept: Media,
    pub body: Body,
    pub media: Media,
    /// Whether what it is written in is what it says it is.
    pub is_mislabelled: bool,
    pub version: Option<u8>,
    pub is_plain: bool,
}

/// A method; as a rule the one that goes with the path.
#[derive(Clone, Copy, Debug, Arbitrary)]
#[allow(missing_docs, reason = "the names say it")]
pub enum Method {
    OfPath,
    OfPathToo,
    Get,
    Post,
    Delete,
    Put,
}

/// A path of the service's, or another one.
#[derive(Clone, Debug, Arbitrary)]
#[allow(missing_docs, reason = "the names say it")]
pub enum Path {
    Time,
    RequestToken { key: u8 },
    RevokeTokens { key: u8 },
    Apps,
    App { key: u8 },
    Messages { channel: Text },
    History { channel: Text },
    Presence { channel: Text },
    Status { channel: Text },
    AuthUrl { answer: u8 },
    Faults,
    Fault { id: u8 },
    Traffic,
    Connections { what: u8 },
    Clock,
    Raw(String),
}

/// The name of a param of a query.
#[derive(Clone, Debug, Arbitrary)]
#[allow(missing_docs, reason = "the names say it")]
pub enum Param {
    Known(u8),
    Other(String),
}

/// A text, as a rule one that matters.
#[derive(Clone, Debug, Arbitrary)]
#[allow(missing_docs, reason = "the names say it")]
pub enum Text {
    Known(u8),
    Number(i64),
    Other(String),
}

/// Who somebody says he is.
#[derive(Clone, Debug, Arbitrary)]
#[allow(missing_docs, reason = "the names say it")]
pub enum Credentials {
    None,
    Basic { key: u8, forgery: Option<Forgery> },
    KeyParam { key: u8, forgery: Option<Forgery> },
    Bearer { token: u8, forgery: Option<Forgery>, is_encoded: bool },
    TokenParam { token: u8, forgery: Option<Forgery> },
    Header(String),
}

/// A character of a secret is another one.
#[derive(Clone, Copy, Debug, Arbitrary)]
#[allow(missing_docs, reason = "the name says it")]
pub struct Forgery {
    pub at: u8,
}

/// A format, or none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Arbitrary)]
#[allow(missing_docs, reason = "the names say it")]
pub enum Media {
    Json,
    MessagePack,
    None,
    Form,
    Other,
}

/// What is in a body.
#[derive(Clone, Debug, Arbitrary)]
#[allow(missing_docs, reason = "the names say it")]
pub enum Body {
    Empty,
    /// A request for a token, signed or not, and perhaps changed since.
    TokenRequest {
        key: u8,
        members: Vec<(Member, Json)>,
        signing: Signing,
        change: Option<(Member, Json)>,
        skew: i8,
    },
    Json(Json),
    Object(Vec<(Member, Json)>),
    Raw(Vec<u8>),
}

/// Whether a request for a token is signed.
#[derive(Clone, Copy, Debug, Arbitrary)]
#[allow(missing_docs, reason = "the names say it")]
pub enum Signing {
    Signed,
    /// By the other of two keys.
    ByAnother {
        key: u8,
    },
    Forged(Forgery),
    Unsigned,
}

/// The name of a member.
#[derive(Clone, Debug, Arbitrary)]
#[allow(missing_docs, reason = "the names say it")]
pub enum Member {
    Known(u8),
    Other(String),
}

/// A value, three levels deep at most.
#[derive(Clone, Debug, Arbitrary)]
#[allow(missing_docs, reason = "the names say it")]
pub enum Json {
    Plain(Plain),
    List(Vec<Plain>),
    Object(Vec<(Member, Plain)>),
    Objects(Vec<Vec<(Member, Plain)>>),
}

/// A value without others in it.
#[derive(Clone, Debug, Arbitrary)]
#[allow(missing_docs, reason = "the names say it")]
pub enum Plain {
    Null,
    Bool(bool),
    Small(i8),
    Number(i64),
    Float(f64),
    Text(Text),
    Token { token: u8, forgery: Option<Forgery> },
    Capability(u8),
    Binary(Vec<u8>),
    Nested { member: u8, token: u8 },
}

/// A WebSocket that is opened.
#[derive(Clone, Debug, Arbitrary)]
#[allow(missing_docs, reason = "the names say it")]
pub struct Connect {
    pub credentials: Credentials,
    pub is_binary: bool,
    pub is_versionless: bool,
    pub resume: Option<(u8, Option<Forgery>)>,
    pub query: Vec<(Param, Text)>,
}

/// What a client sends over it.
#[derive(Clone, Debug, Arbitrary)]
#[allow(missing_docs, reason = "the names say it")]
pub enum Frame {
    Message { action: u8, channel: Option<Text>, members: Vec<(Member, Json)>, is_mislabelled: bool },
    Auth { token: u8, forgery: Option<Forgery> },
    Raw(Vec<u8>),
}
