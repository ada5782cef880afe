//! Box framing, for bytes that nobody vouches for.

/// A box's type and body.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Boxed<'a> {
    pub(crate) kind: [u8; 4],
    /// With its header.
    pub(crate) whole: &'a [u8],
    pub(crate) body: &'a [u8],
}

/// The boxes of a body in order; stops at the first that does not fit.
pub(crate) fn boxes(mut bytes: &[u8]) -> impl Iterator<Item = Boxed<'_>> {
    std::iter::from_fn(move || {
        let mut head = Cursor(bytes);
        let size = head.u32()? as usize;
        let kind = head.array::<4>()?;
        // Inside moov, moof and the like no box is large enough for a 64-bit size.
        let whole = bytes.get(..size)?;
        let body = whole.get(8..)?;
        bytes = bytes.get(size..)?;
        Some(Boxed { kind, whole, body })
    })
}

/// The first child of that type.
pub(crate) fn child<'a>(bytes: &'a [u8], kind: &[u8; 4]) -> Option<Boxed<'a>> {
    boxes(bytes).find(|b| &b.kind == kind)
}

/// The body of the box at the end of a path of types.
pub(crate) fn path<'a>(mut bytes: &'a [u8], kinds: &[&[u8; 4]]) -> Option<&'a [u8]> {
    for kind in kinds {
        bytes = child(bytes, kind)?.body;
    }
    Some(bytes)
}

/// Reads big-endian fields; `None` past the end.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cursor<'a>(pub(crate) &'a [u8]);

impl Cursor<'_> {
    pub(crate) fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (head, tail) = self.0.split_first_chunk::<N>()?;
        self.0 = tail;
        Some(*head)
    }

    pub(crate) fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_be_bytes)
    }

    pub(crate) fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_be_bytes)
    }

    pub(crate) fn skip(&mut self, n: usize) -> Option<()> {
        self.0 = self.0.get(n..)?;
        Some(())
    }
}
