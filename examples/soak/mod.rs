//! Many clients over real sockets, on a server that misbehaves at random: does each survive, and is nothing left
//! behind?
//!
//! Clients and an embedded sandbox share the process. Time goes in rounds. A round is a *storm*, in which faults are
//! injected several times a second, tokens live for seconds, and the application goes on with its operations; and
//! then a *calm*: faults are taken away, the application starts nothing new, and within [`BOUND`] every operation must
//! have ended, every client be connected, and nothing be there that was not there before the first storm. At the end
//! the clients are dropped, and there must be as many tasks and open files as before there were any; then the sandbox,
//! and all memory must have been given back.
//!
//! What is compared in a calm: a connected client has so many tasks and open files, and each HTTP connection that is
//! kept for the next request has two tasks and two open files, one on either side. So tasks less open files are the
//! same in each calm, exactly, however many HTTP connections are kept, and there may be one of those for each client.
//! Of memory the last calm may have only so much more than the one in the middle as its HTTP connections and what the
//! sandbox remembers account for. Memory is what was asked for and not given back, not what the process was granted.
//!
//! The seed decides which faults and operations there are, in what order; what they meet is up to the scheduler.

#![allow(clippy::disallowed_methods, reason = "it takes real time on real sockets")]

mod application;
mod faults;
mod ledger;
mod process;
mod random;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use ably_auth::sandbox::{Choices, Sandbox};
use tokio::sync::watch;
use tokio::time::sleep;

use application::Application;
use faults::Weather;
use ledger::Ledger;
use process::Process;
use random::Random;

/// How long a calm may take until everything is as it should be.
const BOUND: Duration = Duration::from_secs(60);
/// How much more memory the last calm may take than the one in the middle, in bytes: for each HTTP connection more that
/// is kept, with the buffers of both sides; for each token more that the sandbox remembers; and for each client, whose
/// buffers are as large as what they last held.
const MEMORY_PER_HTTP_CONNECTION: u64 = 64 * 1_024;
const MEMORY_PER_TOKEN: u64 = 2 * 1_024;
const MEMORY_PER_SESSION: u64 = 8 * 1_024;
/// How much more memory may be taken later, in bytes, by what is made once and kept.
const MEMORY_KEPT: u64 = 1_024 * 1_024;
/// How many files a client may have open in a calm: two ends of a WebSocket, two of an HTTP connection that is kept.
const FILES_IN_A_CALM: u64 = 4;
/// How many files are open for each client when it is bad: two ends of a WebSocket, those of one that it replaces,
/// and those of a request.
const FILES_PER_SESSION: u64 = 6;
/// How many tasks an HTTP connection has, on both sides together.
const TASKS_OF_HTTP_CONNECTION: u64 = 2;

/// What is to be done.
pub(crate) struct Plan {
    /// How many clients.
    pub(crate) sessions: u32,
    /// How long all storms are together.
    pub(crate) seconds: u32,
    /// In how many storms; two at least.
    pub(crate) rounds: u32,
    /// What decides which faults and operations there are.
    pub(crate) seed: u64,
}

/// What happened.
pub(crate) struct Report {
    sessions: u32,
    ledger: Arc<Ledger>,
    weather: Weather,
    base: Process,
    calms: Vec<Calm>,
    /// After all clients were dropped, and then the sandbox too.
    ends: [Process; 2],
}

/// What was found in a calm, once everything was as it should be.
struct Calm {
    took: Duration,
    process: Process,
    /// How many tokens and connections the sandbox remembers: tokens until they expire, lost connections for two minutes.
    remembered: (usize, usize),
}

/// Does what is planned.
///
/// # Errors
///
/// What was not as it should be.
pub(crate) async fn run(plan: &Plan) -> Result<Report, String> {
    process::check_file_limit(200 + FILES_PER_SESSION * u64::from(plan.sessions))?;
    let before = Process::measure();
    let sandbox = Arc::new(sandbox().await?);
    let base = Process::measure();
    let (storming, storm) = watch::channel(false);
    let ledger = Arc::new(Ledger::default());
    let mut random = Random::new(plan.seed);
    let is_bad = Arc::new(AtomicBool::new(false));
    let mut applications = Vec::new();
    for number in 0..plan.sessions {
        let application = Application::start(number, &sandbox, &storm, &ledger, &is_bad, random.fork());
        applications.push(application.map_err(|error| format!("client {number}: {error}"))?);
    }
    application::revoke_now_and_then(&sandbox, &storm, &ledger, random.fork()).map_err(|error| error.to_string())?;
    drop(storm);

    let mut weather = Weather::new(random.fork());
    let mut calms = vec![calm(&sandbox, &applications, &ledger, None).await?];
    println!("connected: {}", calms[0]);
    let surplus = calms[0].process.surplus();
    for round in 1..=plan.rounds {
        is_bad.store(true, Ordering::Relaxed);
        let _ = storming.send(true);
        let until = Instant::now() + Duration::from_secs(plan.seconds.into()) / plan.rounds;
        while Instant::now() < until {
            weather.turn(&sandbox);
            sleep(Duration::from_millis(50 + random.below(200))).await;
        }
        let _ = storming.send(false);
        is_bad.store(false, Ordering::Relaxed);
        weather.clear(&sandbox);
        let calm = calm(&sandbox, &applications, &ledger, surplus).await?;
        println!("round {round}: {calm}; {} operations", ledger.ended());
        calms.push(calm);
    }

    drop((storming, applications));
    let without_clients = all_gone("clients", |now| (now.tasks, now.files) == (base.tasks, base.files)).await?;
    drop(sandbox);
    let alone =
        all_gone("clients and the sandbox", |now| now.tasks == 0 && now.heap <= before.heap + MEMORY_KEPT).await?;
    let report = Report { sessions: plan.sessions, ledger, weather, base, calms, ends: [without_clients, alone] };
    report.check()?;
    Ok(report)
}

