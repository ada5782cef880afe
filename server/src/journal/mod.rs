//! The journal on disk: `DIR/sessions/{session}/{rendition}/{first msn}.m4s`, parts appended as they complete; in `late/`
//! beside them what came too late to be shown.
//!
//! **Belongs here:** the one thread that writes, repair after a crash, reading back by part, segment or whole session.
//! **Does not:** the format of a file (`hls::journal`), when a file begins (`hls::journal::Log`), HTTP.

mod read;
mod repair;
#[cfg(test)]
mod tests;
mod track;
mod write;

pub(crate) use read::{Files, Library, Located};
pub(crate) use repair::{Found, repair};
pub(crate) use track::track;
pub(crate) use write::{Context, Recorder, Trouble, Writer};

use std::path::{Path, PathBuf};

/// Where a rendition's files are.
pub(crate) fn folder(root: &Path, session: &str, rendition: &str) -> PathBuf {
    root.join(session).join(rendition)
}

/// Where what came late of the rendition in this folder is.
fn late(folder: &Path) -> PathBuf {
    folder.join("late")
}
