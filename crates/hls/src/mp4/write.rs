//! Box framing.

use bytes::{BufMut, BytesMut};

/// Writes a box: its size is known once `body` has run.
pub(crate) fn boxed(out: &mut BytesMut, kind: &[u8; 4], body: impl FnOnce(&mut BytesMut)) {
    let at = out.len();
    out.put_u32(0);
    out.put_slice(kind);
    body(out);
    let size = u32::try_from(out.len() - at).unwrap_or(u32::MAX);
    if let Some(field) = out.get_mut(at..at + 4) {
        field.copy_from_slice(&size.to_be_bytes());
    }
}

/// A box with version and flags.
pub(crate) fn full(
    out: &mut BytesMut,
    kind: &[u8; 4],
    version: u8,
    flags: u32,
    body: impl FnOnce(&mut BytesMut),
) {
    boxed(out, kind, |out| {
        out.put_u32(u32::from(version) << 24 | flags);
        body(out);
    });
}

/// `ftyp` or `styp`.
pub(crate) fn brands(out: &mut BytesMut, kind: &[u8; 4], major: &[u8; 4], compatible: &[&[u8; 4]]) {
    boxed(out, kind, |out| {
        out.put_slice(major);
        out.put_u32(0);
        for brand in compatible {
            out.put_slice(*brand);
        }
    });
}

/// The identity transform of `mvhd` and `tkhd`.
pub(crate) fn matrix(out: &mut BytesMut) {
    for v in [0x1_0000, 0, 0, 0, 0x1_0000, 0, 0, 0, 0x4000_0000] {
        out.put_u32(v);
    }
}
