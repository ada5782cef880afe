//! `cargo xtask`: everything a checkout can do, in one place: run it, test it, keep it tidy.
//!
//! **Belongs here:** driving the project's programs and tools. **Does not:** anything the programs do themselves; it
//! imports none of our crates, so that it is there within seconds on a fresh checkout.

mod bench;
mod checkout;
mod node;
mod packages;
mod run;
mod steps;
mod test;
mod tidy;
mod tool;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Runs, tests and checks Sigma Live.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Installs what is missing, builds, starts the server and the desktop console, ready to go live.
    Run(run::Args),
    /// Installs what is missing and runs every test.
    Test(test::Args),
    /// Measures the whole pipeline, in release builds.
    Bench(bench::Args),
    /// Checks the rules of the house that no compiler checks: imports, file lengths, links.
    Tidy,
    /// What a pull request must pass: every test, and a checkout that they leave as they found it.
    Ci(test::Args),
}

fn main() -> ExitCode {
    let result = match Args::parse().command {
        Command::Run(args) => run::run(&args),
        Command::Test(args) => test::run(&args),
        Command::Bench(args) => bench::run(&args),
        Command::Tidy => tidy::run(),
        Command::Ci(args) => test::ci(&args),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("\nerror: {error:#}");
            ExitCode::FAILURE
        }
    }
}
