//! Media through a channel: from what a publisher sends to the session's package and journal.

use std::time::Instant;

use live::channel::Input;
use live::event::Issue;
use live::{Refusal, SessionId};
use media::{AccessUnit, Kind, Timestamp, Track};

use tokio::task::JoinHandle;

use super::{Actor, Connected, KEEP_SOURCE, Stage};
use crate::channel::Shared;
use crate::channel::gather::Gather;
use crate::channel::run::Run;
use crate::channel::source::announced;
use crate::journal::Trouble;
use crate::store::Store;

impl Actor {
    pub(super) async fn track(&mut self, track: Track) {
        let now = self.now();
        let Some(on) = &mut self.on else { return };
        match &mut on.stage {
            Stage::Gathering(gather) => {
                gather.track(track, now);
                self.settle_if_gathered().await;
            }
            Stage::Flowing { metadata, tracks, timeline, .. } => {
                let known = tracks.iter().any(|known| known.kind == track.kind);
                if !known {
                    let detail = format!("{} began after the others and is left out", track.kind.name());
                    let publisher = on.id;
                    self.input(Input::Issue { publisher, issue: Issue::Malformed { detail } }).await;
                    return;
                }
                tracks.retain(|known| known.kind != track.kind);
                tracks.push(track.clone());
                tracks.sort_by_key(|track| track.kind);
                if let Some(timeline) = timeline {
                    timeline.track(&track);
                }
                let source = announced(tracks.iter(), metadata, on.encoder.as_deref());
                let publisher = on.id;
                if let Some(run) = &mut self.run {
                    run.source = source.clone();
                    let outcome = run.discontinuity(Some(track));
                    self.journal_outcome(outcome).await;
                }
                self.input(Input::Tracks { publisher, source }).await;
                self.count_breaks(now).await;
            }
        }
    }

    pub(super) async fn settle_if_gathered(&mut self) {
        let now = self.now();
        if let Some(Connected { stage: Stage::Gathering(gather), .. }) = &self.on
            && gather.done(now)
        {
            self.settle().await;
        }
    }

    /// The tracks are what they are by now: media flows.
    pub(super) async fn settle(&mut self) {
        let now = self.now();
        let Some(on) = &mut self.on else { return };
        let Stage::Gathering(gather) = &mut on.stage else { return };
        if gather.tracks.is_empty() {
            return;
        }
        let Gather { metadata, tracks, early, .. } = std::mem::take(gather);
        let first = early.front().map_or(now, |(_, at)| *at);
        on.stage = Stage::Flowing { metadata, tracks, timeline: None, seen_key: false, last_key: None };
        self.begin(first).await;
        for (unit, at) in early {
            self.unit(unit, at).await;
        }
    }

    /// Media begins to flow into the session, or goes on in it.
    pub(super) async fn begin(&mut self, first: Instant) {
        let (Some(on), Some(run)) = (&mut self.on, &mut self.run) else { return };
        let Stage::Flowing { metadata, tracks, timeline, .. } = &mut on.stage else { return };
        let (clock, outcome) = run.begin(&self.shared, tracks, metadata, on.encoder.as_deref(), first);
        *timeline = Some(clock);
        let left_out = tracks.iter().find(|track| !run.carries(track.kind)).map(|track| track.kind.name());
        let (publisher, source) = (on.id, run.source.clone());
        self.journal_outcome(outcome).await;
        self.input(Input::Tracks { publisher, source }).await;
        if let Some(name) = left_out {
            let detail =
                format!("the session began without {name}, so it is left out until the next session");
            self.input(Input::Issue { publisher, issue: Issue::Malformed { detail } }).await;
        }
    }

