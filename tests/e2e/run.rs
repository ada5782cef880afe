//! `cargo xtask run`, as a newcomer starts it: live without a window, and stopped without a trace but the recording.

use std::process::Command;
use std::sync::Mutex;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use tempfile::TempDir;
use tests::process::{Process, built};
use tests::{ffmpeg, wait};

/// A `cargo xtask run --headless` on a data folder of its own, with the test card on air.
struct Run {
    process: Process,
    player: String,
    data: TempDir,
}

/// Two that run at once would both take the usual ports where these are free.
fn any_port(command: &mut Command) -> &mut Command {
    command.env("SIGMA_HTTP", "127.0.0.1:0").env("SIGMA_RTMP", "127.0.0.1:0")
}

impl Run {
    fn on_air(args: &[&str]) -> Result<Self> {
        // Where the checkout is newer than what is built, each would build the same files.
        static BUILDING: Mutex<()> = Mutex::new(());
        let _one = BUILDING.lock().unwrap_or_else(|e| e.into_inner());
        let data = tempfile::tempdir()?;
        let mut command = Command::new(built("xtask")?);
        command.args(["run", "--headless", "--source", "testcard", "--data-dir"]).arg(data.path()).args(args);
        let process = Process::start(any_port(&mut command).current_dir(env!("CARGO_MANIFEST_DIR")))?;
        let player = wait("the player's address", Duration::from_secs(120), || {
            Ok(process.log().lines().find_map(|l| Some(l.trim().strip_prefix("Player")?.trim().to_owned())))
        })
        .with_context(|| process.log())?;
        Ok(Self { process, player, data })
    }

    /// It plays, and the recording that is left is whole.
    fn plays_then_ends(mut self, stop: impl FnOnce(&Process) -> Result<()>) -> Result<()> {
        wait("a playlist", Duration::from_secs(10), || Ok(Some(ffmpeg::probe(&self.player)?)))
            .with_context(|| self.process.log())?;
        ensure!(ffmpeg::play(&self.player, 2, &["0:v", "0:a"])? >= 50, "{}", self.process.log());
        let programs = children(self.process.id())?;
        ensure!(programs.len() == 2, "a server and a broadcaster, not {programs:?}");
        stop(&self.process)?;
        self.process.succeeds(Duration::from_secs(40))?;
        for program in programs {
            ensure!(!runs(program), "{program} is left behind:\n{}", self.process.log());
        }
        let recording = tests::server::Server::start_on(self.data)?.newest_recording()?;
        ffmpeg::probe(&recording.address)?;
        ffmpeg::decode(&recording.address)
    }
}

fn children(parent: u32) -> Result<Vec<u32>> {
    let out = Command::new("pgrep").args(["-P", &parent.to_string()]).output()?;
    Ok(String::from_utf8(out.stdout)?.lines().filter_map(|l| l.parse().ok()).collect())
}

fn runs(id: u32) -> bool {
    std::path::Path::new(&format!("/proc/{id}/exe")).exists()
}

#[test]
fn ends_by_itself_after_its_duration() -> Result<()> {
    Run::on_air(&["--duration", "8"])?.plays_then_ends(|_| Ok(()))
}

#[test]
fn ctrl_c_stops_everything_in_order() -> Result<()> {
    Run::on_air(&[])?.plays_then_ends(|run| run.signal("INT"))
}

#[test]
fn wrong_words_are_answered_with_what_to_do() -> Result<()> {
    for (args, said) in [
        (&["run", "--duration", "soon"][..], "--duration"),
        (&["run", "--headless", "--source", "nothing-there.mp4"], "nothing-there.mp4"),
        (&["test", "--only", "everything"], "there is no step"),
    ] {
        let data = tempfile::tempdir()?;
        let mut command = Command::new(built("xtask")?);
        if args[0] == "run" {
            command.args(["run", "--data-dir"]).arg(data.path()).args(&args[1..]);
        } else {
            command.args(args);
        }
        let mut process = Process::start(any_port(&mut command).current_dir(env!("CARGO_MANIFEST_DIR")))?;
        ensure!(!process.ended(Duration::from_secs(120))?.success(), "{args:?}");
        ensure!(process.log().contains(said), "{args:?}:\n{}", process.log());
    }
    Ok(())
}
