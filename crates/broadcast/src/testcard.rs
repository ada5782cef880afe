//! The test card: a picture that moves in every frame and can be read by people and by machines, and the tone in time
//! with it.
//!
//! ```text
//!  ┌─80 cells: mark, frame number, wall clock, check─┐  H/15    strip.rs
//!  │ colour bars                                      │
//!  │      09:41:07.233 UTC    frame 000123            │          text.rs
//!  │ ┌flash┐        ┌─────────────────────────────┐   │
//!  │ └─────┘        └─ a block that bounces ──────┘   │
//!  └─ a block that sweeps along a grey ramp ──────────┘
//! ```
//!
//! The flash is white, and the 1 kHz beep sounds, in the first 100 ms of each second of media time (frame number / fps).
//!
//! **Belongs here:** drawing from a frame number and a time that are given, and reading back. **Does not:** pacing
//! (`capture::card`), clocks.

pub mod render;
mod strip;
mod text;
pub mod tone;

use codec::{Picture, PictureError, Plane};
use media::Timestamp;

pub use strip::{Mark, read};

/// Black, white and grey in limited range.
const BLACK: [u8; 3] = [16, 128, 128];
const WHITE: [u8; 3] = [235, 128, 128];
const DARK: [u8; 3] = [32, 128, 128];

/// 75 % bars, BT.709: white, yellow, cyan, green, magenta, red, blue.
const BARS: [[u8; 3]; 7] = [
    [180, 128, 128],
    [168, 44, 136],
    [145, 147, 44],
    [133, 63, 52],
    [63, 193, 204],
    [51, 109, 212],
    [28, 212, 120],
];

/// Draws cards of one size and frame rate. Keeps the picture and redraws only what moves.
#[derive(Debug)]
pub struct Card {
    canvas: Picture,
    fps: u32,
}

impl Card {
    /// Smallest picture whose strip survives an encoder: four pixels a cell.
    pub const LEAST: (u32, u32) = (320, 180);

    /// A card of `width` x `height` (even, at least [`Card::LEAST`]) at `fps` frames a second.
    pub fn new(width: u32, height: u32, fps: u32) -> Result<Self, PictureError> {
        if width < Self::LEAST.0 || height < Self::LEAST.1 {
            return Err(PictureError::Size { width, height });
        }
        let mut canvas = Picture::black(width, height, Timestamp::millis(0))?;
        draw_background(&mut canvas, fps);
        Ok(Self { canvas, fps: fps.max(1) })
    }

    /// Frame `frame`, captured at `at`, when the wall stood at `wall_ms` (ms since the Unix epoch).
    pub fn draw(&mut self, frame: u32, wall_ms: u64, at: Timestamp) -> Picture {
        let canvas = &mut self.canvas;
        strip::draw(canvas, Mark { frame, wall_ms: wall_ms & Mark::WALL_MASK });
        draw_text(canvas, frame, wall_ms);
        draw_flash(canvas, is_flash(frame, self.fps));
        draw_bounce(canvas, frame);
        draw_sweep(canvas, frame);
        let mut picture = canvas.clone();
        picture.at = at;
        picture
    }
}

/// Whether frame `frame` shows the flash: it begins in the first 100 ms of a second.
pub fn is_flash(frame: u32, fps: u32) -> bool {
    frame % fps.max(1) * 10 < fps
}

/// Whether the flash square of a picture is white: how tests and probes see the flash.
pub fn sees_flash(picture: &Picture) -> bool {
    let (width, height) = (picture.width() as usize, picture.height() as usize);
    mean(picture, (width * 2 / 16, height * 11 / 16), (width * 2 / 16, height * 2 / 16)) > 126
}

/// Mean luma of a rectangle.
fn mean(picture: &Picture, (x, y): (usize, usize), (width, height): (usize, usize)) -> u32 {
    let rows = picture.rows(Plane::Y).skip(y).take(height);
    let sum: u32 = rows.map(|row| row[x..x + width].iter().map(|&v| u32::from(v)).sum::<u32>()).sum();
    sum / (width * height).max(1) as u32
}

fn draw_background(canvas: &mut Picture, fps: u32) {
    let (width, height) = (canvas.width(), canvas.height());
    let top = height / 15;
    canvas.fill((0, top), (width, height - top), DARK);
    for (i, bar) in (0u32..).zip(BARS) {
        let (left, right) = (width * i / 7, width * (i + 1) / 7);
        canvas.fill((left, top), (right - left, height * 9 / 16 - top), bar);
    }
    let (x, y) = (width * 3 / 16, height * 3 / 16);
    canvas.fill((x, y), (width * 10 / 16, height * 5 / 16), BLACK);
    let title = format!("SIGMA LIVE  {width}x{height} {fps} fps");
    text::draw(canvas, (x + width / 64, y + height / 64), height / 240, &title);
    let top = height * 15 / 16;
    for i in 0..32 {
        let grey = 16 + (219 * i / 31) as u8;
        canvas.fill((width * i / 32, top), (width / 32 + 2, height - top), [grey, 128, 128]);
    }
}

fn draw_text(canvas: &mut Picture, frame: u32, wall_ms: u64) {
    let (width, height) = (canvas.width(), canvas.height());
    let x = width * 3 / 16 + width / 64;
    let (ms, s) = (wall_ms % 1000, wall_ms / 1000);
    let clock = format!("{:02}:{:02}:{:02}.{ms:03}", s / 3600 % 24, s / 60 % 60, s % 60);
    text::draw(canvas, (x, height * 17 / 64), height / 120, &clock);
    text::draw(canvas, (x, height * 25 / 64), height / 240, &format!("UTC   frame {frame:08}"));
}

fn draw_flash(canvas: &mut Picture, on: bool) {
    let (width, height) = (canvas.width(), canvas.height());
    let color = if on { WHITE } else { BLACK };
    canvas.fill((width / 16, height * 10 / 16), (width * 4 / 16, height * 4 / 16), color);
}

/// A block that bounces in a dark field: motion in both directions.
fn draw_bounce(canvas: &mut Picture, frame: u32) {
    let (width, height) = (canvas.width(), canvas.height());
    let (x, y) = (width * 7 / 16, height * 10 / 16);
    let (field_w, field_h) = (width * 8 / 16, height * 4 / 16);
    let side = height / 10;
    canvas.fill((x, y), (field_w, field_h), BLACK);
    let dx = triangle(frame.wrapping_mul(width / 160), field_w - side);
    let dy = triangle(frame.wrapping_mul((height / 180).max(1)), field_h - side);
    let color = BARS[(frame / 15 % 7) as usize];
    canvas.fill((x + dx, y + dy), (side, side), color);
}

/// Back and forth from 0 to `most`.
fn triangle(step: u32, most: u32) -> u32 {
    let most = most.max(1);
    let at = step % (2 * most);
    if at < most { at } else { 2 * most - at }
}

/// A white block that sweeps across, under the ramp's upper edge.
fn draw_sweep(canvas: &mut Picture, frame: u32) {
    let (width, height) = (canvas.width(), canvas.height());
    let (y, tall) = (height * 15 / 16 - height / 40, height / 40);
    canvas.fill((0, y), (width, tall), BLACK);
    let x = frame.wrapping_mul(width / 160) % width;
    canvas.fill((x, y), (width / 16, tall), WHITE);
}

#[cfg(test)]
mod tests;
