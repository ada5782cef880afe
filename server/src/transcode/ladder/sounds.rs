//! The worker's sound: decoded once, filtered once, encoded at each bitrate.

use anyhow::{Context, ensure};
use codec::filter::sound::Chain;
use codec::measure::{Ear, Heard};
use codec::{Frame, aac, decode};
use media::{AccessUnit, Timescale, Timestamp, Track};

use super::order::{Order, Sounds as Wanted};
use super::steps;

/// Sound that lies further from where it should go on begins anew there.
const APART: Timestamp = Timestamp::millis(60);

/// What becomes of a unit.
pub(super) enum Output {
    Track(Track),
    Unit(AccessUnit),
}

pub(super) struct Sounds {
    decoder: decode::Audio,
    chain: Chain,
    fade: Fade,
    wanted: Vec<Wanted>,
    offset: Timestamp,
    streams: Option<Streams>,
    given: Vec<Given>,
    /// Where the source is measured.
    ear: Option<Ear>,
    heard: Option<Heard>,
}

/// Sound of which nothing is made: it is only measured.
pub(in crate::transcode) struct Listener {
    decoder: decode::Audio,
    ear: Ear,
}

impl Listener {
    pub(in crate::transcode) fn start(track: &Track) -> anyhow::Result<Self> {
        Ok(Self { decoder: decode::Audio::new(track)?, ear: Ear::default() })
    }

    /// The source goes on with another configuration.
    pub(in crate::transcode) fn track(&mut self, track: &Track) -> anyhow::Result<()> {
        self.decoder = decode::Audio::new(track).context("the source's new configuration")?;
        Ok(())
    }

    /// A damaged unit isn't heard.
    pub(in crate::transcode) fn unit(&mut self, unit: &AccessUnit) -> Option<Heard> {
        let frames = self.decoder.frames(unit).unwrap_or_default();
        frames.iter().filter_map(|frame| self.ear.listen(frame)).last()
    }
}

/// What became of an output by now.
struct Given {
    /// The last unit's time.
    last: Option<Timestamp>,
    /// Its configuration was.
    told: bool,
}

/// Encoders of sound without a hole.
struct Streams {
    encoders: Vec<aac::Encoder>,
    /// Where the next sample belongs.
    next: Timestamp,
}

impl Sounds {
    pub(super) fn start(order: &Order, track: &Track) -> anyhow::Result<Self> {
        let first = order.sounds.first().context("no rendition of sound")?;
        let (rate, channels) = (first.sample_rate, first.channels);
        let same = order.sounds.iter().all(|other| (other.sample_rate, other.channels) == (rate, channels));
        ensure!(same, "renditions of sound with different rates or channels");
        let sound = &order.processing.sound;
        Ok(Self {
            decoder: decode::Audio::new(track)?,
            chain: Chain::new(steps::sound(sound, order.ultra_low)?, rate, channels)?,
            fade: Fade::new(sound),
            wanted: order.sounds.clone(),
            offset: Timestamp::millis(sound.offset_ms.into()),
            streams: None,
            given: order.sounds.iter().map(given).collect(),
            ear: None,
            heard: None,
        })
    }

    /// The source goes on with another configuration.
    pub(super) fn track(&mut self, track: &Track) -> anyhow::Result<()> {
        self.decoder = decode::Audio::new(track).context("the source's new configuration")?;
        Ok(())
    }

    pub(super) fn change(&mut self, order: &Order, out: &mut Vec<(usize, Output)>) -> anyhow::Result<()> {
        let Some(first) = self.wanted.first() else { return Ok(()) };
        let sound = &order.processing.sound;
        let next = Chain::new(steps::sound(sound, order.ultra_low)?, first.sample_rate, first.channels)?;
        let rest = std::mem::replace(&mut self.chain, next).flush()?;
        self.encode(rest, out)?;
        self.fade.change(sound);
        self.offset = Timestamp::millis(sound.offset_ms.into());
        Ok(())
    }

    /// Whether the source is measured.
    pub(super) fn measure(&mut self, on: bool) {
        self.ear = on.then(|| self.ear.take().unwrap_or_default());
    }

    /// What the newest sound was like, where that is new.
    pub(super) fn take_heard(&mut self) -> Option<Heard> {
        self.heard.take()
    }

    /// A damaged unit leaves a hole.
    pub(super) fn unit(&mut self, unit: &AccessUnit, out: &mut Vec<(usize, Output)>) -> anyhow::Result<()> {
        let frames = match self.decoder.frames(unit) {
            Ok(frames) => frames,
            Err(error) => {
                tracing::debug!("sound is left out: {error}");
                return Ok(());
            }
        };
        for frame in &frames {
            self.heard = self.ear.as_mut().and_then(|ear| ear.listen(frame)).or(self.heard);
            let ready = self.chain.push(frame)?;
            self.encode(ready, out)?;
        }
        Ok(())
    }

