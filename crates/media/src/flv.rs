//! FLV tags as RTMP carries them: bodies of audio (8) and video (9) messages in and out.
//!
//! Source: Adobe FLV specification 10.1, annex E.4; Enhanced RTMP v1 and v2 for the FourCC headers, whose codecs other than
//! H.264 and AAC are refused by name.

use bytes::{Buf, BufMut, Bytes, BytesMut};

use crate::{AccessUnit, CodecConfig, Kind, Timestamp, Track, aac, avc};

#[cfg(test)]
mod tests;

/// Which RTMP message (FLV tag type) a body came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TagKind {
    /// Message type 8.
    Audio,
    /// Message type 9.
    Video,
}

/// The body of an audio or video message with its timestamp, which wraps at 2^32 ms.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tag {
    /// Audio or video.
    pub kind: TagKind,
    /// Milliseconds modulo 2^32.
    pub timestamp: u32,
    /// The FLV tag body: codec header byte(s), then payload.
    pub body: Bytes,
}

/// What `onMetaData` announced. Everything is the publisher's word, not a fact.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Metadata {
    /// Pixels across.
    pub width: Option<u32>,
    /// Pixels down.
    pub height: Option<u32>,
    /// Frames a second.
    pub frame_rate: Option<f64>,
    /// kbit/s.
    pub video_kbps: Option<f64>,
    /// kbit/s.
    pub audio_kbps: Option<f64>,
    /// Hz.
    pub sample_rate: Option<u32>,
    /// 1 or 2, from `stereo` or `audiochannels`.
    pub channels: Option<u8>,
    /// `Some(false)` where the publisher announced that there is none (no `videocodecid`).
    pub has_video: Option<bool>,
    /// `Some(false)` where the publisher announced that there is none (no `audiocodecid`).
    pub has_audio: Option<bool>,
    /// `encoder`, e.g. `Lavf59.27.100`, `obs-output module (libobs version 29.0.2)`.
    pub encoder: Option<String>,
}

/// What a tag turned out to be.
#[derive(Clone, Debug, PartialEq)]
pub enum Item {
    /// A sequence header: a new or changed track.
    Track(Track),
    /// A coded picture or sound frame, in milliseconds as it came (`Timescale::MILLIS`, not yet unwrapped or settled).
    Unit(AccessUnit),
    /// A key picture that brought parameter sets of its own: the track changes with it, then it comes.
    Changed(Track, AccessUnit),
    /// A repeated sequence header, an end of sequence, an empty body, an info frame: nothing to show.
    Nothing,
}

