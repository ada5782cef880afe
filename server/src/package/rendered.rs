//! A playlist as text and gzipped, made once and handed to every viewer.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use flate2::{Compress, Compression, Crc, FlushCompress};
use hls::past::Page;
use hls::playlist::{Piece, Style, text};

use super::gzip::gzip;

/// Media playlists that were put together since the process began.
static RENDERINGS: AtomicU64 = AtomicU64::new(0);

/// How many that were, of all channels.
pub(crate) fn renderings() -> u64 {
    RENDERINGS.load(Ordering::Relaxed)
}

/// Puts a media playlist together, and counts it.
pub(super) fn counted(render: impl FnOnce() -> Rendered) -> Rendered {
    RENDERINGS.fetch_add(1, Ordering::Relaxed);
    render()
}

/// One answer body in both of its codings.
#[derive(Clone, Debug)]
pub(crate) struct Rendered {
    /// As it is.
    pub(crate) plain: Bytes,
    /// `Content-Encoding: gzip`.
    pub(crate) gzip: Bytes,
}

impl Rendered {
    /// Compresses `text`.
    pub(crate) fn new(text: String) -> Self {
        let gzip = Bytes::from(gzip(text.as_bytes()));
        Self { plain: Bytes::from(text), gzip }
    }
}

/// The pages of a long playlist, compressed once each. In a gzip member the blocks of one stay the same wherever they
/// stand, where the compressor forgets at each border what came before.
#[derive(Debug, Default)]
pub(crate) struct Pages(Mutex<HashMap<(u64, Style), Arc<Squeezed>>>);

/// Deflate blocks that end on a byte.
#[derive(Debug)]
struct Squeezed {
    data: Bytes,
    crc: Crc,
}

impl Pages {
    /// A playlist in one coding; the other is left empty.
    pub(crate) fn join(&self, pieces: Vec<Piece>, style: Style, epoch_ms: i64, gzip: bool) -> Rendered {
        if !gzip {
            let plain = hls::playlist::whole(pieces, style, epoch_ms).into();
            return Rendered { plain, gzip: Bytes::new() };
        }
        // RFC 1952 §2.3: deflate, no name, no time, the fastest, an unknown system.
        let mut out = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 4, 0xff];
        let mut crc = Crc::new();
        let mut first = u64::MAX;
        for piece in pieces {
            let squeezed = match piece {
                Piece::Text(text) => squeeze(&text),
                Piece::Page(page) => {
                    first = first.min(page.msn);
                    self.page(&page, style, epoch_ms)
                }
            };
            out.extend_from_slice(&squeezed.data);
            crc.combine(&squeezed.crc);
        }
        // An empty last block.
        out.extend_from_slice(&[0x03, 0x00]);
        out.extend_from_slice(&crc.sum().to_le_bytes());
        out.extend_from_slice(&crc.amount().to_le_bytes());
        self.forget(first, style);
        Rendered { plain: Bytes::new(), gzip: out.into() }
    }

    fn page(&self, page: &Page, style: Style, epoch_ms: i64) -> Arc<Squeezed> {
        let key = (page.msn, style);
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&key).cloned();
        kept.unwrap_or_else(|| {
            let squeezed = squeeze(&text(page, style, epoch_ms));
            self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(key, squeezed.clone());
            squeezed
        })
    }

    /// What left the window.
    fn forget(&self, first: u64, style: Style) {
        let mut pages = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        pages.retain(|(msn, of), _| *msn >= first || *of != style);
        let twice = 2 * pages.len();
        pages.shrink_to(twice);
    }
}

fn squeeze(text: &str) -> Arc<Squeezed> {
    let mut crc = Crc::new();
    crc.update(text.as_bytes());
    let mut data = Vec::with_capacity(text.len() / 2 + 128);
    let mut compress = Compress::new(Compression::fast(), false);
    // Into memory, whole: it has room, or gets it below.
    loop {
        let done = compress.total_in() as usize;
        let _ = compress.compress_vec(
            text.as_bytes().get(done..).unwrap_or_default(),
            &mut data,
            FlushCompress::Full,
        );
        if compress.total_in() as usize == text.len() && data.len() < data.capacity() {
            break;
        }
        data.reserve(data.capacity());
    }
    data.shrink_to_fit();
    Arc::new(Squeezed { data: data.into(), crc })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::io::Read;

    use hls::Segment;
    use hls::past::Past;
    use media::{Timescale, Timestamp};

    use super::*;

    #[test]
    fn pages_that_were_kept_make_the_same_text() {
        let mut past = Past::default();
        for msn in 0..200 {
            past.push(&Segment {
                msn,
                discontinuity: false,
                discontinuity_sequence: 0,
                init: 0,
                start: Timestamp::new(90_123 * msn as i64, Timescale::VIDEO),
                duration: Timestamp::new(90_000 + (msn * 7919 % 90) as i64, Timescale::VIDEO),
                bytes: 1,
                key: 1,
                gap: false,
                live_only: false,
                parts: Vec::new(),
            });
        }
        let pages = Pages::default();
        for from in [0, 64, 130] {
            let mut pieces = vec![Piece::Text("#EXTM3U\n".repeat(1000)), Piece::Text(String::new())];
            pieces.extend(past.pages(from).map(|(page, _)| Piece::Page(Arc::clone(page))));
            let plain = pages.join(pieces.clone(), Style::Long, 0, false);
            for _ in 0..2 {
                let squeezed = pages.join(pieces.clone(), Style::Long, 0, true);
                let mut text = Vec::new();
                flate2::read::GzDecoder::new(&squeezed.gzip[..]).read_to_end(&mut text).unwrap();
                assert_eq!(text, plain.plain);
            }
        }
        // Two pages are left; each takes a few bytes a segment.
        let kept = pages.0.lock().unwrap();
        assert_eq!(kept.len(), 2);
        let bytes: usize = kept.values().map(|page| page.data.len()).sum();
        assert!(bytes < 2 * 64 * 16, "{bytes}");
    }
}
