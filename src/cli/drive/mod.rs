#![doc = include_str!("FORMAT.md")]

mod input;
mod output;

use alloc::string::String;
use std::io::{self, BufRead, Write};

use crate::wire::{codes, lenient};
use crate::{AuthMachine, Error, Now, OperationId};

pub use input::{Command, Input, Line, New};
pub use output::{Output, View};

/// A machine, or none yet, that is driven by lines.
///
/// ```
/// let mut driver = ably_auth::cli::drive::Driver::default();
/// let answer = driver.line(r#"{"time": {}}"#);
/// assert!(answer.starts_with(r#"{"error":{"code":40000,"statusCode":400,"#));
/// ```
#[derive(Clone, Debug, Default)]
pub struct Driver {
    machine: Option<AuthMachine>,
    now: Now,
}

impl Driver {
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
    /// Those of [`AuthMachine::new`]; 40000/400 where there is no machine yet, or would be a second one.
    pub fn accept(&mut self, line: Line) -> Result<Output, Error> {
        let now = line.now.unwrap_or(self.now);
        let (machine, operation) = match (line.input, &mut self.machine) {
            (Input::New(new), machine @ None) => (machine.insert(AuthMachine::new(new.options, new.seed, now)?), None),
            (Input::New(_), Some(_)) => return Err(refused("new: there is a machine already")),
            (_, None) => return Err(refused("there is no machine yet: the first line has to be a \"new\"")),
            (Input::Command(command), Some(machine)) => {
                let operation = start(machine, command, now);
                (machine, Some(operation))
            }
            (Input::Event(event), Some(machine)) => {
                machine.handle_event(event, now);
                (machine, None)
            }
            (Input::Timeout, Some(machine)) => {
                machine.handle_timeout(now);
                (machine, None)
            }
        };
        self.now = now;
        Ok(Output::drain(machine, operation))
    }
}

fn start(machine: &mut AuthMachine, command: Command, now: Now) -> OperationId {
    match command {
        Command::Authorize(params, options) => machine.authorize(params, options, now),
        Command::RequestToken(params, options) => machine.request_token(params, options, now),
        Command::CreateTokenRequest(params, options) => machine.create_token_request(params, options, now),
        Command::RevokeTokens(revocation) => machine.revoke_tokens(revocation, now),
        Command::Request(request) => machine.request(request, now),
        Command::Credentials => machine.credentials(now),
        Command::Time => machine.time(now),
        Command::Cancel(operation) => machine.cancel(operation, now),
        Command::Refused(error) => machine.refuse(error, now),
    }
}

/// The error for a line that cannot be accepted.
fn refused(message: impl Into<String>) -> Error {
    Error::configuration(codes::BAD_REQUEST, 400, message)
}

/// Answers every line of the input, each at once, until the input ends.
///
/// # Errors
///
/// Those of reading and writing.
pub fn run(input: impl BufRead, mut output: impl Write) -> io::Result<()> {
    let mut driver = Driver::default();
    for line in input.split(b'\n') {
        writeln!(output, "{}", driver.line(line?))?;
        output.flush()?;
    }
    Ok(())
}
