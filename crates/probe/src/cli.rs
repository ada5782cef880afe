//! The command line.

use crate::{check, swarm};

/// Proves an LL-HLS origin rule by rule, and loads it.
#[derive(Debug, clap::Parser)]
#[command(name = "sigma-probe", version)]
pub struct Args {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Watch an origin and judge it by 26 rules; ends with 1 if one is broken, 2 if it can't be checked
    Check(check::Args),
    /// Play with many small players at once, and count stalls
    Swarm(swarm::Args),
    /// Send the requests of a swarm's log again, to another server
    Replay(swarm::replay::Args),
}
