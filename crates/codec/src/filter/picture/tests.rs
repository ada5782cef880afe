#![allow(clippy::unwrap_used)]
//! Each step's effect, measured on pictures made for it.

use ffmpeg_next::ffi::AVPixelFormat;
use media::Timestamp;

use super::*;
use crate::frame::Frame;
use crate::picture::{Picture, Plane};

const SIZE: (u32, u32) = (128, 96);

fn picture(luma: impl Fn(usize, usize) -> u8) -> Frame {
    let mut picture = Picture::black(SIZE.0, SIZE.1, Timestamp::millis(40)).unwrap();
    let stride = picture.stride(Plane::Y);
    for y in 0..SIZE.1 as usize {
        for x in 0..SIZE.0 as usize {
            picture.plane_mut(Plane::Y)[y * stride + x] = luma(x, y);
        }
    }
    Frame::of_picture(&picture).unwrap()
}

/// Four quarters of different brightness: which is where says what was turned.
fn quarters() -> Frame {
    picture(|x, y| match (x < 64, y < 48) {
        (true, true) => 50,
        (false, true) => 100,
        (true, false) => 150,
        (false, false) => 200,
    })
}

fn through(steps: Steps, frames: &[Frame]) -> Vec<Picture> {
    through_with(steps, None, frames)
}

fn through_with(steps: Steps, logo: Option<Frame>, frames: &[Frame]) -> Vec<Picture> {
    let mut chain = Chain::new(steps, logo, 1).unwrap();
    let mut out = Vec::new();
    for (i, frame) in frames.iter().enumerate() {
        let mut frame = frame.share().unwrap();
        frame.set_at(Timestamp::millis(40 * (i as i64 + 1)));
        out.extend(chain.push(&frame).unwrap());
    }
    out.extend(chain.flush().unwrap());
    out.iter().map(|frame| frame.to_picture().unwrap()).collect()
}

fn one(steps: Steps, frame: &Frame) -> Picture {
    through(steps, std::slice::from_ref(frame)).pop().unwrap()
}

/// Of a spot in parts of the picture's sides.
fn luma(picture: &Picture, x: f32, y: f32) -> u8 {
    let (across, down) = picture.size(Plane::Y);
    let row = ((down as f32 * y) as usize).min(down - 1);
    picture.plane(Plane::Y)[row * picture.stride(Plane::Y) + ((across as f32 * x) as usize).min(across - 1)]
}

fn corners(picture: &Picture) -> [u8; 4] {
    [(0.25, 0.25), (0.75, 0.25), (0.25, 0.75), (0.75, 0.75)].map(|(x, y)| luma(picture, x, y))
}

fn rows(picture: &Picture) -> Vec<Vec<u8>> {
    picture.rows(Plane::Y).map(<[u8]>::to_vec).collect()
}

#[test]
fn nothing_asked_changes_nothing() {
    let source = quarters();
    assert_eq!(one(Steps::default(), &source), source.to_picture().unwrap());
}

#[test]
fn turned_and_mirrored() {
    let rotated = |rotate| Steps { rotate, ..Steps::default() };
    let cases = [
        (Steps { flip: true, ..Steps::default() }, [150, 200, 50, 100]),
        (Steps { mirror: true, ..Steps::default() }, [100, 50, 200, 150]),
        (rotated(Rotate::Quarter), [150, 50, 200, 100]),
        (rotated(Rotate::Half), [200, 150, 100, 50]),
        (rotated(Rotate::ThreeQuarters), [100, 200, 50, 150]),
        (Steps { mirror: true, ..rotated(Rotate::Quarter) }, [50, 150, 100, 200]),
    ];
    for (steps, want) in cases {
        let picture = one(steps.clone(), &quarters());
        assert_eq!(corners(&picture), want, "{steps:?}");
        let turned = matches!(steps.rotate, Rotate::Quarter | Rotate::ThreeQuarters);
        assert_eq!((picture.width(), picture.height()), if turned { (96, 128) } else { SIZE });
    }
}

#[test]
fn a_mirror_in_a_mirror_is_the_picture() {
    let source = picture(|x, y| (x * 2 + y / 2) as u8);
    let mirrored = Frame::of_picture(&one(Steps { mirror: true, ..Steps::default() }, &source)).unwrap();
    assert_eq!(
        rows(&one(Steps { mirror: true, ..Steps::default() }, &mirrored)),
        rows(&source.to_picture().unwrap())
    );
}

