//! The command line.

use crate::swarm;

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
    /// Play with many small players at once, and count stalls
    Swarm(swarm::Args),
}
