//! A child program that must not outlive the one that started it, whatever ends that one.

/// Why it can't be arranged.
#[derive(Debug, thiserror::Error)]
#[error("can't tie this program's life to its parent's: {0}")]
pub struct Error(#[from] std::io::Error);

/// Ends this process when the one that started it ends, even by SIGKILL.
///
/// - Linux: SIGTERM on the parent's death. The kernel means the *thread* that spawned: spawn from one that stays.
/// - Other Unix: a thread asks once a second whether the parent is still the same, then sends SIGTERM to this process.
/// - Windows: nothing; there the parent puts its children into a job object that ends with it.
///
/// A parent that died before this call goes unnoticed: see [`die_with`].
pub fn die_with_parent() -> Result<(), Error> {
    system::die_with_parent(None)
}

/// The same, where the parent has told its process id (in an argument or the environment): notices, too, that it is gone
/// already.
pub fn die_with(parent: u32) -> Result<(), Error> {
    system::die_with_parent(Some(parent))
}

#[cfg(unix)]
fn orphaned(parent: Option<u32>) -> bool {
    parent.is_some_and(|parent| parent != std::os::unix::process::parent_id())
}

#[cfg(unix)]
fn end() {
    // SAFETY: a signal to ourselves, so that the program ends in its orderly way.
    unsafe { libc::kill(libc::getpid(), libc::SIGTERM) };
}

#[cfg(any(target_os = "linux", target_os = "android"))]
mod system {
    use super::{Error, end, orphaned};

    pub(super) fn die_with_parent(parent: Option<u32>) -> Result<(), Error> {
        // SAFETY: takes a number and keeps no pointer.
        let failed = unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGTERM as libc::c_ulong, 0, 0, 0) };
        if failed != 0 {
            return Err(std::io::Error::last_os_error().into());
        }
        // It may have died just before: prctl(2) says to look again.
        if orphaned(parent) {
            end();
        }
        Ok(())
    }
}

#[cfg(all(unix, not(any(target_os = "linux", target_os = "android"))))]
mod system {
    use super::{Error, end, orphaned};

    pub(super) fn die_with_parent(parent: Option<u32>) -> Result<(), Error> {
        let parent = Some(parent.unwrap_or_else(std::os::unix::process::parent_id));
        std::thread::Builder::new().name("parent-death".to_owned()).spawn(move || {
            while !orphaned(parent) {
                std::thread::sleep(std::time::Duration::from_secs(1));
            }
            end();
        })?;
        Ok(())
    }
}

#[cfg(not(unix))]
mod system {
    pub(super) fn die_with_parent(_parent: Option<u32>) -> Result<(), super::Error> {
        Ok(())
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::io::{BufRead, BufReader, Read};
    use std::process::{Command, Stdio};

    /// Plays parent or child, as the environment says; without it there is nothing to do.
    #[test]
    #[ignore = "run by the test below, in processes of its own"]
    fn role() {
        let exe = std::env::current_exe().unwrap();
        match std::env::var("PARENT_DEATH_ROLE").as_deref() {
            Ok("parent") => {
                let mut child = role_command(&exe, "child").spawn().unwrap();
                child.wait().unwrap();
            }
            Ok("child") => {
                super::die_with(std::os::unix::process::parent_id()).unwrap();
                println!("ready {}", std::process::id());
                loop {
                    std::thread::park();
                }
            }
            _ => {}
        }
    }

    fn role_command(exe: &std::path::Path, role: &str) -> Command {
        let mut command = Command::new(exe);
        command.args(["parent_death::tests::role", "--exact", "--ignored", "--nocapture"]);
        command.env("PARENT_DEATH_ROLE", role);
        command
    }

    #[test]
    fn a_killed_parent_takes_its_child_along() {
        let exe = std::env::current_exe().unwrap();
        let mut parent = role_command(&exe, "parent").stdout(Stdio::piped()).spawn().unwrap();
        let mut out = BufReader::new(parent.stdout.take().unwrap());
        let mut line = String::new();
        while !line.contains("ready ") {
            line.clear();
            assert_ne!(out.read_line(&mut line).unwrap(), 0, "the child never came up");
        }
        parent.kill().unwrap();
        parent.wait().unwrap();
        // The pipe closes only once the child, too, is gone.
        out.read_to_string(&mut line).unwrap();
    }
}
