//! What the machine and each worker are doing.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The machine and what runs on it. Figures of processors are busy cores on average over the last five seconds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct System {
    /// Of the server.
    pub version: String,
    /// Seconds since the server started.
    pub uptime_s: u64,
    /// The processors.
    pub cpu: Cpu,
    /// The machine's memory.
    pub memory: Memory,
    /// Where recordings lie; `null` where the system doesn't tell.
    pub disk: Option<Disk>,
    /// The server's own process; `null` where the system doesn't tell.
    pub server: Option<Process>,
    /// The processes that it started.
    pub workers: Vec<Worker>,
    /// What ladders may take of the processors, and which has how much of it.
    pub budget: Budget,
}

/// The processors.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Cpu {
    /// How many this server may use.
    pub cores: u32,
    /// Busy cores of the machine, whoever uses them.
    pub used_cores: f64,
}

/// Memory.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[allow(missing_docs, reason = "their names say it")]
pub struct Memory {
    pub total_bytes: u64,
    pub available_bytes: u64,
}

/// A file system.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[allow(missing_docs, reason = "their names say it")]
pub struct Disk {
    pub total_bytes: u64,
    pub free_bytes: u64,
}

/// A process.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Process {
    /// The system's number for it.
    pub pid: u32,
    /// Busy cores.
    pub used_cores: f64,
    /// In memory.
    pub memory_bytes: u64,
    /// Seconds since it was started.
    pub uptime_s: u64,
}

/// A process that works for the server.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Worker {
    /// The process.
    #[serde(flatten)]
    pub process: Process,
    /// The session whose ladder it makes; `null` for one that works for all: slates and other pictures.
    pub session_id: Option<String>,
    /// That session's channel.
    pub channel_id: Option<String>,
}

/// The machine's budget for ladders.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Budget {
    /// All there is to give: the machine's cores by `[transcode] share`.
    pub cores: f64,
    /// What is given. Never more than there is.
    pub granted_cores: f64,
    /// The ladders of running sessions, the oldest first.
    pub ladders: Vec<Ladder>,
}

/// A ladder in the budget.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = BudgetLadder)]
pub struct Ladder {
    /// `ch_…`
    pub channel_id: String,
    /// `ses_…`
    pub session_id: String,
    /// How much of it there is room for.
    pub state: LadderState,
    /// What all of it takes, by its size and what was learnt of this machine.
    pub asks_cores: f64,
    /// What is set aside for it.
    pub granted_cores: f64,
    /// What it took in the last five seconds; `null` before that is known.
    pub used_cores: Option<f64>,
    /// Its renditions of pictures, the largest first.
    pub renditions: Vec<LadderRendition>,
}

/// How much of a ladder there is room for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum LadderState {
    /// For all of it.
    Whole,
    /// For its smaller renditions.
    Part,
    /// For nothing: it waits.
    Waits,
}

/// A rendition in the budget.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct LadderRendition {
    /// As in the playlists' paths.
    pub name: String,
    /// What scaling and encoding it takes.
    pub cores: f64,
    /// There is room for it.
    pub granted: bool,
    /// With nothing left over there would be room for it now.
    pub fits: bool,
}
