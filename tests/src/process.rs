//! A child process that is never left behind, and whose output is kept for the failure message.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};

/// A program of this workspace, built into the same target folder as the one that asks.
pub fn built(name: &str) -> Result<PathBuf> {
    let me = std::env::current_exe().context("where this program lies")?;
    // target/debug/deps/e2e-… or target/debug/sigma-fixture
    let folder =
        me.ancestors().skip(1).find(|p| !p.ends_with("deps")).context("a test outside a target folder")?;
    let path = folder.join(name);
    ensure!(
        path.exists(),
        "{} isn't built: `cargo build -p server -p broadcast -p probe` first, or `cargo xtask test`",
        path.display()
    );
    Ok(path)
}

/// A running child. Killed when dropped.
pub struct Process {
    name: String,
    child: Child,
    stdout: Mutex<Receiver<String>>,
    log: Arc<Mutex<Vec<String>>>,
    readers: Vec<JoinHandle<()>>,
}

impl Process {
    /// Starts `command` with its output kept. Stdin is a pipe: [`Process::close_stdin`] ends it.
    pub fn start(command: &mut Command) -> Result<Self> {
        let name =
            PathBuf::from(command.get_program()).file_name().unwrap_or(OsStr::new("?")).display().to_string();
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .with_context(|| format!("can't start {name}"))?;
        let log = Arc::new(Mutex::new(Vec::new()));
        let (lines, stdout) = mpsc::channel();
        let out = child.stdout.take().context("stdout is piped")?;
        let err = child.stderr.take().context("stderr is piped")?;
        let kept = Arc::clone(&log);
        let of_stdout = std::thread::spawn(move || {
            for line in BufReader::new(out).lines().map_while(Result::ok) {
                keep(&kept, &line);
                let _ = lines.send(line);
            }
        });
        let kept = Arc::clone(&log);
        let of_stderr = std::thread::spawn(move || {
            for line in BufReader::new(err).lines().map_while(Result::ok) {
                keep(&kept, &line);
            }
        });
        Ok(Self { name, child, stdout: Mutex::new(stdout), log, readers: vec![of_stdout, of_stderr] })
    }

    /// The next line of stdout.
    pub fn line(&self, limit: Duration) -> Result<String> {
        let stdout = self.stdout.lock().unwrap_or_else(|e| e.into_inner());
        stdout
            .recv_timeout(limit)
            .with_context(|| format!("no line from {} in {limit:?}:\n{}", self.name, self.log()))
    }

    /// All it has printed.
    pub fn log(&self) -> String {
        self.log.lock().unwrap_or_else(|e| e.into_inner()).join("\n")
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Whether it still runs.
    pub fn runs(&mut self) -> Result<bool> {
        Ok(self.child.try_wait()?.is_none())
    }

    /// Ends its stdin.
    pub fn close_stdin(&mut self) {
        drop(self.child.stdin.take());
    }

    /// Sends a signal by its name, `INT`, `TERM`, `KILL`, `STOP`, `CONT`.
    pub fn signal(&self, name: &str) -> Result<()> {
        signal(&self.id().to_string(), name).with_context(|| self.name.clone())
    }

    /// The ids of the processes that it started.
    pub fn children(&self) -> Result<Vec<String>> {
        let out = Command::new("ps").args(["-o", "pid=", "--ppid", &self.id().to_string()]).output()?;
        Ok(String::from_utf8_lossy(&out.stdout).split_whitespace().map(str::to_owned).collect())
    }

    /// Waits until it ends and its last words are read.
    pub fn ended(&mut self, limit: Duration) -> Result<ExitStatus> {
        let child = &mut self.child;
        let status = crate::wait(&format!("{} to end", self.name), limit, || Ok(child.try_wait()?));
        let readers = &self.readers;
        // Whoever inherited its output may hold it open: then what came so far must do.
        let _ = crate::wait("its last words", Duration::from_secs(1), || {
            Ok(readers.iter().all(JoinHandle::is_finished).then_some(()))
        });
        status.with_context(|| self.log())
    }

    /// Waits until it ends well.
    pub fn succeeds(&mut self, limit: Duration) -> Result<()> {
        let status = self.ended(limit)?;
        if !status.success() {
            bail!("{} ended with {status}:\n{}", self.name, self.log());
        }
        Ok(())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn keep(log: &Mutex<Vec<String>>, line: &str) {
    log.lock().unwrap_or_else(|e| e.into_inner()).push(line.to_owned());
}

/// Sends a signal by its name to any process.
pub fn signal(pid: &str, name: &str) -> Result<()> {
    let status = Command::new("kill").args([&format!("-{name}"), pid]).status()?;
    ensure!(status.success(), "can't send {name} to {pid}");
    Ok(())
}
