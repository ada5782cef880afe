//! Any file that FFmpeg's libraries can open, as pictures and sound. Blocking, unpaced: the caller paces.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};

use media::{Rational, Timescale, Timestamp};

use crate::picture::Picture;
use crate::scale;
use crate::sound::Sound;

mod pass;
mod slots;
#[cfg(test)]
mod tests;
mod track;

use pass::Pass;

/// What is wanted of a file.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Options {
    /// Start over at the end, for ever; times go on.
    pub looped: bool,
    /// Pixels across and down, letterboxed into; the file's own where `None`.
    pub size: Option<(u32, u32)>,
    /// Constant pictures a second, by repeating and dropping; the file's own times where `None`.
    pub frame_rate: Option<Rational>,
}

/// What the file holds, as it will come out.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Info {
    /// Size and frame rate (an estimate, unless wanted constant); `None` without pictures.
    pub video: Option<Video>,
    /// There is sound: it comes out as 48 kHz stereo.
    pub audio: bool,
    /// Length of one pass, where the file says.
    pub seconds: Option<f64>,
}

/// The pictures of a file.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Video {
    /// Pixels across.
    pub width: u32,
    /// Pixels down.
    pub height: u32,
    /// Pictures a second.
    pub frame_rate: Rational,
    /// What their samples mean.
    pub colour: crate::Colour,
}

/// One thing from a file.
#[derive(Clone, Debug)]
pub enum Media {
    /// A picture.
    Picture(Picture),
    /// Some sound, 48 kHz stereo.
    Sound(Sound),
}

/// Why a file can't be read, with its path.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{path}: {reason}")]
pub struct Error {
    /// Which file.
    pub path: PathBuf,
    /// Why.
    pub reason: Reason,
}

/// Why.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Reason {
    /// Missing, forbidden, or not a media file: FFmpeg's words.
    #[error("can't be opened as a media file: {0}")]
    Open(String),
    /// Neither pictures nor sound in it.
    #[error("holds neither pictures nor sound that FFmpeg can decode")]
    Nothing,
    /// There are streams, but not one frame came out of them.
    #[error("not one frame in it can be decoded")]
    Damaged,
    /// The wanted frame rate is outside 1 to 240.
    #[error("a frame rate of {0}/{1} is not possible: from 1 to 240")]
    FrameRate(u32, u32),
    /// The wanted size is not possible, or the file's pixels can't be converted.
    #[error(transparent)]
    Scale(#[from] scale::Error),
    /// Its sound can't be converted.
    #[error(transparent)]
    Sound(#[from] crate::sound::Error),
}

/// Reads a file from its beginning.
#[derive(Debug)]
pub struct Reader {
    path: PathBuf,
    options: Options,
    info: Info,
    pass: Pass,
    /// Decoded, not yet in its place on the timeline.
    decoded: VecDeque<pass::Item>,
    pictures: slots::Pictures,
    sound: Option<track::Sound>,
    /// Where this pass began.
    base: Timestamp,
    ended: bool,
}

impl Reader {
    /// Sample rate of all sound that comes out, Hz.
    pub const SAMPLE_RATE: u32 = 48_000;
    /// Channels of all sound that comes out.
    pub const CHANNELS: u8 = 2;

    /// Opens and looks at the streams; decodes nothing yet.
    pub fn open(path: &Path, options: Options) -> Result<Self, Error> {
        let failed = |reason| Error { path: path.to_owned(), reason };
        if let Some(rate) = options.frame_rate
            && !(rate.den > 0 && (1.0..=240.0).contains(&rate.as_f64()))
        {
            return Err(failed(Reason::FrameRate(rate.num, rate.den)));
        }
        let pass = Pass::open(path, &options).map_err(failed)?;
        let mut info = pass.info();
        if let (Some(video), Some(rate)) = (&mut info.video, options.frame_rate) {
            video.frame_rate = rate;
        }
        Ok(Self {
            path: path.to_owned(),
            options,
            info,
            pass,
            decoded: VecDeque::new(),
            pictures: slots::Pictures::new(options.frame_rate),
            sound: info.audio.then(track::Sound::default),
            base: Timestamp::new(0, Timescale::NANOS),
            ended: false,
        })
    }

    /// What will come.
    pub fn info(&self) -> &Info {
        &self.info
    }

    /// The next picture or sound, roughly in order of time. `None` at the end, unless looped.
    ///
    /// Times begin near zero. Pictures of a kind rise strictly; sound is gapless from zero on, whatever the file does:
    /// silence stands where it has none. Damaged frames are skipped.
    #[allow(clippy::should_implement_trait, reason = "an iterator can't be asked again after an error")]
    pub fn next(&mut self) -> Result<Option<Media>, Error> {
        loop {
            if let Some(picture) = self.pictures.due() {
                return Ok(Some(Media::Picture(picture)));
            }
            match self.decoded.pop_front() {
                Some(item) => {
                    if let Some(media) = self.place(item) {
                        return Ok(Some(media));
                    }
                }
                None if self.ended => return Ok(None),
                None => self.advance().map_err(|reason| Error { path: self.path.clone(), reason })?,
            }
        }
    }

    /// Puts a decoded thing onto the timeline; silence that must come first puts it back.
    fn place(&mut self, item: pass::Item) -> Option<Media> {
        if let Some(sound) = &mut self.sound
            && let Some(silence) = sound.silence_before(&item)
        {
            self.decoded.push_front(item);
            return Some(Media::Sound(silence));
        }
        match item {
            pass::Item::Picture(picture) => {
                self.pictures.offer(picture);
                None
            }
            pass::Item::Sound { at, samples } => self.sound.as_mut()?.place(at, samples).map(Media::Sound),
            pass::Item::SoundEnded => None,
            pass::Item::End(end) => {
                self.pictures.until(end);
                None
            }
        }
    }

    fn advance(&mut self) -> Result<(), Reason> {
        if self.pass.read(self.base, &mut self.decoded)? {
            return Ok(());
        }
        let Some(end) = self.pass.end(self.base) else { return Err(Reason::Damaged) };
        self.decoded.push_back(pass::Item::End(end));
        if self.options.looped {
            self.base = end;
            if !self.pass.rewind() {
                self.pass = Pass::open(&self.path, &self.options)?;
            }
        } else {
            self.ended = true;
        }
        Ok(())
    }
}
