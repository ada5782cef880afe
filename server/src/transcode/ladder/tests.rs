#![allow(clippy::unwrap_used)]
//! A ladder's worker on real media, without its pipes.

use std::collections::VecDeque;

use bytes::Bytes;
use codec::filter::sound::Chain;
use codec::{Picture, Plane, aac, decode, x264};
use media::{AccessUnit, CodecConfig, Kind, Rational, Timescale, Timestamp, Track};
use serde_json::json;
use transcode::ladder::{Change, Config, Effort, Level, Lost, Open, Unit};
use transcode::{Decoder, Message};

use super::order::{Order, Pictures, Sounds};

const FPS: u32 = 30;
const GOP: u32 = 15;

struct Source {
    tracks: [Track; 2],
    units: Vec<AccessUnit>,
}

/// Two seconds of a picture, brighter on the left, and of a tone at −12 dB.
fn source() -> Source {
    let mut picture = Picture::black(320, 180, Timestamp::millis(0)).unwrap();
    picture.fill((0, 0), (160, 180), [200, 128, 128]);
    let config = x264::Config {
        keyframe_interval: GOP,
        ..x264::Config::new(320, 180, Rational { num: FPS, den: 1 }, 1000)
    };
    let mut encoder = x264::Encoder::new(&config).unwrap();
    let at = |number: u32| Timestamp::new(i64::from(number) * 3000 + 9000, Timescale::VIDEO);
    let mut units: Vec<_> =
        (0..2 * FPS).filter_map(|number| encoder.encode(&picture, at(number), false).unwrap()).collect();
    let config = aac::Config { sample_rate: 48_000, channels: 2, bitrate: 128_000 };
    let mut sound = aac::Encoder::new(&config, Timestamp::millis(100)).unwrap();
    let tone: Vec<i16> = (0..96_000)
        .flat_map(|n| [((f64::from(n) * 440.0 / 48_000.0 * std::f64::consts::TAU).sin() * 8192.0) as i16; 2])
        .collect();
    units.extend(sound.encode(&tone).unwrap());
    units.sort_by_key(|unit| unit.dts);
    Source { tracks: [encoder.track().clone(), sound.track().clone()], units }
}

fn order(processing: serde_json::Value) -> Order {
    let rung = |width, height| Pictures {
        width,
        height,
        fps: 30.0,
        kbps: 500,
        crf: None,
        profile: api::ladder::Profile::High,
        preset: api::ladder::Preset::Ultrafast,
        encoding: api::ladder::Encoding::ZeroLatency,
        threads: 1,
        after: None,
    };
    Order {
        pictures: vec![rung(320, 180), rung(160, 90)],
        sounds: vec![Sounds { bitrate: 96_000, sample_rate: 48_000, channels: 2, after: None }],
        processing: serde_json::from_value(processing).unwrap(),
        ultra_low: true,
        frame_rate: (FPS, 1),
        encoder: None,
        measure: super::order::Measure::default(),
        stills_ms: None,
    }
}

fn json_of(order: &Order) -> Bytes {
    serde_json::to_vec(order).unwrap().into()
}

fn config(track: &Track) -> Bytes {
    match &track.config {
        CodecConfig::Avc(avc) => avc.record.clone(),
        CodecConfig::Aac(aac) => aac.asc.clone(),
    }
}

/// What the worker says to these messages.
fn work(order: &Order, source: &Source, messages: impl IntoIterator<Item = Message>) -> Vec<Message> {
    let open = Open {
        order: json_of(order),
        logo: Bytes::new(),
        video: Some(config(&source.tracks[0])),
        audio: Some(config(&source.tracks[1])),
    };
    let mut messages: VecDeque<_> = messages.into_iter().collect();
    let mut results = Vec::new();
    super::run(&open, || Ok(messages.pop_front()), &mut results).unwrap();
    let mut decoder = Decoder::default();
    decoder.push(&results);
    std::iter::from_fn(|| decoder.next().unwrap()).collect()
}

fn sent(source: &Source) -> Vec<Message> {
    source.units.iter().map(|unit| Message::Unit(Unit { output: 0, unit: unit.clone() })).collect()
}

/// An output's configuration and units.
fn output(said: &[Message], output: u8) -> (Track, Vec<AccessUnit>) {
    let mut track = None;
    let mut units = Vec::new();
    for message in said {
        match message {
            Message::Config(Config { output: o, kind, config }) if *o == output => {
                assert!(units.is_empty(), "its configuration comes first");
                track = Some(super::work::track(*kind, config).unwrap());
            }
            Message::Unit(Unit { output: o, unit }) if *o == output => units.push(unit.clone()),
            _ => {}
        }
    }
    (track.unwrap(), units)
}

fn pictures((track, units): &(Track, Vec<AccessUnit>)) -> Vec<Picture> {
    let mut decoder = decode::Video::new(track).unwrap();
    let mut out: Vec<_> = units.iter().flat_map(|unit| decoder.decode(unit).unwrap()).collect();
    out.extend(decoder.flush().unwrap());
    out
}

