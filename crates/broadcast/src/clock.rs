//! The one clock of a broadcast: every capture time, from whatever device, is told on it.
//!
//! **Belongs here:** asking the system for the time, and waiting. **Does not:** media time (frame number / fps).

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use media::{Timescale, Timestamp};

/// Nanoseconds since this broadcast began; monotonic.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    start: Instant,
}

impl Clock {
    /// A clock that stands at zero now.
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the clock")]
    pub fn start() -> Self {
        Self { start: Instant::now() }
    }

    /// Now, in nanoseconds since the start.
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the clock")]
    pub fn now(&self) -> Timestamp {
        Timestamp::of_duration(self.start.elapsed(), Timescale::NANOS)
    }

    /// Time since the Unix epoch, for the test card and for devices that stamp with it.
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the clock")]
    pub fn wall(&self) -> Duration {
        SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
    }

    /// How long until `at`; zero where it has passed.
    pub fn until(&self, at: Timestamp) -> Duration {
        at.minus(self.now()).to_duration().unwrap_or_default()
    }
}

/// A span in nanoseconds.
pub fn span(duration: Duration) -> Timestamp {
    Timestamp::of_duration(duration, Timescale::NANOS)
}
