//! The figures of a run as a person reads them.

use std::fmt::Write;

use super::report::Report;

/// As a person reads it.
pub(super) fn of(report: &Report) -> String {
    let mut out = String::new();
    let _ = writeln!(
        out,
        "{} of {} viewers played, {} to the end, {} gave up",
        report.joined, report.viewers, report.ended, report.gave_up
    );
    let _ = writeln!(
        out,
        "stalls: {} ({} viewers, {} s in all)",
        report.stalls, report.stalled_viewers, report.stalled_s
    );
    let _ = writeln!(
        out,
        "\n{:<12}{:>9}{:>9}{:>9}{:>9}{:>9}{:>9}",
        "ms", "count", "mean", "p50", "p90", "p99", "max"
    );
    for (name, times) in [
        ("join", &report.join_ms),
        ("latency", &report.latency_ms),
        ("part", &report.part_ms),
        ("segment", &report.segment_ms),
        ("reload", &report.reload_ms),
        ("stall", &report.stall_ms),
    ] {
        let Some(t) = times else { continue };
        let _ = writeln!(
            out,
            "{name:<12}{:>9}{:>9.1}{:>9.1}{:>9.1}{:>9.1}{:>9.1}",
            t.count, t.mean, t.p50, t.p90, t.p99, t.max
        );
    }
    let _ = writeln!(out, "\n{:<16}{:>10}{:>9}{:>14}", "requests", "", "failed", "bytes");
    for (name, kind) in &report.kinds {
        let _ = writeln!(out, "{name:<16}{:>10}{:>9}{:>14}", kind.requests, kind.failed, kind.bytes);
    }
    let list = |counts: &mut dyn Iterator<Item = String>| counts.collect::<Vec<_>>().join(", ");
    let statuses = list(&mut report.statuses.iter().map(|(s, n)| format!("{s}: {n}")));
    let _ = writeln!(out, "status {statuses}");
    if !report.errors.is_empty() {
        let errors = list(&mut report.errors.iter().map(|(e, n)| format!("{e}: {n}")));
        let _ = writeln!(out, "errors {errors}");
    }
    let (requests, mbit) = (report.requests_per_s, report.mbit_per_s);
    let _ = writeln!(out, "{requests:.0} requests/s, {mbit:.0} Mbit/s over {} s", report.held_s);
    if let Some(server) = &report.server {
        let _ = writeln!(
            out,
            "server: {:.0} % of a core, {:.3} ms CPU a viewer-second, {:.1} us a request, {:.1} KB a viewer",
            server.cpu_percent,
            server.cpu_ms_per_viewer_s,
            server.cpu_us_per_request,
            server.memory_per_viewer_bytes as f64 / 1e3
        );
    }
    if let (Some(swarm), Some(busy), Some(steal)) =
        (report.swarm_cpu_percent, report.busy_percent, report.steal_percent)
    {
        let _ = writeln!(out, "swarm: {swarm:.0} % of a core; machine {busy:.0} % busy, {steal:.1} % stolen");
        if swarm > 95.0 * f64::from(report.threads) {
            out.push_str("the swarm itself is at its limit: use --threads, or fewer viewers\n");
        }
    }
    out
}
