//! What a thread's viewers count, and the sum over the threads.

use std::collections::BTreeMap;
use std::time::Duration;

use hdrhistogram::Histogram;

/// What was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Multivariant,
    Playlist,
    Init,
    Part,
    Hint,
    Segment,
}

impl Kind {
    /// As reports name it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Multivariant => "multivariant",
            Self::Playlist => "playlist",
            Self::Init => "init",
            Self::Part => "part",
            Self::Hint => "hinted_part",
            Self::Segment => "segment",
        }
    }
}

/// Requests of a kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Count {
    pub requests: u64,
    pub failed: u64,
    /// Of bodies, as sent.
    pub bytes: u64,
}

/// Durations, to three digits, up to an hour.
#[derive(Clone)]
pub(super) struct Times(Option<Histogram<u64>>);

impl Times {
    pub(super) fn new() -> Self {
        // Valid bounds: there is no error to be had.
        Self(Histogram::new_with_bounds(1, 3_600_000_000, 3).ok())
    }

    pub(super) fn record(&mut self, time: Duration) {
        if let Some(histogram) = &mut self.0 {
            histogram.saturating_record(u64::try_from(time.as_micros()).unwrap_or(u64::MAX));
        }
    }

    fn add(&mut self, other: &Self) {
        if let (Some(mine), Some(other)) = (&mut self.0, &other.0) {
            mine.add(other).unwrap_or_default();
        }
    }

    pub(super) fn histogram(&self) -> Option<&Histogram<u64>> {
        self.0.as_ref().filter(|histogram| !histogram.is_empty())
    }
}

/// All that is counted.
#[derive(Clone)]
pub(super) struct Stats {
    /// First request to playing.
    pub join: Times,
    /// Wall clock less PROGRAM-DATE-TIME of what is shown.
    pub latency: Times,
    /// Request to last byte.
    pub part: Times,
    pub segment: Times,
    /// How much later than the first viewer of its thread one has a blocking reload's answer.
    pub reload: Times,
    /// Length of each stall.
    pub stall: Times,
    pub kinds: BTreeMap<Kind, Count>,
    pub statuses: BTreeMap<u16, u64>,
    /// Requests without an answer, by what went wrong.
    pub errors: BTreeMap<&'static str, u64>,
    pub started: u64,
    pub joined: u64,
    pub ended: u64,
    pub gave_up: u64,
    /// Viewers that stalled at all.
    pub stalled: u64,
    pub behind: u64,
    pub gaps: u64,
    active: u64,
    since: Duration,
    viewer_time: Duration,
}

/// Totals at one moment.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Mark {
    pub requests: u64,
    pub bytes: u64,
    pub viewer_time: Duration,
    pub active: u64,
    pub joined: u64,
    pub stalls: u64,
    pub failed: u64,
}

impl Stats {
    pub(super) fn new() -> Self {
        Self {
            join: Times::new(),
            latency: Times::new(),
            part: Times::new(),
            segment: Times::new(),
            reload: Times::new(),
            stall: Times::new(),
            kinds: BTreeMap::new(),
            statuses: BTreeMap::new(),
            errors: BTreeMap::new(),
            started: 0,
            joined: 0,
            ended: 0,
            gave_up: 0,
            stalled: 0,
            behind: 0,
            gaps: 0,
            active: 0,
            since: Duration::ZERO,
            viewer_time: Duration::ZERO,
        }
    }

    /// A viewer comes (`true`) or is through.
    pub(super) fn viewer(&mut self, comes: bool, now: Duration) {
        self.viewer_time = self.viewer_time(now);
        self.since = now;
        if comes {
            self.started += 1;
            self.active += 1;
        } else {
            self.active = self.active.saturating_sub(1);
        }
    }

    fn viewer_time(&self, now: Duration) -> Duration {
        let more = now.saturating_sub(self.since).as_secs_f64() * self.active as f64;
        self.viewer_time + Duration::try_from_secs_f64(more).unwrap_or_default()
    }

    pub(super) fn mark(&self, now: Duration) -> Mark {
        Mark {
            requests: self.kinds.values().map(|count| count.requests).sum(),
            bytes: self.kinds.values().map(|count| count.bytes).sum(),
            failed: self.kinds.values().map(|count| count.failed).sum(),
            viewer_time: self.viewer_time(now),
            active: self.active,
            joined: self.joined,
            stalls: self.stall.0.as_ref().map_or(0, Histogram::len),
        }
    }

    /// Takes another thread's figures in.
    pub(super) fn add(&mut self, other: &Self) {
        for (mine, other) in [
            (&mut self.join, &other.join),
            (&mut self.latency, &other.latency),
            (&mut self.part, &other.part),
            (&mut self.segment, &other.segment),
            (&mut self.reload, &other.reload),
            (&mut self.stall, &other.stall),
        ] {
            mine.add(other);
        }
        for (kind, count) in &other.kinds {
            let mine = self.kinds.entry(*kind).or_default();
            mine.requests += count.requests;
            mine.failed += count.failed;
            mine.bytes += count.bytes;
        }
        for (status, count) in &other.statuses {
            *self.statuses.entry(*status).or_default() += count;
        }
        for (error, count) in &other.errors {
            *self.errors.entry(error).or_default() += count;
        }
        self.started += other.started;
        self.joined += other.joined;
        self.ended += other.ended;
        self.gave_up += other.gave_up;
        self.stalled += other.stalled;
        self.behind += other.behind;
        self.gaps += other.gaps;
    }
}

impl Mark {
    /// What came between an earlier mark and this one; what is a state and no sum stays as it is.
    pub(super) fn since(self, before: Self) -> Self {
        Self {
            requests: self.requests.saturating_sub(before.requests),
            bytes: self.bytes.saturating_sub(before.bytes),
            viewer_time: self.viewer_time.saturating_sub(before.viewer_time),
            ..self
        }
    }

    /// The sum over threads.
    pub(super) fn and(self, other: Self) -> Self {
        Self {
            requests: self.requests + other.requests,
            bytes: self.bytes + other.bytes,
            failed: self.failed + other.failed,
            viewer_time: self.viewer_time + other.viewer_time,
            active: self.active + other.active,
            joined: self.joined + other.joined,
            stalls: self.stalls + other.stalls,
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn viewer_time_is_the_sum_over_viewers() {
        let mut stats = Stats::new();
        let at = Duration::from_secs;
        stats.viewer(true, at(1));
        stats.viewer(true, at(3));
        stats.viewer(false, at(4));
        assert_eq!(stats.mark(at(10)).viewer_time, at(2 + 2 + 6));
        let since = stats.mark(at(10)).since(stats.mark(at(4)));
        assert_eq!((since.viewer_time, since.active), (at(6), 1));
    }

    #[test]
    fn sums_over_threads() {
        let one = |time| {
            let mut stats = Stats::new();
            stats.part.record(Duration::from_millis(time));
            stats.kinds.entry(Kind::Part).or_default().requests = 2;
            stats.statuses.insert(200, 2);
            stats.errors.insert("timeout", 1);
            stats.joined = 1;
            stats
        };
        let mut sum = one(10);
        sum.add(&one(30));
        let parts = sum.part.histogram().unwrap();
        assert_eq!((parts.len(), parts.max() / 1_000), (2, 30));
        assert_eq!((sum.kinds[&Kind::Part].requests, sum.statuses[&200], sum.errors["timeout"]), (4, 4, 2));
        assert_eq!(sum.joined, 2);
    }
}
