//! `ably-auth drive`: a machine, or a session, driven from any language. See [`crate::trace`].

use std::io::{self, BufRead, Write};

use crate::trace::{Driver, Mode};

/// Answers every line of the input, each at once, until the input ends.
///
/// # Errors
///
/// Those of reading and writing.
pub fn run(mode: Mode, input: impl BufRead, mut output: impl Write) -> io::Result<()> {
    let mut driver = Driver::new(mode);
    for line in input.split(b'\n') {
        writeln!(output, "{}", driver.line(line?))?;
        output.flush()?;
    }
    Ok(())
}
