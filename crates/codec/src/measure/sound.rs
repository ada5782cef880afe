//! Figures of sound.

use ebur128::{EbuR128, Mode};
use ffmpeg_next::ffi;
use media::Timestamp;

use super::EVERY;
use super::top::Top;
use crate::frame::Frame;

/// Nothing is quieter than this, for people.
const FLOOR_DB: f32 = -120.0;

/// What the sound of a stretch was like.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Heard {
    /// When it ends.
    pub at: Timestamp,
    /// Its largest sample, in dBFS; -120 for silence.
    pub peak_dbfs: f32,
    /// Share of samples that are cut off, 0 to 1: above full scale, where a player cuts them off, or of a flat top near it.
    pub clipped: f32,
    /// EBU R128, of the last 0.4 s, in LUFS; -120 for silence.
    pub momentary_lufs: f32,
    /// Of the last 3 s.
    pub short_term_lufs: f32,
    /// Of all that was heard, gated.
    pub integrated_lufs: f32,
}

/// Listens.
#[derive(Debug, Default)]
pub struct Ear {
    meter: Option<Meter>,
    /// Since when.
    began: Option<Timestamp>,
    peak: f32,
    samples: u32,
    clipped: u32,
}

#[derive(Debug)]
struct Meter {
    rate: u32,
    loudness: EbuR128,
    /// A channel's each.
    tops: Vec<Top>,
}

impl Ear {
    /// Takes the next decoded stretch, as libav's AAC decoder gives it: a plane of floats a channel. Gives figures once a
    /// second, and none of anything else.
    pub fn listen(&mut self, frame: &Frame) -> Option<Heard> {
        let at = frame.at()?;
        let planes = planes(frame)?;
        let rate = u32::try_from(frame.raw().sample_rate).ok().filter(|rate| *rate > 0)?;
        let channels = planes.len();
        let meter = match &mut self.meter {
            Some(meter) if (meter.rate, meter.tops.len()) == (rate, channels) => meter,
            none => none.insert(Meter::new(rate, channels)?),
        };
        meter.loudness.add_frames_planar_f32(&planes).ok()?;
        for (plane, top) in planes.iter().zip(&mut meter.tops) {
            self.peak = plane.iter().fold(self.peak, |peak, sample| peak.max(sample.abs()));
            self.samples += plane.len() as u32;
            self.clipped += top.clipped(plane);
        }
        // A clock that jumped begins anew.
        let began = self.began.filter(|began| *began <= at && at.minus(*began) < EVERY.plus(EVERY));
        let began = *self.began.insert(began.unwrap_or(at));
        if at.minus(began) < EVERY {
            return None;
        }
        self.began = Some(at);
        let (peak, samples, clipped) = (self.peak, self.samples, self.clipped);
        (self.peak, self.samples, self.clipped) = (0.0, 0, 0);
        let loudness = &self.meter.as_ref()?.loudness;
        Some(Heard {
            at,
            peak_dbfs: floor(20.0 * peak.log10()),
            clipped: clipped as f32 / samples.max(1) as f32,
            momentary_lufs: lufs(loudness.loudness_momentary()),
            short_term_lufs: lufs(loudness.loudness_shortterm()),
            integrated_lufs: lufs(loudness.loudness_global()),
        })
    }
}

impl Meter {
    fn new(rate: u32, channels: usize) -> Option<Self> {
        // A histogram's memory doesn't grow with the session.
        let mode = Mode::M | Mode::S | Mode::I | Mode::HISTOGRAM;
        let loudness = EbuR128::new(u32::try_from(channels).ok()?, rate, mode).ok()?;
        Some(Self { rate, loudness, tops: vec![Top::default(); channels] })
    }
}

fn lufs(measured: Result<f64, ebur128::Error>) -> f32 {
    floor(measured.map_or(FLOOR_DB, |lufs| lufs as f32))
}

fn floor(db: f32) -> f32 {
    if db.is_finite() { db.max(FLOOR_DB) } else { FLOOR_DB }
}

/// A plane of floats a channel; `None` of other sound, or of none.
fn planes(frame: &Frame) -> Option<Vec<&[f32]>> {
    let raw = frame.raw();
    let channels = usize::try_from(raw.ch_layout.nb_channels).ok()?;
    let format = raw.format == ffi::AVSampleFormat::AV_SAMPLE_FMT_FLTP as i32;
    if !format || frame.samples() == 0 || !(1..=raw.data.len()).contains(&channels) {
        return None;
    }
    let plane = |at: usize| {
        let start = raw.data[at].cast::<f32>().cast_const();
        // SAFETY: up to eight planes lie in `data`, each of `nb_samples` floats, aligned by libav.
        (!start.is_null()).then(|| unsafe { std::slice::from_raw_parts(start, frame.samples() as usize) })
    };
    (0..channels).map(plane).collect()
}
