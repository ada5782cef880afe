//! The bounded queue between capture and encoder. A slow encoder loses the *oldest raw pictures*, which costs nothing to
//! leave out (nothing refers to them yet), and they are counted.
//!
//! **Belongs here:** handing over, dropping, ending. **Does not:** clocks, devices.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use codec::{Picture, Sound};
use media::Timestamp;

/// Pictures that may wait: a tenth of a second at 30 fps.
const MOST_PICTURES: usize = 3;
/// Blocks of sound that may wait, of about 10 ms each: sound is cheap to encode and never behind for long.
const MOST_SOUNDS: usize = 200;

/// What the encoder gets.
#[derive(Debug)]
pub enum Item {
    /// A picture.
    Picture(Picture),
    /// A block of sound.
    Sound(Sound),
    /// A source has nothing more (the end of a file).
    Ended,
    /// A source broke: what happened, to what, and what to do.
    Failed(String),
}

/// The queue. Capture threads push, the encoder thread takes.
///
/// ```text
/// waiting ──open()──▶ open ──close()──▶ closed
///  pushes are            pushes are       pushes tell the
///  thrown away           kept             source to end
/// ```
#[derive(Debug, Default)]
pub struct Queue {
    inner: Mutex<Inner>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Inner {
    gate: Gate,
    pictures: VecDeque<Picture>,
    sounds: VecDeque<Sound>,
    end: Option<Item>,
    dropped_pictures: u64,
}

#[derive(Debug, Default, PartialEq, Eq)]
enum Gate {
    #[default]
    Waiting,
    Open {
        since: Timestamp,
    },
    Closed,
}

/// The broadcast is over: the source should end.
#[derive(Debug, PartialEq, Eq)]
pub struct Closed;

impl Queue {
    /// A picture from its source.
    pub fn push_picture(&self, picture: Picture) -> Result<(), Closed> {
        self.push(|inner| {
            if inner.pictures.len() >= MOST_PICTURES {
                inner.pictures.pop_front();
                inner.dropped_pictures += 1;
            }
            inner.pictures.push_back(picture);
        })
    }

    /// A block of sound from its source.
    pub fn push_sound(&self, sound: Sound) -> Result<(), Closed> {
        self.push(|inner| {
            if inner.sounds.len() >= MOST_SOUNDS {
                // The gap becomes silence (`align`).
                inner.sounds.pop_front();
            }
            inner.sounds.push_back(sound);
        })
    }

    /// The source has nothing more.
    pub fn end(&self) {
        self.finish(Item::Ended);
    }

    /// The source broke.
    pub fn fail(&self, why: String) {
        self.finish(Item::Failed(why));
    }

    /// Lets media in from `now` on: the server takes the stream. Only the first call counts.
    pub fn open(&self, now: Timestamp) {
        let mut inner = self.lock();
        if inner.gate == Gate::Waiting {
            inner.gate = Gate::Open { since: now };
        }
        self.changed.notify_all();
    }

    /// Ends every source.
    pub fn close(&self) {
        self.lock().gate = Gate::Closed;
        self.changed.notify_all();
    }

    /// For sources that make their media: returns once it would be kept, and since when, so that all of them start alike.
    pub fn wait_open(&self) -> Result<Timestamp, Closed> {
        let waiting = |inner: &mut Inner| inner.gate == Gate::Waiting;
        let inner = self.changed.wait_while(self.lock(), waiting).unwrap_or_else(PoisonError::into_inner);
        match inner.gate {
            Gate::Open { since } => Ok(since),
            Gate::Waiting | Gate::Closed => Err(Closed),
        }
    }

    /// Waits at most `span` (a source's pace), less where the queue closes.
    pub fn wait_closed(&self, span: Duration) -> Result<(), Closed> {
        let open = |inner: &mut Inner| inner.gate != Gate::Closed;
        match self.changed.wait_timeout_while(self.lock(), span, open) {
            Ok((_, wait)) if wait.timed_out() => Ok(()),
            _ => Err(Closed),
        }
    }

    /// The next thing: sound first, then pictures, then the end. `None` after `patience`.
    pub fn take(&self, patience: Duration) -> Result<Option<Item>, Closed> {
        let empty = |inner: &mut Inner| {
            inner.gate != Gate::Closed
                && inner.sounds.is_empty()
                && inner.pictures.is_empty()
                && inner.end.is_none()
        };
        let waited = self.changed.wait_timeout_while(self.lock(), patience, empty);
        let mut inner = waited.unwrap_or_else(PoisonError::into_inner).0;
        if inner.gate == Gate::Closed {
            return Err(Closed);
        }
        if let Some(sound) = inner.sounds.pop_front() {
            return Ok(Some(Item::Sound(sound)));
        }
        let picture = inner.pictures.pop_front().map(Item::Picture);
        Ok(picture.or_else(|| inner.end.take()))
    }

    /// Pictures thrown away so far.
    pub fn dropped(&self) -> u64 {
        self.lock().dropped_pictures
    }

    fn push(&self, keep: impl FnOnce(&mut Inner)) -> Result<(), Closed> {
        let mut inner = self.lock();
        match inner.gate {
            Gate::Waiting => return Ok(()),
            Gate::Open { .. } => keep(&mut inner),
            Gate::Closed => return Err(Closed),
        }
        self.changed.notify_all();
        Ok(())
    }

    fn finish(&self, how: Item) {
        let mut inner = self.lock();
        // A failure is news even after an end; of two failures the first is the cause.
        if !matches!(inner.end, Some(Item::Failed(_))) {
            inner.end = Some(how);
        }
        self.changed.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn picture(ms: i64) -> Picture {
        Picture::black(16, 16, Timestamp::millis(ms)).unwrap()
    }

    fn taken(queue: &Queue) -> Option<i64> {
        match queue.take(Duration::ZERO).unwrap() {
            Some(Item::Picture(picture)) => Some(picture.at.as_millis()),
            _ => None,
        }
    }

    #[test]
    fn the_oldest_pictures_go() {
        let queue = Queue::default();
        queue.push_picture(picture(0)).unwrap();
        assert_eq!(taken(&queue), None, "nothing is kept before it opens");
        queue.open(Timestamp::millis(0));
        for ms in 1..=5 {
            queue.push_picture(picture(ms)).unwrap();
        }
        assert_eq!(queue.dropped(), 2);
        assert_eq!(
            [taken(&queue), taken(&queue), taken(&queue), taken(&queue)],
            [Some(3), Some(4), Some(5), None]
        );
    }

    #[test]
    fn the_end_comes_after_the_media() {
        let queue = Queue::default();
        queue.open(Timestamp::millis(0));
        queue.push_picture(picture(1)).unwrap();
        queue.end();
        assert_eq!(taken(&queue), Some(1));
        assert!(matches!(queue.take(Duration::ZERO).unwrap(), Some(Item::Ended)));
    }

    #[test]
    fn closing_ends_sources_and_taker() {
        let queue = Queue::default();
        queue.close();
        assert_eq!(queue.push_picture(picture(1)), Err(Closed));
        assert_eq!(queue.wait_open(), Err(Closed));
        assert_eq!(queue.wait_closed(Duration::from_secs(9)), Err(Closed));
        assert!(queue.take(Duration::from_secs(9)).is_err());
    }
}
