//! libavcodec's own encoder, for builds that are to be distributed.

use bytes::Bytes;
use ffmpeg_next::{ChannelLayout, Packet, codec, encoder, format::Sample, frame};

use super::{Config, Error};

pub(super) struct Library {
    encoder: encoder::Audio,
    layout: ChannelLayout,
    rate: u32,
    delay: u32,
    pts: i64,
}

impl Library {
    pub(super) const NAME: &'static str = "libavcodec";
    const FORMAT: Sample = Sample::F32(ffmpeg_next::format::sample::Type::Planar);

    pub(super) fn open(config: &Config) -> Result<(Self, Bytes), Error> {
        crate::av::init();
        let codec = encoder::find(codec::Id::AAC)
            .ok_or_else(|| error("find its AAC encoder", ffmpeg_next::Error::EncoderNotFound))?;
        let opening = |e| error("open an encoder", e);
        let layout = ChannelLayout::default(config.channels.into());
        let mut settings = codec::Context::new_with_codec(codec).encoder().audio().map_err(opening)?;
        settings.set_rate(config.sample_rate as i32);
        settings.set_channel_layout(layout);
        settings.set_format(Self::FORMAT);
        settings.set_bit_rate(config.bitrate as usize);
        settings.set_time_base((1, config.sample_rate as i32));
        settings.set_flags(codec::Flags::GLOBAL_HEADER);
        let encoder = settings.open().map_err(opening)?;
        // SAFETY: the context is open; its extradata is either null or of the size given, and is copied.
        let (asc, delay) = unsafe {
            let context = &*encoder.as_ptr();
            let size = usize::try_from(context.extradata_size).unwrap_or(0);
            let asc = match context.extradata.is_null() {
                true => Bytes::new(),
                false => Bytes::copy_from_slice(std::slice::from_raw_parts(context.extradata, size)),
            };
            (asc, u32::try_from(context.initial_padding).unwrap_or(0))
        };
        // 5 bytes with an SBR "absent" extension: the first two say it all.
        let asc = if asc.len() > 2 { asc.slice(..2) } else { asc };
        Ok((Self { encoder, layout, rate: config.sample_rate, delay, pts: 0 }, asc))
    }

    pub(super) fn delay(&self) -> u32 {
        self.delay
    }

    /// Takes a whole frame.
    pub(super) fn frame(&mut self, samples: &[i16]) -> Result<Option<Bytes>, Error> {
        let channels = self.layout.channels().max(1) as usize;
        let count = samples.len() / channels;
        let mut frame = frame::Audio::new(Self::FORMAT, count, self.layout);
        frame.set_rate(self.rate);
        frame.set_pts(Some(self.pts));
        self.pts += count as i64;
        for channel in 0..channels {
            let from = samples.iter().skip(channel).step_by(channels);
            for (to, from) in frame.plane_mut::<f32>(channel).iter_mut().zip(from) {
                *to = f32::from(*from) / 32_768.0;
            }
        }
        self.encoder.send_frame(&frame).map_err(|e| error("encode", e))?;
        let mut packet = Packet::empty();
        match self.encoder.receive_packet(&mut packet) {
            Ok(()) => Ok(packet.data().map(Bytes::copy_from_slice)),
            Err(ffmpeg_next::Error::Other { errno: ffmpeg_next::error::EAGAIN }) => Ok(None),
            Err(e) => Err(error("encode", e)),
        }
    }
}

fn error(doing: &'static str, e: ffmpeg_next::Error) -> Error {
    Error::Library { library: Library::NAME, doing, reason: e.to_string() }
}
