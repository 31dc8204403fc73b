//! A `ConnectionMachine` by itself: whoever has the credentials may speak up in any state.

use ably_auth::connection::{ConnectWith, ConnectionAction, ConnectionInput, ConnectionMachine, FrameContent};
use ably_auth::options::ClientOptions;
use ably_auth::wire::Secret;
use ably_auth::{ConnectionState, Error, ErrorKind, Now, SocketId};

use crate::common::*;

const NOW: Now = Now::new(0, UNIX_START);

fn machine() -> ConnectionMachine {
    ConnectionMachine::new(&ClientOptions::from_json(&KEY.into()).unwrap(), [1; 32], NOW)
}

fn token(token: &str) -> ConnectWith {
    ConnectWith::Token { access_token: Secret::new(token), renewable: true }
}

fn reason() -> Error {
    Error::new(ErrorKind::Rejected, 40_170, 401, "no token")
}

fn drain(machine: &mut ConnectionMachine) -> Vec<ConnectionAction> {
    std::iter::from_fn(|| machine.poll_action()).collect()
}

/// The only socket that it wants opened, and what it connects with; and those that it wants closed before.
#[track_caller]
fn expect_socket(machine: &mut ConnectionMachine) -> (SocketId, String, Vec<SocketId>) {
    let (mut opened, mut closed) = (None, Vec::new());
    for action in drain(machine) {
        match action {
            ConnectionAction::OpenSocket { id, url } => assert!(opened.replace((id, url)).is_none(), "two sockets"),
            ConnectionAction::CloseSocket { id } => closed.push(id),
            _ => {}
        }
    }
    let (id, url) = opened.expect("a socket");
    (id, url.expose().to_owned(), closed)
}

#[test]
fn credentials_that_come_during_an_attempt_start_it_anew() {
    let mut machine = machine();
    machine.connect(NOW);
    assert!(drain(&mut machine).iter().any(|action| matches!(action, ConnectionAction::CredentialsNeeded { .. })));
    machine.use_credentials(token("first"), NOW);
    let (first, _, _) = expect_socket(&mut machine);

    machine.use_credentials(token("second"), NOW);

    let (second, url, closed) = expect_socket(&mut machine);
    assert_eq!(closed, [first]);
    assert!(url.contains("accessToken=second"), "{url}");
    machine.handle_input(ConnectionInput::SocketOpened { id: second }, NOW);
    let content = FrameContent::Text(connected("connection-1", "key-1").to_string().into());
    assert_eq!(machine.host(), None);
    machine.handle_input(ConnectionInput::Frame { id: second, content }, NOW);
    assert_eq!((machine.state(), machine.host()), (ConnectionState::Connected, Some("main.realtime.ably.net")));
}

#[test]
fn a_connection_that_is_not_there_cannot_be_lost() {
    let mut machine = machine();
    machine.drop_connection(reason(), NOW);
    assert_eq!((machine.state(), drain(&mut machine)), (ConnectionState::Initialized, vec![]));

    machine.fail(reason(), NOW);
    drain(&mut machine);
    machine.drop_connection(reason(), NOW);
    machine.authenticate("token".into(), true, NOW);
    machine.halt(NOW);

    assert_eq!((machine.state(), drain(&mut machine)), (ConnectionState::Failed, vec![]));
    assert_eq!(machine.poll_timeout(), None);
}

#[test]
fn a_frame_over_a_socket_that_is_not_used_is_ignored() {
    let mut machine = machine();
    machine.use_credentials(token("token"), NOW);
    let (socket, _, _) = expect_socket(&mut machine);
    machine.fail(reason(), NOW);
    drain(&mut machine);

    let content = FrameContent::Text(connected("connection-1", "key-1").to_string().into());
    machine.handle_input(ConnectionInput::Frame { id: socket, content }, NOW);

    assert_eq!((machine.state(), drain(&mut machine), machine.ignored()), (ConnectionState::Failed, vec![], 1));
}
