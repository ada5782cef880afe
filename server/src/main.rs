//! `sigma-server`: reads the command line, starts [`server::Server`], waits for SIGINT or SIGTERM, stops it.

use std::io::IsTerminal;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use clap::Parser;
use server::clock::Clock;
use server::config::{Args, Config};

/// What still runs on threads when everything has stopped has so long to end.
const STRAGGLERS: Duration = Duration::from_millis(200);

fn main() -> ExitCode {
    // Its other roles, which nobody takes by hand.
    let mut words = std::env::args().skip(1);
    match words.next().as_deref() {
        Some(server::transcode::NAME) => {
            return transcode_worker(words.next().and_then(|word| word.parse().ok()));
        }
        Some(server::transcode::TRY) => {
            return server::transcode::try_encoder(&words.next().unwrap_or_default());
        }
        Some(_) | None => {}
    }
    sys::memory::reuse();
    let args = Args::parse();
    let filter = tracing_subscriber::EnvFilter::try_from_env("SIGMA_LOG")
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("info"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_target(false)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .init();
    match serve(&args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Its words go to the server, which puts them into its log.
fn transcode_worker(parent: Option<u32>) -> ExitCode {
    tracing_subscriber::fmt()
        .with_max_level(tracing::Level::WARN)
        .without_time()
        .with_level(false)
        .with_target(false)
        .with_ansi(false)
        .with_writer(std::io::stderr)
        .init();
    match server::transcode::run(parent) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

fn serve(args: &Args) -> anyhow::Result<()> {
    let config = Config::load(args)?;
    // Two workers move gigabits; more would only give the allocator more arenas to fill.
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(std::thread::available_parallelism().map_or(2, |n| n.get().clamp(2, 4)))
        .max_blocking_threads(32)
        .thread_stack_size(1 << 20)
        .enable_all()
        .build()
        .context("can't start the runtime")?;
    let outcome = runtime.block_on(async {
        // Before anything is served, so that an early Ctrl-C is not lost.
        let mut signals = Signals::new()?;
        let server = server::Server::start(config, Clock::system()).await?;
        if args.ready_json {
            let mut ready = serde_json::json!({
                "http": server.http_url(),
                "rtmp": server.rtmp_url(),
                "admin_token": server.admin_token(),
                "version": env!("CARGO_PKG_VERSION"),
            });
            for (name, url) in [("https", server.https_url()), ("rtmps", server.rtmps_url())] {
                if let Some(url) = url {
                    ready[name] = url.into();
                }
            }
            println!("{ready}");
        }
        let over_tls = [server.https_url(), server.rtmps_url()];
        let served = [server.http_url(), server.rtmp_url()].into_iter().chain(over_tls.into_iter().flatten());
        tracing::info!("ready: {}", served.collect::<Vec<_>>().join(", "));
        let told = tokio::select! {
            told = signals.next() => told,
            () = stdin_end(), if args.stop_with_stdin => "stdin ended",
        };
        tracing::info!("{told}: stopping");
        server.stop().await;
        tracing::info!("stopped");
        Ok(())
    });
    // A thread that waits for a disk that is gone must not keep the program.
    runtime.shutdown_timeout(STRAGGLERS);
    outcome
}

/// A thread of its own: a read of stdin that nobody ends must not hold up the exit.
async fn stdin_end() {
    let (told, end) = tokio::sync::oneshot::channel();
    std::thread::spawn(move || {
        let _ = std::io::copy(&mut std::io::stdin().lock(), &mut std::io::sink());
        let _ = told.send(());
    });
    let _ = end.await;
}

/// What tells the server to stop.
#[cfg(unix)]
struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    fn new() -> anyhow::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        let interrupt = signal(SignalKind::interrupt()).context("can't listen for SIGINT")?;
        let terminate = signal(SignalKind::terminate()).context("can't listen for SIGTERM")?;
        Ok(Self { interrupt, terminate })
    }

    async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.interrupt.recv() => "SIGINT",
            _ = self.terminate.recv() => "SIGTERM",
        }
    }
}

#[cfg(windows)]
struct Signals(tokio::signal::windows::CtrlC);

#[cfg(windows)]
impl Signals {
    fn new() -> anyhow::Result<Self> {
        Ok(Self(tokio::signal::windows::ctrl_c().context("can't listen for Ctrl-C")?))
    }

    async fn next(&mut self) -> &'static str {
        self.0.recv().await;
        "Ctrl-C"
    }
}
