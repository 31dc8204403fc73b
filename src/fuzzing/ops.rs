//! What can happen to a machine, as plain data with small numbers in it, so that a fuzzer can mutate it and a
//! property test can shrink it.
//!
//! An op names what it concerns by position (`nth` of what is pending, modulo their number), never by id: any
//! sequence of ops makes sense for any machine.

use alloc::vec::Vec;

use arbitrary::Arbitrary;

/// A machine and what happens to it.
#[derive(Arbitrary, Clone, Debug, PartialEq)]
pub struct Scenario {
    /// How the machine is configured.
    pub client: Client,
    /// What then happens, one after the other.
    pub ops: Vec<Op>,
}

/// Client options. Combinations that contradict are part of the game: they must be refused.
#[derive(Arbitrary, Clone, Debug, PartialEq)]
pub struct Client {
    /// Where tokens come from.
    pub source: Source,
    /// A token given at construction, beside the source.
    pub initial_token: Option<Life>,
    /// Whether the options name a client id.
    pub client_id: bool,
    /// Whether the service is asked for the time before signing.
    pub query_time: bool,
    /// Whether there are hosts to fall back to.
    pub fallbacks: bool,
    /// Whether requests have ids.
    pub request_ids: bool,
    /// The machine's seed, 32 times.
    pub seed: u8,
}

/// Where a client gets its tokens.
#[allow(missing_docs, reason = "the names say it")]
#[derive(Arbitrary, Clone, Copy, Debug, PartialEq)]
pub enum Source {
    Callback,
    AuthUrlGet,
    AuthUrlPost,
    /// The key, to sign token requests with.
    Key,
    /// The key itself, as basic auth.
    Basic,
    /// A signed request, once.
    TokenRequest,
    Nothing,
}

/// How long a token lives.
#[derive(Arbitrary, Clone, Copy, Debug, PartialEq)]
pub enum Life {
    /// Nothing is known of it: a bare token string, or details without `expires`.
    Unknown,
    /// Ages: it does not expire in any scenario.
    Ages,
    /// A minute.
    Minute,
    /// It has expired already.
    Past,
}

/// One thing that happens.
#[allow(missing_docs, reason = "commands and events have the machine's names")]
#[derive(Arbitrary, Clone, Debug, PartialEq)]
pub enum Op {
    /// A command.
    Command(Command),
    /// The `nth` pending HTTP attempt gets a response.
    Respond { nth: u8, answer: HttpAnswer },
    /// The `nth` pending HTTP attempt fails.
    FailHttp { nth: u8, failure: Failure },
    /// The `nth` pending callback returns.
    Return { nth: u8, answer: CallbackAnswer },
    /// The `nth` pending callback fails.
    FailCallback { nth: u8, error: Reason },
    /// An answer comes for something that is over, or never was.
    Stray(Stray),
    /// The environment knows that the token has expired.
    TokenExpired,
    /// A request made elsewhere was rejected.
    TokenRejected(RejectedToken),
    /// The connection changes.
    Connection { state: Connection, update: bool, reason: Option<Reason>, client_id: Option<Identity> },
    /// The server asks for new authentication.
    Reauth,
    /// Time passes, unseen by the machine until the next input.
    Pass { seconds: u8 },
    /// The wall clock is set ahead or back, so many minutes times themselves.
    SetWallClock { minutes: i8 },
    /// The environment calls `handle_timeout`, at the deadline or at another time.
    Timeout(Punctuality),
    /// The machine goes on as a clone of itself, and must not differ from itself.
    Clone,
}

/// A command of the machine.
#[allow(missing_docs, reason = "commands have the machine's names")]
#[derive(Arbitrary, Clone, Debug, PartialEq)]
pub enum Command {
    Request,
    Credentials,
    Authorize {
        params: Params,
        auth: Auth,
    },
    RequestToken {
        params: Params,
        auth: Auth,
    },
    CreateTokenRequest {
        params: Params,
        auth: Auth,
    },
    RevokeTokens {
        targets: u8,
    },
    Time,
    /// Of the `nth` operation that there ever was, or one that never was.
    Cancel {
        nth: u8,
    },
}

/// Token params of a command.
#[allow(missing_docs, reason = "the names say it")]
#[derive(Arbitrary, Clone, Copy, Debug, PartialEq)]
pub enum Params {
    Stored,
    Empty,
    Everything,
    AnotherClientId,
    Invalid,
}

/// Auth options of a command.
#[allow(missing_docs, reason = "the names say it")]
#[derive(Arbitrary, Clone, Copy, Debug, PartialEq)]
pub enum Auth {
    Stored,
    Empty,
    Callback,
    AuthUrl,
    Key,
    AnotherKey,
    Token(Life),
    TokenRequest,
    /// Back to basic auth.
    Basic,
}

