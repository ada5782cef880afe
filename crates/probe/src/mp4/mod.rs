//! The boxes of a CMAF track that a verdict needs (ISO/IEC 14496-12, 23000-19): what an init says of its tracks, and the
//! samples of a fragment. Everything in them is a stranger's: sizes are checked, counts are limited.

mod fragment;
mod init;
#[cfg(test)]
pub(crate) mod tests;

pub use fragment::{Fragment, Sample, fragments};
pub use init::{Init, Track, init};

/// The most samples in one resource.
pub const MAX_SAMPLES: usize = 1 << 17;
/// The most boxes side by side.
pub const MAX_BOXES: usize = 1 << 14;
/// The most tracks in an init.
pub const MAX_TRACKS: usize = 64;

/// Why bytes are not what they should be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A box or a field reaches past the end.
    #[error("{what} at byte {at} reaches past the end")]
    Short {
        /// Which box.
        what: String,
        /// Where it begins.
        at: usize,
    },
    /// A box that must be there.
    #[error("no {0} box")]
    Missing(&'static str),
    /// More than [`MAX_SAMPLES`].
    #[error("more than {MAX_SAMPLES} samples")]
    Samples,
    /// More than [`MAX_BOXES`].
    #[error("more than {MAX_BOXES} boxes side by side")]
    Boxes,
    /// More than [`MAX_TRACKS`].
    #[error("more than {MAX_TRACKS} tracks")]
    Tracks,
    /// A sample's bytes are not in the resource.
    #[error("sample {index} of the run at byte {at} lies outside of the resource")]
    Outside {
        /// Where the moof begins.
        at: usize,
        /// Which sample of the fragment, from 0.
        index: usize,
    },
    /// A timescale of zero, a time that overflows.
    #[error("{0}")]
    Time(&'static str),
}

/// A box: its type, where it begins, and its payload.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Atom<'a> {
    pub(crate) kind: [u8; 4],
    pub(crate) at: usize,
    pub(crate) payload: &'a [u8],
}

impl<'a> Atom<'a> {
    fn name(&self) -> String {
        String::from_utf8_lossy(&self.kind).into_owned()
    }

    fn short(&self) -> Error {
        Error::Short { what: self.name(), at: self.at }
    }

    /// Version, flags, and what follows.
    fn full(&self) -> Result<(u8, u32, Fields<'a>), Error> {
        let mut fields = Fields { atom: *self, rest: self.payload };
        let head = fields.u32()?;
        Ok(((head >> 24) as u8, head & 0x00ff_ffff, fields))
    }

    fn children(&self) -> Result<Vec<Self>, Error> {
        boxes(self.payload, self.at + 8)
    }
}

/// Big-endian fields, one after the other.
#[derive(Clone, Copy, Debug)]
struct Fields<'a> {
    atom: Atom<'a>,
    rest: &'a [u8],
}

impl<'a> Fields<'a> {
    fn take<const N: usize>(&mut self) -> Result<[u8; N], Error> {
        let (head, rest) = self.rest.split_first_chunk::<N>().ok_or_else(|| self.atom.short())?;
        self.rest = rest;
        Ok(*head)
    }

    fn skip(&mut self, n: usize) -> Result<(), Error> {
        self.rest = self.rest.get(n..).ok_or_else(|| self.atom.short())?;
        Ok(())
    }

    fn u16(&mut self) -> Result<u16, Error> {
        self.take().map(u16::from_be_bytes)
    }

    fn u32(&mut self) -> Result<u32, Error> {
        self.take().map(u32::from_be_bytes)
    }

    fn u64(&mut self) -> Result<u64, Error> {
        self.take().map(u64::from_be_bytes)
    }
}

/// Boxes laid end to end; `base` is where the first stands in the resource.
pub(crate) fn boxes(bytes: &[u8], base: usize) -> Result<Vec<Atom<'_>>, Error> {
    let (mut out, mut at) = (Vec::new(), 0);
    while let Some(rest) = bytes.get(at..).filter(|r| !r.is_empty()) {
        if out.len() >= MAX_BOXES {
            return Err(Error::Boxes);
        }
        let short = |what: &str| Error::Short { what: what.to_owned(), at: base + at };
        let (size, kind) = match *rest {
            [a, b, c, d, k0, k1, k2, k3, ..] => (u32::from_be_bytes([a, b, c, d]), [k0, k1, k2, k3]),
            _ => return Err(short("a box's header")),
        };
        let (head, len) = match size {
            0 => (8, rest.len()),
            1 => {
                let long = rest.get(8..16).and_then(|b| b.try_into().ok()).map(u64::from_be_bytes);
                (16, long.and_then(|l| usize::try_from(l).ok()).unwrap_or(usize::MAX))
            }
            size => (8, size as usize),
        };
        let payload = rest.get(head..len).ok_or_else(|| short(&String::from_utf8_lossy(&kind)))?;
        out.push(Atom { kind, at: base + at, payload });
        at += len;
    }
    Ok(out)
}

fn find<'a>(list: &[Atom<'a>], kind: &[u8; 4]) -> Option<Atom<'a>> {
    list.iter().find(|b| b.kind == *kind).copied()
}
