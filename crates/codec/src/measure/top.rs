//! Where the top of a wave was cut off.
//!
//! Near its peak a wave is a parabola: of one that passes a line `rise` a sample and comes back after `length` samples the peak
//! is `rise * length / 4` above that line. One that stays far under this was cut off, however an encoder has rounded and
//! tilted what is left: some give flat tops back at 0.93.

/// The line.
const NEAR: f32 = 0.8;
/// A 16-bit player has nothing above this.
const FULL: f32 = 32_767.0 / 32_768.0;
/// Fewer samples tell nothing of a shape.
const LEAST: u32 = 4;
/// So many times as high it should be.
const FLAT: f32 = 2.2;
/// What is hardly above the line is taken to be so high above it.
const HEIGHT: f32 = 0.1;

/// A channel's newest samples.
#[derive(Clone, Debug, Default)]
pub(super) struct Top {
    before: f32,
    /// Samples beyond the line by now, on this side of zero; 0: none.
    length: u32,
    rise: f32,
    most: f32,
    /// Of them, above full scale.
    over: u32,
}

impl Top {
    /// How many samples are known to be cut off after these.
    pub(super) fn clipped(&mut self, samples: &[f32]) -> u32 {
        let loud = samples.iter().any(|sample| sample.abs() >= NEAR);
        let mut clipped = 0;
        if loud || self.length > 0 {
            for sample in samples {
                clipped += self.sample(*sample);
            }
        }
        self.before = samples.last().copied().unwrap_or(self.before);
        clipped
    }

    fn sample(&mut self, sample: f32) -> u32 {
        let mut clipped = 0;
        let goes_on = self.length > 0 && sample.abs() >= NEAR && sample * self.before > 0.0;
        if self.length > 0 && !goes_on {
            clipped = self.end();
        }
        if sample.abs() >= NEAR {
            if self.length == 0 {
                (self.rise, self.most) = ((sample - self.before).abs(), 0.0);
            }
            self.length += 1;
            self.most = self.most.max(sample.abs());
            self.over += u32::from(sample.abs() >= FULL);
        }
        self.before = sample;
        clipped
    }

    fn end(&mut self) -> u32 {
        let (length, over) = (std::mem::take(&mut self.length), std::mem::take(&mut self.over));
        let expected = self.rise * length as f32 / 4.0;
        let flat = length >= LEAST && expected > FLAT * (self.most - NEAR).max(HEIGHT);
        if flat { length } else { over }
    }
}
