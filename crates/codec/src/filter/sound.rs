//! What can be done to sound, in the order in which it is done.

mod rider;

use super::{Error, Graph, setting};
use crate::frame::Frame;
use rider::Rider;

/// Everything that is done to sound, from top to bottom. [`Steps::default`] does nothing but resample.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Steps {
    /// Which channel becomes which. More than two are mixed down to two before.
    pub map: Map,
    /// Decibels on the left and on the right.
    pub levels_db: [f32; 2],
    /// Decibels on both.
    pub gain_db: f32,
    /// What both sides have in common taken out, voices above all; what is below 120 Hz stays.
    pub karaoke: bool,
    /// Up to [`MAX_BANDS`] bands.
    pub parametric: Vec<Band>,
    /// Decibels at 31.5, 63, 125, 250, 500 Hz, 1, 2, 4, 8 and 16 kHz.
    pub graphic_db: [f32; 10],
    /// Loud is made quieter.
    pub compressor: Option<Compressor>,
    /// All of it brought to one loudness.
    pub loudness: Option<Loudness>,
    /// No sample above so many decibels under full scale (−20 to 0), 5 ms ahead of time.
    pub limiter_db: Option<f32>,
}

/// Bands of the parametric equaliser, at most.
pub const MAX_BANDS: usize = 16;

/// Which channel becomes which.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Map {
    /// As they are.
    #[default]
    Keep,
    /// Both sides get the mix of both.
    Mix,
    /// Both sides get the left one.
    Left,
    /// Both sides get the right one.
    Right,
    /// They change places.
    Swap,
}

/// A band of the parametric equaliser.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Band {
    /// What it does.
    pub kind: BandKind,
    /// Hz, 20 to 20000.
    pub hz: f32,
    /// Decibels, −30 to 30; of no meaning to those that cut.
    pub gain_db: f32,
    /// How narrow: 0.1 to 30.
    pub q: f32,
}

/// What a band does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BandKind {
    /// Raises or lowers around its frequency.
    Peak,
    /// Raises or lowers below it.
    LowShelf,
    /// Raises or lowers above it.
    HighShelf,
    /// Takes out what is below it.
    HighPass,
    /// Takes out what is above it.
    LowPass,
    /// Takes its frequency out.
    Notch,
}

/// Loud is made quieter.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Compressor {
    /// Where it begins, decibels under full scale: −60 to 0.
    pub threshold_db: f32,
    /// So many decibels in for one out: 1 to 20.
    pub ratio: f32,
    /// Milliseconds until it holds: 0.01 to 2000.
    pub attack_ms: f32,
    /// Milliseconds until it lets go: 0.01 to 9000.
    pub release_ms: f32,
    /// Decibels added to all of it: 0 to 36.
    pub makeup_db: f32,
}

/// One loudness for all.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Loudness {
    /// LUFS, −36 to −9; −23 is EBU R128's, −14 what streaming platforms aim at.
    pub target_lufs: f32,
    /// How.
    pub way: Way,
}

/// How loudness is brought to its target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// EBU R128 by libavfilter's `loudnorm`: the better ear, 3 s late.
    R128,
    /// A hand on the fader that follows the last seconds' loudness: not late at all.
    Fader,
}

impl Steps {
    /// Whether a setting is out of range.
    pub fn check(&self) -> Result<(), Error> {
        let level = |what, db: f32| setting(what, db, (-60.0..=30.0).contains(&db), "from -60 to 30 dB");
        level("level", self.levels_db[0])?;
        level("level", self.levels_db[1])?;
        level("gain", self.gain_db)?;
        let bands = self.parametric.len();
        setting("number of bands", bands, bands <= MAX_BANDS, "at most 16")?;
        for band in &self.parametric {
            setting("band", band.hz, (20.0..=20_000.0).contains(&band.hz), "from 20 to 20000 Hz")?;
            let gain = band.gain_db;
            setting("band's gain", gain, (-30.0..=30.0).contains(&gain), "from -30 to 30 dB")?;
            setting("band's q", band.q, (0.1..=30.0).contains(&band.q), "from 0.1 to 30")?;
        }
        for db in self.graphic_db {
            setting("band's gain", db, (-24.0..=24.0).contains(&db), "from -24 to 24 dB")?;
        }
        if let Some(Compressor { threshold_db, ratio, attack_ms, release_ms, makeup_db }) = self.compressor {
            setting("threshold", threshold_db, (-60.0..=0.0).contains(&threshold_db), "from -60 to 0 dB")?;
            setting("ratio", ratio, (1.0..=20.0).contains(&ratio), "from 1 to 20")?;
            setting("attack", attack_ms, (0.01..=2000.0).contains(&attack_ms), "from 0.01 to 2000 ms")?;
            setting("release", release_ms, (0.01..=9000.0).contains(&release_ms), "from 0.01 to 9000 ms")?;
            setting("makeup", makeup_db, (0.0..=36.0).contains(&makeup_db), "from 0 to 36 dB")?;
        }
        if let Some(Loudness { target_lufs, .. }) = self.loudness {
            setting("loudness", target_lufs, (-36.0..=-9.0).contains(&target_lufs), "from -36 to -9 LUFS")?;
        }
        if let Some(db) = self.limiter_db {
            setting("limit", db, (-20.0..=0.0).contains(&db), "from -20 to 0 dB")?;
        }
        Ok(())
    }

