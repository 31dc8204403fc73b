//! When a token is taken for expired.

use ably_auth::NoticeKind;
use serde_json::{Value, json};

use crate::common::*;

const LIFETIME: i64 = 60_000;

/// A client whose callback returns `token-1`, `token-2` and so on with these members, and whose service takes
/// everything and tells a time that is so much ahead of the wall clock's.
fn client(members: fn(u64) -> Value, server_ahead: i64) -> Client {
    let mut client = Client::new(json!({"authCallback": true}));
    client.on_callback(move |callback| {
        let mut details = members(callback.number());
        details["token"] = json!(format!("token-{}", callback.number()));
        token_details(details)
    });
    client.on_http(move |http| match http.path() {
        "/time" => ok(json!([UNIX_START + server_ahead])),
        _ => ok(json!({})),
    });
    client
}

fn ask_time(client: &mut Client) {
    let time = client.time();
    client.expect_time(time);
}

/// The token that a request is sent with now.
#[track_caller]
fn used(client: &mut Client) -> String {
    let credentials = client.credentials();
    client.expect_credentials(credentials).access_token().expect("token auth").to_owned()
}

#[test]
fn a_token_is_used_until_it_expires_and_renewed_then() {
    let mut client = client(|number| json!({"expires": UNIX_START + LIFETIME * number as i64}), 0);

    assert_eq!(used(&mut client), "token-1");
    client.advance(LIFETIME as u64 - 1);
    assert_eq!(used(&mut client), "token-1");
    client.advance(1);

    assert_eq!(used(&mut client), "token-2");
    assert_eq!(client.callbacks.len(), 2);
}

#[test]
fn a_token_without_an_expiry_is_used_for_ever() {
    let mut client = client(|_| json!({}), 0);

    assert_eq!(used(&mut client), "token-1");
    client.advance(1_000_000_000);

    assert_eq!(used(&mut client), "token-1");
}

#[test]
fn the_servers_time_decides_where_it_is_known_and_not_the_wall_clock() {
    // The server is an hour behind, so that the token lives although the wall clock says that it has expired.
    let mut behind = client(|_| json!({"expires": UNIX_START - HOUR + LIFETIME}), -HOUR);
    ask_time(&mut behind);
    assert_eq!(used(&mut behind), "token-1");
    behind.advance(LIFETIME as u64 - 1);
    assert_eq!(used(&mut behind), "token-1");
    behind.advance(1);
    let credentials = behind.credentials();
    assert_eq!(codes(&behind.expect_error(credentials)), (40170, 401), "the successor has expired on arrival");

    // The server is an hour ahead, so that the token expires although the wall clock says that it lives.
    let mut ahead = client(|number| json!({"expires": UNIX_START + HOUR + LIFETIME * number as i64}), HOUR);
    ask_time(&mut ahead);
    assert_eq!(used(&mut ahead), "token-1");
    ahead.advance(LIFETIME as u64);
    assert_eq!(used(&mut ahead), "token-2");
}

#[test]
fn the_servers_time_goes_on_with_the_monotonic_clock() {
    let mut client = client(|number| json!({"expires": UNIX_START + LIFETIME * number as i64}), 0);
    ask_time(&mut client);
    assert_eq!(used(&mut client), "token-1");

    client.shift_wall_clock(-10 * HOUR);
    client.advance(LIFETIME as u64);

    assert_eq!(used(&mut client), "token-2");
}

#[test]
fn issued_is_the_least_that_the_servers_clock_shows() {
    // The wall clock is ten hours ahead of the server, and nobody has asked for the time.
    let mut client = client(
        |number| {
            let issued = UNIX_START - 10 * HOUR + LIFETIME * (number as i64 - 1);
            json!({"issued": issued, "expires": issued + LIFETIME})
        },
        0,
    );

    assert_eq!(used(&mut client), "token-1");
    client.advance(LIFETIME as u64 - 1);
    assert_eq!(used(&mut client), "token-1");
    client.advance(1);

    assert_eq!(used(&mut client), "token-2");
    assert_eq!(client.callbacks.len(), 2);
}

#[test]
fn time_goes_before_issued() {
    // A token from a cache: issued an hour before it arrived, it expires in a minute.
    let mut client =
        client(|number| json!({"issued": UNIX_START - HOUR, "expires": UNIX_START + LIFETIME * number as i64}), 0);
    ask_time(&mut client);

    assert_eq!(used(&mut client), "token-1");
    client.advance(LIFETIME as u64);

    assert_eq!(used(&mut client), "token-2");
}

#[test]
fn a_token_that_expired_before_it_was_issued_is_refused() {
    let mut client = client(|_| json!({"issued": UNIX_START, "expires": UNIX_START - 1}), 0);

    let credentials = client.credentials();

    assert_eq!(codes(&client.expect_error(credentials)), (40170, 401));
    assert_eq!(client.callbacks.len(), 1);
}

