//! Writing down what a machine is told and what it answers.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;

use super::file::{First, Header, Secrets};
use super::output::Refusal;
use super::redact::Double;
use super::{Driver, Line, Output, refused};
use crate::Error;
use crate::wire::Secret;
use crate::wire::lenient::text_of;
use crate::wire::wiped::WipedJson;

/// A driver that writes down what it is told and what it answers.
///
/// ```
/// use ably_auth::trace::{Header, Line, Mode, Recorder, replay};
///
/// let mut file = String::new();
/// let mut recorder = Recorder::new(&Header::new(Mode::Machine), |line: &str| {
///     file += line;
///     file += "\n";
/// });
/// let seed = "0".repeat(64);
/// let new = format!(r#"{{"new": {{"options": "app.key:secret", "seed": "{seed}"}}}}"#);
/// recorder.accept(Line::parse(new.as_bytes())?)?;
/// recorder.accept(Line::parse(br#"{"credentials": {}}"#)?)?;
///
/// assert_eq!(file.lines().count(), 3);
/// assert!(file.contains("app.key:redacted-key-1") && !file.contains("app.key:secret"));
/// assert_eq!(replay(&file)?.differences, []);
/// # Ok::<(), ably_auth::Error>(())
/// ```
pub struct Recorder<S> {
    driver: Driver,
    scribe: Scribe,
    sink: S,
}

impl<S: FnMut(&str)> Recorder<S> {
    /// Writes the header at once, and then a line for each input; each goes to the sink without its line feed, with
    /// secrets as the header says.
    pub fn new(header: &Header, mut sink: S) -> Self {
        sink(&Scribe::first_line(header));
        Recorder { driver: Driver::new(header.mode), scribe: Scribe::new(header), sink }
    }

    /// [`Driver::accept`], written down.
    ///
    /// # Errors
    ///
    /// Those of [`Driver::accept`], which are written down as the line of output, and of [`Line::to_json`].
    pub fn accept(&mut self, line: Line) -> Result<Output, Error> {
        let input = Scribe::input(&line)?;
        let answer = self.driver.accept(line);
        (self.sink)(self.scribe.line(&input, &answer).expose());
        answer
    }
}

impl<S> core::fmt::Debug for Recorder<S> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Recorder").field("driver", &self.driver).finish_non_exhaustive()
    }
}

/// Makes the lines of a trace file, whoever drives.
pub(crate) struct Scribe {
    /// Where secrets are redacted.
    double: Option<Box<Double>>,
}

impl Scribe {
    pub(crate) fn first_line(header: &Header) -> String {
        text_of(&First { trace: header })
    }

    pub(crate) fn new(header: &Header) -> Self {
        let is_redacted = header.secrets == Secrets::Redacted;
        Scribe { double: is_redacted.then(|| Box::new(Double::new(header.mode))) }
    }

    /// What there is to write of an input, before it is used up.
    ///
    /// # Errors
    ///
    /// Those of [`Line::to_json`].
    pub(crate) fn input(line: &Line) -> Result<WipedJson, Error> {
        let written = line.to_json()?;
        // With its members in the order in which a replay writes them.
        WipedJson::read(written.expose().as_bytes()).ok_or_else(|| refused("there is no line that says this"))
    }

    /// The line for an input and what came of it.
    pub(crate) fn line(&mut self, input: &WipedJson, answer: &Result<Output, Error>) -> Secret {
        let out = match answer {
            Ok(output) => Secret::new(text_of(output)),
            Err(error) => Secret::new(text_of(&Refusal::new(error))),
        };
        match &mut self.double {
            Some(double) => {
                let (input, out) = double.line(input, out.expose());
                record(&input, &out).into()
            }
            None => record(&text_of(&**input), out.expose()).into(),
        }
    }
}

/// A line of a file, of an input and its output.
pub(super) fn record(input: &str, out: &str) -> String {
    format!("{{\"in\":{input},\"out\":{out}}}")
}
