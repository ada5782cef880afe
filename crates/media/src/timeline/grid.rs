//! Pictures on their frame grid.

use crate::{Rational, Timescale, Timestamp};

/// Video on 90 kHz. Where the SPS names a frame rate, times within the rounding of a millisecond are put on its grid.
#[derive(Debug)]
pub(super) struct Grid {
    /// Ticks a frame, as a fraction.
    frame: Option<(i64, i64)>,
    anchor: Option<i64>,
    last: Option<i64>,
}

impl Grid {
    /// Behind what lies on the grid before it.
    pub(super) fn new(rate: Option<Rational>, before: Option<&Self>) -> Self {
        let hz = i64::from(Timescale::VIDEO.hz());
        let frame = rate.map(|rate| (i64::from(rate.den) * hz, i64::from(rate.num)));
        Self { frame, anchor: None, last: before.and_then(|grid| grid.last) }
    }

    pub(super) fn place(
        &mut self,
        ms: i64,
        offset: Timestamp,
        jumped: bool,
    ) -> Option<(Timestamp, Timestamp)> {
        let time = ms.checked_mul(90)?;
        if jumped {
            self.anchor = None;
        }
        let anchor = *self.anchor.get_or_insert(time);
        let mut dts = match self.snap(time - anchor) {
            Some(on_grid) => anchor + on_grid,
            None => {
                self.anchor = Some(time);
                time
            }
        };
        if let Some(last) = self.last {
            dts = dts.max(last + 1);
        }
        if dts < 0 {
            return None;
        }
        self.last = Some(dts);
        let offset = offset.rescale(Timescale::VIDEO).ticks;
        let offset = self.snap(offset).unwrap_or(offset);
        Some((Timestamp::new(dts, Timescale::VIDEO), Timestamp::new(offset, Timescale::VIDEO)))
    }

    /// The nearest multiple of a frame, where it is as near as rounding to milliseconds explains (twice half of one, and
    /// some for encoders that truncate).
    fn snap(&self, ticks: i64) -> Option<i64> {
        let (num, den) = self.frame?;
        let frames =
            (i128::from(ticks) * i128::from(den) * 2 + i128::from(num)).div_euclid(2 * i128::from(num));
        let on_grid = i64::try_from(frames * i128::from(num) / i128::from(den)).ok()?;
        ((ticks - on_grid).abs() <= 135.min(num / den / 4)).then_some(on_grid)
    }
}
