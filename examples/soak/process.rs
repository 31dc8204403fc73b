//! What the process uses. Open files and memory are known on Linux alone.

use std::fmt;
use std::fs;

use tokio::runtime::Handle;

/// What the process uses at an instant.
pub(super) struct Process {
    /// Tasks of the runtime, those of clients, sandbox and application alike.
    pub(super) tasks: u64,
    /// Open files, sockets among them.
    pub(super) files: Option<u64>,
    /// Resident memory, in bytes.
    pub(super) memory: Option<u64>,
}

impl Process {
    pub(super) fn measure() -> Self {
        let files = fs::read_dir("/proc/self/fd").ok().map(|files| files.count() as u64);
        Process { tasks: Handle::current().metrics().num_alive_tasks() as u64, files, memory: memory() }
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
        if let Some(memory) = self.memory {
            write!(f, ", {:.1} MiB", memory as f64 / (1_024.0 * 1_024.0))?;
        }
        Ok(())
    }
}

fn memory() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: u64 = line.trim().trim_end_matches("kB").trim().parse().ok()?;
    Some(kibibytes * 1_024)
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
