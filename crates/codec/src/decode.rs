//! Access units back to pictures and sound, through libavcodec.

use std::ffi::c_int;

use ffmpeg_next::{Packet, codec, decoder, ffi, frame};
use media::{AccessUnit, CodecConfig, Timescale, Timestamp, Track};

use crate::frame::{Frame, NoMemory};
use crate::picture::Picture;
use crate::scale;
use crate::sound::{Resampler, Sound};

/// Why decoding can't be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The decoder isn't in this FFmpeg, or doesn't take the configuration.
    #[error("no decoder for {codec}: {reason}")]
    Open {
        /// RFC 6381 name.
        codec: String,
        /// libavcodec's words.
        reason: String,
    },
    /// A damaged access unit. The next key frame may be fine.
    #[error("bad access unit: {0}")]
    Data(String),
    /// Decoded, but can't be converted.
    #[error(transparent)]
    Scale(#[from] crate::scale::Error),
    /// No memory for what was decoded.
    #[error(transparent)]
    Memory(#[from] NoMemory),
    /// Decoded, but can't be converted.
    #[error(transparent)]
    Sound(#[from] crate::sound::Error),
}

/// H.264 to pictures.
pub struct Video {
    decoder: decoder::Video,
    scaler: Option<scale::Scaler>,
    frame: frame::Video,
}

impl Video {
    /// For a video track.
    pub fn new(track: &Track) -> Result<Self, Error> {
        let decoder = open(track)?.video().map_err(|e| not_open(track, e))?;
        Ok(Self { decoder, scaler: None, frame: frame::Video::empty() })
    }

    /// Takes an access unit in decode order; gives the pictures that are ready, in order of presentation, with its PTS.
    pub fn decode(&mut self, unit: &AccessUnit) -> Result<Vec<Picture>, Error> {
        self.decoder.send_packet(&packet(unit)).map_err(bad)?;
        self.ready()
    }

    /// Gives what is held back. After it, no more units may come.
    pub fn flush(&mut self) -> Result<Vec<Picture>, Error> {
        self.decoder.send_eof().map_err(bad)?;
        self.ready()
    }

    /// Like [`Video::decode`], as they come out of the decoder: no copy, any layout of pixels.
    pub fn frames(&mut self, unit: &AccessUnit) -> Result<Vec<Frame>, Error> {
        self.decoder.send_packet(&packet(unit)).map_err(bad)?;
        taken(&mut self.decoder)
    }

    /// Like [`Video::flush`], as they come out of the decoder.
    pub fn flush_frames(&mut self) -> Result<Vec<Frame>, Error> {
        self.decoder.send_eof().map_err(bad)?;
        taken(&mut self.decoder)
    }

    fn ready(&mut self) -> Result<Vec<Picture>, Error> {
        let mut pictures = Vec::new();
        while receive(&mut self.decoder, &mut self.frame)? {
            let at = Timestamp::new(self.frame.timestamp().unwrap_or(0), Timescale::VIDEO);
            // 4:2:0 has no odd sides; a last odd row or column is squeezed in.
            let size = (self.frame.width() & !1, self.frame.height() & !1);
            let mut scaler = match self.scaler.take() {
                Some(scaler) if scaler.size() == size => scaler,
                _ => scale::Scaler::new(size.0, size.1, scale::Fit::Stretch)?,
            };
            pictures.push(scaler.frame(&self.frame, at)?);
            self.scaler = Some(scaler);
        }
        Ok(pictures)
    }
}

impl std::fmt::Debug for Video {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "decode::Video({:?})", self.scaler)
    }
}

/// AAC to sound at the track's own rate and channels (more than two become two).
pub struct Audio {
    decoder: decoder::Audio,
    resampler: Option<Resampler>,
    frame: frame::Audio,
}

impl Audio {
    /// For an audio track.
    pub fn new(track: &Track) -> Result<Self, Error> {
        let decoder = open(track)?.audio().map_err(|e| not_open(track, e))?;
        Ok(Self { decoder, resampler: None, frame: frame::Audio::empty() })
    }

