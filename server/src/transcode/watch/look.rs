//! One channel in the shared worker: what is known of it, and what is made of its key frames.

use anyhow::Context;
use bytes::Bytes;
use codec::{Frame, decode};
use media::{AccessUnit, Kind, Track};
use transcode::watch::Thumbnail;

use super::stills::Stills;
use crate::transcode::ladder::track;

/// A channel that nothing else decodes.
#[derive(Debug, Default)]
pub(super) struct Look {
    video: Option<Track>,
    sound: Option<Track>,
    stills: Stills,
}

impl Look {
    /// Before the first unit of a kind, and where it changes.
    pub(super) fn track(&mut self, kind: Kind, config: &Bytes) -> anyhow::Result<()> {
        let track = track(kind, config).context("a configuration can't be read")?;
        match kind {
            Kind::Video => self.video = Some(track),
            Kind::Audio => self.sound = Some(track),
        }
        Ok(())
    }

    /// A key frame, or sound. With `still` the thumbnail of it.
    pub(super) fn unit(
        &mut self,
        channel: u32,
        unit: &AccessUnit,
        still: bool,
    ) -> anyhow::Result<Option<Thumbnail>> {
        match unit.kind {
            Kind::Video => {
                let frame = self.decoded(unit)?;
                let made = still.then(|| self.stills.make(channel, &frame, unit.pts)).transpose();
                Ok(made?)
            }
            // Nobody listens yet.
            Kind::Audio => Ok(None),
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
