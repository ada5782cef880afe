//! `cargo xtask run`: from a fresh checkout to a live picture.
//!
//! ```text
//! packages ─▶ web UI ─▶ programs ─▶ sigma-server ─▶ first channel ─▶ sigma-live (a display) | sigma-broadcast (none)
//! stop:       broadcaster unpublishes ─▶ session ends, recording sealed ─▶ server exits
//! ```
//!
//! Each program runs in a process group of its own, so that a terminal's Ctrl-C reaches only us, and the order above is
//! ours to keep.

mod child;
mod console;
mod server;
mod status;

use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, SyncSender};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::packages::Need;
use crate::steps::Steps;
use crate::{checkout, node, packages, tool};
use child::{Child, Event};
use server::{Api, Channel};
use status::Status;

/// Lines of the programs that wait to be read.
const EVENTS: usize = 256;
/// How often the programs are looked at when they say nothing.
const LOOK: Duration = Duration::from_millis(200);
/// For the broadcaster to send what it has and unpublish.
const UNPUBLISH: Duration = Duration::from_secs(10);
/// For the server to end a session after its publisher left.
const SEAL: Duration = Duration::from_secs(5);
/// For the server to answer its last requests.
const EXIT: Duration = Duration::from_secs(15);

/// What `run` takes.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// No window, even where there is a display: the same pipeline, and the addresses printed.
    #[arg(long)]
    headless: bool,
    /// Where the database and the recordings live [default: the user's own data folder].
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// camera, testcard or, without a window, a file; auto takes a camera, or else the test card.
    #[arg(long, default_value = "auto", value_name = "SOURCE")]
    source: String,
    /// Without a window: mic, tone or none; auto takes a microphone, or else a tone. Left out: what belongs to the source.
    #[arg(long, value_name = "SOUND")]
    sound: Option<String>,
    /// Stop by itself after so many seconds on air.
    #[arg(long, value_name = "SECS")]
    duration: Option<u64>,
    /// Start the programs as they were last built (SIGMA_NO_BUILD=true does the same).
    #[arg(long, env = "SIGMA_NO_BUILD", hide_env = true)]
    no_build: bool,
}

/// Runs until Ctrl-C, a closed window, `--duration`, or something breaks.
pub(crate) fn run(args: &Args) -> Result<()> {
    let window = !args.headless && console::there_is_a_display();
    let data_dir = match &args.data_dir {
        Some(dir) => std::path::absolute(dir)?,
        None => data_dir()?,
    };
    let mut steps = Steps::new(if args.no_build { 5 } else { 6 });
    let needs: &[Need] = if window { &[Need::Build, Need::Desktop] } else { &[Need::Build] };
    steps.quiet("Looking for what this system lacks", || {
        node::check()?;
        packages::install(needs)
    })?;
    if args.no_build {
        steps.quiet("Looking for the programs", || built(window))?;
    } else {
        steps.noisy("Building the web UI", node::build_ui)?;
        steps.noisy("Building the programs", || build(window))?;
    }

    // From here on Ctrl-C means: stop in order. Before, it ends the build like any other.
    let (events, inbox) = mpsc::sync_channel(EVENTS);
    let interrupt = events.clone();
    ctrlc::set_handler(move || {
        let _ = interrupt.send(Event::Interrupt); // nobody listens once we are on our way out
    })
    .context("can't take over Ctrl-C")?;

    let (server, api) = steps.quiet("Starting the server", || server::start(&data_dir, &events, &inbox))?;
    let mut running = Running { server, front: None, api, data_dir, known: Vec::new(), channel: None };
    let result = running.go(args, window, &mut steps, &events, &inbox);
    let stopped = running.stop(&inbox);
    result.and(stopped)
}

fn build(window: bool) -> Result<()> {
    let mut cargo = tool::cargo();
    cargo.args(["build", "--package", "server", "--package", "broadcast"]);
    if window {
        cargo.args(["--package", "sigma-live"]);
    }
    tool::run(&mut cargo)
}

fn built(window: bool) -> Result<()> {
    let window = window.then_some("sigma-live");
    for name in ["sigma-server", "sigma-broadcast"].into_iter().chain(window) {
        let program = checkout::program(name);
        anyhow::ensure!(program.is_file(), "{} isn't built: leave out --no-build", program.display());
    }
    Ok(())
}

/// Everything that must be stopped again.
struct Running {
    server: Child,
    /// The window or the broadcaster: what feeds the server.
    front: Option<Child>,
    api: Api,
    data_dir: PathBuf,
    /// Sessions that were there before.
    known: Vec<String>,
    channel: Option<Channel>,
}

