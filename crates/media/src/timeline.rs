//! One continuous clock out of what publishers send. What is done about a jump is decided elsewhere.

mod clock;
mod grid;
mod samples;
#[cfg(test)]
mod tests;

use crate::{AccessUnit, CodecConfig, Kind, Timescale, Timestamp, Track};
use clock::Clock;
use grid::Grid;
use samples::Samples;

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
    /// The publisher's clock broke before this unit: DISCONTINUITY.
    pub jump: Option<Jump>,
    /// The sound's own clock runs so much faster than its timestamps (negative: slower), in percent. The unit's time
    /// follows the timestamps; nothing is to be done but to say so.
    pub audio_drift: Option<f64>,
}

/// How a publisher's clock broke.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Jump {
    /// Its timestamps went by so much, forwards or back, where time did not.
    By(Timestamp),
    /// It had fallen behind the time of arrival by so much, for good.
    Behind(Timestamp),
}

impl Timeline {
    /// Where a session's first unit stands: sound that comes late by up to this much, with earlier timestamps, still lies
    /// after the epoch.
    pub const LEAD: Timestamp = Timestamp::new(1_000, Timescale::MILLIS);
    /// A clock that leaps by more than this has jumped, unless it comes out where its time of arrival says (within as
    /// much): then the publisher was only silent.
    pub const MAX_AHEAD_MS: i64 = 1_000;
    /// A clock that falls back by more than this has jumped: wider than any interleaving of sound and picture.
    pub const MAX_BEHIND_MS: i64 = 2_000;
    /// A clock that all of a minute stays behind the time of arrival by more than this is put right: neither a slow
    /// crystal nor a long session may move PROGRAM-DATE-TIME away from the wall clock.
    pub const MAX_LAG_MS: i64 = 5_000;

    /// A publisher whose first unit stands at `base`, time since the session's epoch: [`Timeline::LEAD`] for the first
    /// publisher of a session, the time of arrival for one that returns.
    pub fn new(base: Timestamp) -> Self {
        Self { base: base.rescale(Timescale::MILLIS), clock: None, video: None, audio: None }
    }

    /// The track (or its new configuration) that following units of its kind belong to.
    pub fn track(&mut self, track: &Track) {
        match &track.config {
            CodecConfig::Avc(config) => self.video = Some(Grid::new(config.frame_rate, self.video.as_ref())),
            CodecConfig::Aac(_) if self.audio.as_ref().is_some_and(|a| a.scale() == track.scale) => {}
            CodecConfig::Aac(_) => self.audio = Some(Samples::new(track.scale, self.audio.as_ref())),
        }
    }

    /// Takes a unit as the demuxer gave it (milliseconds modulo 2^32) and the time of its arrival since the epoch, which is
    /// where the clock goes on after a jump. `None` where the unit's track isn't known, or where it lies before the epoch.
    pub fn push(&mut self, unit: AccessUnit, arrival: Timestamp) -> Option<Settled> {
        let offset = unit.pts.minus(unit.dts);
        let raw = unit.dts.as_millis() as u32;
        let base = self.base.ticks;
        let arrival = arrival.as_millis();
        let clock = self.clock.get_or_insert_with(|| Clock::new(raw, base, arrival));
        let (time, jump) = clock.place(raw, arrival);
        let mut audio_drift = None;
        let (dts, offset) = match unit.kind {
            Kind::Video => self.video.as_mut()?.place(time, offset, jump.is_some())?,
            Kind::Audio => {
                let audio = self.audio.as_mut()?;
                let dts = audio.place(time, jump.is_some())?;
                audio_drift = audio.drift();
                (dts, Timestamp::new(0, dts.scale))
            }
        };
        Some(Settled { unit: AccessUnit { dts, pts: dts.plus(offset), ..unit }, jump, audio_drift })
    }
}
