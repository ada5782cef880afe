//! `sigma-probe swarm`: players in the small, by the thousand, on one core.
//!
//! ```text
//! run ─▶ thread (a runtime each) ─▶ viewer ─▶ player: decides, without I/O
//!  │                                   └────▶ client ─▶ wire: HTTP/1.1
//!  └─ machine: CPU and memory          └────▶ lists ─▶ playlist: read once for all
//! ```
//!
//! **Belongs here:** what a load needs, cheaply. **Does not:** judging an origin (`check`, whose parser and client keep
//! everything).

mod client;
mod limits;
mod lists;
mod log;
mod machine;
mod place;
mod player;
mod playlist;
pub mod replay;
mod report;
mod stats;
mod table;
mod thread;
mod viewer;
mod wire;

use std::io::{IsTerminal, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, ensure};
use reqwest::Url;
use tokio::sync::watch;

use crate::clock::Clock;
use log::Log;
use machine::{Look, look};
pub use report::{Kind, Report, Server, Spread};
use stats::{Mark, Stats};

/// How often memory is looked at and the line on the terminal changes.
const LOOK: Duration = Duration::from_secs(1);
/// After the time is up viewers have so long to end.
const FAREWELL: Duration = Duration::from_secs(5);

/// `sigma-probe swarm`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The multivariant playlist, or a rendition's
    pub url: Url,
    /// How many play
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub viewers: u32,
    /// How long all of them play, after the last one came (`90s`, `500ms`, `5m`)
    #[arg(long = "for", default_value = "60s", value_name = "TIME", value_parser = time_span)]
    pub held: Duration,
    /// The time over which they come
    #[arg(long, default_value = "10s", value_name = "TIME", value_parser = time_span)]
    pub ramp: Duration,
    /// Ask for hinted parts before they are there (hls.js does not)
    #[arg(long)]
    pub hints: bool,
    /// Threads; one holds thousands of viewers
    #[arg(long, default_value_t = 1, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=256))]
    pub threads: u32,
    /// Measure the CPU time and the memory of the server's process too (Linux)
    #[arg(long, value_name = "PID")]
    pub pid: Option<i32>,
    /// Write every request to a file, for `sigma-probe replay`
    #[arg(long, value_name = "FILE")]
    pub log: Option<PathBuf>,
    /// Print one JSON object
    #[arg(long)]
    pub json: bool,
}

/// Where a run is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Viewers come.
    Ramp,
    /// All are there.
    Hold,
    /// It is over.
    Stop,
}