fn bright(picture: &Picture, right: bool) -> bool {
    let (across, down) = picture.size(Plane::Y);
    let x = if right { across * 3 / 4 } else { across / 4 };
    picture.plane(Plane::Y)[down / 2 * picture.stride(Plane::Y) + x] > 100
}

fn level_db((track, units): &(Track, Vec<AccessUnit>)) -> f64 {
    let mut decoder = decode::Audio::new(track).unwrap();
    let mut chain = Chain::new(codec::filter::sound::Steps::default(), 48_000, 2).unwrap();
    let mut power = (0.0, 0);
    for unit in &units[units.len() / 2..] {
        for frame in decoder.frames(unit).unwrap() {
            for ready in chain.push(&frame).unwrap() {
                for sample in ready.pcm() {
                    power = (power.0 + (f64::from(*sample) / 32_768.0).powi(2), power.1 + 1);
                }
            }
        }
    }
    10.0 * (power.0 / f64::from(power.1)).log10()
}

#[test]
fn every_rendition_has_the_source_s_key_frames() {
    let source = source();
    let said = work(&order(json!({})), &source, sent(&source));
    assert_eq!((said.first(), said.last()), (Some(&Message::Opened), Some(&Message::End)));
    let keys = |units: &[AccessUnit]| {
        let video = units.iter().filter(|unit| unit.kind == Kind::Video && unit.key);
        video.map(|unit| unit.pts).collect::<Vec<_>>()
    };
    for (number, size) in [(1, (320, 180)), (2, (160, 90))] {
        let made = output(&said, number);
        assert_eq!(keys(&made.1), keys(&source.units));
        assert_eq!(made.1.len(), 60);
        let picture = pictures(&made).pop().unwrap();
        assert_eq!((picture.width(), picture.height()), size);
        assert!(bright(&picture, false) && !bright(&picture, true));
    }
    let sound = output(&said, 3);
    assert!((level_db(&sound) + 15.05).abs() < 0.3, "{}", level_db(&sound));
    let begins = sound.1[0].pts.minus(source.units.iter().find(|u| u.kind == Kind::Audio).unwrap().pts);
    assert!(begins.as_millis().abs() <= 45, "the sound moved by {} ms", begins.as_millis());
}

#[test]
fn what_is_asked_is_done_and_changes_with_the_next_key_frame() {
    let source = source();
    let mut messages = sent(&source);
    let pictures_before = |n: usize| {
        source.units.iter().enumerate().filter(|(_, u)| u.kind == Kind::Video).nth(n).map(|(i, _)| i).unwrap()
    };
    let mirrored = order(json!({"picture": {"mirror": true}, "sound": {"gain_db": -6}}));
    // In the middle of the second GOP.
    messages.insert(
        pictures_before(20),
        Message::Change(Change { order: json_of(&mirrored), logo: Bytes::new() }),
    );
    let said = work(&order(json!({})), &source, messages);
    for number in [1, 2] {
        let shown: Vec<_> = pictures(&output(&said, number)).iter().map(|p| bright(p, true)).collect();
        assert_eq!(shown, [[false; 30], [true; 30]].concat(), "output {number}");
    }
    let sound = output(&said, 3);
    assert!((level_db(&sound) + 21.05).abs() < 0.3, "{}", level_db(&sound));
}

#[test]
fn damage_costs_the_pictures_up_to_the_next_key_frame() {
    let mut source = source();
    let mut pictures = source.units.iter_mut().filter(|unit| unit.kind == Kind::Video);
    pictures.nth(17).unwrap().data = Bytes::from_static(&[0, 0, 0, 4, 0x41, 0xff, 0xff, 0xff]);
    let said = work(&order(json!({})), &source, sent(&source));
    let (_, units) = output(&said, 1);
    let keys: Vec<_> = units.iter().filter(|unit| unit.key).map(|unit| unit.pts.ticks).collect();
    assert_eq!(keys, [9000, 54_000, 99_000, 144_000]);
    assert!((46..=60).contains(&units.len()), "{}", units.len());
    assert!(units.iter().filter(|unit| unit.pts.ticks >= 99_000).count() == 30);
}

#[test]
fn another_configuration_goes_on_in_the_same_size() {
    let (first, mut second) = (source(), source());
    second.units.iter_mut().for_each(|unit| {
        let later = Timestamp::millis(2000);
        (unit.dts, unit.pts) = (unit.dts.plus(later), unit.pts.plus(later));
    });
    let mut messages = sent(&first);
    let changed = Config { output: 0, kind: Kind::Video, config: config(&second.tracks[0]) };
    messages.push(Message::Config(changed));
    messages.extend(sent(&second));
    let said = work(&order(json!({})), &first, messages);
    let (_, units) = output(&said, 2);
    assert_eq!(units.len(), 120);
    assert!(units.windows(2).all(|pair| pair[0].dts < pair[1].dts));
    let (_, sound) = output(&said, 3);
    assert!(sound.windows(2).all(|pair| pair[0].dts < pair[1].dts));
    assert!(sound.len() > 180, "{}", sound.len());
}