impl Running {
    fn go(
        &mut self,
        args: &Args,
        window: bool,
        steps: &mut Steps,
        events: &SyncSender<Event>,
        inbox: &Receiver<Event>,
    ) -> Result<()> {
        let channel = steps.quiet("Finding the first channel", || self.api.first_channel())?;
        self.known = self.api.sessions(&channel.id)?;
        let title = if window { "Opening the window" } else { "Going live without a window" };
        let front = steps.quiet(title, || {
            let mut command = if window {
                console::window(&self.api, &args.source)
            } else {
                console::broadcaster(&channel, &args.source, args.sound.as_deref())
            };
            let name = if window { "sigma-live" } else { "sigma-broadcast" };
            Child::start(name, &mut command, &self.data_dir, events.clone())
        })?;
        self.front = Some(front);
        self.say_where(&channel, window);
        self.channel = Some(channel);
        self.watch(args.duration.map(Duration::from_secs), window, inbox)
    }

    fn say_where(&self, channel: &Channel, window: bool) {
        if !window {
            println!("\nThere is no window here: the same pipeline runs without one.");
        }
        println!("\n  Watch    {}", channel.playback.watch_url);
        println!("  Player   {}", channel.playback.hls_url);
        println!("  Console  {}/", self.api.base());
        println!("           sign in with the token in {}", self.data_dir.join("admin-token").display());
        println!(
            "  Publish  {} with the channel's stream key (the console shows it)",
            channel.ingest.rtmp_url
        );
        println!("  Logs     {}", self.data_dir.join("logs").display());
        println!("\nCtrl-C stops everything and keeps the recording.\n");
    }

    /// Until there is a reason to stop.
    fn watch(&mut self, duration: Option<Duration>, window: bool, inbox: &Receiver<Event>) -> Result<()> {
        let mut status = Status::new(std::io::stdout().is_terminal());
        let start = Instant::now();
        loop {
            match inbox.recv_timeout(LOOK) {
                Ok(Event::Interrupt) => {
                    status.end();
                    return Ok(());
                }
                Ok(Event::Said { who: "sigma-broadcast", line }) => status.read(&line),
                Ok(Event::Said { .. }) | Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => bail!("lost sight of the programs"),
            }
            if let Some(code) = self.server.ended()? {
                status.end();
                bail!("{}", self.server.obituary(code));
            }
            if let Some(front) = &mut self.front
                && let Some(code) = front.ended()?
            {
                status.end();
                if code.success() {
                    return Ok(()); // the window was closed, or a file played to its end
                }
                bail!("{}", front.obituary(code));
            }
            let on_air = if window { Some(start) } else { status.live_since() };
            if let (Some(duration), Some(since)) = (duration, on_air)
                && since.elapsed() >= duration
            {
                status.end();
                return Ok(());
            }
        }
    }

    /// The broadcaster first, so that it can unpublish; the server when it has sealed the recording.
    fn stop(mut self, inbox: &Receiver<Event>) -> Result<()> {
        while inbox.try_recv().is_ok() {} // only a Ctrl-C from now on means: hurry
        let mut clean = true;
        if let Some(front) = &mut self.front {
            println!("Stopping: the broadcast …");
            clean &= front.stop(UNPUBLISH, inbox)?;
        }
        if self.server.ended()?.is_none() {
            let recording = self.recording();
            println!("Stopping: the server …");
            clean &= self.server.stop(EXIT, inbox)?;
            if let Some(session) = recording {
                self.say_recording(&session);
            }
        }
        if !clean {
            bail!("a program did not stop by itself and was ended; its log is in {}", self.logs().display());
        }
        println!("Everything has stopped.");
        Ok(())
    }

    /// The session of this run, once it has ended.
    fn recording(&self) -> Option<String> {
        let channel = self.channel.as_ref()?;
        let deadline = Instant::now() + SEAL;
        let session = self.api.sessions(&channel.id).ok()?.into_iter().max()?;
        if self.known.contains(&session) {
            return None;
        }
        while Instant::now() < deadline {
            match self.api.session_status(&session) {
                Ok(status) if status == "ended" => break,
                Ok(_) => std::thread::sleep(Duration::from_millis(100)),
                Err(_) => break, // the recording is whole on disk all the same: the server repairs it at its next start
            }
        }
        Some(session)
    }

    fn say_recording(&self, session: &str) {
        println!("\n  Recording  {}", self.data_dir.join("sessions").join(session).display());
        println!(
            "             as one MP4, whenever the server runs: {}/vod/{session}/recording.mp4\n",
            self.api.base()
        );
    }

    fn logs(&self) -> PathBuf {
        self.data_dir.join("logs")
    }
}

/// Where this user's programs keep what they make.
fn data_dir() -> Result<PathBuf> {
    let variable = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let home = || variable("HOME").context("HOME isn't set: say where the recordings go with --data-dir");
    let base = if cfg!(windows) {
        variable("LOCALAPPDATA")
            .context("LOCALAPPDATA isn't set: say where the recordings go with --data-dir")?
    } else if cfg!(target_os = "macos") {
        home()?.join("Library").join("Application Support")
    } else {
        match variable("XDG_DATA_HOME").filter(|path| Path::is_absolute(path)) {
            Some(dir) => dir,
            None => home()?.join(".local").join("share"),
        }
    };
    Ok(base.join("sigma-live"))
}
