//! Media through a channel: from what a publisher sends to the session's package and journal.

use std::time::Instant;

use live::channel::Input;
use live::event::Issue;
use live::{Refusal, SessionId};
use media::{AccessUnit, Jump, Kind, Settled, Timestamp};

use tokio::task::JoinHandle;

use super::{Actor, Gop, KEEP_SOURCE, Stage};
use crate::channel::Shared;
use crate::channel::run::Run;
use crate::journal::Trouble;
use crate::store::Store;

impl Actor {
    pub(super) async fn unit(&mut self, unit: AccessUnit, now: Instant) {
        let Some(on) = &mut self.on else { return };
        let Stage::Flowing { tracks, timeline, seen_key, .. } = &mut on.stage else { return };
        let publisher = on.id;
        let (picture, kind) = (unit.kind == Kind::Video, unit.kind);
        let carried = self.run.as_ref().is_none_or(|run| timeline.is_none() || run.carries(kind));
        if !carried || !tracks.iter().any(|track| track.kind == kind) {
            return self.issue(Issue::TrackRefused { track: kind.name() }).await;
        }
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
        let Stage::Flowing { timeline: Some(timeline), gop, silence, .. } = &mut on.stage else { return };
        let sent = unit.clone();
        let Some(Settled { mut unit, jump, audio_drift }) = timeline.push(unit, run.at(now)) else { return };
        if let Some(silence) = silence.as_mut().filter(|_| jump.is_some()) {
            silence.discontinuity();
        }
        let before = match silence {
            Some(silence) if picture => silence.before(unit.dts),
            Some(silence) => {
                if !silence.sound(unit.dts) {
                    // Its place is taken.
                    return;
                }
                Vec::new()
            }
            None => Vec::new(),
        };
        let mut issues = Vec::new();
        issues.extend((!before.is_empty()).then_some(Issue::SoundMissing));
        issues.extend(audio_drift.map(|percent| Issue::AudioDrift { percent }));
        if picture {
            issues.extend(gop.push(&unit, jump.is_some(), run.longest_gop()));
        }
        let mut outcome = Ok(());
        if let Some(jump) = &jump {
            outcome = run.jump(unit.dts);
            issues.push(match jump {
                Jump::By(by) => Issue::ClockJump { by_ms: by.as_millis() },
                Jump::Behind(by) => Issue::ClockDrift { behind_ms: by.as_millis() },
            });
        }
        let mut new = jump.is_some();
        for unit in before {
            self.feed_ladder(&unit, now);
            let Some(run) = &mut self.run else { return };
            let (made, pushed) = run.push(unit, now);
            new |= made;
            outcome = outcome.and(pushed);
        }
        // A key frame may end the slate.
        let back = if self.slate.wanted && self.leads(&unit) {
            self.key_frame(publisher, &unit).await
        } else {
            None
        };
        if back == Some(true) {
            let Some(anew) = self.anew(sent, now) else { return };
            unit = anew;
        }
        let fed = unit.clone();
        let Some(run) = &mut self.run else { return };
        let (made, pushed) = if back.is_some() { run.back(unit, now) } else { run.push(unit, now) };
        new |= made;
        outcome = outcome.and(pushed);
        issues.extend(run.take_gaps().into_iter().map(|(track, seconds)| Issue::MediaGap { track, seconds }));
        self.feed_ladder(&fed, now);
        self.watch_drift(&fed, jump.is_some(), now);
        self.journal_outcome(outcome).await;
        for issue in issues {
            self.input(Input::Issue { publisher, issue }).await;
        }
        if new {
            self.playable().await;
            self.keep_source(now);
            self.count_breaks(now).await;
        }
    }

    /// Something is wrong with what the publisher sends.
    pub(super) async fn issue(&mut self, issue: Issue) {
        if let Some(publisher) = self.on.as_ref().map(|on| on.id) {
            self.input(Input::Issue { publisher, issue }).await;
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

/// A GOP without an end in sight is told of before it ends.
const ENDLESS_S: f64 = 10.0;

impl Gop {
    /// Takes a picture; gives what is to be told where its key frame is further away than `longest` seconds.
    fn push(&mut self, unit: &AccessUnit, jumped: bool, longest: f64) -> Option<Issue> {
        let seconds = self.key.filter(|_| !jumped).map(|key| unit.dts.minus(key)).map(Timestamp::seconds);
        if jumped || unit.key {
            self.key = Some(unit.dts);
        }
        let told = if unit.key { std::mem::take(&mut self.told) } else { self.told };
        let least = if unit.key { longest } else { longest.max(ENDLESS_S) };
        let seconds = seconds.filter(|seconds| *seconds > least && !told)?;
        self.told = !unit.key;
        Some(Issue::LongGop { seconds })
    }
}

async fn keep(store: &Store, session: &str, source: live::Source) {
    if let Err(error) = store.set_source(session, source).await {
        tracing::warn!("the figures of {session} were not kept: {error}");
    }
}