/// Why a tag can't be taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Not H.264: the name of what it is.
    #[error("video codec {0} is not supported: publish H.264")]
    VideoCodec(String),
    /// Not AAC: the name of what it is.
    #[error("audio codec {0} is not supported: publish AAC")]
    AudioCodec(String),
    /// The tag ends before its header does.
    #[error("{0} tag is cut short")]
    Truncated(&'static str),
    /// The H.264 sequence header can't be parsed.
    #[error("bad H.264 sequence header: {0}")]
    Avc(avc::Error),
    /// The AAC sequence header can't be parsed.
    #[error("bad AAC sequence header: {0}")]
    Aac(#[from] aac::Error),
    /// The NAL units of a picture don't add up.
    #[error("broken picture: {0}")]
    Unit(avc::Error),
    /// Media before its sequence header.
    #[error("{0} frame before its sequence header")]
    Headless(&'static str),
}

impl Error {
    /// The codec will never be taken: the publisher must be told, and refused.
    pub fn is_codec(&self) -> bool {
        matches!(self, Self::VideoCodec(_) | Self::AudioCodec(_) | Self::Aac(_) | Self::Avc(_))
    }
}

/// Reads tags into tracks and access units. Keeps the current configurations, nothing else.
#[derive(Debug, Default)]
pub struct Demuxer {
    video: Option<Video>,
    audio: Option<aac::Config>,
}

#[derive(Debug)]
struct Video {
    header: Bytes,
    config: avc::Config,
    lengths: avc::LengthSize,
}

impl Demuxer {
    /// Before the first tag.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes one tag. A repeated identical sequence header is `Nothing`. An error concerns this tag only: the caller
    /// decides whether the publisher may go on.
    pub fn push(&mut self, tag: &Tag) -> Result<Item, Error> {
        if tag.body.is_empty() {
            return Ok(Item::Nothing);
        }
        match tag.kind {
            TagKind::Video => self.video(tag),
            TagKind::Audio => self.audio(tag),
        }
    }

    fn video(&mut self, tag: &Tag) -> Result<Item, Error> {
        let mut body = tag.body.clone();
        let header = body.get_u8();
        let frame_type = header >> 4 & 7;
        if frame_type == INFO_FRAME {
            return Ok(Item::Nothing);
        }
        let packet = if header & 0x80 != 0 {
            let fourcc = take::<4>(&mut body, "video")?;
            if &fourcc != b"avc1" {
                return Err(Error::VideoCodec(fourcc_name(fourcc)));
            }
            match header & 15 {
                0 => Packet::Header,
                1 => Packet::Frame { offset: offset(take::<3>(&mut body, "video")?) },
                3 => Packet::Frame { offset: 0 },
                _ => Packet::Other,
            }
        } else {
            if header & 15 != AVC {
                return Err(Error::VideoCodec(video_name(header & 15)));
            }
            let [kind, o0, o1, o2] = take::<4>(&mut body, "video")?;
            match kind {
                0 => Packet::Header,
                1 => Packet::Frame { offset: offset([o0, o1, o2]) },
                _ => Packet::Other,
            }
        };
        match packet {
            Packet::Header => self.video_header(body),
            Packet::Frame { offset } => self.picture(tag.timestamp, offset, frame_type, &body),
            Packet::Other => Ok(Item::Nothing),
        }
    }

    fn video_header(&mut self, record: Bytes) -> Result<Item, Error> {
        if self.video.as_ref().is_some_and(|v| v.header == record) {
            return Ok(Item::Nothing);
        }
        let (config, lengths) = avc::Config::parse(&record).map_err(Error::Avc)?;
        self.video = Some(Video { header: record, config: config.clone(), lengths });
        Ok(Item::Track(Track::video(config)))
    }

    fn picture(&mut self, timestamp: u32, offset: i64, frame_type: u8, body: &Bytes) -> Result<Item, Error> {
        let video = self.video.as_mut().ok_or(Error::Headless("video"))?;
        let lengths = video.lengths;
        if body.is_empty() {
            return Ok(Item::Nothing);
        }
        // The tag's word for streams without IDR (open GOP, recovery points): without it they would never start.
        let key = avc::has_idr(body, lengths).map_err(Error::Unit)? || frame_type == KEY_FRAME;
        let dts = i64::from(timestamp);
        let unit = AccessUnit {
            kind: Kind::Video,
            dts: Timestamp::millis(dts),
            pts: Timestamp::millis(dts + offset),
            key,
            data: avc::widen(body, lengths).map_err(Error::Unit)?,
        };
        // Sets that can't be read are left to the decoders: so far the record was good enough for them.
        let changed = key.then(|| video.config.changed_by(body, lengths)).and_then(Result::ok).flatten();
        Ok(match changed {
            Some(config) => {
                video.config = config.clone();
                Item::Changed(Track::video(config), unit)
            }
            None => Item::Unit(unit),
        })
    }

    fn audio(&mut self, tag: &Tag) -> Result<Item, Error> {
        let mut body = tag.body.clone();
        let header = body.get_u8();
        let packet = match header >> 4 {
            AAC => take::<1>(&mut body, "audio")?[0],
            EX_AUDIO => {
                let fourcc = take::<4>(&mut body, "audio")?;
                if &fourcc != b"mp4a" {
                    return Err(Error::AudioCodec(fourcc_name(fourcc)));
                }
                header & 15
            }
            n => return Err(Error::AudioCodec(audio_name(n))),
        };
        match packet {
            0 => self.audio_header(&body),
            1 if self.audio.is_none() => Err(Error::Headless("audio")),
            1 if !body.is_empty() => {
                let time = Timestamp::millis(tag.timestamp.into());
                Ok(Item::Unit(AccessUnit { kind: Kind::Audio, dts: time, pts: time, key: true, data: body }))
            }
            _ => Ok(Item::Nothing),
        }
    }

    fn audio_header(&mut self, asc: &Bytes) -> Result<Item, Error> {
        // GStreamer and some phones send an empty one first.
        if asc.is_empty() || self.audio.as_ref().is_some_and(|a| a.asc == *asc) {
            return Ok(Item::Nothing);
        }
        let config = aac::Config::parse(asc)?;
        self.audio = Some(config.clone());
        Ok(Item::Track(Track::audio(config)))
    }
}

enum Packet {
    Header,
    Frame { offset: i64 },
    Other,
}

const KEY_FRAME: u8 = 1;
const INFO_FRAME: u8 = 5;
const AVC: u8 = 7;
const AAC: u8 = 10;
const EX_AUDIO: u8 = 9;

fn take<const N: usize>(body: &mut Bytes, what: &'static str) -> Result<[u8; N], Error> {
    let bytes = *body.first_chunk::<N>().ok_or(Error::Truncated(what))?;
    body.advance(N);
    Ok(bytes)
}

/// CompositionTime: SI24, milliseconds.
fn offset([a, b, c]: [u8; 3]) -> i64 {
    i64::from(i32::from_be_bytes([a, b, c, 0]) >> 8)
}

fn fourcc_name(fourcc: [u8; 4]) -> String {
    match &fourcc {
        b"hvc1" => "HEVC (hvc1)".into(),
        b"av01" => "AV1 (av01)".into(),
        b"vp09" => "VP9 (vp09)".into(),
        b"vp08" => "VP8 (vp08)".into(),
        b"Opus" => "Opus".into(),
        b"fLaC" => "FLAC".into(),
        b"ac-3" => "AC-3".into(),
        b"ec-3" => "E-AC-3".into(),
        b".mp3" => "MP3".into(),
        other => format!("\"{}\"", other.escape_ascii()),
    }
}

fn video_name(id: u8) -> String {
    match id {
        2 => "Sorenson H.263".into(),
        3 | 6 => "Screen video".into(),
        4 | 5 => "VP6".into(),
        12 => "HEVC (id 12)".into(),
        13 => "AV1 (id 13)".into(),
        n => format!("id {n}"),
    }
}

fn audio_name(id: u8) -> String {
    match id {
        0 | 3 => "PCM".into(),
        1 => "ADPCM".into(),
        2 | 14 => "MP3".into(),
        4..=6 => "Nellymoser".into(),
        7 => "G.711 A-law".into(),
        8 => "G.711 mu-law".into(),
        11 => "Speex".into(),
        13 => "Opus (id 13)".into(),
        n => format!("id {n}"),
    }
}

/// The sequence header tag of a track, at timestamp `ms`.
pub fn sequence_header(track: &Track, ms: u32) -> Tag {
    let (kind, head, config): (_, &[u8], _) = match &track.config {
        CodecConfig::Avc(c) => (TagKind::Video, &[0x17, 0, 0, 0, 0], &c.record),
        CodecConfig::Aac(c) => (TagKind::Audio, &[0xaf, 0], &c.asc),
    };
    let mut body = BytesMut::with_capacity(head.len() + config.len());
    body.put_slice(head);
    body.put_slice(config);
    Tag { kind, timestamp: ms, body: body.freeze() }
}

/// The tag of an access unit; its timestamp is the DTS in ms modulo 2^32.
pub fn tag(unit: &AccessUnit) -> Tag {
    let dts = unit.dts.as_millis();
    let mut body = BytesMut::with_capacity(5 + unit.data.len());
    let kind = match unit.kind {
        Kind::Video => {
            let [.., a, b, c] = unit.pts.as_millis().saturating_sub(dts).to_be_bytes();
            body.put_slice(&[if unit.key { 0x17 } else { 0x27 }, 1, a, b, c]);
            TagKind::Video
        }
        Kind::Audio => {
            // Always "44 kHz, 16 bits, stereo" for AAC, whatever it is (annex E.4.2.1).
            body.put_slice(&[0xaf, 1]);
            TagKind::Audio
        }
    };
    body.put_slice(&unit.data);
    Tag { kind, timestamp: dts as u32, body: body.freeze() }
}