    pub(super) fn finish(mut self, out: &mut Vec<(usize, Output)>) -> anyhow::Result<()> {
        let rest = self.chain.flush()?;
        self.encode(rest, out)?;
        self.close(out)
    }

    fn encode(&mut self, frames: Vec<Frame>, out: &mut Vec<(usize, Output)>) -> anyhow::Result<()> {
        let Some(Wanted { sample_rate, channels, .. }) = self.wanted.first().cloned() else { return Ok(()) };
        let scale = Timescale::new(sample_rate).context("sound of no rate")?;
        for frame in frames {
            let Some(at) = frame.at() else { continue };
            let at = at.plus(self.offset).rescale(scale);
            let mut samples = frame.pcm().to_vec();
            self.fade.apply(&mut samples, channels.into(), sample_rate);
            let goes_on = self.streams.as_ref().is_some_and(|streams| {
                let apart = at.minus(streams.next);
                apart <= APART && Timestamp::new(-apart.ticks, apart.scale) <= APART
            });
            if !goes_on {
                self.close(out)?;
                self.open(at)?;
            }
            let Some(streams) = &mut self.streams else { continue };
            let count = samples.len() / usize::from(channels.max(1));
            streams.next = streams.next.plus(Timestamp::new(count as i64, scale));
            for (number, encoder) in streams.encoders.iter_mut().enumerate() {
                let units = encoder.encode(&samples)?;
                give(number, encoder, units, &mut self.given, out);
            }
        }
        Ok(())
    }

    fn open(&mut self, at: Timestamp) -> anyhow::Result<()> {
        let encoder = |wanted: &Wanted| {
            let Wanted { bitrate, sample_rate, channels, .. } = *wanted;
            aac::Encoder::new(&aac::Config { sample_rate, channels, bitrate }, at)
        };
        let encoders = self.wanted.iter().map(encoder).collect::<Result<_, _>>()?;
        self.streams = Some(Streams { encoders, next: at });
        Ok(())
    }

    fn close(&mut self, out: &mut Vec<(usize, Output)>) -> anyhow::Result<()> {
        let Some(Streams { mut encoders, .. }) = self.streams.take() else { return Ok(()) };
        for (number, encoder) in encoders.iter_mut().enumerate() {
            let units = encoder.flush()?;
            give(number, encoder, units, &mut self.given, out);
        }
        Ok(())
    }
}

fn given(wanted: &Wanted) -> Given {
    Given { last: wanted.after.map(|ticks| Timestamp::new(ticks, Timescale::VIDEO)), told: false }
}

/// What an encoder's run-up repeats of the time before is left out.
fn give(
    number: usize,
    encoder: &aac::Encoder,
    units: Vec<AccessUnit>,
    given: &mut [Given],
    out: &mut Vec<(usize, Output)>,
) {
    for unit in units {
        let Some(Given { last, told }) = given.get_mut(number) else { return };
        if last.is_some_and(|last| unit.dts <= last) {
            continue;
        }
        if !std::mem::replace(told, true) {
            out.push((number, Output::Track(encoder.track().clone())));
        }
        *last = Some(unit.dts);
        out.push((number, Output::Unit(unit)));
    }
}

/// From silence to sound and back.
struct Fade {
    gain: f32,
    muted: bool,
    in_ms: u32,
    out_ms: u32,
}

impl Fade {
    fn new(sound: &api::processing::Sound) -> Self {
        let gain = if sound.muted || sound.fade_in_ms > 0 { 0.0 } else { 1.0 };
        Self { gain, muted: sound.muted, in_ms: sound.fade_in_ms, out_ms: sound.fade_out_ms }
    }

    fn change(&mut self, sound: &api::processing::Sound) {
        (self.muted, self.in_ms, self.out_ms) = (sound.muted, sound.fade_in_ms, sound.fade_out_ms);
    }

    fn apply(&mut self, samples: &mut [i16], channels: usize, rate: u32) {
        let (target, ms) = if self.muted { (0.0, self.out_ms) } else { (1.0, self.in_ms) };
        if self.gain == target && target == 1.0 {
            return;
        }
        let step = if ms == 0 { 1.0 } else { 1000.0 / (ms as f32 * rate as f32) };
        for moment in samples.chunks_exact_mut(channels.max(1)) {
            self.gain += (target - self.gain).clamp(-step, step);
            // Even to the ear: loudness follows the logarithm, and a square comes near it.
            let gain = self.gain * self.gain;
            moment.iter_mut().for_each(|sample| *sample = (f32::from(*sample) * gain) as i16);
        }
    }
}
