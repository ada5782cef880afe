#![allow(clippy::unwrap_used)]
//! Each step's effect, measured on sound made for it.

use std::f64::consts::TAU;

use ffmpeg_next::ffi;
use media::{Timescale, Timestamp};

use super::*;

const RATE: u32 = 48_000;

/// A second and a half of stereo in frames of 1,024, in a decoder's own format.
fn frames(rate: u32, seconds: f32, sample: impl Fn(f64) -> [f32; 2]) -> Vec<Frame> {
    let count = (rate as f32 * seconds) as usize / 1024;
    (0..count)
        .map(|number| {
            let mut frame = Frame::empty().unwrap();
            let raw = frame.raw_mut();
            raw.format = ffi::AVSampleFormat::AV_SAMPLE_FMT_FLTP as i32;
            (raw.nb_samples, raw.sample_rate) = (1024, rate as i32);
            // SAFETY: format, rate, length and layout are set before the buffer is asked for.
            unsafe {
                ffi::av_channel_layout_default(&raw mut raw.ch_layout, 2);
                assert_eq!(ffi::av_frame_get_buffer(frame.as_mut_ptr(), 0), 0);
            }
            for i in 0..1024 {
                let values = sample((number * 1024 + i) as f64 / f64::from(rate));
                for (channel, value) in values.into_iter().enumerate() {
                    // SAFETY: two planes of 1,024 floats.
                    unsafe { *frame.raw_mut().data[channel].cast::<f32>().add(i) = value };
                }
            }
            frame.set_at(Timestamp::new((number * 1024) as i64, Timescale::new(rate).unwrap()));
            frame
        })
        .collect()
}

fn sine(hz: f64, amplitude: f32) -> impl Fn(f64) -> [f32; 2] {
    move |t| [wave(hz, t) * amplitude; 2]
}

fn wave(hz: f64, t: f64) -> f32 {
    (TAU * hz * t).sin() as f32
}

/// Through a chain; left and right as floats.
fn through(steps: Steps, frames: &[Frame]) -> [Vec<f32>; 2] {
    let mut chain = Chain::new(steps, RATE, 2).unwrap();
    let mut out = Vec::new();
    for frame in frames {
        out.extend(chain.push(frame).unwrap());
    }
    out.extend(chain.flush().unwrap());
    let pcm: Vec<f32> = out.iter().flat_map(Frame::pcm).map(|sample| f32::from(*sample) / 32_768.0).collect();
    [0, 1].map(|side| pcm.iter().skip(side).step_by(2).copied().collect())
}

fn db(samples: &[f32]) -> f32 {
    // The first and last tenth settle.
    let middle = &samples[samples.len() / 10..samples.len() * 9 / 10];
    let power = middle.iter().map(|s| s * s).sum::<f32>() / middle.len() as f32;
    10.0 * power.max(1e-12).log10()
}

/// How much a step changes a tone.
fn change(steps: &Steps, hz: f32) -> f32 {
    let tone = frames(RATE, 1.5, sine(hz.into(), 0.1));
    db(&through(steps.clone(), &tone)[0]) - db(&through(Steps::default(), &tone)[0])
}

#[track_caller]
fn near(have: f32, want: f32, tolerance: f32) {
    assert!((have - want).abs() <= tolerance, "{have} is not {want} ± {tolerance}");
}

#[test]
fn nothing_asked_keeps_every_sample() {
    let tone = frames(RATE, 1.0, sine(997.0, 0.5));
    let [left, right] = through(Steps::default(), &tone);
    assert_eq!((left.len(), &left), (tone.len() * 1024, &right));
    for (i, sample) in left.iter().enumerate() {
        near(*sample, wave(997.0, i as f64 / f64::from(RATE)) * 0.5, 0.001);
    }
}

#[test]
fn decibels_are_decibels() {
    near(change(&Steps { gain_db: -6.0, ..Steps::default() }, 1000.0), -6.0, 0.05);
    near(change(&Steps { gain_db: 12.0, ..Steps::default() }, 1000.0), 12.0, 0.05);
    let [left, right] = through(
        Steps { levels_db: [-20.0, 3.0], gain_db: -1.0, ..Steps::default() },
        &frames(RATE, 1.0, sine(500.0, 0.3)),
    );
    near(db(&left) - db(&right), -23.0, 0.05);
}

#[test]
fn channels_go_where_they_are_sent() {
    let source = frames(RATE, 1.0, |t| [wave(500.0, t) * 0.4, wave(500.0, t) * 0.1]);
    let levels = |map| through(Steps { map, ..Steps::default() }, &source).map(|side| db(&side));
    let [left, right] = levels(Map::Keep);
    near(left - right, 12.04, 0.05);
    for (map, want) in [
        (Map::Left, [left, left]),
        (Map::Right, [right, right]),
        (Map::Swap, [right, left]),
        (Map::Mix, [left - 4.08; 2]),
    ] {
        let have = levels(map);
        near(have[0], want[0], 0.05);
        near(have[1], want[1], 0.05);
    }
}

