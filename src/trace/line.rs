//! Lines of input as JSON: the inverse of [`Line::parse`].

use alloc::format;
use alloc::string::String;

use serde::{Serialize, Serializer};

use super::{Input, Line, New, refused};
use crate::options::{AuthOptions, ClientOptions};
use crate::session::Command;
use crate::wire::{ProtocolMessage, Secret, TokenParams};
use crate::{Error, Now, OperationId};

impl Line {
    /// The line as text that [`Line::parse`] reads as this very line, without its line feed.
    ///
    /// It holds every secret that the line does: whoever exposes the text answers for where it goes.
    ///
    /// What can be built in Rust but not be written is read as what it comes to: an error as one from outside, token
    /// params and options that no command accepts as a command that is refused.
    ///
    /// # Errors
    ///
    /// 40000/400 for what there is no line for: the answer to a connectivity check under the connection's own id. A
    /// session is told by `httpResponse` and `httpFailed`.
    pub fn to_json(&self) -> Result<Secret, Error> {
        serde_json::to_string(self).map(Secret::new).map_err(|_| refused("there is no line that says this"))
    }
}

impl Serialize for Line {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Members<'a> {
            #[serde(skip_serializing_if = "Option::is_none")]
            now: Option<Now>,
            #[serde(flatten)]
            input: &'a Input,
        }

        Members { now: self.now, input: &self.input }.serialize(serializer)
    }
}

impl Serialize for Input {
    /// A line without its time.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::New(new) => one(serializer, "new", new),
            Self::Command(command) => write_command(command, serializer),
            Self::Event(event) => event.serialize(serializer),
            Self::Connect => one(serializer, "connect", &Nothing {}),
            Self::Close => one(serializer, "close", &Nothing {}),
            Self::Send(message) => one(serializer, "send", &Send { message }),
            Self::Timeout => one(serializer, "timeout", &Nothing {}),
        }
    }
}

fn write_command<S: Serializer>(command: &Command, serializer: S) -> Result<S::Ok, S::Error> {
    let arguments = |kind, token_params, auth_options| (kind, Arguments { token_params, auth_options });
    let (kind, arguments) = match command {
        Command::Authorize(params, options) => arguments("authorize", params, options),
        Command::RequestToken(params, options) => arguments("requestToken", params, options),
        Command::CreateTokenRequest(params, options) => arguments("createTokenRequest", params, options),
        Command::RevokeTokens(revocation) => return one(serializer, "revokeTokens", revocation),
        Command::Request(request) => return one(serializer, "request", request),
        Command::Credentials => return one(serializer, "credentials", &Nothing {}),
        Command::Time => return one(serializer, "time", &Nothing {}),
        Command::Cancel(op) => return one(serializer, "cancel", &Cancel { op }),
        Command::Refused { kind, arguments, .. } => return one(serializer, kind, arguments),
    };
    one(serializer, kind, &arguments)
}

impl Serialize for New {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Members<'a> {
            options: &'a ClientOptions,
            seed: Secret,
        }

        let seed: String = self.seed.iter().map(|byte| format!("{byte:02x}")).collect();
        Members { options: &self.options, seed: Secret::new(seed) }.serialize(serializer)
    }
}

/// An object of one member.
fn one<S: Serializer>(serializer: S, kind: &str, members: &impl Serialize) -> Result<S::Ok, S::Error> {
    serializer.collect_map([(kind, members)])
}

#[derive(Serialize)]
struct Nothing {}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Arguments<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    token_params: &'a Option<TokenParams>,
    #[serde(skip_serializing_if = "Option::is_none")]
    auth_options: &'a Option<AuthOptions>,
}

#[derive(Serialize)]
struct Cancel<'a> {
    op: &'a OperationId,
}

#[derive(Serialize)]
struct Send<'a> {
    message: &'a ProtocolMessage,
}
