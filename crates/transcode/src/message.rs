//! The messages.

use bytes::{BufMut, Bytes, BytesMut};
use media::Rational;

use crate::Error;
use crate::frame::{Fields, put_bytes, put_option};
use crate::ladder::{Change, Config, Effort, Lost, Open, Unit};
use crate::measured::Measured;
use crate::watch::{Blind, Thumbnail, Watched};

/// What each field may be, at most.
pub mod limits {
    /// Bytes of a picture, coded in whatever way.
    pub const PICTURE: usize = 8 << 20;
    /// Bytes of a decoder configuration.
    pub const CONFIG: usize = 64 << 10;
    /// Units of one track of a result.
    pub const UNITS: usize = 1_024;
    /// Bytes of one unit.
    pub const UNIT: usize = 8 << 20;
    /// Bytes of the reason of a failure.
    pub const REASON: usize = 1_024;
    /// Pixels either way.
    pub const SIDE: u32 = 8_192;
}

/// Everything that is said.
#[derive(Clone, Debug, PartialEq)]
pub enum Message {
    /// Server to worker.
    Job(Job),
    /// Worker to server: what a job gave.
    Done(Done),
    /// Worker to server: a job that can't be done. The worker goes on.
    Failed(Failed),
    /// Server to worker: make renditions of a session.
    Open(Open),
    /// Worker to server: it is at it. Each output's configuration comes before its first unit.
    Opened,
    /// Server to worker.
    Change(Change),
    /// Either way.
    Config(Config),
    /// Either way.
    Unit(Unit),
    /// Server to worker.
    Effort(Effort),
    /// Worker to server.
    Lost(Lost),
    /// Worker to server.
    Measured(Measured),
    /// Either way: nothing more comes.
    End,
    /// Server to worker: look at key frames of channels.
    Watch,
    /// Server to worker.
    Watched(Watched),
    /// Worker to server.
    Thumbnail(Thumbnail),
    /// Worker to server.
    Blind(Blind),
}

/// Encode a slate.
#[derive(Clone, Debug, PartialEq)]
pub struct Job {
    /// Comes back with the result.
    pub number: u32,
    /// What is seen; `None` without video.
    pub still: Option<Still>,
    /// What is heard, silence; `None` without audio.
    pub sound: Option<Sound>,
}

/// A picture that doesn't move.
#[derive(Clone, Debug, PartialEq)]
pub struct Still {
    /// Where it comes from.
    pub picture: Picture,
    /// Pixels across, even.
    pub width: u32,
    /// Pixels down, even.
    pub height: u32,
    /// Frames a second.
    pub rate: Rational,
}

/// A picture as it was sent.
#[derive(Clone, Debug, PartialEq)]
pub enum Picture {
    /// None: black.
    Black,
    /// A JPEG or PNG file.
    File(Bytes),
    /// An H.264 key frame.
    Key {
        /// Its `avcC` record.
        record: Bytes,
        /// NAL units, each after its 4-byte length.
        unit: Bytes,
    },
}

/// Silence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sound {
    /// Hz.
    pub sample_rate: u32,
    /// 1 or 2.
    pub channels: u8,
}

/// A job's result.
#[derive(Clone, Debug, PartialEq)]
pub struct Done {
    /// The job's.
    pub number: u32,
    /// What it made.
    pub slate: Slate,
}

/// Units to show again and again.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Slate {
    /// H.264; without B-frames, so in the order they are shown. `config` is an `avcC` record.
    pub video: Option<Units>,
    /// AAC. `config` is an AudioSpecificConfig.
    pub audio: Option<Units>,
}

/// Units of one track.
#[derive(Clone, Debug, PartialEq)]
pub struct Units {
    /// Decoder configuration.
    pub config: Bytes,
    /// In order; whether decoding can start there.
    pub units: Vec<(bool, Bytes)>,
}

/// Why a job can't be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failed {
    /// The job's.
    pub number: u32,
    /// A clause for the log.
    pub reason: String,
}

const JOB: u8 = 1;
const DONE: u8 = 2;
const FAILED: u8 = 3;
const OPEN: u8 = 4;
const OPENED: u8 = 5;
const CHANGE: u8 = 6;
const CONFIG: u8 = 7;
const UNIT: u8 = 8;
const EFFORT: u8 = 9;
const LOST: u8 = 10;
const END: u8 = 11;
const MEASURED: u8 = 16;
const WATCH: u8 = 12;
const WATCHED: u8 = 13;
const THUMBNAIL: u8 = 14;
const BLIND: u8 = 15;

