//! Which tracks a publisher has, at first and later.

use std::time::{Duration, Instant};

use api::recording::Recording;
use bytes::Bytes;
use live::channel::Input;
use live::event::Issue;
use live::recording::{Least, Most};
use media::flv::Metadata;
use media::{CodecConfig, Kind, Silence, Track, aac};

use super::ladder::{join, logo, plan};
use super::{Actor, Connected, Gop, Stage};
use crate::channel::gather::Gather;
use crate::channel::ladder::is_like;
use crate::channel::source::announced;

impl Actor {
    pub(super) async fn track(&mut self, track: Track) {
        let now = self.now();
        let Some(on) = &mut self.on else { return };
        match &mut on.stage {
            Stage::Gathering(gather) => {
                gather.track(track, now);
                self.settle_if_gathered().await;
            }
            Stage::Flowing { metadata, tracks, timeline, silence, .. } => {
                let carried =
                    self.run.as_ref().is_none_or(|run| timeline.is_none() || run.carries(track.kind));
                let Some(known) = tracks.iter().find(|known| known.kind == track.kind).filter(|_| carried)
                else {
                    return self.issue(Issue::TrackRefused { track: track.kind.name() }).await;
                };
                if *known == track {
                    // What was announced, as announced.
                    return;
                }
                let awaited = track.kind == Kind::Audio && silence.as_ref().is_some_and(Silence::stands_in);
                let issue = (!awaited).then(|| changed(&track));
                tracks.retain(|known| known.kind != track.kind);
                tracks.push(track.clone());
                tracks.sort_by_key(|track| track.kind);
                if let Some(timeline) = timeline {
                    timeline.track(&track);
                }
                if let (Some(silence), CodecConfig::Aac(config)) = (silence, &track.config) {
                    silence.change(config);
                }
                let source = announced(tracks.iter(), metadata, on.encoder.as_deref());
                let publisher = on.id;
                if let Some(desk) = &mut self.ladder {
                    desk.tracks(tracks);
                }
                if let Some(eye) = self.stills.eye() {
                    eye.track(&track);
                }
                if let Some(run) = &mut self.run {
                    run.source = source.clone();
                    let outcome = run.discontinuity(Some(track));
                    self.journal_outcome(outcome).await;
                }
                self.input(Input::Tracks { publisher, source }).await;
                if let Some(issue) = issue {
                    self.issue(issue).await;
                }
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
        let Gather { metadata, mut tracks, early, .. } = std::mem::take(gather);
        let first = early.front().map_or(now, |(_, at)| *at);
        let silence = silence(&mut tracks, &metadata);
        let (gop, timeline) = (Gop::default(), None);
        on.stage = Stage::Flowing { metadata, tracks, timeline, seen_key: false, gop, silence };
        self.begin(first).await;
        for (unit, at) in early {
            self.unit(unit, at).await;
        }
    }

    /// Media begins to flow into the session, or goes on in it.
    pub(super) async fn begin(&mut self, first: Instant) {
        let (Some(on), Some(run)) = (&mut self.on, &mut self.run) else { return };
        let Stage::Flowing { metadata, tracks, timeline, silence, .. } = &mut on.stage else { return };
        // A session that began with sound goes on with silence where the publisher that returns has none.
        if let (None, Some(track)) = (&silence, run.carried(Kind::Audio))
            && tracks.iter().all(|known| known.kind == Kind::Video)
            && let CodecConfig::Aac(config) = &track.config
        {
            *silence = Silence::new(config, true);
            tracks.push(track.clone());
        }
        if let Some(silence) = silence {
            silence.discontinuity();
        }
        if run.is_fresh() {
            let recording: Recording =
                serde_json::from_str(&self.channel.settings.recording).unwrap_or_default();
            let wanted = recording.only_if.is_none_or(|only_if| is_like(&only_if, tracks, metadata));
            if self.channel.settings.record && !wanted {
                tracing::info!(
                    "session {} is not recorded: its source isn't as recording.only_if asks",
                    run.id
                );
            }
            let duration = Duration::from_secs(recording.min_duration_s.unwrap_or(0).into());
            let least = Least { duration, bytes: recording.min_bytes.unwrap_or(0) };
            run.record_if(wanted, least, most(&recording));
        }
        let mut plan = plan(&self.shared, &self.channel.settings, tracks, metadata);
        // One that runs already has its place.
        let place = plan.as_mut().filter(|_| self.ladder.is_none());
        let lease = place.map(|plan| join(&self.shared, &self.channel, &run.id, plan));
        let logo = match lease {
            Some(_) => logo(&self.shared, &self.channel).await.unwrap_or_default(),
            None => Bytes::new(),
        };
        let encoder = on.encoder.as_deref();
        let (clock, outcome) = run.begin(&self.shared, tracks, metadata, encoder, first, plan.as_ref());
        *timeline = Some(Box::new(clock));
        if let Some(hub) = run.hub() {
            self.shared.monitor.put(&self.channel.id, hub);
        }
        let left_out = tracks.iter().find(|track| !run.carries(track.kind)).map(|track| track.kind.name());
        let (publisher, source, tracks) = (on.id, run.source.clone(), tracks.clone());
        let plan = plan.zip(lease).map(|(plan, lease)| (plan, logo, lease));
        self.begin_ladder(plan, &tracks);
        self.interrupt_watch();
        self.begin_stills(&tracks);
        self.journal_outcome(outcome).await;
        self.input(Input::Tracks { publisher, source }).await;
        if let Some(track) = left_out {
            self.issue(Issue::TrackRefused { track }).await;
        }
    }
}

/// Where the recording is closed.
pub(super) fn most(recording: &Recording) -> Most {
    let duration = recording.max_duration_s.map(|seconds| Duration::from_secs(seconds.into()));
    Most { duration, bytes: recording.max_bytes, next: recording.next }
}

/// What stands in for the sound beside pictures. Sound that was announced and isn't here joins the tracks, as announced.
fn silence(tracks: &mut Vec<Track>, metadata: &Metadata) -> Option<Silence> {
    let sound = tracks.iter().find_map(|track| match &track.config {
        CodecConfig::Aac(config) => Some(config.clone()),
        CodecConfig::Avc(_) => None,
    });
    if !tracks.iter().any(|track| track.kind == Kind::Video) {
        return None;
    }
    if let Some(config) = sound {
        return Silence::new(&config, false);
    }
    metadata.has_audio.filter(|has| *has)?;
    let rate = metadata.sample_rate.unwrap_or(48_000);
    let channels = metadata.channels.unwrap_or(2);
    let config = aac::Config::announced(rate, channels).or_else(|| aac::Config::announced(48_000, 2))?;
    tracks.push(Track::audio(config.clone()));
    Silence::new(&config, true)
}

fn changed(track: &Track) -> Issue {
    let codec = track.config.rfc6381();
    let to = match &track.config {
        CodecConfig::Avc(config) => format!("{codec} {}x{}", config.width, config.height),
        CodecConfig::Aac(config) => {
            format!("{codec} {} Hz, {} channels", config.sample_rate, config.channels)
        }
    };
    Issue::ConfigChanged { track: track.kind.name(), to }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn video() -> Track {
        let config = media::avc::Config {
            record: bytes::Bytes::new(),
            width: 1280,
            height: 720,
            profile: [0x64, 0, 0x1f],
            frame_rate: None,
            sample_aspect: media::Rational { num: 1, den: 1 },
        };
        Track::video(config)
    }

    #[test]
    fn sound_that_was_announced_joins_the_tracks() {
        let audio = |hz, channels| Track::audio(aac::Config::announced(hz, channels).unwrap());
        for (has_audio, sample_rate, channels, expected) in [
            (Some(true), Some(44_100), Some(1), Some(audio(44_100, 1))),
            (Some(true), None, None, Some(audio(48_000, 2))),
            // Said by somebody who did not know.
            (Some(true), Some(12_345), Some(2), Some(audio(48_000, 2))),
            (Some(false), Some(48_000), Some(2), None),
            (None, Some(48_000), Some(2), None),
        ] {
            let metadata = Metadata { has_audio, sample_rate, channels, ..Metadata::default() };
            let mut tracks = vec![video()];
            let silence = silence(&mut tracks, &metadata);
            assert_eq!(tracks.get(1), expected.as_ref());
            assert_eq!(silence.is_some_and(|silence| silence.stands_in()), expected.is_some());
        }
    }

    #[test]
    fn sound_alone_has_nothing_to_go_by_and_sound_that_is_there_is_waited_for() {
        let sound = Track::audio(aac::Config::announced(48_000, 2).unwrap());
        assert!(silence(&mut vec![sound.clone()], &Metadata::default()).is_none());
        let mut both = vec![video(), sound];
        assert!(!silence(&mut both, &Metadata::default()).unwrap().stands_in());
        assert_eq!(both.len(), 2);
    }
}
