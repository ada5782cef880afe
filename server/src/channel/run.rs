//! One session as it runs: its package, its journal, its clock.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use live::event::Kind as Fact;
use live::recording::{Least, Most};
use media::flv::Metadata;
use media::{AccessUnit, Kind, Timeline, Timescale, Timestamp, Track};

use super::ladder::Plan;
use super::slate::Order;
use super::source::{Meter, announced, renditions};
use super::{IN_MEMORY, Recovered, Shared};
use crate::journal::{Recorder, Trouble};
use crate::monitor::Hub;
use crate::package::{self, Live};

mod closing;
mod stream;

use closing::Closing;

use stream::{Lag, late_recorders, recorders};

/// A publisher that returns goes on at least so long behind what is there: its first frames must not fall into it.
const BEHIND: Timestamp = Timestamp::new(100, Timescale::MILLIS);

/// A session between `OpenSession` and `CloseSession`.
pub(super) struct Run {
    pub id: String,
    plan: hls::Plan,
    record: bool,
    /// What its recording must reach.
    least: Least,
    /// Where it is closed.
    most: Most,
    media: Option<Media>,
    /// What comes in, as known by now.
    pub source: live::Source,
    meter: Meter,
    /// Since when nothing gets into the journal.
    unrecorded: Option<Instant>,
}

/// From the first unit on.
struct Media {
    package: package::Session,
    /// For those who run the show.
    hub: Arc<Hub>,
    recorders: Vec<Recorder>,
    /// Of what comes too late to be shown; made when the first does.
    late: Vec<Recorder>,
    /// The newest key frame of each rendition of pictures, for the slate.
    keys: Vec<Option<bytes::Bytes>>,
    /// How long after its place on the session's clock a unit comes.
    lag: Lag,
    /// A moment on the machine's clock, and where it lies on the session's.
    zero: (Instant, Timestamp),
    told_playable: bool,
    /// Of the recording.
    closing: Closing,
    breaks: u32,
    /// Where media is missing, by track, in seconds.
    gaps: Vec<(&'static str, f64)>,
}

impl Run {
    /// Nothing has come yet.
    pub(super) fn new(id: &str, plan: hls::Plan, record: bool) -> Self {
        let (source, meter, least, most) = Default::default();
        Self { id: id.to_owned(), plan, record, least, most, media: None, source, meter, unrecorded: None }
    }

    /// Its media goes to the disk, be it for the window only.
    pub(super) fn journaled(&self) -> bool {
        self.record || self.plan.window > IN_MEMORY
    }

    /// Nothing came yet.
    pub(super) fn is_fresh(&self) -> bool {
        self.media.is_none()
    }

    /// As it turns out, no recording is wanted of it, or only one that comes so far.
    pub(super) fn record_if(&mut self, wanted: bool, least: Least, most: Most) {
        self.record &= wanted;
        (self.least, self.most) = (least, most);
    }

    /// A session from before the restart.
    pub(super) fn recovered(
        shared: &Shared,
        found: Recovered,
        source: Option<live::Source>,
        most: Most,
    ) -> Self {
        let mut run = Self::new(&found.session, found.plan, found.record);
        run.source = source.unwrap_or_default();
        let (package, changes) = package::Session::resume(
            &found.session,
            found.plan,
            found.epoch_ms,
            found.renditions,
            &found.journals,
        );
        let at = Timestamp::millis(unix_ms(shared.clock.wall()).saturating_sub(found.epoch_ms));
        run.media = Some(Media {
            recorders: recorders(shared, &run.id, &package, run.record),
            late: late_recorders(shared, &run.id, &package, run.record),
            keys: vec![found.key],
            lag: Lag::default(),
            hub: Arc::new(Hub::new(package.declared_all())),
            package,
            zero: (shared.clock.now(), at),
            told_playable: false,
            closing: Closing::resumed(shared, &run.id, run.record, most),
            breaks: 0,
            gaps: Vec::new(),
        });
        if let (Some(media), Some(end)) = (&mut run.media, Closing::end(shared, &run.id)) {
            let sources = media.package.sources();
            media.recorders.iter_mut().take(sources).for_each(|recorder| recorder.end(end));
        }
        // What resuming changed is in the journal already, but for what comes after.
        drop(changes);
        run
    }

