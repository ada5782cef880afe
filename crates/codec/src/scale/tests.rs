#![allow(clippy::unwrap_used)]

use super::*;
use crate::mjpeg;

fn now() -> Timestamp {
    Timestamp::millis(5)
}

fn centre(picture: &Picture) -> [u8; 3] {
    Plane::ALL.map(|plane| {
        let (across, down) = picture.size(plane);
        picture.plane(plane)[down / 2 * picture.stride(plane) + across / 2]
    })
}

#[track_caller]
fn near(have: [u8; 3], want: [u8; 3], tolerance: u8) {
    assert!(have.iter().zip(want).all(|(a, b)| a.abs_diff(b) <= tolerance), "{have:?} is not {want:?}");
}

#[test]
fn every_format_keeps_its_colour() {
    let yuv = [100, 90, 200];
    let [y, u, v] = yuv;
    let (w, h) = (64usize, 32usize);
    let planar = [vec![y; w * h], vec![u; w * h / 4], vec![v; w * h / 4]].concat();
    let semi = [vec![y; w * h], [u, v].repeat(w * h / 4)].concat();
    let cases = [
        (Format::I420, planar, yuv),
        (Format::Nv12, semi, yuv),
        (Format::Yuyv, [y, u, y, v].repeat(w * h / 2), yuv),
        (Format::Uyvy, [u, y, v, y].repeat(w * h / 2), yuv),
        (Format::Gray, vec![100; w * h], [100, 128, 128]),
        // Pure red, BT.601 limited (ITU-R BT.601-7 §2.5).
        (Format::Rgb24, [255, 0, 0].repeat(w * h), [81, 90, 240]),
        (Format::Bgr24, [0, 0, 255].repeat(w * h), [81, 90, 240]),
        (Format::Bgra, [0, 0, 255, 0].repeat(w * h), [81, 90, 240]),
    ];
    for size in [(64, 32), (128, 64), (32, 16)] {
        let mut scaler = Scaler::new(size.0, size.1, Fit::Letterbox).unwrap();
        for (format, data, want) in &cases {
            let raw = Raw { format: *format, width: 64, height: 32, data };
            let picture = scaler.convert(&raw, Colour::Bt601, now()).unwrap();
            assert_eq!((picture.at, picture.width(), picture.height()), (now(), size.0, size.1));
            near(centre(&picture), *want, if *format == Format::Gray { 9 } else { 2 });
        }
    }
}

#[test]
fn rgb_becomes_high_definition_colour_from_720_lines_up() {
    let data = [255, 0, 0].repeat(64 * 36);
    let raw = Raw { format: Format::Rgb24, width: 64, height: 36, data: &data };
    let picture =
        Scaler::new(1280, 720, Fit::Letterbox).unwrap().convert(&raw, Colour::Bt601, now()).unwrap();
    assert_eq!(picture.colour, Colour::Bt709);
    near(centre(&picture), [63, 102, 240], 2);
}

#[test]
fn another_shape_gets_bars_or_is_stretched() {
    let data = vec![200; 64 * 48];
    let raw = Raw { format: Format::Gray, width: 64, height: 48, data: &data };
    let mut boxed = Scaler::new(320, 180, Fit::Letterbox).unwrap();
    let picture = boxed.convert(&raw, Colour::Bt601, now()).unwrap();
    let row = picture.rows(Plane::Y).nth(90).unwrap();
    assert_eq!((row[0], row[38], row[281], row[319]), (16, 16, 16, 16));
    assert!(row[44] > 150 && row[275] > 150, "4:3 stands in the middle 240 pixels");
    let stretched = Scaler::new(320, 180, Fit::Stretch).unwrap().convert(&raw, Colour::Bt601, now()).unwrap();
    assert!(stretched.rows(Plane::Y).all(|row| row.iter().all(|y| *y > 150)));
    assert_eq!(boxed.scale(&picture).unwrap(), picture, "its own size is a copy");
}

#[test]
fn what_does_not_fit_is_refused() {
    let mut scaler = Scaler::new(64, 64, Fit::Letterbox).unwrap();
    let mut check = |format, width, height, bytes| {
        let raw = Raw { format, width, height, data: &vec![0; bytes] };
        scaler.convert(&raw, Colour::Bt601, now()).map(|_| ())
    };
    assert_eq!(check(Format::Yuyv, 64, 64, 8192), Ok(()));
    assert!(matches!(check(Format::Yuyv, 64, 64, 8191), Err(Error::Short { need: 8192, have: 8191, .. })));
    assert!(matches!(check(Format::Yuyv, 63, 64, 9000), Err(Error::Source { .. })));
    assert!(matches!(check(Format::Nv12, 64, 63, 9000), Err(Error::Source { .. })));
    assert!(matches!(check(Format::Gray, 0, 64, 9000), Err(Error::Source { .. })));
    assert!(matches!(check(Format::Gray, 16_385, 1, 20_000), Err(Error::Source { .. })));
    assert!(matches!(Scaler::new(63, 64, Fit::Letterbox), Err(Error::Picture(_))));
}

#[test]
fn camera_jpegs() {
    let out = std::process::Command::new("ffmpeg")
        .args("-v error -f lavfi -i color=red:size=320x180 -frames:v 1 -f mjpeg -q:v 2 -".split(' '))
        .output()
        .unwrap();
    let jpeg = out.stdout;
    let mut decoder = mjpeg::Decoder::new().unwrap();
    let mut scaler = Scaler::new(320, 180, Fit::Letterbox).unwrap();
    for _ in 0..3 {
        let picture = decoder.decode(&jpeg, &mut scaler, now()).unwrap();
        near(centre(&picture), [81, 90, 240], 3);
        // Damage costs one picture.
        for bad in [&jpeg[..0], &jpeg[..20], b"not a jpeg"] {
            assert!(decoder.decode(bad, &mut scaler, now()).is_err(), "{} bytes", bad.len());
        }
    }
}
