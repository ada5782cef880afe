#![allow(clippy::unwrap_used)]
//! Figures of pictures and sound made for them, and of what a lossy encoder leaves of them.

use std::f64::consts::TAU;

use ffmpeg_next::ffi;
use media::{AccessUnit, Rational, Timescale};

use super::luma::Luma;
use super::*;
use crate::frame::Frame;
use crate::picture::{Picture, Plane};
use crate::{aac, decode, x264};

const SIZE: (u32, u32) = (640, 352);

fn picture(ms: i64, luma: impl Fn(usize, usize) -> u8) -> Picture {
    let mut picture = Picture::black(SIZE.0, SIZE.1, Timestamp::millis(ms)).unwrap();
    let stride = picture.stride(Plane::Y);
    for y in 0..SIZE.1 as usize {
        for x in 0..SIZE.0 as usize {
            picture.plane_mut(Plane::Y)[y * stride + x] = luma(x, y);
        }
    }
    picture
}

fn frame(ms: i64, luma: impl Fn(usize, usize) -> u8) -> Frame {
    Frame::of_picture(&picture(ms, luma)).unwrap()
}

/// So many pictures of 30 a second through an encoder; what the eye makes of them.
fn seen(count: i64, kbps: u32, luma: impl Fn(i64, usize, usize) -> u8) -> Vec<Seen> {
    let config = x264::Config::new(SIZE.0, SIZE.1, Rational { num: 30, den: 1 }, kbps);
    let mut encoder = x264::Encoder::new(&config).unwrap();
    let mut decoder = decode::Video::new(encoder.track()).unwrap();
    let mut eye = Eye::default();
    let mut seen = Vec::new();
    let mut show = |units: Option<AccessUnit>| {
        if let Some(unit) = units {
            seen.extend(decoder.frames(&unit).unwrap().iter().filter_map(|frame| eye.look(frame)));
        }
    };
    for number in 0..count {
        let picture = picture(number * 1000 / 30, |x, y| luma(number, x, y));
        show(encoder.encode(&picture, picture.at, false).unwrap());
    }
    seen
}

/// A second and more of stereo through an AAC encoder; what the ear makes of it.
fn heard(seconds: u32, bitrate: u32, sample: impl Fn(f64) -> f64) -> Vec<Heard> {
    const RATE: u32 = 48_000;
    let config = aac::Config { sample_rate: RATE, channels: 2, bitrate };
    let mut encoder = aac::Encoder::new(&config, Timestamp::new(0, Timescale::new(RATE).unwrap())).unwrap();
    let values: Vec<i16> = (0..RATE * seconds)
        .flat_map(|n| {
            [(sample(f64::from(n) / f64::from(RATE)) * 32_767.0).clamp(-32_768.0, 32_767.0) as i16; 2]
        })
        .collect();
    let units = encoder.encode(&values).unwrap();
    let mut decoder = decode::Audio::new(encoder.track()).unwrap();
    let mut ear = Ear::default();
    units
        .iter()
        .flat_map(|unit| decoder.frames(unit).unwrap())
        .filter_map(|frame| ear.listen(&frame))
        .collect()
}

