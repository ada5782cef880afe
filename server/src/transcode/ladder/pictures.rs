//! The worker's pictures: decoded once, given to the rungs.

use std::collections::VecDeque;
use std::sync::mpsc::SyncSender;

use anyhow::Context;
use codec::filter::picture::{Steps, Target};
use codec::ladder::{Config, Effort, Ladder, Output, Rung};
use codec::measure::{Eye, Seen};
use codec::{Frame, decode, x264};
use media::{AccessUnit, Rational, Timescale, Timestamp, Track};
use transcode::Message;

use super::order::{Order, Pictures as Wanted};
use super::steps;

/// How far a rendition may run ahead of its rate.
const VBV_MS: u32 = 1_000;

pub(super) struct Pictures {
    decoder: decode::Video,
    /// When the key frames in the decoder are shown.
    keys: VecDeque<Timestamp>,
    ladder: Ladder,
    /// Until a key frame comes, what comes can't be decoded.
    wants_key: bool,
    /// To take effect with the next key frame.
    change: Option<(Steps, Option<Frame>, Vec<Target>)>,
    /// Where the source is measured.
    eye: Option<Eye>,
    seen: Option<Seen>,
}

impl Pictures {
    pub(super) fn start(
        order: &Order,
        logo: Option<Frame>,
        track: &Track,
        out: impl Fn(usize, Output) + Clone + Send + 'static,
        stills: SyncSender<Message>,
    ) -> anyhow::Result<Self> {
        let rungs: Result<_, _> = order.pictures.iter().map(|wanted| rung(order, wanted)).collect();
        let steps = steps::picture(&order.processing.picture)?;
        let mut ladder = Ladder::start(Config { steps, logo, rungs: rungs?, threads: 1 }, out)?;
        if let Some(every_ms) = order.stills_ms {
            ladder.watch(super::stills::start(every_ms, stills));
        }
        let decoder = decode::Video::new(track)?;
        let (keys, change, eye, seen) = Default::default();
        Ok(Self { decoder, keys, ladder, wants_key: true, change, eye, seen })
    }

    /// The source goes on with another configuration.
    pub(super) fn track(&mut self, track: &Track) -> anyhow::Result<()> {
        let rest = self.decoder.flush_frames().unwrap_or_default();
        self.hand_on(&rest)?;
        self.decoder = decode::Video::new(track).context("the source's new configuration")?;
        (self.wants_key, self.keys) = (true, VecDeque::new());
        Ok(())
    }

    pub(super) fn change(&mut self, order: &Order, logo: Option<Frame>) -> anyhow::Result<()> {
        let steps = steps::picture(&order.processing.picture)?;
        let target = |wanted: &Wanted| steps::target(&order.processing.picture, wanted.width, wanted.height);
        let targets = order.pictures.iter().map(target).collect::<Result<_, _>>()?;
        self.change = Some((steps, logo, targets));
        Ok(())
    }

    /// Whether the source is measured.
    pub(super) fn measure(&mut self, on: bool) {
        self.eye = on.then(|| self.eye.take().unwrap_or_default());
    }

    /// What the newest pictures were like, where that is new.
    pub(super) fn take_seen(&mut self) -> Option<Seen> {
        self.seen.take()
    }

    pub(super) fn effort(&mut self, rung: usize, effort: Effort) {
        self.ladder.set_effort(rung, effort);
    }

    /// Decodes a unit and hands on what that gives. A damaged one costs the pictures up to the next key frame.
    pub(super) fn unit(&mut self, unit: &AccessUnit) -> anyhow::Result<()> {
        if self.wants_key && !unit.key {
            return Ok(());
        }
        if unit.key {
            self.wants_key = false;
            if let Some((steps, logo, targets)) = self.change.take() {
                self.ladder.change(steps, logo, 1, &targets)?;
            }
            self.keys.push_back(unit.pts);
        }
        match self.decoder.frames(unit) {
            Ok(frames) => self.hand_on(&frames),
            Err(error) => {
                tracing::debug!("pictures are left out up to the next key frame: {error}");
                self.wants_key = true;
                Ok(())
            }
        }
    }

    pub(super) fn finish(mut self) -> anyhow::Result<()> {
        let rest = self.decoder.flush_frames().unwrap_or_default();
        self.hand_on(&rest)?;
        Ok(self.ladder.finish()?)
    }

    fn hand_on(&mut self, frames: &[Frame]) -> anyhow::Result<()> {
        for frame in frames {
            let Some(at) = frame.at() else { continue };
            self.seen = self.eye.as_mut().and_then(|eye| eye.look(frame)).or(self.seen);
            let mut key = false;
            while self.keys.front().is_some_and(|first| *first <= at) {
                self.keys.pop_front();
                key = true;
            }
            self.ladder.push(frame, key)?;
        }
        Ok(())
    }
}

fn rung(order: &Order, wanted: &Wanted) -> anyhow::Result<Rung> {
    use api::ladder::{Encoding, Preset, Profile};
    let (num, den) = order.frame_rate;
    let source = Rational { num, den: den.max(1) };
    let fps = wanted.fps.clamp(1.0, 240.0);
    let frame_rate = if source.as_f64() <= fps * 1.01 {
        source
    } else {
        Rational { num: (fps * 1000.0).round() as u32, den: 1000 }.reduced()
    };
    let rate = match wanted.crf {
        Some(crf) => x264::Rate::Quality { crf, max_kbps: wanted.kbps, vbv_ms: VBV_MS },
        None => x264::Rate::Bitrate { kbps: wanted.kbps, vbv_ms: VBV_MS },
    };
    Ok(Rung {
        target: steps::target(&order.processing.picture, wanted.width, wanted.height)?,
        frame_rate,
        rate,
        preset: match wanted.preset {
            Preset::Ultrafast => x264::Preset::Ultrafast,
            Preset::Superfast => x264::Preset::Superfast,
            Preset::Veryfast => x264::Preset::Veryfast,
            Preset::Faster => x264::Preset::Faster,
            Preset::Fast => x264::Preset::Fast,
            Preset::Medium => x264::Preset::Medium,
            Preset::Slow => x264::Preset::Slow,
        },
        profile: match wanted.profile {
            Profile::Baseline => x264::Profile::Baseline,
            Profile::Main => x264::Profile::Main,
            Profile::High => x264::Profile::High,
        },
        latency: match wanted.encoding {
            Encoding::ZeroLatency => x264::Latency::Zero,
            Encoding::Quality => {
                x264::Latency::Lookahead((wanted.ahead().seconds() * fps).round().clamp(1.0, 60.0) as u32)
            }
        },
        threads: wanted.threads,
        hardware: order.encoder.as_deref().and_then(codec::hardware::Kind::of),
        after: wanted.after.map(|ticks| Timestamp::new(ticks, Timescale::VIDEO)),
    })
}
