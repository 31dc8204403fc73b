//! The Auth object of an Ably client as a sans-IO protocol state machine.
#![no_std]
#![forbid(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]

extern crate alloc;
#[cfg(feature = "sandbox")]
extern crate std;

mod base;
pub mod connection;
pub mod http;
pub mod machine;
pub mod options;
#[cfg(feature = "sandbox")]
#[cfg_attr(docsrs, doc(cfg(feature = "sandbox")))]
pub mod sandbox;
pub mod session;
pub mod sign;
pub mod wire;

pub use base::{
    CallbackId, ConnectionState, HttpId, Notice, NoticeKind, NoticeLevel, Now, OperationId, SocketId, TimerKind,
};
pub use connection::ConnectionMachine;
pub use machine::{
    Action, AuthMachine, CallbackValue, ConnectionEvent, Credentials, Event, Explanation, OpaqueJson, Outcome,
    Response, RestRequest, Revocation,
};
pub use session::{Session, SessionAction, SessionEvent};
pub use wire::{ConnectionDetails, Error, ErrorKind};
