//! A short task in a process of its own, which may crash or hang without harm.

use std::io::{self, Read};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

/// Bytes of what it says that are read.
const MOST: u64 = 64 << 10;
/// It has said everything; so long it may take to end.
const FAREWELL: Duration = Duration::from_millis(1_000);
const LOOK: Duration = Duration::from_millis(20);

/// How it ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// By itself, with this status and what it said on stdout.
    Ended(ExitStatus, String),
    /// Not within its time; it was killed.
    Hung,
}

/// Runs it, for so long at most.
pub fn run(command: &mut Command, limit: Duration) -> io::Result<Outcome> {
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?;
    let words = child.stdout.take().ok_or_else(|| io::Error::other("it has no stdout"))?;
    let (sender, said) = channel();
    thread::spawn(move || {
        let mut text = Vec::new();
        let _ = words.take(MOST).read_to_end(&mut text);
        let _ = sender.send(String::from_utf8_lossy(&text).into_owned());
    });
    let said = match said.recv_timeout(limit) {
        Ok(said) => said,
        Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
            child.kill()?;
            child.wait()?;
            return Ok(Outcome::Hung);
        }
    };
    // The channel stays empty: it is the alarm clock.
    let (_open, alarm) = channel::<()>();
    for _ in 0..FAREWELL.as_millis() / LOOK.as_millis() {
        if let Some(status) = child.try_wait()? {
            return Ok(Outcome::Ended(status, said));
        }
        let _ = alarm.recv_timeout(LOOK);
    }
    child.kill()?;
    Ok(Outcome::Ended(child.wait()?, said))
}

#[cfg(all(test, unix))]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn shell(script: &str, limit: Duration) -> Outcome {
        run(Command::new("/bin/sh").args(["-c", script]), limit).unwrap()
    }

    #[test]
    fn it_may_end_crash_or_hang() {
        let long = Duration::from_secs(60);
        let Outcome::Ended(status, said) = shell("echo here; exit 3", long) else { unreachable!() };
        assert_eq!((status.code(), said.as_str()), (Some(3), "here\n"));
        let Outcome::Ended(status, _) = shell("kill -SEGV $$", long) else { unreachable!() };
        assert_eq!(status.code(), None);
        assert_eq!(shell("exec sleep 600", Duration::from_millis(100)), Outcome::Hung);
        // One that says everything, and then stays.
        let Outcome::Ended(status, said) = shell("echo here; exec >&-; exec sleep 600", long) else {
            unreachable!()
        };
        assert_eq!((status.success(), said.as_str()), (false, "here\n"));
        assert!(run(&mut Command::new("/no/such/program"), long).is_err());
    }
}
