//! Any two texts for capabilities: see `ably_auth::fuzzing::capability`.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| ably_auth::fuzzing::capability(bytes));
