//! Which hosts follow from the options.

use ably_auth::options::ClientOptions;
use serde_json::{Value, json};

use crate::common::*;

/// The origin that requests of a client with this endpoint go to.
#[track_caller]
fn origin(endpoint: Value) -> String {
    let mut client = Client::new(json!({"key": KEY, "endpoint": endpoint}));
    client.on_http(|_| ok(json!({"time": 1_234_567_890_000_i64})));
    let time = client.time();
    client.expect_time(time);
    assert_eq!(client.requests.len(), 1);
    client.requests[0].origin().to_owned()
}

/// All hosts that a client of these options asks, in order of name, the first one apart.
#[track_caller]
fn hosts(mut options: Value) -> (String, Vec<String>) {
    options["key"] = json!(KEY);
    options["httpMaxRetryCount"] = json!(9);
    let mut client = Client::new(options);
    client.on_http(|_| respond(500, json!({"error": {"code": 50000}})));
    let time = client.time();
    assert_eq!(codes(&client.expect_error(time)), (50000, 500));
    let mut hosts: Vec<String> = client.requests.iter().map(|http| http.host().to_owned()).collect();
    let primary = hosts.remove(0);
    hosts.sort();
    (primary, hosts)
}

fn fallbacks(pattern: &str) -> Vec<String> {
    ["a", "b", "c", "d", "e"].iter().map(|letter| pattern.replace('?', letter)).collect()
}

/// Asserts that an option is refused by its name, whatever else is there.
#[track_caller]
fn assert_not_offered(name: &str, options: Value) {
    let error = Client::refusal(options);
    assert_eq!(codes(&error), (40000, 400));
    assert_eq!(error.message(), format!("invalid option {name}"));
}

// uts: rest/unit/REC1a/default-primary-domain-0
#[test]
fn the_production_service_is_the_default() {
    assert_eq!(origin(Value::Null), "https://main.realtime.ably.net");
}

// uts: rest/unit/REC1b2/explicit-hostname-with-period-0
#[test]
fn an_endpoint_with_a_period_is_a_host() {
    assert_eq!(origin(json!("custom.ably.example.com")), "https://custom.ably.example.com");
    assert_eq!(origin(json!("127.0.0.1")), "https://127.0.0.1");
}

// uts: rest/unit/REC1b2/endpoint-localhost-1
#[test]
fn localhost_is_a_host() {
    assert_eq!(origin(json!("localhost")), "https://localhost");
}

// uts: rest/unit/REC1b2/endpoint-ipv6-address-2
#[test]
fn an_ipv6_address_is_a_host_and_stands_in_brackets() {
    assert_eq!(origin(json!("::1")), "https://[::1]");
    assert_eq!(origin(json!("[::1]")), "https://[::1]");
}

// uts: rest/unit/REC1b3/nonprod-routing-policy-0
#[test]
fn a_routing_policy_outside_production() {
    assert_eq!(origin(json!("nonprod:staging")), "https://staging.realtime.ably-nonprod.net");
}

// uts: rest/unit/REC1b4/production-routing-policy-0
#[test]
fn a_routing_policy_of_production() {
    assert_eq!(origin(json!("test")), "https://test.realtime.ably.net");
}

// The deprecated options are not offered, so that whatever they could contradict is refused.
// uts: rest/unit/REC1b1/endpoint-conflicts-environment-0
// uts: rest/unit/REC1b1/endpoint-conflicts-resthost-1
// uts: rest/unit/REC1b1/endpoint-conflicts-realtimehost-2
// uts: rest/unit/REC1b1/endpoint-conflicts-fallback-default-3
#[test]
fn a_deprecated_option_beside_an_endpoint_is_refused_by_name() {
    assert_not_offered("environment", json!({"key": KEY, "endpoint": "test", "environment": "production"}));
    assert_not_offered("restHost", json!({"key": KEY, "endpoint": "test", "restHost": "custom.host.com"}));
    assert_not_offered("realtimeHost", json!({"key": KEY, "endpoint": "test", "realtimeHost": "custom.realtime.com"}));
    assert_not_offered(
        "fallbackHostsUseDefault",
        json!({"key": KEY, "endpoint": "test", "fallbackHostsUseDefault": true}),
    );
}

// uts: rest/unit/REC1c1/environment-conflicts-resthost-0
// uts: rest/unit/REC1c1/environment-conflicts-realtimehost-1
// uts: rest/unit/REC2a1/fallback-hosts-conflicts-use-default-0
#[test]
fn deprecated_options_beside_each_other_are_refused_by_name() {
    assert_not_offered("environment", json!({"key": KEY, "environment": "sandbox", "restHost": "custom.host.com"}));
    assert_not_offered("environment", json!({"key": KEY, "environment": "sandbox", "realtimeHost": "custom.host.com"}));
    assert_not_offered(
        "fallbackHostsUseDefault",
        json!({"key": KEY, "fallbackHosts": ["fb1.example.com"], "fallbackHostsUseDefault": true}),
    );
}

