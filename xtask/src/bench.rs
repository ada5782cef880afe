//! `cargo xtask bench NAME`: the whole pipeline, in release builds, in a real browser. What is measured and how stands in
//! tests/browser/bench; the last line is one JSON object.

mod options;

use anyhow::{Result, ensure};
use serde_json::Value;

use crate::packages::Need;
use crate::{checkout, node, packages, tool};

/// What `bench` takes.
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    bench: options::Bench,
}

/// Builds, measures, prints.
pub(crate) fn run(args: &Args) -> Result<()> {
    let bench = &args.bench;
    let common = bench.common();
    let mut options = bench.options()?;
    let mut peers = serde_json::Map::new();
    for peer in &common.peer {
        let known = bench.peers();
        ensure!(
            known.contains(&peer.name.as_str()),
            "bench {} compares with {}, not with {}",
            bench.name(),
            if known.is_empty() { "nobody".to_owned() } else { known.join(" and ") },
            peer.name
        );
        peers.insert(peer.name.clone(), peer.path.clone().into());
    }
    options["peers"] = Value::Object(peers);

    node::check()?;
    packages::install(&[Need::Build, Need::Test])?;
    node::build_ui()?;
    // The same packages for every benchmark: others would compile most of the tree again.
    let programs = ["--package", "server", "--package", "broadcast", "--package", "probe"];
    tool::run(tool::cargo().args(["build", "--release"]).args(programs))?;
    for (package, example) in bench.examples() {
        let example = ["--package", *package, "--example", *example];
        tool::run(tool::cargo().args(["build", "--release"]).args(example))?;
    }
    let folder = checkout::root().join("tests/browser");
    node::packages(&folder)?;

    let mut command = tool::command("node");
    command.current_dir(&folder).args(["bench/main.mjs", bench.name(), &options.to_string()]);
    command.env("SIGMA_PROFILE", "release").env("CARGO_TARGET_DIR", checkout::target());
    if !common.json {
        return tool::run(&mut command);
    }
    let printed = tool::output(&mut command)?;
    println!("{}", printed.lines().last().unwrap_or_default());
    Ok(())
}
