//! `sigma-probe`: reads the command line, and exits with what was found.

use std::process::ExitCode;

use clap::Parser;
use probe::cli::{Args, Command};

fn main() -> ExitCode {
    let args = match Args::try_parse() {
        Ok(args) => args,
        Err(error) => {
            let _ = error.print();
            return if error.use_stderr() { ExitCode::from(2) } else { ExitCode::SUCCESS };
        }
    };
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("error: can't start: {error}");
            return ExitCode::from(2);
        }
    };
    let done = match args.command {
        Command::Check(check) => runtime.block_on(probe::check::run(check)),
        Command::Swarm(swarm) => runtime.block_on(probe::swarm::run(swarm)),
        Command::Replay(replay) => runtime.block_on(probe::swarm::replay::run(replay)),
    };
    runtime.shutdown_background();
    done.unwrap_or_else(|error| {
        eprintln!("error: {error:#}");
        ExitCode::from(2)
    })
}
