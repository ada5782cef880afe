//! Sound on its sample count.

use crate::{Timescale, Timestamp, aac};

/// A frame is 1024 samples, whatever its millisecond says, until the two disagree for good: a lost frame leaves its gap at
/// once, and a sound card whose clock runs apart from the timestamps is led back a few samples a frame, so that sound and
/// picture stay together however long the session.
#[derive(Debug)]
pub(super) struct Samples {
    scale: Timescale,
    next: Option<i64>,
    /// Where the timestamps lie ahead of the samples, smoothed: milliseconds round, encoders jitter.
    error: i64,
    /// Being led back.
    leading: bool,
    meter: Meter,
}

impl Samples {
    /// A lost frame shows, rounding and jitter don't.
    const TOLERANCE_MS: i64 = 40;
    /// From here on sound is led back, up to here.
    const FROM_MS: i64 = 15;
    const TO_MS: i64 = 2;
    /// Lip sync is lost: it is led back faster.
    const HURRY_MS: i64 = 100;
    /// The error is that of so many frames.
    const SMOOTH: i64 = 32;

    /// Behind what `before` has given.
    pub(super) fn new(scale: Timescale, before: Option<&Self>) -> Self {
        let next =
            before.and_then(|before| Some(Timestamp::new(before.next?, before.scale).rescale(scale).ticks));
        Self { scale, next, error: 0, leading: false, meter: Meter::default() }
    }

    pub(super) fn scale(&self) -> Timescale {
        self.scale
    }

    pub(super) fn place(&mut self, ms: i64, jumped: bool) -> Option<Timestamp> {
        let frame = i64::from(aac::Config::FRAME);
        let time = Timestamp::millis(ms).rescale(self.scale).ticks;
        let dts = match self.next {
            Some(next) if !(jumped && time > next || self.lost(time - next)) => next + self.lead(time - next),
            before => {
                (self.error, self.leading) = (0, false);
                // A sample rate that is wrong altogether loses a little again and again.
                let little = |gap: &i64| (0..self.ticks(Self::HURRY_MS)).contains(gap);
                let gap = before.filter(|_| !jumped).map(|next| time - next).filter(little);
                self.meter.add(gap.unwrap_or(0));
                time
            }
        };
        if dts < 0 {
            return None;
        }
        self.next = Some(dts + frame);
        Some(Timestamp::new(dts, self.scale))
    }

    /// What to say of the sound's clock, once a while.
    pub(super) fn drift(&mut self) -> Option<f64> {
        self.meter.take(self.scale)
    }

    /// Sound is missing: the error came at once.
    fn lost(&self, error: i64) -> bool {
        error > self.ticks(Self::TOLERANCE_MS) && error - self.error > self.ticks(Self::FROM_MS)
    }

    /// How much longer or shorter than its samples the frame before is made.
    fn lead(&mut self, error: i64) -> i64 {
        self.error += (error - self.error) / Self::SMOOTH;
        let far = self.error.abs();
        self.leading = far > self.ticks(if self.leading { Self::TO_MS } else { Self::FROM_MS });
        let frame = i64::from(aac::Config::FRAME);
        let most = match (self.leading, far > self.ticks(Self::HURRY_MS)) {
            (false, _) => 0,
            (true, false) => frame / 64,
            (true, true) => frame / 8,
        };
        let lead = self.error.clamp(-most, most);
        self.error -= lead;
        self.meter.add(lead);
        lead
    }

    fn ticks(&self, ms: i64) -> i64 {
        ms * i64::from(self.scale.hz()) / 1_000
    }
}

/// What leading the sound back amounts to, in spans of so many frames.
#[derive(Debug, Default)]
struct Meter {
    frames: i64,
    led: i64,
    /// What the span before had.
    before: Option<i64>,
}

impl Meter {
    const SPAN_S: i64 = 20;
    /// Sound cards are good to a tenth of this.
    const WORTH_TELLING: f64 = 0.1;

    fn add(&mut self, led: i64) {
        self.frames += 1;
        self.led += led;
    }

    /// Two spans in a row that were led the same way are no accident.
    fn take(&mut self, scale: Timescale) -> Option<f64> {
        let samples = self.frames * i64::from(aac::Config::FRAME);
        if samples < Self::SPAN_S * i64::from(scale.hz()) {
            return None;
        }
        let percent = |led: i64| -100.0 * led as f64 / samples as f64;
        let (now, before) = (percent(self.led), self.before.map(percent));
        *self = Self { before: Some(self.led), ..Self::default() };
        let worth = |percent: f64| percent.abs() >= Self::WORTH_TELLING;
        before.filter(|before| worth(*before) && worth(now) && before.signum() == now.signum()).map(|_| now)
    }
}
