//! Signing a token request (`RSA9`).

use alloc::boxed::Box;
use alloc::string::String;
use std::error::Error;
use std::io::{self, IsTerminal as _, Write as _};
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::options::ApiKey;
use crate::wire::{Capability, TokenParams, lenient};

#[derive(clap::Args)]
pub(super) struct Arguments {
    /// The API key, "appId.keyId:secret". Other processes see a command line: give the key by the environment,
    /// or on standard input, which is read where there is neither.
    #[arg(long, env = "ABLY_API_KEY", hide_env_values = true)]
    key: Option<String>,
    /// How long the token shall live, in milliseconds.
    #[arg(long)]
    ttl: Option<i64>,
    /// What the token shall allow, as JSON, such as {"chat:*":["subscribe"]}.
    #[arg(long)]
    capability: Option<Capability>,
    /// The client id the token shall be bound to.
    #[arg(long)]
    client_id: Option<String>,
    /// The time to sign with, in milliseconds since the epoch, in place of the clock's.
    #[arg(long)]
    timestamp: Option<i64>,
    /// The nonce to sign with, in place of a random one.
    #[arg(long)]
    nonce: Option<String>,
}

pub(super) fn run(arguments: &Arguments) -> Result<(), Box<dyn Error>> {
    let key = match &arguments.key {
        Some(key) => key.parse()?,
        None => key_from_stdin()?,
    };
    let params = TokenParams {
        ttl: arguments.ttl,
        capability: arguments.capability.clone(),
        client_id: arguments.client_id.clone(),
        timestamp: arguments.timestamp,
        nonce: arguments.nonce.clone(),
    };
    let request = crate::sign::sign(&key, &params, unix_ms()?, &nonce()?)?;
    writeln!(io::stdout(), "{}", lenient::text_of(&request))?;
    Ok(())
}

fn key_from_stdin() -> Result<ApiKey, Box<dyn Error>> {
    let stdin = io::stdin();
    if stdin.is_terminal() {
        return Err("no key: set ABLY_API_KEY, write the key to standard input, or give --key".into());
    }
    Ok(io::read_to_string(stdin)?.trim().parse()?)
}

fn unix_ms() -> Result<i64, Box<dyn Error>> {
    Ok(SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis().try_into()?)
}

/// 144 bits that nobody can guess, in 24 characters.
fn nonce() -> Result<String, Box<dyn Error>> {
    let mut bytes = [0; 18];
    getrandom::fill(&mut bytes)?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}