#[test]
fn cropped() {
    let crop =
        |left, top, right, bottom| Steps { crop: Crop { left, top, right, bottom }, ..Steps::default() };
    let picture = one(crop(64, 0, 0, 48), &quarters());
    assert_eq!((picture.width(), picture.height(), corners(&picture)), (64, 48, [100; 4]));
    for (steps, possible) in
        [(crop(112, 0, 0, 0), true), (crop(114, 0, 0, 0), false), (crop(0, 90, 0, 90), false)]
    {
        let mut chain = Chain::new(steps, None, 1).unwrap();
        let result = chain.push(&quarters());
        assert_eq!(result.is_ok(), possible, "{result:?}");
    }
}

#[test]
fn a_source_of_another_shape() {
    let target =
        Target { width: 128, height: 128, fit: Fit::Bars, aspect: None, pad: 0, scaler: Scaler::Bicubic };
    let frame = |target| Steps { frame: Some(target), ..Steps::default() };
    let white = picture(|_, _| 235);
    // 4:3 in a square: bars of 16 rows.
    let lines = |steps: Steps| {
        let picture = one(steps, &white);
        assert_eq!((picture.width(), picture.height()), (128, 128));
        let lit = |y: usize| picture.plane(Plane::Y)[y * picture.stride(Plane::Y) + 64] > 200;
        let across = picture.rows(Plane::Y).nth(64).unwrap().iter().filter(|luma| **luma > 200).count();
        ((0..128).filter(|y| lit(*y)).count(), across)
    };
    assert_eq!(lines(frame(target)), (96, 128));
    assert_eq!(lines(frame(Target { aspect: Some((1, 2)), ..target })), (128, 64));
    assert_eq!(lines(frame(Target { fit: Fit::Fill, ..target })), (128, 128));
    assert_eq!(lines(frame(Target { fit: Fit::Stretch, ..target })), (128, 128));
    assert_eq!(lines(frame(Target { fit: Fit::Stretch, pad: 16, ..target })), (96, 96));
    assert_eq!(lines(frame(Target { pad: 16, ..target })), (72, 96));
    // What fills the square is the middle: the four quarters still meet there.
    assert_eq!(corners(&one(frame(Target { fit: Fit::Fill, ..target }), &quarters())), [50, 100, 150, 200]);
    for scaler in [Scaler::FastBilinear, Scaler::Bilinear, Scaler::Lanczos] {
        assert_eq!(lines(frame(Target { scaler, ..target })), (96, 128), "{scaler:?}");
    }
}

#[test]
fn noise_goes_and_edges_stay() {
    let mut seed = 7u32;
    let mut noisy = || {
        let noise: Vec<u8> = std::iter::repeat_with(|| {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (seed >> 29) as u8
        })
        .take((SIZE.0 * SIZE.1) as usize)
        .collect();
        picture(|x, y| 100 + noise[y * SIZE.0 as usize + x])
    };
    let noisy: Vec<_> = (0..8).map(|_| noisy()).collect();
    let spread = |picture: &Picture| {
        let values: Vec<f64> = rows(picture).concat().into_iter().map(f64::from).collect();
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        (values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / values.len() as f64).sqrt()
    };
    let before = spread(&noisy[7].to_picture().unwrap());
    let after = |denoise| spread(&through(Steps { denoise, ..Steps::default() }, &noisy)[7]);
    assert!(after(0.3) < before * 0.7, "{before} to {}", after(0.3));
    assert!(after(0.3) < after(0.1), "{} and {}", after(0.3), after(0.1));
    let edge =
        one(Steps { denoise: 0.3, ..Steps::default() }, &picture(|x, _| if x < 64 { 40 } else { 200 }));
    let (dark, bright) = (luma(&edge, 0.4, 0.5), luma(&edge, 0.6, 0.5));
    assert!(dark < 60 && bright > 180, "{dark} and {bright}");
}

#[test]
fn sharpened_and_softened() {
    let ramp = picture(|x, _| (80 + (x as i32 - 56).clamp(0, 16) * 5) as u8);
    let steepest = |sharpen| {
        let picture = one(Steps { sharpen, ..Steps::default() }, &ramp);
        let row = &rows(&picture)[48];
        (row.iter().min().copied().unwrap(), row.iter().max().copied().unwrap())
    };
    assert_eq!(steepest(0.0), (80, 160));
    let (low, high) = steepest(1.0);
    assert!(low < 80 && high > 160, "{low} to {high}");
}

