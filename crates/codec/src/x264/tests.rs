#![allow(clippy::unwrap_used, clippy::panic)]

use media::{CodecConfig, avc};

use super::*;
use crate::{decode, picture::Plane};

fn send<T: Send>(_: &T) {}

fn config(kbps: u32) -> Config {
    Config {
        preset: Preset::Ultrafast,
        threads: 1,
        ..Config::new(320, 180, Rational { num: 30, den: 1 }, kbps)
    }
}

fn at(frame: i64) -> Timestamp {
    Timestamp::new(frame * 3000, Timescale::VIDEO)
}

/// A picture that never repeats: a seeded noise over a gradient, `strength` of 0 leaving the gradient alone.
fn picture(width: u32, height: u32, frame: i64, strength: u32) -> Picture {
    let mut picture = Picture::black(width, height, at(frame)).unwrap();
    let mut seed = (frame as u32 + 1).wrapping_mul(2_654_435_761);
    for plane in Plane::ALL {
        let (stride, (across, _)) = (picture.stride(plane), picture.size(plane));
        for (y, row) in picture.plane_mut(plane).chunks_exact_mut(stride).enumerate() {
            for (x, sample) in row[..across].iter_mut().enumerate() {
                seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                let gradient = (x + y + frame as usize) as u32 % 160 + 40;
                *sample = (gradient + (seed >> 24) * strength / 256) as u8;
            }
        }
    }
    picture
}

fn nal_types(unit: &AccessUnit) -> Vec<u8> {
    let nals = avc::nals(&unit.data, avc::LengthSize::Four);
    nals.map(|nal| avc::nal_type(nal.unwrap()).unwrap()).collect()
}

fn psnr(a: &Picture, b: &Picture) -> f64 {
    let (mut sum, mut count) = (0.0, 0.0);
    for (a, b) in a.rows(Plane::Y).zip(b.rows(Plane::Y)) {
        for (a, b) in a.iter().zip(b) {
            sum += (f64::from(*a) - f64::from(*b)).powi(2);
            count += 1.0;
        }
    }
    10.0 * (255.0 * 255.0 / (sum / count)).log10()
}

#[test]
fn one_in_one_out_with_constant_key_frames() {
    let mut encoder = Encoder::new(&Config { keyframe_interval: 10, ..config(500) }).unwrap();
    send(&encoder);
    for frame in 0..35 {
        // A cut every 7 pictures tempts a scene-cut detector.
        let source = picture(320, 180, frame / 7 * 50 + frame % 7, 40);
        let unit = encoder.encode(&source, at(frame), false).unwrap().unwrap();
        assert_eq!((unit.pts, unit.dts, unit.kind), (at(frame), at(frame), Kind::Video));
        assert_eq!(unit.key, frame % 10 == 0, "picture {frame}");
        assert_eq!(nal_types(&unit), if unit.key { [5] } else { [1] }, "picture {frame}");
    }
    assert_eq!(encoder.flush().unwrap(), None);
}

#[test]
fn a_forced_key_frame_is_idr_and_starts_the_count_anew() {
    let mut encoder = Encoder::new(&Config { keyframe_interval: 10, ..config(500) }).unwrap();
    let keys: Vec<i64> = (0..30)
        .filter(|frame| {
            let source = picture(320, 180, *frame, 0);
            let unit = encoder.encode(&source, at(*frame), *frame == 4).unwrap().unwrap();
            assert_eq!(unit.key, nal_types(&unit).contains(&5));
            unit.key
        })
        .collect();
    assert_eq!(keys, [0, 4, 14, 24]);
}

#[test]
fn the_rate_follows_reconfiguration() {
    let mut encoder = Encoder::new(&config(6000)).unwrap();
    let mut frame = 0;
    for kbps in [6000, 1500, 4000] {
        encoder.reconfigure(kbps, 500).unwrap();
        let mut bytes = 0;
        // The buffer settles in a second; four are measured.
        for n in 0..150 {
            let unit = encoder.encode(&picture(320, 180, frame, 255), at(frame), false).unwrap().unwrap();
            bytes += if n < 30 { 0 } else { unit.data.len() };
            frame += 1;
        }
        let measured = bytes as f64 * 8.0 / 1000.0 / 4.0;
        let error = measured / f64::from(kbps) - 1.0;
        assert!(error.abs() < 0.1, "{measured:.0} kbit/s for {kbps}");
    }
    assert_eq!(encoder.config().rate, Rate::Bitrate { kbps: 4000, vbv_ms: 500 });
}

