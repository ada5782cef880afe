//! What of the source a worker must be given again that begins in the middle: from a key frame that all renditions have passed.
//!
//! ```text
//!   … K p p p p K p p p│p p    │: every rendition was given out up to here
//!               ╰─ kept ─╯
//! ```

use std::collections::VecDeque;

use media::{AccessUnit, Kind, Timestamp};

/// Units and bytes kept, at most: a longer GOP is begun in the middle of by nobody.
const MOST_UNITS: usize = 2_048;
const MOST_BYTES: usize = 32 << 20;
/// Sound goes on before and behind the pictures beside it.
const APART: Timestamp = Timestamp::millis(500);

/// The source's newest units, from a key frame on.
#[derive(Debug, Default)]
pub(super) struct Backlog {
    units: VecDeque<AccessUnit>,
    bytes: usize,
    /// There are pictures, and only they have key frames.
    pictures: bool,
}

impl Backlog {
    pub(super) fn new(pictures: bool) -> Self {
        Self { pictures, ..Self::default() }
    }

    /// One can begin with this unit.
    pub(super) fn leads(&self, unit: &AccessUnit) -> bool {
        unit.key && (unit.kind == Kind::Video || !self.pictures)
    }

    /// One more unit; every rendition was given out up to `given`.
    pub(super) fn push(&mut self, unit: AccessUnit, given: Option<Timestamp>) {
        if self.units.is_empty() && !self.leads(&unit) {
            return;
        }
        let leads = self.leads(&unit);
        self.bytes += unit.data.len();
        self.units.push_back(unit);
        if let (true, Some(given)) = (leads, given) {
            let passed = given.minus(APART);
            let first = self.units.iter().rposition(|unit| self.leads(unit) && unit.pts <= passed);
            self.drop_first(first.unwrap_or(0));
        }
        while self.units.len() > MOST_UNITS || self.bytes > MOST_BYTES {
            let next = (1..self.units.len()).find(|at| self.leads(&self.units[*at]));
            self.drop_first(next.unwrap_or(self.units.len()));
        }
    }

    fn drop_first(&mut self, count: usize) {
        self.bytes -= self.units.drain(..count).map(|unit| unit.data.len()).sum::<usize>();
    }

    pub(super) fn units(&self) -> impl Iterator<Item = &AccessUnit> {
        self.units.iter()
    }

    /// What was kept is of no use: another configuration, or another clock.
    pub(super) fn clear(&mut self) {
        (self.units, self.bytes) = Default::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unit(kind: Kind, ms: i64, key: bool, bytes: usize) -> AccessUnit {
        let dts = Timestamp::millis(ms);
        AccessUnit { kind, dts, pts: dts, key, data: vec![0; bytes].into() }
    }

    fn first(backlog: &Backlog) -> Option<i64> {
        backlog.units().next().map(|unit| unit.dts.as_millis())
    }

    #[test]
    fn from_the_last_key_frame_that_all_have_passed() {
        let mut backlog = Backlog::new(true);
        for n in 0..100 {
            let ms = n * 100;
            // The renditions are 1.2 s behind.
            let given = (ms > 1_200).then(|| Timestamp::millis(ms - 1_200));
            backlog.push(unit(Kind::Video, ms, n % 10 == 3, 1), given);
            backlog.push(unit(Kind::Audio, ms, true, 1), given);
        }
        // The newest key frame is at 9.3 s; they had come to 8.1 s by then, less what sound may be apart.
        assert_eq!(first(&backlog), Some(7_300));
        assert_eq!(backlog.units().last().map(|unit| unit.dts.as_millis()), Some(9_900));
    }

    #[test]
    fn sound_alone_begins_anywhere() {
        let mut backlog = Backlog::new(false);
        for n in 0..100 {
            backlog.push(unit(Kind::Audio, n * 20, true, 1), Some(Timestamp::millis(n * 20 - 100)));
        }
        assert_eq!(first(&backlog), Some(1_380));
    }

    #[test]
    fn a_gop_at_the_limit_and_beyond() {
        let mut backlog = Backlog::new(true);
        backlog.push(unit(Kind::Video, 0, true, 1), None);
        for n in 1..MOST_UNITS as i64 {
            backlog.push(unit(Kind::Video, n, false, 1), None);
        }
        assert_eq!(first(&backlog), Some(0));
        backlog.push(unit(Kind::Video, 5_000, false, 1), None);
        assert_eq!((first(&backlog), backlog.bytes), (None, 0));
        backlog.push(unit(Kind::Video, 6_000, true, MOST_BYTES - 1), None);
        backlog.push(unit(Kind::Video, 6_033, false, 1), None);
        assert_eq!(first(&backlog), Some(6_000));
        backlog.push(unit(Kind::Video, 6_066, true, 1), None);
        assert_eq!((first(&backlog), backlog.bytes), (Some(6_066), 1));
    }
}
