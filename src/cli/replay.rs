//! `ably-auth replay`: traces and scenarios run again. See [`crate::trace::replay`].

use alloc::boxed::Box;
use alloc::format;
use alloc::string::{String, ToString as _};
use std::error::Error;
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
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
    /// Instead of running it, draw the one file as a sequence diagram of Mermaid. A diagram shows no secret.
    #[arg(long, conflicts_with = "update")]
    diagram: bool,
}

/// Runs the files, and prints where they differ; or draws one.
pub(super) fn run(arguments: &Arguments) -> Result<(), Box<dyn Error>> {
    match (arguments.diagram, &*arguments.files) {
        (true, [path]) => draw(path),
        (true, _) => Err("--diagram draws one file at a time".into()),
        (false, files) => replay(files, arguments.update),
    }
}

fn draw(path: &Path) -> Result<(), Box<dyn Error>> {
    let drawn = trace::mermaid(&read(path)?).map_err(|error| format!("{}: {error}", path.display()))?;
    Ok(io::stdout().write_all(drawn.as_bytes())?)
}

fn replay(files: &[PathBuf], update: bool) -> Result<(), Box<dyn Error>> {
    let mut out = io::stdout().lock();
    let mut differences = 0;
    let mut redacted = Vec::new();
    for path in files {
        let name = path.display();
        let text = read(path)?;
        let replay = trace::replay(&text).map_err(|error| format!("{name}: {error}"))?;
        let updated = replay.updated.expose();
        match (update, is_stdin(path)) {
            (true, true) => out.write_all(updated.as_bytes())?,
            (true, false) if updated != text => {
                fs::write(path, updated).map_err(|error| format!("{name}: {error}"))?;
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

fn read(path: &Path) -> Result<String, Box<dyn Error>> {
    let text = if is_stdin(path) { io::read_to_string(io::stdin()) } else { fs::read_to_string(path) };
    Ok(text.map_err(|error| format!("{}: {error}", path.display()))?)
}

fn is_stdin(path: &Path) -> bool {
    path.as_os_str() == "-"
}

/// What else a difference may come of.
fn about_redacted(files: &[String]) -> String {
    if files.is_empty() {
        return String::new();
    }
    let files = files.join(", ");
    format!("; {files}: its secrets are redacted, so a difference may also come of something that a secret was or held")
}