impl Message {
    pub(crate) fn write(&self, out: &mut BytesMut) {
        match self {
            Self::Job(job) => {
                out.put_u8(JOB);
                out.put_u32(job.number);
                put_option(out, job.still.as_ref(), put_still);
                put_option(out, job.sound.as_ref(), |out, sound| {
                    out.put_u32(sound.sample_rate);
                    out.put_u8(sound.channels);
                });
            }
            Self::Done(done) => {
                out.put_u8(DONE);
                out.put_u32(done.number);
                put_option(out, done.slate.video.as_ref(), put_units);
                put_option(out, done.slate.audio.as_ref(), put_units);
            }
            Self::Failed(failed) => {
                out.put_u8(FAILED);
                out.put_u32(failed.number);
                put_reason(out, &failed.reason);
            }
            Self::Open(open) => {
                out.put_u8(OPEN);
                open.write(out);
            }
            Self::Opened => out.put_u8(OPENED),
            Self::Change(change) => {
                out.put_u8(CHANGE);
                change.write(out);
            }
            Self::Config(config) => {
                out.put_u8(CONFIG);
                config.write(out);
            }
            Self::Unit(unit) => {
                out.put_u8(UNIT);
                unit.write(out);
            }
            Self::Effort(effort) => {
                out.put_u8(EFFORT);
                effort.write(out);
            }
            Self::Lost(lost) => {
                out.put_u8(LOST);
                lost.write(out);
            }
            Self::Measured(measured) => {
                out.put_u8(MEASURED);
                measured.write(out);
            }
            Self::End => out.put_u8(END),
            Self::Watch => out.put_u8(WATCH),
            Self::Watched(watched) => {
                out.put_u8(WATCHED);
                watched.write(out);
            }
            Self::Thumbnail(thumbnail) => {
                out.put_u8(THUMBNAIL);
                thumbnail.write(out);
            }
            Self::Blind(blind) => {
                out.put_u8(BLIND);
                blind.write(out);
            }
        }
    }

    pub(crate) fn read(kind: u8, fields: &mut Fields) -> Result<Self, Error> {
        match kind {
            JOB => Ok(Self::Job(Job {
                number: fields.u32("job")?,
                still: fields.option("still", still)?,
                sound: fields.option("sound", sound)?,
            })),
            DONE => Ok(Self::Done(Done {
                number: fields.u32("job")?,
                slate: Slate { video: fields.option("video", units)?, audio: fields.option("audio", units)? },
            })),
            FAILED => {
                let number = fields.u32("job")?;
                Ok(Self::Failed(Failed { number, reason: fields.text("reason", limits::REASON)? }))
            }
            OPEN => Open::read(fields).map(Self::Open),
            OPENED => Ok(Self::Opened),
            CHANGE => Change::read(fields).map(Self::Change),
            CONFIG => Config::read(fields).map(Self::Config),
            UNIT => Unit::read(fields).map(Self::Unit),
            EFFORT => Effort::read(fields).map(Self::Effort),
            LOST => Lost::read(fields).map(Self::Lost),
            MEASURED => Measured::read(fields).map(Self::Measured),
            END => Ok(Self::End),
            WATCH => Ok(Self::Watch),
            WATCHED => Watched::read(fields).map(Self::Watched),
            THUMBNAIL => Thumbnail::read(fields).map(Self::Thumbnail),
            BLIND => Blind::read(fields).map(Self::Blind),
            other => Err(Error::Kind(other)),
        }
    }
}

/// A reason, cut where it is too long.
pub(crate) fn put_reason(out: &mut BytesMut, reason: &str) {
    let mut end = reason.len().min(limits::REASON);
    while !reason.is_char_boundary(end) {
        end -= 1;
    }
    put_bytes(out, &reason.as_bytes()[..end]);
}

fn put_still(out: &mut BytesMut, still: &Still) {
    match &still.picture {
        Picture::Black => out.put_u8(0),
        Picture::File(bytes) => {
            out.put_u8(1);
            put_bytes(out, bytes);
        }
        Picture::Key { record, unit } => {
            out.put_u8(2);
            put_bytes(out, record);
            put_bytes(out, unit);
        }
    }
    for number in [still.width, still.height, still.rate.num, still.rate.den] {
        out.put_u32(number);
    }
}

fn still(fields: &mut Fields) -> Result<Still, Error> {
    let picture = match fields.u8("picture")? {
        0 => Picture::Black,
        1 => Picture::File(fields.bytes("picture", limits::PICTURE)?),
        2 => Picture::Key {
            record: fields.bytes("record", limits::CONFIG)?,
            unit: fields.bytes("key frame", limits::PICTURE)?,
        },
        other => return Err(Error::Range { what: "picture", value: other.into() }),
    };
    Ok(Still {
        picture,
        width: fields.within("width", 1..=limits::SIDE)?,
        height: fields.within("height", 1..=limits::SIDE)?,
        rate: Rational {
            num: fields.within("frame rate", 1..=u32::MAX)?,
            den: fields.within("frame rate", 1..=u32::MAX)?,
        },
    })
}

fn sound(fields: &mut Fields) -> Result<Sound, Error> {
    let sample_rate = fields.within("sample rate", 1..=192_000)?;
    match fields.u8("channels")? {
        channels @ 1..=2 => Ok(Sound { sample_rate, channels }),
        other => Err(Error::Range { what: "channels", value: other.into() }),
    }
}

fn put_units(out: &mut BytesMut, units: &Units) {
    put_bytes(out, &units.config);
    out.put_u32(u32::try_from(units.units.len()).unwrap_or(u32::MAX));
    for (key, data) in &units.units {
        out.put_u8(u8::from(*key));
        put_bytes(out, data);
    }
}

fn units(fields: &mut Fields) -> Result<Units, Error> {
    let config = fields.bytes("config", limits::CONFIG)?;
    let units = fields.list("units", limits::UNITS, |fields| {
        let key = fields.flag("key")?;
        Ok((key, fields.bytes("unit", limits::UNIT)?))
    })?;
    Ok(Units { config, units })
}
