//! The machine: the budget of its processors, which all ladders share, and what it and each worker are doing.
//!
//! **Belongs here:** who has which part of the budget, looking at processes now and then, figures for whoever asks. **Does
//! not:** what fits (`live::budget`), what becomes of a ladder that doesn't (`channel`).
//!
//! ```text
//!   channel ─ join ─▶ Lease ─▶ budget ◀─ took ─ a look at each worker, every few seconds
//! ```

mod look;
#[cfg(all(test, target_os = "linux"))]
mod tests;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use live::budget::{Ask, Budget, Grant, Id, Standing};
use live::cost::Cores;
use tokio::sync::watch;

use crate::clock::Clock;
pub(crate) use look::Process;
use look::{Look, Took};

/// How often it looks.
const EVERY: Duration = Duration::from_secs(5);

/// A handle; clones are handles to the same.
#[derive(Clone)]
pub(crate) struct Machine(Arc<Inner>);

struct Inner {
    clock: Clock,
    started: Instant,
    /// Where the recordings lie.
    data: PathBuf,
    cores: usize,
    ladders: Mutex<Ladders>,
    look: Mutex<Look>,
}

struct Ladders {
    budget: Budget,
    leases: BTreeMap<Id, Leased>,
}

/// Who a part of the budget is for.
#[derive(Clone, Debug)]
pub(crate) struct For {
    /// `ch_…`
    pub channel: String,
    /// `ses_…`
    pub session: String,
    /// Names of the renditions of pictures, the largest first.
    pub renditions: Vec<String>,
}

struct Leased {
    of: For,
    /// Its worker's process; 0 where there is none.
    worker: Arc<AtomicU32>,
    /// All that was granted is made.
    steady: bool,
    last: Option<Took>,
    used: Option<Cores>,
}

/// A session's place in the budget, until it is dropped.
pub(crate) struct Lease {
    machine: Machine,
    id: Id,
    worker: Arc<AtomicU32>,
}

/// What there is to say of the machine now.
pub(crate) struct Figures {
    pub uptime: Duration,
    pub cores: usize,
    /// Busy cores.
    pub used: f64,
    pub memory: look::Memory,
    /// Bytes free, and in all.
    pub disk: Option<(u64, u64)>,
    pub server: Option<look::Process>,
    /// With the session each works for.
    pub workers: Vec<(look::Process, Option<For>)>,
    pub capacity: Cores,
    pub granted: Cores,
    pub ladders: Vec<Ladder>,
}

/// A ladder in the budget.
pub(crate) struct Ladder {
    pub of: For,
    pub standing: Standing,
    /// What it took lately.
    pub used: Option<Cores>,
    /// What each of its renditions takes, as far as is known.
    pub costs: Vec<Cores>,
}

