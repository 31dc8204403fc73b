//! The command-line tool `ably-auth`: drive a machine from any language, replay what was driven, sign a token request, run a sandbox.
//!
//! This module only reads the command line; each command is a module of its own. Whatever a command refuses
//! goes to standard error, in words, and the exit status is 1; a command line that makes no sense is 2.

#![allow(clippy::disallowed_methods, reason = "a command reads the clock and asks for randomness")]

pub mod drive;
mod replay;
mod sandbox;
mod sign;

use alloc::format;
use std::error::Error;
use std::io::{self, Write as _};
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::trace::Mode;

/// The Auth object of an Ably client, on the command line.
#[derive(Parser)]
#[command(name = "ably-auth", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Drive a machine by lines of JSON: one in for all that happens, one out with what is to be done. The
    /// format is described in the documentation of the library's module trace.
    Drive {
        /// Drive a session, machine and connection, instead of a machine alone.
        #[arg(long)]
        realtime: bool,
    },
    /// Run traces and scenarios again, and say where what comes out differs from what they expect. Where they hold
    /// secrets, so does what is printed.
    Replay(replay::Arguments),
    /// Run a service of one's own to test against, until interrupted. Its addresses and keys are printed.
    Sandbox(sandbox::Arguments),
    /// Sign a token request with an API key, and print it as JSON.
    Sign(sign::Arguments),
}

/// Runs the tool on the arguments, the environment and the standard streams of this process.
pub fn main() -> ExitCode {
    let outcome = match Cli::parse().command {
        Command::Drive { realtime } => {
            let mode = if realtime { Mode::Realtime } else { Mode::Machine };
            drive::run(mode, io::stdin().lock(), io::stdout().lock()).map_err(Into::into)
        }
        Command::Replay(arguments) => replay::run(&arguments),
        Command::Sandbox(arguments) => sandbox::run(&arguments).map_err(Into::into),
        Command::Sign(arguments) => sign::run(&arguments),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(&*error),
    }
}

fn fail(error: &dyn Error) -> ExitCode {
    // Where standard error is gone too, the exit status has to say it.
    let _ = writeln!(io::stderr(), "ably-auth: {error}");
    ExitCode::FAILURE
}
