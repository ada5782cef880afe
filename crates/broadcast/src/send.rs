//! The bounded queue between encoder and network: units leave in the order of their decode time, and where the network
//! is slower than the encoder, video is dropped up to its next key frame. Sound is kept.
//!
//! **Belongs here:** order and dropping, on times that are given ([`Buffer`]), and a lock around it ([`Queue`]).
//! **Does not:** RTMP; choosing another bitrate when the queue grows.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use media::{AccessUnit, Kind, Timestamp};
use tokio::sync::Notify;

use crate::clock::{Clock, span};

/// Video that may wait, in media time. Beyond it the oldest GOPs go.
const MOST_VIDEO_MS: i64 = 1_500;
/// Video that may wait, in bytes: a bound where times lie.
const MOST_VIDEO_BYTES: usize = 16 << 20;
/// Sound frames that may wait (about 40 s): longer than any connection survives without taking a byte.
const MOST_AUDIO: usize = 2_048;
/// How long a unit waits for an earlier one of the other kind. Sound is later by the encoder's delay and a block.
const HOLD_MS: u64 = 100;

/// What waits, and what was lost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Depth {
    /// Video units that wait.
    pub frames: u32,
    /// Media time from the oldest to the newest of them, ms.
    pub ms: u32,
    /// Video units dropped so far.
    pub dropped: u64,
}

/// What to send now.
#[derive(Debug, PartialEq)]
pub enum Next {
    /// This one.
    Unit(AccessUnit),
    /// Ask again at this time, or when something was pushed.
    Wait(Timestamp),
    /// Ask again when something was pushed.
    Idle,
    /// There is nothing more.
    End,
}

/// The queue without its lock.
#[derive(Debug)]
pub struct Buffer {
    video: VecDeque<(AccessUnit, Timestamp)>,
    audio: VecDeque<(AccessUnit, Timestamp)>,
    /// Both kinds are expected.
    interleave: bool,
    /// The network takes units; otherwise they are dropped as they come.
    connected: bool,
    /// Video is dropped until a key frame comes.
    wants_key: bool,
    ended: bool,
    bytes: usize,
    dropped: u64,
}

impl Buffer {
    /// For a stream with video and sound (`interleave`) or one of them.
    pub fn new(interleave: bool) -> Self {
        Self {
            video: VecDeque::new(),
            audio: VecDeque::new(),
            interleave,
            connected: false,
            wants_key: true,
            ended: false,
            bytes: 0,
            dropped: 0,
        }
    }

    /// Takes a unit at `now`. `true`: the encoder should make a key frame next.
    #[must_use]
    pub fn push(&mut self, unit: AccessUnit, now: Timestamp) -> bool {
        match unit.kind {
            Kind::Audio => {
                if self.connected {
                    self.audio.push_back((unit, now));
                    if self.audio.len() > MOST_AUDIO {
                        self.audio.pop_front();
                    }
                }
                false
            }
            Kind::Video => self.push_video(unit, now),
        }
    }

    fn push_video(&mut self, unit: AccessUnit, now: Timestamp) -> bool {
        if !self.connected || (self.wants_key && !unit.key) {
            self.dropped += 1;
            return self.connected;
        }
        self.wants_key = false;
        self.bytes += unit.data.len();
        self.video.push_back((unit, now));
        if self.depth().ms <= MOST_VIDEO_MS as u32 && self.bytes <= MOST_VIDEO_BYTES {
            return false;
        }
        self.drop_to_key()
    }

    /// Drops what waits up to the last key frame that waits; all of it where the first is the only one.
    fn drop_to_key(&mut self) -> bool {
        let keep = self.video.iter().rposition(|(unit, _)| unit.key).filter(|&at| at > 0);
        self.wants_key = keep.is_none();
        let gone = self.video.drain(..keep.unwrap_or(self.video.len())).count();
        self.dropped += gone as u64;
        self.bytes = self.video.iter().map(|(unit, _)| unit.data.len()).sum();
        self.wants_key
    }

