//! A rung's thread: scale, hand down, encode.

use std::sync::mpsc::{Receiver, SyncSender};

use super::pace::Pace;
use super::{Effort, Error, Job, Output, Rung};
use crate::filter::picture::{Chain, Steps, Target};
use crate::frame::Frame;
use crate::{h264, x264};

/// Pictures between key frames, at most: they come when they are asked for.
const NO_KEY_FRAMES: u32 = 3600;

pub(super) struct Worker<O> {
    rung: Rung,
    number: usize,
    below: Option<SyncSender<Job>>,
    out: O,
    scaler: Chain,
    pace: Pace,
    encoder: State,
}

/// ```text
///  Waiting ──a key frame──▶ Running ──switched off, or the hardware fails──▶ Waiting
///                              └──the encoder fails──▶ Failed
/// ```
enum State {
    /// For a key frame.
    Waiting,
    Running(Box<h264::Encoder>),
    Failed,
}

impl<O: Fn(Output)> Worker<O> {
    pub(super) fn new(
        rung: Rung,
        number: usize,
        below: Option<SyncSender<Job>>,
        out: O,
    ) -> Result<Self, Error> {
        let scaler = scaler(rung.target, rung.threads)?;
        let pace = Pace::new(rung.frame_rate);
        Ok(Self { rung, number, below, out, scaler, pace, encoder: State::Waiting })
    }

    pub(super) fn run(&mut self, inbox: &Receiver<Job>) {
        for job in inbox {
            self.take(job);
        }
        if let State::Running(encoder) = &mut self.encoder {
            while let Ok(Some(unit)) = encoder.flush() {
                (self.out)(Output::Unit(unit));
            }
        }
    }

    fn take(&mut self, job: Job) {
        let effort = job.efforts.get(self.number).copied().unwrap_or_default();
        if effort == Effort::Off || matches!(self.encoder, State::Failed) {
            if let State::Running(_) = self.encoder {
                self.encoder = State::Waiting;
            }
            self.hand_down(job);
            return;
        }
        if let Some(target) = job.targets.get(self.number).filter(|target| **target != self.rung.target)
            && let Ok(scaler) = scaler(*target, self.rung.threads)
        {
            (self.rung.target, self.scaler) = (*target, scaler);
        }
        let frame = match self.scaled(&job.frame) {
            Ok(Some(frame)) => frame,
            Ok(None) => return,
            Err(error) => {
                self.fail(&error.to_string());
                self.hand_down(job);
                return;
            }
        };
        if let Ok(frame) = frame.share() {
            self.hand_down(Job { frame, targets: job.targets.clone(), ..job });
        }
        if self.rung.after.is_some_and(|after| job.at <= after) {
            return;
        }
        self.pace.every(self.rung.frame_rate, if effort == Effort::Half { 2.0 } else { 1.0 });
        if !self.pace.takes(job.at, job.key) {
            return;
        }
        match self.encode(&frame, &job) {
            Ok(()) => {}
            Err(error) if error.is_hardware() => {
                tracing::warn!("rendition {} goes on with x264: {error}", self.number + 1);
                (self.rung.hardware, self.encoder) = (None, State::Waiting);
            }
            Err(error) => self.fail(&error.to_string()),
        }
    }

    /// The picture in the rung's size. A picture that has it already passes as it is.
    fn scaled(&mut self, frame: &Frame) -> Result<Option<Frame>, Error> {
        let target = &self.rung.target;
        let square =
            matches!(frame.raw().sample_aspect_ratio.num, 0 | 1) && frame.raw().sample_aspect_ratio.den <= 1;
        let same = (frame.width(), frame.height()) == (target.width, target.height);
        if same && square && target.pad == 0 && target.aspect.is_none() && frame.planes().is_some() {
            return Ok(Some(frame.share()?));
        }
        Ok(self.scaler.push(frame)?.pop())
    }

    fn hand_down(&self, job: Job) {
        if let Some(below) = &self.below {
            // A rung below is gone only when all of it ends.
            let _ = below.send(job);
        }
    }

    fn encode(&mut self, frame: &Frame, job: &Job) -> Result<(), h264::Error> {
        if let State::Waiting = self.encoder {
            if !job.key && self.rung.after.is_none() {
                return Ok(());
            }
            self.rung.after = None;
            let encoder = self.open(frame)?;
            (self.out)(Output::Track(encoder.track().clone()));
            self.encoder = State::Running(Box::new(encoder));
        }
        let State::Running(encoder) = &mut self.encoder else { return Ok(()) };
        match encoder.encode_frame(frame, job.at, job.key) {
            Ok(Some(unit)) => (self.out)(Output::Unit(unit)),
            Ok(None) => {}
            // Two pictures at one time: the first of them will do.
            Err(error) if error.is_order() => {}
            Err(error) => return Err(error),
        }
        Ok(())
    }

    fn open(&mut self, frame: &Frame) -> Result<h264::Encoder, h264::Error> {
        let Rung { target, frame_rate, rate, preset, profile, latency, threads, hardware, after: _ } =
            self.rung.clone();
        let config = x264::Config {
            width: target.width,
            height: target.height,
            frame_rate,
            rate,
            keyframe_interval: NO_KEY_FRAMES,
            preset,
            profile,
            latency,
            threads,
            slices: 0,
            colour: frame.colour(),
            parameter_set: 0,
        };
        let (encoder, refused) = h264::Encoder::new(hardware, &config)?;
        if let Some(why) = refused {
            tracing::warn!("rendition {} is made by x264: {why}", self.number + 1);
            self.rung.hardware = None;
        }
        Ok(encoder)
    }

    fn fail(&mut self, why: &str) {
        if !matches!(self.encoder, State::Failed) {
            self.encoder = State::Failed;
            (self.out)(Output::Failed(why.to_owned()));
        }
    }
}

fn scaler(target: Target, threads: u32) -> Result<Chain, Error> {
    Ok(Chain::new(Steps { frame: Some(target), ..Steps::default() }, None, threads.max(1))?)
}