#[test]
fn the_voice_in_the_middle_goes_and_the_rest_stays() {
    let karaoke = |sample: fn(f64) -> [f32; 2]| {
        let source = frames(RATE, 1.5, sample);
        db(&through(Steps { karaoke: true, ..Steps::default() }, &source)[0])
            - db(&through(Steps::default(), &source)[0])
    };
    let voice = |t: f64| [wave(1000.0, t) * 0.2; 2];
    let side = |t: f64| [wave(1000.0, t) * 0.2, -wave(1000.0, t) * 0.2];
    let bass = |t: f64| [wave(40.0, t) * 0.2; 2];
    assert!(karaoke(voice) < -25.0, "{}", karaoke(voice));
    near(karaoke(side), 2.9, 1.0);
    near(karaoke(bass), 0.0, 1.5);
}

#[test]
fn bands_do_what_they_are_called() {
    let band =
        |kind, hz, gain_db, q| Steps { parametric: vec![Band { kind, hz, gain_db, q }], ..Steps::default() };
    let notch = band(BandKind::Notch, 50.0, 0.0, 5.0);
    assert!(change(&notch, 50.0) < -30.0, "{}", change(&notch, 50.0));
    near(change(&notch, 200.0), 0.0, 0.3);
    let peak = band(BandKind::Peak, 1000.0, -9.0, 1.0);
    near(change(&peak, 1000.0), -9.0, 0.2);
    near(change(&peak, 60.0), 0.0, 0.3);
    let low = band(BandKind::LowShelf, 200.0, 6.0, 0.7);
    near(change(&low, 40.0), 6.0, 0.8);
    near(change(&low, 4000.0), 0.0, 0.2);
    let high = band(BandKind::HighShelf, 4000.0, 6.0, 0.7);
    near(change(&high, 16_000.0), 6.0, 0.8);
    near(change(&high, 200.0), 0.0, 0.2);
    assert!(change(&band(BandKind::HighPass, 200.0, 0.0, 0.7), 50.0) < -20.0);
    assert!(change(&band(BandKind::LowPass, 2000.0, 0.0, 0.7), 10_000.0) < -20.0);
}

#[test]
fn every_slider_of_the_graphic_equaliser_moves_its_own_band() {
    for (i, hz) in GRAPHIC_HZ.into_iter().enumerate() {
        let mut graphic_db = [0.0; 10];
        graphic_db[i] = -12.0;
        let steps = Steps { graphic_db, ..Steps::default() };
        near(change(&steps, hz), -12.0, 0.5);
        near(change(&steps, if i < 5 { 12_000.0 } else { 60.0 }), 0.0, 0.5);
    }
}

#[test]
fn the_compressor_takes_its_ratio() {
    let compressor =
        Compressor { threshold_db: -30.0, ratio: 4.0, attack_ms: 5.0, release_ms: 50.0, makeup_db: 0.0 };
    let steps = Steps { compressor: Some(compressor), ..Steps::default() };
    // A sine of 0.5 stands at −6 dB, its mean at −9: 21 to 24 dB over the threshold.
    let loud = frames(RATE, 1.5, sine(1000.0, 0.5));
    let change = db(&through(steps.clone(), &loud)[0]) - db(&loud_level(&loud));
    assert!((-19.0..=-12.0).contains(&change), "{change}");
    let quiet = frames(RATE, 1.5, sine(1000.0, 0.01));
    near(db(&through(steps, &quiet)[0]) - db(&loud_level(&quiet)), 0.0, 0.5);
}

fn loud_level(frames: &[Frame]) -> Vec<f32> {
    through(Steps::default(), frames)[0].clone()
}

#[test]
fn nothing_goes_over_the_limit() {
    let loud = frames(RATE, 1.0, sine(440.0, 0.9));
    let steps = Steps { limiter_db: Some(-6.0), gain_db: 6.0, ..Steps::default() };
    let [left, _] = through(steps, &loud);
    let peak = left.iter().fold(0f32, |most, sample| most.max(sample.abs()));
    assert!(peak <= 0.503, "{peak}");
    assert!(peak > 0.45, "{peak}");
}

/// Integrated loudness of the second half.
fn lufs([left, right]: &[Vec<f32>; 2]) -> f32 {
    let mut meter = ebur128::EbuR128::new(2, RATE, ebur128::Mode::I).unwrap();
    let half = left.len() / 2;
    meter.add_frames_planar_f32(&[&left[half..], &right[half..]]).unwrap();
    meter.loudness_global().unwrap() as f32
}

#[test]
fn both_ways_reach_the_loudness() {
    for amplitude in [0.02, 0.5] {
        let speech = frames(RATE, 20.0, |t| {
            let syllable = 0.6 + 0.4 * wave(3.0, t);
            [wave(300.0, t) * amplitude * syllable + wave(1900.0, t) * amplitude * 0.3 * syllable; 2]
        });
        for way in [Way::Fader, Way::R128] {
            let steps = Steps { loudness: Some(Loudness { target_lufs: -18.0, way }), ..Steps::default() };
            near(lufs(&through(steps, &speech)), -18.0, 1.0);
        }
    }
}