#[test]
fn a_token_that_looks_expired_when_it_arrives_serves_the_request_it_was_got_for() {
    let mut client = client(|_| json!({"expires": UNIX_START - 1}), 0);

    let requests = [client.request("GET", "/a"), client.request("GET", "/b")];

    for request in requests {
        client.expect_response(request);
    }
    assert_eq!(client.authorizations(), ["Bearer token-1", "Bearer token-2"]);
    client.expect_notice(NoticeKind::WallClockDistrusted);
}

#[test]
fn a_wrong_wall_clock_costs_one_renewal_and_no_loop() {
    // By the wall clock, every token has expired when it arrives.
    let mut client = client(|_| json!({"expires": UNIX_START - 1}), -HOUR);

    assert_eq!(used(&mut client), "token-1");
    assert_eq!(client.callbacks.len(), 1);
    assert_eq!(used(&mut client), "token-2");
    client.expect_notice(NoticeKind::WallClockDistrusted);
    for _ in 0..10 {
        client.advance(1_000);
        assert_eq!(used(&mut client), "token-2");
    }

    assert_eq!(client.callbacks.len(), 2);
}

#[test]
fn a_distrusted_wall_clock_is_not_needed_once_the_servers_time_is_known() {
    let mut client = client(|number| json!({"expires": UNIX_START - HOUR + LIFETIME * number as i64}), -HOUR);
    assert_eq!(used(&mut client), "token-1");
    assert_eq!(used(&mut client), "token-2");
    client.expect_notice(NoticeKind::WallClockDistrusted);

    ask_time(&mut client);
    client.advance(2 * LIFETIME as u64 - 1);
    assert_eq!(used(&mut client), "token-2");
    client.advance(1);

    assert_eq!(used(&mut client), "token-3");
    assert_eq!(client.callbacks.len(), 3);
}

#[test]
fn a_good_successor_leaves_the_wall_clock_trusted() {
    let mut client = client(
        |number| match number {
            1 => json!({"expires": UNIX_START - 1}),
            number => json!({"expires": UNIX_START + LIFETIME * (number as i64 - 1)}),
        },
        0,
    );

    assert_eq!(used(&mut client), "token-1");
    assert_eq!(used(&mut client), "token-2");
    client.advance(LIFETIME as u64);

    assert_eq!(used(&mut client), "token-3");
}

#[test]
fn an_expired_token_that_cannot_be_renewed_is_dropped_and_nothing_is_sent() {
    let mut client = Client::new(json!({"tokenDetails": {"token": "static", "expires": UNIX_START + LIFETIME}}));
    client.expect_notice(NoticeKind::TokenNotRenewable);
    assert_eq!(used(&mut client), "static");

    client.advance(LIFETIME as u64);
    let request = client.request("GET", "/channels/test");

    assert_eq!(codes(&client.expect_error(request)), (40171, 403));
    assert_eq!(client.token_details(), None);
    assert_eq!(client.token_changes, [None]);
    assert_eq!(client.requests.len(), 0);
}

#[test]
fn a_failed_renewal_of_an_expired_token_leaves_none_and_the_next_need_tries_again() {
    let mut client = Client::new(json!({
        "tokenDetails": {"token": "given", "expires": UNIX_START - 1}, "authCallback": true,
    }));
    client.on_callback(|callback| match callback.number() {
        1 => Reply::from(plain_error("no")),
        _ => Reply::from(token("renewed")),
    });

    let credentials = client.credentials();
    assert_eq!(codes(&client.expect_error(credentials)), (40170, 401));
    assert_eq!(client.token_details(), None);

    assert_eq!(used(&mut client), "renewed");
}

#[test]
fn a_failed_authorize_leaves_a_valid_token() {
    let mut client = Client::new(json!({"token": "given", "authCallback": true}));
    client.on_callback(|_| plain_error("no"));

    let authorize = client.authorize(None, None);

    assert_eq!(codes(&client.expect_error(authorize)), (40170, 401));
    assert_eq!(client.token(), Some("given"));
    assert!(client.token_changes.is_empty());
    assert_eq!(used(&mut client), "given");
}

#[test]
fn absurd_times_do_no_harm() {
    for (issued, expires, distrusted) in [
        (Some(i64::MIN), Some(i64::MAX), false),
        (Some(i64::MAX), Some(i64::MIN), false),
        (Some(i64::MAX), Some(i64::MAX), false),
        (Some(0), Some(0), false),
        (None, Some(i64::MAX), false),
        (None, Some(i64::MIN), true),
    ] {
        let mut client = Client::new(json!({"authCallback": true}));
        client.on_callback(move |_| {
            let mut details = token("absurd");
            (details.issued, details.expires) = (issued, expires);
            details
        });
        for _ in 0..5 {
            let credentials = client.credentials();
            let _ = client.expect_complete(credentials);
            client.advance(1_000_000);
        }
        if distrusted {
            client.expect_notice(NoticeKind::WallClockDistrusted);
        }
        assert!(client.callbacks.len() <= 5);
    }
}
