//! The journal on disk: `DIR/sessions/{session}/{rendition}/{first msn}.m4s`, parts appended as they complete; from 2³¹ on
//! what came too late to be shown.
//!
//! **Belongs here:** the one thread that writes, what is kept, repair after a crash, reading back by part, segment or whole session.
//! **Does not:** the format of a file (`hls::journal`), when a file begins (`hls::journal::Log`), HTTP.

mod health;
mod keep;
mod read;
mod recorder;
mod recording;
mod repair;
#[cfg(test)]
mod tests;
mod track;
mod write;

pub(crate) use health::Trouble;
pub(crate) use read::{Files, Library, Track, Wanted};
pub(crate) use recorder::{Context, Recorder};
pub(crate) use recording::{Recording, Rendition};
pub(crate) use repair::{Found, repair};
pub(crate) use track::track;
pub(crate) use write::Writer;

use std::path::{Path, PathBuf};

use hls::recording::Cuts;
use live::recording::Least;

/// Where a rendition's files are.
pub(crate) fn folder(root: &Path, session: &str, rendition: &str) -> PathBuf {
    root.join(session).join(rendition)
}

/// Says that a session's files are only its window: when it is over, they go.
const WINDOW_ONLY: &str = "window-only";

fn mark(session: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(session)?;
    std::fs::write(session.join(WINDOW_ONLY), "")
}

/// Says what a session's recordings must reach.
const LEAST: &str = "least";

fn write_least(session: &Path, least: Least) -> std::io::Result<()> {
    std::fs::create_dir_all(session)?;
    std::fs::write(session.join(LEAST), least.to_string())
}

/// What a session's recordings must reach.
fn least(session: &Path) -> Least {
    let text = std::fs::read_to_string(session.join(LEAST)).unwrap_or_default();
    text.parse().unwrap_or_default()
}

/// Says where a session's recordings were closed: a line each.
const CUTS: &str = "cuts";

fn add_cut(session: &Path, msn: u64, next: bool) -> std::io::Result<()> {
    use std::io::Write as _;
    std::fs::create_dir_all(session)?;
    let mut file = std::fs::File::options().create(true).append(true).open(session.join(CUTS))?;
    writeln!(file, "{} {msn}", if next { NEXT } else { END })
}

const NEXT: &str = "next";
const END: &str = "end";

/// Where a session's recordings were closed. A torn line says nothing.
pub(crate) fn cuts(session: &Path) -> Cuts {
    let text = std::fs::read_to_string(session.join(CUTS)).unwrap_or_default();
    let mut cuts = Cuts::default();
    for (word, msn) in text.split_inclusive('\n').filter_map(|line| line.strip_suffix('\n')?.split_once(' '))
    {
        let Ok(msn) = msn.parse() else { continue };
        match word {
            NEXT => cuts.at.push(msn),
            END => cuts.end = Some(msn),
            _ => {}
        }
    }
    cuts
}

/// A session's files are only its window.
pub(crate) fn window_only(session: &Path) -> bool {
    session.join(WINDOW_ONLY).exists()
}
