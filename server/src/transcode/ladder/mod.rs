//! A ladder: one session's renditions, made by a worker process of its own.
//!
//! ```text
//!   order ─▶ worker ─▶ pictures: decode ─▶ codec::ladder ─▶ units of each rendition
//!                  └─▶ sounds: decode ─▶ filters ─▶ AAC ─▶ units of each rendition
//! ```

pub(crate) mod feed;
pub(crate) mod order;
mod pictures;
mod sounds;
pub(crate) mod steps;
mod stills;
mod work;

pub(super) use sounds::Listener;
pub(super) use work::{heard, reader, run, seen, track, watch_memory};

#[cfg(test)]
mod tests;