// What the deprecated options did is refused by name too.
// uts: rest/unit/REC1c2/environment-sets-primary-domain-0: does not apply: environment is not offered; endpoint is.
// uts: rest/unit/REC1d1/resthost-sets-primary-domain-0: does not apply: restHost is not offered; endpoint is.
// uts: rest/unit/REC1d2/realtimehost-sets-primary-domain-0: does not apply: realtimeHost is not offered; endpoint is.
// uts: rest/unit/REC1d/resthost-precedence-over-realtimehost-0: does not apply: neither is offered; endpoint is.
// uts: rest/unit/REC2b/fallback-hosts-use-default-0: does not apply: neither restHost nor fallbackHostsUseDefault is
// offered; fallbackHosts is.
// uts: rest/unit/REC2c5/production-environment-fallback-domains-0: does not apply: environment is not offered; endpoint
// is.
// uts: rest/unit/REC2c6/custom-resthost-no-fallbacks-0: does not apply: restHost is not offered; endpoint is.
// uts: rest/unit/REC2c6/custom-realtimehost-no-fallbacks-1: does not apply: realtimeHost is not offered; endpoint is.
#[test]
fn a_deprecated_option_is_refused_by_name() {
    assert_not_offered("environment", json!({"key": KEY, "environment": "sandbox"}));
    assert_not_offered("restHost", json!({"key": KEY, "restHost": "custom.rest.example.com"}));
    assert_not_offered("realtimeHost", json!({"key": KEY, "realtimeHost": "custom.realtime.example.com"}));
    assert_not_offered("fallbackHostsUseDefault", json!({"key": KEY, "fallbackHostsUseDefault": true}));
}

// uts: rest/unit/REC2c1/default-fallback-domains-0
#[test]
fn the_default_endpoint_has_five_fallback_hosts() {
    let (primary, others) = hosts(json!({}));

    assert_eq!(primary, "main.realtime.ably.net");
    assert_eq!(others, fallbacks("main.?.fallback.ably-realtime.com"));
}

// uts: rest/unit/REC2a2/custom-fallback-hosts-0
#[test]
fn given_fallback_hosts_replace_those_of_the_endpoint() {
    let (primary, others) = hosts(json!({"fallbackHosts": ["fb1.example.com", "fb2.example.com", "fb3.example.com"]}));

    assert_eq!(primary, "main.realtime.ably.net");
    assert_eq!(others, ["fb1.example.com", "fb2.example.com", "fb3.example.com"]);
}

// uts: rest/unit/REC2c2/explicit-hostname-no-fallbacks-0
#[test]
fn a_host_as_endpoint_has_no_fallback_hosts() {
    for host in ["custom.ably.example.com", "localhost", "[::1]"] {
        assert_eq!(hosts(json!({"endpoint": host})), (host.to_owned(), Vec::new()));
    }
}

// uts: rest/unit/REC2c3/nonprod-fallback-domains-0
#[test]
fn a_routing_policy_outside_production_has_its_own_fallback_hosts() {
    let (primary, others) = hosts(json!({"endpoint": "nonprod:staging"}));

    assert_eq!(primary, "staging.realtime.ably-nonprod.net");
    assert_eq!(others, fallbacks("staging.?.fallback.ably-realtime-nonprod.com"));
}

// uts: rest/unit/REC2c4/production-endpoint-fallback-domains-0
#[test]
fn a_routing_policy_of_production_has_its_own_fallback_hosts() {
    let (primary, others) = hosts(json!({"endpoint": "test"}));

    assert_eq!(primary, "test.realtime.ably.net");
    assert_eq!(others, fallbacks("test.?.fallback.ably-realtime.com"));
}

// uts: rest/unit/REC3a/default-connectivity-check-url-0
// uts: rest/unit/REC3b/custom-connectivity-check-url-0
// uts: rest/unit/REC3/connectivity-check-validation-0: does not apply to the Auth object: a connection makes the
// check, and reads its answer.
#[test]
fn the_url_of_the_connectivity_check_can_be_replaced() {
    let url = |options: Value| ClientOptions::from_json(&options).unwrap().connectivity_check_url().to_owned();

    assert_eq!(url(json!({"key": KEY})), "https://internet-up.ably-realtime.com/is-the-internet-up.txt");
    let custom = "https://custom.example.com/connectivity";
    assert_eq!(url(json!({"key": KEY, "connectivityCheckUrl": custom})), custom);
}
