//! What a rendition's writes have met: told by the writing thread, asked by the recorder.

use std::ops::Range;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Shared by both.
#[derive(Debug, Default)]
pub(super) struct Health(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// The segment that could not be written, and why.
    failed: Option<(u64, String)>,
    /// The newest segment that something of was written.
    wrote: Option<u64>,
    /// It has been said in the log.
    said: bool,
}

/// Why media did not get into the journal.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Trouble {
    /// The disk said no.
    #[error("the recording can't be written: {0}. What is live goes on; free some space or check the disk")]
    Disk(String),
    /// The disk is too slow.
    #[error("the disk can't keep up: {0} parts are missing in the recording. What is live goes on")]
    Slow(u64),
}

impl Health {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn fail(&self, folder: &Path, msn: u64, error: &std::io::Error) {
        let mut state = self.state();
        if !std::mem::replace(&mut state.said, true) {
            tracing::error!("can't write the journal in {}: {error}", folder.display());
        }
        state.failed.get_or_insert_with(|| (msn, error.to_string()));
    }

    pub(super) fn wrote(&self, msn: u64) {
        let mut state = self.state();
        state.wrote = Some(msn);
        state.said = false;
    }

    /// Once for each failure: from which segment on, and why.
    pub(super) fn take(&self) -> Option<(u64, String)> {
        self.state().failed.take()
    }

    /// The newest segment that something of was written.
    pub(super) fn newest(&self) -> Option<u64> {
        self.state().wrote
    }
}

/// What is missing, and since when.
#[derive(Clone, Debug, Default)]
pub(super) struct Losses {
    /// Not yet asked for.
    pub(super) fresh: Option<Range<u64>>,
    /// The last segment that is missing.
    pub(super) until: Option<u64>,
}

impl Losses {
    pub(super) fn add(&mut self, msns: Range<u64>) {
        self.until = Some(self.until.unwrap_or(0).max(msns.end.saturating_sub(1)));
        self.fresh = Some(match self.fresh.take() {
            Some(fresh) => fresh.start.min(msns.start)..fresh.end.max(msns.end),
            None => msns,
        });
    }
}
