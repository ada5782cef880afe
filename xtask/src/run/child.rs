//! One program of ours: its start, its log, its last words, its stop.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, SyncSender};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

/// Last words that are kept for an obituary.
const LAST_WORDS: usize = 20;
/// A line longer than this is cut: no program can fill our memory.
const LINE: u64 = 64 * 1024;
/// Between being asked twice and being ended.
const PATIENCE: Duration = Duration::from_secs(3);

/// What the programs, and the person at the keyboard, tell us.
pub(super) enum Event {
    /// Ctrl-C, or a polite SIGTERM.
    Interrupt,
    /// A line on a program's stdout.
    Said { who: &'static str, line: String },
}

/// A running program.
pub(super) struct Child {
    name: &'static str,
    process: std::process::Child,
    /// Its end means `stop` to the broadcaster.
    stdin: Option<ChildStdin>,
    log: PathBuf,
    last_words: Arc<Mutex<VecDeque<String>>>,
}

impl Child {
    /// Starts it in a process group of its own; its stderr goes to `DATA/logs/NAME.log`.
    pub(super) fn start(
        name: &'static str,
        command: &mut Command,
        data_dir: &Path,
        events: SyncSender<Event>,
    ) -> Result<Self> {
        let logs = data_dir.join("logs");
        std::fs::create_dir_all(&logs).with_context(|| format!("can't make {}", logs.display()))?;
        let log = logs.join(format!("{name}.log"));
        let mut file = File::create(&log).with_context(|| format!("can't write {}", log.display()))?;
        own_group(command);
        let mut process = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .with_context(|| format!("can't start {}", command.get_program().to_string_lossy()))?;
        let last_words = Arc::new(Mutex::new(VecDeque::new()));
        if let Some(stdout) = process.stdout.take() {
            std::thread::spawn(move || {
                each_line(stdout, |line| {
                    let _ = events.send(Event::Said { who: name, line }); // nobody listens at the very end
                });
            });
        }
        if let Some(stderr) = process.stderr.take() {
            let last_words = Arc::clone(&last_words);
            std::thread::spawn(move || {
                each_line(stderr, |line| {
                    let _ = writeln!(file, "{line}"); // a full disk must not stop the program
                    if let Ok(mut words) = last_words.lock() {
                        words.push_back(line);
                        if words.len() > LAST_WORDS {
                            words.pop_front();
                        }
                    }
                });
            });
        }
        let stdin = process.stdin.take();
        Ok(Self { name, process, stdin, log, last_words })
    }

    /// How it ended, if it did.
    pub(super) fn ended(&mut self) -> Result<Option<ExitStatus>> {
        self.process.try_wait().with_context(|| format!("can't tell whether {} runs", self.name))
    }

    /// That it died, of what, and where to read more.
    pub(super) fn obituary(&self, status: ExitStatus) -> String {
        // Its pipe may hold a last line that the reader has yet to take.
        std::thread::sleep(Duration::from_millis(50));
        let mut text = format!("{} stopped ({status}). ", self.name);
        let words = self.last_words.lock().map(|words| Vec::from(words.clone())).unwrap_or_default();
        if words.is_empty() {
            text.push_str("It said nothing.");
        } else {
            text.push_str("Its last words:\n  ");
            text.push_str(&words.join("\n  "));
            text.push_str(&format!("\nall of them: {}", self.log.display()));
        }
        text
    }

    /// Asks it to stop and waits; asks again after `patience` (or at a second Ctrl-C), then ends it. Leaves nothing of
    /// its process group behind. `false` where it had to be ended.
    pub(super) fn stop(&mut self, patience: Duration, inbox: &Receiver<Event>) -> Result<bool> {
        drop(self.stdin.take());
        if self.name != "sigma-broadcast" {
            self.ask();
        }
        let mut stopped = self.wait(patience, inbox)?;
        if !stopped {
            self.ask();
            stopped = self.wait(PATIENCE, inbox)?;
        }
        self.end_group();
        if !stopped {
            let _ = self.process.kill(); // it may have ended meanwhile
            self.process.wait().with_context(|| format!("can't end {}", self.name))?;
        }
        Ok(stopped)
    }

    fn wait(&mut self, patience: Duration, inbox: &Receiver<Event>) -> Result<bool> {
        let deadline = Instant::now() + patience;
        loop {
            if self.ended()?.is_some() {
                return Ok(true);
            }
            if Instant::now() >= deadline {
                return Ok(false);
            }
            if let Ok(Event::Interrupt) = inbox.recv_timeout(Duration::from_millis(20)) {
                return Ok(false);
            }
        }
    }

