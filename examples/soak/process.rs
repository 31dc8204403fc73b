//! What the process uses. Open files are known on Linux alone.

use std::fmt;
use std::fs;

use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};
use tokio::runtime::Handle;

#[global_allocator]
static ALLOCATOR: &StatsAlloc<std::alloc::System> = &INSTRUMENTED_SYSTEM;

/// What the process uses at an instant.
pub(super) struct Process {
    /// Tasks of the runtime, those of clients, sandbox and application alike.
    pub(super) tasks: u64,
    /// Open files, sockets among them.
    pub(super) files: Option<u64>,
    /// Memory that was asked for and not given back, in bytes.
    pub(super) heap: u64,
}

impl Process {
    pub(super) fn measure() -> Self {
        let files = fs::read_dir("/proc/self/fd").ok().map(|files| files.count() as u64);
        Process { tasks: Handle::current().metrics().num_alive_tasks() as u64, files, heap: heap() }
    }

    /// Tasks less open files.
    pub(super) fn surplus(&self) -> Option<i64> {
        Some(self.tasks as i64 - self.files? as i64)
    }
}

impl fmt::Display for Process {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} tasks", self.tasks)?;
        if let Some(files) = self.files {
            write!(f, ", {files} open files")?;
        }
        write!(f, ", {:.2} MiB on the heap", self.heap as f64 / (1_024.0 * 1_024.0))
    }
}

fn heap() -> u64 {
    let stats = ALLOCATOR.stats();
    stats.bytes_allocated.saturating_sub(stats.bytes_deallocated) as u64
}

/// Whether so many files may be open, as far as that is known.
///
/// # Errors
///
/// What to do where not.
pub(super) fn check_file_limit(wanted: u64) -> Result<(), String> {
    let limits = fs::read_to_string("/proc/self/limits").unwrap_or_default();
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"));
    let soft = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    match soft {
        Some(soft) if soft < wanted => Err(format!(
            "the process may open {soft} files and may need {wanted}: run `ulimit -n {}` in this shell first, or take \
             fewer --sessions",
            wanted.next_power_of_two()
        )),
        _ => Ok(()),
    }
}
