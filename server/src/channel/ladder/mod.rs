//! What a session's ladder is, from the channel's settings and what comes in.

mod alerts;
mod backlog;
mod cost;
mod desk;

use std::time::Duration;

use api::ladder::{Encoding, Ladder, OnlyIf, Preset, Profile, Rendition};
use api::processing::{Picture, Processing, Sound};
use hls::presentation::Rendition as Rendered;
use live::budget::{Grant, Standing};
use live::cost::Cores;
use live::ladder::{Condition, Source};
use media::flv::Metadata;
use media::{CodecConfig, Kind, Rational, Track, aac, avc};

pub(super) use desk::Desk;

use super::detect;
use crate::store::{LatencyMode, Settings};
use crate::transcode::order::{Measure, Order, Pictures, Sounds};

/// What the worker makes, and what viewers get of the source.
#[derive(Debug, PartialEq)]
pub(super) struct Plan {
    pub order: Order,
    /// Of each output, in order.
    pub names: Vec<String>,
    /// Viewers get the source's pictures too.
    pub pictures: bool,
    /// Viewers get the source's sound too.
    pub sound: bool,
    /// The machine has no room for any of it as it begins.
    pub waits: bool,
    /// Pixels a second that come in.
    comes: f64,
}

impl Plan {
    /// Viewers get what comes in of this kind.
    pub(super) fn lists(&self, kind: Kind) -> bool {
        match kind {
            Kind::Video => self.pictures,
            Kind::Audio => self.sound,
        }
    }

    /// What it asks of the machine's budget.
    pub(in crate::channel) fn ask(&self) -> live::budget::Ask {
        cost::ask(&self.order, self.comes, self.alone())
    }

    /// How long the announcement waits for what is made: EBU R128 holds sound back.
    pub(in crate::channel) fn patience(&self) -> Option<Duration> {
        if self.waits {
            return Some(Duration::ZERO);
        }
        let held = !self.order.ultra_low && self.order.processing.sound.loudness_lufs.is_some();
        (held && !self.order.sounds.is_empty()).then_some(HELD)
    }

    /// Cause and fix, for people, where the machine's budget has no room for all of it.
    fn over(&self, standing: &Standing, capacity: Cores) -> Option<(String, String)> {
        let Standing { grant, fits, asks, free, .. } = standing;
        let of = |grant: &Grant| match grant {
            Grant::Nothing => Vec::new(),
            Grant::Part(made) => {
                let skip = self.order.pictures.len().saturating_sub(*made);
                self.names[skip..self.order.pictures.len()].to_vec()
            }
            Grant::Whole => self.names.clone(),
        };
        let gets = match grant {
            Grant::Whole => return None,
            Grant::Nothing => self.without().to_owned(),
            Grant::Part(_) => format!("only {} of it is made", of(grant).join(", ")),
        };
        let would = match fits.max(grant) {
            Grant::Nothing => "Nothing of it would fit".to_owned(),
            fits => format!("{} would fit", of(fits).join(", ")),
        };
        Some((
            format!("its ladder takes {asks} cores and {free} of the machine's {capacity} are free: {gets}"),
            format!(
                "{would}. It grows when there is room: end another channel, ask for less, or give [transcode] share more"
            ),
        ))
    }

    /// Cause and fix, for people, where its worker doesn't last.
    fn failed(&self, why: &str) -> (String, String) {
        let gets = self.without();
        (
            format!("the worker of its ladder {why}: {gets}"),
            "It is tried again and again. The server's log has what the worker said: if its program was replaced or is gone, \
             restart the server; if it can't do what is asked, change ladder or processing".to_owned(),
        )
    }

    /// By one of the hardware's encoders, or x264.
    pub(in crate::channel) fn encoded_by(mut self, hardware: Option<codec::hardware::Kind>) -> Self {
        self.order.encoder = hardware.map(|kind| kind.name().to_owned());
        self
    }

    /// Viewers get nothing of the source's pictures, or of its sound.
    fn alone(&self) -> bool {
        self.without() != ONLY_THE_SOURCE
    }