    /// How far back viewers can go.
    pub(super) fn window(&self) -> Duration {
        self.plan.window
    }

    /// What viewers read.
    pub(super) fn live(&self) -> Option<&Arc<Live>> {
        self.media.as_ref().map(|media| media.package.live())
    }

    /// What those who run the show read.
    pub(super) fn hub(&self) -> Option<&Arc<Hub>> {
        self.media.as_ref().map(|media| &media.hub)
    }

    /// Begins with the first unit that came at `first`, or goes on with a publisher that returned. Gives its clock.
    pub(super) fn begin(
        &mut self,
        shared: &Shared,
        tracks: &[Track],
        metadata: &Metadata,
        encoder: Option<&str>,
        first: Instant,
        plan: Option<&Plan>,
    ) -> (Timeline, Result<(), Trouble>) {
        let mut sorted: Vec<_> = tracks.iter().collect();
        sorted.sort_by_key(|track| track.kind);
        self.source = announced(sorted.into_iter(), metadata, encoder);
        self.meter = Meter::default();
        let (base, outcome) = match &mut self.media {
            None => {
                let since = shared.clock.now().duration_since(first);
                let first_wall = unix_ms(shared.clock.wall()) - since.as_millis() as i64;
                let epoch_ms = first_wall - Timeline::LEAD.as_millis();
                let renditions = renditions(tracks, metadata, plan);
                let journaled = self.journaled();
                let patience = plan.and_then(Plan::patience);
                let package =
                    package::Session::new(&self.id, self.plan, epoch_ms, renditions, journaled, patience);
                if self.record && self.least != Least::default() {
                    shared.writer.least(&self.id, self.least);
                }
                let (recorders, late) = if journaled {
                    (
                        recorders(shared, &self.id, &package, self.record),
                        late_recorders(shared, &self.id, &package, self.record),
                    )
                } else {
                    Default::default()
                };
                let zero = (first, Timeline::LEAD);
                let (keys, lag) = Default::default();
                self.media = Some(Media {
                    hub: Arc::new(Hub::new(package.declared_all())),
                    package,
                    recorders,
                    late,
                    keys,
                    lag,
                    zero,
                    told_playable: false,
                    closing: Closing::new(shared, &self.id, self.record, self.most),
                    breaks: 0,
                    gaps: Vec::new(),
                });
                (Timeline::LEAD, Ok(()))
            }
            Some(media) => {
                // First what is pending comes out: it lies behind the newest part.
                let outcome = media.returned(tracks, media.at(first));
                let behind = media.package.slate_end().unwrap_or(media.end()).max(media.end()).plus(BEHIND);
                media.lag = Lag::default();
                (media.at(first).max(behind.rescale(Timescale::MILLIS)), outcome)
            }
        };
        let mut timeline = Timeline::new(base);
        for track in tracks {
            timeline.track(track);
        }
        (timeline, outcome)
    }

    /// Where a moment lies on the session's clock.
    pub(super) fn at(&self, now: Instant) -> Timestamp {
        self.media.as_ref().map_or(Timeline::LEAD, |media| media.at(now))
    }

    /// The session has a rendition for this kind.
    pub(super) fn carries(&self, kind: Kind) -> bool {
        self.media.as_ref().is_some_and(|media| media.package.rendition(kind).is_some())
    }

    /// Takes a unit on the session's clock; true where that made something new.
    pub(super) fn push(&mut self, unit: AccessUnit, now: Instant) -> (bool, Result<(), Trouble>) {
        self.take(unit, now, package::Session::push)
    }

