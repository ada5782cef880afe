//! Players in the small, by the thousand.

use std::process::ExitCode;

/// `sigma-probe swarm`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The multivariant playlist
    pub url: reqwest::Url,
}

/// Plays, and says what came of it.
pub async fn run(args: Args) -> anyhow::Result<ExitCode> {
    anyhow::bail!("{}: not yet", args.url)
}