    /// What viewers get while nothing is made, for people.
    fn without(&self) -> &'static str {
        let pictures = !self.pictures && !self.order.pictures.is_empty();
        let sound = !self.sound && !self.order.sounds.is_empty();
        match (pictures, sound) {
            (false, false) => ONLY_THE_SOURCE,
            (true, false) if self.sound => "viewers get no picture",
            (false, true) if self.pictures => "viewers get no sound",
            (true | false, true | false) => "viewers get nothing",
        }
    }

    /// What is made, as the package is told of it before there is a worker's word.
    pub(in crate::channel) fn renditions(&self) -> Vec<Rendered> {
        let pictures = self.order.pictures.iter().map(|wanted| {
            let rate = Rational { num: (wanted.fps * 1000.0).round() as u32, den: 1000 }.reduced();
            let (num, den) = self.order.frame_rate;
            let slower = wanted.fps * 1.01 < Rational { num, den }.as_f64();
            let config = avc::Config {
                record: bytes::Bytes::new(),
                width: wanted.width,
                height: wanted.height,
                profile: [0x64, 0, 0x1f],
                frame_rate: None,
                sample_aspect: Rational { num: 1, den: 1 },
            };
            (Track::video(config), slower.then_some(rate), wanted.kbps.saturating_mul(1000))
        });
        let sounds = self.order.sounds.iter().filter_map(|wanted| {
            let config = aac::Config::announced(wanted.sample_rate, wanted.channels)?;
            Some((Track::audio(config), None, wanted.bitrate))
        });
        let rendition = |((track, frame_rate, bitrate), name): ((Track, _, _), &String)| Rendered {
            frame_rate,
            bitrate: Some(bitrate),
            made: true,
            ..Rendered::source(name.as_str(), track)
        };
        pictures.chain(sounds).zip(&self.names).map(rendition).collect()
    }
}

const ONLY_THE_SOURCE: &str = "viewers get what comes in alone";

/// What holds sound back for its loudness gives the first of it after so long.
const HELD: Duration = Duration::from_secs(6);

/// bit/s of sound that is encoded again.
const SOUND_BITRATE: u32 = 160_000;

/// `None` where nothing has to be made: viewers get what comes in. `cores`: of the machine.
pub(super) fn plan(settings: &Settings, tracks: &[Track], metadata: &Metadata, cores: u32) -> Option<Plan> {
    let ladder: Ladder = serde_json::from_str(&settings.ladder).unwrap_or_default();
    let processing: Processing = serde_json::from_str(&settings.processing).unwrap_or_default();
    let (picture, sound) = (processing.picture != Picture::default(), processing.sound != Sound::default());
    let has_sound = tracks.iter().any(|track| matches!(track.config, CodecConfig::Aac(_)));
    let comes = tracks.iter().find_map(|track| comes(track, metadata));
    let alone = ladder == Ladder::AudioOnly && has_sound;
    let (pictures, as_it_comes) = match comes.filter(|_| !alone) {
        Some((source, _)) => renditions(&ladder, &shaped(source, &processing.picture), picture, cores),
        None => (Vec::new(), false),
    };
    let sounds: Vec<_> = tracks.iter().filter(|_| sound).filter_map(sounds).collect();
    if pictures.is_empty() && sounds.is_empty() && !(alone && comes.is_some()) {
        return None;
    }
    let rate = comes.map_or(Rational { num: 30, den: 1 }, |(_, rate)| rate);
    let mut names: Vec<_> = pictures.iter().map(|wanted| format!("{}p", wanted.height)).collect();
    for at in 1..names.len() {
        if names[..at].contains(&names[at]) {
            names[at] = format!("{}x{}", pictures[at].width, pictures[at].height);
        }
    }
    names.extend(sounds.iter().map(|_| "sound".to_owned()));
    let order = Order {
        pictures,
        sounds,
        processing,
        ultra_low: settings.latency_mode == LatencyMode::UltraLow,
        frame_rate: (rate.num, rate.den),
        encoder: None,
        measure: Measure::default(),
        stills_ms: None,
    };
    let order = Order { measure: measure(&detect::config(settings), &order.pictures, tracks), ..order };
    let comes =
        comes.map_or(0.0, |(source, _)| f64::from(source.width) * f64::from(source.height) * source.fps);
    Some(Plan { order, names, pictures: as_it_comes, sound: has_sound && !sound, waits: false, comes })
}

/// What a ladder's worker measures of the source. It decodes pictures only where it makes some.
fn measure(config: &live::watch::Config, made: &[Pictures], tracks: &[Track]) -> Measure {
    let sound = tracks.iter().any(|track| track.kind == Kind::Audio);
    Measure { pictures: config.pictures() && !made.is_empty(), sound: config.sound() && sound }
}

fn comes(track: &Track, metadata: &Metadata) -> Option<(Source, Rational)> {
    let CodecConfig::Avc(avc) = &track.config else { return None };
    let told = metadata.frame_rate.filter(|fps| (1.0..=240.0).contains(fps));
    let told = told.map(|fps| Rational { num: (fps * 1000.0).round() as u32, den: 1000 }.reduced());
    let rate = avc.frame_rate.or(told).unwrap_or(Rational { num: 30, den: 1 });
    let kbps = metadata.video_kbps.filter(|kbps| kbps.is_finite() && *kbps >= 1.0).map(|kbps| kbps as u32);
    let shape = avc.sample_aspect.as_f64();
    let width = f64::from(avc.width) * if (0.1..=10.0).contains(&shape) { shape } else { 1.0 };
    let source = Source { width: width.round() as u32, height: avc.height, fps: rate.as_f64(), kbps };
    Some((source, rate))
}

