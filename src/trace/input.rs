//! Lines of input.

use alloc::format;
use alloc::string::{String, ToString as _};

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::refused;
use crate::connection::ConnectionInput;
use crate::options::{AuthOptions, ClientOptions};
use crate::session::Command;
use crate::wire::{ProtocolMessage, TokenParams};
use crate::{Error, Event, Now, OpaqueJson, OperationId, SessionEvent};

/// What happened, and when.
///
/// Its serde form is the line itself, with every secret in it; so is [`Line::to_json`]. `Debug` shows none.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    /// When; absent: at the same time as the last line.
    pub now: Option<Now>,
    /// What.
    pub input: Input,
}

/// What a line says.
#[derive(Clone, Debug, PartialEq)]
#[allow(clippy::large_enum_variant, reason = "there is one at a time, and it is used up at once")]
pub enum Input {
    /// Make the machine.
    New(New),
    /// The application asks for something.
    Command(Command),
    /// Something happened outside.
    Event(SessionEvent),
    /// Connect (realtime).
    Connect,
    /// Close the connection (realtime).
    Close,
    /// Send a frame of the application's (realtime).
    Send(ProtocolMessage),
    /// The time the machine waited for has come.
    Timeout,
}

/// What a machine is made of.
#[derive(Clone, PartialEq)]
pub struct New {
    /// Its options.
    pub options: ClientOptions,
    /// Where all its randomness comes from.
    pub seed: [u8; 32],
}

impl core::fmt::Debug for New {
    /// Without the seed: who has it knows every nonce.
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("New").field("options", &self.options).finish_non_exhaustive()
    }
}

impl Line {
    /// Reads a line.
    ///
    /// # Errors
    ///
    /// 40000/400 where it is no JSON object, not of exactly one known kind, or a member is missing or wrong;
    /// those of [`ClientOptions::from_json`].
    pub fn parse(line: &[u8]) -> Result<Line, Error> {
        // Safe to repeat: of bad JSON serde says where it is bad, not what stands there.
        let json = serde_json::from_slice(line).map_err(|error| refused(format!("not a line of JSON: {error}")))?;
        let Value::Object(mut members) = json else {
            return Err(refused("a line has to be a JSON object"));
        };
        let now = members.remove("now").filter(|now| !now.is_null()).map(|now| read("now", now)).transpose()?;
        let mut kinds = members.into_iter();
        match (kinds.next(), kinds.next()) {
            (Some((kind, members)), None) => Ok(Line { now, input: Input::parse(&kind, members)? }),
            (None, _) => Err(refused("a line has to say what happened, such as {\"timeout\": {}}")),
            (Some((one, _)), Some((other, _))) => {
                Err(refused(format!("a line has to be of one kind, and this is of two: {one} and {other}")))
            }
        }
    }
}

impl Input {
    /// Whether it tells of a connection that somebody else owns.
    pub(super) fn is_of_machine_mode(&self) -> bool {
        matches!(self, Self::Event(SessionEvent::Auth(Event::Connection(_) | Event::ReauthRequested {})))
    }

