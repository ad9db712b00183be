//! What the reader says to a chunk, how fast, and in how much memory.

use std::time::{Duration, Instant};

use lanewalk_model::chunk::{ChunkLimits, read_change};

/// Reads under the default limits and returns the refusal's code, or `"ok"`.
pub(crate) fn code(chunk: &[u8]) -> &'static str {
    read_change(chunk, &ChunkLimits::default()).map_or_else(|error| error.code(), |_| "ok")
}

/// Returns the code, having required that the best of five readings took under 10 ms.
pub(crate) fn refused(chunk: &[u8]) -> &'static str {
    let best = (0..5).map(|_| {
        let start = Instant::now();
        let _ = code(chunk);
        start.elapsed()
    });
    assert!(best.min().unwrap() < Duration::from_millis(10));
    code(chunk)
}

/// Returns the process's peak memory in KiB, where the system tells it.
pub(crate) fn peak_memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|rest| rest.trim_end_matches("kB").trim().parse().ok()).unwrap_or(0)
}
