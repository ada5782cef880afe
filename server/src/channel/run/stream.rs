//! A session's media on its clock, into its journal.

use std::time::{Duration, Instant};

use hls::Change;
use media::{AccessUnit, CodecConfig, Kind, Timescale, Timestamp, Track};
use transcode::{Job, Sound, Still};

use super::Media;
use crate::channel::Shared;
use crate::channel::slate::picture;
use crate::journal::{Context, Recorder, Trouble};
use crate::package;

impl Media {
    pub(super) fn at(&self, now: Instant) -> Timestamp {
        let (moment, at) = self.zero;
        let since = now.saturating_duration_since(moment);
        at.plus(Timestamp::of_duration(since, Timescale::NANOS).rescale(Timescale::MILLIS))
    }

    /// Where the newest part ends.
    pub(super) fn end(&self) -> Timestamp {
        let ends = (0..self.package.live().renditions().len()).filter_map(|number| {
            let index = self.package.index(number)?;
            let newest = index.open().or_else(|| index.segments().next_back().map(|segment| &**segment))?;
            Some(newest.start.plus(newest.duration))
        });
        ends.max().unwrap_or(Timestamp::millis(0)).rescale(Timescale::MILLIS)
    }

    /// Keeps a key frame of a rendition for its slate.
    pub(super) fn remember(&mut self, number: usize, unit: &AccessUnit) {
        if unit.kind == Kind::Video && unit.key {
            if self.keys.len() <= number {
                self.keys.resize(number + 1, None);
            }
            self.keys[number] = Some(unit.data.clone());
        }
    }

    /// What a rendition shows and lets be heard while nothing comes.
    pub(super) fn slate_job(&self, number: usize) -> Option<Job> {
        let track = self.package.track(number)?;
        let (mut still, mut sound) = (None, None);
        match &track.config {
            CodecConfig::Avc(config) => {
                let rate = self.package.frame_rate(number)?;
                let picture = picture(track, self.keys.get(number).and_then(Option::as_ref));
                still = Some(Still { picture, width: config.width, height: config.height, rate });
            }
            CodecConfig::Aac(config) => {
                let channels = config.channels.clamp(1, 2);
                sound = Some(Sound { sample_rate: config.sample_rate, channels });
            }
        }
        Some(Job { number: 0, still, sound })
    }

    /// Another connection goes on with it at `first`, maybe with other configurations.
    pub(super) fn returned(&mut self, tracks: &[Track], first: Timestamp) -> Result<(), Trouble> {
        let carried =
            tracks.iter().filter_map(|track| Some((self.package.rendition(track.kind)?, track.clone())));
        let carried = carried.collect();
        let mut changes = self.package.bridge(first);
        changes.extend(self.package.returned(carried));
        self.record(&changes)
    }

    /// How far the slate goes by now: as late as the publisher was, and a part more, so that its next key frame finds its
    /// place free.
    pub(super) fn slate_to(&self, now: Instant, plan: &hls::Plan) -> Timestamp {
        let behind = plan.part + self.lag.usual();
        self.at(now).minus(Timestamp::of_duration(behind, Timescale::MILLIS))
    }

    pub(super) fn monitor(&self, number: usize, unit: &AccessUnit) {
        if let Some(track) = self.package.track(number) {
            self.hub.push(number, track, unit);
        }
    }

    pub(super) fn close(&mut self) {
        self.hub.close();
        self.recorders.clear();
        self.late.clear();
    }

    pub(super) fn record(&mut self, changes: &package::Changes) -> Result<(), Trouble> {
        let mut outcome = Ok(());
        for (number, changeset) in changes {
            let Some(rendition) = self.package.declared(*number) else { continue };
            // What a worker makes is not the publisher's doing.
            let sent = !rendition.made;
            let breaks = changeset.changes.iter().filter(|change| sent && breaks(change));
            self.breaks = self.breaks.saturating_add(breaks.count() as u32);
            let kind = rendition.track.kind.name();
            let gaps = changeset.changes.iter().filter_map(|change| match change {
                Change::Sealed(segment) if segment.gap && sent => Some((kind, segment.duration.seconds())),
                Change::Sealed(_)
                | Change::Init(_)
                | Change::Part(_)
                | Change::Removed(_)
                | Change::Late { .. } => None,
            });
            self.gaps.extend(gaps);
            if sent {
                let sources = self.package.sources().min(self.recorders.len());
                for change in &changeset.changes {
                    self.closing.change(*number == 0, change, &mut self.recorders[..sources]);
                }
            }
            let Some(recorder) = self.recorders.get_mut(*number) else { continue };
            let Some(index) = self.package.index(*number) else { continue };
            let context = Context { index, rendition, frame_rate: self.package.frame_rate(*number) };
            for change in &changeset.changes {
                let written = match (change, self.late.get_mut(*number)) {
                    (Change::Late { place, change }, Some(late)) => late.apply_late(*place, change, &context),
                    (Change::Late { .. }, None) => Ok(()),
                    (change, _) => recorder.apply(change, &context),
                };
                outcome = outcome.and(written);
            }
            let (written, lost) = (recorder.written(), recorder.take_losses());
            if let Some(msns) = lost {
                self.package.lose(*number, msns);
            }
            if let Some(before) = written {
                self.package.journaled(*number, before);
            }
        }
        outcome
    }
}

/// Whether it costs what `Breaks` counts.
fn breaks(change: &Change) -> bool {
    match change {
        Change::Init(_) => true,
        Change::Part(part) => part.index == 0 && part.discontinuity && !part.live_only,
        Change::Late { change, .. } => breaks(change),
        Change::Sealed(_) | Change::Removed(_) => false,
    }
}

pub(super) fn recorders(
    shared: &Shared,
    session: &str,
    package: &package::Session,
    record: bool,
) -> Vec<Recorder> {
    let one = |rendition: &package::Rendition| match rendition.made() {
        true if record => Recorder::window(&shared.writer, session, rendition.name()),
        _ => Recorder::new(&shared.writer, session, rendition.name(), record),
    };
    package.live().renditions().iter().map(one).collect()
}

/// None where only the window is kept: what came late isn't in it.
pub(super) fn late_recorders(
    shared: &Shared,
    session: &str,
    package: &package::Session,
    record: bool,
) -> Vec<Recorder> {
    let renditions = package.live().renditions().iter().filter(|rendition| record && !rendition.made());
    renditions.map(|rendition| Recorder::late(&shared.writer, session, rendition.name())).collect()
}

/// How late a publisher's units usually are: quick to believe in less, slow to believe in more, so that a burst changes
/// nothing.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Lag(Option<f64>);

impl Lag {
    pub(super) fn add(&mut self, ms: i64) {
        let sample = ms.clamp(0, 2_000) as f64;
        self.0 = Some(self.0.map_or(sample, |usual| usual.min(sample) + (sample - usual).max(0.0) / 64.0));
    }

    pub(super) fn usual(self) -> Duration {
        Duration::from_millis(self.0.unwrap_or(0.0) as u64)
    }
}
