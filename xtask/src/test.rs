//! `cargo xtask test`: every test, as steps that a person can read.
//!
//! A step that fails does not end the run: the rest still tells something. Steps that need one that failed are not run,
//! and count as failed too.

mod count;
mod desktop;
mod programs;

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::packages::Need;
use crate::steps::seconds;
use crate::{checkout, node, packages, tidy, tool};
use count::Count;

/// What `test` and `ci` take.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Also the proofs that take too long for every change.
    #[arg(long)]
    long: bool,
    /// Leave out these steps, by the names of the summary.
    #[arg(long, value_delimiter = ',', value_name = "STEP")]
    skip: Vec<String>,
    /// Only these steps (and nothing that they need: that is taken as done).
    #[arg(long, value_delimiter = ',', value_name = "STEP")]
    only: Vec<String>,
}

struct Step {
    name: &'static str,
    title: &'static str,
    needs: &'static [&'static str],
    long: bool,
    work: fn(&mut Shared) -> Result<Outcome>,
}

enum Outcome {
    Passed,
    /// The runner told how many.
    Counted(Count),
    /// There is nothing to do it with; said, never hidden.
    Skipped(String),
}

/// What one step leaves to the next.
struct Shared {
    long: bool,
    built: programs::Built,
}

const STEPS: &[Step] = &[
    Step {
        name: "packages",
        title: "Looking for what this system lacks",
        needs: &[],
        long: false,
        work: packages,
    },
    Step { name: "format", title: "Formatting", needs: &[], long: false, work: format },
    Step {
        name: "tidy",
        title: "The rules of the house",
        needs: &[],
        long: false,
        work: |_| passed(tidy::run()),
    },
    Step {
        name: "web",
        title: "The web UI: types, tests, build",
        needs: &["packages"],
        long: false,
        work: web,
    },
    Step { name: "clippy", title: "Clippy", needs: &["packages"], long: false, work: clippy },
    Step {
        name: "build",
        title: "Building the programs and the tests",
        needs: &["packages"],
        long: false,
        work: build,
    },
    Step { name: "unit", title: "Unit tests", needs: &["build"], long: false, work: unit },
    Step {
        name: "docs",
        title: "The examples in the documentation",
        needs: &["build"],
        long: false,
        work: doc_tests,
    },
    Step { name: "e2e", title: "End to end", needs: &["build"], long: false, work: e2e },
    Step { name: "browser", title: "In the browser", needs: &["build", "web"], long: false, work: browser },
    Step {
        name: "desktop",
        title: "The desktop window",
        needs: &["build", "web"],
        long: false,
        work: desktop,
    },
    Step { name: "deny", title: "Licences, bans and advisories", needs: &[], long: true, work: deny },
];

/// How a step went.
struct Record {
    name: &'static str,
    outcome: Result<Outcome>,
    took: Duration,
}

/// Runs the steps, prints the summary, fails where any failed.
pub(crate) fn run(args: &Args) -> Result<()> {
    for name in args.skip.iter().chain(&args.only) {
        if !STEPS.iter().any(|step| step.name == name) {
            let names: Vec<&str> = STEPS.iter().map(|step| step.name).collect();
            bail!("there is no step `{name}`; there are {}", names.join(", "));
        }
    }
    let chosen = |step: &&Step| {
        let named = args.only.is_empty() || args.only.iter().any(|name| name == step.name);
        let long = args.long || !step.long || !args.only.is_empty();
        named && long && !args.skip.iter().any(|name| name == step.name)
    };
    let steps: Vec<&Step> = STEPS.iter().filter(chosen).collect();
    let mut context = Shared { long: args.long, built: programs::Built::default() };
    let mut records: Vec<Record> = Vec::new();
    for (index, step) in steps.iter().enumerate() {
        let head = format!("[{}/{}] {}", index + 1, steps.len(), step.title);
        println!("\n{head} …");
        let broken = step
            .needs
            .iter()
            .find(|need| records.iter().any(|record| record.name == **need && record.outcome.is_err()));
        let start = Instant::now();
        let outcome = match broken {
            Some(need) => Err(anyhow::anyhow!("not run: `{need}` failed")),
            None => (step.work)(&mut context),
        };
        let record = Record { name: step.name, outcome, took: start.elapsed() };
        println!("{head} … {}", told(&record));
        records.push(record);
    }
    summary(&records)
}

/// `test`, and a checkout that is afterwards as it was committed: nothing generated is out of date.
pub(crate) fn ci(args: &Args) -> Result<()> {
    let before = changes()?;
    run(args)?;
    let after = changes()?;
    if before != after {
        bail!("the tests changed files of the checkout; commit what they generate:\n{after}");
    }
    Ok(())
}

fn changes() -> Result<String> {
    tool::output(tool::command("git").current_dir(checkout::root()).args(["status", "--porcelain"]))
}

