//! The figures of a run: what `--json` prints.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;

use super::machine::Look;
use super::stats::{Mark, Stats, Times};

/// What `--json` prints: one object. Times are in milliseconds unless their name says seconds.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// What was played.
    pub url: String,
    /// Viewers that were asked for.
    pub viewers: u32,
    /// Viewers that played.
    pub joined: u64,
    /// Viewers that played to an ENDLIST.
    pub ended: u64,
    /// Viewers whose requests failed too often in a row.
    pub gave_up: u64,
    /// The time over which the viewers came.
    pub ramp_s: f64,
    /// The time after the last one came: figures a second are of this time, all others of the whole run.
    pub held_s: f64,
    /// Whether hinted parts were asked for.
    pub hints: bool,
    /// Threads of the swarm.
    pub threads: u32,
    /// How often players ran out of media.
    pub stalls: u64,
    /// Viewers that ever did.
    pub stalled_viewers: u64,
    /// All stalls together, in seconds.
    pub stalled_s: f64,
    /// Lengths of the stalls.
    pub stall_ms: Option<Spread>,
    /// First request to playing.
    pub join_ms: Option<Spread>,
    /// Wall clock less PROGRAM-DATE-TIME of what is shown.
    pub latency_ms: Option<Spread>,
    /// A part, from its request to its last byte. Hinted parts, which wait, are not among them.
    pub part_ms: Option<Spread>,
    /// The same of whole segments.
    pub segment_ms: Option<Spread>,
    /// A blocking reload: how much later than the first viewer (of its thread) each had the answer.
    pub reload_ms: Option<Spread>,
    /// Viewers that fell out of the playlist's window and joined again, each time.
    pub behind: u64,
    /// Pieces that the origin marked as missing.
    pub gaps: u64,
    /// All requests.
    pub requests: u64,
    /// Without an answer, with another status than 200 or 206, or not what was asked for.
    pub failed: u64,
    /// Bytes of bodies as sent.
    pub bytes: u64,
    /// While all viewers were there.
    pub requests_per_s: f64,
    /// While all viewers were there: bodies, in megabits.
    pub mbit_per_s: f64,
    /// Requests by what was asked for.
    pub kinds: BTreeMap<&'static str, Kind>,
    /// Answers by status.
    pub statuses: BTreeMap<String, u64>,
    /// Failures that are no status: `connect`, `broken`, `timeout`, `malformed` …
    pub errors: BTreeMap<&'static str, u64>,
    /// The server's process (`--pid`), while all viewers were there.
    pub server: Option<Server>,
    /// This process: CPU time in percent of one core. Near 100 a thread, the figures are the swarm's and not the server's.
    pub swarm_cpu_percent: Option<f64>,
    /// The share of the machine's CPU time that was used, in percent.
    pub busy_percent: Option<f64>,
    /// The share that the hypervisor took, in percent.
    pub steal_percent: Option<f64>,
}

/// Requests of a kind.
#[derive(Clone, Debug, Serialize)]
pub struct Kind {
    /// All of them.
    pub requests: u64,
    /// Those that failed.
    pub failed: u64,
    /// Bytes of bodies as sent.
    pub bytes: u64,
}

/// A distribution, in milliseconds.
#[derive(Clone, Debug, Serialize)]
pub struct Spread {
    /// How many.
    pub count: u64,
    /// Mean.
    pub mean: f64,
    /// Median.
    pub p50: f64,
    /// 90 % are no longer.
    pub p90: f64,
    /// 99 % are no longer.
    pub p99: f64,
    /// The longest.
    pub max: f64,
}

/// What the viewers cost.
#[derive(Clone, Debug, Serialize)]
pub struct Server {
    /// CPU time in percent of one core.
    pub cpu_percent: f64,
    /// CPU time in milliseconds for each second of each viewer.
    pub cpu_ms_per_viewer_s: f64,
    /// CPU time in microseconds for each request.
    pub cpu_us_per_request: f64,
    /// Resident memory before the first viewer came.
    pub memory_before_bytes: u64,
    /// The most that was seen.
    pub memory_peak_bytes: u64,
    /// The difference, for each viewer.
    pub memory_per_viewer_bytes: u64,
}

