//! `sigma-probe replay`: the requests of a log once more, at the same times, viewer by viewer, against another server: what
//! would static files cost? With `--files` it first makes such files, as long as the answers were.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};
use std::process::ExitCode;
use std::rc::Rc;
use std::time::Duration;

use anyhow::Context;
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use reqwest::Url;
use serde::Serialize;

use super::client::{self, Net, Pool, Want};
use super::log::{self, Request};
use super::machine::look;
use super::place::Base;
use super::report::{Spread, spread};
use super::stats::Times;
use super::{limits, time_span};
use crate::clock::Clock;

/// `sigma-probe replay`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// A file that `swarm --log` wrote
    pub log: PathBuf,
    /// The server: its address, to which the log's paths are added
    pub url: Url,
    /// First make a file for each path under this folder, as long as the longest answer was, to be served as they are
    #[arg(long, value_name = "DIR")]
    pub files: Option<PathBuf>,
    /// Make the files and ask for nothing
    #[arg(long, requires = "files")]
    pub only_files: bool,
    /// Leave out what was sent before
    #[arg(long, default_value = "0s", value_name = "TIME", value_parser = time_span)]
    pub from: Duration,
    /// Measure the CPU time of these processes (Linux); a server may have several
    #[arg(long, value_name = "PID", value_delimiter = ',')]
    pub pid: Vec<i32>,
    /// Print one JSON object
    #[arg(long)]
    pub json: bool,
}

/// What `--json` prints.
#[derive(Clone, Debug, Serialize)]
pub struct Replayed {
    /// Requests sent.
    pub requests: u64,
    /// Without an answer, or with another status than 200 or 206.
    pub failed: u64,
    /// Bytes of bodies.
    pub bytes: u64,
    /// From the first request to the last answer.
    pub seconds: f64,
    /// A request, to its last byte, in milliseconds.
    pub answer_ms: Option<Spread>,
    /// CPU time of the processes, in seconds.
    pub cpu_s: Option<f64>,
    /// The same in microseconds a request.
    pub cpu_us_per_request: Option<f64>,
}