    /// The same, with the unit that ends the slate.
    pub(super) fn back(&mut self, unit: AccessUnit, now: Instant) -> (bool, Result<(), Trouble>) {
        self.take(unit, now, package::Session::back)
    }

    fn take(
        &mut self,
        unit: AccessUnit,
        now: Instant,
        into: impl FnOnce(&mut package::Session, usize, AccessUnit) -> package::Changes,
    ) -> (bool, Result<(), Trouble>) {
        self.meter.add(unit.data.len(), now);
        let Some(media) = &mut self.media else { return (false, Ok(())) };
        let Some(number) = media.package.rendition(unit.kind) else { return (false, Ok(())) };
        let hole = media.package.hole(number, &unit).map(Timestamp::seconds).filter(|hole| *hole > 0.0);
        let kind = unit.kind.name();
        media.remember(number, &unit);
        media.monitor(number, &unit);
        if media.package.slate_end().is_none() {
            media.lag.add(media.at(now).minus(unit.pts).as_millis());
        }
        let changes = into(&mut media.package, number, unit);
        if !changes.is_empty() {
            self.source.bitrate = self.meter.bitrate().or(self.source.bitrate);
            if let Some(video) = media.package.rendition(Kind::Video)
                && let Some(rate) = media.package.frame_rate(video)
            {
                self.source.fps = Some(rate.as_f64());
            }
        }
        let outcome = media.record(&changes);
        media.gaps.extend(hole.map(|seconds| (kind, seconds)));
        (!changes.is_empty(), outcome)
    }

    /// Where a rendition of this name stands that is made of the source.
    pub(super) fn place(&self, name: &str) -> Option<usize> {
        self.media.as_ref()?.package.made(name)
    }

    /// What a made rendition is, by its worker's word; true where that made something new.
    pub(super) fn known(&mut self, rendition: usize, track: Track) -> (bool, Result<(), Trouble>) {
        self.change(|media| media.package.configure(rendition, track))
    }

    /// Takes a unit of a made rendition; true where that made something new.
    pub(super) fn made(&mut self, rendition: usize, unit: AccessUnit) -> (bool, Result<(), Trouble>) {
        self.change(|media| {
            media.remember(rendition, &unit);
            media.monitor(rendition, &unit);
            media.package.push(rendition, unit)
        })
    }

    fn change(&mut self, change: impl FnOnce(&mut Media) -> package::Changes) -> (bool, Result<(), Trouble>) {
        let Some(media) = &mut self.media else { return (false, Ok(())) };
        let changes = change(media);
        let outcome = media.record(&changes);
        (!changes.is_empty(), outcome)
    }

    /// Where media was missing since it was last asked.
    pub(super) fn take_gaps(&mut self) -> Vec<(&'static str, f64)> {
        self.media.as_mut().map_or(Vec::new(), |media| std::mem::take(&mut media.gaps))
    }

    /// What the session's rendition of this kind carries now.
    pub(super) fn carried(&self, kind: Kind) -> Option<&Track> {
        let media = self.media.as_ref()?;
        media.package.track(media.package.rendition(kind)?)
    }

    /// The publisher's clock jumped; it goes on at `to`.
    pub(super) fn jump(&mut self, to: Timestamp) -> Result<(), Trouble> {
        let Some(media) = &mut self.media else { return Ok(()) };
        let mut changes = media.package.bridge(to);
        changes.extend(media.package.discontinuity(None));
        media.record(&changes)
    }

    /// A track has a new configuration, or what is pending must come out.
    pub(super) fn discontinuity(&mut self, track: Option<Track>) -> Result<(), Trouble> {
        let Some(media) = &mut self.media else { return Ok(()) };
        let track = track.and_then(|track| Some((media.package.rendition(track.kind)?, track)));
        let changes = media.package.discontinuity(track);
        media.record(&changes)
    }

