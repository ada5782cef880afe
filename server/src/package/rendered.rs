//! A playlist as text and gzipped, made once and handed to every viewer.

use bytes::Bytes;

use super::gzip::gzip;

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
