//! What a session shows, and what it keeps to itself.

use ably_auth::connection::ConnectionInput;
use ably_auth::options::ClientOptions;
use ably_auth::{ConnectionEvent, ConnectionState, Event, Now, Session, SessionAction, SessionEvent, TimerKind};
use serde_json::json;

use crate::common::*;

#[test]
fn what_another_connection_manager_would_report_is_ignored_and_counted() {
    let mut client = Client::with_numbered_tokens(json!({}));

    for state in [ConnectionState::Connecting, ConnectionState::Connected, ConnectionState::Failed] {
        client.event(Event::Connection(ConnectionEvent::new(state)));
    }
    client.event(Event::ReauthRequested {});

    assert_eq!((client.ignored(), client.state()), (4, ConnectionState::Initialized));
    assert_eq!(client.callbacks.len(), 0);
    client.connect_up();
}

#[test]
fn answers_to_nothing_are_ignored_and_counted() {
    let mut client = Client::with_key(json!({}));
    client.connect();
    let socket = client.expect_attempt();
    client.refuse_socket(&socket);
    let check = client.expect_http();
    client.answer(&check, respond_text(200, "text/plain", "yes"));
    let socket = client.expect_socket();

    // The check's answer comes twice.
    client.event(respond_text(200, "text/plain", "yes").to(&check).expect("an answer"));

    assert_eq!(client.ignored(), 1);
    client.come_up(&socket, connected("connection-1", "key-1"));
}

#[test]
fn ids_of_requests_are_shared_by_both_sides() {
    let mut client = Client::with_key(json!({}));
    client.connect();
    let socket = client.expect_attempt();
    client.refuse_socket(&socket);
    let check = client.expect_http();

    let request = client.request("GET", "/time");
    let rest = client.expect_http();

    assert_ne!(check.id, rest.id);
    client.answer(&rest, ok(json!([1])));
    assert!(client.expect_complete(request).is_ok());
    client.answer(&check, respond_text(200, "text/plain", "yes"));
    client.expect_socket();
}

#[test]
fn debug_shows_no_secret() {
    let mut client = Client::with_numbered_tokens(json!({"key": "appId.keyId:very-secret-key"}));
    let socket = client.connect_up_as(connected("connection-1", "very-secret-connection"));
    client.receive(&socket, reauth());
    client.expect_frame(&socket);

    let shown = format!("{:?} {:#?}", client.session(), client.session());

    for secret in ["very-secret-key", "token-1", "token-2", "very-secret-connection"] {
        assert!(!shown.contains(secret), "{secret} is in {shown}");
    }
    for action in actions_of_a_whole_life(7) {
        let shown = format!("{action:?}");
        for secret in ["keySecret", "token-1", "token-2", "secret-connection"] {
            assert!(!shown.contains(secret), "{secret} is in {shown}");
        }
    }
}

#[test]
fn the_same_seed_and_inputs_give_the_same_actions() {
    assert_eq!(actions_of_a_whole_life(7), actions_of_a_whole_life(7));
    assert_ne!(actions_of_a_whole_life(7), actions_of_a_whole_life(8));
}

/// Everything that a session does that connects, is lost, tries again on another host, and is suspended.
fn actions_of_a_whole_life(seed: u8) -> Vec<SessionAction> {
    let options = ClientOptions::from_json(&json!({"key": KEY, "useTokenAuth": true})).expect("options");
    let mut now = Now::new(0, UNIX_START);
    let mut session = Session::new(options, [seed; 32], now).expect("options that can be used");
    let mut actions = Vec::new();
    session.connect(now);
    let mut tokens = 0;
    for round in 0..200 {
        let mut events: Vec<SessionEvent> = Vec::new();
        while let Some(action) = session.poll_action() {
            match &action {
                SessionAction::Auth(ably_auth::Action::SendHttp { id, request, .. }) => {
                    let body = if request.url.expose().ends_with("/requestToken") {
                        tokens += 1;
                        json!({"token": format!("token-{tokens}")}).to_string()
                    } else {
                        "yes".to_owned()
                    };
                    let headers = [("content-type", "application/json")].into_iter().collect();
                    let response = ably_auth::http::HttpResponse::new(200, headers, body);
                    events.push(Event::HttpResponse { id: *id, response }.into());
                }
                SessionAction::Connection(ably_auth::connection::ConnectionAction::OpenSocket { id, .. }) => {
                    let id = *id;
                    let frame = connected("connection-1", "secret-connection").to_string();
                    let content = ably_auth::connection::FrameContent::Text(frame.into());
                    if round == 1 {
                        events.push(ConnectionInput::Frame { id, content }.into());
                    }
                    let closed = ConnectionInput::SocketClosed { id, kind: None, status: None, message: None };
                    events.push(closed.into());
                }
                _ => {}
            }
            actions.push(action);
        }
        for event in events.drain(..) {
            session.handle_event(event, now);
        }
        if let Some((at, _)) = session.poll_timeout() {
            if round % 3 == 2 {
                now = Now::new(at.max(now.mono), UNIX_START + at.max(now.mono) as i64);
                session.handle_timeout(now);
            }
        }
    }
    assert!(actions.len() > 50, "{}", actions.len());
    actions
}

#[test]
fn of_two_deadlines_the_earlier_is_told() {
    let mut client = Client::with_key(json!({"authCallback": true, "useTokenAuth": false}));
    client.connect();
    let socket = client.expect_attempt();
    client.advance(4_000);
    let token_request = client.request_token(None, None);
    client.expect_callback();
    assert_eq!(client.deadline(), Some((6_000, TimerKind::Connect)));
    client.come_up(&socket, connected("connection-1", "key-1"));
    assert_eq!(client.deadline(), Some((10_000, TimerKind::Callback)));

    client.advance(10_000);

    assert_eq!(codes(&client.expect_error(token_request)), (40170, 401));
    assert_eq!(client.deadline(), Some((15_000, TimerKind::Idle)));
}

#[test]
fn a_laptop_that_slept_notices_at_once() {
    let mut client = Client::with_key(json!({"fallbackHosts": []}));
    let socket = client.connect_up();

    // Nothing woke the session for a day; the next input is late, and the deadline is dealt with.
    client.pass(24 * HOUR as u64);
    client.wake();

    client.expect_close_socket(&socket);
    client.expect_reconnect(80003, 400);
}

#[test]
fn time_that_goes_back_changes_nothing() {
    let options = ClientOptions::from_json(&json!({"key": KEY})).expect("options");
    let mut session = Session::new(options, [7; 32], Now::new(10_000, UNIX_START)).expect("options");
    session.connect(Now::new(10_000, UNIX_START));
    let deadline = session.poll_timeout();
    while session.poll_action().is_some() {}

    session.handle_timeout(Now::new(0, UNIX_START - HOUR));

    assert_eq!((session.poll_timeout(), session.poll_action()), (deadline, None));
    assert_eq!(deadline, Some((20_000, TimerKind::Connect)));
}

#[test]
fn a_frame_that_is_refused_changes_nothing_not_even_the_time() {
    let options = ClientOptions::from_json(&json!({"authCallback": true})).unwrap();
    let mut session = Session::new(options, [1; 32], Now::new(0, UNIX_START)).unwrap();
    session.connect(Now::new(0, UNIX_START));
    let before = session.clone();

    let message = serde_json::from_value(json!({"action": 15, "channel": "a"})).unwrap();
    let error = session.send(message, Now::new(99_999, UNIX_START)).unwrap_err();

    assert_eq!(codes(&error), (80_003, 400));
    assert_eq!(session, before);
}
