//! A ladder's messages: a worker that was sent [`Open`] makes renditions of one session until it is ended.
//!
//! ```text
//!   Open ─▶ Opened │ Failed
//!   Track, Unit … ─▶ Track, Unit … of each output; Lost where one can't go on
//!   Change, Effort ─▶ (from the next key frame, from the next picture)
//!   End ─▶ the rest of the units, End
//! ```

use bytes::{BufMut, Bytes, BytesMut};
use media::{AccessUnit, Kind, Timescale, Timestamp};

use crate::Error;
use crate::frame::{Fields, put_bytes, put_option};
use crate::message::limits;

/// What to make, and of what. The renditions and what is done to them are JSON: both ends are the same program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Open {
    /// Renditions and processing.
    pub order: Bytes,
    /// A JPEG or PNG to lay over the picture; empty without one.
    pub logo: Bytes,
    /// `avcC` of the source; `None` without pictures.
    pub video: Option<Bytes>,
    /// AudioSpecificConfig of the source; `None` without sound.
    pub audio: Option<Bytes>,
}

/// Other processing, from the next key frame on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// As in [`Open`].
    pub order: Bytes,
    /// As in [`Open`].
    pub logo: Bytes,
}

/// A configuration: of the source, or of an output before its first unit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// 0 for the source; outputs are counted in the order's own order.
    pub output: u8,
    /// Of pictures or sound.
    pub kind: Kind,
    /// `avcC` or AudioSpecificConfig.
    pub config: Bytes,
}

/// A unit: of the source, or of an output.
#[derive(Clone, Debug, PartialEq)]
pub struct Unit {
    /// 0 for the source; outputs are counted in the order's own order.
    pub output: u8,
    /// As it is.
    pub unit: AccessUnit,
}

/// How much of an output is made, from the next picture on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Effort {
    /// Which.
    pub output: u8,
    /// How much.
    pub level: Level,
}

/// How much of an output is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// All of it.
    Full,
    /// Every other picture.
    Half,
    /// Nothing, until it is asked for again.
    Off,
}

/// An output that can't go on. The others do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lost {
    /// Which.
    pub output: u8,
    /// A clause for the log.
    pub reason: String,
}

/// Bytes of an order, at most.
pub const MAX_ORDER: usize = 256 << 10;

impl Open {
    pub(crate) fn write(&self, out: &mut BytesMut) {
        put_bytes(out, &self.order);
        put_bytes(out, &self.logo);
        put_option(out, self.video.as_ref(), |out, config| put_bytes(out, config));
        put_option(out, self.audio.as_ref(), |out, config| put_bytes(out, config));
    }

    pub(crate) fn read(fields: &mut Fields) -> Result<Self, Error> {
        Ok(Self {
            order: fields.bytes("order", MAX_ORDER)?,
            logo: fields.bytes("logo", limits::PICTURE)?,
            video: fields.option("video", |fields| fields.bytes("config", limits::CONFIG))?,
            audio: fields.option("audio", |fields| fields.bytes("config", limits::CONFIG))?,
        })
    }
}

impl Change {
    pub(crate) fn write(&self, out: &mut BytesMut) {
        put_bytes(out, &self.order);
        put_bytes(out, &self.logo);
    }

    pub(crate) fn read(fields: &mut Fields) -> Result<Self, Error> {
        Ok(Self { order: fields.bytes("order", MAX_ORDER)?, logo: fields.bytes("logo", limits::PICTURE)? })
    }
}

impl Config {
    pub(crate) fn write(&self, out: &mut BytesMut) {
        out.put_u8(self.output);
        put_kind(out, self.kind);
        put_bytes(out, &self.config);
    }

    pub(crate) fn read(fields: &mut Fields) -> Result<Self, Error> {
        let (output, kind) = (fields.u8("output")?, get_kind(fields)?);
        Ok(Self { output, kind, config: fields.bytes("config", limits::CONFIG)? })
    }
}

impl Unit {
    pub(crate) fn write(&self, out: &mut BytesMut) {
        out.put_u8(self.output);
        put_unit(out, &self.unit);
    }

    pub(crate) fn read(fields: &mut Fields) -> Result<Self, Error> {
        Ok(Self { output: fields.u8("output")?, unit: get_unit(fields)? })
    }
}

impl Effort {
    pub(crate) fn write(self, out: &mut BytesMut) {
        out.put_u8(self.output);
        out.put_u8(match self.level {
            Level::Full => 0,
            Level::Half => 1,
            Level::Off => 2,
        });
    }

    pub(crate) fn read(fields: &mut Fields) -> Result<Self, Error> {
        let output = fields.u8("output")?;
        let level = match fields.u8("level")? {
            0 => Level::Full,
            1 => Level::Half,
            2 => Level::Off,
            other => return Err(Error::Range { what: "level", value: other.into() }),
        };
        Ok(Self { output, level })
    }
}

impl Lost {
    pub(crate) fn write(&self, out: &mut BytesMut) {
        out.put_u8(self.output);
        crate::message::put_reason(out, &self.reason);
    }

    pub(crate) fn read(fields: &mut Fields) -> Result<Self, Error> {
        Ok(Self { output: fields.u8("output")?, reason: fields.text("reason", limits::REASON)? })
    }
}

pub(crate) fn put_unit(out: &mut BytesMut, unit: &AccessUnit) {
    let AccessUnit { kind, dts, pts, key, data } = unit;
    put_kind(out, *kind);
    out.put_u8(u8::from(*key));
    out.put_u32(dts.scale.hz());
    out.put_i64(dts.ticks);
    out.put_i64(pts.rescale(dts.scale).ticks);
    put_bytes(out, data);
}

pub(crate) fn get_unit(fields: &mut Fields) -> Result<AccessUnit, Error> {
    let kind = get_kind(fields)?;
    let key = fields.flag("key")?;
    let hz = fields.u32("timescale")?;
    let scale = Timescale::new(hz).ok_or(Error::Range { what: "timescale", value: 0 })?;
    let (dts, pts) = (fields.i64("DTS")?, fields.i64("PTS")?);
    let (dts, pts) = (Timestamp::new(dts, scale), Timestamp::new(pts, scale));
    let data = fields.bytes("unit", limits::UNIT)?;
    Ok(AccessUnit { kind, dts, pts, key, data })
}

pub(crate) fn put_kind(out: &mut BytesMut, kind: Kind) {
    out.put_u8(match kind {
        Kind::Video => 0,
        Kind::Audio => 1,
    });
}

pub(crate) fn get_kind(fields: &mut Fields) -> Result<Kind, Error> {
    match fields.u8("kind of track")? {
        0 => Ok(Kind::Video),
        1 => Ok(Kind::Audio),
        other => Err(Error::Range { what: "kind of track", value: other.into() }),
    }
}