#[test]
fn levels_fill_the_range() {
    let dull = picture(|x, _| 90 + (x / 4) as u8);
    let range = |level| {
        let rows = rows(&one(Steps { level, ..Steps::default() }, &dull)).concat();
        (rows.iter().min().copied().unwrap(), rows.iter().max().copied().unwrap())
    };
    let (low, high) = range(1.0);
    assert!(low < 25 && high > 225, "{low} to {high}");
    let (low, high) = range(0.5);
    assert!(low > 30 && low < 85 && high > 130 && high < 225, "{low} to {high}");
}

#[test]
fn block_edges_are_smoothed() {
    let blocks = picture(|x, y| if (x / 8 + y / 8) % 2 == 0 { 100 } else { 106 });
    let step = |deblock| {
        let picture = one(Steps { deblock, ..Steps::default() }, &blocks);
        let row = &rows(&picture)[44];
        row.windows(2).map(|pair| pair[0].abs_diff(pair[1])).max().unwrap()
    };
    assert_eq!(step(None), 6);
    assert!(step(Some(Deblock::Weak)) < 6);
    assert!(step(Some(Deblock::Strong)) < step(Some(Deblock::Weak)));
}

/// Moves 8 pixels from field to field, as a camera that sees 50 fields a second has it.
fn moving(number: usize, interlaced: bool) -> Frame {
    picture(|x, y| {
        let moment = number * 2 + usize::from(interlaced && y % 2 == 1);
        if (x + moment * 8) % 64 < 32 { 60 } else { 180 }
    })
}

/// How much each row differs from the one below it.
fn comb(picture: &Picture) -> usize {
    rows(picture)
        .windows(2)
        .map(|pair| pair[0].iter().zip(&pair[1]).filter(|(a, b)| a.abs_diff(**b) > 40).count())
        .sum()
}

#[test]
fn combs_go_where_they_are() {
    let interlaced: Vec<_> = (0..24).map(|n| moving(n, true)).collect();
    let progressive: Vec<_> = (0..24).map(|n| moving(n, false)).collect();
    let before = comb(&interlaced[20].to_picture().unwrap());
    for deinterlace in [Deinterlace::Always, Deinterlace::Detected] {
        let steps = Steps { deinterlace: Some(deinterlace), ..Steps::default() };
        let out = through(steps.clone(), &interlaced);
        assert_eq!(out.len(), 24, "{deinterlace:?}");
        let after = comb(&out[20]);
        assert!(after * 5 < before, "{deinterlace:?}: {before} to {after}");
        let at: Vec<_> = out.iter().map(|picture| picture.at.ticks).collect();
        assert_eq!(at, (1..=24).map(|n| n * 3600).collect::<Vec<_>>());
    }
    let steps = Steps { deinterlace: Some(Deinterlace::Detected), ..Steps::default() };
    let out = through(steps, &progressive);
    assert_eq!(rows(&out[20]), rows(&progressive[20].to_picture().unwrap()));
}

#[test]
fn a_logo_in_its_corner() {
    let white = picture(|_, _| 235);
    let grey = || picture(|_, _| 100);
    for (corner, at) in [
        (Corner::TopLeft, (0.1, 0.1)),
        (Corner::TopRight, (0.9, 0.1)),
        (Corner::BottomLeft, (0.1, 0.9)),
        (Corner::BottomRight, (0.9, 0.9)),
        (Corner::Centre, (0.5, 0.5)),
    ] {
        for (opacity, want) in [(1.0, 235), (0.5, 167)] {
            let logo = Logo { corner, margin: 4, height: 0.25, opacity };
            let steps = Steps { logo: Some(logo), ..Steps::default() };
            let frames: Vec<_> = (0..3).map(|_| grey()).collect();
            let out = through_with(steps, Some(white.share().unwrap()), &frames);
            assert_eq!(out.len(), 3);
            for picture in out {
                assert!(
                    luma(&picture, at.0, at.1).abs_diff(want) < 4,
                    "{corner:?}: {}",
                    luma(&picture, at.0, at.1)
                );
                let elsewhere = if corner == Corner::Centre { (0.1, 0.9) } else { (0.5, 0.5) };
                assert_eq!(luma(&picture, elsewhere.0, elsewhere.1), 100);
            }
        }
    }
}

