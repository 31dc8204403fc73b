//! What a client is configured with, parsed rather than validated: a value of these types is usable.
//!
//! [`ClientOptions`] and [`AuthOptions`] can be built in Rust or read from JSON. Text is turned into what it
//! means at once (an [`ApiKey`], a [`Url`], an [`Endpoint`]); what can only be judged from several options
//! together is judged by `AuthMachine::new` or by the command they are given to.

mod auth;
mod client;
mod endpoint;
mod json;
mod key;

pub use crate::http::Url;
pub(crate) use auth::check_headers;
pub use auth::{AuthMethod, AuthOptions, AuthScheme, DEFAULT_CALLBACK, Params, TokenOption};
pub use client::{ClientOptions, RenewalMode};
pub(crate) use client::{basic_over_plain_http, incompatible_client_id, no_auth_method};
pub use endpoint::Endpoint;
pub(crate) use json::{Pairs, params_of};
pub use key::ApiKey;
