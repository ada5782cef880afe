//! One channel in the shared worker: what is known of it, and what is made of its key frames.

use anyhow::Context;
use bytes::Bytes;
use codec::measure;
use codec::{Frame, decode};
use media::{AccessUnit, Kind, Track};
use transcode::measured::Figures;
use transcode::watch::Thumbnail;

use super::stills::Stills;
use crate::transcode::ladder::{Listener, heard, seen, track};

/// A channel that nothing else decodes.
#[derive(Default)]
pub(super) struct Look {
    video: Option<Track>,
    sound: Option<Track>,
    stills: Stills,
    /// Where its pictures are measured.
    eye: Option<measure::Eye>,
    /// Where its sound is.
    listens: bool,
    listener: Option<Listener>,
}

/// What is made of a unit.
#[derive(Default)]
pub(super) struct Seen {
    pub thumbnail: Option<Thumbnail>,
    pub figures: Option<Figures>,
}

impl Look {
    /// Before the first unit of a kind, and where it changes.
    pub(super) fn track(&mut self, kind: Kind, config: &Bytes) -> anyhow::Result<()> {
        let track = track(kind, config).context("a configuration can't be read")?;
        match kind {
            Kind::Video => self.video = Some(track),
            Kind::Audio => {
                if let Some(listener) = &mut self.listener {
                    listener.track(&track)?;
                }
                self.sound = Some(track);
            }
        }
        Ok(())
    }

    /// What is measured from now on.
    pub(super) fn measure(&mut self, pictures: bool, sound: bool) {
        self.eye = pictures.then(|| self.eye.take().unwrap_or_default());
        self.listens = sound;
        self.listener = self.listener.take().filter(|_| sound);
    }

    /// A key frame, or sound. With `still` the thumbnail of it.
    pub(super) fn unit(&mut self, channel: u32, unit: &AccessUnit, still: bool) -> anyhow::Result<Seen> {
        match unit.kind {
            Kind::Video => {
                let frame = self.decoded(unit)?;
                let figures = self.eye.as_mut().and_then(|eye| eye.look_at_key_frame(&frame)).map(seen);
                let made = still.then(|| self.stills.make(channel, &frame, unit.pts)).transpose();
                Ok(Seen { thumbnail: made?, figures })
            }
            Kind::Audio if self.listens => {
                if self.listener.is_none() {
                    let track = self.sound.as_ref().context("sound came before its configuration")?;
                    self.listener = Some(Listener::start(track)?);
                }
                let figures = self.listener.as_mut().and_then(|listener| listener.unit(unit)).map(heard);
                Ok(Seen { figures, ..Seen::default() })
            }
            Kind::Audio => Ok(Seen::default()),
        }
    }

    /// Each key frame has a decoder of its own: nothing is kept of a channel between two.
    fn decoded(&self, unit: &AccessUnit) -> anyhow::Result<Frame> {
        let track = self.video.as_ref().context("a key frame came before its configuration")?;
        let mut decoder = decode::Video::new(track)?;
        let mut frames = decoder.frames(unit)?;
        frames.extend(decoder.flush_frames()?);
        frames.pop().context("the key frame gave no picture")
    }
}
