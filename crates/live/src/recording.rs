//! Which recordings are published.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// What a recording must have reached. Its text is how it is kept beside the recording.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Least {
    /// It lasts so long.
    pub duration: Duration,
    /// It has so many bytes.
    pub bytes: u64,
}

impl Least {
    /// Whether a recording has.
    pub fn reached(self, duration: Duration, bytes: u64) -> bool {
        duration >= self.duration && bytes >= self.bytes
    }
}

impl fmt::Display for Least {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ms, {} bytes", self.duration.as_millis(), self.bytes)
    }
}

impl FromStr for Least {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (ms, bytes) = text.trim().strip_suffix(" bytes").and_then(|t| t.split_once(" ms, ")).ok_or(())?;
        let duration = Duration::from_millis(ms.parse().map_err(|_| ())?);
        Ok(Self { duration, bytes: bytes.parse().map_err(|_| ())? })
    }
}

/// Where a recording is closed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Most {
    /// It lasts so long.
    pub duration: Option<Duration>,
    /// It has so many bytes.
    pub bytes: Option<u64>,
    /// Then the next one begins.
    pub next: bool,
}

/// Counts a session's media up to where its recording is closed.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counter {
    most: Most,
    /// The recording begins there.
    since: Option<Duration>,
    bytes: u64,
    closed: bool,
}

/// The recording is closed before this segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Close {
    /// The next one begins with it.
    pub next: bool,
}

impl Counter {
    /// Nothing is counted yet.
    pub fn new(most: Most) -> Self {
        Self { most, ..Self::default() }
    }

    /// A segment begins, so far from the session's beginning.
    pub fn segment(&mut self, at: Duration) -> Option<Close> {
        let since = *self.since.get_or_insert(at);
        let Most { duration, bytes, next } = self.most;
        let long = duration.is_some_and(|most| at.saturating_sub(since) >= most);
        let large = bytes.is_some_and(|most| self.bytes >= most);
        if self.closed || !(long || large) {
            return None;
        }
        (self.since, self.bytes, self.closed) = (Some(at), 0, !next);
        Some(Close { next })
    }

    /// So much of it was recorded.
    pub fn count(&mut self, bytes: u64) {
        self.bytes = self.bytes.saturating_add(bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn at_the_minimum_and_one_below() {
        let least = Least { duration: Duration::from_secs(8), bytes: 1000 };
        let ms = Duration::from_millis;
        for (duration, bytes, reached) in
            [(ms(8000), 1000, true), (ms(7999), 1000, false), (ms(8000), 999, false), (ms(9000), 5000, true)]
        {
            assert_eq!(least.reached(duration, bytes), reached, "{duration:?} {bytes}");
        }
        assert!(Least::default().reached(ms(0), 0));
    }

    #[test]
    fn it_is_closed_with_the_segment_that_reaches_the_maximum() {
        let closes = |most: Most, bytes: u64| -> Vec<u64> {
            let mut counter = Counter::new(most);
            let segments = 5..30u64;
            let closed = |s: &u64| {
                let closes = counter.segment(Duration::from_secs(*s));
                counter.count(bytes);
                closes.is_some_and(|close| close.next == most.next)
            };
            segments.filter(closed).collect()
        };
        let ten = Some(Duration::from_secs(10));
        let nothing = Most::default();
        assert_eq!(closes(nothing, 9), Vec::<u64>::new());
        assert_eq!(closes(Most { duration: ten, ..nothing }, 9), [15]);
        assert_eq!(closes(Most { duration: ten, next: true, ..nothing }, 9), [15, 25]);
        assert_eq!(closes(Most { duration: ten.map(|d| d + Duration::from_millis(1)), ..nothing }, 9), [16]);
        assert_eq!(closes(Most { bytes: Some(63), next: true, ..nothing }, 9), [12, 19, 26]);
        assert_eq!(closes(Most { bytes: Some(64), ..nothing }, 9), [13]);
    }

    #[test]
    fn it_is_read_as_it_was_written() {
        let least = Least { duration: Duration::from_millis(1500), bytes: u64::MAX };
        assert_eq!((least.to_string().parse(), "8 s".parse::<Least>()), (Ok(least), Err(())));
    }
}
