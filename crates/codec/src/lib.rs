//! Pictures and sound in, access units out, and back: x264 and hardware's encoders, AAC encoders, and libav for decoding, scaling
//! and files.
//!
//! **Belongs here:** safe wrappers over C libraries; one picture format ([`Picture`], planar I420) and one sound format
//! ([`Sound`], interleaved 16-bit). **Does not:** capture devices, pacing, threads, networks, decisions about bitrate.
//! Calls block for as long as the library computes; only [`ladder`] starts threads, one a rendition.
//!
//! Which libraries are linked is decided by the features `x264` and `fdk-aac`; see docs/adr/0003-licences.md.
#![allow(unsafe_code)]

pub mod aac;
mod av;
pub mod decode;
pub mod file;
pub mod filter;
mod frame;
pub mod h264;
pub mod hardware;
pub mod image;
pub mod ladder;
pub mod measure;
pub mod mjpeg;
mod picture;
pub mod scale;
mod sound;
pub mod still;
pub mod x264;

pub use frame::{Frame, NoMemory};
pub use picture::{Colour, Error as PictureError, Picture, Plane};
pub use sound::{Resampler, Sound};
