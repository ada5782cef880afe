//! What is shown while the publisher is silent: a still picture and silence, a few units of each, again and again under
//! new timestamps.
//!
//! **Belongs here:** the units and the time of each. **Does not:** making them (a transcode worker does), when they are shown
//! (`live` decides).

use bytes::Bytes;
use media::{AccessUnit, Rational, Timestamp, Track};

/// Units of one track, to be repeated: coded in the order they are shown, the first of them a key frame.
#[derive(Clone, Debug, PartialEq)]
pub struct Loop {
    track: Track,
    units: Vec<(bool, Bytes)>,
    /// Units a second.
    rate: Rational,
    start: Timestamp,
    shown: u64,
}

/// By rendition, in the presentation's order; `None` where there is nothing to show.
pub type Slate = Vec<Option<Loop>>;

impl Loop {
    /// Units that are decoding starts where the first value is true; `None` where the first is not, or `rate` is 0.
    pub fn new(track: Track, units: Vec<(bool, Bytes)>, rate: Rational) -> Option<Self> {
        let starts = units.first().is_some_and(|(key, _)| *key);
        let start = Timestamp::new(0, track.scale);
        (starts && rate.num > 0 && rate.den > 0).then_some(Self { track, units, rate, start, shown: 0 })
    }

    /// What it is coded as.
    pub fn track(&self) -> &Track {
        &self.track
    }

    /// The next unit is shown at `start`; the loop begins anew.
    pub(crate) fn begin(&mut self, start: Timestamp) {
        (self.start, self.shown) = (start.rescale(self.track.scale), 0);
    }

    /// When the next unit is shown: where what came so far ends.
    pub fn next_at(&self) -> Timestamp {
        self.at(self.shown)
    }

    /// The next unit, where it ends by `to`.
    pub(crate) fn next(&mut self, to: Timestamp) -> Option<AccessUnit> {
        let at = self.next_at();
        if self.at(self.shown + 1) > to {
            return None;
        }
        let number = self.shown % self.units.len() as u64;
        let (key, data) = self.units.get(number as usize)?;
        self.shown += 1;
        Some(AccessUnit { kind: self.track.kind, dts: at, pts: at, key: *key, data: data.clone() })
    }

    fn at(&self, number: u64) -> Timestamp {
        let ticks = i128::from(number) * i128::from(self.track.scale.hz()) * i128::from(self.rate.den)
            / i128::from(self.rate.num);
        self.start.plus(Timestamp::new(i64::try_from(ticks).unwrap_or(i64::MAX), self.track.scale))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::presentation::tests::video_track;

    #[test]
    fn units_come_again_on_time() {
        let units = vec![(true, Bytes::from_static(b"I")), (false, Bytes::from_static(b"P"))];
        let ntsc = Rational { num: 30_000, den: 1_001 };
        let mut slate = Loop::new(video_track(), units.clone(), ntsc).unwrap();
        slate.begin(Timestamp::millis(1_000));
        let mut came = Vec::new();
        while let Some(unit) = slate.next(Timestamp::millis(1_170)) {
            came.push((unit.dts.ticks - 90_000, unit.key, unit.data));
        }
        let (key, other) = (&units[0].1, &units[1].1);
        assert_eq!(
            came,
            [
                (0, true, key.clone()),
                (3_003, false, other.clone()),
                (6_006, true, key.clone()),
                (9_009, false, other.clone()),
                (12_012, true, key.clone())
            ]
        );
        assert_eq!(slate.next_at().ticks, 90_000 + 15_015);
    }

    #[test]
    fn what_can_not_begin_is_refused() {
        let key = (true, Bytes::new());
        let rate = Rational { num: 30, den: 1 };
        assert!(Loop::new(video_track(), vec![], rate).is_none());
        assert!(Loop::new(video_track(), vec![(false, Bytes::new())], rate).is_none());
        assert!(Loop::new(video_track(), vec![key.clone()], Rational { num: 0, den: 1 }).is_none());
        assert!(Loop::new(video_track(), vec![key], rate).is_some());
    }
}
