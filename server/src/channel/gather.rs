//! A publisher's first second: which tracks it has is known once all that it announced are here.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use media::flv::Metadata;
use media::{AccessUnit, Kind, Track};

/// Tracks that have not come by then, counted from the first, are not waited for any longer.
pub(super) const PATIENCE: Duration = Duration::from_secs(1);
/// Bytes and units held back meanwhile.
const MOST_BYTES: usize = 16 << 20;
const MOST_UNITS: usize = 512;

/// Holds back what comes before the tracks are known.
#[derive(Debug, Default)]
pub(super) struct Gather {
    pub metadata: Metadata,
    pub tracks: Vec<Track>,
    pub early: VecDeque<(AccessUnit, Instant)>,
    bytes: usize,
    since: Option<Instant>,
}

impl Gather {
    pub(super) fn track(&mut self, track: Track, now: Instant) {
        self.since.get_or_insert(now);
        self.tracks.retain(|known| known.kind != track.kind);
        self.tracks.push(track);
    }

    pub(super) fn unit(&mut self, unit: AccessUnit, now: Instant) {
        self.since.get_or_insert(now);
        self.bytes += unit.data.len();
        self.early.push_back((unit, now));
    }

    /// When it is over at the latest.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.since.map(|since| since + PATIENCE)
    }

    /// What is to be known is known. With nothing announced, both are hoped for.
    pub(super) fn done(&self, now: Instant) -> bool {
        if self.tracks.is_empty() {
            return false;
        }
        let has = |kind| self.tracks.iter().any(|track| track.kind == kind);
        let all = (has(Kind::Video) || self.metadata.has_video == Some(false))
            && (has(Kind::Audio) || self.metadata.has_audio == Some(false));
        let full = self.bytes > MOST_BYTES || self.early.len() > MOST_UNITS;
        all || full || self.deadline().is_some_and(|deadline| now >= deadline)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use media::Timestamp;

    fn audio() -> Track {
        let asc = bytes::Bytes::from_static(&[0x11, 0x90]);
        Track::audio(media::aac::Config::parse(&asc).unwrap())
    }

    fn unit(bytes: usize) -> AccessUnit {
        let (dts, data) = (Timestamp::millis(0), vec![0; bytes].into());
        AccessUnit { kind: Kind::Audio, dts, pts: dts, key: true, data }
    }

    #[test]
    fn sound_alone_waits_for_pictures_unless_there_are_none() {
        let now = crate::clock::Clock::system().now();
        for (has_video, at_once) in [(None, false), (Some(true), false), (Some(false), true)] {
            let mut gather = Gather::default();
            assert!(!gather.done(now));
            gather.metadata.has_video = has_video;
            gather.track(audio(), now);
            assert_eq!(gather.done(now), at_once);
            assert!(gather.done(now + PATIENCE));
        }
    }

    #[test]
    fn holds_back_so_much_and_no_more() {
        let now = crate::clock::Clock::system().now();
        let mut gather = Gather::default();
        gather.track(audio(), now);
        gather.unit(unit(MOST_BYTES), now);
        assert!(!gather.done(now));
        gather.unit(unit(1), now);
        assert!(gather.done(now));
    }
}
