//! Frames: where a message begins and ends, and its fields.

use bytes::{Buf, BufMut, Bytes, BytesMut};

use crate::Message;

/// The version of everything here: both ends are the same program, but an old one may still run after an update.
pub const VERSION: u8 = 1;
/// Bytes of a frame after its length, at most: a picture of 8 MiB and some.
pub const MAX_FRAME: usize = 24 << 20;

/// Why a pipe can't be read on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Over [`MAX_FRAME`].
    #[error("a message of {0} bytes (at most {MAX_FRAME} are taken)")]
    TooLong(usize),
    /// Another version on the other end.
    #[error("a message of version {0} (this is {VERSION}): the two ends are different programs")]
    Version(u8),
    /// No such message.
    #[error("a message of unknown kind {0}")]
    Kind(u8),
    /// The frame ends before its fields do.
    #[error("{0} is cut short")]
    Truncated(&'static str),
    /// The fields end before the frame does.
    #[error("{0} bytes too many in a message")]
    Rest(usize),
    /// A number outside its range, or a list or text over its limit.
    #[error("{what} of {value} is out of range")]
    Range {
        /// Which field.
        what: &'static str,
        /// As read.
        value: u64,
    },
    /// A text that isn't UTF-8.
    #[error("{0} isn't UTF-8")]
    Text(&'static str),
}

/// Reads messages out of a stream of bytes, whatever pieces they come in.
#[derive(Debug, Default)]
pub struct Decoder {
    buffer: BytesMut,
}

impl Decoder {
    /// Takes the next bytes.
    pub fn push(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// The next whole message; `None` where more bytes must come first.
    ///
    /// # Errors
    /// After an error nothing more can be read.
    #[expect(clippy::should_implement_trait, reason = "None isn't the end, only the end for now")]
    pub fn next(&mut self) -> Result<Option<Message>, Error> {
        let Some(head) = self.buffer.first_chunk::<4>() else { return Ok(None) };
        let len = u32::from_be_bytes(*head) as usize;
        if len > MAX_FRAME {
            return Err(Error::TooLong(len));
        }
        if self.buffer.len() < 4 + len {
            return Ok(None);
        }
        self.buffer.advance(4);
        let mut fields = Fields(self.buffer.split_to(len).freeze());
        match fields.u8("version")? {
            VERSION => {}
            other => return Err(Error::Version(other)),
        }
        let kind = fields.u8("kind")?;
        let message = Message::read(kind, &mut fields)?;
        match fields.0.len() {
            0 => Ok(Some(message)),
            rest => Err(Error::Rest(rest)),
        }
    }
}

impl Message {
    /// Its bytes on the wire.
    ///
    /// # Errors
    /// What is too long to be taken on the other end isn't sent.
    pub fn to_bytes(&self) -> Result<Bytes, Error> {
        let mut out = BytesMut::new();
        out.put_u32(0);
        out.put_u8(VERSION);
        self.write(&mut out);
        let len = out.len() - 4;
        if len > MAX_FRAME {
            return Err(Error::TooLong(len));
        }
        if let Some(head) = out.first_chunk_mut::<4>() {
            *head = (len as u32).to_be_bytes();
        }
        Ok(out.freeze())
    }
}

/// The fields of a frame, one after the other.
pub(crate) struct Fields(Bytes);

impl Fields {
    pub(crate) fn u8(&mut self, what: &'static str) -> Result<u8, Error> {
        self.0.try_get_u8().map_err(|_| Error::Truncated(what))
    }

    pub(crate) fn u32(&mut self, what: &'static str) -> Result<u32, Error> {
        self.0.try_get_u32().map_err(|_| Error::Truncated(what))
    }

    pub(crate) fn i64(&mut self, what: &'static str) -> Result<i64, Error> {
        self.0.try_get_i64().map_err(|_| Error::Truncated(what))
    }

    /// A number that is one.
    pub(crate) fn f32(&mut self, what: &'static str) -> Result<f32, Error> {
        let bits = self.u32(what)?;
        let value = f32::from_bits(bits);
        if value.is_finite() { Ok(value) } else { Err(Error::Range { what, value: bits.into() }) }
    }

    pub(crate) fn flag(&mut self, what: &'static str) -> Result<bool, Error> {
        match self.u8(what)? {
            value @ 0..=1 => Ok(value == 1),
            other => Err(Error::Range { what, value: other.into() }),
        }
    }

    /// A number from a range.
    pub(crate) fn within(
        &mut self,
        what: &'static str,
        range: std::ops::RangeInclusive<u32>,
    ) -> Result<u32, Error> {
        let value = self.u32(what)?;
        if range.contains(&value) { Ok(value) } else { Err(Error::Range { what, value: value.into() }) }
    }

    pub(crate) fn bytes(&mut self, what: &'static str, most: usize) -> Result<Bytes, Error> {
        let len = self.u32(what)? as usize;
        if len > most {
            return Err(Error::Range { what, value: len as u64 });
        }
        if len > self.0.len() {
            return Err(Error::Truncated(what));
        }
        Ok(self.0.split_to(len))
    }

    pub(crate) fn text(&mut self, what: &'static str, most: usize) -> Result<String, Error> {
        let bytes = self.bytes(what, most)?;
        std::str::from_utf8(&bytes).map(str::to_owned).map_err(|_| Error::Text(what))
    }

    pub(crate) fn option<T>(
        &mut self,
        what: &'static str,
        read: impl FnOnce(&mut Self) -> Result<T, Error>,
    ) -> Result<Option<T>, Error> {
        match self.u8(what)? {
            0 => Ok(None),
            1 => read(self).map(Some),
            other => Err(Error::Range { what, value: other.into() }),
        }
    }

    pub(crate) fn list<T>(
        &mut self,
        what: &'static str,
        most: usize,
        mut read: impl FnMut(&mut Self) -> Result<T, Error>,
    ) -> Result<Vec<T>, Error> {
        let count = self.u32(what)? as usize;
        if count > most {
            return Err(Error::Range { what, value: count as u64 });
        }
        // Each takes a byte at least: no room is made for more than can be there.
        let mut list = Vec::with_capacity(count.min(self.0.len()));
        for _ in 0..count {
            list.push(read(self)?);
        }
        Ok(list)
    }
}

pub(crate) fn put_bytes(out: &mut BytesMut, bytes: &[u8]) {
    out.put_u32(u32::try_from(bytes.len()).unwrap_or(u32::MAX));
    out.put_slice(bytes);
}

pub(crate) fn put_option<T>(out: &mut BytesMut, value: Option<&T>, put: impl FnOnce(&mut BytesMut, &T)) {
    out.put_u8(u8::from(value.is_some()));
    if let Some(value) = value {
        put(out, value);
    }
}