    /// What a slate of this session is to be; `None` before there is anything to see.
    pub(super) fn slate_job(&self) -> Option<Order> {
        let media = self.media.as_ref()?;
        let mut order = Order { jobs: Vec::new(), renditions: Vec::new() };
        for number in 0..media.package.live().renditions().len() {
            let Some(job) = media.slate_job(number) else {
                order.renditions.push(None);
                continue;
            };
            let known = order.jobs.iter().position(|known| *known == job);
            order.renditions.push(Some(known.unwrap_or(order.jobs.len())));
            order.jobs.extend(known.is_none().then_some(job));
        }
        let sources = order.renditions.iter().zip(media.package.live().renditions());
        sources.filter(|(_, one)| !one.made()).all(|(job, _)| job.is_some()).then_some(order)
    }

    /// Viewers see the slate from now on.
    pub(super) fn slate(&mut self, slate: hls::slate::Slate, now: Instant) -> Result<(), Trouble> {
        let Some(media) = &mut self.media else { return Ok(()) };
        let to = media.slate_to(now, &self.plan);
        let changes = media.package.slate(slate, to);
        media.record(&changes)
    }

    /// More of the slate.
    pub(super) fn advance(&mut self, now: Instant) -> Result<(), Trouble> {
        let Some(media) = &mut self.media else { return Ok(()) };
        let to = media.slate_to(now, &self.plan);
        let changes = media.package.advance(to);
        media.record(&changes)
    }

    /// How often there is more of the slate.
    pub(super) fn pace(&self) -> Duration {
        self.plan.part
    }

    /// Where the slate ends by now, while it is shown.
    pub(super) fn slate_end(&self) -> Option<Timestamp> {
        self.media.as_ref()?.package.slate_end()
    }

    /// Discontinuities and initialisation segments since it was last asked.
    pub(super) fn take_breaks(&mut self) -> u32 {
        self.media.as_mut().map_or(0, |media| std::mem::take(&mut media.breaks))
    }

    /// Seconds between key frames above which segments are cut without one.
    pub(super) fn longest_gop(&self) -> f64 {
        self.plan.segment_limit().as_secs_f64()
    }

    /// True once: players can begin.
    pub(super) fn became_playable(&mut self) -> bool {
        self.media.as_mut().is_some_and(|media| {
            let now = media.package.playable() && !media.told_playable;
            media.told_playable |= now;
            now
        })
    }

    /// The end: everything pending goes into the playlists and the journal.
    pub(super) fn finish(&mut self) -> Result<(), Trouble> {
        let Some(media) = &mut self.media else { return Ok(()) };
        let changes = media.package.finish();
        let outcome = media.record(&changes);
        media.close();
        outcome
    }

    /// The server stops, the session doesn't: everything pending goes into the journal.
    pub(super) fn seal(&mut self) -> Result<(), Trouble> {
        let Some(media) = &mut self.media else { return Ok(()) };
        let changes = media.package.flush();
        let outcome = media.record(&changes);
        media.close();
        outcome
    }

    /// What there is to say of the recording since it was last asked: that it stopped, or that it goes on and how much is
    /// missing.
    pub(super) fn recording_turned(&mut self, outcome: &Result<(), Trouble>, now: Instant) -> Option<Fact> {
        match (outcome, self.unrecorded) {
            (Err(trouble), None) => {
                self.unrecorded = Some(now);
                Some(Fact::RecordingStopped { detail: trouble.to_string() })
            }
            (Ok(()), Some(since)) => {
                let well = self.media.as_ref().is_none_or(|media| media.recorders.iter().all(Recorder::well));
                well.then(|| {
                    self.unrecorded = None;
                    Fact::RecordingResumed { missing: now.saturating_duration_since(since) }
                })
            }
            (Ok(()), None) | (Err(_), Some(_)) => None,
        }
    }

    /// All of it is kept.
    pub(super) fn records(&self) -> bool {
        self.record
    }

    /// It has something to fetch afterwards.
    pub(super) fn recorded(&self) -> bool {
        self.record && self.media.is_some()
    }
}

pub(super) fn unix_ms(at: SystemTime) -> i64 {
    let since = at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO);
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
