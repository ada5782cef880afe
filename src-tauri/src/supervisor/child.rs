//! One child process that stops when its stdin ends.

use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{ChildStdin, ChildStdout, Command};

use super::Error;

/// How long a child may take to finish once its stdin ended: it has a session to close and a journal to sync.
const GRACE: Duration = Duration::from_secs(8);

pub(super) struct Child {
    name: &'static str,
    process: tokio::process::Child,
    stdin: Option<ChildStdin>,
    pub(super) lines: Lines<BufReader<ChildStdout>>,
}

/// A command for `program` whose lines are read; its stderr goes where ours goes.
pub(super) fn command(program: &Path) -> Result<Command, Error> {
    if !program.is_file() {
        return Err(Error::Missing(program.to_owned()));
    }
    let mut command = Command::new(program);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::inherit());
    // The last resort, where this value is dropped without `stop`.
    command.kill_on_drop(true);
    Ok(command)
}

impl Child {
    pub(super) fn start(name: &'static str, mut command: Command) -> Result<Self, Error> {
        let mut process = command.spawn().map_err(|source| Error::Start { name, source })?;
        let stdin = process.stdin.take();
        let Some(stdout) = process.stdout.take() else { return Err(Error::Answer { name }) };
        Ok(Self { name, process, stdin, lines: BufReader::new(stdout).lines() })
    }

    /// Waits for its end.
    pub(super) async fn wait(&mut self) -> Result<ExitStatus, Error> {
        let name = self.name;
        self.process.wait().await.map_err(|source| Error::Lost { name, source })
    }

    /// Asks it to stop, and makes it where it doesn't in time.
    pub(super) async fn stop(mut self) -> Result<ExitStatus, Error> {
        drop(self.stdin.take());
        // What it still says must not block it.
        let drain = async { while let Ok(Some(_)) = self.lines.next_line().await {} };
        let name = self.name;
        let ended = tokio::time::timeout(GRACE, async { tokio::join!(drain, self.process.wait()).1 }).await;
        let status = match ended {
            Ok(status) => status,
            Err(_) => {
                eprintln!("sigma-live: {name} did not stop in {} s: ending it", GRACE.as_secs());
                match self.process.kill().await {
                    Ok(()) => self.process.wait().await,
                    Err(error) => Err(error),
                }
            }
        };
        status.map_err(|source| Error::Lost { name, source })
    }
}