    /// What to send at `now`: the earliest unit, once the other kind has caught up or was given time to.
    pub fn next(&mut self, now: Timestamp) -> Next {
        let head =
            |queue: &VecDeque<(AccessUnit, Timestamp)>| queue.front().map(|(unit, came)| (unit.dts, *came));
        let (from, waited_for) = match (head(&self.video), head(&self.audio)) {
            (None, None) if self.ended => return Next::End,
            (None, None) => return Next::Idle,
            (Some((video, _)), Some((audio, _))) if video <= audio => (Kind::Video, None),
            (Some(_), Some(_)) => (Kind::Audio, None),
            (Some((_, came)), None) => (Kind::Video, Some(came)),
            (None, Some((_, came))) => (Kind::Audio, Some(came)),
        };
        if let Some(came) = waited_for.filter(|_| self.interleave && !self.ended) {
            let until = came.plus(span(std::time::Duration::from_millis(HOLD_MS)));
            if now < until {
                return Next::Wait(until);
            }
        }
        let queue = match from {
            Kind::Video => &mut self.video,
            Kind::Audio => &mut self.audio,
        };
        let Some((unit, _)) = queue.pop_front() else { return Next::Idle };
        if unit.kind == Kind::Video {
            self.bytes -= unit.data.len();
        }
        Next::Unit(unit)
    }

    /// The network takes units from now on, a key frame first.
    pub fn connect(&mut self) {
        self.disconnect();
        self.connected = true;
    }

    /// The network is away: what waits is lost, and what comes.
    pub fn disconnect(&mut self) {
        self.dropped += self.video.len() as u64;
        self.video.clear();
        self.audio.clear();
        self.bytes = 0;
        self.connected = false;
        self.wants_key = true;
    }

    /// Nothing more will be pushed.
    pub fn end(&mut self) {
        self.ended = true;
    }

    /// Everything was pushed, and nothing waits.
    pub fn is_over(&self) -> bool {
        self.ended && self.video.is_empty() && self.audio.is_empty()
    }

    /// How much waits.
    pub fn depth(&self) -> Depth {
        let ms = match (self.video.front(), self.video.back()) {
            (Some((first, _)), Some((last, _))) => last.dts.minus(first.dts).as_millis().max(0),
            _ => 0,
        };
        let ms = u32::try_from(ms).unwrap_or(u32::MAX);
        Depth { frames: self.video.len() as u32, ms, dropped: self.dropped }
    }
}

/// A [`Buffer`] between the encoder's thread and the publisher's task.
#[derive(Debug)]
pub struct Queue {
    buffer: Mutex<Buffer>,
    changed: Notify,
    clock: Clock,
}

impl Queue {
    /// An empty queue, not connected.
    pub fn new(buffer: Buffer, clock: Clock) -> Self {
        Self { buffer: Mutex::new(buffer), changed: Notify::new(), clock }
    }

    /// Runs `change` on the buffer and wakes the publisher.
    pub fn change<T>(&self, change: impl FnOnce(&mut Buffer) -> T) -> T {
        let result = change(&mut self.lock());
        self.changed.notify_one();
        result
    }

    /// Takes a unit now. `true`: the encoder should make a key frame next.
    #[must_use]
    pub fn push(&self, unit: AccessUnit) -> bool {
        let now = self.clock.now();
        self.change(|buffer| buffer.push(unit, now))
    }

    /// How much waits.
    pub fn depth(&self) -> Depth {
        self.lock().depth()
    }

    /// The next unit to send; `None` at the end. Cancel safe.
    pub async fn next(&self) -> Option<AccessUnit> {
        loop {
            let next = self.lock().next(self.clock.now());
            match next {
                Next::Unit(unit) => return Some(unit),
                Next::End => return None,
                Next::Idle => self.changed.notified().await,
                Next::Wait(until) => {
                    let _ = tokio::time::timeout(self.clock.until(until), self.changed.notified()).await;
                }
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Buffer> {
        self.buffer.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
