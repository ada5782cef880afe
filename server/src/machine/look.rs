//! A look at the machine and at the processes of this server, by what the operating system says of them.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use sysinfo::{Pid, ProcessRefreshKind, ProcessesToUpdate, System};

/// Bytes.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Memory {
    pub total: u64,
    /// May still be taken.
    pub available: u64,
}

/// A process as it was seen last.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Process {
    pub pid: u32,
    /// Busy cores since the look before.
    pub cores: f64,
    /// Bytes of memory.
    pub memory: u64,
    pub runs: Duration,
}

/// Processor time of a worker up to a moment.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Took {
    pub(super) pid: u32,
    pub(super) at: Instant,
    pub(super) total: Duration,
    /// Of the work that renditions share, and of each rendition; `None` where the system doesn't tell threads apart.
    pub(super) each: Vec<Option<Duration>>,
}

/// The difference of two.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Since {
    pub wall: Duration,
    pub total: Duration,
    pub each: Vec<Option<Duration>>,
}

impl Took {
    /// What was taken since an earlier look at the same process.
    pub(super) fn since(&self, last: &Self) -> Option<Since> {
        let wall = self.at.checked_duration_since(last.at).filter(|wall| !wall.is_zero())?;
        if self.pid != last.pid || self.each.len() != last.each.len() {
            return None;
        }
        // A thread that ended takes with it what it took: nothing is said of it.
        let each = self.each.iter().zip(&last.each).map(|(now, then)| (*now)?.checked_sub((*then)?));
        Some(Since { wall, total: self.total.checked_sub(last.total)?, each: each.collect() })
    }
}

pub(super) struct Look {
    /// `None` where this system can't be asked.
    system: Option<System>,
}

impl Look {
    pub(super) fn new() -> Self {
        let system = System::new().inspect_err(|error| tracing::warn!("this machine can't be seen: {error}"));
        Self { system: system.ok() }
    }

    /// Looks again; at each thread of these processes.
    pub(super) fn refresh(&mut self, ladders: impl Iterator<Item = u32>) {
        let Some(system) = &mut self.system else { return };
        system.refresh_cpu_usage();
        system.refresh_memory();
        let what = ProcessRefreshKind::nothing().without_tasks().with_cpu().with_memory();
        system.refresh_processes_specifics(ProcessesToUpdate::All, true, what);
        let ladders: Vec<_> = ladders.map(Pid::from_u32).collect();
        if cfg!(target_os = "linux") && !ladders.is_empty() {
            let what = ProcessRefreshKind::nothing().with_tasks().with_cpu();
            system.refresh_processes_specifics(ProcessesToUpdate::Some(&ladders), false, what);
            // That names the threads, but looks at none.
            let threads = ladders.iter().filter_map(|pid| system.process(*pid)?.tasks());
            let threads: Vec<_> = threads.flatten().copied().collect();
            let what = what.without_tasks();
            system.refresh_processes_specifics(ProcessesToUpdate::Some(&threads), false, what);
        }
    }

    /// What a ladder's worker took up to now. Threads of a rendition bear its name, and so do those that its encoder starts.
    pub(super) fn took(&self, pid: u32, renditions: usize, at: Instant) -> Option<Took> {
        let system = self.system.as_ref()?;
        let process = system.process(Pid::from_u32(pid))?;
        let total = Duration::from_millis(process.accumulated_cpu_time());
        let mut by_name: HashMap<String, Duration> = HashMap::new();
        for task in process.tasks().into_iter().flatten().filter_map(|task| system.process(*task)) {
            let name = task.name().to_string_lossy().into_owned();
            *by_name.entry(name).or_default() += Duration::from_millis(task.accumulated_cpu_time());
        }
        let rung = |rung| by_name.get(&format!("rung-{rung}")).copied();
        let rungs: Vec<_> = (0..renditions).map(rung).collect();
        let known = rungs.iter().any(Option::is_some);
        let shared = total.checked_sub(rungs.iter().flatten().sum()).filter(|_| known);
        Some(Took { pid, at, total, each: std::iter::once(shared).chain(rungs).collect() })
    }

    /// Busy cores of the machine.
    pub(super) fn used(&self) -> f64 {
        let Some(system) = &self.system else { return 0.0 };
        f64::from(system.global_cpu_usage()) / 100.0 * system.cpus().len() as f64
    }

    pub(super) fn memory(&self) -> Memory {
        let Some(system) = &self.system else { return Memory::default() };
        let machine = Memory { total: system.total_memory(), available: system.available_memory() };
        // A container may have less.
        match system.cgroup_limits() {
            Some(limits) if limits.total_memory > 0 && limits.total_memory < machine.total => {
                Memory { total: limits.total_memory, available: limits.free_memory.min(machine.available) }
            }
            Some(_) | None => machine,
        }
    }

    /// This process.
    pub(super) fn server(&self) -> Option<Process> {
        self.system.as_ref()?.process(Pid::from_u32(std::process::id())).map(process)
    }

    /// The processes that this one started.
    pub(super) fn workers(&self) -> Vec<Process> {
        let own = Pid::from_u32(std::process::id());
        let all = self.system.iter().flat_map(|system| system.processes().values());
        let children =
            all.filter(|one| one.parent() == Some(own) && one.thread_kind().is_none() && one.pid() != own);
        let mut workers: Vec<_> = children.map(process).collect();
        workers.sort_by_key(|one| one.pid);
        workers
    }
}

fn process(one: &sysinfo::Process) -> Process {
    Process {
        pid: one.pid().as_u32(),
        cores: f64::from(one.cpu_usage()) / 100.0,
        memory: one.memory(),
        runs: Duration::from_secs(one.run_time()),
    }
}
