//! `[thumbnails]` in `sigma.toml`.

use std::time::Duration;

use anyhow::ensure;
use serde::Deserialize;

/// Small pictures of what is live.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields, default)]
pub struct Thumbnails {
    /// Seconds from one to the next, and from one tile of the storyboard to the next; 0: there are none.
    pub every_s: u32,
}

/// The most that `every_s` may be.
const LONGEST: u32 = 3_600;

impl Default for Thumbnails {
    fn default() -> Self {
        Self { every_s: 5 }
    }
}

impl Thumbnails {
    pub(super) fn check(self) -> anyhow::Result<()> {
        ensure!(
            self.every_s <= LONGEST,
            "thumbnails.every_s is {}: 0 to {LONGEST} are possible",
            self.every_s
        );
        Ok(())
    }

    /// `None`: there are none.
    pub(crate) fn every(self) -> Option<Duration> {
        (self.every_s > 0).then(|| Duration::from_secs(self.every_s.into()))
    }
}
