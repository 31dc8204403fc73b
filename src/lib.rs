//! The Auth object of an Ably client as a sans-IO protocol state machine.
#![no_std]
#![forbid(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]

extern crate alloc;

pub mod http;
pub mod machine;
pub mod options;
pub mod sign;
pub mod wire;

pub use machine::{
    Action, AuthMachine, CallbackId, CallbackValue, ConnectionDetails, ConnectionEvent, ConnectionState, Credentials,
    Event, Explanation, HttpId, Notice, NoticeKind, NoticeLevel, Now, OpaqueJson, OperationId, Outcome, Response,
    RestRequest, Revocation, TimerKind,
};
pub use wire::{Error, ErrorKind};
