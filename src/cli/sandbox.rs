//! A sandbox that runs until it is interrupted.

use alloc::string::String;
use alloc::vec::Vec;
use std::io::{self, Write as _};

use serde::Serialize;

use crate::options::ApiKey;
use crate::sandbox::Sandbox;
use crate::wire::lenient;

#[derive(clap::Args)]
pub(super) struct Arguments {
    /// The port without TLS; 0 leaves the choice to the system.
    #[arg(long, default_value_t = 0)]
    port: u16,
    /// The port with TLS; 0 leaves the choice to the system.
    #[arg(long, default_value_t = 0)]
    tls_port: u16,
}

/// What one needs to know to use a sandbox.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Description<'a> {
    url: String,
    secure_url: String,
    keys: Vec<&'a str>,
    /// What a client has to trust to use `secure_url`; PEM.
    root_certificate: &'a str,
}

pub(super) fn run(arguments: &Arguments) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let sandbox = Sandbox::builder().ports(arguments.port, arguments.tls_port).start().await?;
        // In this order, so that who has read the line can interrupt.
        tokio::try_join!(biased; tokio::signal::ctrl_c(), async { describe(&sandbox) })?;
        sandbox.shutdown().await;
        Ok(())
    })
}

fn describe(sandbox: &Sandbox) -> io::Result<()> {
    let description = Description {
        url: sandbox.url(""),
        secure_url: sandbox.secure_url(""),
        keys: sandbox.keys().iter().map(ApiKey::expose).collect(),
        root_certificate: sandbox.root_certificate_pem(),
    };
    let mut output = io::stdout();
    writeln!(output, "{}", lenient::text_of(&description))?;
    output.flush()
}
