//! The running session's thumbnails: from its ladder's worker, or from the shared one where nothing decodes its pictures.

use std::sync::Arc;
use std::time::Duration;

use media::{AccessUnit, Kind, Track};
use transcode::watch::Thumbnail;

use super::{Actor, Connected, Stage};
use crate::channel::detect::{config, measured};
use crate::stills::Album;
use crate::transcode::order::Measure;
use crate::transcode::watch::feed::{Eye, Saw};

/// The running session's.
#[derive(Default)]
pub(super) struct Stills {
    album: Option<Arc<Album>>,
    /// On the shared worker.
    eye: Option<Eye>,
}

impl Stills {
    /// The next thing that the shared worker saw; never where it doesn't look.
    pub(super) async fn saw(&mut self) -> Saw {
        match &mut self.eye {
            Some(eye) => eye.saw().await,
            None => std::future::pending().await,
        }
    }

    /// Its place on the shared worker.
    pub(super) fn eye(&self) -> Option<&Eye> {
        self.eye.as_ref()
    }

    fn put(&self, made: Thumbnail) {
        if let Some(album) = &self.album {
            album.put(made);
        }
    }
}

impl Actor {
    /// Media flows, or flows on with other tracks.
    pub(super) fn begin_stills(&mut self, tracks: &[Track]) {
        if self.run.is_none() || self.shared.transcoder.program().is_none() {
            return;
        }
        let has = |kind| tracks.iter().any(|track| track.kind == kind);
        let every = if has(Kind::Video) { self.open_album() } else { None };
        // What the ladder's worker does is left to it.
        let left = |kind| has(kind) && !self.ladder.as_ref().is_some_and(|desk| desk.takes(kind));
        let config = config(&self.channel.settings);
        let measure = Measure {
            pictures: config.pictures() && left(Kind::Video),
            sound: config.sound() && left(Kind::Audio),
        };
        let every = every.filter(|_| left(Kind::Video));
        if every.is_none() && measure == Measure::default() {
            self.stills.eye = None;
        } else if let Some(eye) = &self.stills.eye {
            tracks.iter().for_each(|track| eye.track(track));
        } else {
            self.stills.eye = self.shared.watcher.watch(tracks, every);
        }
        if let Some(eye) = &mut self.stills.eye {
            eye.measure(measure);
        }
    }

    /// A ladder that waited may have begun to decode.
    pub(super) fn settle_stills(&mut self) {
        let taken = self.ladder.as_ref().is_some_and(|desk| desk.takes(Kind::Video));
        if taken && self.stills.eye().is_some_and(Eye::pictures) {
            self.stills.eye = None;
            self.look_anew();
        }
    }

    /// What is to be looked at may have changed.
    pub(super) fn look_anew(&mut self) {
        if let Some(Connected { stage: Stage::Flowing { tracks, .. }, .. }) = &self.on {
            let tracks = tracks.clone();
            self.begin_stills(&tracks);
        }
    }

    /// What came of the session so far is there. Gives how often there is more of it.
    pub(super) fn open_album(&mut self) -> Option<Duration> {
        let (run, every) = (self.run.as_ref()?, self.shared.albums.every()?);
        let window = (!run.records()).then(|| run.window());
        self.stills.album = Some(self.shared.albums.open(&run.id, run.journaled(), window));
        Some(every)
    }

    /// A unit of the source, as viewers get it.
    pub(super) fn look(&mut self, unit: &AccessUnit) {
        if let Some(eye) = self.stills.eye.as_mut().filter(|_| !self.slate.shown()) {
            eye.unit(unit);
        }
    }

    /// What the shared worker saw.
    pub(super) fn saw(&mut self, saw: Saw) {
        match saw {
            Saw::Figures(figures) => self.measured(measured(figures)),
            Saw::Thumbnail(made) => self.stills.put(made),
            Saw::Nothing(why) => {
                tracing::debug!("channel {}: no thumbnail: {why}", self.channel.settings.name);
            }
        }
    }

    /// What the ladder's worker made.
    pub(super) fn thumbnail(&self, made: Thumbnail) {
        self.stills.put(made);
    }

    /// The session is over; gives what came of it.
    pub(super) fn end_stills(&mut self) -> Option<Arc<Album>> {
        std::mem::take(&mut self.stills).album
    }
}
