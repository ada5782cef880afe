//! What a worker measured of the source, about once a second.

use bytes::{BufMut, BytesMut};

use crate::Error;
use crate::frame::{Fields, put_option};

/// Figures of a channel.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Measured {
    /// The server's number for it; 0 of a ladder.
    pub channel: u32,
    /// What they are.
    pub figures: Figures,
}

/// Figures of what was decoded.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Figures {
    /// Of pictures.
    Pictures(Pictures),
    /// Of sound.
    Sound(Sound),
}

/// What pictures are like.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pictures {
    /// Share of dark pixels in the lightest of them, 0 to 1.
    pub dark: f32,
    /// The most that the average of any block of 16x16 pixels changed, in 8-bit levels; `None` of a first picture.
    pub moved: Option<f32>,
}

/// What sound is like.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sound {
    /// Its largest sample, in dBFS.
    pub peak_dbfs: f32,
    /// Share of samples that are cut off, 0 to 1.
    pub clipped: f32,
    /// Loudness of the last 0.4 s, in LUFS.
    pub momentary_lufs: f32,
    /// Of the last 3 s.
    pub short_term_lufs: f32,
    /// Of all that was heard.
    pub integrated_lufs: f32,
}

impl Measured {
    pub(crate) fn write(self, out: &mut BytesMut) {
        out.put_u32(self.channel);
        match self.figures {
            Figures::Pictures(Pictures { dark, moved }) => {
                out.put_u8(0);
                out.put_f32(dark);
                put_option(out, moved.as_ref(), |out, moved| out.put_f32(*moved));
            }
            Figures::Sound(sound) => {
                out.put_u8(1);
                let Sound { peak_dbfs, clipped, momentary_lufs, short_term_lufs, integrated_lufs } = sound;
                for figure in [peak_dbfs, clipped, momentary_lufs, short_term_lufs, integrated_lufs] {
                    out.put_f32(figure);
                }
            }
        }
    }

    pub(crate) fn read(fields: &mut Fields) -> Result<Self, Error> {
        let channel = fields.u32("channel")?;
        let figures = match fields.u8("kind of figures")? {
            0 => Figures::Pictures(Pictures {
                dark: fields.f32("dark")?,
                moved: fields.option("moved", |fields| fields.f32("moved"))?,
            }),
            1 => Figures::Sound(Sound {
                peak_dbfs: fields.f32("peak")?,
                clipped: fields.f32("clipped")?,
                momentary_lufs: fields.f32("loudness")?,
                short_term_lufs: fields.f32("loudness")?,
                integrated_lufs: fields.f32("loudness")?,
            }),
            other => return Err(Error::Range { what: "kind of figures", value: other.into() }),
        };
        Ok(Self { channel, figures })
    }
}
