//! The Auth object of an Ably client as a sans-IO protocol state machine.
#![no_std]
#![forbid(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]

extern crate alloc;

mod base;
pub mod http;
pub mod machine;
pub mod options;
pub mod sign;
pub mod wire;

pub use base::{
    CallbackId, ConnectionState, HttpId, Notice, NoticeKind, NoticeLevel, Now, OperationId, SocketId, TimerKind,
};
pub use machine::{
    Action, AuthMachine, CallbackValue, ConnectionEvent, Credentials, Event, Explanation, OpaqueJson, Outcome,
    Response, RestRequest, Revocation,
};
pub use wire::{ConnectionDetails, Error, ErrorKind};
