//! Any sequence of access units in: the rules hold in what comes out.

use std::time::Duration;

use media::{AccessUnit, CodecConfig, Track};
use proptest::prelude::*;

use super::show::Show;
use crate::Mode;
use crate::presentation::tests::{audio_track, picture, sound, video_track};

/// The pictures of every show, or others of the same size.
fn baseline(other: bool) -> Track {
    let mut track = video_track();
    if let (CodecConfig::Avc(config), true) = (&mut track.config, other) {
        config.record = vec![1, 0x42, 0, 0x1f, 0xff, 0xe0, 0].into();
    }
    track
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    /// Frame rates that change, late and missing frames, frozen pictures, bursts, breaks, sound that stops, comes at
    /// another pace, or never; one track or both; every mode; with a slate in the holes, and without.
    #[test]
    fn any_units_keep_the_rules(
        steps in prop::collection::vec((prop_oneof![8 => 30..37i64, 2 => 0..300i64, 1 => 0..4_000i64], 0..60u8), 20..300),
        gop in 1..300usize,
        shift in -400..400i64,
        (mode, latency) in prop_oneof![
            Just((Mode::UltraLow, None)), Just((Mode::UltraLow, Some(4.0))), Just((Mode::Low, None)), Just((Mode::Normal, None)),
        ],
        sound_every in prop_oneof![Just(1i64), Just(1), Just(7), Just(1_000)],
        hz in prop_oneof![Just(48_000u32), Just(44_100), Just(8_000)],
        tracks in 0..4u8,
        slates in any::<bool>(),
    ) {
        let (has_video, has_audio) = (tracks != 2, tracks != 1);
        let list: Vec<_> = has_video.then(video_track).into_iter().chain(has_audio.then(|| audio_track(hz))).collect();
        let place = usize::from(has_video);
        let mut show = Show::of(format!("{mode:?}"), mode, latency, &list);
        let (mut at, mut n) = (300, 0);
        let mut now = Duration::ZERO;
        for (i, (delta, what)) in steps.into_iter().enumerate() {
            at += delta;
            now = Duration::from_millis(at as u64);
            // The publisher was silent: a slate stands in, until a key frame behind it.
            if slates && (delta > 500 || show.presentation.slate_end().is_some()) {
                show.slate(&list, now);
            }
            let ends = |show: &Show, unit: &AccessUnit| {
                show.presentation.slate_end().is_some_and(|end| unit.key && unit.pts >= end)
            };
            if has_video {
                let unit = picture(at, i % gop == 0, 20);
                match ends(&show, &unit) {
                    true => show.back(0, unit, now),
                    false => show.push(0, unit, now),
                }
            }
            while has_audio && n * 1_024 * 1_000 / i64::from(hz) < at + shift {
                if n % sound_every == 0 {
                    let unit = sound(n, hz);
                    match !has_video && ends(&show, &unit) {
                        true => show.back(place, unit, now),
                        false => show.push(place, unit, now),
                    }
                }
                n += 1;
            }
            match what {
                0 => show.discontinuity(None, now),
                // Other parameters: another MAP.
                2 if has_video => show.discontinuity(Some((0, baseline(i % 2 == 0))), now),
                1 if has_audio => show.discontinuity(Some((place, audio_track(hz))), now),
                _ => {}
            }
        }
        show.finish(now);
    }
}
