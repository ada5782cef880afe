//! One rendition's media in memory, by name.

use std::collections::BTreeMap;
use std::ops::Range;
use std::time::Duration;

use bytes::Bytes;
use hls::Change;

/// Parts of one rendition at most, however much a publisher sends: older ones are in the journal.
const MOST_BYTES: usize = 256 << 20;

/// How long media stays in memory.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stay {
    /// What the journal doesn't have.
    pub(super) alone: Duration,
    /// What it has, and players at their usual distance ask for.
    pub(super) near: Duration,
}

/// Parts, the segments that they make, and initialisation segments.
#[derive(Debug)]
pub(crate) struct Held {
    stay: Stay,
    /// The journal has the segments from the first to before the second.
    journaled: (u64, u64),
    parts: BTreeMap<u64, Piece>,
    bytes: usize,
    /// By MSN.
    segments: BTreeMap<u64, Sealed>,
    inits: BTreeMap<u32, Bytes>,
}

#[derive(Debug)]
struct Piece {
    data: Bytes,
    msn: u64,
    /// On the session's clock.
    end: media::Timestamp,
}

/// Which parts a segment is made of.
#[derive(Debug)]
struct Sealed {
    first: u64,
    count: usize,
}

impl Held {
    pub(super) fn new(stay: Stay) -> Self {
        Self {
            stay,
            journaled: (0, 0),
            parts: BTreeMap::new(),
            bytes: 0,
            segments: BTreeMap::new(),
            inits: BTreeMap::new(),
        }
    }

    pub(super) fn apply(&mut self, change: &Change) {
        match change {
            Change::Init(init) => {
                self.inits.insert(init.number, init.data.clone());
            }
            Change::Part(part) => {
                self.bytes += part.data.len();
                let end = part.start.plus(part.info.duration);
                let piece = Piece { data: part.data.clone(), msn: part.msn, end };
                self.parts.insert(part.info.number, piece);
                self.drop_before(end);
            }
            Change::Sealed(segment) => {
                if let Some(first) = segment.parts.first().map(|part| part.number) {
                    self.segments.insert(segment.msn, Sealed { first, count: segment.parts.len() });
                }
            }
            // Its URLs answer for a while yet; `drop_before` decides.
            Change::Removed(_) | Change::Late { .. } => {}
        }
    }

    /// The journal has all before this segment, but for what was [lost](Self::lose).
    pub(super) fn journaled(&mut self, before: u64) {
        self.journaled.1 = before;
    }

    /// These segments are not in the journal.
    pub(super) fn lose(&mut self, msns: &Range<u64>) {
        self.journaled.0 = self.journaled.0.max(msns.end);
    }

    /// The newest part stays, whatever its size.
    fn drop_before(&mut self, newest: media::Timestamp) {
        let before = |stay| newest.minus(media::Timestamp::of_duration(stay, newest.scale));
        let (alone, near) = (before(self.stay.alone), before(self.stay.near));
        let (first, after) = self.journaled;
        while self.parts.len() > 1
            && let Some(part) = self.parts.first_entry()
        {
            let oldest = if (first..after).contains(&part.get().msn) { near } else { alone };
            if part.get().end >= oldest && self.bytes <= MOST_BYTES {
                break;
            }
            self.bytes -= part.remove().data.len();
        }
        let oldest = self.parts.first_key_value().map_or(0, |(number, _)| *number);
        while let Some(segment) = self.segments.first_entry().filter(|segment| segment.get().first < oldest) {
            segment.remove();
        }
    }

    /// A part, whole.
    pub(crate) fn part(&self, number: u64) -> Option<Bytes> {
        self.parts.get(&number).map(|part| part.data.clone())
    }

    /// A sealed segment as its parts in order; `None` where not all of them are here.
    pub(crate) fn segment(&self, msn: u64) -> Option<Vec<Bytes>> {
        let sealed = self.segments.get(&msn)?;
        let parts: Vec<_> =
            self.parts.range(sealed.first..).take(sealed.count).map(|(_, part)| part.data.clone()).collect();
        (parts.len() == sealed.count).then_some(parts)
    }

    /// The key frame that a sealed segment begins with.
    pub(crate) fn key(&self, msn: u64) -> Option<Bytes> {
        hls::mp4::key_frame(&self.segment(msn)?)
    }

    /// An initialisation segment.
    pub(crate) fn init(&self, number: u32) -> Option<Bytes> {
        self.inits.get(&number).cloned()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::sync::Arc;

    use hls::{Part, PartInfo, Segment};
    use media::Timestamp;

    use super::*;

    const MINUTE: Stay = Stay { alone: Duration::from_secs(60), near: Duration::from_secs(60) };

    /// A segment of two seconds that is a part.
    fn segment(held: &mut Held, msn: u64) {
        let (scale, number) = (media::Timescale::MILLIS, msn - 1);
        let (start, duration) = (Timestamp::new(number as i64 * 2_000, scale), Timestamp::new(2_000, scale));
        let info = PartInfo { number, duration, independent: true, bytes: 1 };
        held.apply(&Change::Part(Part {
            info,
            msn,
            index: 0,
            discontinuity: false,
            discontinuity_sequence: 0,
            init: 0,
            live_only: false,
            decode_time: 0,
            start,
            data: Bytes::from_static(b"x"),
        }));
        held.apply(&Change::Sealed(Arc::new(Segment {
            msn,
            discontinuity: false,
            discontinuity_sequence: 0,
            live_only: false,
            init: 0,
            start,
            duration,
            bytes: 1,
            key: 1,
            gap: false,
            parts: vec![info],
        })));
    }

    #[test]
    fn what_the_journal_has_goes_early_and_what_it_lost_stays() {
        let stay = Stay { alone: Duration::from_secs(36), near: Duration::from_secs(6) };
        let oldest = |held: &Held| (held.parts.first_key_value().unwrap().1.msn, held.segments.len());
        let mut held = Held::new(stay);
        for msn in 1..=10 {
            segment(&mut held, msn);
        }
        assert_eq!(oldest(&held), (1, 10), "the journal has said nothing yet");
        held.journaled(10);
        segment(&mut held, 11);
        // From 16 s on: what ends before is gone.
        assert_eq!((oldest(&held), held.bytes), ((8, 4), 4));
        assert!(held.part(6).is_none() && held.segment(8).is_some());
        held.lose(&(11..13));
        for msn in 12..=28 {
            segment(&mut held, msn);
            held.journaled(msn);
        }
        assert_eq!(oldest(&held), (10, 19), "it ends 36 s before the end");
        segment(&mut held, 40);
        assert_eq!(oldest(&held), (28, 2), "the journal is in the middle of it");
    }

    #[test]
    fn holds_so_many_bytes_and_not_more() {
        let mut held = Held::new(MINUTE);
        let data = Bytes::from(vec![0; MOST_BYTES / 4]);
        for number in 0..6 {
            let duration = Timestamp::millis(200);
            let info = PartInfo { number, duration, independent: true, bytes: data.len() as u64 };
            held.apply(&Change::Part(Part {
                info,
                msn: 0,
                index: number as u32,
                discontinuity: false,
                discontinuity_sequence: 0,
                init: 0,
                live_only: false,
                decode_time: 0,
                start: Timestamp::millis(200 * i64::from(number as u32)),
                data: data.clone(),
            }));
        }
        assert!(held.part(1).is_none() && held.part(2).is_some() && held.part(5).is_some());
        assert_eq!(held.bytes, MOST_BYTES);
    }
}
