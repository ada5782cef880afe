//! One picture in, every rendition of it out: filtered once, then each rung scaled from the one above it, each rung on a
//! thread of its own.
//!
//! ```text
//!  frame ─▶ steps ─▶ rung 0: scale ─▶ x264 ─▶ units
//!                        └─▶ rung 1: scale ─▶ x264 ─▶ units
//!                                └─▶ rung 2: …
//! ```
//!
//! Queues hold [`QUEUE`] pictures each: whoever pushes waits for the slowest rung. Key frames stand where the pusher says,
//! at the same time in every rung, and nowhere else.

mod pace;
mod rung;
#[cfg(all(test, feature = "x264"))]
mod tests;

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread::JoinHandle;

use media::{AccessUnit, Rational, Timestamp, Track};

use crate::filter::picture;
use crate::frame::{Frame, NoMemory};
use crate::{filter, hardware, x264};

/// Pictures waiting before a rung, at most.
pub const QUEUE: usize = 4;
/// Rungs, at most.
pub const MAX_RUNGS: usize = 12;

/// What to make.
#[derive(Debug)]
pub struct Config {
    /// What is done to every picture, before the rungs.
    pub steps: picture::Steps,
    /// For [`picture::Steps::logo`].
    pub logo: Option<Frame>,
    /// The largest first: each is scaled from the one before it. At most [`MAX_RUNGS`].
    pub rungs: Vec<Rung>,
    /// Threads of the filters.
    pub threads: u32,
}

/// A rendition.
#[derive(Clone, Debug, PartialEq)]
pub struct Rung {
    /// Pixels across and down, and how they are made.
    pub target: picture::Target,
    /// Pictures a second that come in, for rate control; the most that go out.
    pub frame_rate: Rational,
    /// Bitrate or quality.
    pub rate: x264::Rate,
    /// Speed.
    pub preset: x264::Preset,
    /// Toolset.
    pub profile: x264::Profile,
    /// Delay.
    pub latency: x264::Latency,
    /// Of the encoder; 0 lets it choose.
    pub threads: u32,
    /// To be tried first; where it doesn't work, x264.
    pub hardware: Option<hardware::Kind>,
    /// Pictures up to this one are not encoded; the first one after it is a key frame. `None`: it begins with one.
    pub after: Option<Timestamp>,
}

/// What comes out of a rung.
#[derive(Clone, Debug, PartialEq)]
pub enum Output {
    /// Before its first unit.
    Track(Track),
    /// In decode order.
    Unit(AccessUnit),
    /// It can't go on; nothing more comes of it. The others go on.
    Failed(String),
}

/// How much of a rung is made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Effort {
    /// Every picture.
    #[default]
    Full,
    /// Every other picture.
    Half,
    /// None. It begins again with a key frame.
    Off,
}

