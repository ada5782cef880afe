//! The strip across the top that a machine reads: 80 cells, white is 1.
//!
//! ```text
//! 0..4   1 0 1 0
//! 4..36  frame number, most significant bit first
//! 36..76 wall clock of capture, ms since the Unix epoch modulo 2^40, most significant bit first
//! 76..80 XOR of the 18 nibbles of 4..76
//! ```

use codec::Picture;

use super::{BLACK, WHITE, mean};

const CELLS: u32 = 80;
const MAGIC: u128 = 0b1010;

/// What a strip says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    /// Number of the frame, from 0.
    pub frame: u32,
    /// Wall clock at capture: ms since the Unix epoch modulo 2^40.
    pub wall_ms: u64,
}

impl Mark {
    /// What of the wall clock fits.
    pub const WALL_MASK: u64 = (1 << 40) - 1;

    /// The 80 cells, the first in bit 79.
    fn bits(self) -> u128 {
        let payload = u128::from(self.frame) << 40 | u128::from(self.wall_ms & Self::WALL_MASK);
        MAGIC << 76 | payload << 4 | check(payload)
    }

    fn of_bits(bits: u128) -> Option<Self> {
        let payload = bits >> 4 & ((1 << 72) - 1);
        let whole = bits >> 76 == MAGIC && bits & 0xf == check(payload);
        let frame = u32::try_from(payload >> 40).ok()?;
        let wall_ms = u64::try_from(payload & u128::from(Self::WALL_MASK)).ok()?;
        whole.then_some(Self { frame, wall_ms })
    }
}

fn check(payload: u128) -> u128 {
    (0..18).fold(0, |sum, nibble| sum ^ (payload >> (nibble * 4) & 0xf))
}

pub(super) fn draw(canvas: &mut Picture, mark: Mark) {
    let (width, height) = (canvas.width(), canvas.height());
    let bits = mark.bits();
    for cell in 0..CELLS {
        let (left, right) = (width * cell / CELLS, width * (cell + 1) / CELLS);
        let color = if bits >> (CELLS - 1 - cell) & 1 == 1 { WHITE } else { BLACK };
        canvas.fill((left, 0), (right - left, height / 15), color);
    }
}

/// Reads the strip of a picture, also one that was scaled or encoded. `None` where there is none, or where it is damaged.
pub fn read(picture: &Picture) -> Option<Mark> {
    let (width, height) = (picture.width() as usize, picture.height() as usize);
    let (cell, tall) = (width as f64 / f64::from(CELLS), height / 15);
    if cell < 2.0 || tall < 4 {
        return None;
    }
    let mut bits = 0;
    for i in 0..CELLS {
        // The middle half of a cell: its edges are what scaling and encoding blur.
        let left = ((f64::from(i) + 0.25) * cell) as usize;
        let across = ((cell / 2.0) as usize).max(1);
        let white = mean(picture, (left, tall / 4), (across, tall / 2)) > 126;
        bits = bits << 1 | u128::from(white);
    }
    Mark::of_bits(bits)
}
