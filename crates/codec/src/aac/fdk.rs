//! Fraunhofer's encoder.

use bytes::Bytes;
use fdk_aac::enc;

use super::{Config, Error};

pub(super) struct Library {
    encoder: enc::Encoder,
    delay: u32,
    /// As large as a frame can get.
    out: Vec<u8>,
}

impl Library {
    pub(super) const NAME: &'static str = "fdk-aac";

    pub(super) fn open(config: &Config) -> Result<(Self, Bytes), Error> {
        let encoder = enc::Encoder::new(enc::EncoderParams {
            bit_rate: enc::BitRate::Cbr(config.bitrate),
            sample_rate: config.sample_rate,
            transport: enc::Transport::Raw,
            channels: if config.channels == 1 { enc::ChannelMode::Mono } else { enc::ChannelMode::Stereo },
            audio_object_type: enc::AudioObjectType::Mpeg4LowComplexity,
        })
        .map_err(|e| error("open an encoder", &e))?;
        let info = encoder.info().map_err(|e| error("describe itself", &e))?;
        let asc = info.confBuf.get(..info.confSize as usize).unwrap_or_default();
        let out = vec![0; (info.maxOutBufBytes as usize).max(8192)];
        Ok((Self { encoder, delay: info.nDelay, out }, Bytes::copy_from_slice(asc)))
    }

    pub(super) fn delay(&self) -> u32 {
        self.delay
    }

    /// Takes a whole frame.
    pub(super) fn frame(&mut self, mut samples: &[i16]) -> Result<Option<Bytes>, Error> {
        let mut unit = None;
        while !samples.is_empty() {
            let info = self.encoder.encode(samples, &mut self.out).map_err(|e| error("encode", &e))?;
            if info.output_size > 0 {
                unit = Some(Bytes::copy_from_slice(&self.out[..info.output_size]));
            }
            if info.input_consumed == 0 {
                break;
            }
            samples = samples.get(info.input_consumed..).unwrap_or_default();
        }
        Ok(unit)
    }
}

fn error(doing: &'static str, e: &enc::EncoderError) -> Error {
    Error::Library { library: Library::NAME, doing, reason: e.to_string() }
}
