//! One session's renditions as they are now: what `hls` made of the units, held in memory for all viewers at once.
//!
//! **Belongs here:** applying changesets to memory, snapshots that viewers read and wait for. **Does not:** deciding when a
//! session begins or ends (`channel`), disk (`journal`), HTTP (`deliver`).

mod gzip;
mod media;
mod rendered;
mod shelf;
mod view;

use std::sync::Arc;
use std::time::Duration;

use hls::{Change, Plan, Presentation};
use media::{Held, Stay};
pub(crate) use rendered::{Rendered, renderings};
pub(crate) use shelf::{Found, Shelf};
pub(crate) use view::{Live, Rendition, View};

/// The writing side of a session; its channel owns it.
pub(crate) struct Session {
    presentation: Presentation,
    live: Arc<Live>,
}

/// What a push changed: by rendition, in order. The journal wants them too.
pub(crate) type Changes = hls::presentation::Changes;

impl Session {
    /// A new session. `journaled`: what leaves memory can be read from disk. `patience`: with made renditions, unless it is
    /// the usual.
    pub(crate) fn new(
        id: &str,
        plan: Plan,
        epoch_ms: i64,
        renditions: Vec<hls::presentation::Rendition>,
        journaled: bool,
        patience: Option<Duration>,
    ) -> Self {
        let live = Live::new(id, plan, &renditions, stay(&plan, journaled));
        let mut presentation = Presentation::new(plan, epoch_ms, renditions);
        if let Some(patience) = patience {
            presentation = presentation.with_patience(patience);
        }
        Self { presentation, live: Arc::new(live) }
    }

    /// Goes on with what the journal holds.
    pub(crate) fn resume(
        id: &str,
        plan: Plan,
        epoch_ms: i64,
        renditions: Vec<hls::presentation::Rendition>,
        journals: &[Vec<hls::journal::Index>],
    ) -> (Self, Changes) {
        let live = Live::new(id, plan, &renditions, stay(&plan, true));
        let (presentation, changes) = Presentation::resume(plan, epoch_ms, renditions, journals);
        let session = Self { presentation, live: Arc::new(live) };
        session.apply(&changes);
        session.publish_all();
        (session, changes)
    }

    /// What viewers read.
    pub(crate) fn live(&self) -> &Arc<Live> {
        &self.live
    }

    /// The source's rendition of this kind.
    pub(crate) fn rendition(&self, kind: ::media::Kind) -> Option<usize> {
        let sources = |one: &hls::presentation::Rendition| !one.made && one.track.kind == kind;
        self.presentation.renditions().iter().position(sources)
    }

    /// The rendition of this name that is made of the source.
    pub(crate) fn made(&self, name: &str) -> Option<usize> {
        self.presentation.renditions().iter().position(|one| one.made && one.name == name)
    }

    /// What a made rendition is: before its first unit, and where that changes.
    pub(crate) fn configure(&mut self, rendition: usize, track: ::media::Track) -> Changes {
        let changes = self.presentation.configure(rendition, track);
        self.apply(&changes);
        changes
    }

    /// A rendition as it is declared, with what it carries now.
    pub(crate) fn declared(&self, rendition: usize) -> Option<&hls::presentation::Rendition> {
        self.presentation.renditions().get(rendition)
    }

    /// All of them.
    pub(crate) fn declared_all(&self) -> &[hls::presentation::Rendition] {
        self.presentation.renditions()
    }

    /// What a rendition carries now.
    pub(crate) fn track(&self, rendition: usize) -> Option<&::media::Track> {
        self.declared(rendition).map(|rendition| &rendition.track)
    }

    /// How long nothing came of a rendition before this unit, where players see a discontinuity for it.
    pub(crate) fn hole(&self, rendition: usize, unit: &::media::AccessUnit) -> Option<::media::Timestamp> {
        self.presentation.hole(rendition, unit)
    }

    /// Takes a unit.
    pub(crate) fn push(&mut self, rendition: usize, unit: ::media::AccessUnit) -> Changes {
        let changes = self.presentation.push(rendition, unit);
        self.apply(&changes);
        changes
    }

    /// Over a hole, up to where the publisher goes on behind a break.
    pub(crate) fn bridge(&mut self, to: ::media::Timestamp) -> Changes {
        let changes = self.presentation.bridge(to);
        self.apply(&changes);
        changes
    }

    /// The timeline jumps, or a track changes.
    pub(crate) fn discontinuity(&mut self, track: Option<(usize, ::media::Track)>) -> Changes {
        let changes = self.presentation.discontinuity(track);
        self.apply(&changes);
        changes
    }

    /// Takes the unit that ends the slate: one update has both.
    pub(crate) fn back(&mut self, rendition: usize, unit: ::media::AccessUnit) -> Changes {
        let mut changes = self.presentation.back(unit.pts);
        changes.extend(self.presentation.push(rendition, unit));
        self.apply(&changes);
        changes
    }

    /// A slate takes the publisher's place, up to `to`.
    pub(crate) fn slate(&mut self, slate: hls::slate::Slate, to: ::media::Timestamp) -> Changes {
        let changes = self.presentation.slate(slate, to);
        self.apply(&changes);
        changes
    }