/// What answers an HTTP request. Success has the form that the request asks for.
#[derive(Arbitrary, Clone, Copy, Debug, PartialEq)]
pub enum HttpAnswer {
    /// What was asked for; a token lives so long.
    Success(Life),
    /// A token that is bound to a client id.
    TokenFor(Identity),
    /// The newest token there is, once more.
    SameToken,
    /// A bare token, as `text/plain`.
    TokenText,
    /// A signed request for a token.
    TokenRequest,
    /// An Ably error.
    Refusal(Reason),
    /// An Ably error whose message quotes the credentials of the request.
    Quoting(Reason),
    /// Another address, where only an authUrl's answer may send one.
    Redirect(Target),
    /// A page of HTML.
    Html(Status),
    /// Bytes that are no JSON but say so.
    Garbage(Status),
    /// JSON of a wrong shape.
    WrongShape(Status),
    /// Nothing at all.
    Empty(Status),
    /// More than anyone wants to read.
    Huge,
}

/// A status without an Ably error.
#[allow(missing_docs, reason = "the names say it")]
#[derive(Arbitrary, Clone, Copy, Debug, PartialEq)]
pub enum Status {
    Ok,
    BadRequest,
    Unauthorized,
    Forbidden,
    NotFound,
    ServerError,
    Unavailable,
}

/// Where a redirect leads.
#[allow(missing_docs, reason = "the names say it")]
#[derive(Arbitrary, Clone, Copy, Debug, PartialEq)]
pub enum Target {
    SameOrigin,
    AnotherOrigin,
    WithoutTls,
    Nowhere,
}

/// Why something was refused.
#[allow(missing_docs, reason = "the names say it")]
#[derive(Arbitrary, Clone, Copy, Debug, PartialEq)]
pub enum Reason {
    TokenExpired,
    TokenRevoked,
    NonceReplayed,
    NotRenewable,
    Forbidden,
    BadCredentials,
    Internal,
    /// An error without any code.
    NoCode,
    /// As the one before, with status 403.
    NoCodeForbidden,
}

/// The kinds of failure of an HTTP request.
#[allow(missing_docs, reason = "the names say it")]
#[derive(Arbitrary, Clone, Copy, Debug, PartialEq)]
pub enum Failure {
    Dns,
    Connect,
    Tls,
    Timeout,
    Closed,
    Other,
}

/// What a callback returns.
#[derive(Arbitrary, Clone, Copy, Debug, PartialEq)]
pub enum CallbackAnswer {
    /// Details of a new token that lives so long.
    Token(Life),
    /// Details of a new token that is bound to a client id.
    TokenFor(Identity),
    /// A new token as a string.
    TokenText,
    /// The newest token there is, once more.
    SameToken,
    /// A signed request for a token.
    TokenRequest,
    /// A request that nobody signed.
    UnsignedRequest,
    /// A new token, as a value of a dynamic language.
    Json,
    /// A value that is none of these.
    Wrong(WrongValue),
}

/// What a callback must not return.
#[allow(missing_docs, reason = "the names say it")]
#[derive(Arbitrary, Clone, Copy, Debug, PartialEq)]
pub enum WrongValue {
    Null,
    Number,
    Array,
    EmptyObject,
    EmptyText,
    Html,
    DoublyEncoded,
    NonAscii,
    Huge,
}

/// A client id.
#[derive(Arbitrary, Clone, Copy, Debug, PartialEq)]
pub enum Identity {
    /// That of the client options.
    Own,
    /// `*`.
    Any,
    /// One that contradicts the options.
    Another,
}

/// An answer that nobody waits for.
#[allow(missing_docs, reason = "the names say it")]
#[derive(Arbitrary, Clone, Copy, Debug, PartialEq)]
pub enum Stray {
    HttpResponse { nth: u8 },
    HttpFailed { nth: u8 },
    CallbackResult { nth: u8 },
    CallbackFailed { nth: u8 },
}

/// The token a request made elsewhere was rejected with.
#[derive(Arbitrary, Clone, Copy, Debug, PartialEq)]
pub enum RejectedToken {
    /// The one in use.
    Current,
    /// One that was in use before, or never was.
    Stale {
        /// Which one.
        nth: u8,
    },
}

/// The states of a connection.
#[allow(missing_docs, reason = "the names say it")]
#[derive(Arbitrary, Clone, Copy, Debug, PartialEq)]
pub enum Connection {
    Connecting,
    Connected,
    Disconnected,
    Suspended,
    Closing,
    Closed,
    Failed,
    Initialized,
}

/// When `handle_timeout` is called.
#[derive(Arbitrary, Clone, Copy, Debug, PartialEq)]
pub enum Punctuality {
    /// At the deadline.
    OnTime,
    /// A millisecond before it.
    Early,
    /// Long after it.
    Late,
    /// Without any time having passed.
    Now,
}
