//! How long it waits for the next attempt: the timeout, times a growing coefficient, times a random one.
//!
//! There is no function to call for either; what is seen is `retryIn`, and when the next attempt comes.

use ably_auth::{ConnectionState, TimerKind};
use serde_json::json;

use crate::common::*;

/// 1, 4/3, 5/3, then 2, in thirds.
fn thirds(n: u64) -> u64 {
    (n + 2).min(6)
}

/// A client that was connected and lost it, and how long it then waits each time.
fn retry_delays(timeout: u64, count: usize, seed: u8) -> Vec<u64> {
    let options = json!({"key": KEY, "disconnectedRetryTimeout": timeout, "fallbackHosts": []});
    let mut client = Client::with_seed(options, [seed; 32]);
    let details = json!({"maxIdleInterval": 15_000, "connectionStateTtl": 1_000_000_000});
    let socket = client.connect_up_as(connected_with("connection-id", "connection-key", details));
    client.socket_closed(&socket);
    // The first retry is made at once (RTN15a), whatever it says.
    let change = client.expect_change(ConnectionState::Disconnected);
    let mut delays = vec![change.retry_in.expect("it is tried again")];
    let socket = client.expect_attempt();
    client.refuse_socket(&socket);
    while delays.len() < count {
        let change = client.expect_change(ConnectionState::Disconnected);
        let retry_in = change.retry_in.expect("it is tried again");
        client.advance_to(retry_in, TimerKind::Retry);
        delays.push(retry_in);
        let socket = client.expect_attempt();
        client.refuse_socket(&socket);
    }
    client.expect_change(ConnectionState::Disconnected);
    delays
}

// uts: realtime/unit/RTB1a/backoff-coefficient-sequence-0
#[test]
fn the_coefficient_grows_to_two() {
    let delays: Vec<Vec<u64>> = (0..50).map(|seed| retry_delays(3_000_000, 10, seed)).collect();

    for n in 1..=10 {
        let longest = 1_000_000 * thirds(n);
        let most = delays.iter().map(|delays| delays[n as usize - 1]).max().expect("a delay");
        assert!(most <= longest && most > longest * 95 / 100, "{n}: {most} of {longest}");
    }
}

// uts: realtime/unit/RTB1b/jitter-coefficient-range-0
#[test]
fn the_random_coefficient_is_between_0_8_and_1() {
    let mut jitter = Vec::new();
    for seed in 0..20 {
        let delays = retry_delays(3_000_000, 50, seed);
        let coefficients = delays.iter().zip(1..).map(|(delay, n)| *delay as f64 / (1_000_000 * thirds(n)) as f64);
        jitter.extend(coefficients);
    }

    assert_eq!(jitter.len(), 1_000);
    assert!(jitter.iter().all(|jitter| (0.8..=1.0).contains(jitter)));
    let mean = jitter.iter().sum::<f64>() / jitter.len() as f64;
    assert!((0.89..=0.91).contains(&mean), "{mean}");
    // Evenly spread: each tenth of the range has its share.
    for tenth in 0..10 {
        let low = 0.8 + f64::from(tenth) * 0.02;
        let count = jitter.iter().filter(|jitter| (low..low + 0.02).contains(*jitter)).count();
        assert!((60..=140).contains(&count), "{count} from {low} on");
    }
}

// uts: realtime/unit/RTB1/disconnected-retry-delay-0
#[test]
fn the_delay_is_the_product() {
    for seed in 0..20 {
        let delays = retry_delays(2_000, 8, seed);
        for (delay, n) in delays.iter().zip(1..) {
            let longest = 2_000 * thirds(n) / 3;
            assert!((longest * 8 / 10..=longest).contains(delay), "{n}: {delay} of {longest}");
        }
    }
}

// uts: realtime/unit/RTB1/suspended-channel-retry-delay-1
// Channels, and when they are attached again, are the application's: the frames that say that one failed go to it,
// and the session does nothing of its own about them.
#[test]
fn channels_are_left_to_the_application() {
    let mut client = Client::with_key(json!({}));
    let socket = client.connect_up();

    let mut failure = error_frame(90001, 500, "Channel error");
    failure["channel"] = "test".into();
    let detached = because_of(json!({"action": 13, "channel": "test"}), 90001, 500, "Channel re-attach failed");
    for frame in [failure, detached] {
        client.receive(&socket, frame.clone());
        assert_eq!(client.expect_received(), frame);
        client.expect_silence_for(20_000);
    }

    assert_eq!(client.state(), ConnectionState::Connected);
}
