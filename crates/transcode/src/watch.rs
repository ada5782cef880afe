//! The shared worker's messages: one that was sent [`Message::Watch`](crate::Message::Watch) looks at key frames of channels
//! that nothing is made of, and writes small pictures of them.
//!
//! ```text
//!   Watch ─▶ Opened
//!   Watched: Track, Unit … Gone, of any channel ─▶ Thumbnail │ Blind for each unit that asks for a still, in order
//!   Watched: Measure, of any channel ─▶ Measured, of what comes of it after that
//!   End ─▶ End
//! ```
//!
//! A ladder's worker sends [`Thumbnail`]s by itself, where its order says how often.

use bytes::{BufMut, Bytes, BytesMut};
use media::{AccessUnit, Kind, Timescale, Timestamp};

use crate::Error;
use crate::frame::{Fields, put_bytes, put_option};
use crate::ladder::{get_kind, get_unit, put_kind, put_unit};
use crate::message::{limits, put_reason};

/// Something of a channel, for the shared worker.
#[derive(Clone, Debug, PartialEq)]
pub struct Watched {
    /// The server's number for it.
    pub channel: u32,
    /// What.
    pub item: Item,
}

/// What comes of a channel.
#[derive(Clone, Debug, PartialEq)]
pub enum Item {
    /// `avcC` or AudioSpecificConfig, before the first unit of its kind and where it changes.
    Track(Kind, Bytes),
    /// A key frame, or sound; with `still` a [`Thumbnail`] or [`Blind`] is answered.
    Unit {
        /// As it is.
        unit: AccessUnit,
        /// A thumbnail is wanted.
        still: bool,
    },
    /// Nothing more comes of it.
    Gone,
    /// Whether its pictures, and its sound, are measured from now on; they aren't before.
    Measure {
        /// Of each key frame [`Figures`](crate::measured::Figures) are answered.
        pictures: bool,
        /// And of each second of sound.
        sound: bool,
    },
}

/// A small picture, and the sheet of those before it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Thumbnail {
    /// The server's number for the channel; 0 of a ladder.
    pub channel: u32,
    /// When it is shown, on the session's clock.
    pub at: Timestamp,
    /// As JPEG.
    pub jpeg: Bytes,
    /// As WebP, where FFmpeg can write that.
    pub webp: Option<Bytes>,
    /// The sheet as JPEG with this one in it.
    pub sheet: Bytes,
    /// When the sheet's first is shown: another sheet has another.
    pub since: Timestamp,
    /// Its place in the sheet, from 0: row by row, [`COLUMNS`] to a row.
    pub tile: u32,
    /// Pixels of a tile across and down.
    pub tile_size: (u32, u32),
}

/// Tiles of a sheet across.
pub const COLUMNS: u32 = 5;
/// Tiles of a sheet.
pub const TILES: u32 = 25;

/// A key frame that gave no picture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blind {
    /// The server's number for the channel.
    pub channel: u32,
    /// A clause for the log.
    pub reason: String,
}

impl Watched {
    pub(crate) fn write(&self, out: &mut BytesMut) {
        out.put_u32(self.channel);
        match &self.item {
            Item::Track(kind, config) => {
                out.put_u8(0);
                put_kind(out, *kind);
                put_bytes(out, config);
            }
            Item::Unit { unit, still } => {
                out.put_u8(1);
                out.put_u8(u8::from(*still));
                put_unit(out, unit);
            }
            Item::Gone => out.put_u8(2),
            Item::Measure { pictures, sound } => {
                out.put_u8(3);
                out.put_u8(u8::from(*pictures));
                out.put_u8(u8::from(*sound));
            }
        }
    }

    pub(crate) fn read(fields: &mut Fields) -> Result<Self, Error> {
        let channel = fields.u32("channel")?;
        let item = match fields.u8("item")? {
            0 => {
                let kind = get_kind(fields)?;
                Item::Track(kind, fields.bytes("config", limits::CONFIG)?)
            }
            1 => {
                let still = fields.flag("still")?;
                Item::Unit { unit: get_unit(fields)?, still }
            }
            2 => Item::Gone,
            3 => Item::Measure { pictures: fields.flag("pictures")?, sound: fields.flag("sound")? },
            other => return Err(Error::Range { what: "item", value: other.into() }),
        };
        Ok(Self { channel, item })
    }
}

impl Thumbnail {
    pub(crate) fn write(&self, out: &mut BytesMut) {
        out.put_u32(self.channel);
        out.put_i64(self.at.rescale(Timescale::VIDEO).ticks);
        put_bytes(out, &self.jpeg);
        put_option(out, self.webp.as_ref(), |out, webp| put_bytes(out, webp));
        put_bytes(out, &self.sheet);
        out.put_i64(self.since.rescale(Timescale::VIDEO).ticks);
        for number in [self.tile, self.tile_size.0, self.tile_size.1] {
            out.put_u32(number);
        }
    }

    pub(crate) fn read(fields: &mut Fields) -> Result<Self, Error> {
        Ok(Self {
            channel: fields.u32("channel")?,
            at: Timestamp::new(fields.i64("time")?, Timescale::VIDEO),
            jpeg: fields.bytes("JPEG", limits::PICTURE)?,
            webp: fields.option("WebP", |fields| fields.bytes("WebP", limits::PICTURE))?,
            sheet: fields.bytes("sheet", limits::PICTURE)?,
            since: Timestamp::new(fields.i64("time")?, Timescale::VIDEO),
            tile: fields.within("tile", 0..=TILES - 1)?,
            tile_size: (
                fields.within("width", 1..=limits::SIDE)?,
                fields.within("height", 1..=limits::SIDE)?,
            ),
        })
    }
}

impl Blind {
    pub(crate) fn write(&self, out: &mut BytesMut) {
        out.put_u32(self.channel);
        put_reason(out, &self.reason);
    }

    pub(crate) fn read(fields: &mut Fields) -> Result<Self, Error> {
        Ok(Self { channel: fields.u32("channel")?, reason: fields.text("reason", limits::REASON)? })
    }
}
