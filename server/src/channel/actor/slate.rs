//! What viewers see while the publisher is silent: made by the transcode worker, shown and ended as the machine says.

use std::time::{Duration, Instant};

use live::PublisherId;
use live::channel::Input;
use media::{AccessUnit, Kind, Timeline};
use tokio::sync::oneshot;

use super::{Actor, Gop, Stage};

/// The running session's slate.
#[derive(Default)]
pub(super) struct Desk {
    /// The worker is at it.
    making: Option<oneshot::Receiver<Option<hls::slate::Slate>>>,
    ready: Option<hls::slate::Slate>,
    /// The machine wants it shown.
    pub(super) wanted: bool,
    shown: bool,
    /// When more of it is due.
    pub(super) tick: Option<Instant>,
    /// The machine has just ended it: whether with the publisher's clock set anew.
    ended: Option<bool>,
}

impl Desk {
    /// Viewers see it, and what comes of the publisher is late.
    pub(super) fn shown(&self) -> bool {
        self.shown
    }

    /// The next result; never where nothing is being made.
    pub(super) async fn made(&mut self) -> Option<hls::slate::Slate> {
        match &mut self.making {
            Some(making) => {
                let made = making.await.ok().flatten();
                self.making = None;
                made
            }
            None => std::future::pending().await,
        }
    }
}

impl Actor {
    /// Has one made of what there is to see now.
    pub(super) fn prepare_slate(&mut self) {
        let Some(run) = &self.run else { return };
        if self.slate.making.is_some() {
            return;
        }
        let Some(job) = run.slate_job() else { return };
        let (done, making) = oneshot::channel();
        self.slate.making = Some(making);
        let (shared, channel) = (self.shared.clone(), self.channel.clone());
        tokio::spawn(async move {
            let made = crate::channel::slate::make(&shared, &channel, job).await;
            let _ = done.send(made);
        });
    }

    /// Shown as soon as it is there.
    pub(super) fn show_slate(&mut self) {
        self.slate.wanted = true;
        if self.slate.ready.is_none() {
            self.prepare_slate();
        }
        self.slate.tick = Some(self.now());
    }

    pub(super) fn slate_made(&mut self, made: Option<hls::slate::Slate>) {
        if let Some(made) = made {
            self.slate.ready = Some(made);
        }
        if self.slate.wanted {
            self.slate.tick = Some(self.now());
        }
    }

    /// Shows it where it is wanted and there (a newer one is worth the wait), or more of it.
    pub(super) async fn tick_slate(&mut self) {
        let now = self.now();
        if self.slate.tick.is_none_or(|tick| tick > now) {
            return;
        }
        self.slate.tick = None;
        let Some(run) = &mut self.run else { return };
        let outcome = if self.slate.shown {
            run.advance(now)
        } else if let (Some(slate), None) = (&self.slate.ready, &self.slate.making) {
            self.slate.shown = true;
            if let Some(ladder) = &mut self.ladder {
                ladder.pause();
            }
            run.slate(slate.clone(), now)
        } else {
            if self.slate.making.is_none() {
                // No slate: at least the part that is hinted comes true, and what was pending is kept.
                let outcome = run.discontinuity(None);
                self.journal_outcome(outcome).await;
            }
            return;
        };
        self.slate.tick = Some(now + run.pace());
        self.journal_outcome(outcome).await;
    }

    pub(super) fn end_slate(&mut self, anew: bool) {
        let Desk { wanted, shown, tick, ended, .. } = &mut self.slate;
        (*wanted, *shown, *tick) = (false, false, None);
        *ended = Some(anew);
    }

    /// The machine is told of a key frame that viewers could go on with; true where they do.
    pub(super) async fn key_frame(&mut self, publisher: PublisherId, unit: &AccessUnit) -> Option<bool> {
        let end = self.run.as_ref().and_then(|run| run.slate_end());
        let behind = end.and_then(|end| end.minus(unit.pts).to_duration()).unwrap_or(Duration::ZERO);
        self.slate.ended = None;
        self.input(Input::KeyFrame { publisher, behind }).await;
        self.slate.ended.take()
    }

    /// The publisher's clock begins anew where the slate ends, with this unit.
    pub(super) fn anew(&mut self, unit: AccessUnit, now: Instant) -> Option<AccessUnit> {
        let (on, run) = (self.on.as_mut()?, self.run.as_ref()?);
        let Stage::Flowing { tracks, timeline, gop, silence, .. } = &mut on.stage else { return None };
        let base = run.slate_end().map_or(run.at(now), |end| run.at(now).max(end));
        let mut clock = Timeline::new(base);
        tracks.iter().for_each(|track| clock.track(track));
        let settled = clock.push(unit, base)?;
        *timeline = Some(Box::new(clock));
        *gop = Gop::default();
        if let Some(silence) = silence {
            silence.discontinuity();
        }
        Some(settled.unit)
    }

    /// Whether viewers could go on with this unit: a key frame of the pictures, or of the sound where there are none.
    pub(super) fn leads(&self, unit: &AccessUnit) -> bool {
        let pictures = self.run.as_ref().is_some_and(|run| run.carries(Kind::Video));
        unit.key && (unit.kind == Kind::Video || !pictures)
    }
}
