//! Sound on the clock of its samples, in step with the pictures.
//!
//! A sound card counts samples by its own crystal, and its blocks arrive with jitter. So the first sample is anchored at
//! its capture time, and from there on time is the sample count. Where the two drift apart by more than a viewer may
//! hear against the picture, silence is put in, or sound left out, once.
//!
//! **Belongs here:** that arithmetic, on times that are given. **Does not:** devices, encoders.

use codec::Sound;
use media::{Timescale, Timestamp};

/// Drift that is set right when it stays: under the 45 ms at which lips are seen to be late (ITU-R BT.1359).
const DRIFT_MS: i64 = 40;
/// How long it must stay, so that a late delivery on a busy machine isn't taken for drift.
const PATIENCE_MS: i64 = 500;
/// A jump that is set right at once: samples were lost.
const JUMP_MS: i64 = 200;
/// Silence put in at one time, at most; a longer gap is filled by the blocks that follow.
const MOST_SILENCE_MS: i64 = 5_000;

/// Lays blocks of sound end to end from `origin` on.
#[derive(Debug)]
pub struct Aligner {
    origin: Timestamp,
    scale: Timescale,
    channels: usize,
    /// Sample times given out.
    count: i64,
    /// Sample times given out since the drift began, if there is one.
    drifting: Option<i64>,
    /// Sample times still to leave out.
    excess: i64,
    corrections: u64,
}

impl Aligner {
    /// Time zero of the stream is `origin` on the capture clock.
    pub fn new(origin: Timestamp, sample_rate: u32, channels: u8) -> Self {
        let scale = Timescale::new(sample_rate).unwrap_or(Timescale::MILLIS);
        Self {
            origin,
            scale,
            channels: usize::from(channels.max(1)),
            count: 0,
            drifting: None,
            excess: 0,
            corrections: 0,
        }
    }

    /// How often sound was put in or left out.
    pub fn corrections(&self) -> u64 {
        self.corrections
    }

    /// Sample times given out: the next sample stands at `origin` + this.
    pub fn count(&self) -> i64 {
        self.count
    }

    /// Takes a block as captured; gives interleaved samples that follow on what was given before.
    pub fn push(&mut self, sound: &Sound) -> Vec<i16> {
        let stands = sound.at.minus(self.origin).rescale(self.scale).ticks;
        let drift = stands.saturating_sub(self.count);
        let length = (sound.samples.len() / self.channels) as i64;
        if self.excess == 0 && (self.count == 0 || self.must_correct(drift, length)) {
            self.drifting = None;
            self.corrections += u64::from(self.count > 0);
            self.excess = -drift;
        }
        let samples = self.without_excess(&sound.samples, length);
        self.count += (samples.len() / self.channels) as i64;
        samples
    }

    fn must_correct(&mut self, drift: i64, length: i64) -> bool {
        let ms = |ms: i64| ms * i64::from(self.scale.hz()) / 1000;
        if drift.abs() <= ms(DRIFT_MS) {
            self.drifting = None;
            return false;
        }
        let since = self.drifting.unwrap_or(0) + length;
        self.drifting = Some(since);
        drift.abs() > ms(JUMP_MS) || since > ms(PATIENCE_MS)
    }

    /// The block without its beginning, as far as there is too much; behind silence, where there is too little.
    fn without_excess(&mut self, samples: &[i16], length: i64) -> Vec<i16> {
        let excess = std::mem::take(&mut self.excess);
        if excess >= 0 {
            let left_out = excess.min(length);
            self.excess = excess - left_out;
            return samples.get(left_out as usize * self.channels..).unwrap_or_default().to_vec();
        }
        let most = MOST_SILENCE_MS * i64::from(self.scale.hz()) / 1000;
        let mut filled = vec![0; excess.unsigned_abs().min(most.unsigned_abs()) as usize * self.channels];
        filled.extend_from_slice(samples);
        filled
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: usize = 48;

    /// A 10 ms block of ones at `ms`.
    fn block(ms: i64) -> Sound {
        Sound { at: Timestamp::millis(ms), sample_rate: 48_000, channels: 1, samples: vec![1; 10 * MS] }
    }

    fn aligner(origin_ms: i64) -> Aligner {
        Aligner::new(Timestamp::millis(origin_ms), 48_000, 1)
    }

    #[test]
    fn the_first_block_is_anchored() {
        // Capture time of the block, samples of silence before it, samples of it.
        for (ms, silence, sound) in
            [(100, 0, 480), (103, 3 * 48, 480), (94, 0, 4 * 48), (90, 0, 0), (50, 0, 0)]
        {
            let samples = aligner(100).push(&block(ms));
            assert_eq!(samples.iter().filter(|&&s| s == 0).count(), silence, "{ms}");
            assert_eq!(samples.iter().filter(|&&s| s == 1).count(), sound, "{ms}");
        }
    }

    #[test]
    fn jitter_changes_nothing() {
        let mut aligner = aligner(0);
        for i in 0..1000 {
            let jitter = if i % 3 == 0 { 35 } else { -35 };
            assert_eq!(aligner.push(&block(i * 10 + if i == 0 { 0 } else { jitter })).len(), 480);
        }
        assert_eq!((aligner.count(), aligner.corrections()), (480_000, 0));
    }

    #[test]
    fn drift_is_set_right_once() {
        for (drift, expect) in
            [(41, 480_000 + 41 * 48), (-41, 480_000 - 41 * 48), (40, 480_000), (-40, 480_000)]
        {
            let mut aligner = aligner(0);
            aligner.push(&block(0));
            for i in 1..1000 {
                aligner.push(&block(i * 10 + drift));
            }
            assert_eq!(aligner.count(), expect, "{drift}");
        }
    }

    #[test]
    fn lost_samples_become_silence_at_once() {
        let mut aligner = aligner(0);
        aligner.push(&block(0));
        assert_eq!(aligner.push(&block(10 + 300)).len(), 300 * MS + 480);
        assert_eq!(aligner.corrections(), 1);
        assert_eq!(aligner.push(&block(20 + 300)).len(), 480);
    }

    #[test]
    fn a_long_gap_is_filled_in_pieces() {
        let mut aligner = aligner(0);
        aligner.push(&block(0));
        assert_eq!(aligner.push(&block(60_000)).len(), 5_000 * MS + 480);
    }
}
