//! Letters of 8x8 pixels, enlarged.

use codec::Picture;

use super::{BLACK, WHITE};

/// Writes `text`, white on black, each pixel of a letter `scale` pixels wide; clipped at the picture's edge.
pub(super) fn draw(canvas: &mut Picture, (x, y): (u32, u32), scale: u32, text: &str) {
    // Chroma has half the resolution: even positions and sizes keep letters grey.
    let (x, y, scale) = (x & !1, y & !1, scale.max(1));
    for (column, letter) in (0u32..).zip(text.chars()) {
        let rows = font8x8::legacy::BASIC_LEGACY.get(letter as usize).copied().unwrap_or_default();
        let left = x + column * 8 * scale;
        canvas.fill((left, y), (8 * scale, 8 * scale), BLACK);
        for (row, bits) in (0u32..).zip(rows) {
            for bit in (0..8).filter(|bit| bits >> bit & 1 == 1) {
                canvas.fill((left + bit * scale, y + row * scale), (scale, scale), WHITE);
            }
        }
    }
}
