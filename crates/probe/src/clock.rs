//! The one place where the probe reads the clock: observations carry the time since its start.

use std::time::{Duration, Instant, SystemTime};

/// A clock that began when it was made. Copies tell the same time.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    start: Instant,
    wall: SystemTime,
}

impl Clock {
    /// Starts at zero.
    #[expect(clippy::disallowed_methods, reason = "the program's one reader of the clock")]
    pub fn start() -> Self {
        Self { start: Instant::now(), wall: SystemTime::now() }
    }

    /// Time since the start, monotonic.
    #[expect(clippy::disallowed_methods, reason = "the program's one reader of the clock")]
    pub fn now(&self) -> Duration {
        self.start.elapsed()
    }

    /// The wall clock (since 1970, UTC) at zero: add a time of [`Clock::now`] to compare with PROGRAM-DATE-TIME.
    pub fn wall_at_start(&self) -> Duration {
        self.wall.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default()
    }
}
