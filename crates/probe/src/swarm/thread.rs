//! One thread of the swarm: its runtime, its viewers as they come, its figures.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use reqwest::Url;
use tokio::sync::{oneshot, watch};

use super::Phase;
use super::client::Net;
use super::log::Log;
use super::stats::{Mark, Stats};
use super::viewer::{self, Crowd};
use crate::clock::Clock;

/// Figures for the eye are told so often.
const TOLD: Duration = Duration::from_millis(500);

/// What a thread is told.
pub(super) struct Share {
    pub url: Url,
    pub hints: bool,
    pub clock: Clock,
    pub log: Option<Arc<Log>>,
    pub phase: watch::Receiver<Phase>,
    /// Its viewers: number and time of coming.
    pub viewers: Vec<(u32, Duration)>,
    /// Where it tells how it goes.
    pub told: watch::Sender<Mark>,
}

/// What a thread found.
pub(super) struct Found {
    pub stats: Stats,
    /// While all viewers were there.
    pub mark: Mark,
}

/// Starts it; the answer comes when all its viewers are through or the run is over.
pub(super) fn start(share: Share) -> anyhow::Result<oneshot::Receiver<anyhow::Result<Found>>> {
    let (done, found) = oneshot::channel();
    let work = move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let outcome = runtime.context("can't start a thread's runtime").map(|runtime| {
            let local = tokio::task::LocalSet::new();
            local.block_on(&runtime, run(share))
        });
        let _ = done.send(outcome);
    };
    std::thread::Builder::new().name("swarm".to_owned()).spawn(work).context("can't start a thread")?;
    Ok(found)
}

async fn run(share: Share) -> Found {
    let Share { url, hints, clock, log, mut phase, viewers, told } = share;
    let crowd = Rc::new(Crowd {
        net: Net::new(),
        clock,
        url,
        hints,
        stats: RefCell::new(Stats::new()),
        lists: RefCell::default(),
        log,
    });
    let mark = || crowd.stats.borrow().mark(clock.now());
    let mut tasks = tokio::task::JoinSet::new();
    for (number, comes) in viewers {
        let (crowd, mut phase) = (Rc::clone(&crowd), phase.clone());
        tasks.spawn_local(async move {
            let stopped = {
                let wait = tokio::time::sleep(comes.saturating_sub(clock.now()));
                tokio::select! {
                    stopped = phase.wait_for(|phase| *phase == Phase::Stop) => { drop(stopped); true }
                    () = wait => false,
                }
            };
            if !stopped {
                viewer::play(crowd, number, phase).await;
            }
        });
    }
    let (mut begun, mut over) = (None, None);
    let mut tell = tokio::time::interval(TOLD);
    loop {
        tokio::select! {
            changed = phase.changed(), if over.is_none() => {
                let now = *phase.borrow_and_update();
                match now {
                    Phase::Ramp => {}
                    Phase::Hold => begun = Some(mark()),
                    Phase::Stop => over = Some(mark()),
                }
                if changed.is_err() {
                    over = Some(mark());
                }
            }
            through = tasks.join_next() => {
                if through.is_none() {
                    break;
                }
            }
            _ = tell.tick() => drop(told.send_replace(mark())),
        }
    }
    // All through before the time was up: what was meant to be held ended earlier.
    let last = over.unwrap_or_else(mark);
    let mark = last.since(begun.unwrap_or(last));
    let stats = crowd.stats.borrow().clone();
    Found { stats, mark }
}