    /// Takes an access unit; gives what it holds.
    pub fn decode(&mut self, unit: &AccessUnit) -> Result<Vec<Sound>, Error> {
        self.decoder.send_packet(&packet(unit)).map_err(bad)?;
        let mut sounds = Vec::new();
        while receive(&mut self.decoder, &mut self.frame)? {
            // SAFETY: the frame is a valid AVFrame.
            let has = unsafe { (*self.frame.as_ptr()).ch_layout.nb_channels };
            let (sample_rate, channels) = (self.frame.rate(), if has == 1 { 1 } else { 2 });
            let resampler = match &mut self.resampler {
                Some(resampler) => resampler,
                none => none.insert(Resampler::of_frame(&self.frame, sample_rate, channels)?),
            };
            let samples = resampler.frame(&self.frame)?;
            sounds.push(Sound { at: unit.pts, sample_rate, channels, samples });
        }
        Ok(sounds)
    }

    /// Like [`Audio::decode`], as it comes out of the decoder: any format of samples, any number of channels.
    pub fn frames(&mut self, unit: &AccessUnit) -> Result<Vec<Frame>, Error> {
        self.decoder.send_packet(&packet(unit)).map_err(bad)?;
        taken(&mut self.decoder)
    }
}

impl std::fmt::Debug for Audio {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "decode::Audio({:?})", self.resampler)
    }
}

fn open(track: &Track) -> Result<decoder::Decoder, Error> {
    crate::av::init();
    let (id, extradata) = match &track.config {
        CodecConfig::Avc(avc) => (codec::Id::H264, &avc.record),
        CodecConfig::Aac(aac) => (codec::Id::AAC, &aac.asc),
    };
    let codec = decoder::find(id).ok_or_else(|| not_open(track, ffmpeg_next::Error::DecoderNotFound))?;
    let mut context = codec::Context::new_with_codec(codec);
    let padding = ffi::AV_INPUT_BUFFER_PADDING_SIZE as usize;
    // SAFETY: the context is not open yet; libavcodec frees the extradata, which must come from its own allocator and
    // have zeroed padding behind it.
    unsafe {
        let buffer = ffi::av_mallocz(extradata.len() + padding).cast::<u8>();
        if buffer.is_null() {
            return Err(not_open(track, ffmpeg_next::Error::Other { errno: ffmpeg_next::error::ENOMEM }));
        }
        std::ptr::copy_nonoverlapping(extradata.as_ptr(), buffer, extradata.len());
        let context = context.as_mut_ptr();
        (*context).extradata = buffer;
        (*context).extradata_size = extradata.len() as c_int;
    }
    let mut decoder = context.decoder();
    decoder.set_packet_time_base(ffmpeg_next::Rational(1, Timescale::VIDEO.hz() as i32));
    Ok(decoder)
}

fn not_open(track: &Track, e: ffmpeg_next::Error) -> Error {
    Error::Open { codec: track.config.rfc6381(), reason: e.to_string() }
}

fn bad(e: ffmpeg_next::Error) -> Error {
    Error::Data(e.to_string())
}

fn packet(unit: &AccessUnit) -> Packet {
    let mut packet = Packet::copy(&unit.data);
    packet.set_pts(Some(unit.pts.rescale(Timescale::VIDEO).ticks));
    packet.set_dts(Some(unit.dts.rescale(Timescale::VIDEO).ticks));
    if unit.key {
        packet.set_flags(codec::packet::Flags::KEY);
    }
    packet
}

/// Whatever the decoder has ready.
fn taken(decoder: &mut decoder::Opened) -> Result<Vec<Frame>, Error> {
    let mut frames = Vec::new();
    loop {
        let mut frame = Frame::empty()?;
        // SAFETY: an open decoder and an empty frame.
        let code = unsafe { ffi::avcodec_receive_frame(decoder.as_mut_ptr(), frame.as_mut_ptr()) };
        match code {
            0.. => frames.push(frame),
            _ => match ffmpeg_next::Error::from(code) {
                ffmpeg_next::Error::Eof => return Ok(frames),
                ffmpeg_next::Error::Other { errno: ffmpeg_next::error::EAGAIN } => return Ok(frames),
                error => return Err(bad(error)),
            },
        }
    }
}

/// `false` where the decoder wants more, or is done.
pub(crate) fn receive(decoder: &mut decoder::Opened, frame: &mut ffmpeg_next::Frame) -> Result<bool, Error> {
    match decoder.receive_frame(frame) {
        Ok(()) => Ok(true),
        Err(ffmpeg_next::Error::Eof) => Ok(false),
        Err(ffmpeg_next::Error::Other { errno: ffmpeg_next::error::EAGAIN }) => Ok(false),
        Err(e) => Err(bad(e)),
    }
}