#[test]
fn effort_goes_to_its_output() {
    let source = source();
    let mut messages = vec![Message::Effort(Effort { output: 2, level: Level::Half })];
    messages.extend(sent(&source));
    let said = work(&order(json!({})), &source, messages);
    assert_eq!(output(&said, 1).1.len(), 60);
    assert!(output(&said, 2).1.len().abs_diff(30) <= 3, "{}", output(&said, 2).1.len());
}

#[test]
fn fades_mutes_and_moves_the_sound() {
    let source = source();
    let level =
        |sound| level_db(&output(&work(&order(json!({ "sound": sound })), &source, sent(&source)), 3));
    assert!(level(json!({"muted": true})) < -80.0);
    // A quarter to a half of the way up, by the square.
    let rising = level(json!({"fade_in_ms": 4000}));
    assert!((-34.0..-28.0).contains(&rising), "{rising}");
    let begins = |offset_ms: i32| {
        let order = order(json!({"sound": {"offset_ms": offset_ms}}));
        output(&work(&order, &source, sent(&source)), 3).1[0].pts.as_millis()
    };
    assert!((begins(250) - begins(0) - 250).abs() <= 1);
    assert!((begins(0) - begins(-40) - 40).abs() <= 1);
}

#[test]
fn an_order_that_cannot_be_is_answered() {
    let source = source();
    let mut bad = order(json!({}));
    bad.pictures[0].width = 321;
    let said = work(&bad, &source, sent(&source));
    assert!(
        matches!(&said[..], [Message::Failed(failed), Message::End] if failed.reason.contains("width")),
        "{said:?}"
    );
    let mut bad = order(json!({}));
    bad.pictures[1].kbps = 1;
    let said = work(&bad, &source, sent(&source));
    assert!(said.iter().any(|m| matches!(m, Message::Lost(Lost { output: 2, .. }))));
    assert_eq!(output(&said, 1).1.len(), 60);
}

#[test]
fn the_source_is_measured_whatever_is_made_of_it() {
    use super::order::Measure;
    use transcode::measured::{Figures, Measured};

    let source = source();
    // Muted and turned over: it is the source that is measured.
    let processing = json!({"sound": {"muted": true}, "picture": {"auto_level": 1.0}});
    let figures = |measure, sounds: bool, change: Option<Measure>| {
        let mut order = Order { measure, ..order(processing.clone()) };
        order.sounds.truncate(usize::from(sounds));
        let mut messages = sent(&source);
        if let Some(measure) = change {
            let order = Order { measure, ..order.clone() };
            messages.insert(0, Message::Change(Change { order: json_of(&order), logo: Bytes::new() }));
        }
        let said = work(&order, &source, messages);
        let measured = said.into_iter().filter_map(|message| match message {
            Message::Measured(Measured { figures, .. }) => Some(figures),
            _ => None,
        });
        measured.collect::<Vec<_>>()
    };
    let both = Measure { pictures: true, sound: true };
    let neither = Measure::default();
    for (sounds, change) in [(true, None), (false, None), (true, Some(both)), (false, Some(both))] {
        let measure = if change.is_some() { neither } else { both };
        let (mut seen, mut heard) = (0, 0);
        for figure in figures(measure, sounds, change) {
            match figure {
                Figures::Pictures(pictures) => {
                    seen += 1;
                    assert!((pictures.dark - 0.5).abs() < 0.02, "{pictures:?}");
                    assert!(pictures.moved.is_some_and(|moved| moved < 2.0), "{pictures:?}");
                }
                Figures::Sound(sound) => {
                    heard += 1;
                    assert!((sound.peak_dbfs + 12.0).abs() < 0.5 && sound.clipped == 0.0, "{sound:?}");
                }
            }
        }
        assert_eq!((seen, heard), (1, 1), "sounds: {sounds}, change: {change:?}");
    }
    assert!(figures(neither, true, None).is_empty() && figures(both, false, Some(neither)).is_empty());
}

#[test]
fn thumbnails_come_as_often_as_was_ordered_and_show_what_was_made() {
    let source = source();
    let order = Order { stills_ms: Some(1_000), ..order(json!({"picture": {"mirror": true}})) };
    let said = work(&order, &source, sent(&source));
    let made: Vec<_> = said
        .iter()
        .filter_map(|message| match message {
            Message::Thumbnail(made) => Some(made),
            _ => None,
        })
        .collect();
    assert!(!made.is_empty());
    assert!(made.windows(2).all(|two| two[1].at.minus(two[0].at).as_millis() >= 1_000));
    let shown = codec::still::decode(&made[0].jpeg, 320, 180).unwrap();
    let first = &pictures(&output(&said, 1))[0];
    assert_eq!((bright(&shown, false), bright(&shown, true)), (bright(first, false), bright(first, true)));
}