/// Why a ladder can't begin or go on.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// None, or more than [`MAX_RUNGS`].
    #[error("a ladder of {0} renditions: 1 to {MAX_RUNGS} are possible")]
    Rungs(usize),
    /// A step or a size.
    #[error(transparent)]
    Filter(#[from] filter::Error),
    /// No memory for a picture.
    #[error(transparent)]
    Memory(#[from] NoMemory),
    /// The system has no thread for it.
    #[error("no thread for a rendition: {0}")]
    Thread(String),
}

/// A picture on its way down.
struct Job {
    frame: Frame,
    at: Timestamp,
    key: bool,
    efforts: [Effort; MAX_RUNGS],
    targets: Arc<[picture::Target]>,
}

/// Rungs at work. Dropping it ends them, without what they hold back.
pub struct Ladder {
    chain: picture::Chain,
    /// When the pictures are shown that must be key frames, and aren't through the steps yet.
    keys: VecDeque<Timestamp>,
    top: Option<SyncSender<Job>>,
    efforts: [Effort; MAX_RUNGS],
    targets: Arc<[picture::Target]>,
    threads: Vec<JoinHandle<()>>,
    eye: Option<Eye>,
}

/// Who sees the pictures on their way.
type Eye = Box<dyn FnMut(&Frame) + Send>;

impl Ladder {
    /// Starts a thread a rung. `out` is told a rung's number and what it made, on the rung's thread: it may wait, and then
    /// the rung waits.
    pub fn start(
        config: Config,
        out: impl Fn(usize, Output) + Clone + Send + 'static,
    ) -> Result<Self, Error> {
        let count = config.rungs.len();
        if !(1..=MAX_RUNGS).contains(&count) {
            return Err(Error::Rungs(count));
        }
        let chain = picture::Chain::new(config.steps, config.logo, config.threads)?;
        let targets = config.rungs.iter().map(|rung| rung.target).collect();
        let mut below = None;
        let mut threads = Vec::new();
        for (number, rung) in config.rungs.into_iter().enumerate().rev() {
            let (sender, inbox) = sync_channel(QUEUE);
            let out = out.clone();
            let mut rung = rung::Worker::new(rung, number, below.take(), move |output| out(number, output))?;
            let thread = std::thread::Builder::new()
                .name(format!("rung-{number}"))
                .spawn(move || rung.run(&inbox))
                .map_err(|e| Error::Thread(e.to_string()))?;
            threads.push(thread);
            below = Some(sender);
        }
        let efforts = [Effort::Full; MAX_RUNGS];
        Ok(Self { chain, keys: VecDeque::new(), top: below, efforts, targets, threads, eye: None })
    }

    /// Shows every picture to `eye`, after the steps and before the rungs. It must not wait.
    pub fn watch(&mut self, eye: impl FnMut(&Frame) + Send + 'static) {
        self.eye = Some(Box::new(eye));
    }

    /// Takes a decoded picture; `key` asks for a key frame in every rung. Waits while the rungs are behind.
    pub fn push(&mut self, frame: &Frame, key: bool) -> Result<(), Error> {
        if let (true, Some(at)) = (key, frame.at()) {
            self.keys.push_back(at);
        }
        let ready = self.chain.push(frame)?;
        self.hand_down(ready);
        Ok(())
    }

    /// Other steps, from the next picture on. What the old ones hold back comes first. A rung takes its other target too;
    /// its size stays.
    pub fn change(
        &mut self,
        steps: picture::Steps,
        logo: Option<Frame>,
        threads: u32,
        targets: &[picture::Target],
    ) -> Result<(), Error> {
        let next = picture::Chain::new(steps, logo, threads)?;
        let ready = std::mem::replace(&mut self.chain, next).flush()?;
        self.hand_down(ready);
        let stays = |(old, new): (&picture::Target, &picture::Target)| picture::Target {
            width: old.width,
            height: old.height,
            ..*new
        };
        if targets.len() == self.targets.len() {
            self.targets = self.targets.iter().zip(targets).map(stays).collect();
        }
        Ok(())
    }

    /// How much of a rung is made, from the next picture on; nothing happens to a rung that isn't.
    pub fn set_effort(&mut self, rung: usize, effort: Effort) {
        if let Some(cell) = self.efforts.get_mut(rung) {
            *cell = effort;
        }
    }

    /// Waits until everything held back is out.
    pub fn finish(mut self) -> Result<(), Error> {
        let ready = self.chain.flush();
        self.hand_down(ready?);
        self.top = None;
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
        Ok(())
    }

    fn hand_down(&mut self, frames: Vec<Frame>) {
        for frame in frames {
            let Some(at) = frame.at() else { continue };
            let mut key = false;
            while self.keys.front().is_some_and(|first| *first <= at) {
                self.keys.pop_front();
                key = true;
            }
            if let Some(eye) = &mut self.eye {
                eye(&frame);
            }
            if let Some(top) = &self.top {
                // Its rungs are gone only after they said why.
                let _ =
                    top.send(Job { frame, at, key, efforts: self.efforts, targets: self.targets.clone() });
            }
        }
    }
}

impl std::fmt::Debug for Ladder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Ladder({} rungs, {:?})", self.threads.len(), self.chain)
    }
}
