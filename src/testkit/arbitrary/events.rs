//! What machines and sessions are told.

use alloc::string::ToString as _;

use arbitrary::{Arbitrary, Result, Unstructured};
use serde_json::{Value, json};

use super::wire::option;
use super::{id, is_wild, text};
use crate::connection::{ConnectionInput, FrameContent};
use crate::http::{HttpFailure, HttpFailureKind, HttpResponse};
use crate::wire::{ConnectionDetails, Error, ProtocolMessage, Secret, TokenDetails, TokenRequest};
use crate::{CallbackValue, ConnectionEvent, ConnectionState, Event, OpaqueJson, SessionEvent};

impl<'a> Arbitrary<'a> for Event {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        Ok(match u.int_in_range(0..=7)? {
            0 => Event::HttpResponse { id: id(u)?, response: HttpResponse::arbitrary(u)? },
            1 => Event::CallbackResult { id: id(u)?, value: CallbackValue::arbitrary(u)? },
            2 => Event::HttpFailed { id: id(u)?, failure: HttpFailure::arbitrary(u)? },
            3 => Event::CallbackFailed { id: id(u)?, error: Error::arbitrary(u)? },
            4 => Event::TokenExpired {},
            5 => Event::TokenRejected { token: Secret::arbitrary(u)?, error: Error::arbitrary(u)? },
            6 => Event::Connection(ConnectionEvent::arbitrary(u)?),
            _ => Event::ReauthRequested {},
        })
    }
}

impl<'a> Arbitrary<'a> for CallbackValue {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        Ok(match u.int_in_range(0..=3)? {
            0 => CallbackValue::Token(Secret::arbitrary(u)?),
            1 => CallbackValue::TokenDetails(TokenDetails::arbitrary(u)?),
            2 => CallbackValue::TokenRequest(TokenRequest::arbitrary(u)?),
            _ => CallbackValue::Json(OpaqueJson(dynamic(u)?)),
        })
    }
}

/// A value of a dynamic language.
fn dynamic(u: &mut Unstructured<'_>) -> Result<Value> {
    Ok(match u.int_in_range(0..=5)? {
        0 => json!(TokenDetails::arbitrary(u)?),
        1 => json!(TokenRequest::arbitrary(u)?),
        2 => json!(Secret::arbitrary(u)?),
        3 => Value::Null,
        4 => json!({}),
        _ => json!([42]),
    })
}

impl<'a> Arbitrary<'a> for ConnectionState {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        u.choose(&[
            Self::Connecting,
            Self::Connected,
            Self::Disconnected,
            Self::Suspended,
            Self::Closing,
            Self::Closed,
            Self::Failed,
            Self::Initialized,
        ])
        .copied()
    }
}

impl<'a> Arbitrary<'a> for ConnectionEvent {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        let mut event = ConnectionEvent::new(ConnectionState::arbitrary(u)?);
        event.update = event.state == ConnectionState::Connected && u.arbitrary()?;
        event.reason = option(u, Error::arbitrary)?;
        event.connection_details = option(u, ConnectionDetails::arbitrary)?;
        Ok(event)
    }
}

impl<'a> Arbitrary<'a> for SessionEvent {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        if u.arbitrary()? {
            ConnectionInput::arbitrary(u).map(SessionEvent::Connection)
        } else {
            Event::arbitrary(u).map(SessionEvent::Auth)
        }
    }
}

impl<'a> Arbitrary<'a> for ConnectionInput {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        Ok(match u.int_in_range(0..=6)? {
            0 => ConnectionInput::SocketOpened { id: id(u)? },
            1 | 2 => ConnectionInput::Frame { id: id(u)?, content: FrameContent::arbitrary(u)? },
            3 => ConnectionInput::Activity { id: id(u)? },
            4 => ConnectionInput::SocketClosed {
                id: id(u)?,
                kind: option(u, HttpFailureKind::arbitrary)?,
                status: option(u, |u| u.choose(&[503_u16, 401, 404]).copied())?,
                message: None,
            },
            // As the check of a connection alone gets it; a session's comes as an `Event`.
            5 => match option(u, HttpResponse::arbitrary)? {
                Some(response) => ConnectionInput::HttpResponse { id: id(u)?, response },
                None => ConnectionInput::HttpFailed { id: id(u)?, failure: HttpFailure::arbitrary(u)? },
            },
            _ => ConnectionInput::Network { up: u.arbitrary()? },
        })
    }
}

impl<'a> Arbitrary<'a> for FrameContent {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        if is_wild(u)? {
            return text(u, &["{", "[]", "null", ""]).map(|text| FrameContent::Text(text.into()));
        }
        let message = ProtocolMessage::arbitrary(u)?;
        Ok(if u.arbitrary()? {
            FrameContent::Message(message)
        } else {
            FrameContent::Text(json!(message).to_string().into())
        })
    }
}