/// A sandbox that forgets tokens as soon as they have expired, so that it does not grow by itself.
async fn sandbox() -> Result<Sandbox, String> {
    let mut choices = Choices::default();
    choices.expired_tokens_kept = 0;
    Sandbox::builder().choices(choices).start().await.map_err(|error| error.to_string())
}

/// Waits until everything is as it should be.
async fn calm(
    sandbox: &Sandbox,
    applications: &[Application],
    ledger: &Ledger,
    surplus: Option<i64>,
) -> Result<Calm, String> {
    let started = Instant::now();
    loop {
        let under_way = ledger.under_way();
        let connected = applications.iter().filter(|application| application.is_connected()).count();
        let connections = sandbox.connections();
        let open = connections.iter().filter(|connection| connection.transport.is_some()).count();
        let process = Process::measure();
        let is_settled = surplus.is_none() || process.surplus() == surplus;
        let wanted = applications.len();
        if under_way == 0 && (connected, open) == (wanted, wanted) && is_settled {
            let remembered = (sandbox.tokens().len(), connections.len());
            return Ok(Calm { took: started.elapsed(), process, remembered });
        }
        if started.elapsed() > BOUND {
            let others: Vec<String> = applications.iter().filter_map(Application::trouble).take(10).collect();
            return Err(format!(
                "after {BOUND:?} of calm {under_way} operations have not ended; of {wanted} clients {connected} are \
                 connected, the server has {open} open connections; {process}, where tasks less files should be \
                 {surplus:?}\n{}",
                others.join("\n")
            ));
        }
        sleep(Duration::from_millis(20)).await;
    }
}

/// Waits until nothing is left of what was dropped.
async fn all_gone(what: &str, is_gone: impl Fn(&Process) -> bool) -> Result<Process, String> {
    let started = Instant::now();
    loop {
        let process = Process::measure();
        if is_gone(&process) {
            return Ok(process);
        }
        if started.elapsed() > BOUND {
            return Err(format!("{BOUND:?} after all {what} were dropped there are still {process}"));
        }
        sleep(Duration::from_millis(20)).await;
    }
}

impl Report {
    fn check(&self) -> Result<(), String> {
        self.ledger.check()?;
        let (middle, [.., last]) = (self.middle(), &self.calms[..]) else { return Ok(()) };
        let more = |count: fn(&Calm) -> u64| count(last).saturating_sub(count(middle));
        let grown = more(|calm| calm.process.heap);
        let accounted_for = MEMORY_KEPT
            + MEMORY_PER_SESSION * u64::from(self.sessions)
            + MEMORY_PER_HTTP_CONNECTION * more(|calm| calm.process.tasks / TASKS_OF_HTTP_CONNECTION)
            + MEMORY_PER_TOKEN * more(|calm| calm.remembered.0 as u64);
        if grown > accounted_for {
            return Err(format!(
                "the last calm has {grown} bytes more than the one in the middle, not {accounted_for}"
            ));
        }
        let limit = self.base.files.map(|files| files + FILES_IN_A_CALM * u64::from(self.sessions));
        let most = self.calms.iter().filter_map(|calm| calm.process.files).max();
        match most.zip(limit) {
            Some((most, limit)) if most > limit => Err(format!("{most} files were open in a calm, and not {limit}")),
            _ => Ok(()),
        }
    }

    /// The calm that the last one is held against.
    fn middle(&self) -> &Calm {
        &self.calms[self.calms.len() / 2]
    }
}

impl fmt::Display for Calm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (process, took, (tokens, connections)) = (&self.process, self.took.as_secs_f64(), self.remembered);
        write!(f, "{process}; calm after {took:.2} s, with {tokens} tokens and {connections} connections remembered")
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.ledger)?;
        writeln!(f, "{}", self.weather)?;
        writeln!(f, "before any client:  {}", self.base)?;
        writeln!(f, "calm in the middle: {}", self.middle().process)?;
        if let Some(last) = self.calms.last() {
            writeln!(f, "the last calm:      {}", last.process)?;
        }
        writeln!(f, "all clients dropped: {}", self.ends[0])?;
        write!(f, "the sandbox too:     {}", self.ends[1])
    }
}
