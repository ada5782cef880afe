//! What is watched for in a channel's picture and sound.

use std::time::Duration;

use api::detectors::{AvDrift, Black, Clipping, Detectors, Frozen, Loudness, Silence};
use live::watch::{Config, Measured, Sound};
use transcode::measured::{self, Figures};

use crate::store::Settings;

/// As the operator set it.
pub(super) fn config(settings: &Settings) -> Config {
    let detectors: Detectors = serde_json::from_str(&settings.detectors).unwrap_or_default();
    let Detectors { black, frozen, silence, clipping, loudness, av_drift } = detectors;
    let secs = |after_s: u32| Duration::from_secs(after_s.into());
    let (Black { on: black, after_s: black_s }, Frozen { on: frozen, after_s: frozen_s }) = (black, frozen);
    let Silence { on: silence, after_s: silence_s, below_dbfs } = silence;
    let Clipping { on: clipping, after_s: clipping_s } = clipping;
    let Loudness { on: loudness, after_s: loudness_s, min_lufs, max_lufs } = loudness;
    let AvDrift { on: av_drift, after_s: drift_s, over_ms } = av_drift;
    Config {
        black: black.then(|| secs(black_s)),
        frozen: frozen.then(|| secs(frozen_s)),
        silence: silence.then(|| (below_dbfs, secs(silence_s))),
        clipping: clipping.then(|| secs(clipping_s)),
        loudness: loudness.then(|| (min_lufs, max_lufs, secs(loudness_s))),
        av_drift: av_drift.then(|| (Duration::from_millis(over_ms.into()), secs(drift_s))),
    }
}

/// A worker's figures.
pub(super) fn measured(figures: Figures) -> Measured {
    match figures {
        Figures::Pictures(measured::Pictures { dark, moved }) => Measured::Pictures { dark, moved },
        Figures::Sound(sound) => Measured::Sound(Sound {
            peak_dbfs: sound.peak_dbfs,
            clipped: sound.clipped,
            momentary_lufs: sound.momentary_lufs,
            short_term_lufs: sound.short_term_lufs,
            integrated_lufs: sound.integrated_lufs,
        }),
    }
}
