//! The command-line tool `ably-auth`.

use std::process::ExitCode;

fn main() -> ExitCode {
    ably_auth::cli::main()
}
