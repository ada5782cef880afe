//! A trial in a process of its own: what the two sides say to each other.

use super::{Error, Kind, trial};

/// A program's first argument that makes it try an encoder, whose name follows.
pub const ARGUMENT: &str = "try-encoder";
/// A trial that takes longer hangs: a slow driver wants two seconds.
pub const LIMIT: std::time::Duration = std::time::Duration::from_secs(10);

/// In the process: tries the encoder of this name. `Ok` where it works; else why not, which is to go to stdout before it fails.
pub fn here(name: &str) -> Result<(), String> {
    let kind = Kind::of(name).ok_or_else(|| format!("there is no encoder {name}"))?;
    trial(kind).map_err(|error: Error| error.to_string())
}

/// For who started it: what its end means. `success`: its status; `said`: its stdout.
pub fn verdict(success: bool, status: &str, said: &str) -> Result<(), String> {
    match (success, said.trim()) {
        (true, _) => Ok(()),
        (false, "") => Err(format!("its driver takes the program down that tries it ({status})")),
        (false, why) => Err(why.to_owned()),
    }
}
