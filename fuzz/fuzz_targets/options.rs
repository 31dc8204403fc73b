//! Any JSON for a client's options: see `ably_auth::fuzzing::options`.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| ably_auth::fuzzing::options(bytes));
