//! `sigma-broadcast`: reads the command line, ties the broadcast to signals and stdin, and exits with what came of it.

use std::process::ExitCode;
use std::sync::Arc;

use broadcast::cli::{Args, Command, EXIT_USAGE, Live, Testcard};
use broadcast::encode::Dial;
use broadcast::report::Reporter;
use broadcast::run::Outcome;
use broadcast::{control, devices, run, testcard};
use clap::Parser;
use tokio::sync::watch;

fn main() -> ExitCode {
    let args = match Args::try_parse() {
        Ok(args) => args,
        Err(error) => {
            let _ = error.print();
            return if error.use_stderr() { EXIT_USAGE.into() } else { ExitCode::SUCCESS };
        }
    };
    log_to_stderr();
    let result = match args.command {
        Some(Command::Devices { json }) => list_devices(json),
        Some(Command::Testcard(card)) => render(&card),
        Some(Command::TryEncoder { name }) => {
            return match codec::hardware::child::here(&name) {
                Ok(()) => ExitCode::SUCCESS,
                Err(why) => {
                    println!("{why}");
                    ExitCode::FAILURE
                }
            };
        }
        None => return go_live(&args.live),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn log_to_stderr() {
    let filter = tracing_subscriber::EnvFilter::try_from_env("SIGMA_LOG").unwrap_or_else(|_| "warn".into());
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
}

fn list_devices(json: bool) -> anyhow::Result<()> {
    let (devices, errors) = devices::list();
    errors.iter().for_each(|error| eprintln!("warning: {error}"));
    if json {
        println!("{}", serde_json::to_string(&devices)?);
    } else {
        print!("{}", devices::text(&devices));
    }
    Ok(())
}

fn render(card: &Testcard) -> anyhow::Result<()> {
    let seconds = card.seconds.as_secs_f64();
    if let Some(path) = &card.out_video {
        testcard::render::video(path, card.size, card.fps, seconds)?;
    }
    if let Some(path) = &card.out_sound {
        testcard::render::sound(path, seconds)?;
    }
    Ok(())
}

fn go_live(live: &Live) -> ExitCode {
    if let Err(why) = live.check().and_then(|()| live.target()).and_then(|_| live.trust()) {
        eprintln!("error: {why}");
        return EXIT_USAGE.into();
    }
    let report = Arc::new(if live.json { Reporter::json() } else { Reporter::human() });
    let outcome = match tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build() {
        Ok(runtime) => {
            let outcome = runtime.block_on(watched(live, &report));
            // A device's thread that hangs must not keep the process.
            runtime.shutdown_background();
            outcome
        }
        Err(error) => Outcome::Failed(format!("can't start: {error}")),
    };
    if let (Outcome::Failed(why) | Outcome::Refused(why), true) = (&outcome, live.json) {
        eprintln!("error: {why}");
    }
    outcome.exit_code().into()
}

/// The broadcast, with everything that may stop it.
async fn watched(live: &Live, report: &Arc<Reporter>) -> Outcome {
    let dial = Arc::new(Dial::new(live.bitrate));
    let (stop, stopped) = watch::channel(false);
    if live.control {
        if let Err(error) = sys::parent_death::die_with_parent() {
            report.notice(error.to_string());
        }
        if let Err(error) = control::obey_stdin(dial.clone(), stop.clone(), report.clone()) {
            return Outcome::Failed(format!("can't read commands: {error}"));
        }
    }
    tokio::spawn(async move {
        signal().await;
        let _ = stop.send(true);
        signal().await;
        give_up();
    });
    run::run(live, dial, report.clone(), stopped).await
}

/// A second signal doesn't ask.
#[expect(clippy::disallowed_methods, reason = "the orderly way out is what has just taken too long")]
fn give_up() {
    std::process::exit(130);
}

#[cfg(unix)]
async fn signal() {
    use tokio::signal::unix::{SignalKind, signal};
    let wait = |kind| async move {
        match signal(kind) {
            Ok(mut signal) => {
                signal.recv().await;
            }
            Err(_) => std::future::pending().await,
        }
    };
    tokio::select! {
        () = wait(SignalKind::interrupt()) => {}
        () = wait(SignalKind::terminate()) => {}
        () = wait(SignalKind::hangup()) => {}
    }
}

#[cfg(not(unix))]
async fn signal() {
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending().await
    }
}
