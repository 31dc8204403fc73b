//! Any bytes for everything that reads what comes from outside: see `ably_auth::fuzzing::answers`.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| ably_auth::fuzzing::answers(bytes));