    /// Up to where the fader stands, in libavfilter's words.
    fn before(&self, rate: u32) -> String {
        let mut steps = vec!["aformat=sample_fmts=fltp:channel_layouts=mono|stereo".to_owned()];
        match self.map {
            Map::Keep => {}
            Map::Mix => steps.push("pan=stereo|c0=0.5*FL+0.5*FR|c1=0.5*FL+0.5*FR".to_owned()),
            Map::Left => steps.push("pan=stereo|c0=FL|c1=FL".to_owned()),
            Map::Right => steps.push("pan=stereo|c0=FR|c1=FR".to_owned()),
            Map::Swap => steps.push("pan=stereo|c0=FR|c1=FL".to_owned()),
        }
        let [left, right] = self.levels_db.map(|db| 10f32.powf((db + self.gain_db) / 20.0));
        if left != right {
            steps.push(format!("pan=stereo|c0={left}*FL|c1={right}*FR"));
        } else if left != 1.0 {
            steps.push(format!("volume={left}:precision=float"));
        }
        if self.karaoke {
            steps.push(KARAOKE.to_owned());
        }
        steps.extend(self.parametric.iter().map(|band| band.step(rate)));
        for (hz, db) in GRAPHIC_HZ.into_iter().zip(self.graphic_db) {
            // A band that lies above what the sound can have would make the filter unstable.
            if db != 0.0 && hz * 2.0 < rate as f32 {
                steps.push(format!("equalizer=f={hz}:t=o:w=1:g={db}"));
            }
        }
        if let Some(compressor) = self.compressor {
            steps.push(compressor.step());
        }
        if let Some(Loudness { target_lufs, way: Way::R128 }) = self.loudness {
            steps.push(format!("loudnorm=I={target_lufs}:TP=-1.5:LRA=11"));
        }
        steps.join(",")
    }

    /// From where the fader stands.
    fn after(&self, rate: u32, channels: u8) -> String {
        let limiter = match self.limiter_db {
            Some(db) => format!("alimiter=limit={}:level=0:attack=5:release=50,", 10f32.powf(db / 20.0)),
            None => String::new(),
        };
        format!("{limiter}{}", resampled(rate, channels))
    }
}

fn resampled(rate: u32, channels: u8) -> String {
    let layout = if channels == 1 { "mono" } else { "stereo" };
    // 64 taps with a sharp edge: nothing of what can be heard is lost or added.
    format!(
        "aresample={rate}:filter_size=64:cutoff=0.97,aformat=sample_fmts=s16:sample_rates={rate}:channel_layouts={layout}"
    )
}

const GRAPHIC_HZ: [f32; 10] = [31.5, 63.0, 125.0, 250.0, 500.0, 1_000.0, 2_000.0, 4_000.0, 8_000.0, 16_000.0];

/// The difference of both sides, and the lows of the sum, which the difference has lost.
const KARAOKE: &str = "aformat=channel_layouts=stereo,asplit[k0][k1];\
    [k0]pan=stereo|c0=0.7*FL-0.7*FR|c1=0.7*FR-0.7*FL[k2];[k1]pan=stereo|c0=0.5*FL+0.5*FR|c1=0.5*FL+0.5*FR,lowpass=f=120:p=2[k3];\
    [k2][k3]amix=inputs=2:normalize=0";