#[test]
fn the_track_says_what_is_encoded() {
    for (height, colour) in [(180, Colour::Bt601), (720, Colour::Bt709)] {
        let rate = Rational { num: 30_000, den: 1001 };
        let settings = Config { threads: 1, ..Config::new(320, height, rate, 500) };
        let mut encoder = Encoder::new(&settings).unwrap();
        let CodecConfig::Avc(avc) = encoder.track().config.clone() else { panic!("not AVC") };
        assert_eq!((avc.width, avc.height, avc.frame_rate), (320, height, Some(rate)));
        assert_eq!(avc.profile[0], 100);
        assert_eq!(encoder.track().scale, Timescale::VIDEO);

        let unit = encoder.encode(&picture(320, height, 0, 0), at(0), false).unwrap().unwrap();
        let mut decoder = decode::Video::new(encoder.track()).unwrap();
        assert_eq!(decoder.decode(&unit).unwrap()[0].colour, colour);
    }
}

#[test]
fn what_is_decoded_resembles_what_was_encoded() {
    for latency in [Latency::Zero, Latency::Lookahead(10)] {
        let settings = Config { latency, preset: Preset::Veryfast, ..config(3000) };
        let mut encoder = Encoder::new(&settings).unwrap();
        let mut decoder = decode::Video::new(encoder.track()).unwrap();
        let mut units = Vec::new();
        for frame in 0..40 {
            units.extend(encoder.encode(&picture(320, 180, frame, 10), at(frame), false).unwrap());
        }
        while let Some(unit) = encoder.flush().unwrap() {
            units.push(unit);
        }
        assert!(units.is_sorted_by(|a, b| a.dts < b.dts), "DTS rise");
        assert!(units.iter().all(|unit| unit.dts <= unit.pts));
        let mut pictures = Vec::new();
        for unit in &units {
            pictures.extend(decoder.decode(unit).unwrap());
        }
        let at_once = pictures.len();
        pictures.extend(decoder.flush().unwrap());
        assert_eq!(pictures.len(), 40);
        if latency == Latency::Zero {
            assert_eq!(at_once, 40, "a decoder needs to hold nothing back");
        }
        for (frame, decoded) in pictures.iter().enumerate() {
            let frame = frame as i64;
            assert_eq!(decoded.at, at(frame));
            let psnr = psnr(decoded, &picture(320, 180, frame, 10));
            assert!(psnr > 35.0, "{latency:?}: picture {frame} has {psnr:.1} dB");
        }
    }
}

#[test]
fn no_user_data_reaches_the_stream() {
    let mut encoder = Encoder::new(&config(500)).unwrap();
    let unit = encoder.encode(&picture(320, 180, 0, 0), at(0), false).unwrap().unwrap();
    assert!(!unit.data.windows(4).any(|w| w == b"x264"));
}

