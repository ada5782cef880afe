//! The vocabulary of the media path: time with its timescale, tracks, codec configurations and access units, and the
//! formats in which they arrive: AVC and AAC bitstreams, and FLV tags.
//!
//! **Belongs here:** what every stage must agree on, and pure functions over bytes. **Does not:** sockets, disk, clocks,
//! decoding of pictures, decisions. Nothing here imports another crate of ours.

pub mod aac;
pub mod avc;
pub mod flv;
mod silence;
mod time;
mod timeline;
mod unit;

pub use silence::Silence;
pub use time::{Timescale, Timestamp};
pub use timeline::{Jump, Settled, Timeline};
pub use unit::{AccessUnit, CodecConfig, Kind, Rational, Track};