    #[cfg(unix)]
    fn ask(&self) {
        use nix::sys::signal::{Signal, kill};
        let _ = kill(self.pid(), Signal::SIGTERM); // it may have ended meanwhile
    }

    #[cfg(unix)]
    fn end_group(&self) {
        use nix::sys::signal::{Signal, killpg};
        let _ = killpg(self.pid(), Signal::SIGKILL); // nobody is left, mostly
    }

    #[cfg(unix)]
    fn pid(&self) -> nix::unistd::Pid {
        nix::unistd::Pid::from_raw(self.process.id().cast_signed())
    }

    /// Windows knows no polite signal for a program without a console: the end of stdin was the request.
    #[cfg(not(unix))]
    fn ask(&self) {}

    #[cfg(not(unix))]
    fn end_group(&self) {}
}

impl Drop for Child {
    /// On a way out that did not pass `stop`: nothing is left behind.
    fn drop(&mut self) {
        if let Ok(None) = self.process.try_wait() {
            self.ask();
            self.end_group();
            let _ = self.process.kill();
            let _ = self.process.wait();
        }
    }
}

#[cfg(unix)]
fn own_group(command: &mut Command) {
    use std::os::unix::process::CommandExt;
    command.process_group(0);
}

#[cfg(windows)]
fn own_group(command: &mut Command) {
    use std::os::windows::process::CommandExt;
    const CREATE_NEW_PROCESS_GROUP: u32 = 0x0000_0200;
    command.creation_flags(CREATE_NEW_PROCESS_GROUP);
}

fn each_line(from: impl Read, mut each: impl FnMut(String)) {
    let mut reader = BufReader::new(from);
    let mut line = Vec::new();
    while let Ok(1..) = reader.by_ref().take(LINE).read_until(b'\n', &mut line) {
        each(String::from_utf8_lossy(&line).trim_end().to_owned());
        line.clear();
    }
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    fn shell(script: &str) -> (Child, Receiver<Event>, PathBuf) {
        static NEXT: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
        let number = NEXT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let dir = std::env::temp_dir().join(format!("sigma-xtask-{}-{number}", std::process::id()));
        let (events, inbox) = mpsc::sync_channel(16);
        let child = Child::start("sh", Command::new("sh").args(["-c", script]), &dir, events).unwrap();
        (child, inbox, dir)
    }

    #[test]
    fn a_program_that_dies_leaves_its_last_words() {
        let (mut child, inbox, dir) = shell("for i in 1 2 3; do echo line $i >&2; done; exit 7");
        assert!(child.wait(Duration::from_secs(10), &inbox).unwrap());
        let status = child.ended().unwrap().unwrap();
        let obituary = child.obituary(status);
        assert!(obituary.contains("exit status: 7") && obituary.contains("line 3"), "{obituary}");
        std::fs::remove_dir_all(dir).unwrap();
    }

    #[test]
    fn a_program_that_stops_when_asked_is_clean_and_one_that_does_not_is_ended() {
        let (mut child, inbox, dir) = shell("trap 'exit 0' TERM; echo up; while :; do sleep 0.05; done");
        assert!(matches!(inbox.recv(), Ok(Event::Said { line, .. }) if line == "up"));
        assert!(child.stop(Duration::from_secs(10), &inbox).unwrap());
        std::fs::remove_dir_all(dir).unwrap();

        let (mut child, inbox, dir) = shell("trap '' TERM; echo up; while :; do sleep 0.05; done");
        assert!(matches!(inbox.recv(), Ok(Event::Said { .. })));
        let (hurry, second) = mpsc::sync_channel(16);
        hurry.send(Event::Interrupt).unwrap();
        hurry.send(Event::Interrupt).unwrap();
        assert!(!child.stop(Duration::from_secs(60), &second).unwrap());
        assert!(child.ended().unwrap().is_some());
        drop(inbox);
        std::fs::remove_dir_all(dir).unwrap();
    }

    #[test]
    fn an_endless_line_is_cut() {
        let mut lines = Vec::new();
        let bytes = vec![b'x'; usize::try_from(LINE).unwrap() + 1];
        each_line(bytes.as_slice(), |line| lines.push(line.len()));
        assert_eq!(lines, [65536, 1]);
    }
}
