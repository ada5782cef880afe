//! `cargo xtask bench NAME`: the whole pipeline, in release builds, in a real browser. What is measured and how stands in
//! tests/browser/bench; the last line is one JSON object.

use std::path::Path;

use anyhow::{Result, ensure};

use crate::packages::Need;
use crate::{checkout, node, packages, tool};

/// What `bench` takes.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// latency: glass to glass in stock hls.js. start: from nothing to a picture. swarm: what viewers cost, and how many hold.
    name: Name,
    /// Only the JSON object.
    #[arg(long)]
    json: bool,
    /// How many runs; the median of the best three is quoted.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=100))]
    runs: u32,
    /// swarm: how many viewers are compared.
    #[arg(long, default_value_t = 500, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    viewers: u32,
    /// The test card's size.
    #[arg(long, default_value = "1280x720", value_name = "WxH")]
    size: String,
    /// Another server to measure in the same run: mediamtx=PATH of its program.
    #[arg(long, value_name = "NAME=PATH")]
    peer: Option<String>,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum Name {
    Latency,
    Start,
    Swarm,
}

/// Builds, measures, prints.
pub(crate) fn run(args: &Args) -> Result<()> {
    if let Some(peer) = &args.peer {
        let program = peer.strip_prefix("mediamtx=").unwrap_or_default();
        ensure!(Path::new(program).is_file(), "--peer {peer}: give mediamtx=PATH of a program that is there");
    }
    node::check()?;
    packages::install(&[Need::Build, Need::Test])?;
    node::build_ui()?;
    let other = match args.name {
        Name::Latency | Name::Start => "broadcast",
        Name::Swarm => "probe",
    };
    tool::run(tool::cargo().args(["build", "--release", "--package", "server", "--package", other]))?;
    let folder = checkout::root().join("tests/browser");
    node::packages(&folder)?;

    let mut command = tool::command("node");
    let name = match args.name {
        Name::Latency => "latency",
        Name::Start => "start",
        Name::Swarm => "swarm",
    };
    command.current_dir(&folder).args([
        "bench/main.mjs",
        name,
        "--size",
        &args.size,
        "--runs",
        &args.runs.to_string(),
        "--viewers",
        &args.viewers.to_string(),
    ]);
    command.env("SIGMA_PROFILE", "release").env("CARGO_TARGET_DIR", checkout::target());
    if let Some(peer) = &args.peer {
        command.args(["--peer", peer]);
    }
    if !args.json {
        return tool::run(&mut command);
    }
    let printed = tool::output(&mut command)?;
    println!("{}", printed.lines().last().unwrap_or_default());
    Ok(())
}
