//! Thumbnails and storyboards: the newest small picture of each session, and sheets of all of them.
//!
//! ```text
//!   transcode worker ─▶ channel ─▶ Album: memory ─▶ DIR/sessions/{session}/stills/ ─▶ deliver
//! ```
//!
//! **Belongs here:** what is kept of them, its files, the WebVTT. **Does not:** pixels (the transcode worker), who may see them
//! (`deliver`).
//!
//! A session's `stills` folder has `{sheet}.jpg`, `thumbnail.jpg`, `thumbnail.webp`, and `tiles`: a line for each tile, with the
//! number of its sheet, its place there, when it is shown (ms on the session's clock), and its width and height.

mod album;
mod disk;
pub(crate) mod vtt;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

pub(crate) use album::{Album, Image, Sheet};
pub(crate) use disk::{Kept, load, sheet, thumbnail};

/// The folder beside a session's renditions.
pub(crate) const FOLDER: &str = "stills";

/// Of the sessions that run or ended a moment ago; clones share them.
#[derive(Clone)]
pub(crate) struct Albums(Arc<Inner>);

struct Inner {
    every: Option<Duration>,
    root: PathBuf,
    reserve: u64,
    albums: Mutex<HashMap<String, Arc<Album>>>,
}

impl Albums {
    /// Under the sessions folder. `every`: from one thumbnail to the next; `None`: there are none. `reserve`: bytes of the
    /// disk that stay free.
    pub(crate) fn new(root: &Path, every: Option<Duration>, reserve: u64) -> Self {
        Self(Arc::new(Inner { every, root: root.to_owned(), reserve, albums: Mutex::default() }))
    }

    fn albums(&self) -> MutexGuard<'_, HashMap<String, Arc<Album>>> {
        self.0.albums.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How often there is one.
    pub(crate) fn every(&self) -> Option<Duration> {
        self.0.every
    }

    /// A session's, begun or gone on with. `journaled`: it has files. `window`: older than that need not be kept.
    pub(crate) fn open(&self, session: &str, journaled: bool, window: Option<Duration>) -> Arc<Album> {
        if let Some(album) = self.albums().get(session) {
            return Arc::clone(album);
        }
        let folder = journaled.then(|| folder(&self.0.root, session));
        let every = self.0.every.unwrap_or_default();
        let album = Arc::new(Album::open(folder, every, window, self.0.reserve));
        Arc::clone(self.albums().entry(session.to_owned()).or_insert(album))
    }

    /// A session's that runs or ended a moment ago.
    pub(crate) fn get(&self, session: &str) -> Option<Arc<Album>> {
        self.albums().get(session).cloned()
    }

    /// Nobody asks for it in memory any more.
    pub(crate) fn close(&self, session: &str) {
        self.albums().remove(session);
    }
}

/// Where a session's are.
pub(crate) fn folder(root: &Path, session: &str) -> PathBuf {
    root.join(session).join(FOLDER)
}
