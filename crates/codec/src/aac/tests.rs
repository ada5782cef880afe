#![allow(clippy::unwrap_used, clippy::panic)]

use media::{CodecConfig, Timescale};

use super::*;
use crate::decode;

const STEREO: Config = Config { sample_rate: 48_000, channels: 2, bitrate: 128_000 };

fn sine(samples: usize, channels: usize) -> Vec<i16> {
    let value = |n: usize| ((n as f64 * 997.0 / 48_000.0 * std::f64::consts::TAU).sin() * 12_000.0) as i16;
    (0..samples * channels).map(|n| value(n / channels)).collect()
}

/// Encodes in pieces of odd lengths; gives the units and, decoded, one channel with the time of its first sample.
fn round_trip(config: Config, samples: &[i16]) -> (Vec<AccessUnit>, i64, Vec<i16>) {
    let start = Timestamp::new(48_000, Timescale::new(48_000).unwrap());
    let mut encoder = Encoder::new(&config, start).unwrap();
    let mut decoder = decode::Audio::new(encoder.track()).unwrap();
    let mut units = Vec::new();
    for piece in samples.chunks(usize::from(config.channels) * 777) {
        units.extend(encoder.encode(piece).unwrap());
    }
    units.extend(encoder.flush().unwrap());
    let mut heard = Vec::new();
    for unit in &units {
        for sound in decoder.decode(unit).unwrap() {
            assert_eq!(sound.channels, config.channels);
            heard.extend(sound.samples.iter().step_by(config.channels.into()));
        }
    }
    (units.clone(), units[0].pts.ticks, heard)
}

#[test]
fn a_sine_survives_in_its_place() {
    for channels in [1, 2] {
        let source = sine(48_000, channels.into());
        let (units, first, heard) = round_trip(Config { channels, ..STEREO }, &source);
        for (n, unit) in units.iter().enumerate() {
            assert_eq!((unit.pts.ticks, unit.dts), (first + n as i64 * 1024, unit.pts));
            assert!(unit.key && unit.kind == Kind::Audio && !unit.data.is_empty());
        }
        assert!(first < 48_000, "the first unit holds the encoder's delay");
        let offset = (48_000 - first) as usize;
        assert!(heard.len() >= offset + 48_000, "flush gives the last sample");
        let (mut noise, mut signal) = (0.0, 0.0);
        for n in 2000..46_000 {
            let (a, b) = (f64::from(source[n * usize::from(channels)]), f64::from(heard[offset + n]));
            noise += (a - b).powi(2);
            signal += a * a;
        }
        let snr = 10.0 * (signal / noise).log10();
        // A sample too early or late is 17.7 dB.
        assert!(snr > 25.0, "{channels} channels: {snr:.1} dB");
    }
}

#[test]
fn a_click_is_heard_when_it_was_made() {
    let mut source = vec![0; 48_000 * 2];
    source[20_000 * 2..20_010 * 2].fill(25_000);
    let (_, first, heard) = round_trip(STEREO, &source);
    let (loudest, _) = heard.iter().enumerate().max_by_key(|(_, s)| s.unsigned_abs()).unwrap();
    let at = first + loudest as i64 - 48_000;
    assert!((19_995..=20_015).contains(&at), "heard at {at}");
}

#[test]
fn the_track_is_aac_lc() {
    for (sample_rate, channels, asc) in [(48_000, 2, [0x11, 0x90]), (44_100, 1, [0x12, 0x08])] {
        let encoder =
            Encoder::new(&Config { sample_rate, channels, bitrate: 96_000 }, Timestamp::millis(0)).unwrap();
        let CodecConfig::Aac(aac) = &encoder.track().config else { panic!("not AAC") };
        assert_eq!((aac.sample_rate, aac.channels, &aac.asc[..]), (sample_rate, channels, &asc[..]));
        assert_eq!(encoder.track().scale.hz(), sample_rate);
    }
}

#[test]
fn the_bitrate_is_about_as_asked() {
    let mut seed = 1u32;
    let noise: Vec<i16> = (0..48_000 * 2 * 4)
        .map(|_| {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (seed >> 16) as i16 / 4
        })
        .collect();
    let (units, _, _) = round_trip(STEREO, &noise);
    let bits = units.iter().map(|unit| unit.data.len()).sum::<usize>() as f64 * 8.0;
    let rate = bits / 4.0;
    assert!((115_000.0..141_000.0).contains(&rate), "{rate:.0} bit/s");
}

#[test]
fn impossible_settings_are_refused() {
    let check = |config: Config, what: &str| match Encoder::new(&config, Timestamp::millis(0)) {
        Err(Error::Setting { what: refused, .. }) => assert_eq!(refused, what),
        other => panic!("{what}: {other:?}"),
    };
    check(Config { sample_rate: 47_999, ..STEREO }, "sample rate");
    check(Config { channels: 0, ..STEREO }, "channel count");
    check(Config { channels: 3, ..STEREO }, "channel count");
    check(Config { bitrate: 15_999, ..STEREO }, "bitrate");
    check(Config { bitrate: 320_001, ..STEREO }, "bitrate");
    let mut encoder = Encoder::new(&STEREO, Timestamp::millis(0)).unwrap();
    assert!(matches!(encoder.encode(&[0; 3]), Err(Error::Samples { values: 3, channels: 2 })));
}

#[test]
fn silence_written_by_hand_is_silence() {
    for channels in [1, 2, 3, 4, 5, 6, 8] {
        let config = media::aac::Config::announced(44_100, channels).unwrap();
        let data = config.silent_frame();
        let mut decoder = decode::Audio::new(&media::Track::audio(config)).unwrap();
        for n in 0..10 {
            let at = Timestamp::new(n * 1024, Timescale::new(44_100).unwrap());
            let unit = AccessUnit { kind: Kind::Audio, dts: at, pts: at, key: true, data: data.clone() };
            for sound in decoder.decode(&unit).unwrap() {
                assert_eq!((sound.channels, sound.sample_rate), (channels.min(2), 44_100));
                assert!(!sound.samples.is_empty());
                assert!(sound.samples.iter().all(|sample| *sample == 0));
            }
        }
    }
}
