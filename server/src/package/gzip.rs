//! Playlists in gzip (RFC 1952). A fresh compressor is some 300 KB that must be cleared, which costs more than a playlist of
//! a few kilobytes does: each thread keeps one.

use std::cell::RefCell;

use flate2::{Compress, Compression, Crc, FlushCompress, Status};

/// RFC 1952 §2.3: deflate, no flags, no time, the fastest, an unknown system.
const HEAD: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 4, 0xff];

thread_local! {
    static KEPT: RefCell<Compress> = RefCell::new(Compress::new(Compression::fast(), false));
}

/// One member. Empty if compressing failed, which it doesn't in memory: the caller then sends the plain text.
pub(super) fn gzip(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len() / 4 + 256);
    out.extend_from_slice(&HEAD);
    let whole = KEPT.with_borrow_mut(|compress| {
        compress.reset();
        loop {
            let rest = text.get(compress.total_in() as usize..).unwrap_or_default();
            match compress.compress_vec(rest, &mut out, FlushCompress::Finish) {
                Ok(Status::StreamEnd) => return true,
                Ok(Status::Ok | Status::BufError) => out.reserve(out.capacity()),
                Err(_) => return false,
            }
        }
    });
    if !whole {
        return Vec::new();
    }
    let mut crc = Crc::new();
    crc.update(text);
    out.extend_from_slice(&crc.sum().to_le_bytes());
    out.extend_from_slice(&crc.amount().to_le_bytes());
    out
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::io::Read;

    use super::*;

    #[test]
    fn each_text_comes_back_whatever_was_compressed_before() {
        // What doesn't shrink has to make room; what is long has to make more.
        let noise: Vec<u8> = (0..200_000_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
        for text in [&b""[..], b"#EXTM3U\n", &noise, &[b'a'; 100_000], b"#EXTM3U\n", &noise[..9_000]] {
            let mut back = Vec::new();
            flate2::read::GzDecoder::new(&gzip(text)[..]).read_to_end(&mut back).unwrap();
            assert!(back == text, "{} bytes", text.len());
        }
    }
}
