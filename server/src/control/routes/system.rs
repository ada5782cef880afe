//! `/system`: what the machine and each worker are doing.

use axum::Json;
use axum::extract::State;
use live::budget::Grant;
use live::cost::Cores;

use crate::control::{Control, auth, openapi};
use crate::machine::{Figures, Ladder};

/// The machine's processors, memory and disk, the server's processes, and the budget that ladders share.
#[utoipa::path(
    get, path = "/system", tag = "system", operation_id = "readSystem",
    responses((status = 200, body = api::system::System), openapi::Problems)
)]
pub(in crate::control) async fn read(
    State(control): State<Control>,
    _: auth::Read,
) -> Json<api::system::System> {
    Json(system(control.machine.figures()))
}

fn system(figures: Figures) -> api::system::System {
    let worker = |(process, of): (_, Option<crate::machine::For>)| {
        let (session_id, channel_id) = of.map(|of| (of.session, of.channel)).unzip();
        api::system::Worker { process: self::process(process), session_id, channel_id }
    };
    api::system::System {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        uptime_s: figures.uptime.as_secs(),
        cpu: api::system::Cpu {
            cores: u32::try_from(figures.cores).unwrap_or(u32::MAX),
            used_cores: hundredths(figures.used),
        },
        memory: api::system::Memory {
            total_bytes: figures.memory.total,
            available_bytes: figures.memory.available,
        },
        disk: figures.disk.map(|(free_bytes, total_bytes)| api::system::Disk { total_bytes, free_bytes }),
        server: figures.server.map(process),
        workers: figures.workers.into_iter().map(worker).collect(),
        budget: api::system::Budget {
            cores: figures.capacity.as_f64(),
            granted_cores: figures.granted.as_f64(),
            ladders: figures.ladders.into_iter().map(ladder).collect(),
        },
    }
}

fn process(process: crate::machine::Process) -> api::system::Process {
    api::system::Process {
        pid: process.pid,
        used_cores: hundredths(process.cores),
        memory_bytes: process.memory,
        uptime_s: process.runs.as_secs(),
    }
}

fn ladder(ladder: Ladder) -> api::system::Ladder {
    let Ladder { of, standing, used, costs } = ladder;
    let count = of.renditions.len();
    // The smaller ones first.
    let within = |grant: Grant, at: usize| match grant {
        Grant::Nothing => false,
        Grant::Part(made) => at + made >= count,
        Grant::Whole => true,
    };
    let fits = standing.fits.max(standing.grant);
    let rendition = |(at, (name, cost)): (usize, (String, Cores))| api::system::LadderRendition {
        name,
        cores: cost.as_f64(),
        granted: within(standing.grant, at),
        fits: within(fits, at),
    };
    api::system::Ladder {
        channel_id: of.channel,
        session_id: of.session,
        state: match standing.grant {
            Grant::Nothing => api::system::LadderState::Waits,
            Grant::Part(_) => api::system::LadderState::Part,
            Grant::Whole => api::system::LadderState::Whole,
        },
        asks_cores: standing.asks.as_f64(),
        granted_cores: standing.granted.as_f64(),
        used_cores: used.map(Cores::as_f64),
        renditions: of.renditions.into_iter().zip(costs).enumerate().map(rendition).collect(),
    }
}

fn hundredths(cores: f64) -> f64 {
    (cores * 100.0).round() / 100.0
}
