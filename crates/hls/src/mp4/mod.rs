//! ISO base media boxes that we write and read back: initialisation segments, fragments, movie headers.
//!
//! Written by hand: a part is one allocation, and the reader must refuse hostile bytes without a panic. mp4-atom reads
//! them as an oracle in the tests.
//!
//! Source: ISO/IEC 14496-12 (boxes), 14496-14 (`mp4a`, `esds`), 14496-15 (`avc1`), 23000-19 (CMAF).

pub(crate) mod fragment;
pub mod init;
pub(crate) mod read;
pub(crate) mod write;

pub use fragment::{key_frame, key_part};

#[cfg(test)]
mod tests;