/// Plays, and says what came of it: an error where nobody could play.
pub async fn run(args: Args) -> anyhow::Result<ExitCode> {
    let report = measure(&args).await?;
    if args.json {
        println!("{}", serde_json::to_string(&report)?);
    } else {
        print!("{}", table::of(&report));
    }
    Ok(if report.joined == 0 { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

async fn measure(args: &Args) -> anyhow::Result<Report> {
    limits::raise(args.viewers)?;
    let idle = look(args.pid);
    if let Some(pid) = args.pid {
        ensure!(
            idle.server.is_some(),
            "--pid {pid}: there is no such process, or this system doesn't tell of it"
        );
    }
    let log = args.log.as_deref().map(Log::create).transpose()?.map(Arc::new);
    let clock = Clock::start();
    let (phase, _) = watch::channel(Phase::Ramp);
    let (mut found, mut told) = (tokio::task::JoinSet::new(), Vec::new());
    for number in 0..args.threads {
        let (tell, mark) = watch::channel(Mark::default());
        told.push(mark);
        let answer = thread::start(thread::Share {
            url: args.url.clone(),
            hints: args.hints,
            clock,
            log: log.clone(),
            phase: phase.subscribe(),
            viewers: share(args, number),
            told: tell,
        })?;
        found.spawn(answer);
    }

    let mut run = Run { args, clock, told, memory_peak: 0, terminal: std::io::stderr().is_terminal() };
    let mut through = Vec::new();
    let ramp = run.pass(args.ramp, &mut found, &mut through).await;
    let before = look(args.pid);
    phase.send_replace(Phase::Hold);
    let begun = clock.now();
    if ramp {
        run.pass(args.held, &mut found, &mut through).await;
    }
    let after = look(args.pid);
    phase.send_replace(Phase::Stop);
    let held = clock.now().saturating_sub(begun);
    let rest = async {
        while let Some(one) = found.join_next().await {
            through.push(one);
        }
    };
    ensure!(tokio::time::timeout(FAREWELL, rest).await.is_ok(), "a thread of the swarm doesn't end");
    run.line("");
    if let Some(log) = log {
        log.finish()?;
    }

    let (mut stats, mut mark) = (Stats::new(), Mark::default());
    for one in through {
        let one = one.context("a thread of the swarm")?.context("a thread of the swarm died")??;
        stats.add(&one.stats);
        mark = mark.and(one.mark);
    }
    Ok(Report::new(&report::Run {
        url: args.url.as_str(),
        viewers: args.viewers,
        threads: args.threads,
        hints: args.hints,
        ramp: args.ramp,
        held,
        stats: &stats,
        mark,
        idle,
        before,
        after,
        memory_peak: run.memory_peak,
    }))
}

/// A thread's viewers, evenly over the ramp.
fn share(args: &Args, thread: u32) -> Vec<(u32, Duration)> {
    let of = |number: u32| args.ramp.mul_f64(f64::from(number) / f64::from(args.viewers));
    (0..args.viewers)
        .filter(|number| number % args.threads == thread)
        .map(|number| (number, of(number)))
        .collect()
}

type Answers =
    tokio::task::JoinSet<Result<anyhow::Result<thread::Found>, tokio::sync::oneshot::error::RecvError>>;
type Answer = Result<
    Result<anyhow::Result<thread::Found>, tokio::sync::oneshot::error::RecvError>,
    tokio::task::JoinError,
>;

/// A run, seen from the main thread.
struct Run<'a> {
    args: &'a Args,
    clock: Clock,
    told: Vec<watch::Receiver<Mark>>,
    memory_peak: u64,
    terminal: bool,
}

impl Run<'_> {
    /// Lets time pass; `false` where all viewers are through before, or Ctrl-C came.
    async fn pass(&mut self, time: Duration, found: &mut Answers, through: &mut Vec<Answer>) -> bool {
        let end = self.clock.now() + time;
        let mut before = self.mark();
        loop {
            let left = end.saturating_sub(self.clock.now());
            if left.is_zero() {
                return true;
            }
            tokio::select! {
                one = found.join_next() => match one {
                    Some(one) => through.push(one),
                    None => return false,
                },
                _ = tokio::signal::ctrl_c() => return false,
                () = tokio::time::sleep(left.min(LOOK)) => {
                    let Look { server, .. } = look(self.args.pid);
                    self.memory_peak = self.memory_peak.max(server.map_or(0, |usage| usage.memory));
                    let mark = self.mark();
                    let requests = mark.requests.saturating_sub(before.requests);
                    let mbit = mark.bytes.saturating_sub(before.bytes) * 8 / 1_000_000;
                    self.line(&format!(
                        "{:>4} s  {} viewers, {} joined, {} stalls, {} failed, {requests} requests/s, {mbit} Mbit/s",
                        self.clock.now().as_secs(), mark.active, mark.joined, mark.stalls, mark.failed,
                    ));
                    before = mark;
                }
            }
        }
    }

    fn mark(&self) -> Mark {
        self.told.iter().fold(Mark::default(), |sum, told| sum.and(*told.borrow()))
    }

    /// The line that changes, where somebody sees it.
    fn line(&self, text: &str) {
        if self.terminal {
            let mut err = std::io::stderr().lock();
            let _ = write!(err, "\r\x1b[K{text}").and_then(|()| err.flush());
        }
    }
}

/// `90s`, `500ms`, `5m`, `1h`; a bare number is seconds.
fn time_span(text: &str) -> Result<Duration, String> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = match &text[digits.len()..] {
        "ms" => 0.001,
        "s" | "" => 1.0,
        "m" => 60.0,
        "h" => 3_600.0,
        other => return Err(format!("{other} is none of ms, s, m, h")),
    };
    let number: f64 = digits.parse().map_err(|_| format!("{digits} is no number"))?;
    Duration::try_from_secs_f64(number * unit).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn durations() {
        for (text, ms) in [("60s", 60_000), ("500ms", 500), ("1.5m", 90_000), ("2", 2_000), ("1h", 3_600_000)]
        {
            assert_eq!(time_span(text), Ok(Duration::from_millis(ms)), "{text}");
        }
        for text in ["", "s", "1d", "-1s", "1e400s"] {
            assert!(time_span(text).is_err(), "{text}");
        }
    }
}