    pub(super) async fn unit(&mut self, unit: AccessUnit, now: Instant) {
        let Some(on) = &mut self.on else { return };
        let Stage::Flowing { tracks, timeline, seen_key, .. } = &mut on.stage else { return };
        let publisher = on.id;
        let picture = unit.kind == Kind::Video;
        if picture && unit.key {
            *seen_key = true;
        }
        let pictures = tracks.iter().any(|track| track.kind == Kind::Video);
        if pictures && !*seen_key && (picture || timeline.is_none()) {
            return;
        }
        if timeline.is_none() {
            // After a restream: the new session begins here.
            self.begin(now).await;
        }
        let (Some(on), Some(run)) = (&mut self.on, &mut self.run) else { return };
        let Stage::Flowing { timeline: Some(timeline), last_key, .. } = &mut on.stage else { return };
        let Some(settled) = timeline.push(unit, run.at(now)) else { return };
        let mut gop = None;
        if picture && settled.unit.key {
            gop = last_key.filter(|_| settled.jump.is_none()).map(|last| settled.unit.dts.minus(last));
            *last_key = Some(settled.unit.dts);
        }
        let longest = run.longest_gop();
        let mut outcome = Ok(());
        let jumped = settled.jump.is_some();
        if let Some(jump) = settled.jump {
            outcome = run.discontinuity(None);
            let issue = Issue::ClockJump { by_ms: jump.as_millis() };
            self.input(Input::Issue { publisher, issue }).await;
        }
        if let Some(seconds) = gop.map(Timestamp::seconds).filter(|seconds| *seconds > longest) {
            self.input(Input::Issue { publisher, issue: Issue::LongGop { seconds } }).await;
        }
        let Some(run) = &mut self.run else { return };
        let (new, pushed) = run.push(settled.unit, now);
        self.journal_outcome(outcome.and(pushed)).await;
        if new || jumped {
            self.playable().await;
            self.keep_source(now);
            self.count_breaks(now).await;
        }
    }

    pub(super) async fn playable(&mut self) {
        let Some(run) = &mut self.run else { return };
        if !run.became_playable() {
            return;
        }
        if let Some(live) = run.live() {
            self.shared.shelf.put(&self.channel.playback_id, live);
        }
        let session = SessionId::new(run.id.as_str());
        self.input(Input::Playable { session }).await;
    }

    /// The figures for whoever asks, and now and then for the database, which live media doesn't wait for.
    pub(super) fn keep_source(&mut self, now: Instant) {
        let Some(run) = &self.run else { return };
        self.shared.sources().insert(run.id.clone(), run.source.clone());
        let lately = |kept| now.saturating_duration_since(kept) < KEEP_SOURCE;
        if self.source_kept.is_some_and(lately)
            || self.keeping.as_ref().is_some_and(|keeping| !keeping.is_finished())
        {
            return;
        }
        self.source_kept = Some(now);
        let (store, id, source) = (self.shared.store.clone(), run.id.clone(), run.source.clone());
        self.keeping = Some(tokio::spawn(async move { keep(&store, &id, source).await }));
    }

    /// Ends a publisher whose timeline breaks too often.
    pub(super) async fn count_breaks(&mut self, now: Instant) {
        let (Some(on), Some(run)) = (&mut self.on, &mut self.run) else { return };
        if !on.breaks.allow(run.take_breaks(), now) {
            let why = "its clock or its configuration changes too often: check the encoder".to_owned();
            let (publisher, refusal) = (on.id, Refusal::Limit(why));
            self.input(Input::Refused { publisher, refusal }).await;
        }
    }

    /// A disk that fails must not stop what is live.
    pub(super) async fn journal_outcome(&mut self, outcome: Result<(), Trouble>) {
        let now = self.now();
        if let Some(run) = &mut self.run
            && let Some(kind) = run.recording_turned(&outcome, now)
        {
            let session = Some(SessionId::new(run.id.as_str()));
            let channel = Some(self.subject());
            self.shared.record(live::Event { channel, session, kind });
        }
        let Err(trouble) = outcome else { return };
        let detail = trouble.to_string();
        match self.on.as_ref().map(|on| on.id) {
            Some(publisher) => {
                self.input(Input::Issue { publisher, issue: Issue::NotRecorded { detail } }).await;
            }
            None => tracing::error!("channel {}: {detail}", self.channel.settings.name),
        }
    }
}

/// The last figures of a run.
pub(super) async fn keep_last(shared: &Shared, keeping: Option<JoinHandle<()>>, run: &Run) {
    if let Some(keeping) = keeping {
        let _ = keeping.await;
    }
    keep(&shared.store, &run.id, run.source.clone()).await;
}

async fn keep(store: &Store, session: &str, source: live::Source) {
    if let Err(error) = store.set_source(session, source).await {
        tracing::warn!("the figures of {session} were not kept: {error}");
    }
}
