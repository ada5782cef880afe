//! One rendition's media in memory, by name.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use hls::Change;

/// Parts of one rendition at most, however much a publisher sends: older ones are in the journal.
const MOST_BYTES: usize = 256 << 20;

/// Parts, the segments that they make, and initialisation segments.
#[derive(Debug)]
pub(crate) struct Held {
    keep: Duration,
    parts: BTreeMap<u64, Bytes>,
    bytes: usize,
    /// By MSN: first part, how many, and where the segment ends on the session's clock.
    segments: BTreeMap<u64, Sealed>,
    inits: BTreeMap<u32, Bytes>,
}

#[derive(Debug)]
struct Sealed {
    first: u64,
    count: usize,
    end: media::Timestamp,
}

impl Held {
    pub(super) fn new(keep: Duration) -> Self {
        Self { keep, parts: BTreeMap::new(), bytes: 0, segments: BTreeMap::new(), inits: BTreeMap::new() }
    }

    pub(super) fn apply(&mut self, change: &Change) {
        match change {
            Change::Init(init) => {
                self.inits.insert(init.number, init.data.clone());
            }
            Change::Part(part) => {
                self.bytes += part.data.len();
                self.parts.insert(part.info.number, part.data.clone());
                // The newest stays, whatever its size.
                while self.bytes > MOST_BYTES && self.parts.len() > 1 {
                    let gone = self.parts.pop_first();
                    self.bytes -= gone.map_or(0, |(_, data)| data.len());
                }
            }
            Change::Sealed(segment) => {
                let end = segment.start.plus(segment.duration);
                if let Some(first) = segment.parts.first().map(|part| part.number) {
                    self.segments.insert(segment.msn, Sealed { first, count: segment.parts.len(), end });
                }
                self.drop_before(end);
            }
            // Its URLs answer for a while yet; `drop_before` decides.
            Change::Removed(_) | Change::Late { .. } => {}
        }
    }

    fn drop_before(&mut self, newest: media::Timestamp) {
        let keep = media::Timestamp::of_duration(self.keep, newest.scale);
        let oldest = newest.minus(keep);
        while let Some(entry) = self.segments.first_entry() {
            if entry.get().end >= oldest {
                break;
            }
            let gone = entry.remove();
            let next = gone.first + gone.count as u64;
            let kept = self.parts.split_off(&next);
            self.bytes -= self.parts.values().map(Bytes::len).sum::<usize>();
            self.parts = kept;
        }
    }

    /// A part, whole.
    pub(crate) fn part(&self, number: u64) -> Option<Bytes> {
        self.parts.get(&number).cloned()
    }

    /// A sealed segment as its parts in order; `None` where not all of them are here.
    pub(crate) fn segment(&self, msn: u64) -> Option<Vec<Bytes>> {
        let sealed = self.segments.get(&msn)?;
        let parts: Vec<_> =
            self.parts.range(sealed.first..).take(sealed.count).map(|(_, data)| data.clone()).collect();
        (parts.len() == sealed.count).then_some(parts)
    }

    /// An initialisation segment.
    pub(crate) fn init(&self, number: u32) -> Option<Bytes> {
        self.inits.get(&number).cloned()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use hls::{Part, PartInfo};
    use media::Timestamp;

    use super::*;

    #[test]
    fn holds_so_many_bytes_and_not_more() {
        let mut held = Held::new(Duration::from_secs(60));
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
                start: duration,
                data: data.clone(),
            }));
        }
        assert!(held.part(1).is_none() && held.part(2).is_some() && held.part(5).is_some());
        assert_eq!(held.bytes, MOST_BYTES);
    }
}