#[test]
fn words_are_written_as_they_are() {
    let text = |words: &str| Text {
        words: words.to_owned(),
        corner: Corner::TopLeft,
        margin: 2,
        size: 0.2,
        colour: [255, 255, 255],
        boxed: false,
    };
    let written = |words: &str| {
        let steps = Steps { text: Some(text(words)), ..Steps::default() };
        let picture = one(steps, &picture(|_, _| 50));
        rows(&picture).concat().into_iter().filter(|luma| *luma > 150).count()
    };
    let plain = written("Xin chào");
    assert!(plain > 20, "{plain}");
    // Nothing in it is a command.
    for words in
        ["%{localtime}", "a:b'c\\d[out];e,f", "'", "\\", "%", "x':fontsize=1:text='y", "=", "a\nb", "đường"]
    {
        assert!(written(words) > 3, "{words:?}");
    }
    // Expanded, it would be one digit.
    assert!(written("%{n}") > written("0") * 2);
    assert!(written("''''''") > written("''"));
    assert!(written("\\\\\\\\") > written("\\"));
}

#[test]
fn any_source_becomes_one_that_x264_takes() {
    use AVPixelFormat::{
        AV_PIX_FMT_NV12, AV_PIX_FMT_YUV420P, AV_PIX_FMT_YUV420P10LE, AV_PIX_FMT_YUV422P, AV_PIX_FMT_YUVJ420P,
    };
    let steps = Steps {
        frame: Some(Target {
            width: 64,
            height: 48,
            fit: Fit::Bars,
            aspect: None,
            pad: 0,
            scaler: Scaler::Bilinear,
        }),
        ..Steps::default()
    };
    let mut chain = Chain::new(steps, None, 1).unwrap();
    let mut out = 0;
    // One after the other through one chain: a source may change at any key frame.
    for (format, width, height) in [
        (AV_PIX_FMT_YUV420P10LE, 128, 96),
        (AV_PIX_FMT_YUV422P, 128, 96),
        (AV_PIX_FMT_YUVJ420P, 128, 96),
        (AV_PIX_FMT_NV12, 130, 98),
        (AV_PIX_FMT_YUV420P, 129, 97),
    ] {
        let mut frame = Frame::blank(format, width, height).unwrap();
        out += 1;
        frame.set_at(Timestamp::millis(40 * out));
        let ready = chain.push(&frame).unwrap();
        assert_eq!(ready.len(), 1);
        let planes = ready[0].planes().unwrap();
        assert_eq!((planes.width, planes.height), (64, 48));
        assert_eq!(ready[0].at(), Some(Timestamp::millis(40 * out).rescale(media::Timescale::VIDEO)));
    }
}

#[test]
fn limits_hold_at_the_limit_and_not_beyond() {
    let base = Steps::default;
    let target =
        Target { width: 64, height: 48, fit: Fit::Bars, aspect: None, pad: 0, scaler: Scaler::Bicubic };
    let framed = |target| Steps { frame: Some(target), ..base() };
    let text = |words: String, size| {
        let text = Text { words, corner: Corner::Centre, margin: 0, size, colour: [0; 3], boxed: true };
        Steps { text: Some(text), ..base() }
    };
    let logo = |height, opacity| Steps {
        logo: Some(Logo { corner: Corner::Centre, margin: 0, height, opacity }),
        ..base()
    };
    let good = [
        Steps { denoise: 1.0, level: 1.0, sharpen: -1.0, ..base() },
        framed(Target { width: 8192, height: 16, ..target }),
        framed(Target { aspect: Some((10, 1)), pad: 16, ..target }),
        text("x".repeat(500), 0.5),
        logo(1.0, 1.0),
    ];
    let bad = [
        Steps { denoise: 1.01, ..base() },
        Steps { denoise: f32::NAN, ..base() },
        Steps { level: -0.01, ..base() },
        Steps { sharpen: 1.01, ..base() },
        Steps { crop: Crop { left: 8193, ..Crop::default() }, ..base() },
        framed(Target { width: 8194, ..target }),
        framed(Target { height: 47, ..target }),
        framed(Target { height: 14, ..target }),
        framed(Target { aspect: Some((101, 10)), ..target }),
        framed(Target { aspect: Some((1, 0)), ..target }),
        framed(Target { pad: 17, ..target }),
        text("x".repeat(501), 0.5),
        text(String::new(), 0.5),
        text("\0".to_owned(), 0.5),
        text("x".to_owned(), 0.51),
        logo(0.0, 1.0),
        logo(1.0, 1.01),
    ];
    for steps in good {
        assert_eq!(steps.check(), Ok(()), "{steps:?}");
    }
    for steps in bad {
        assert!(matches!(steps.check(), Err(Error::Setting { .. })), "{steps:?}");
    }
}