impl Machine {
    /// With `share` of the cores to give to ladders.
    pub(crate) fn new(data: &Path, share: f64, clock: Clock) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let budget = Budget::new(Cores::new(cores as f64 * share));
        let ladders = Mutex::new(Ladders { budget, leases: BTreeMap::new() });
        let (started, data) = (clock.now(), data.to_owned());
        Self(Arc::new(Inner { clock, started, data, cores, ladders, look: Mutex::new(Look::new()) }))
    }

    /// Looks at the processes every few seconds, until the server stops.
    pub(crate) async fn watch(self, mut stopping: watch::Receiver<bool>) {
        loop {
            let this = self.clone();
            let looked = tokio::task::spawn_blocking(move || this.look()).await;
            if let Err(error) = looked {
                tracing::error!("what this machine is doing can't be seen: {error}");
            }
            tokio::select! {
                () = tokio::time::sleep(EVERY) => {}
                _ = stopping.wait_for(|stop| *stop) => return,
            }
        }
    }

    fn ladders(&self) -> MutexGuard<'_, Ladders> {
        self.0.ladders.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What was taken since the last look is learnt.
    fn look(&self) {
        let workers: Vec<(Id, u32, usize)> = {
            let ladders = self.ladders();
            let leases = ladders.leases.iter();
            let of = |(id, one): (&Id, &Leased)| (*id, one.worker.load(Relaxed), one.of.renditions.len());
            leases.map(of).filter(|(_, worker, _)| *worker != 0).collect()
        };
        let mut look = self.0.look.lock().unwrap_or_else(PoisonError::into_inner);
        look.refresh(workers.iter().map(|(_, worker, _)| *worker));
        let now = self.0.clock.now();
        for (id, worker, renditions) in workers {
            let Some(took) = look.took(worker, renditions, now) else { continue };
            self.ladders().learn(id, took);
        }
    }

    /// A ladder wants to be made.
    pub(crate) fn join(&self, of: For, ask: Ask) -> Lease {
        let mut ladders = self.ladders();
        let (id, worker) = (ladders.budget.join(ask), Arc::new(AtomicU32::new(0)));
        let leased = Leased { of, worker: Arc::clone(&worker), steady: true, last: None, used: None };
        ladders.leases.insert(id, leased);
        Lease { machine: self.clone(), id, worker }
    }

    /// What there is to say of it now.
    pub(crate) fn figures(&self) -> Figures {
        let look = self.0.look.lock().unwrap_or_else(PoisonError::into_inner);
        let (used, memory, server, children) = (look.used(), look.memory(), look.server(), look.workers());
        drop(look);
        let ladders = self.ladders();
        let of = |process: &look::Process| {
            let leases = ladders.leases.values();
            leases.into_iter().find(|one| one.worker.load(Relaxed) == process.pid).map(|one| one.of.clone())
        };
        let workers = children.into_iter().map(|process| (process, of(&process))).collect();
        let ladder = |(id, one): (&Id, &Leased)| {
            let (standing, costs) = (ladders.budget.standing(*id)?, ladders.budget.costs(*id));
            Some(Ladder { of: one.of.clone(), standing, used: one.used, costs })
        };
        Figures {
            uptime: self.0.clock.now().saturating_duration_since(self.0.started),
            cores: self.0.cores,
            used,
            memory,
            disk: sys::disk::room(&self.0.data).ok().map(|room| (room.free, room.total)),
            server,
            workers,
            capacity: ladders.budget.capacity(),
            granted: ladders.budget.granted(),
            ladders: ladders.leases.iter().filter_map(ladder).collect(),
        }
    }
}

impl Ladders {
    fn learn(&mut self, id: Id, took: Took) {
        let Some(leased) = self.leases.get_mut(&id) else { return };
        let last = leased.last.replace(took.clone());
        let Some(since) = last.and_then(|last| took.since(&last)) else { return };
        leased.used = Some(Cores::of(since.total, since.wall));
        if leased.steady {
            let each: Vec<_> =
                since.each.iter().map(|taken| taken.map(|taken| Cores::of(taken, since.wall))).collect();
            self.budget.took(id, Cores::of(since.total, since.wall), &each, since.wall);
        }
    }
}

impl Lease {
    pub(crate) fn standing(&self) -> Standing {
        let standing = self.machine.ladders().budget.standing(self.id);
        let (grant, none) = (Grant::Nothing, Cores::default());
        standing.unwrap_or(Standing { grant, fits: grant, asks: none, granted: none, free: none })
    }

    /// All there is to give.
    pub(crate) fn capacity(&self) -> Cores {
        self.machine.ladders().budget.capacity()
    }

    /// Grows, where there was room for a while. `true` where more is granted.
    pub(crate) fn look(&self, now: Instant) -> bool {
        let mut ladders = self.machine.ladders();
        let grew = ladders.budget.look(self.id, now);
        if let Some(leased) = ladders.leases.get_mut(&self.id).filter(|_| grew) {
            leased.last = None;
        }
        grew
    }

    /// It is made with other processing.
    pub(crate) fn change(&self, ask: Ask) {
        let mut ladders = self.machine.ladders();
        ladders.budget.change(self.id, ask);
        if let Some(leased) = ladders.leases.get_mut(&self.id) {
            leased.last = None;
        }
    }

    /// Whether all that was granted is made: only then is there anything to learn.
    pub(crate) fn steady(&self, steady: bool) {
        if let Some(leased) = self.machine.ladders().leases.get_mut(&self.id) {
            (leased.steady, leased.last) = (steady, None);
        }
    }

    /// Where its worker's process stands; 0 where there is none.
    pub(crate) fn worker(&self) -> Arc<AtomicU32> {
        Arc::clone(&self.worker)
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let mut ladders = self.machine.ladders();
        ladders.budget.leave(self.id);
        ladders.leases.remove(&self.id);
    }
}
