//! How often a publisher may break its timeline: each break costs initialisation segments, segments and journal files.

use std::time::{Duration, Instant};

/// Breaks at once; then one a second.
const MOST: u32 = 64;
const EACH: Duration = Duration::from_secs(1);

/// Counts one publisher's.
#[derive(Debug)]
pub(super) struct Breaks {
    spent: u32,
    since: Instant,
}

impl Breaks {
    pub(super) fn new(now: Instant) -> Self {
        Self { spent: 0, since: now }
    }

    /// `count` more. False where that is too many.
    pub(super) fn allow(&mut self, count: u32, now: Instant) -> bool {
        let back = now.saturating_duration_since(self.since).as_secs().min(u64::from(self.spent)) as u32;
        self.spent -= back;
        self.since = if self.spent == 0 { now } else { self.since + EACH * back };
        self.spent = self.spent.saturating_add(count);
        self.spent <= MOST
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn so_many_at_once_and_one_a_second() {
        let now = crate::clock::Clock::system().now();
        let mut breaks = Breaks::new(now);
        assert!(breaks.allow(MOST, now));
        assert!(!breaks.allow(1, now));
        let later = now + Duration::from_secs(2);
        assert!(breaks.allow(1, later));
        assert!(!breaks.allow(1, later));
        let mut slow = Breaks::new(now);
        assert!((1..1000).all(|second| slow.allow(1, now + EACH * second)));
    }
}