impl Band {
    fn step(&self, rate: u32) -> String {
        let Self { kind, gain_db, q, .. } = *self;
        let hz = self.hz.min(rate as f32 * 0.45);
        match kind {
            BandKind::Peak => format!("equalizer=f={hz}:t=q:w={q}:g={gain_db}"),
            BandKind::LowShelf => format!("bass=f={hz}:t=q:w={q}:g={gain_db}"),
            BandKind::HighShelf => format!("treble=f={hz}:t=q:w={q}:g={gain_db}"),
            BandKind::HighPass => format!("highpass=f={hz}:t=q:w={q}"),
            BandKind::LowPass => format!("lowpass=f={hz}:t=q:w={q}"),
            BandKind::Notch => format!("bandreject=f={hz}:t=q:w={q}"),
        }
    }
}

impl Compressor {
    fn step(&self) -> String {
        let amplitude = |db: f32| 10f32.powf(db / 20.0);
        format!(
            "acompressor=threshold={}:ratio={}:attack={}:release={}:makeup={}:detection=rms",
            amplitude(self.threshold_db).max(0.000_976_563),
            self.ratio,
            self.attack_ms,
            self.release_ms,
            amplitude(self.makeup_db),
        )
    }
}

/// A chain at work. It is built for the frames that come, and anew when they change.
pub struct Chain {
    steps: Steps,
    rate: u32,
    channels: u8,
    stages: Option<Stages>,
}

/// The first graph goes through the fader where there is one; else it is the whole.
struct Stages {
    first: Graph,
    fader: Option<(Rider, Option<Graph>)>,
}

impl Chain {
    /// To interleaved 16-bit sound of one rate (Hz) and 1 or 2 channels.
    pub fn new(steps: Steps, rate: u32, channels: u8) -> Result<Self, Error> {
        steps.check()?;
        setting("sample rate", rate, (8_000..=192_000).contains(&rate), "from 8000 to 192000 Hz")?;
        setting("number of channels", channels, (1..=2).contains(&channels), "1 or 2")?;
        Ok(Self { steps, rate, channels, stages: None })
    }

    /// Takes decoded sound; gives what is ready.
    pub fn push(&mut self, frame: &Frame) -> Result<Vec<Frame>, Error> {
        let mut ready = Vec::new();
        if self.stages.as_ref().is_none_or(|stages| !stages.first.takes(frame)) {
            ready = self.flush()?;
            self.stages = Some(self.build(frame)?);
        }
        if let Some(stages) = &mut self.stages {
            stages.first.push(0, frame)?;
            self.drain(&mut ready)?;
        }
        Ok(ready)
    }

    /// Gives what is held back.
    pub fn flush(&mut self) -> Result<Vec<Frame>, Error> {
        let mut ready = Vec::new();
        if let Some(stages) = &mut self.stages {
            stages.first.end(0)?;
            self.drain(&mut ready)?;
        }
        if let Some(Stages { fader: Some((_, Some(mut last))), .. }) = self.stages.take() {
            last.end(0)?;
            while let Some(frame) = last.pull()? {
                ready.push(frame);
            }
        }
        Ok(ready)
    }

    fn build(&self, frame: &Frame) -> Result<Stages, Error> {
        let rate = u32::try_from(frame.raw().sample_rate).unwrap_or(self.rate);
        let before = self.steps.before(rate);
        match self.steps.loudness {
            Some(Loudness { target_lufs, way: Way::Fader }) => {
                let first = Graph::new(&format!("[in0]{before},aformat=sample_fmts=flt[out]"), &[frame], 1)?;
                Ok(Stages { first, fader: Some((Rider::new(target_lufs), None)) })
            }
            Some(Loudness { way: Way::R128, .. }) | None => {
                let chain = format!("[in0]{before},{}[out]", self.steps.after(self.rate, self.channels));
                Ok(Stages { first: Graph::new(&chain, &[frame], 1)?, fader: None })
            }
        }
    }

    fn drain(&mut self, ready: &mut Vec<Frame>) -> Result<(), Error> {
        let Some(Stages { first, fader }) = &mut self.stages else { return Ok(()) };
        while let Some(mut frame) = first.pull()? {
            let Some((rider, last)) = fader else {
                ready.push(frame);
                continue;
            };
            rider.ride(&mut frame)?;
            let last = match last {
                Some(last) => last,
                none => {
                    let chain = format!("[in0]{}[out]", self.steps.after(self.rate, self.channels));
                    none.insert(Graph::new(&chain, &[&frame], 1)?)
                }
            };
            last.push(0, &frame)?;
            while let Some(frame) = last.pull()? {
                ready.push(frame);
            }
        }
        Ok(())
    }
}

impl std::fmt::Debug for Chain {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "sound::Chain({:?} to {} Hz, {} channels)", self.steps, self.rate, self.channels)
    }
}

#[cfg(test)]
mod tests;
