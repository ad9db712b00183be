//! What the operating system says about a process.

/// Reads a `kB` line of `/proc/<pid>/status` in megabytes.
fn status_mb(pid: u32, name: &str) -> f64 {
    let text = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = text.lines().find(|l| l.starts_with(name)).unwrap_or_default();
    let kb: f64 = line.split_whitespace().nth(1).and_then(|n| n.parse().ok()).unwrap_or(0.0);
    (kb / 102.4).round() / 10.0
}

/// Returns the peak resident memory since the last reset, in MB.
pub(crate) fn peak_mb() -> f64 {
    status_mb(std::process::id(), "VmHWM:")
}

/// Returns the resident memory now, in MB.
pub(crate) fn rss_mb() -> f64 {
    status_mb(std::process::id(), "VmRSS:")
}

/// Lists the child processes.
fn children() -> Vec<u32> {
    let tasks = std::fs::read_dir("/proc/self/task").unwrap();
    let lists =
        tasks.flatten().map(|t| std::fs::read_to_string(t.path().join("children")).unwrap_or_default());
    lists.flat_map(|l| l.split_whitespace().filter_map(|p| p.parse().ok()).collect::<Vec<_>>()).collect()
}

/// Returns the peak of all child processes together, in MB.
pub(crate) fn children_peak_mb() -> f64 {
    let sum: f64 = children().into_iter().map(|p| status_mb(p, "VmHWM:")).sum();
    (sum * 10.0).round() / 10.0
}

/// Starts counting the peak anew.
pub(crate) fn reset_peak() {
    let _ = std::fs::write("/proc/self/clear_refs", "5");
}

/// Returns the CPU time of a process, ms (in steps of ten).
fn cpu_of(pid: &str) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let after = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    let ticks: f64 = after.split_whitespace().skip(11).take(2).filter_map(|n| n.parse::<f64>().ok()).sum();
    ticks * 10.0
}

/// Returns the CPU time of this process, ms.
pub(crate) fn cpu_ms() -> f64 {
    cpu_of("self")
}

/// Returns the CPU time of all child processes, ms.
pub(crate) fn children_cpu_ms() -> f64 {
    children().into_iter().map(|p| cpu_of(&p.to_string())).sum()
}

/// Returns the CPU time of this thread, ms: what a measure costs however many share the machine.
pub(crate) fn thread_cpu_ms() -> f64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    text.split_whitespace().next().and_then(|ns| ns.parse::<f64>().ok()).unwrap_or(0.0) / 1e6
}

/// Rounds to two digits after the point.
pub(crate) fn ms(duration: std::time::Duration) -> f64 {
    (duration.as_secs_f64() * 1e5).round() / 100.0
}

/// Returns a percentile of unsorted figures.
pub(crate) fn percentile(figures: &mut [f64], percent: usize) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures[(figures.len() - 1) * percent / 100]
}