    /// The kind of a line that one of the modes does not know.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Event(SessionEvent::Auth(Event::Connection(_))) => "connection",
            Self::Event(SessionEvent::Auth(Event::ReauthRequested {})) => "reauthRequested",
            Self::Event(SessionEvent::Connection(input)) => match input {
                ConnectionInput::SocketOpened { .. } => "socketOpened",
                ConnectionInput::Frame { .. } => "frame",
                ConnectionInput::Activity { .. } => "activity",
                ConnectionInput::SocketClosed { .. } => "socketClosed",
                _ => "network",
            },
            Self::Connect => "connect",
            Self::Close => "close",
            Self::Send(_) => "send",
            _ => "of both modes",
        }
    }

    fn parse(kind: &str, members: Value) -> Result<Self, Error> {
        let command = match kind {
            "new" => return New::parse(members).map(Input::New),
            "timeout" => return expect_object(kind, &members).map(|()| Input::Timeout),
            "httpResponse" | "httpFailed" | "callbackResult" | "callbackFailed" | "tokenExpired" | "tokenRejected"
            | "connection" | "reauthRequested" => {
                return parse_event(kind, members).map(|event| Input::Event(SessionEvent::Auth(event)));
            }
            "socketOpened" | "frame" | "activity" | "socketClosed" | "network" => {
                return parse_event(kind, members).map(|event| Input::Event(SessionEvent::Connection(event)));
            }
            "connect" => return expect_object(kind, &members).map(|()| Input::Connect),
            "close" => return expect_object(kind, &members).map(|()| Input::Close),
            "send" => {
                #[derive(Deserialize)]
                struct Send {
                    message: ProtocolMessage,
                }

                let Send { message } = read(kind, members)?;
                return Ok(Input::Send(message));
            }
            "authorize" => with_arguments("authorize", members, Command::Authorize)?,
            "requestToken" => with_arguments("requestToken", members, Command::RequestToken)?,
            "createTokenRequest" => with_arguments("createTokenRequest", members, Command::CreateTokenRequest)?,
            "revokeTokens" => Command::RevokeTokens(read(kind, members)?),
            "request" => Command::Request(read(kind, members)?),
            "credentials" => expect_object(kind, &members).map(|()| Command::Credentials)?,
            "time" => expect_object(kind, &members).map(|()| Command::Time)?,
            "cancel" => {
                #[derive(Deserialize)]
                struct Cancel {
                    op: OperationId,
                }

                let Cancel { op } = read(kind, members)?;
                Command::Cancel(op)
            }
            _ => return Err(refused(format!("invalid kind {kind}"))),
        };
        Ok(Input::Command(command))
    }
}

impl New {
    fn parse(members: Value) -> Result<Self, Error> {
        #[derive(Deserialize)]
        struct Wire {
            options: Value,
            seed: String,
        }

        let Wire { options, seed } = read("new", members)?;
        let seed = parse_seed(&seed).ok_or_else(|| refused("new: seed: expected 64 hex digits"))?;
        Ok(New { options: ClientOptions::from_json(&options)?, seed })
    }
}

fn parse_seed(text: &str) -> Option<[u8; 32]> {
    let mut seed = [0; 32];
    if text.len() != 2 * seed.len() {
        return None;
    }
    let digit = |digit: u8| char::from(digit).to_digit(16).map(|digit| digit as u8);
    for (byte, pair) in seed.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
        *byte = digit(pair[0])? << 4 | digit(pair[1])?;
    }
    Some(seed)
}

fn parse_event<E: DeserializeOwned>(kind: &str, members: Value) -> Result<E, Error> {
    expect_object(kind, &members)?;
    read(kind, Value::Object(Map::from_iter([(kind.into(), members)])))
}

/// A command that takes token params and auth options. What is wrong with those is the command's own error.
fn with_arguments(
    kind: &'static str,
    members: Value,
    command: fn(Option<TokenParams>, Option<AuthOptions>) -> Command,
) -> Result<Command, Error> {
    expect_object(kind, &members)?;
    let member = |name| members.get(name).filter(|member| !member.is_null());
    let params = member("tokenParams").map(TokenParams::from_json).transpose();
    let options = member("authOptions").map(AuthOptions::from_json).transpose();
    Ok(match (params, options) {
        (Ok(params), Ok(options)) => command(params, options),
        (Err(error), _) | (_, Err(error)) => Command::Refused { kind, arguments: OpaqueJson(members), error },
    })
}

fn read<T: DeserializeOwned>(what: &str, json: Value) -> Result<T, Error> {
    expect_object(what, &json)?;
    T::deserialize(json).map_err(|error| {
        // Of all that serde says, only this never quotes the value, which may be a token.
        let missing = Some(error.to_string()).filter(|text| text.starts_with("missing field"));
        refused(format!("{what}: {}", missing.as_deref().unwrap_or("a member has the wrong type or value")))
    })
}

fn expect_object(what: &str, json: &Value) -> Result<(), Error> {
    if json.is_object() { Ok(()) } else { Err(refused(format!("{what}: expected an object"))) }
}
