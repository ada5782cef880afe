//! The child programs: started, listened to, stopped.
//!
//! **Belongs here:** processes and their lines. **Does not:** what the window shows (`controller`), Tauri (`shell`).
//!
//! A child stops when its stdin ends. So it also stops when this program is killed: none is left behind.

pub(crate) mod broadcast;
mod child;
pub(crate) mod server;

use std::path::PathBuf;
use std::process::ExitStatus;

/// Why a child can't serve. The message is for a person; `code` is what the page translates.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("{} is missing: build or install it beside this program", .0.display())]
    Missing(PathBuf),
    #[error("can't start {name}: {source}")]
    Start { name: &'static str, source: std::io::Error },
    #[error("{name} did not answer within {seconds} s: close the window and start again")]
    Silent { name: &'static str, seconds: u64 },
    #[error("{name} ended by itself ({status}): its own messages say why; start again")]
    Ended { name: &'static str, status: ExitStatus },
    #[error("{name} said what this version does not understand: install both from the same release")]
    Answer { name: &'static str },
    #[error("lost contact with {name}: {source}")]
    Lost { name: &'static str, source: std::io::Error },
}

impl Error {
    pub(crate) fn code(&self) -> &'static str {
        match self {
            Self::Missing(_) => "program_missing",
            Self::Start { .. } => "program_start",
            Self::Silent { .. } => "program_silent",
            Self::Ended { .. } => "program_ended",
            Self::Answer { .. } => "program_version",
            Self::Lost { .. } => "program_lost",
        }
    }
}

#[cfg(all(test, unix))]
mod tests;
