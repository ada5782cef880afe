//! The only place where this program reads a clock. Everything else gets a [`Clock`] handed in, so that a test can
//! start a server that believes it is later.

use std::time::{Duration, Instant, SystemTime};

/// The machine's clocks, or clocks that run ahead of them by a fixed time.
#[derive(Clone, Debug, Default)]
pub struct Clock {
    ahead: Duration,
}

impl Clock {
    /// The machine's own clocks.
    pub fn system() -> Self {
        Self::default()
    }

    /// Clocks that are `ahead` of the machine's: for tests of windows and deadlines.
    pub fn ahead_by(ahead: Duration) -> Self {
        Self { ahead }
    }

    /// Monotonic: for waits and deadlines.
    #[expect(clippy::disallowed_methods, reason = "this is the one place that may ask")]
    pub fn now(&self) -> Instant {
        Instant::now() + self.ahead
    }

    /// Wall clock: for what is stored and shown.
    #[expect(clippy::disallowed_methods, reason = "this is the one place that may ask")]
    pub fn wall(&self) -> SystemTime {
        SystemTime::now() + self.ahead
    }

    /// The same, as the API and the database write it.
    pub fn utc(&self) -> time::OffsetDateTime {
        self.wall().into()
    }
}