#[test]
fn the_fader_is_not_late_and_leaves_pauses_alone() {
    let steps =
        Steps { loudness: Some(Loudness { target_lufs: -18.0, way: Way::Fader }), ..Steps::default() };
    let mut chain = Chain::new(steps.clone(), RATE, 2).unwrap();
    let first = chain.push(&frames(RATE, 0.1, sine(300.0, 0.1))[0]).unwrap();
    let samples: u32 = first.iter().map(Frame::samples).sum();
    assert!(samples > 900, "{samples} of 1,024 at once");
    assert_eq!(first[0].at(), Some(Timestamp::new(0, Timescale::VIDEO)));
    let hum =
        frames(RATE, 8.0, |t| if t < 3.0 { [wave(300.0, t) * 0.1; 2] } else { [wave(100.0, t) * 0.0005; 2] });
    let [left, _] = through(steps, &hum);
    assert!(db(&left[left.len() - 48_000..]) < -55.0);
}

#[test]
fn other_rates_are_resampled_without_a_trace() {
    for (from, hz) in [(44_100, 997.0), (8_000, 997.0), (96_000, 15_000.0)] {
        let tone = frames(from, 1.5, sine(hz, 0.5));
        let [left, _] = through(Steps::default(), &tone);
        near(left.len() as f32, tone.len() as f32 * 1024.0 * RATE as f32 / from as f32, 200.0);
        near(db(&left), -9.03, 0.05);
        // What isn't the tone: at its best phase, taken away.
        let middle = &left[left.len() / 4..left.len() / 4 + 19_200];
        let (mut sin, mut cos) = (0f64, 0f64);
        let angle = |i: usize| TAU * hz * i as f64 / f64::from(RATE);
        for (i, sample) in middle.iter().enumerate() {
            sin += f64::from(*sample) * angle(i).sin();
            cos += f64::from(*sample) * angle(i).cos();
        }
        let (sin, cos) = (sin * 2.0 / middle.len() as f64, cos * 2.0 / middle.len() as f64);
        let rest: Vec<f32> = middle
            .iter()
            .enumerate()
            .map(|(i, sample)| sample - (sin * angle(i).sin() + cos * angle(i).cos()) as f32)
            .collect();
        assert!(db(&rest) < -70.0, "{from} Hz: {} dB", db(&rest));
    }
}

#[test]
fn limits_hold_at_the_limit_and_not_beyond() {
    let base = Steps::default;
    let band = Band { kind: BandKind::Peak, hz: 20.0, gain_db: 30.0, q: 30.0 };
    let banded = |band| Steps { parametric: vec![band], ..base() };
    let compressor = Compressor {
        threshold_db: -60.0,
        ratio: 20.0,
        attack_ms: 2000.0,
        release_ms: 9000.0,
        makeup_db: 36.0,
    };
    let compressed = |compressor| Steps { compressor: Some(compressor), ..base() };
    let loudness = |target_lufs| Steps { loudness: Some(Loudness { target_lufs, way: Way::R128 }), ..base() };
    let good = [
        Steps { gain_db: 30.0, levels_db: [-60.0, 30.0], limiter_db: Some(-20.0), ..base() },
        Steps { parametric: vec![band; 16], graphic_db: [24.0; 10], ..base() },
        compressed(compressor),
        loudness(-36.0),
        loudness(-9.0),
    ];
    let bad = [
        Steps { gain_db: 30.1, ..base() },
        Steps { levels_db: [0.0, -60.1], ..base() },
        Steps { limiter_db: Some(0.1), ..base() },
        Steps { parametric: vec![band; 17], ..base() },
        Steps { graphic_db: [24.1; 10], ..base() },
        banded(Band { hz: 19.9, ..band }),
        banded(Band { hz: f32::NAN, ..band }),
        banded(Band { gain_db: 30.1, ..band }),
        banded(Band { q: 0.09, ..band }),
        compressed(Compressor { threshold_db: -60.1, ..compressor }),
        compressed(Compressor { ratio: 0.9, ..compressor }),
        compressed(Compressor { attack_ms: 0.0, ..compressor }),
        compressed(Compressor { release_ms: 9001.0, ..compressor }),
        compressed(Compressor { makeup_db: 36.1, ..compressor }),
        loudness(-8.9),
    ];
    let tone = frames(RATE, 0.1, sine(300.0, 0.1));
    for steps in good {
        assert_eq!(steps.check(), Ok(()), "{steps:?}");
        assert!(!through(steps, &tone)[0].is_empty());
    }
    for steps in bad {
        assert!(matches!(steps.check(), Err(Error::Setting { .. })), "{steps:?}");
    }
    assert!(Chain::new(base(), 7_999, 2).is_err() && Chain::new(base(), 48_000, 3).is_err());
}
