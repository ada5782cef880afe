//! One continuous clock out of what publishers send. What is done about a jump is decided elsewhere.

use crate::{AccessUnit, CodecConfig, Kind, Timescale, Timestamp, Track, aac};

#[cfg(test)]
mod tests;

/// Puts what a publisher sent onto one continuous clock: unwraps 32-bit milliseconds, starts at a base, puts sound on its
/// sample count and pictures on their frame grid (FLV rounds both to milliseconds), and says out loud where the clock jumps.
///
/// Times that come out are in each track's own scale and count from the session's epoch, so that PROGRAM-DATE-TIME is
/// epoch + time, always. DTS rise strictly within a track.
#[derive(Debug)]
pub struct Timeline {
    base: Timestamp,
    clock: Option<Clock>,
    video: Option<Grid>,
    audio: Option<Samples>,
}

/// A unit on the session's clock.
#[derive(Clone, Debug, PartialEq)]
pub struct Settled {
    /// Times in the scale of its track.
    pub unit: AccessUnit,
    /// The publisher's clock jumped before this unit, by so much forwards or back: DISCONTINUITY.
    pub jump: Option<Timestamp>,
}

impl Timeline {
    /// Where a session's first unit stands: sound that comes late by up to this much, with earlier timestamps, still lies
    /// after the epoch.
    pub const LEAD: Timestamp = Timestamp::new(1_000, Timescale::MILLIS);
    /// A clock that runs ahead by more than this has jumped.
    pub const MAX_AHEAD_MS: i64 = 5_000;
    /// A clock that falls back by more than this has jumped: wider than any interleaving of sound and picture.
    pub const MAX_BEHIND_MS: i64 = 2_000;

    /// A publisher whose first unit stands at `base`, time since the session's epoch: [`Timeline::LEAD`] for the first
    /// publisher of a session, the time of arrival for one that returns.
    pub fn new(base: Timestamp) -> Self {
        Self { base: base.rescale(Timescale::MILLIS), clock: None, video: None, audio: None }
    }

    /// The track (or its new configuration) that following units of its kind belong to.
    pub fn track(&mut self, track: &Track) {
        match &track.config {
            CodecConfig::Avc(config) => {
                let frame =
                    config.frame_rate.map(|r| (i64::from(r.den) * i64::from(VIDEO_HZ), i64::from(r.num)));
                let last = self.video.as_ref().and_then(|g| g.last);
                self.video = Some(Grid { frame, anchor: None, last });
            }
            CodecConfig::Aac(_) if self.audio.as_ref().is_some_and(|a| a.scale == track.scale) => {}
            CodecConfig::Aac(_) => self.audio = Some(Samples { scale: track.scale, next: None }),
        }
    }

    /// Takes a unit as the demuxer gave it (milliseconds modulo 2^32) and the time of its arrival since the epoch, which is
    /// where the clock goes on after a jump. `None` where the unit's track isn't known, or where it lies before the epoch.
    pub fn push(&mut self, unit: AccessUnit, arrival: Timestamp) -> Option<Settled> {
        let offset = unit.pts.minus(unit.dts);
        let raw = unit.dts.as_millis() as u32;
        let base = self.base.ticks;
        let clock = self.clock.get_or_insert_with(|| Clock::new(raw, base));
        let (time, jump) = clock.place(raw, arrival.as_millis());
        let (dts, offset) = match unit.kind {
            Kind::Video => self.video.as_mut()?.place(time, offset, jump.is_some())?,
            Kind::Audio => {
                let dts = self.audio.as_mut()?.place(time, jump.is_some())?;
                (dts, Timestamp::new(0, dts.scale))
            }
        };
        let jump = jump.map(Timestamp::millis);
        Some(Settled { unit: AccessUnit { dts, pts: dts.plus(offset), ..unit }, jump })
    }
}

const VIDEO_HZ: u32 = 90_000;

/// The publisher's milliseconds, shared by its tracks.
#[derive(Debug)]
struct Clock {
    /// The newest raw timestamp.
    raw: u32,
    /// Its place on the session's clock.
    at: i64,
    /// The clock before the last jump: the other track may still be on it for a moment.
    before: Option<(u32, i64)>,
}

impl Clock {
    /// After a jump at least one frame has passed.
    const STEP_MS: i64 = 33;

    fn new(raw: u32, base: i64) -> Self {
        Self { raw, at: base, before: None }
    }

    fn place(&mut self, raw: u32, arrival: i64) -> (i64, Option<i64>) {
        // The nearest way round: timestamps wrap at 2^32 ms (49.7 days).
        let delta = i64::from(raw.wrapping_sub(self.raw) as i32);
        if (-Timeline::MAX_BEHIND_MS..=Timeline::MAX_AHEAD_MS).contains(&delta) {
            if delta > 0 {
                (self.raw, self.at) = (raw, self.at + delta);
                return (self.at, None);
            }
            return (self.at + delta, None);
        }
        if let Some((old, at)) = self.before {
            let delta = i64::from(raw.wrapping_sub(old) as i32);
            if (-Timeline::MAX_BEHIND_MS..=Timeline::MAX_BEHIND_MS).contains(&delta) {
                return (at + delta, None);
            }
        }
        self.before = Some((self.raw, self.at));
        self.raw = raw;
        self.at = arrival.max(self.at + Self::STEP_MS);
        (self.at, Some(delta))
    }
}

/// Video on 90 kHz. Where the SPS names a frame rate, times within the rounding of a millisecond are put on its grid.
#[derive(Debug)]
struct Grid {
    /// Ticks a frame, as a fraction.
    frame: Option<(i64, i64)>,
    anchor: Option<i64>,
    last: Option<i64>,
}

impl Grid {
    fn place(&mut self, ms: i64, offset: Timestamp, jumped: bool) -> Option<(Timestamp, Timestamp)> {
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

/// Sound on its sample count: a frame is 1024 samples, whatever its millisecond says, until the two disagree for good.
#[derive(Debug)]
struct Samples {
    scale: Timescale,
    next: Option<i64>,
}

impl Samples {
    /// The sample count may be off by so much before the timestamp wins: a lost frame shows, rounding doesn't.
    const TOLERANCE_MS: i64 = 40;

    fn place(&mut self, ms: i64, jumped: bool) -> Option<Timestamp> {
        let time = Timestamp::millis(ms).rescale(self.scale).ticks;
        let tolerance = Self::TOLERANCE_MS * i64::from(self.scale.hz()) / 1_000;
        let dts = match self.next {
            // Never back: sound that runs ahead of its timestamps goes on where it is.
            Some(next) if time - next <= tolerance && !(jumped && time > next) => next,
            Some(_) | None => time,
        };
        if dts < 0 {
            return None;
        }
        self.next = Some(dts + i64::from(aac::Config::FRAME));
        Some(Timestamp::new(dts, self.scale))
    }
}
