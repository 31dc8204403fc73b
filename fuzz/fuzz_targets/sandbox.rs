//! Requests, WebSockets and frames for the embedded server: see `ably_auth::fuzzing::sandbox`.
#![no_main]

use ably_auth::fuzzing::sandbox::{Scenario, run};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|scenario: Scenario| run(&scenario));