fn noise(number: i64, x: usize, y: usize) -> i32 {
    let mut n = (number as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ ((x as u64) << 32 | y as u64);
    n = (n ^ (n >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    n = (n ^ (n >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    ((n >> 40) % 13) as i32 - 6
}

/// Detail as of a real scene.
fn scene(x: usize, y: usize) -> u8 {
    let waves = (x as f64 / 7.0).sin() * (y as f64 / 11.0).cos() * 60.0;
    (110.0 + waves + f64::from(noise(0, x, y)) * 3.0) as u8
}

/// Of each figure from the second on: the rate control has settled.
fn moved(seen: &[Seen]) -> Vec<f32> {
    seen.iter().skip(1).filter_map(|seen| seen.moved).collect()
}

#[test]
fn dark_is_counted_in_the_lightest_picture() {
    for (name, luma, dark) in [
        ("black", &(|_, _| 16u8) as &dyn Fn(usize, usize) -> u8, 1.0),
        ("as dark as dark may be", &|_, _| 36, 1.0),
        ("not dark", &|_, _| 37, 0.0),
        ("a quarter is light", &|x, y| if x < 320 && y < 176 { 200 } else { 16 }, 0.75),
    ] {
        let mut eye = Eye::default();
        let seen: Vec<_> = (0..40).filter_map(|n| eye.look(&frame(n * 33, luma))).collect();
        assert_eq!(seen.len(), 1, "{name}");
        assert!((seen[0].dark - dark).abs() < 0.001, "{name}: {seen:?}");
    }
    let mut eye = Eye::default();
    let flash = |n: i64| frame(n * 500, move |_, _| if n == 3 { 200 } else { 16 });
    let seen: Vec<_> = (0..7).filter_map(|n| eye.look(&flash(n))).map(|seen| seen.dark).collect();
    assert_eq!(seen, [1.0, 0.0, 1.0]);
}

#[test]
fn black_depends_on_the_range_and_not_on_the_depth() {
    let mut full = frame(0, |_, _| 30);
    assert_eq!(Luma::of(&full).unwrap().dark, 1.0);
    full.raw_mut().color_range = ffi::AVColorRange::AVCOL_RANGE_JPEG;
    assert_eq!(Luma::of(&full).unwrap().dark, 0.0);
    let mut deep = Frame::blank(ffi::AVPixelFormat::AV_PIX_FMT_YUV420P10LE, 64, 32).unwrap();
    for (value, dark) in [(36 * 4 + 3, 1.0), (37 * 4, 0.0)] {
        let raw = deep.raw_mut();
        for y in 0..32 {
            for x in 0..64 {
                // SAFETY: 32 lines of 64 samples of two bytes.
                unsafe { *raw.data[0].offset(raw.linesize[0] as isize * y).cast::<u16>().add(x) = value };
            }
        }
        assert_eq!(Luma::of(&deep).unwrap().dark, dark);
    }
    for (format, side) in
        [(ffi::AVPixelFormat::AV_PIX_FMT_RGB24, 64), (ffi::AVPixelFormat::AV_PIX_FMT_YUV420P, 15)]
    {
        assert_eq!(Luma::of(&Frame::blank(format, side, side).unwrap()), None);
    }
}

#[test]
fn what_moves_is_told_from_what_an_encoder_makes_of_a_still() {
    for kbps in [1_500, 4_000] {
        let still = moved(&seen(210, kbps, |_, x, y| scene(x, y)));
        let noisy = moved(&seen(210, kbps, |n, x, y| (i32::from(scene(x, y)) + noise(n, x, y)) as u8));
        let dot = |n: i64, x: usize, y: usize| {
            let lit = (300..324).contains(&x) && (100..124).contains(&y);
            if lit { 40 + (n % 60) as u8 } else { scene(x, y) }
        };
        let dot = moved(&seen(210, kbps, dot));
        assert!(
            still.len() == 4 && still.iter().chain(&noisy).all(|moved| *moved < 3.0),
            "{still:?} {noisy:?}"
        );
        assert!(dot.len() == 4 && dot.iter().all(|moved| *moved > 8.0), "{dot:?}");
    }
}

#[test]
fn key_frames_are_compared_with_each_other() {
    let mut eye = Eye::default();
    let told = |eye: &mut Eye, ms, luma: u8| eye.look_at_key_frame(&frame(ms, move |_, _| luma)).unwrap();
    assert_eq!(told(&mut eye, 0, 16).moved, None);
    assert_eq!(told(&mut eye, 2_000, 16).moved, Some(0.0));
    let light = told(&mut eye, 4_000, 116);
    assert_eq!((light.moved, light.dark), (Some(100.0), 0.0));
    // Its clock went back.
    assert_eq!(told(&mut eye, 1_000, 116).moved, None);
    // Another size is another picture.
    let small = Frame::of_picture(&Picture::black(320, 176, Timestamp::millis(3_000)).unwrap()).unwrap();
    assert_eq!(eye.look_at_key_frame(&small).unwrap().moved, Some(f32::MAX));
}

fn tone(hz: f64, amplitude: f64) -> impl Fn(f64) -> f64 {
    move |t: f64| (TAU * hz * t).sin() * amplitude
}

#[test]
fn loudness_and_peaks_are_what_they_are() {
    for (amplitude, db) in [(0.1, -20.0f32), (0.01, -40.0), (0.0005, -66.0)] {
        let heard = heard(5, 128_000, tone(1_000.0, amplitude));
        assert_eq!(heard.len(), 4);
        let last = heard.last().unwrap();
        // EBU Tech 3341: a sine of 1 kHz on both sides is as loud as its peak, within 0.1; AAC leaves half a decibel.
        for (name, figure) in [
            ("momentary", last.momentary_lufs),
            ("short term", last.short_term_lufs),
            ("integrated", last.integrated_lufs),
            ("peak", last.peak_dbfs),
        ] {
            assert!((figure - db).abs() < 0.6, "{name} of {db}: {last:?}");
        }
        assert_eq!(last.clipped, 0.0);
    }
    let silent = heard(3, 128_000, |_| 0.0);
    assert!(silent.iter().all(|heard| (heard.peak_dbfs, heard.short_term_lufs) == (-120.0, -120.0)));
}

#[test]
fn what_was_cut_off_is_told_from_what_is_loud() {
    let music = |t: f64| {
        let wave = |n: i32| (TAU * 110.0 * f64::from(n) * t * (1.0 + f64::from(n) * 0.01)).sin();
        ((1..9).map(wave).sum::<f64>() * 0.3).tanh() * 0.99
    };
    for bitrate in [64_000, 128_000, 256_000] {
        let share = |sample: &dyn Fn(f64) -> f64| heard(3, bitrate, sample)[1].clipped;
        for (hz, amplitude) in [(1_000.0, 1.2), (1_000.0, 4.0), (100.0, 2.0), (5_000.0, 2.0)] {
            let clipped = share(&tone(hz, amplitude));
            assert!(clipped > 0.05, "{hz} Hz at {amplitude}, {bitrate}: {clipped}");
        }
        for hz in [100.0, 440.0, 1_000.0] {
            assert_eq!(share(&tone(hz, 0.99)), 0.0, "{hz} Hz");
        }
        // Cut off, and then turned down a little, as encoders do.
        let turned_down = |t| tone(440.0, 4.0)(t).clamp(-1.0, 1.0) * 0.93;
        assert!(share(&turned_down) > 0.5, "{bitrate}: {}", share(&turned_down));
        assert!(share(&music) < 0.005, "{bitrate}: {}", share(&music));
    }
}

#[test]
fn a_clock_that_jumps_begins_a_second_anew() {
    let mut frames = [0i64, 500, 990, 60_000, 60_500, 61_000].map(|ms| {
        let mut frame = Frame::empty().unwrap();
        let raw = frame.raw_mut();
        raw.format = ffi::AVSampleFormat::AV_SAMPLE_FMT_FLTP as i32;
        (raw.nb_samples, raw.sample_rate) = (1024, 48_000);
        // SAFETY: format, rate, length and layout are set before the buffer is asked for; its planes are then zeroed.
        unsafe {
            ffi::av_channel_layout_default(&raw mut raw.ch_layout, 1);
            assert_eq!(ffi::av_frame_get_buffer(frame.as_mut_ptr(), 0), 0);
            frame.raw_mut().data[0].write_bytes(0, 4096);
        }
        frame.set_at(Timestamp::millis(ms));
        frame
    });
    let mut ear = Ear::default();
    let told: Vec<_> = frames.iter().map(|frame| ear.listen(frame).is_some()).collect();
    assert_eq!(told, [false, false, false, false, false, true]);
    // What isn't sound of floats isn't measured.
    frames[0].raw_mut().format = ffi::AVSampleFormat::AV_SAMPLE_FMT_S16P as i32;
    assert!(ear.listen(&frames[0]).is_none() && ear.listen(&frame(0, |_, _| 16)).is_none());
}
