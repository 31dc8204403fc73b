//! Any lines for the driver of a trace: see `ably_auth::fuzzing::lines`.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| ably_auth::fuzzing::lines(bytes));
