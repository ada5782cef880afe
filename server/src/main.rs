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
/// Fewer are worth a line in the log.
const ENOUGH_FILES: u64 = 16_384;

fn main() -> ExitCode {
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

fn serve(args: &Args) -> anyhow::Result<()> {
    let config = Config::load(args)?;
    raise_open_files();
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
            let ready = serde_json::json!({
                "http": server.http_url(),
                "rtmp": server.rtmp_url(),
                "admin_token": server.admin_token(),
                "version": env!("CARGO_PKG_VERSION"),
            });
            println!("{ready}");
        }
        tracing::info!("ready: {} and {}", server.http_url(), server.rtmp_url());
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

/// Each viewer holds up to four connections: the soft limit of most systems, 1,024, is soon reached.
fn raise_open_files() {
    match rlimit::increase_nofile_limit(u64::MAX) {
        Ok(files) if files < ENOUGH_FILES => tracing::warn!(
            "this process may open {files} files, enough for about {} viewers: raise the hard limit (`ulimit -Hn`, \
             LimitNOFILE= in a systemd unit, `docker run --ulimit nofile=`)",
            files / 4
        ),
        Ok(files) => tracing::debug!("may open {files} files"),
        Err(error) => tracing::warn!("can't raise the limit of open files: {error}"),
    }
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
