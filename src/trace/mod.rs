#![doc = include_str!("FORMAT.md")]

mod file;
mod input;
mod line;
mod mermaid;
mod output;
mod recorder;
mod redact;
mod replay;

use alloc::format;
use alloc::string::String;

use serde::{Deserialize, Serialize};

use crate::session::Driven;
use crate::wire::{codes, lenient};
use crate::{AuthMachine, Error, Now, OperationId, Session, SessionEvent};

pub use crate::session::Command;
pub use file::{Header, Secrets, VERSION};
pub use input::{Input, Line, New};
pub use mermaid::mermaid;
pub use output::{ConnectionView, Output, View};
pub use recorder::Recorder;
#[cfg(feature = "tokio")]
pub(crate) use recorder::Scribe;
pub use replay::{Difference, Replay, replay};

/// A machine, or none yet, that is driven by lines.
///
/// ```
/// let mut driver = ably_auth::trace::Driver::default();
/// let answer = driver.line(r#"{"time": {}}"#);
/// assert!(answer.starts_with(r#"{"error":{"code":40000,"statusCode":400,"#));
/// ```
#[derive(Clone, Debug, Default)]
pub struct Driver {
    mode: Mode,
    driven: Option<Driven>,
    now: Now,
}

/// What a driver drives.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Mode {
    /// An [`AuthMachine`]; the connection is the environment's.
    #[default]
    Machine,
    /// A [`Session`]: machine and connection.
    Realtime,
}

impl Driver {
    /// A driver of what the mode says.
    pub fn new(mode: Mode) -> Self {
        Driver { mode, ..Self::default() }
    }

    /// Takes one line of input and returns the line of output, without its line feed.
    pub fn line(&mut self, line: impl AsRef<[u8]>) -> String {
        let answer = Line::parse(line.as_ref()).and_then(|line| self.accept(line));
        match answer {
            Ok(output) => lenient::text_of(&output),
            Err(error) => lenient::text_of(&output::Refusal::new(&error)),
        }
    }

    /// Does what a line says.
    ///
    /// # Errors
    ///
    /// Those of [`AuthMachine::new`] and [`Session::send`]; 40000/400 where there is no machine yet, or would be a
    /// second one, and for a kind that belongs to the other mode.
    pub fn accept(&mut self, line: Line) -> Result<Output, Error> {
        let now = line.now.unwrap_or(self.now);
        let (driven, operation) = match (line.input, &mut self.driven) {
            (Input::New(new), driven @ None) => (driven.insert(make(self.mode, new, now)?), None),
            (Input::New(_), Some(_)) => return Err(refused("new: there is a machine already")),
            (_, None) => return Err(refused("there is no machine yet: the first line has to be a \"new\"")),
            (input, Some(driven)) => {
                let operation = take(driven, input, now)?;
                (driven, operation)
            }
        };
        self.now = now;
        Ok(Output::drain(driven, operation))
    }
}

/// A machine, or a session.
pub(crate) fn make(mode: Mode, new: New, now: Now) -> Result<Driven, Error> {
    Ok(match mode {
        Mode::Machine => Driven::Machine(AuthMachine::new(new.options, new.seed, now)?),
        Mode::Realtime => Driven::Session(Session::new(new.options, new.seed, now)?),
    })
}

/// Has it told what a line says. The operation, where that starts one.
fn take(driven: &mut Driven, input: Input, now: Now) -> Result<Option<OperationId>, Error> {
    match (driven, input) {
        (driven, Input::Command(command)) => return Ok(Some(driven.start(command, now))),
        (driven, Input::Timeout) => driven.handle_timeout(now),
        (driven @ Driven::Machine(_), Input::Event(event @ SessionEvent::Auth(_))) => driven.handle_event(event, now),
        (Driven::Machine(_), input) => return Err(of_other_mode(&input)),
        (Driven::Session(_), input) if input.is_of_machine_mode() => return Err(of_other_mode(&input)),
        (driven, Input::Event(event)) => driven.handle_event(event, now),
        (Driven::Session(session), Input::Connect) => session.connect(now),
        (Driven::Session(session), Input::Close) => session.close(now),
        (Driven::Session(session), Input::Send(message)) => session.send(message, now)?,
        // A second one is refused before it gets here.
        (Driven::Session(_), Input::New(_)) => {}
    }
    Ok(None)
}

fn of_other_mode(input: &Input) -> Error {
    refused(format!("invalid kind {}: it is not one of this mode", input.kind()))
}

/// The error for a line that cannot be accepted.
fn refused(message: impl Into<String>) -> Error {
    Error::configuration(codes::BAD_REQUEST, 400, message)
}