    /// More of the slate.
    pub(crate) fn advance(&mut self, to: ::media::Timestamp) -> Changes {
        let changes = self.presentation.advance(to);
        self.apply(&changes);
        changes
    }

    /// Where the slate ends by now, while it is shown.
    pub(crate) fn slate_end(&self) -> Option<::media::Timestamp> {
        self.presentation.slate_end()
    }

    /// Another publisher goes on, with these tracks.
    pub(crate) fn returned(&mut self, tracks: Vec<(usize, ::media::Track)>) -> Changes {
        let changes = self.presentation.returned(tracks);
        self.apply(&changes);
        changes
    }

    /// Everything pending comes out.
    pub(crate) fn flush(&mut self) -> Changes {
        let changes = self.presentation.flush();
        self.apply(&changes);
        changes
    }

    /// The end: everything pending comes out, playlists get ENDLIST, waiting requests are answered.
    pub(crate) fn finish(&mut self) -> Changes {
        let changes = self.presentation.finish();
        self.apply(&changes);
        self.publish_all();
        changes
    }

    /// Segments that did not get into the journal.
    pub(crate) fn lose(&mut self, rendition: usize, msns: std::ops::Range<u64>) {
        if let Some(rendition) = self.live.renditions().get(rendition) {
            rendition.held().lose(&msns);
        }
        self.presentation.lose(rendition, msns);
    }

    /// Segments before this one are in the journal, but for those that were lost.
    pub(crate) fn journaled(&self, rendition: usize, before: u64) {
        if let Some(rendition) = self.live.renditions().get(rendition) {
            rendition.held().journaled(before);
        }
    }

    /// A rendition's timeline, once its first frames are in.
    pub(crate) fn index(&self, rendition: usize) -> Option<&hls::Index> {
        self.presentation.index(rendition)
    }

    /// A rendition's frame rate, once known.
    pub(crate) fn frame_rate(&self, rendition: usize) -> Option<::media::Rational> {
        self.presentation.frame_rate(rendition)
    }

    /// How many renditions are the source's own; they come first.
    pub(crate) fn sources(&self) -> usize {
        self.presentation.renditions().iter().take_while(|rendition| !rendition.made).count()
    }

    /// Each rendition has a part, or its time is up: players can begin.
    pub(crate) fn playable(&self) -> bool {
        self.presentation.playable()
    }

    fn apply(&self, changes: &Changes) {
        if changes.iter().all(|(_, changeset)| changeset.changes.is_empty()) {
            return;
        }
        let mut wake = vec![false; self.live.renditions().len()];
        for (number, changeset) in changes {
            let Some(rendition) = self.live.renditions().get(*number) else { continue };
            for change in &changeset.changes {
                rendition.held().apply(change);
                wake[*number] |= matches!(change, Change::Part(_) | Change::Sealed(_));
            }
        }
        self.publish(&wake);
    }

    fn publish_all(&self) {
        self.publish(&vec![true; self.live.renditions().len()]);
    }

    /// Views are made for all renditions, since each reports on the others; only those who wait for a change are woken.
    fn publish(&self, wake: &[bool]) {
        for (number, rendition) in self.live.renditions().iter().enumerate() {
            let Some(index) = self.presentation.index(number) else { continue };
            let others = || {
                let others = self.live.renditions().iter().enumerate();
                let others =
                    others.filter(|(other, _)| *other != number && self.presentation.is_listed(*other));
                others.filter_map(|(other, rendition)| Some((rendition, self.presentation.index(other)?)))
            };
            let reports = others().filter_map(|(rendition, index)| {
                hls::playlist::media::Report::of(format!("../{}/media.m3u8", rendition.name()), index)
            });
            let windows = others().filter_map(|(rendition, index)| {
                hls::playlist::media::Report::sealed(format!("../{}/dvr.m3u8", rendition.name()), index)
            });
            let (reports, windows) = (reports.collect(), windows.collect());
            let Some(track) = self.presentation.renditions().get(number).map(|r| r.track.clone()) else {
                continue;
            };
            let frame_rate = self.presentation.frame_rate(number);
            let view = View::new(index.clone(), track, reports, windows, frame_rate);
            rendition.list(self.presentation.is_listed(number));
            rendition.publish(view, wake.get(number).copied().unwrap_or(true));
        }
    }
}

/// How long parts stay in memory. Once the journal has them: what players at the mode's distance ask for, and two segments
/// more. Before, or where that fails: as long as a playlist of a short window may be in use (RFC 8216bis §6.2.2). Without a
/// journal: twice as long as any.
fn stay(plan: &Plan, journaled: bool) -> Stay {
    let target = Duration::from_secs(plan.target_duration.into());
    let alone = if journaled {
        (plan.window + plan.hold_limit()).min(Duration::from_secs(75))
    } else {
        plan.window * 2 + plan.hold_limit()
    };
    Stay { alone, near: (plan.latency + 2 * target).min(alone) }
}
