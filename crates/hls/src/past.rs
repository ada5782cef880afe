//! The part of a timeline that is older than what players reload: segments packed into pages.
//!
//! A window of days has to cost little: 24 bytes a segment and a page's header in memory, nothing to do for what doesn't
//! change. A page that is full never changes, so its text may be kept, compressed or not, by whoever renders it.

use std::collections::VecDeque;
use std::sync::Arc;

use media::{Timescale, Timestamp};

use crate::Segment;

/// Segments of a page. Some minutes: little to render again where the first page is partly gone.
const PAGE: usize = 64;

const GAP: u8 = 1;
const DISCONTINUITY: u8 = 2;
/// It does not begin with a key frame.
const DEPENDENT: u8 = 4;
const LIVE_ONLY: u8 = 8;

/// Packed segments, the oldest first, without a hole between their numbers.
#[derive(Clone, Debug, Default)]
pub struct Past {
    pages: VecDeque<Arc<Page>>,
    /// Segments of the first page that have left the window.
    gone: usize,
}

/// Segments in a row under one MAP.
#[derive(Clone, Debug)]
pub struct Page {
    /// MSN of its first segment.
    pub msn: u64,
    /// The EXT-X-MAP that all of them need.
    pub init: u32,
    scale: Timescale,
    /// Discontinuities before its first segment.
    discontinuities: u64,
    slots: Vec<Slot>,
}

/// A segment but for what its page says.
#[derive(Clone, Copy, Debug)]
struct Slot {
    start: i64,
    duration: u32,
    bytes: u32,
    key: u32,
    flags: u8,
}

impl Page {
    /// Its segments; without their parts, which nobody asks for any more.
    pub fn segments(&self) -> impl ExactSizeIterator<Item = Segment> + DoubleEndedIterator {
        (0..self.slots.len()).map(|at| self.segment(at))
    }

    /// Every segment that it can hold is in it: it never changes again.
    pub fn full(&self) -> bool {
        self.slots.len() == PAGE
    }

    fn segment(&self, at: usize) -> Segment {
        let slot = self.slots[at];
        let breaks = self.slots[..=at].iter().filter(|slot| slot.flags & DISCONTINUITY != 0).count() as u64;
        Segment {
            msn: self.msn + at as u64,
            discontinuity: slot.flags & DISCONTINUITY != 0,
            discontinuity_sequence: self.discontinuities + breaks,
            init: self.init,
            start: Timestamp::new(slot.start, self.scale),
            duration: Timestamp::new(slot.duration.into(), self.scale),
            bytes: slot.bytes.into(),
            key: slot.key,
            gap: slot.flags & GAP != 0,
            live_only: slot.flags & LIVE_ONLY != 0,
            parts: Vec::new(),
        }
    }

    fn takes(&self, segment: &Segment) -> bool {
        !self.full()
            && self.init == segment.init
            && self.scale == segment.start.scale
            && self.msn + self.slots.len() as u64 == segment.msn
    }

    /// Bytes of memory.
    fn size(&self) -> usize {
        size_of::<Self>() + 2 * size_of::<usize>() + self.slots.capacity() * size_of::<Slot>()
    }
}

impl Past {
    /// Adds the segment that follows.
    pub fn push(&mut self, segment: &Segment) {
        let slot = Slot {
            start: segment.start.ticks,
            duration: u32::try_from(segment.duration.ticks).unwrap_or(u32::MAX),
            bytes: u32::try_from(segment.bytes).unwrap_or(u32::MAX),
            key: segment.key,
            flags: if segment.parts.first().is_none_or(|part| part.independent) { 0 } else { DEPENDENT }
                | if segment.gap { GAP } else { 0 }
                | if segment.live_only { LIVE_ONLY } else { 0 }
                | if segment.discontinuity { DISCONTINUITY } else { 0 },
        };
        if let Some(page) = self.pages.back_mut().filter(|page| page.takes(segment)) {
            // A snapshot that still holds it keeps the page as it was.
            let page = Arc::make_mut(page);
            page.slots.reserve_exact(PAGE - page.slots.len());
            page.slots.push(slot);
            return;
        }
        let mut slots = Vec::with_capacity(PAGE);
        slots.push(slot);
        self.pages.push_back(Arc::new(Page {
            msn: segment.msn,
            init: segment.init,
            scale: segment.start.scale,
            discontinuities: segment.discontinuity_sequence - u64::from(segment.discontinuity),
            slots,
        }));
    }

    /// The oldest segment.
    pub fn first(&self) -> Option<Segment> {
        self.pages.front().map(|page| page.segment(self.gone))
    }

    /// The newest segment.
    pub fn last(&self) -> Option<Segment> {
        self.pages.back().map(|page| page.segment(page.slots.len() - 1))
    }

    /// A segment by its number.
    pub fn get(&self, msn: u64) -> Option<Segment> {
        let place = self.pages.partition_point(|page| page.msn <= msn).checked_sub(1)?;
        let page = self.pages.get(place)?;
        let at = usize::try_from(msn - page.msn).ok()?;
        let there = at < page.slots.len() && (place > 0 || at >= self.gone);
        there.then(|| page.segment(at))
    }

    /// Drops the oldest segment.
    pub fn pop(&mut self) -> Option<Segment> {
        let segment = self.first()?;
        self.gone += 1;
        if self.pages.front().is_some_and(|page| self.gone >= page.slots.len()) {
            self.pages.pop_front();
            self.gone = 0;
        }
        Some(segment)
    }

    /// Every segment of the pages from `msn` on begins with a key frame.
    pub fn independent(&self, msn: u64) -> bool {
        self.pages(msn).all(|(page, _)| page.slots.iter().all(|slot| slot.flags & DEPENDENT == 0))
    }

    /// How many segments.
    pub fn len(&self) -> usize {
        self.pages.iter().map(|page| page.slots.len()).sum::<usize>() - self.gone
    }

    /// There is none.
    pub fn is_empty(&self) -> bool {
        self.pages.is_empty()
    }

    /// The pages from segment `msn` on, each with how many of its first segments lie before it.
    pub fn pages(&self, msn: u64) -> impl Iterator<Item = (&Arc<Page>, usize)> {
        let from = msn.max(self.pages.front().map_or(0, |page| page.msn + self.gone as u64));
        let first = self.pages.partition_point(|page| page.msn + page.slots.len() as u64 <= from);
        self.pages.range(first..).map(move |page| (page, from.saturating_sub(page.msn) as usize))
    }

    /// Bytes of memory that all of it takes.
    pub fn size(&self) -> usize {
        let pages: usize = self.pages.iter().map(|page| page.size()).sum();
        size_of::<Self>() + self.pages.capacity() * size_of::<Arc<Page>>() + pages
    }
}
