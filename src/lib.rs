//! The Auth object of an Ably client as a sans-IO protocol state machine.
#![no_std]
#![forbid(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]

extern crate alloc;

pub mod http;
pub mod options;
pub mod sign;
pub mod wire;

pub use wire::{Error, ErrorKind};
