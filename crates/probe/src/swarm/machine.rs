//! What a run costs: CPU time and memory of the server's process, of this one, and what the hypervisor took of the machine.
//! Linux; elsewhere there is nothing to be read, and the report says so by leaving it out.

use std::time::Duration;

/// One look.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Look {
    pub server: Option<Usage>,
    pub swarm: Option<Usage>,
    pub machine: Option<Machine>,
}

/// Of a process.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Usage {
    /// Since it began, of all its threads.
    pub cpu: Duration,
    /// Resident, in bytes.
    pub memory: u64,
}

/// Time of all cores since the machine began, in ticks.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Machine {
    pub all: u64,
    pub idle: u64,
    pub steal: u64,
}

/// Looks now.
#[cfg(target_os = "linux")]
pub(super) fn look(server: Option<i32>) -> Look {
    let usage = |process: procfs::ProcResult<procfs::process::Process>| {
        let stat = process.ok()?.stat().ok()?;
        let ticks = (stat.utime + stat.stime) as f64 / procfs::ticks_per_second() as f64;
        let cpu = Duration::try_from_secs_f64(ticks).ok()?;
        Some(Usage { cpu, memory: stat.rss * procfs::page_size() })
    };
    Look {
        server: server.and_then(|pid| usage(procfs::process::Process::new(pid))),
        swarm: usage(procfs::process::Process::myself()),
        machine: machine(),
    }
}

#[cfg(target_os = "linux")]
fn machine() -> Option<Machine> {
    use procfs::CurrentSI;
    let total = procfs::KernelStats::current().ok()?.total;
    let (idle, steal) = (total.idle + total.iowait.unwrap_or(0), total.steal.unwrap_or(0));
    let busy = total.user + total.nice + total.system + total.irq.unwrap_or(0) + total.softirq.unwrap_or(0);
    Some(Machine { all: busy + idle + steal, idle, steal })
}

#[cfg(not(target_os = "linux"))]
pub(super) fn look(_server: Option<i32>) -> Look {
    Look::default()
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn sees_itself() {
        let look = look(Some(i32::try_from(std::process::id()).unwrap()));
        let (server, swarm) = (look.server.unwrap(), look.swarm.unwrap());
        assert!(server.memory > 100_000 && swarm.cpu >= server.cpu);
        let machine = look.machine.unwrap();
        assert!(machine.all > machine.idle && machine.idle > 0);
        assert!(super::look(Some(0)).server.is_none());
    }
}
