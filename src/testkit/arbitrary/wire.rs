//! Data on the wire, HTTP included.

use alloc::string::{String, ToString as _};

use arbitrary::{Arbitrary, Result, Unstructured};
use serde_json::{Value, json};

use super::{CLIENT_IDS, TOKENS, error_json, is_wild, moment, number, text};
use crate::http::{Headers, HttpFailure, HttpFailureKind, HttpResponse};
use crate::testkit::frames;
use crate::wire::{
    Capability, ConnectionDetails, Error, ProtocolMessage, Secret, TokenDetails, TokenParams, TokenRequest, action,
};

impl<'a> Arbitrary<'a> for Secret {
    /// A token.
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        text(u, TOKENS).map(Secret::new)
    }
}

impl<'a> Arbitrary<'a> for Error {
    /// As the service reports it.
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        serde_json::from_value(error_json(u)?).map_err(|_| arbitrary::Error::IncorrectFormat)
    }
}

impl<'a> Arbitrary<'a> for Capability {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        let narrow = [r#"{"news":["subscribe"]}"#, r#"{"news":["publish","subscribe"],"chat:*":["presence"]}"#];
        Ok(match u.int_in_range(0..=narrow.len())? {
            0 => Capability::all(),
            which => narrow[which - 1].parse().unwrap_or_else(|_| Capability::all()),
        })
    }
}

impl<'a> Arbitrary<'a> for TokenDetails {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        let mut details = TokenDetails::new(Secret::arbitrary(u)?);
        details.expires = option(u, moment)?;
        details.issued = option(u, moment)?;
        details.capability = option(u, |u| text(u, &[r#"{"*":["*"]}"#, "{"]))?;
        details.client_id = option(u, |u| text(u, CLIENT_IDS))?;
        Ok(details)
    }
}

impl<'a> Arbitrary<'a> for TokenRequest {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        let mut request = TokenRequest::new(text(u, &["app.key", "app.another", ""])?);
        request.nonce = option(u, |u| text(u, &["0123456789abcdef", ""]))?;
        request.timestamp = option(u, moment)?;
        request.mac = option(u, Secret::arbitrary)?;
        request.ttl = option(u, |u| number(u, &[60_000, 3_600_000, 0]))?;
        request.client_id = option(u, |u| text(u, CLIENT_IDS))?;
        Ok(request)
    }
}

impl<'a> Arbitrary<'a> for TokenParams {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        Ok(TokenParams {
            ttl: option(u, |u| number(u, &[60_000, 3_600_000, 1, 0]))?,
            capability: option(u, Capability::arbitrary)?,
            client_id: option(u, |u| text(u, CLIENT_IDS))?,
            timestamp: option(u, moment)?,
            nonce: option(u, |u| text(u, &["chosen-by-the-caller", ""]))?,
        })
    }
}

/// Perhaps a value; none once the bytes are used up.
pub(super) fn option<'a, T>(
    u: &mut Unstructured<'a>,
    value: impl FnOnce(&mut Unstructured<'a>) -> Result<T>,
) -> Result<Option<T>> {
    if u.arbitrary()? { value(u).map(Some) } else { Ok(None) }
}

impl<'a> Arbitrary<'a> for ConnectionDetails {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        let client_id = option(u, |u| text(u, CLIENT_IDS))?;
        Ok(ConnectionDetails { client_id, ..ConnectionDetails::default() })
    }
}

impl<'a> Arbitrary<'a> for ProtocolMessage {
    /// As the service sends it.
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        match frame(u)? {
            Value::Object(members) => Ok(ProtocolMessage::from_members(members)),
            _ => Err(arbitrary::Error::IncorrectFormat),
        }
    }
}

fn frame(u: &mut Unstructured<'_>) -> Result<Value> {
    Ok(match u.int_in_range(0..=9)? {
        0 => {
            let mut frame = frames::connected(&text(u, &["connection-1", "connection-2"])?, "key-1");
            if let Some(client_id) = option(u, |u| text(u, CLIENT_IDS))? {
                frame["connectionDetails"]["clientId"] = client_id.into();
            }
            frame
        }
        1 => frames::heartbeat(),
        2 => frames::reauth(),
        3 => with_error(u, action::DISCONNECTED)?,
        4 => with_error(u, action::ERROR)?,
        5 => frames::closed(),
        6 => frames::attached("news", "serial-1"),
        7 => json!({"action": action::MESSAGE, "channel": "news", "channelSerial": "serial-2"}),
        8 => {
            let mut frame = with_error(u, action::ERROR)?;
            frame["channel"] = "news".into();
            frame
        }
        _ => json!({"action": number(u, &[99, -1, action::CONNECTED])?}),
    })
}

fn with_error(u: &mut Unstructured<'_>, action: i64) -> Result<Value> {
    Ok(json!({"action": action, "error": error_json(u)?}))
}

impl<'a> Arbitrary<'a> for HttpResponse {
    /// What the service, or an auth server, answers: a token, a time, an error, or something that nobody wants.
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        const JSON: &str = "application/json";
        let (status, content_type, body) = match u.int_in_range(0..=6)? {
            0 => (200, JSON, json!(TokenDetails::arbitrary(u)?).to_string()),
            1 => {
                let error = error_json(u)?;
                let status = error["statusCode"].as_u64().and_then(|status| u16::try_from(status).ok());
                (status.unwrap_or(500), JSON, json!({ "error": error }).to_string())
            }
            2 => (200, "text/plain", text(u, TOKENS)?),
            3 => (200, JSON, json!([moment(u)?]).to_string()),
            4 => (200, JSON, json!(TokenRequest::arbitrary(u)?).to_string()),
            5 => (*u.choose(&[500, 503, 200, 404, 302])?, "text/html", "<html>no</html>".into()),
            _ => return Ok(HttpResponse::new(u.int_in_range(100..=999)?, Headers::arbitrary(u)?, wild_body(u)?)),
        };
        Ok(HttpResponse::new(status, Headers::from_iter([("Content-Type", content_type)]), body))
    }
}

fn wild_body(u: &mut Unstructured<'_>) -> Result<alloc::vec::Vec<u8>> {
    if is_wild(u)? { u.arbitrary() } else { Ok(b"{".to_vec()) }
}

impl<'a> Arbitrary<'a> for Headers {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        let count = u.int_in_range(0..=2)?;
        let mut headers = Headers::new();
        for _ in 0..count {
            let name: String = (*u.choose(&["X-Session", "Content-Type", "Location"])?).into();
            headers.append(name, text(u, &["text/plain", "/elsewhere", "http://auth.example/", ""])?);
        }
        Ok(headers)
    }
}

impl<'a> Arbitrary<'a> for HttpFailureKind {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        u.choose(&[Self::Timeout, Self::Connect, Self::Dns, Self::Tls, Self::Closed, Self::Other]).copied()
    }
}

impl<'a> Arbitrary<'a> for HttpFailure {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        HttpFailureKind::arbitrary(u).map(HttpFailure::new)
    }
}
