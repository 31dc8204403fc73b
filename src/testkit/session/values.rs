//! How a client is configured and what it may be answered, as plain data with small numbers in it, so that a fuzzer can
//! mutate it and a property test can shrink it.

#[cfg(feature = "arbitrary")]
use arbitrary::Arbitrary;

/// Client options. Combinations that contradict are part of the game: they must be refused.
#[cfg_attr(feature = "arbitrary", derive(Arbitrary))]
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
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

impl Client {
    /// One that gets its tokens there, with nothing else set.
    pub fn new(source: Source) -> Self {
        Client {
            source,
            initial_token: None,
            client_id: false,
            query_time: false,
            fallbacks: false,
            request_ids: false,
            seed: 7,
        }
    }
}

/// Where a client gets its tokens.
#[allow(missing_docs, reason = "the names say it")]
#[cfg_attr(feature = "arbitrary", derive(Arbitrary))]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
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
#[cfg_attr(feature = "arbitrary", derive(Arbitrary))]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
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

/// Auth options of a command.
#[allow(missing_docs, reason = "the names say it")]
#[cfg_attr(feature = "arbitrary", derive(Arbitrary))]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
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
#[cfg_attr(feature = "arbitrary", derive(Arbitrary))]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
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
#[cfg_attr(feature = "arbitrary", derive(Arbitrary))]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
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
#[cfg_attr(feature = "arbitrary", derive(Arbitrary))]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Target {
    SameOrigin,
    AnotherOrigin,
    WithoutTls,
    Nowhere,
}

/// Why something was refused.
#[allow(missing_docs, reason = "the names say it")]
#[cfg_attr(feature = "arbitrary", derive(Arbitrary))]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
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

/// What a callback returns.
#[cfg_attr(feature = "arbitrary", derive(Arbitrary))]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
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
#[cfg_attr(feature = "arbitrary", derive(Arbitrary))]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
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
#[cfg_attr(feature = "arbitrary", derive(Arbitrary))]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Identity {
    /// That of the client options.
    Own,
    /// `*`.
    Any,
    /// One that contradicts the options.
    Another,
}