/// What a report is made of.
pub(super) struct Run<'a> {
    pub url: &'a str,
    pub viewers: u32,
    pub threads: u32,
    pub hints: bool,
    pub ramp: Duration,
    pub held: Duration,
    pub stats: &'a Stats,
    /// While all viewers were there.
    pub mark: Mark,
    pub idle: Look,
    pub before: Look,
    pub after: Look,
    pub memory_peak: u64,
}

impl Report {
    pub(super) fn new(run: &Run<'_>) -> Self {
        let (stats, held) = (run.stats, run.held.as_secs_f64());
        let total = stats.kinds.values();
        let (requests, failed) = total.fold((0, 0), |(a, b), count| (a + count.requests, b + count.failed));
        let per_s = |n: f64| round(n / held.max(f64::MIN_POSITIVE));
        let machine = run.after.machine.zip(run.before.machine);
        let share = |part: fn(&super::machine::Machine) -> u64| {
            let (after, before) = machine?;
            let all = after.all.saturating_sub(before.all).max(1);
            Some(round(100.0 * part(&after).saturating_sub(part(&before)) as f64 / all as f64))
        };
        let stalls = stats.stall.histogram();
        Self {
            url: run.url.to_owned(),
            viewers: run.viewers,
            joined: stats.joined,
            ended: stats.ended,
            gave_up: stats.gave_up,
            ramp_s: round(run.ramp.as_secs_f64()),
            held_s: round(held),
            hints: run.hints,
            threads: run.threads,
            stalls: stalls.map_or(0, hdrhistogram::Histogram::len),
            stalled_viewers: stats.stalled,
            stalled_s: stalls.map_or(0.0, |times| round(times.mean() * times.len() as f64 / 1e6)),
            stall_ms: spread(&stats.stall),
            join_ms: spread(&stats.join),
            latency_ms: spread(&stats.latency),
            part_ms: spread(&stats.part),
            segment_ms: spread(&stats.segment),
            reload_ms: spread(&stats.reload),
            behind: stats.behind,
            gaps: stats.gaps,
            requests,
            failed,
            bytes: stats.kinds.values().map(|count| count.bytes).sum(),
            requests_per_s: per_s(run.mark.requests as f64),
            mbit_per_s: per_s(run.mark.bytes as f64 * 8.0 / 1e6),
            kinds: stats
                .kinds
                .iter()
                .map(|(kind, c)| {
                    let count = Kind { requests: c.requests, failed: c.failed, bytes: c.bytes };
                    (kind.name(), count)
                })
                .collect(),
            statuses: stats.statuses.iter().map(|(status, count)| (status.to_string(), *count)).collect(),
            errors: stats.errors.clone(),
            server: server(run),
            swarm_cpu_percent: run
                .after
                .swarm
                .zip(run.before.swarm)
                .map(|(after, before)| per_s(100.0 * after.cpu.saturating_sub(before.cpu).as_secs_f64())),
            busy_percent: share(|machine| machine.idle).map(|idle| round(100.0 - idle)),
            steal_percent: share(|machine| machine.steal),
        }
    }
}

fn server(run: &Run<'_>) -> Option<Server> {
    let (after, before) = run.after.server.zip(run.before.server)?;
    let idle = run.idle.server?;
    let cpu = after.cpu.saturating_sub(before.cpu).as_secs_f64();
    let viewer_s = run.mark.viewer_time.as_secs_f64().max(f64::MIN_POSITIVE);
    let peak = run.memory_peak.max(after.memory);
    Some(Server {
        cpu_percent: round(100.0 * cpu / run.held.as_secs_f64().max(f64::MIN_POSITIVE)),
        cpu_ms_per_viewer_s: round(1e3 * cpu / viewer_s),
        cpu_us_per_request: round(1e6 * cpu / run.mark.requests.max(1) as f64),
        memory_before_bytes: idle.memory,
        memory_peak_bytes: peak,
        memory_per_viewer_bytes: peak.saturating_sub(idle.memory) / u64::from(run.viewers.max(1)),
    })
}

pub(super) fn spread(times: &Times) -> Option<Spread> {
    let histogram = times.histogram()?;
    let at = |quantile| round(histogram.value_at_quantile(quantile) as f64 / 1e3);
    Some(Spread {
        count: histogram.len(),
        mean: round(histogram.mean() / 1e3),
        p50: at(0.5),
        p90: at(0.9),
        p99: at(0.99),
        max: round(histogram.max() as f64 / 1e3),
    })
}

fn round(value: f64) -> f64 {
    (value * 1e3).round() / 1e3
}
