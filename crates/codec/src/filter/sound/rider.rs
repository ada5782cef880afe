//! A hand on the fader: follows the loudness of the last seconds (EBU R128's short-term, 3 s) and moves slowly.

use ebur128::{EbuR128, Mode};

use crate::filter::Error;
use crate::frame::{Frame, NoMemory};

/// Decibels a second, at most: slower than speech, faster than a programme changes.
const DOWN_DB_S: f32 = 6.0;
const UP_DB_S: f32 = 3.0;
/// Decibels either way, at most: what is quieter is a pause, and stays one.
const MOST_DB: f32 = 20.0;
/// What is quieter isn't measured (EBU R128's gate is absolute at −70 LUFS; rooms hum above it).
const GATE_LUFS: f64 = -50.0;

pub(super) struct Rider {
    target: f32,
    gain_db: f32,
    meter: Option<(u32, u32, EbuR128)>,
}

impl Rider {
    pub(super) fn new(target_lufs: f32) -> Self {
        Self { target: target_lufs, gain_db: 0.0, meter: None }
    }

    /// Changes interleaved floats in place.
    pub(super) fn ride(&mut self, frame: &mut Frame) -> Result<(), Error> {
        let rate = u32::try_from(frame.raw().sample_rate).unwrap_or(0);
        let channels = u32::try_from(frame.raw().ch_layout.nb_channels).unwrap_or(0);
        if frame.samples() == 0 || rate == 0 || channels == 0 {
            return Ok(());
        }
        let samples = frame.floats_mut()?;
        let meter = match &mut self.meter {
            Some((r, c, meter)) if (*r, *c) == (rate, channels) => meter,
            none => {
                let meter = EbuR128::new(channels, rate, Mode::S | Mode::M).map_err(failed)?;
                &mut none.insert((rate, channels, meter)).2
            }
        };
        meter.add_frames_f32(samples).map_err(failed)?;
        // Until 3 s have been heard, the last 0.4 s must do.
        let heard = match meter.loudness_shortterm() {
            Ok(lufs) if lufs > GATE_LUFS => lufs,
            _ => meter.loudness_momentary().unwrap_or(f64::NEG_INFINITY),
        };
        let seconds = samples.len() as f32 / (channels * rate) as f32;
        let wanted = if heard > GATE_LUFS {
            (self.target - heard as f32).clamp(-MOST_DB, MOST_DB)
        } else {
            self.gain_db
        };
        let next = self.gain_db + (wanted - self.gain_db).clamp(-DOWN_DB_S * seconds, UP_DB_S * seconds);
        let count = samples.len() / channels as usize;
        let (from, to) = (10f32.powf(self.gain_db / 20.0), 10f32.powf(next / 20.0));
        for (i, moment) in samples.chunks_exact_mut(channels as usize).enumerate() {
            let gain = from + (to - from) * (i as f32 / count as f32);
            moment.iter_mut().for_each(|sample| *sample *= gain);
        }
        self.gain_db = next;
        Ok(())
    }
}

fn failed(error: ebur128::Error) -> Error {
    match error {
        ebur128::Error::NoMem => Error::Memory(NoMemory),
        other => Error::Frame(format!("its loudness can't be measured: {other}")),
    }
}
