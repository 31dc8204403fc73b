//! What nobody outside the service can know, decided in one place.

/// An Ably error code and the HTTP status that goes with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Code {
    /// The code of Ably's registry, such as 40101.
    pub code: u32,
    /// The HTTP status, such as 401.
    pub status: u16,
}

impl Code {
    /// A code with its status.
    pub const fn new(code: u32, status: u16) -> Self {
        Code { code, status }
    }
}

/// Where documentation, specification and measurements leave the service's behaviour open, or where the
/// sandbox goes beyond the service on purpose: the decision taken, which a test may change.
///
/// Decided without a switch:
/// - A `heartbeatInterval` out of range is taken as the nearest one in range, one that is no number not at all.
/// - A connection key is resumed with for as long as the connection is kept; after that it is unknown (80018/400).
///   CONNECTED brings another key with every resumption; the one resumed with stays good until the next.
/// - A transport whose connection is resumed over another one is closed with 1000, without a frame. So is one whose
///   client sends DISCONNECT. The close code after DISCONNECTED and CLOSED is 1000.
/// - A text of three or five parts is a JWT if the first is a JSON object, else it is no token at all (40005/400). A
///   capability in a JWT that cannot be read is 40144/401.
/// - Whether a JWT can be revoked is up to its key as it is set up when the JWT is shown.
/// - In-band AUTH with a token of an unknown app is one with credentials of another app (40102/401).
/// - Messages are remembered on every channel, for as long as there is room. Presence is not.
/// - Entering a channel without a client id is 40012/400. Deleting an app with the key of another one is 40102/401, and
///   there is no room for more than a thousand apps (40128/403).
/// - Re-authenticating with a token that will be revoked, or connecting with one, brings no new request for another.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Choices {
    /// The status of a successful `requestToken`. Documented is only that it is 2xx; 200.
    pub request_token_status: u16,
    /// A token request that names an unknown key of a known app: as basic auth was measured, 40400/401.
    pub request_token_unknown_key: Code,
    /// A token request whose key name is not that of the path; 40000/400.
    pub request_token_key_mismatch: Code,
    /// A bearer token in place of a signature on a token request; 40106/401.
    pub request_token_by_bearer: Code,
    /// Whether a ttl of 0 stands for the default ttl; true.
    pub zero_ttl_is_default: bool,
    /// A JWT whose `kid` names an unknown key of a known app; 40144/401.
    pub jwt_unknown_key: Code,
    /// A JWT that was issued more than a minute in the future; 40101/401.
    pub jwt_from_the_future: Code,
    /// A JWT that expires later than the token embedded in it; 40144/401. One that expires earlier ends earlier.
    pub jwt_outlives_embedded: Code,
    /// A key whose app is disabled; 40120/401.
    pub app_disabled: Code,
    /// A key whose account is disabled; 40110/401.
    pub account_disabled: Code,
    /// How long an app id is. A key whose app is unknown and whose app part has another length carries no
    /// application id at all (40101/401), one of this length names an unknown app (40400/404); 6.
    pub app_id_length: usize,
    /// An `X-Ably-ClientId` that contradicts the token; 40102/401.
    pub client_id_mismatch: Code,
    /// `issuedBefore` in the future, or more than an hour ago; 40003/400.
    pub issued_before_out_of_range: Code,
    /// A revocation whose targets are missing, empty or too many, or whose body is malformed; 40001/400.
    pub revocation_malformed: Code,
    /// Revoking with a key that is not set up for it; 40163/401.
    pub revocation_not_enabled: Code,
    /// Whether the target type `channel` is enabled for the account, else it fails with 40121/401; true.
    pub revocation_by_channel: bool,
    /// Whether the target type `token`, one token by its text, is accepted. The service has no such type; true.
    pub revocation_by_token: bool,
    /// How long a revocation with `allowReauthMargin` waits, in milliseconds. Measured was a little over
    /// 30 s, and clients assert that it is more than that; 30,001.
    pub reauth_margin: i64,
    /// Whether issuing and revoking within one millisecond keep their order: a revocation without
    /// `issuedBefore` then hits every token issued earlier, even in the same millisecond, and none issued later.
    /// The service, which compares milliseconds alone, is slower than the clock; the sandbox is not; true.
    pub revocation_keeps_order: bool,
    /// A frame that is no JSON object; 40000/400. It fails the connection.
    pub malformed_frame: Code,
    /// An AUTH without a token, or with one that is none, is unknown or has a bad signature; 40101/401. An expired
    /// or revoked one has the code that it has everywhere.
    pub auth_with_invalid_token: Code,
    /// Whether connections are asked for another token as soon as theirs will be revoked; true.
    pub reauth_hint_on_revocation: bool,
    /// Whether connections whose key or app works no longer get an ERROR, else DISCONNECTED; true.
    pub revoked_key_fails_connections: bool,
    /// Whether connecting without a protocol version is refused (40017/400); false.
    pub protocol_version_required: bool,
    /// How long an expired token is remembered, in milliseconds: it is "expired" (40142) until then, and
    /// "unrecognized" (40143) after; one hour.
    pub expired_tokens_kept: i64,
}

impl Default for Choices {
    fn default() -> Self {
        Choices {
            request_token_status: 200,
            request_token_unknown_key: Code::new(40400, 401),
            request_token_key_mismatch: Code::new(40000, 400),
            request_token_by_bearer: Code::new(40106, 401),
            zero_ttl_is_default: true,
            jwt_unknown_key: Code::new(40144, 401),
            jwt_from_the_future: Code::new(40101, 401),
            jwt_outlives_embedded: Code::new(40144, 401),
            app_disabled: Code::new(40120, 401),
            account_disabled: Code::new(40110, 401),
            app_id_length: 6,
            client_id_mismatch: Code::new(40102, 401),
            issued_before_out_of_range: Code::new(40003, 400),
            revocation_malformed: Code::new(40001, 400),
            revocation_not_enabled: Code::new(40163, 401),
            revocation_by_channel: true,
            revocation_by_token: true,
            reauth_margin: 30_001,
            revocation_keeps_order: true,
            malformed_frame: Code::new(40000, 400),
            auth_with_invalid_token: Code::new(40101, 401),
            reauth_hint_on_revocation: true,
            revoked_key_fails_connections: true,
            protocol_version_required: false,
            expired_tokens_kept: 60 * 60 * 1_000,
        }
    }
}
