#![allow(clippy::unwrap_used)]
use codec::scale::{Fit, Scaler};
use codec::{decode, x264};
use media::{Rational, Timescale};

use super::*;

const WALL: u64 = 1_767_225_600_123;

fn mark(frame: u32, wall_ms: u64) -> Option<Mark> {
    Some(Mark { frame, wall_ms: wall_ms & Mark::WALL_MASK })
}

#[test]
fn the_strip_is_laid_out_as_documented() {
    let mut card = Card::new(1280, 720, 30).unwrap();
    let picture = card.draw(5, 3, Timestamp::millis(0));
    let row = picture.rows(Plane::Y).nth(24).unwrap();
    let cells: String = (0..80).map(|i| if row[i * 16 + 8] > 126 { '1' } else { '0' }).collect();
    // Nibbles: frame 0x00000005, wall 0x0000000003, check 5 ^ 3 = 6.
    let expect = format!("1010{}0101{}0011{}", "0".repeat(28), "0".repeat(36), "0110");
    assert_eq!(cells, expect);
    assert_eq!(picture.rows(Plane::Y).nth(47).unwrap()[8], 235, "48 rows at 720p");
    assert_ne!(picture.rows(Plane::Y).nth(48).unwrap()[8], 235);
}

#[test]
fn what_is_drawn_is_read() {
    for (width, height) in [(320, 180), (640, 360), (854, 480), (1280, 720), (1920, 1080)] {
        let mut card = Card::new(width, height, 30).unwrap();
        for frame in [0, 1, 2, 1_000_000, u32::MAX] {
            let picture = card.draw(frame, WALL, Timestamp::millis(0));
            assert_eq!(read(&picture), mark(frame, WALL), "{width}x{height} {frame}");
        }
    }
    assert!(Card::new(318, 180, 30).is_err());
    assert!(Card::new(320, 178, 30).is_err());
}

#[test]
fn nothing_is_read_where_nothing_is() {
    let black = Picture::black(1280, 720, Timestamp::millis(0)).unwrap();
    assert_eq!(read(&black), None);
    let mut damaged = Card::new(1280, 720, 30).unwrap().draw(7, WALL, Timestamp::millis(0));
    // One cell of the payload turned over.
    damaged.fill((20 * 16, 0), (16, 48), WHITE);
    assert_eq!(read(&damaged), None);
    assert_eq!(read(&Picture::black(16, 16, Timestamp::millis(0)).unwrap()), None);
}

#[test]
fn it_is_read_after_scaling() {
    let picture = Card::new(1280, 720, 30).unwrap().draw(77, WALL, Timestamp::millis(0));
    for (width, height) in [(320, 180), (426, 240), (640, 360), (854, 480), (1920, 1080)] {
        let scaled = Scaler::new(width, height, Fit::Stretch).unwrap().scale(&picture).unwrap();
        assert_eq!(read(&scaled), mark(77, WALL), "{width}x{height}");
    }
}

#[test]
fn it_is_read_after_an_encoder_at_1_mbit() {
    let config = x264::Config::new(1280, 720, Rational { num: 30, den: 1 }, 1000);
    let mut encoder = x264::Encoder::new(&config).unwrap();
    let mut decoder = decode::Video::new(encoder.track()).unwrap();
    let mut card = Card::new(1280, 720, 30).unwrap();
    let scale = Timescale::new(30).unwrap();
    let mut seen = Vec::new();
    for frame in 0..60 {
        let at = Timestamp::new(i64::from(frame), scale);
        let picture = card.draw(frame, WALL + u64::from(frame) * 33, at);
        let unit = encoder.encode(&picture, at, false).unwrap().unwrap();
        seen.extend(decoder.decode(&unit).unwrap());
    }
    seen.extend(decoder.flush().unwrap());
    assert_eq!(seen.len(), 60);
    for (frame, picture) in (0..).zip(&seen) {
        assert_eq!(read(picture), mark(frame, WALL + u64::from(frame) * 33), "{frame}");
        assert_eq!(sees_flash(picture), is_flash(frame, 30), "{frame}");
    }
}

#[test]
fn something_moves_in_every_frame() {
    let mut card = Card::new(640, 360, 30).unwrap();
    // Below the strip and the text, with a wall clock that stands: what moves is the picture.
    let below =
        |picture: &Picture| picture.rows(Plane::Y).skip(360 * 10 / 16).flatten().copied().collect::<Vec<_>>();
    let mut before = below(&card.draw(0, 0, Timestamp::millis(0)));
    for frame in 1..2000 {
        let now = below(&card.draw(frame, 0, Timestamp::millis(0)));
        assert!(before != now, "{frame}");
        before = now;
    }
}

#[test]
fn the_flash_lasts_100_ms() {
    for (fps, lit) in [(30, 3), (25, 3), (60, 6), (50, 5), (10, 1), (24, 3), (1, 1)] {
        let frames: Vec<u32> = (0..3 * fps).filter(|&frame| is_flash(frame, fps)).collect();
        let expect: Vec<u32> = (0..3).flat_map(|s| (0..lit).map(move |i| s * fps + i)).collect();
        assert_eq!(frames, expect, "{fps}");
    }
    let mut card = Card::new(640, 360, 30).unwrap();
    for frame in 0..60 {
        let picture = card.draw(frame, WALL, Timestamp::millis(0));
        assert_eq!(sees_flash(&picture), is_flash(frame, 30), "{frame}");
        let (x, y) = (640 / 16, 360 * 10 / 16);
        let edge = picture.rows(Plane::Y).nth(y).unwrap()[x];
        assert_eq!(edge == 235, is_flash(frame, 30), "the corner is at 1/16, 10/16");
    }
}

#[test]
fn the_tone_is_exact() {
    assert_eq!([tone::sample(0), tone::sample(12), tone::sample(24), tone::sample(36)], [0, 8192, 0, -8192]);
    let loud: Vec<u64> = (0..96_000).filter(|&n| tone::sample(n) != 0).collect();
    // A sine crosses zero twice each of its 48 samples.
    assert_eq!(loud.len(), 2 * (4_800 - 200));
    assert_eq!((loud[0], loud[4_599], loud[4_600]), (1, 4_799, 48_001));
    assert_eq!(tone::samples(11, 2), [tone::sample(11), tone::sample(11), 8192, 8192]);
}

#[test]
fn rendered_files() {
    let folder = tempfile::tempdir().unwrap();
    let (y4m, wav) = (folder.path().join("card.y4m"), folder.path().join("tone.wav"));
    render::video(&y4m, (320, 180), 30, 0.1).unwrap();
    render::sound(&wav, 0.1).unwrap();
    let video = std::fs::read(&y4m).unwrap();
    let header = video.split(|&b| b == b'\n').next().unwrap();
    assert_eq!(header, b"YUV4MPEG2 W320 H180 F30:1 Ip A1:1 C420mpeg2 XCOLORRANGE=LIMITED");
    assert_eq!(video.len(), header.len() + 1 + 3 * (6 + 320 * 180 * 3 / 2));
    let sound = std::fs::read(&wav).unwrap();
    assert_eq!(sound.len(), 44 + 4_800 * 4);
    assert_eq!(sound[40..44], (4_800u32 * 4).to_le_bytes());
    assert!(render::video(&folder.path().join("no/such/folder"), (320, 180), 30, 0.1).is_err());
}
