//! Time that carries its timescale.

use std::cmp::Ordering;
use std::fmt;
use std::num::NonZeroU32;
use std::time::Duration;

#[cfg(test)]
mod tests;

/// Ticks a second.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Timescale(NonZeroU32);

impl Timescale {
    /// RTMP and FLV count milliseconds.
    pub const MILLIS: Self = Self::constant(1_000);
    /// The clock of MPEG systems, and ours for every video track.
    pub const VIDEO: Self = Self::constant(90_000);
    /// Nanoseconds: wide enough for any device clock.
    pub const NANOS: Self = Self::constant(1_000_000_000);

    const fn constant(hz: u32) -> Self {
        match NonZeroU32::new(hz) {
            Some(hz) => Self(hz),
            None => Self(NonZeroU32::MIN),
        }
    }

    /// `None` where `hz` is 0.
    pub fn new(hz: u32) -> Option<Self> {
        NonZeroU32::new(hz).map(Self)
    }

    /// Ticks a second.
    pub fn hz(self) -> u32 {
        self.0.get()
    }
}

impl fmt::Debug for Timescale {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}Hz", self.0)
    }
}

/// A point on (or a distance along) a media timeline: `ticks / scale` seconds. Never wraps and never panics: arithmetic
/// saturates.
#[derive(Clone, Copy)]
pub struct Timestamp {
    /// May be negative: the DTS of B-frames often starts below zero.
    pub ticks: i64,
    /// What a tick is.
    pub scale: Timescale,
}

impl Timestamp {
    /// `ticks / scale` seconds.
    pub const fn new(ticks: i64, scale: Timescale) -> Self {
        Self { ticks, scale }
    }

    /// Milliseconds, as RTMP counts them.
    pub const fn millis(ms: i64) -> Self {
        Self::new(ms, Timescale::MILLIS)
    }

    /// The same moment in another timescale, rounded to its nearest tick.
    pub fn rescale(self, to: Timescale) -> Self {
        if self.scale == to {
            return self;
        }
        let (from, into) = (i128::from(self.scale.hz()), i128::from(to.hz()));
        let wide = i128::from(self.ticks) * into;
        let ticks = (wide + wide.signum() * (from / 2)) / from;
        Self::new(ticks.clamp(i64::MIN.into(), i64::MAX.into()) as i64, to)
    }

    /// Seconds, for people and playlists; not for sums.
    pub fn seconds(self) -> f64 {
        self.ticks as f64 / f64::from(self.scale.hz())
    }

    /// Whole milliseconds, rounded to the nearest.
    pub fn as_millis(self) -> i64 {
        self.rescale(Timescale::MILLIS).ticks
    }

    /// `None` where the moment lies before zero.
    pub fn to_duration(self) -> Option<Duration> {
        let nanos = self.rescale(Timescale::NANOS).ticks;
        u64::try_from(nanos).ok().map(Duration::from_nanos)
    }

    /// A duration in this timescale, rounded to the nearest tick.
    pub fn of_duration(d: Duration, scale: Timescale) -> Self {
        let nanos = i64::try_from(d.as_nanos()).unwrap_or(i64::MAX);
        Self::new(nanos, Timescale::NANOS).rescale(scale)
    }

    /// The sum, in the timescale of `self`.
    pub fn plus(self, other: Self) -> Self {
        Self::new(self.ticks.saturating_add(other.rescale(self.scale).ticks), self.scale)
    }

    /// The difference, in the timescale of `self`.
    pub fn minus(self, other: Self) -> Self {
        Self::new(self.ticks.saturating_sub(other.rescale(self.scale).ticks), self.scale)
    }
}

impl PartialEq for Timestamp {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}
impl Eq for Timestamp {}
impl PartialOrd for Timestamp {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Timestamp {
    fn cmp(&self, other: &Self) -> Ordering {
        let left = i128::from(self.ticks) * i128::from(other.scale.hz());
        let right = i128::from(other.ticks) * i128::from(self.scale.hz());
        left.cmp(&right)
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.6}s", self.seconds())
    }
}
