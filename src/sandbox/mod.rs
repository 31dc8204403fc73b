//! An embedded server that behaves as Ably's auth surface does: for tests, for trying things out, offline.
//!
//! [`Sandbox`] listens on two loopback ports, plain and with TLS, and has an app with keys. Clients use it like the
//! service: `/time`, `/keys/{keyName}/requestToken`, `/keys/{keyName}/revokeTokens`, `/channels/{name}` and below it
//! `messages` and `presence`, and a WebSocket at `/`. Other apps are made and deleted as the SDKs' own test suites do
//! it, by `POST /apps` and `DELETE /apps/{appId}`. It makes the service's checks in
//! the service's order and answers with its codes, messages and headers. What nobody outside can know about the
//! service is decided in [`Choices`].
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use ably_auth::sandbox::Sandbox;
//! use ably_auth::wire::TokenRequest;
//!
//! let sandbox = Sandbox::builder().virtual_time(1_700_000_000_000).start().await?;
//! let token = sandbox.issue_token(&TokenRequest::new(sandbox.key().name()))?;
//! sandbox.advance(3_600_000); // milliseconds: now the token has expired
//! assert_eq!(token.expires, Some(sandbox.now()));
//! # Ok(())
//! # }
//! ```
//!
//! [`Service`] is what it is inside: synchronous, deterministic, without sockets or clocks. A simulation gives it
//! [`Request`]s, frames and the time, and gets [`Reply`]s and [`Output`]s.
//!
//! # Realtime
//!
//! A WebSocket connects with a key or a token, Ably's or a JWT, in every form that the service takes. The client is
//! told CONNECTED, or ERROR before the socket is closed; it is asked for another token (AUTH) 30 seconds before its
//! own expires, and disconnected when that has happened; it can bring another one at any time, and resume its
//! connection within two minutes. Channels can be attached, detached and published to, each as far as the
//! capability goes. Entering a channel is checked, but nobody is told.
//!
//! Bodies and frames are JSON or MessagePack, as the client wants ([`Format`]).
//!
//! A test looks at [`Sandbox::connections`] and [`Sandbox::frames`], waits with [`Sandbox::until`] rather than for
//! some time, and makes happen what happens to connections: [`Sandbox::disconnect`], [`Sandbox::request_reauth`],
//! [`Sandbox::drop_all_sockets`], [`Sandbox::stop`] and [`Sandbox::restart`].
//!
//! # Faults
//!
//! [`Sandbox::inject`] lets something go wrong for the next requests, WebSockets or frames that match: they are
//! answered late, wrongly, not at all or with what was answered before ([`Effect`]).
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use ably_auth::sandbox::{Effect, Fault, Sandbox, Trigger};
//! use ably_auth::wire::action;
//!
//! let sandbox = Sandbox::start().await?;
//! // Two requests for a token are answered with 503, and the next AUTH gets no answer.
//! sandbox.inject(Fault::new(Trigger::request("POST", "/keys/"), Effect::Status { status: 503 }).times(2))?;
//! sandbox.inject(Fault::new(Trigger::frame(action::AUTH), Effect::Hang))?;
//! # Ok(())
//! # }
//! ```
//!
//! # A page to keep open
//!
//! A browser that opens `/` shows what is alive: tokens with their countdown, connections, and the last requests and
//! frames as a timeline, updated as things happen. It shows no secret: a token goes by the first eight digits of its
//! SHA-256 (`printf %s "$TOKEN" | sha256sum`). `GET /__sandbox/state` has the same as JSON, and as server-sent events
//! where they are accepted.
//!
//! # From other languages
//!
//! What Rust does by calling, others do over HTTP, without credentials and on either port. A body is a JSON object, and
//! its content type must say so.
//!
//! | request | does |
//! | --- | --- |
//! | `POST /__sandbox/faults` | injects a [`Fault`]; answers `{ "id" }` |
//! | `GET /__sandbox/faults` | the faults that are still to happen |
//! | `DELETE /__sandbox/faults/{id}`, `DELETE /__sandbox/faults` | removes one of them, or all |
//! | `GET /__sandbox/traffic` | the last `requests` and `frames`, the oldest first, without secrets |
//! | `DELETE /__sandbox/traffic` | forgets them |
//! | `GET /__sandbox/connections` | the connections there are |
//! | `POST /__sandbox/connections/disconnect` | sends DISCONNECTED with `error` to `connectionId`, or to all |
//! | `POST /__sandbox/connections/fail` | the same with ERROR |
//! | `POST /__sandbox/connections/drop` | cuts their sockets off |
//! | `POST /__sandbox/connections/reauth` | asks for another token |
//! | `POST /__sandbox/clock` | moves the service's time by `advance` milliseconds |
//!
//! ```text
//! curl http://127.0.0.1:8080/__sandbox/faults -H 'Content-Type: application/json' -d '{
//!   "on": "request", "method": "POST", "path": "/keys/", "effect": "refuse", "times": 2,
//!   "error": { "code": 42910, "statusCode": 429, "message": "too many requests" }
//! }'
//! ```
//!
//! # An auth server
//!
//! `/auth-url/{answer}`, by GET or POST, is a server for `authUrl` that behaves well or badly as its URL asks
//! ([`Sandbox::auth_url`]). Token params come in the query or in a form-encoded body, as clients send them.
//!
//! | answer | what comes back |
//! | --- | --- |
//! | `token` | a token as `text/plain` |
//! | `jwt` | a JWT as `application/jwt`; with the param `revocationKey`, one that can be revoked by it |
//! | `json-string` | a token as a JSON string |
//! | `details` | a `TokenDetails` as JSON |
//! | `request` | a signed `TokenRequest` as JSON |
//! | `error` | an Ably error as JSON; `code` (40100), `message`, `status` (401) |
//! | `redirect` | a redirect; after `times` (1) of them comes `to` (`details`), an answer or an absolute URL; `status` (302) |
//! | `html` | a page for people |
//! | `body` | the text of the param `body`, as JSON |
//!
//! These params bend any of them:
//!
//! | param | effect |
//! | --- | --- |
//! | `keyName` | the key that issues; by default the first one |
//! | `status` | another HTTP status |
//! | `contentType` | another content type; empty: none |
//! | `delivery=drip` | the body in pieces of `piece` (1) bytes, one every `every` (100) milliseconds |
//! | `delivery=never` | no answer; the connection stays open |
//! | `delivery=cut` | the connection is closed after `after` bytes of the body (half of it), though all were announced |
//! | `delivery=endless` | the body over and over, without end |

mod choices;
mod server;
mod service;

pub use choices::{Choices, Code};
pub use server::{Sandbox, SandboxBuilder};
pub use service::{
    AppStatus, ConnectionRecord, CredentialsKind, Delivery, Effect, Fault, Format, FrameEvent, FrameRecord, Grant,
    IssuedToken, KeySpec, KeyStatus, MAX_BODY, MAX_FRAME_SIZE, Output, Reply, Request, RequestRecord, Service,
    TransportId, Trigger,
};