/// Asks again.
pub async fn run(args: Args) -> anyhow::Result<ExitCode> {
    let text = std::fs::read_to_string(&args.log)
        .with_context(|| format!("can't read the log {}", args.log.display()))?;
    let requests = log::read(&text)?;
    if let Some(folder) = &args.files {
        make_files(&requests, folder)?;
    }
    if args.only_files {
        return Ok(ExitCode::SUCCESS);
    }
    let mut viewers: BTreeMap<u32, Vec<Request>> = BTreeMap::new();
    for request in requests.into_iter().filter(|request| request.at >= args.from) {
        viewers.entry(request.viewer).or_default().push(request);
    }
    limits::raise(u32::try_from(viewers.len()).unwrap_or(u32::MAX))?;
    let replayed = replay(&args, viewers).await?;
    if args.json {
        println!("{}", serde_json::to_string(&replayed)?);
    } else {
        println!("{replayed:#?}");
    }
    Ok(if replayed.failed > 0 { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

struct Shared {
    net: Net,
    base: Base,
    clock: Clock,
    /// What a log's time is behind the clock.
    ahead: Duration,
    sum: RefCell<(Replayed, Times)>,
}

async fn replay(args: &Args, viewers: BTreeMap<u32, Vec<Request>>) -> anyhow::Result<Replayed> {
    let net = Net::new();
    let base = Base::new(&net, args.url.clone()).await.with_context(|| format!("{}", args.url))?;
    let sum = Replayed {
        requests: 0,
        failed: 0,
        bytes: 0,
        seconds: 0.0,
        answer_ms: None,
        cpu_s: None,
        cpu_us_per_request: None,
    };
    let first = viewers.values().flatten().map(|request| request.at).min().unwrap_or_default();
    let sum = RefCell::new((sum, Times::new()));
    let shared = Rc::new(Shared { net, base, clock: Clock::start(), ahead: first, sum });
    let before = cpu(&args.pid);
    let tasks = tokio::task::LocalSet::new();
    for requests in viewers.into_values() {
        tasks.spawn_local(viewer(Rc::clone(&shared), requests));
    }
    tasks.await;
    let after = cpu(&args.pid);
    let (mut sum, times) = shared.sum.borrow().clone();
    sum.seconds = shared.clock.now().as_secs_f64();
    sum.answer_ms = spread(&times);
    sum.cpu_s = after.zip(before).map(|(after, before)| after - before);
    sum.cpu_us_per_request = sum.cpu_s.map(|cpu| (1e9 * cpu / sum.requests.max(1) as f64).round() / 1e3);
    Ok(sum)
}

/// CPU seconds of all of them.
fn cpu(pids: &[i32]) -> Option<f64> {
    let each = pids.iter().map(|pid| look(Some(*pid)).server.map(|usage| usage.cpu.as_secs_f64()));
    let sum = each.sum::<Option<f64>>();
    sum.filter(|_| !pids.is_empty())
}

async fn viewer(shared: Rc<Shared>, requests: Vec<Request>) {
    let pool = Pool::default();
    let mut under_way = FuturesUnordered::new();
    for request in requests {
        let at = request.at.saturating_sub(shared.ahead);
        let wait = tokio::time::sleep(at.saturating_sub(shared.clock.now()));
        tokio::pin!(wait);
        loop {
            tokio::select! {
                biased;
                () = &mut wait => break,
                Some(()) = under_way.next() => {}
            }
        }
        under_way.push(one(&shared, &pool, request));
    }
    while under_way.next().await.is_some() {}
}

async fn one(shared: &Shared, pool: &Pool, request: Request) {
    let sent = shared.clock.now();
    let answer =
        client::get(&shared.net, pool, &shared.base.origin, &request.path, None, Want::Nothing).await;
    let mut both = shared.sum.borrow_mut();
    let (sum, times) = &mut *both;
    sum.requests += 1;
    match answer {
        Ok(answer) => {
            sum.bytes += answer.bytes;
            sum.failed += u64::from(!matches!(answer.head.status, 200 | 206));
            times.record(shared.clock.now().saturating_sub(sent));
        }
        Err(_) => sum.failed += 1,
    }
}

/// A file for each path. What they hold is nothing: a server of files doesn't look.
fn make_files(requests: &[Request], folder: &Path) -> anyhow::Result<()> {
    let mut sizes: BTreeMap<&str, u64> = BTreeMap::new();
    for request in requests.iter().filter(|request| request.status == 200) {
        let path = request.path.split('?').next().unwrap_or_default().trim_start_matches('/');
        let size = sizes.entry(path).or_default();
        *size = (*size).max(request.bytes);
    }
    for (path, size) in sizes {
        let plain = Path::new(path).components().all(|part| matches!(part, Component::Normal(_)));
        anyhow::ensure!(plain, "{path} in the log is no path of a file");
        let file = folder.join(path);
        let fault = || format!("can't make {}", file.display());
        std::fs::create_dir_all(file.parent().unwrap_or(folder)).with_context(fault)?;
        let size = usize::try_from(size).with_context(fault)?;
        std::fs::write(&file, vec![b'.'; size]).with_context(fault)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn request(path: &str, bytes: u64) -> Request {
        Request { at: Duration::ZERO, viewer: 0, status: 200, bytes, path: path.to_owned() }
    }

    #[test]
    fn files_are_as_long_as_the_longest_answer_and_stay_in_their_folder() {
        let folder = std::env::temp_dir().join(format!("sigma-probe-replay-{}", std::process::id()));
        let log = [request("/a/m.m3u8?_HLS_msn=1", 5), request("/a/m.m3u8", 9), request("/a/p1", 3)];
        make_files(&log, &folder).unwrap();
        let length = |name: &str| std::fs::metadata(folder.join(name)).unwrap().len();
        assert_eq!((length("a/m.m3u8"), length("a/p1")), (9, 3));
        assert!(make_files(&[request("/../x", 1)], &folder).is_err());
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
