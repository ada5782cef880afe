//! What decoded pictures and sound are like: how dark, whether anything moves, how loud, whether it clips.
//!
//! **Belongs here:** figures of a stretch of time, by the frames' own clock. **Does not:** whether they are good or bad, and
//! for how long (`live`).

mod luma;
mod picture;
mod sound;
#[cfg(all(test, feature = "x264"))]
mod tests;
mod top;

pub use picture::{Eye, Seen};
pub use sound::{Ear, Heard};

use media::Timestamp;

/// Figures are given this often, by the frames' own clock.
const EVERY: Timestamp = Timestamp::millis(1_000);
