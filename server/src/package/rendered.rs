//! A playlist as text and gzipped, made once and handed to every viewer.

use std::io::Write;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;

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
        let mut encoder = GzEncoder::new(Vec::with_capacity(text.len() / 4 + 64), Compression::fast());
        // Writing into memory doesn't fail; if it did, an empty body would be the lie, so the plain one stands in.
        let gzip = encoder.write_all(text.as_bytes()).and_then(|()| encoder.finish()).map(Bytes::from);
        let plain = Bytes::from(text);
        let gzip = gzip.unwrap_or_default();
        Self { plain, gzip }
    }
}
