//! The shared worker: one process looks at key frames of all channels whose pictures nobody decodes otherwise.
//!
//! ```text
//!   channel: eye ─▶ feed ─▶ worker: key frame ─▶ decode ─▶ look at it ─▶ thumbnail, sheet ─▶ feed ─▶ eye
//! ```
//!
//! What is to be found out about a channel's pictures and sound without a ladder is found out in `look`.

pub(crate) mod feed;
mod look;
pub(super) mod stills;
#[cfg(all(test, unix))]
mod tests;
mod work;

pub(super) use work::run;
