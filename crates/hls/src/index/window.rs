//! What lies in the window and what in the live playlist: packing what is past, dropping what left.

use std::sync::Arc;
use std::time::Duration;

use media::Timescale;

use super::Index;
use crate::Segment;
use crate::past::Past;

/// So much of the window keeps its parts at hand: more than any delta update gives again (6×TD and 3×TD more).
const RECENT: Duration = Duration::from_secs(60);

/// Nanoseconds, so that what is added can be taken off again to nothing.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Spans {
    recent: i64,
    live: i64,
    window: i64,
}

fn nanos(segment: &Segment) -> i64 {
    segment.duration.rescale(Timescale::NANOS).ticks
}

impl Index {
    /// The segments of the window before those.
    pub fn past(&self) -> &Arc<Past> {
        &self.past
    }

    /// EXT-X-MEDIA-SEQUENCE of the live playlist.
    pub fn media_sequence(&self) -> u64 {
        self.live_from.max(self.window_sequence())
    }

    /// The first segment of the whole window.
    pub fn window_sequence(&self) -> u64 {
        self.past.first().map_or_else(|| self.recent_sequence(), |s| s.msn)
    }

    fn recent_sequence(&self) -> u64 {
        self.sealed.front().map_or(self.current_msn(), |s| s.msn)
    }

    /// EXT-X-DISCONTINUITY-SEQUENCE of the live playlist: the DISCONTINUITY tags that left with their segments.
    pub fn discontinuity_sequence(&self) -> u64 {
        self.discontinuities_before(self.media_sequence())
    }

    /// The discontinuities before segment `msn` of the window, its own not counted.
    pub fn discontinuities_before(&self, msn: u64) -> u64 {
        let before = |s: &Segment| s.discontinuity_sequence - u64::from(s.discontinuity);
        if let Some(segment) = self.past.get(msn) {
            return before(&segment);
        }
        match self.sealed.iter().find(|s| s.msn >= msn).map(|s| &**s).or(self.open.as_ref()) {
            Some(s) => before(s),
            None => self.discontinuities - u64::from(self.pending_discontinuity),
        }
    }

    pub(super) fn push(&mut self, segment: Arc<Segment>) {
        self.meter.add(&segment, self.control.plan.target_duration);
        let long = nanos(&segment);
        for span in [&mut self.spans.recent, &mut self.spans.live, &mut self.spans.window] {
            *span += long;
        }
        self.sealed.push_back(segment);
    }

    /// Packs what is past, drops what lies before the window. Gives what left the live playlist.
    pub(crate) fn trim(&mut self) -> Vec<Arc<Segment>> {
        let plan = &self.control.plan;
        let ticks = |d: Duration| i64::try_from(d.as_nanos()).unwrap_or(i64::MAX);
        let (window, live) = (ticks(plan.window), ticks(plan.live_window()));
        let recent = ticks(RECENT).min(window);
        let mut gone = Vec::new();
        while let Some(first) = self.sealed.pop_front_if(|first| first.msn < self.begins) {
            let long = nanos(&first);
            for span in [&mut self.spans.recent, &mut self.spans.live, &mut self.spans.window] {
                *span -= long;
            }
            gone.push(first);
        }
        while let Some(first) = self.get(self.media_sequence()) {
            let long = nanos(&first);
            if self.spans.live - long < live {
                break;
            }
            self.spans.live -= long;
            self.live_from = first.msn + 1;
            gone.push(first);
        }
        while let Some(first) = self.sealed.front() {
            let long = nanos(first);
            if self.spans.recent - long < recent {
                break;
            }
            self.spans.recent -= long;
            let Some(first) = self.sealed.pop_front() else { break };
            if window > recent {
                self.pack(&first);
            } else {
                self.spans.window -= long;
            }
        }
        while let Some(first) = self.past.first() {
            let long = nanos(&first);
            if self.spans.window - long < window {
                break;
            }
            self.spans.window -= long;
            Arc::make_mut(&mut self.past).pop();
        }
        gone
    }

    /// What is sealed, which nobody has seen, leaves with the next segment: the window begins with that.
    pub(crate) fn begin_here(&mut self) {
        self.begins = self.next_msn;
    }

    fn pack(&mut self, segment: &Segment) {
        let past = Arc::make_mut(&mut self.past);
        if self.lost.iter().any(|msns| msns.contains(&segment.msn)) {
            past.push(&Segment { gap: true, parts: Vec::new(), ..*segment });
        } else {
            past.push(segment);
        }
        self.lost.retain(|msns| msns.end > segment.msn);
    }

    fn get(&self, msn: u64) -> Option<Arc<Segment>> {
        match self.sealed.front().map(|first| first.msn) {
            Some(first) if msn >= first => self.sealed.get((msn - first) as usize).cloned(),
            Some(_) | None => self.past.get(msn).map(Arc::new),
        }
    }

    /// These segments did not get into the journal: once they are past they can't be had, and are GAPs.
    pub(crate) fn lose(&mut self, msns: std::ops::Range<u64>) {
        match self.lost.last_mut() {
            Some(last) if last.end >= msns.start => last.end = last.end.max(msns.end),
            Some(_) | None => self.lost.push(msns),
        }
    }
}
