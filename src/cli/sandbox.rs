//! A sandbox that runs until it is interrupted.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use std::fs;
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::time::Duration;

use serde::Serialize;
use serde_json::Value;

use crate::options::ApiKey;
use crate::sandbox::{FrameEvent, FrameRecord, KeySpec, RequestRecord, Sandbox, SandboxBuilder};
use crate::wire::{Error, lenient};

#[derive(clap::Args)]
pub(super) struct Arguments {
    /// The port without TLS; 0 leaves the choice to the system.
    #[arg(long, default_value_t = 0)]
    port: u16,
    /// The port with TLS; 0 leaves the choice to the system.
    #[arg(long, default_value_t = 0)]
    tls_port: u16,
    /// A key of one's own, with everything allowed, ahead of the others. Can be given several times.
    #[arg(long, value_name = "APP.ID:SECRET")]
    key: Vec<String>,
    /// A JSON file with the keys of the app, as the SDKs' test suites have it: `{ "keys": [{ "capability": ... }] }`,
    /// by itself or as `post_apps`. Without it the keys are those of the SDKs' test app.
    #[arg(long, value_name = "FILE")]
    app_config: Option<PathBuf>,
    /// Write the certificate that clients have to trust to this file, as PEM.
    #[arg(long, visible_alias = "tls", value_name = "FILE")]
    cert_file: Option<PathBuf>,
    /// Let everything that is sent take so long.
    #[arg(long, default_value_t = 0, value_name = "MILLISECONDS")]
    latency: u64,
    /// Tell of requests and frames on standard error, as they come, without secrets.
    #[arg(long)]
    log: bool,
    /// Say what one needs to know as one line of JSON.
    #[arg(long)]
    json: bool,
}

/// What one needs to know to use a sandbox.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Description<'a> {
    url: String,
    secure_url: String,
    control_url: String,
    keys: Vec<&'a str>,
    /// What a client has to trust to use `secure_url`; PEM.
    root_certificate: &'a str,
}

pub(super) fn run(arguments: &Arguments) -> io::Result<()> {
    let builder = arguments.builder()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let sandbox = builder.start().await?;
        if let Some(file) = &arguments.cert_file {
            fs::write(file, sandbox.root_certificate_pem())?;
        }
        // In this order, so that who has read that it is ready can interrupt.
        tokio::select! {
            biased;
            interrupted = tokio::signal::ctrl_c() => interrupted?,
            failed = serve(&sandbox, arguments) => return failed,
        }
        sandbox.shutdown().await;
        Ok(())
    })
}

impl Arguments {
    fn builder(&self) -> io::Result<SandboxBuilder> {
        let latency = Duration::from_millis(self.latency);
        let mut builder = Sandbox::builder().ports(self.port, self.tls_port).latency(latency);
        if let Some(file) = &self.app_config {
            builder = builder.app(read_app(&fs::read(file)?)?);
        }
        for key in &self.key {
            builder = builder.key(key.parse().map_err(invalid)?, KeySpec::full());
        }
        Ok(builder)
    }
}

fn read_app(text: &[u8]) -> io::Result<Vec<KeySpec>> {
    let config: Value = serde_json::from_slice(text)?;
    KeySpec::of_app(config.get("post_apps").unwrap_or(&config)).map_err(invalid)
}

fn invalid(error: Error) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, error)
}

/// Says that it is ready, and then what happens; ends only when it cannot say so.
async fn serve(sandbox: &Sandbox, arguments: &Arguments) -> io::Result<()> {
    let mut output = io::stdout();
    let description = if arguments.json { describe(sandbox) } else { explain(sandbox, arguments) };
    writeln!(output, "{description}")?;
    output.flush()?;
    if arguments.log { log(sandbox).await } else { core::future::pending().await }
}

fn describe(sandbox: &Sandbox) -> String {
    lenient::text_of(&Description {
        url: sandbox.url(""),
        secure_url: sandbox.secure_url(""),
        control_url: sandbox.url("/__sandbox"),
        keys: sandbox.keys().iter().map(ApiKey::expose).collect(),
        root_certificate: sandbox.root_certificate_pem(),
    })
}

fn explain(sandbox: &Sandbox, arguments: &Arguments) -> String {
    let keys = sandbox.keys().iter().map(|key| format!("    {}\n", key.expose()));
    let certificate = match &arguments.cert_file {
        Some(file) => format!("With TLS, clients have to trust {}", file.display()),
        None => "With TLS, clients have to trust a certificate: --cert-file writes it to a file".into(),
    };
    let (http, https) = (sandbox.http_port(), sandbox.https_port());
    format!(
        "The sandbox is ready. It runs until it is interrupted.\n\n    {}\n    {}\n\nKeys\n\n{}\n{certificate}.\n\
         Clients need these options, and basic authentication needs TLS:\n\n    \
         endpoint 127.0.0.1, port {http}, tlsPort {https}\n\nTry\n\n    curl {}\n\nWatch it in a browser\n\n    {}",
        sandbox.url(""),
        sandbox.secure_url(""),
        keys.collect::<String>(),
        sandbox.url("/time"),
        sandbox.url("/"),
    )
}

/// Tells what happens, for ever.
async fn log(sandbox: &Sandbox) -> io::Result<()> {
    let mut seen = (0, 0);
    loop {
        let (lines, count) = sandbox
            .until(|service| {
                let count = (service.request_count(), service.frame_count());
                // What has been forgotten meanwhile is not told.
                let requests =
                    service.requests().rev().take(fresh(count.0, seen.0)).map(|it| (it.at, request_line(it)));
                let frames = service.frames().rev().take(fresh(count.1, seen.1)).map(|it| (it.at, frame_line(it)));
                let mut lines: Vec<(i64, String)> = frames.chain(requests).collect();
                lines.reverse();
                lines.sort_by_key(|(at, _)| *at);
                (count != seen).then_some((lines, count))
            })
            .await;
        seen = count;
        let mut errors = io::stderr().lock();
        lines.iter().try_for_each(|(at, line)| writeln!(errors, "{at} {line}"))?;
    }
}

fn fresh(count: u64, seen: u64) -> usize {
    usize::try_from(count - seen).unwrap_or(usize::MAX)
}

fn request_line(record: &RequestRecord) -> String {
    let code = record.code.map(|code| format!("/{code}")).unwrap_or_default();
    let note = record.note.as_ref().map(|note| format!(", {note}")).unwrap_or_default();
    let RequestRecord { request, credentials, status, .. } = record;
    format!("{} {} by {credentials}: {status}{code}{note}", request.method, request.path.escape_debug())
}

fn frame_line(record: &FrameRecord) -> String {
    let connection = record.connection_id.as_deref().unwrap_or("no connection");
    let event = match &record.event {
        FrameEvent::Received(_) => "received".into(),
        FrameEvent::Sent(_) => "sent".into(),
        FrameEvent::Malformed { length } => format!("received {length} bytes that are no frame"),
        FrameEvent::Pinged => "pinged".into(),
        FrameEvent::Closed(code) => format!("closed with {code}"),
        FrameEvent::Cut => "cut off".into(),
        FrameEvent::Lost => "lost".into(),
    };
    let message = record.message().map(|message| {
        let channel = message.channel().map(|channel| format!(" on {channel:?}")).unwrap_or_default();
        let error = message.error().map(|error| format!(", {error}")).unwrap_or_default();
        format!(" action {}{channel}{error}", message.action())
    });
    format!("{connection}: {event}{}", message.unwrap_or_default())
}
