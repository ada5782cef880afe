//! One rendition of one session on its way into the journal.

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use hls::journal::{Log, Write};

use super::health::{Health, Losses, Trouble};
use super::write::{Job, Writer};

/// A player may still hold a playlist with segments that just left the window.
const GRACE: u64 = 8;

/// What a file's head says of its rendition.
pub(crate) struct Context<'a> {
    pub index: &'a hls::Index,
    pub rendition: &'a hls::presentation::Rendition,
    pub frame_rate: Option<media::Rational>,
}

/// Writes one rendition of one session.
pub(crate) struct Recorder {
    writer: Writer,
    folder: Arc<Path>,
    session: String,
    rendition: String,
    health: Arc<Health>,
    log: Option<Log>,
    /// The newest initialisation segment.
    init: Option<Arc<hls::Init>>,
    /// Of what came too late to be shown: see `hls::journal::Header::late`.
    place: Option<u64>,
    /// Only the window is kept.
    trims: bool,
    /// But for what comes before this segment.
    kept: u64,
    /// A file begins with this segment.
    cut: Option<u64>,
    /// Parts that did not get into the journal.
    missing: u64,
    losses: Losses,
}

impl Recorder {
    /// Nothing is written before the first part. `keeps`: for longer than the window.
    pub(crate) fn new(writer: &Writer, session: &str, rendition: &str, keeps: bool) -> Self {
        if !keeps {
            writer.send(Job::Mark { session: writer.root.join(session).into() }, 0);
        }
        Self {
            writer: writer.clone(),
            folder: super::folder(&writer.root, session, rendition).into(),
            session: session.to_owned(),
            rendition: rendition.to_owned(),
            health: Arc::default(),
            log: None,
            init: None,
            place: None,
            trims: !keeps,
            kept: 0,
            cut: None,
            missing: 0,
            losses: Losses::default(),
        }
    }

    /// Of a rendition that can be made again: only the window is kept of it, whatever is kept of the session.
    pub(crate) fn window(writer: &Writer, session: &str, rendition: &str) -> Self {
        let mut recorder = Self::new(writer, session, rendition, true);
        recorder.trims = true;
        recorder
    }

    /// The recording ends before this segment: of what follows only the window is kept.
    pub(crate) fn end(&mut self, msn: u64) {
        (self.trims, self.kept, self.cut) = (true, msn, Some(msn));
    }

    /// Of media that came too late to be shown.
    pub(crate) fn late(writer: &Writer, session: &str, rendition: &str) -> Self {
        let mut late = Self::new(writer, session, rendition, true);
        late.place = Some(0);
        late
    }

    /// Hands over what came late; its place is taken from this segment on.
    pub(crate) fn apply_late(
        &mut self,
        place: u64,
        change: &hls::Change,
        context: &Context<'_>,
    ) -> Result<(), Trouble> {
        self.place = Some(place);
        self.apply(change, context)
    }

    /// Hands a change over. After a loss nothing is written until the next segment, which begins a new file: in a file
    /// parts follow each other without a hole.
    pub(crate) fn apply(&mut self, change: &hls::Change, context: &Context<'_>) -> Result<(), Trouble> {
        let mut met = Ok(());
        if let Some((from, why)) = self.health.take() {
            self.log = None;
            // The segment at hand is broken off; what comes of it is not written either.
            self.losses.add(from..context.index.current_msn().max(from + 1));
            met = Err(Trouble::Disk(why));
        }
        // What failed was an earlier write: this change may fare better.
        self.write(change, context).and(met)
    }

    /// The segments that were found missing since it was last asked.
    pub(crate) fn take_losses(&mut self) -> Option<Range<u64>> {
        self.losses.fresh.take()
    }

    /// Segments before this one are in the files, but for those that were found missing.
    pub(crate) fn written(&self) -> Option<u64> {
        self.health.newest()
    }

    /// All is well, or is again: something was written behind what is missing.
    pub(crate) fn well(&self) -> bool {
        self.losses.until.is_none_or(|until| self.health.newest().is_some_and(|newest| newest > until))
    }

    fn write(&mut self, change: &hls::Change, context: &Context<'_>) -> Result<(), Trouble> {
        if let hls::Change::Init(init) = change {
            self.init = Some(Arc::clone(init));
        }
        if let hls::Change::Part(part) = change
            && part.index == 0
            && self.cut.take_if(|cut| *cut <= part.msn).is_some()
        {
            self.log = None;
        }
        if let hls::Change::Part(part) = change
            && self.log.is_none()
        {
            if part.index > 0 {
                self.missing += 1;
                self.losses.add(part.msn..part.msn + 1);
                return Ok(());
            }
            let Context { index, rendition: of, frame_rate } = context;
            let control = index.control.clone();
            let init = self.init.clone().filter(|init| init.number == part.init);
            let init = init.or_else(|| index.init(part.init).cloned());
            let (session, rendition) = (self.session.as_str(), self.rendition.as_str());
            let mut log = Log::new(session, rendition, control, of.track.clone(), *frame_rate, init);
            log.set_role(of.made, of.listed);
            self.log = Some(log);
        }
        let Some(log) = &mut self.log else { return Ok(()) };
        if let Some(place) = self.place {
            log.set_late(place);
        }
        if matches!(change, hls::Change::Init(_)) {
            log.set_track(context.rendition.track.clone());
        }
        let msn = if let hls::Change::Part(part) = change { part.msn } else { context.index.current_msn() };
        for write in log.apply(change) {
            let folder = Arc::clone(&self.folder);
            let (job, bytes) = match write {
                Write::Open { msn, head } => {
                    if self.trims {
                        let before = context.index.window_sequence().saturating_sub(GRACE);
                        let from = self.kept;
                        self.writer.send(Job::Trim { folder: Arc::clone(&folder), from, before }, 0);
                    }
                    let bytes = head.len() as u64;
                    (Job::Open { folder, msn, head, health: Arc::clone(&self.health) }, bytes)
                }
                Write::Append(data) => {
                    let bytes = data.len() as u64;
                    (Job::Append { folder, msn, data }, bytes)
                }
            };
            if !self.writer.send(job, bytes) {
                self.missing += 1;
                self.log = None;
                self.losses.add(msn..msn + 1);
                return Err(Trouble::Slow(self.missing));
            }
        }
        Ok(())
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        // Where even this finds no room, the file is closed with the thread.
        let (folder, late) = (Arc::clone(&self.folder), self.place.is_some());
        self.writer.send(Job::Close { folder, late }, 0);
    }
}
