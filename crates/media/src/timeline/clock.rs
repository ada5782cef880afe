//! The publisher's milliseconds against the time of arrival.

use super::{Jump, Timeline};
use crate::Timestamp;

/// The publisher's milliseconds, shared by its tracks.
#[derive(Debug)]
pub(super) struct Clock {
    /// The newest raw timestamp.
    raw: u32,
    /// Its place on the session's clock.
    at: i64,
    /// The clock before the last jump: the other track may still be on it for a moment.
    before: Option<(u32, i64)>,
    lag: Lag,
}

/// How far the clock stays behind the time of arrival: the least of a minute, so that a network that stalls and bursts
/// doesn't count.
#[derive(Debug)]
struct Lag {
    since: i64,
    least: i64,
}

impl Clock {
    /// After a jump at least one frame has passed.
    const STEP_MS: i64 = 33;

    pub(super) fn new(raw: u32, base: i64, arrival: i64) -> Self {
        Self { raw, at: base, before: None, lag: Lag::new(arrival) }
    }

    /// Where a raw timestamp lies on the session's clock, and whether the clock broke before it.
    pub(super) fn place(&mut self, raw: u32, arrival: i64) -> (i64, Option<Jump>) {
        let delta = since(self.raw, raw);
        let to = self.at.saturating_add(delta);
        if (-Timeline::MAX_BEHIND_MS..=0).contains(&delta) {
            return (to, None);
        }
        let off = to.saturating_sub(arrival);
        if (1..=Timeline::MAX_AHEAD_MS).contains(&delta) || delta > 0 && off.abs() <= Timeline::MAX_AHEAD_MS {
            (self.raw, self.at) = (raw, to);
            let jump = self.lag.exceeds(arrival - to, arrival).map(|behind| self.catch_up(behind));
            return (self.at, jump);
        }
        if let Some((old, at)) = self.before {
            let delta = since(old, raw);
            if (-Timeline::MAX_BEHIND_MS..=Timeline::MAX_BEHIND_MS).contains(&delta) {
                return (at + delta, None);
            }
        }
        self.before = Some((self.raw, self.at));
        self.raw = raw;
        self.at = arrival.max(self.at + Self::STEP_MS);
        self.lag = Lag::new(arrival);
        (self.at, Some(Jump::By(Timestamp::millis(delta))))
    }

    fn catch_up(&mut self, behind: i64) -> Jump {
        self.at += behind;
        Jump::Behind(Timestamp::millis(behind))
    }
}

/// From one raw timestamp to another, the nearest way round: they wrap at 2^32 ms (49.7 days). FFmpeg's and OBS's FLV
/// writers keep the highest bit clear, so that theirs wrap at 2^31.
fn since(from: u32, to: u32) -> i64 {
    const HALF: u32 = 1 << 31;
    const NEAR: u32 = 60_000;
    let wrapped = (HALF - NEAR..HALF).contains(&from) && to < NEAR;
    let unwrapped = (HALF - NEAR..HALF).contains(&to) && from < NEAR;
    let (from, to) = (if unwrapped { from + HALF } else { from }, if wrapped { to + HALF } else { to });
    i64::from(to.wrapping_sub(from) as i32)
}

impl Lag {
    const SPAN_MS: i64 = 60_000;

    fn new(arrival: i64) -> Self {
        Self { since: arrival, least: i64::MAX }
    }

    /// The least lag of the minute that ends now, where it is too much.
    fn exceeds(&mut self, lag: i64, arrival: i64) -> Option<i64> {
        self.least = self.least.min(lag);
        if arrival - self.since < Self::SPAN_MS {
            return None;
        }
        let least = std::mem::replace(self, Self::new(arrival)).least;
        (least > Timeline::MAX_LAG_MS).then_some(least)
    }
}