/// The source after what is done to its shape.
fn shaped(source: Source, picture: &Picture) -> Source {
    let crop = picture.crop.unwrap_or_default();
    let width = source.width.saturating_sub(crop.left + crop.right).max(16);
    let height = source.height.saturating_sub(crop.top + crop.bottom).max(16);
    let (width, height) = if picture.rotate % 180 == 90 { (height, width) } else { (width, height) };
    let ratio = picture.aspect.as_deref().and_then(|text| text.split_once(':'));
    let ratio =
        ratio.and_then(|(a, b)| Some(a.parse::<f64>().ok()? / b.parse::<f64>().ok().filter(|b| *b > 0.0)?));
    let width = ratio.map_or(width, |ratio| (f64::from(height) * ratio).round() as u32);
    Source { width, height, ..source }
}

/// What is made, and whether what comes in is given out too.
fn renditions(ladder: &Ladder, source: &Source, processed: bool, cores: u32) -> (Vec<Pictures>, bool) {
    let made = |rung: live::ladder::Rung, encoding| Pictures {
        width: rung.width,
        height: rung.height,
        fps: rung.fps,
        kbps: rung.kbps,
        crf: None,
        profile: Profile::default(),
        preset: Preset::default(),
        encoding,
        threads: 1,
        after: None,
    };
    let own = || live::ladder::auto(source, None, false).into_iter().take(1);
    let (mut list, as_it_comes): (Vec<_>, _) = match ladder {
        // With nobody's size to go by, the source's.
        Ladder::Source | Ladder::AudioOnly if processed => {
            (own().map(|rung| made(rung, Encoding::default())).collect(), false)
        }
        Ladder::Source | Ladder::AudioOnly => (Vec::new(), true),
        Ladder::Auto(auto) => {
            let as_it_comes = auto.source.unwrap_or(!processed);
            let rungs = live::ladder::auto(source, auto.max_height, as_it_comes);
            (rungs.into_iter().map(|rung| made(rung, auto.encoding)).collect(), as_it_comes)
        }
        Ladder::List(list) => {
            let fits = |wanted: &&Rendition| {
                let larger = wanted.width > source.width + 1 && wanted.height > source.height + 1;
                !larger && wanted.only_if.is_none_or(|only_if| condition(&only_if).met(source))
            };
            let mut made: Vec<_> =
                list.renditions.iter().filter(fits).map(|one| named(one, source)).collect();
            made.sort_by_key(|one| std::cmp::Reverse(u64::from(one.width) * u64::from(one.height)));
            (made, list.source.unwrap_or(!processed))
        }
    };
    // Something must be there to see.
    if list.is_empty() && !as_it_comes {
        list.extend(own().map(|rung| made(rung, Encoding::default())));
    }
    let pixels = |one: &Pictures| f64::from(one.width) * f64::from(one.height) * one.fps;
    let all: f64 = list.iter().map(pixels).sum();
    for one in &mut list {
        // By its share of the work; one more thread than that costs latency and bits.
        one.threads = ((f64::from(cores) * pixels(one) / all.max(1.0)).floor() as u32).clamp(1, 16);
    }
    (list, as_it_comes)
}

fn named(wanted: &Rendition, source: &Source) -> Pictures {
    let fps = wanted.fps.unwrap_or(source.fps).min(source.fps).max(1.0);
    let kbps = wanted.bitrate_kbps.unwrap_or_else(|| live::ladder::bitrate(wanted.width, wanted.height, fps));
    Pictures {
        width: wanted.width,
        height: wanted.height,
        fps,
        // With a quality it is a ceiling: room for what is hard to encode.
        kbps: if wanted.crf.is_some() && wanted.bitrate_kbps.is_none() { kbps * 2 } else { kbps },
        crf: wanted.crf.map(|crf| crf as f32),
        profile: wanted.profile,
        preset: wanted.preset,
        encoding: wanted.encoding,
        threads: 1,
        after: None,
    }
}

fn sounds(track: &Track) -> Option<Sounds> {
    let CodecConfig::Aac(aac) = &track.config else { return None };
    let sample_rate = if [44_100, 48_000].contains(&aac.sample_rate) { aac.sample_rate } else { 48_000 };
    Some(Sounds { bitrate: SOUND_BITRATE, sample_rate, channels: 2, after: None })
}

/// What comes in is like this. Of sound alone nothing is known.
pub(super) fn is_like(only_if: &OnlyIf, tracks: &[Track], metadata: &Metadata) -> bool {
    let condition = condition(only_if);
    let source = tracks.iter().find_map(|track| comes(track, metadata)).map(|(source, _)| source);
    source.map_or(condition == Condition::default(), |source| condition.met(&source))
}

fn condition(only_if: &OnlyIf) -> Condition {
    Condition {
        width: (only_if.min_width, only_if.max_width),
        height: (only_if.min_height, only_if.max_height),
        fps: (only_if.min_fps, only_if.max_fps),
        kbps: (only_if.min_kbps, only_if.max_kbps),
    }
}
