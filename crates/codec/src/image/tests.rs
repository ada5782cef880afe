#![allow(clippy::unwrap_used)]

use media::Timestamp;

use super::*;
use crate::{Picture, still};

/// Red above, blue below, as limited-range YUV of this matrix.
fn picture(width: u32, height: u32, colour: Colour) -> Frame {
    let mut picture = Picture::black(width, height, Timestamp::millis(40)).unwrap();
    picture.colour = colour;
    let (red, blue) = match colour {
        Colour::Bt601 => ([81, 90, 240], [41, 240, 110]),
        Colour::Bt709 => ([63, 102, 240], [32, 240, 118]),
    };
    picture.fill((0, 0), (width, height / 2), red);
    picture.fill((0, height / 2), (width, height / 2), blue);
    Frame::of_picture(&picture).unwrap()
}

fn pixel(image: &Image, x: usize, y: usize) -> [u8; 3] {
    image.0.data(0)[y * image.0.stride(0) + 3 * x..][..3].try_into().unwrap()
}

fn near(is: [u8; 3], should: [u8; 3]) -> bool {
    is.iter().zip(should).all(|(a, b)| a.abs_diff(b) <= 6)
}

#[test]
fn colours_are_those_that_were_meant() {
    for colour in [Colour::Bt601, Colour::Bt709] {
        let image = Image::of(&picture(1920, 1080, colour), 640).unwrap();
        assert_eq!((image.width(), image.height()), (640, 360));
        assert!(near(pixel(&image, 320, 40), [255, 0, 0]), "{colour:?} {:?}", pixel(&image, 320, 40));
        assert!(near(pixel(&image, 320, 320), [0, 0, 255]), "{colour:?} {:?}", pixel(&image, 320, 320));
        // As a JPEG reader sees it: BT.601 of full range.
        let file = image.jpeg(3).unwrap();
        let back = Image::of(&still::frame(&file).unwrap(), 640).unwrap();
        assert!(near(pixel(&back, 320, 40), [255, 0, 0]), "{:?}", pixel(&back, 320, 40));
        assert!(near(pixel(&back, 320, 320), [0, 0, 255]), "{:?}", pixel(&back, 320, 320));
    }
}

#[test]
fn webp_files_begin_as_they_should() {
    let image = Image::of(&picture(320, 180, Colour::Bt601), 640).unwrap();
    assert_eq!((image.width(), image.height()), (320, 180), "never larger than it is");
    if let Some(file) = image.webp(75).unwrap() {
        assert!(file.starts_with(b"RIFF") && file.get(8..12) == Some(b"WEBP"), "{file:?}");
        assert!(file.len() < image.jpeg(3).unwrap().len());
    }
}

#[test]
fn tiles_lie_where_they_were_put() {
    let tile = Image::of(&picture(1920, 1080, Colour::Bt709), 160).unwrap();
    assert_eq!((tile.width(), tile.height()), (160, 90));
    let mut sheet = Image::black(320, 180).unwrap();
    sheet.paste(&tile, (160, 90));
    sheet.paste(&tile, (300, 170));
    assert_eq!(pixel(&sheet, 80, 45), [0, 0, 0]);
    assert!(near(pixel(&sheet, 240, 100), [255, 0, 0]) && near(pixel(&sheet, 240, 165), [0, 0, 255]));
    let small = sheet.shrunk(64).unwrap();
    assert_eq!((small.width(), small.height()), (64, 36));
}

#[test]
fn shapes_are_kept_and_sides_bounded() {
    let mut tall = picture(360, 640, Colour::Bt601);
    assert_eq!(Image::of(&tall, 160).map(|i| (i.width(), i.height())).unwrap(), (90, 160));
    // Anamorphic: shown twice as wide as it has pixels.
    tall.raw_mut().sample_aspect_ratio = ffi::AVRational { num: 2, den: 1 };
    assert_eq!(Image::of(&tall, 160).map(|i| (i.width(), i.height())).unwrap(), (160, 142));
    assert!(matches!(Image::black(MAX_SIDE + 2, 16), Err(Error::Size { .. })));
    assert!(Image::black(MAX_SIDE, 16).is_ok());
    assert!(matches!(Image::black(17, 16), Err(Error::Size { .. })));
    assert!(matches!(Image::of(&Frame::empty().unwrap(), 160), Err(Error::Frame)));
}
