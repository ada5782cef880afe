//! Whether what comes in is worth seeing and hearing: alerts about picture and sound, from figures measured elsewhere.
//!
//! **Belongs here:** when a figure is bad, for how long before an alert opens, and for how long good before it closes.
//! **Does not:** pixels and samples, how they are measured (the codec crate), how alerts travel (the server).

mod alert;
mod drift;
mod gate;
#[cfg(test)]
mod tests;

use std::time::{Duration, Instant};

pub use alert::Alert;
pub use drift::Drift;
use gate::{Gate, Turn};

use crate::event::Kind;

/// Share of dark pixels from which a picture is black (as of FFmpeg's blackdetect).
const BLACK: f32 = 0.98;
/// A picture in which no block of 16x16 pixels changes by more than this, on average and in 8-bit levels, doesn't move: what
/// an encoder makes of a still stays under it.
const STILL: f32 = 4.0;
/// Share of samples that are cut off from which sound is clipped: a limiter stays under it.
const CLIPPED: f32 = 0.01;
/// Quieter than this, sound isn't too quiet but absent (EBU R128's absolute gate).
const GATE_LUFS: f32 = -70.0;

/// What is watched for; `None`: not.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Config {
    /// Nothing but dark pixels for so long.
    pub black: Option<Duration>,
    /// Nothing moves for so long.
    pub frozen: Option<Duration>,
    /// No sample above so many dBFS for so long.
    pub silence: Option<(f32, Duration)>,
    /// Cut off for so long.
    pub clipping: Option<Duration>,
    /// Short-term loudness under or over so many LUFS for so long.
    pub loudness: Option<(f32, f32, Duration)>,
    /// The sound is this much further from the pictures than at first, for so long.
    pub av_drift: Option<(Duration, Duration)>,
}

impl Config {
    /// Anything that needs decoded pictures.
    pub fn pictures(&self) -> bool {
        self.black.is_some() || self.frozen.is_some()
    }

    /// Anything that needs decoded sound.
    pub fn sound(&self) -> bool {
        self.silence.is_some() || self.clipping.is_some() || self.loudness.is_some()
    }
}

/// Figures, about once a second; of pictures from key frames alone, as often as these come.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Measured {
    /// Of pictures.
    Pictures {
        /// Share of dark pixels in the lightest of them, 0 to 1.
        dark: f32,
        /// The most that the average of any block of 16x16 pixels changed, in 8-bit levels; `None` of a first picture.
        moved: Option<f32>,
    },
    /// Of sound.
    Sound(Sound),
    /// How much later the sound comes, against the pictures, than it did at first; negative where it comes earlier.
    Drift {
        /// Milliseconds.
        ms: f64,
    },
}

/// Figures of a stretch of sound.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Sound {
    /// Its largest sample, in dBFS.
    pub peak_dbfs: f32,
    /// Share of samples that are cut off, 0 to 1.
    pub clipped: f32,
    /// EBU R128, of the last 0.4 s, in LUFS.
    pub momentary_lufs: f32,
    /// Of the last 3 s.
    pub short_term_lufs: f32,
    /// Of all that was heard, gated.
    pub integrated_lufs: f32,
}

/// How a session is by now.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Health {
    /// Open alerts, and since when.
    pub alerts: Vec<(Alert, Instant)>,
    /// The newest figures of its sound.
    pub sound: Option<Sound>,
    /// The newest drift, in milliseconds.
    pub av_drift_ms: Option<f64>,
}

/// The alerts of a session.
#[derive(Clone, Debug)]
pub struct Watch {
    config: Config,
    gates: [Gate; Alert::KINDS],
    sound: Option<Sound>,
    drift_ms: Option<f64>,
}

impl Watch {
    /// Nothing is wrong yet.
    pub fn new(config: Config) -> Self {
        Self { config, gates: Default::default(), sound: None, drift_ms: None }
    }

    /// What is watched for from now on. What isn't any more is closed.
    pub fn configure(&mut self, config: Config, now: Instant) -> Vec<Kind> {
        self.config = config;
        let Config { black, frozen, silence, clipping, loudness, av_drift } = config;
        let on = [
            black.is_some(),
            frozen.is_some(),
            silence.is_some(),
            clipping.is_some(),
            loudness.is_some(),
            av_drift.is_some(),
        ];
        let off = self.gates.iter_mut().zip(on).filter(|(_, on)| !on);
        off.filter_map(|(gate, _)| gate.end(now)).map(told).collect()
    }

    /// Takes figures; gives what is to be told.
    pub fn take(&mut self, measured: Measured, now: Instant) -> Vec<Kind> {
        let mut kinds = Vec::new();
        for (alert, bad, after) in self.judge(measured) {
            kinds.extend(self.gates[alert.index()].observe(bad, alert, after, now).map(told));
        }
        kinds
    }

    /// Each alert that these figures say something of, whether they are bad, and how long that may last.
    fn judge(&mut self, measured: Measured) -> Vec<(Alert, bool, Duration)> {
        let mut judged = Vec::new();
        match measured {
            Measured::Pictures { dark, moved } => {
                let is_black = dark >= BLACK;
                judged.extend(self.config.black.map(|after| (Alert::Black, is_black, after)));
                // Black doesn't move: one alert says so.
                let still = moved.map(|moved| moved < STILL && !(is_black && self.config.black.is_some()));
                judged.extend(
                    self.config.frozen.zip(still).map(|(after, still)| (Alert::Frozen, still, after)),
                );
            }
            Measured::Sound(sound) => {
                self.sound = Some(sound);
                if let Some((below, after)) = self.config.silence {
                    judged.push((Alert::Silence { below_dbfs: below }, sound.peak_dbfs < below, after));
                }
                if let Some(after) = self.config.clipping {
                    let percent = sound.clipped * 100.0;
                    judged.push((Alert::Clipping { percent }, sound.clipped >= CLIPPED, after));
                }
                if let Some((min, max, after)) = self.config.loudness {
                    let lufs = sound.short_term_lufs;
                    let quiet = (GATE_LUFS..min).contains(&lufs);
                    judged.push((Alert::Loudness { lufs, min, max }, quiet || lufs > max, after));
                }
            }
            Measured::Drift { ms } => {
                self.drift_ms = Some(ms);
                if let Some((over, after)) = self.config.av_drift {
                    let bad = ms.abs() > over.as_secs_f64() * 1000.0;
                    judged.push((Alert::AvDrift { ms }, bad, after));
                }
            }
        }
        judged
    }

    /// Another publisher: what was measured of the last one says nothing of this.
    pub fn interrupted(&mut self) {
        self.gates.iter_mut().for_each(Gate::interrupted);
        self.drift_ms = None;
    }

    /// The session is over.
    pub fn end(&mut self, now: Instant) -> Vec<Kind> {
        self.gates.iter_mut().filter_map(|gate| gate.end(now)).map(told).collect()
    }

    /// How it is by now.
    pub fn health(&self) -> Health {
        let alerts = self.gates.iter().filter_map(Gate::open).collect();
        Health { alerts, sound: self.sound, av_drift_ms: self.drift_ms }
    }
}

fn told(turn: Turn) -> Kind {
    match turn {
        Turn::Opened(alert) => Kind::AlertOpened { alert },
        Turn::Closed(alert, lasted) => Kind::AlertClosed { alert, lasted },
    }
}
