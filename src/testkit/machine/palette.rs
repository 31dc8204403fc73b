//! The values behind the ops: those that a session's ops have, and what a machine alone is told besides.

use super::ops::Params;
pub(super) use crate::testkit::session::palette::*;
use crate::testkit::session::{Identity, Reason};
use crate::wire::{Capability, TokenParams};
use crate::{ConnectionDetails, ConnectionEvent, ConnectionState};

pub(super) fn token_params(params: Params) -> Option<TokenParams> {
    let default = TokenParams::default();
    Some(match params {
        Params::Stored => return None,
        Params::Empty => default,
        Params::Everything => TokenParams {
            ttl: Some(60_000),
            capability: Some(Capability::all()),
            client_id: Some(CLIENT_ID.into()),
            timestamp: Some(1_700_000_000_000),
            nonce: Some("chosen-by-the-caller".into()),
        },
        Params::AnotherClientId => TokenParams { client_id: Some("another".into()), ..default },
        Params::Invalid => TokenParams { ttl: Some(0), ..default },
    })
}

pub(super) fn connection_event(
    state: ConnectionState,
    update: bool,
    reason: Option<Reason>,
    client_id_: Option<Identity>,
) -> ConnectionEvent {
    ConnectionEvent {
        update,
        reason: reason.map(error),
        connection_details: client_id_
            .map(|id| ConnectionDetails { client_id: Some(client_id(id)), ..ConnectionDetails::default() }),
        ..ConnectionEvent::new(state)
    }
}
