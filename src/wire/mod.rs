//! Data as it is on the wire: tokens, capabilities, errors, revocations, with their serde forms.
//!
//! Reading is forgiving where the service is: unknown members are ignored, numbers may come as text, a
//! `null` is an absent member. Writing is exact: camelCase names, absent members left out.

mod capability;
mod error;
pub(crate) mod lenient;
mod protocol_message;
mod revocation;
mod secret;
mod token;
pub(crate) mod wiped;

pub use capability::Capability;
pub use error::{Error, ErrorInfo, ErrorKind, codes};
pub use protocol_message::{ConnectionDetails, ProtocolMessage, action};
pub use revocation::{
    BatchResult, TokenRevocationFailureResult, TokenRevocationResult, TokenRevocationSuccessResult,
    TokenRevocationTargetSpecifier,
};
pub use secret::Secret;
pub use token::{MAX_TOKEN_LENGTH, TokenDetails, TokenParams, TokenRequest};
pub(crate) use token::{client_ids_differ, is_key_name};

/// The version of Ably's protocol that this crate speaks (`CSV2`).
pub const PROTOCOL_VERSION: u32 = 6;