fn told(record: &Record) -> String {
    let took = seconds(record.took);
    match &record.outcome {
        Ok(Outcome::Passed) => format!("passed, {took}"),
        Ok(Outcome::Counted(count)) => format!("{count}, {took}"),
        Ok(Outcome::Skipped(why)) => format!("skipped: {why}"),
        Err(error) => format!("FAILED after {took}: {error:#}"),
    }
}

fn summary(records: &[Record]) -> Result<()> {
    let failed: Vec<&str> =
        records.iter().filter(|record| record.outcome.is_err()).map(|record| record.name).collect();
    println!("\nSummary");
    for record in records {
        println!("  {:<10}{}", record.name, told(record));
    }
    let total: Duration = records.iter().map(|record| record.took).sum();
    println!("  {:<10}{}", "total", seconds(total));
    if !failed.is_empty() {
        bail!("{} of {} steps failed: {}", failed.len(), records.len(), failed.join(", "));
    }
    println!("\nEverything passed.");
    Ok(())
}

fn passed(result: Result<()>) -> Result<Outcome> {
    result.map(|()| Outcome::Passed)
}

fn packages(_: &mut Shared) -> Result<Outcome> {
    node::check()?;
    passed(packages::install(&[Need::Build, Need::Desktop, Need::Test]))
}

fn format(_: &mut Shared) -> Result<Outcome> {
    passed(tool::run(tool::cargo().args(["fmt", "--all", "--check"])))
}

fn web(_: &mut Shared) -> Result<Outcome> {
    let ui = checkout::root().join("ui");
    node::packages(&ui)?;
    let mut count = Count::default();
    tool::run_reading(node::npm(&ui).args(["run", "check"]), |line| count.read(line))?;
    node::build_ui()?;
    Ok(count.outcome())
}

fn clippy(_: &mut Shared) -> Result<Outcome> {
    desktop::needs_a_ui()?;
    let mut cargo = tool::cargo();
    cargo.args(["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]);
    passed(tool::run(&mut cargo))
}

fn build(context: &mut Shared) -> Result<Outcome> {
    desktop::needs_a_ui()?;
    context.built = programs::build()?;
    Ok(Outcome::Passed)
}

fn unit(context: &mut Shared) -> Result<Outcome> {
    context.built.run(context.long, |package| package != "tests")
}

fn e2e(context: &mut Shared) -> Result<Outcome> {
    context.built.run(context.long, |package| package == "tests")
}

fn doc_tests(_: &mut Shared) -> Result<Outcome> {
    let mut count = Count::default();
    let mut cargo = tool::cargo();
    tool::run_reading(cargo.args(["test", "--workspace", "--doc", "--quiet"]), |line| count.read(line))?;
    Ok(Outcome::Counted(count))
}

fn browser(context: &mut Shared) -> Result<Outcome> {
    npm_tests("tests/browser", context.long, None)
}

fn desktop(context: &mut Shared) -> Result<Outcome> {
    npm_tests("tests/desktop", context.long, desktop::screen()?)
}

/// `npm test` in that folder, under `wrapper` where there is one.
fn npm_tests(folder: &str, long: bool, wrapper: Option<Vec<String>>) -> Result<Outcome> {
    let path = checkout::root().join(folder);
    if !path.join("package.json").is_file() {
        return Ok(Outcome::Skipped(format!("there is no {folder}/package.json")));
    }
    node::packages(&path)?;
    let mut command = match &wrapper {
        Some(words) => {
            let mut command = tool::command(&words[0]);
            command.args(&words[1..]).arg("npm").current_dir(&path);
            command
        }
        None => node::npm(&path),
    };
    command.arg("test").envs(programs::environment(long));
    let mut count = Count::default();
    tool::run_reading(&mut command, |line| count.read(line))?;
    Ok(Outcome::Counted(count))
}

fn deny(_: &mut Shared) -> Result<Outcome> {
    let tools = checkout::target().join("tools");
    let own = tools.join("bin").join(format!("cargo-deny{}", std::env::consts::EXE_SUFFIX));
    if !own.is_file() {
        let mut cargo = tool::cargo();
        cargo.args(["install", "--locked", "cargo-deny", "--version", "^0.20", "--root"]).arg(&tools);
        tool::run(&mut cargo)?;
    }
    let deny = |arguments: &[&str]| {
        let mut command = tool::command(&own);
        command.args(arguments).current_dir(checkout::root());
        tool::run(&mut command)
    };
    deny(&["--workspace", "check", "bans", "licenses", "sources"])
        .context("a dependency breaks a rule of deny.toml")?;
    if let Err(error) = deny(&["fetch", "db"]) {
        println!("advisories are NOT checked: their database can't be had from here ({error:#})");
        return Ok(Outcome::Skipped(
            "advisories, for want of their database; bans, licences and sources passed".into(),
        ));
    }
    passed(deny(&["--workspace", "check", "advisories"]).context("a dependency has a known weakness"))
}
