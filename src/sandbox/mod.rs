//! An embedded server that behaves as Ably's auth surface does.

mod choices;
mod server;
mod service;

pub use choices::{Choices, Code};
pub use server::{Sandbox, SandboxBuilder};
pub use service::{
    AppStatus, CredentialsKind, Delivery, Grant, IssuedToken, KeySpec, KeyStatus, MAX_BODY, Reply, Request,
    RequestRecord, Service,
};
