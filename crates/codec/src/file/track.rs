//! Sound without gaps, whatever the file does.

use media::{Timescale, Timestamp};

use super::{Reader, pass};
use crate::sound;

const CHANNELS: usize = Reader::CHANNELS as usize;
/// Timestamps of many containers are rounded to milliseconds or worse: sound this near to its place stays whole.
const TOLERANCE: i64 = 1920; // 40 ms
/// Sound may come so much later in the file than the pictures of its time.
const INTERLEAVING: i64 = 3 * Reader::SAMPLE_RATE as i64;
/// Silence comes in pieces of at most this: a tenth of a second.
const PIECE: i64 = Reader::SAMPLE_RATE as i64 / 10;

#[derive(Debug, Default)]
pub(super) struct Sound {
    /// Sample times given so far: sound reaches from zero to here.
    given: i64,
    /// No more comes in this pass: silence need wait for nothing.
    ended: bool,
}

impl Sound {
    /// The next piece of silence to give before `item`, if any.
    pub(super) fn silence_before(&mut self, item: &pass::Item) -> Option<sound::Sound> {
        let upto = match item {
            pass::Item::Picture(picture) if self.ended => position(picture.at),
            pass::Item::Picture(picture) => position(picture.at).saturating_sub(INTERLEAVING),
            pass::Item::Sound { at, .. } => match position(*at) {
                at if at > self.given + TOLERANCE => at,
                _ => return None,
            },
            pass::Item::SoundEnded => {
                self.ended = true;
                return None;
            }
            pass::Item::End(end) => {
                self.ended = false;
                position(*end)
            }
        };
        let missing = upto.saturating_sub(self.given).min(PIECE);
        (missing > 0).then(|| self.give(vec![0; missing as usize * CHANNELS]))
    }

    /// Sound in its place: what lies before the end of what was given is cut off.
    pub(super) fn place(&mut self, at: Timestamp, mut samples: Vec<i16>) -> Option<sound::Sound> {
        let early = self.given.saturating_sub(position(at));
        // At the very beginning even a little is cut: an AAC encoder's priming lies before zero.
        if early > TOLERANCE || (self.given == 0 && early > 0) {
            let cut =
                usize::try_from(early).unwrap_or(usize::MAX).saturating_mul(CHANNELS).min(samples.len());
            samples.drain(..cut);
        }
        (!samples.is_empty()).then(|| self.give(samples))
    }

    fn give(&mut self, samples: Vec<i16>) -> sound::Sound {
        let at = Timestamp::new(self.given, scale());
        self.given += (samples.len() / CHANNELS) as i64;
        sound::Sound { at, sample_rate: Reader::SAMPLE_RATE, channels: Reader::CHANNELS, samples }
    }
}

fn scale() -> Timescale {
    Timescale::new(Reader::SAMPLE_RATE).unwrap_or(Timescale::NANOS)
}

fn position(at: Timestamp) -> i64 {
    at.rescale(scale()).ticks
}
