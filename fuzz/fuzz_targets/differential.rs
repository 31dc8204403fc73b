//! Signing and encoding beside other implementations: see `ably_auth::fuzzing::differential`.
#![no_main]

use ably_auth::fuzzing::{Differential, differential};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: Differential| differential(&input));