#[test]
fn impossible_settings_are_refused() {
    let good = config(500);
    let check = |config: Config, what: &str| match Encoder::new(&config) {
        Err(Error::Setting { what: refused, .. }) => assert_eq!(refused, what),
        other => panic!("{what}: {other:?}"),
    };
    let rate = |num, den| Rational { num, den };
    let bitrate = |kbps, vbv_ms| Rate::Bitrate { kbps, vbv_ms };
    check(Config { width: 319, ..good.clone() }, "width");
    check(Config { width: 14, ..good.clone() }, "width");
    check(Config { height: 8194, ..good.clone() }, "height");
    check(Config { frame_rate: rate(30, 0), ..good.clone() }, "frame rate");
    check(Config { frame_rate: rate(241, 1), ..good.clone() }, "frame rate");
    check(Config { frame_rate: rate(0, 1), ..good.clone() }, "frame rate");
    check(Config { keyframe_interval: 0, ..good.clone() }, "key frame interval");
    check(Config { rate: bitrate(15, 500), ..good.clone() }, "bitrate");
    check(Config { rate: bitrate(200_001, 500), ..good.clone() }, "bitrate");
    check(Config { rate: bitrate(500, 49), ..good.clone() }, "buffer");
    let quality = Rate::Quality { crf: f32::NAN, max_kbps: 500, vbv_ms: 500 };
    check(Config { rate: quality, ..good.clone() }, "crf");
    check(Config { latency: Latency::Lookahead(61), ..good.clone() }, "lookahead");
    check(Config { threads: 65, ..good.clone() }, "number of threads");
    check(Config { slices: 33, ..good.clone() }, "number of slices");
    check(Config { parameter_set: 32, ..good.clone() }, "parameter set");

    let smallest = Config { width: 16, height: 16, frame_rate: rate(1, 1), rate: bitrate(16, 50), ..good };
    assert!(Encoder::new(&smallest).is_ok());
    let mut encoder = Encoder::new(&config(500)).unwrap();
    assert!(encoder.reconfigure(0, 500).is_err());
    assert_eq!(encoder.config().rate, config(500).rate);
}

#[test]
fn a_picture_of_another_size_or_out_of_order_is_refused() {
    let mut encoder = Encoder::new(&config(500)).unwrap();
    let wrong = encoder.encode(&picture(160, 90, 0, 0), at(0), false);
    assert!(matches!(wrong, Err(Error::Size { have_width: 160, .. })));
    encoder.encode(&picture(320, 180, 0, 0), at(1), false).unwrap();
    let late = encoder.encode(&picture(320, 180, 0, 0), at(1), false);
    assert!(matches!(late, Err(Error::Order { .. })));
    assert!(encoder.encode(&picture(320, 180, 0, 0), at(2), false).unwrap().is_some());
}

#[test]
fn quality_stays_under_its_ceiling() {
    let rate = Rate::Quality { crf: 18.0, max_kbps: 1000, vbv_ms: 500 };
    let mut encoder = Encoder::new(&Config { rate, ..config(0) }).unwrap();
    let bytes: usize = (0..120)
        .map(|frame| {
            encoder.encode(&picture(320, 180, frame, 255), at(frame), false).unwrap().unwrap().data.len()
        })
        .sum();
    let kbps = bytes as f64 * 8.0 / 1000.0 / 4.0;
    assert!((500.0..1200.0).contains(&kbps), "{kbps:.0} kbit/s");
}

/// `cargo test -p codec speed -- --ignored --nocapture` under `/usr/bin/time` tells what 720p costs.
#[test]
#[ignore = "a measurement"]
fn speed_of_720p30() {
    let settings = Config { threads: 0, ..Config::new(1280, 720, Rational { num: 30, den: 1 }, 2500) };
    let mut encoder = Encoder::new(&settings).unwrap();
    let pictures: Vec<_> = (0..30).map(|frame| picture(1280, 720, frame, 12)).collect();
    for frame in 0..900 {
        encoder.encode(&pictures[frame as usize % 30], at(frame), false).unwrap();
    }
}

#[test]
fn the_libraries_log_through_tracing() {
    use std::io::Write;
    use std::sync::{Arc, Mutex};

    #[derive(Clone, Default)]
    struct Log(Arc<Mutex<Vec<u8>>>);
    impl Write for Log {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(move || writer.clone())
        .with_ansi(false)
        .finish();
    tracing::subscriber::with_default(subscriber, || {
        let encoder = Encoder::new(&config(500)).unwrap();
        let mut decoder = decode::Video::new(encoder.track()).unwrap();
        let data = bytes::Bytes::from_static(&[0, 0, 0, 9, 0x65]);
        let unit = AccessUnit { kind: Kind::Video, dts: at(0), pts: at(0), key: true, data };
        assert!(matches!(decoder.decode(&unit), Err(decode::Error::Data(_))));
    });
    let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    // Both texts are filled in by the libraries' own printf formats.
    assert!(log.contains("DEBUG x264: profile ") && log.contains("level 1."), "{log}");
    assert!(log.contains("libav: [h264 @ 0x") && log.contains("Invalid NAL unit size (9 > 1)"), "{log}");
}
