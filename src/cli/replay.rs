//! `ably-auth replay`: traces and scenarios run again. See [`crate::trace::replay`].

use alloc::boxed::Box;
use alloc::format;
use alloc::string::{String, ToString as _};
use std::error::Error;
use std::fs;
use std::io::{self, Read as _, Write as _};
use std::path::PathBuf;
use std::vec::Vec;

use clap::Args;

use crate::trace::{self, Secrets};

#[derive(Args)]
pub(super) struct Arguments {
    /// Files to run, `-` for standard input.
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// Write what comes out into the files as what they expect; of standard input, to standard output.
    #[arg(long)]
    update: bool,
}

/// Runs the files, and prints where they differ.
pub(super) fn run(arguments: &Arguments) -> Result<(), Box<dyn Error>> {
    let mut out = io::stdout().lock();
    let mut differences = 0;
    let mut redacted = Vec::new();
    for path in &arguments.files {
        let name = path.display();
        let is_stdin = path.as_os_str() == "-";
        let text = if is_stdin {
            let mut text = String::new();
            io::stdin().read_to_string(&mut text).map(|_| text)
        } else {
            fs::read_to_string(path)
        };
        let text = text.map_err(|error| format!("{name}: {error}"))?;
        let replay = trace::replay(&text).map_err(|error| format!("{name}: {error}"))?;
        match (arguments.update, is_stdin) {
            (true, true) => out.write_all(replay.updated.expose().as_bytes())?,
            (true, false) if replay.updated.expose() != text => {
                fs::write(path, replay.updated.expose()).map_err(|error| format!("{name}: {error}"))?;
            }
            (true, false) => {}
            (false, _) => {
                differences += replay.differences.len();
                if replay.header.secrets == Secrets::Redacted && !replay.differences.is_empty() {
                    redacted.push(name.to_string());
                }
                replay.differences.iter().try_for_each(|difference| writeln!(out, "{name}: {difference}"))?;
            }
        }
    }
    match differences {
        0 => Ok(()),
        count => Err(format!("{count} members differ from what was expected{}", about_redacted(&redacted)).into()),
    }
}

/// What else a difference may come of.
fn about_redacted(files: &[String]) -> String {
    if files.is_empty() {
        return String::new();
    }
    let files = files.join(", ");
    format!("; {files}: its secrets are redacted, so a difference may also come of something that a secret was or held")
}
