//! The worker's answers, and supervision with shells that play workers.
#![allow(clippy::unwrap_used)]

use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;
use media::{AccessUnit, CodecConfig, Kind, Rational, Timestamp, Track};
use transcode::measured::{Figures, Measured};
use transcode::watch::{Blind, Item, Watched};
use transcode::{Decoder, Message};

use super::feed::{Eye, MOST_CHANNELS, Saw, Watcher};
use crate::transcode::Program;
use crate::transcode::order::Measure;

/// A key frame, white, and its track.
fn key_frame(ms: i64) -> (Track, AccessUnit) {
    let mut picture = codec::Picture::black(640, 360, Timestamp::millis(ms)).unwrap();
    picture.fill((0, 0), (640, 360), [235, 128, 128]);
    let config = codec::x264::Config::new(640, 360, Rational { num: 30, den: 1 }, 1_000);
    let mut encoder = codec::x264::Encoder::new(&config).unwrap();
    let unit = encoder.encode(&picture, Timestamp::millis(ms), true).unwrap().unwrap();
    (encoder.track().clone(), unit)
}

fn config(track: &Track) -> Bytes {
    match &track.config {
        CodecConfig::Avc(avc) => avc.record.clone(),
        CodecConfig::Aac(aac) => aac.asc.clone(),
    }
}

fn watched(channel: u32, item: Item) -> Message {
    Message::Watched(Watched { channel, item })
}

fn work(messages: Vec<Message>) -> anyhow::Result<Vec<Message>> {
    let (mut messages, mut results) = (VecDeque::from(messages), Vec::new());
    super::run(|| Ok(messages.pop_front()), &mut results)?;
    let mut decoder = Decoder::default();
    decoder.push(&results);
    Ok(std::iter::from_fn(|| decoder.next().unwrap()).collect())
}

#[test]
fn a_key_frame_becomes_a_thumbnail_and_a_tile_of_its_channels_sheet() {
    let (track, unit) = key_frame(4_000);
    let still = || Item::Unit { unit: unit.clone(), still: true };
    let record = config(&track);
    let said = work(vec![
        watched(7, Item::Track(Kind::Video, record.clone())),
        watched(7, still()),
        watched(7, still()),
        watched(9, Item::Track(Kind::Video, record)),
        watched(9, still()),
        watched(7, Item::Gone),
        Message::End,
    ])
    .unwrap();
    let [Message::Opened, made @ .., Message::End] = &said[..] else { unreachable!("{said:?}") };
    let places: Vec<_> = made
        .iter()
        .map(|message| {
            let Message::Thumbnail(made) = message else { unreachable!("{message:?}") };
            let frame = codec::still::frame(&made.jpeg).unwrap();
            assert_eq!((frame.width(), frame.height(), made.at.as_millis()), (640, 360, 4_000));
            let white = codec::image::Image::of(&frame, 16).unwrap().jpeg(2).unwrap();
            let white = codec::still::decode(&white, 16, 16).unwrap();
            assert!(white.rows(codec::Plane::Y).nth(8).unwrap()[8] > 220);
            (made.channel, made.tile)
        })
        .collect();
    assert_eq!(places, [(7, 0), (7, 1), (9, 0)]);
}

#[test]
fn what_gives_no_picture_is_told_and_the_rest_goes_on() {
    let (track, unit) = key_frame(0);
    let damaged = AccessUnit { data: Bytes::from_static(b"\0\0\0\x02\x65\x88"), ..unit.clone() };
    let said = work(vec![
        watched(1, Item::Unit { unit: unit.clone(), still: true }),
        watched(1, Item::Track(Kind::Video, Bytes::from_static(b"nonsense"))),
        watched(1, Item::Track(Kind::Video, config(&track))),
        watched(1, Item::Unit { unit: damaged, still: true }),
        watched(1, Item::Unit { unit, still: true }),
    ])
    .unwrap();
    let said: Vec<_> = said
        .iter()
        .map(|message| match message {
            Message::Blind(Blind { channel, .. }) => format!("blind {channel}"),
            Message::Thumbnail(made) => format!("thumbnail {}", made.channel),
            Message::Opened => "opened".to_owned(),
            other => format!("{other:?}"),
        })
        .collect();
    assert_eq!(said, ["opened", "blind 1", "blind 1", "thumbnail 1", "End"]);
}

#[test]
fn so_many_channels_and_not_one_more() {
    let gone = |channel| watched(channel, Item::Unit { unit: key_frame(0).1, still: false });
    let channels = |count: usize| (0..count as u32).map(gone).collect();
    assert!(work(channels(MOST_CHANNELS)).is_ok());
    assert!(work(channels(MOST_CHANNELS + 1)).is_err());
    assert!(work(vec![Message::Opened]).is_err());
}

/// A second and a half of a tone of -20 dBFS.
fn tone() -> (Track, Vec<AccessUnit>) {
    let config = codec::aac::Config { sample_rate: 48_000, channels: 2, bitrate: 128_000 };
    let mut encoder = codec::aac::Encoder::new(&config, Timestamp::millis(0)).unwrap();
    let wave = |n: u32| (f64::from(n) * 0.1).sin() * 3_276.7;
    let samples: Vec<i16> = (0..72_000).flat_map(|n| [wave(n) as i16; 2]).collect();
    let units = encoder.encode(&samples).unwrap();
    (encoder.track().clone(), units)
}

#[test]
fn what_is_asked_for_is_measured_and_nothing_else() {
    let ((video, first), (_, second), (audio, sound)) = (key_frame(0), key_frame(2_000), tone());
    let unit = |unit: &AccessUnit| watched(3, Item::Unit { unit: unit.clone(), still: false });
    for (pictures, listens) in [(true, true), (true, false), (false, true), (false, false)] {
        let mut messages = vec![
            watched(3, Item::Track(Kind::Video, config(&video))),
            watched(3, Item::Measure { pictures, sound: listens }),
            watched(3, Item::Track(Kind::Audio, config(&audio))),
            unit(&first),
            unit(&second),
        ];
        messages.extend(sound.iter().map(unit));
        // Another channel was asked nothing of.
        messages.push(watched(4, Item::Track(Kind::Video, config(&video))));
        messages.push(watched(4, Item::Unit { unit: first.clone(), still: false }));
        let said = work(messages).unwrap();
        let [Message::Opened, told @ .., Message::End] = &said[..] else { unreachable!("{said:?}") };
        let (mut seen, mut heard) = (Vec::new(), 0);
        for message in told {
            match message {
                Message::Measured(Measured { channel: 3, figures: Figures::Pictures(figures) }) => {
                    assert_eq!(figures.dark, 0.0);
                    seen.push(figures.moved.map(|moved| moved < 1.0));
                }
                Message::Measured(Measured { channel: 3, figures: Figures::Sound(figures) }) => {
                    assert!((figures.peak_dbfs + 20.0).abs() < 0.5, "{figures:?}");
                    heard += 1;
                }
                other => unreachable!("{other:?}"),
            }
        }
        assert_eq!(seen, if pictures { vec![None, Some(true)] } else { vec![] });
        assert_eq!(heard, u32::from(listens));
    }
}

fn shell(script: &str) -> Watcher {
    Watcher::start(Some(Program { path: "/bin/sh".into(), args: vec!["-c".to_owned(), script.to_owned()] }))
}

fn octal(message: &Message) -> String {
    message.to_bytes().unwrap().iter().map(|byte| format!("\\{byte:03o}")).collect()
}

async fn saw(eye: &mut Eye) -> String {
    match tokio::time::timeout(Duration::from_secs(30), eye.saw()).await.unwrap() {
        Saw::Thumbnail(_) => "a thumbnail".to_owned(),
        Saw::Nothing(why) => why,
        Saw::Figures(figures) => format!("{figures:?}"),
    }
}

fn eye(watcher: &Watcher) -> (Eye, AccessUnit) {
    let (track, unit) = key_frame(0);
    (watcher.watch(&[track], Some(Duration::from_secs(1))).unwrap(), unit)
}

#[tokio::test]
async fn workers_that_break_are_replaced_and_the_channel_is_told() {
    let opened = octal(&Message::Opened);
    for (script, why) in [
        ("exit 3".to_owned(), "ended"),
        ("printf 'no frames, only text'".to_owned(), "spoke nonsense"),
        (format!("printf '{opened}'; exec sleep 600"), "gave no answer"),
        (format!("printf '{opened}{opened}'; exec sleep 600"), "said what it was not asked"),
    ] {
        let watcher = shell(&script);
        let (mut eye, unit) = eye(&watcher);
        eye.unit(&unit);
        let told = saw(&mut eye).await;
        assert!(told.contains(why), "{script}: {told}");
    }
    assert!(Watcher::start(None).watch(&[], Some(Duration::from_secs(1))).is_none());
}

/// The next worker is asked again what the one before had not come to, and not what it died of.
#[tokio::test]
async fn who_did_not_do_it_is_asked_again() {
    let dir = tempfile::tempdir().unwrap();
    let mark = dir.path().join("died").display().to_string();
    let blind = |channel| octal(&Message::Blind(Blind { channel, reason: "dark".to_owned() }));
    let opened = octal(&Message::Opened);
    // Dies of the first two frames that it is sent; the next one answers channel 2.
    let script = format!(
        "printf '{opened}'; head -c 12 >/dev/null; test -e {mark} && {{ printf '{}'; exec cat >/dev/null; }}; \
         sleep 1; touch {mark}; exit 1",
        blind(2)
    );
    let watcher = shell(&script);
    let ((mut first, unit), (mut second, _)) = (eye(&watcher), eye(&watcher));
    first.unit(&unit);
    second.unit(&unit);
    assert!(saw(&mut first).await.contains("ended"));
    assert_eq!(saw(&mut second).await, "dark");
}

#[tokio::test]
async fn a_key_frame_now_and_then_is_enough() {
    let watcher = shell("exec cat >/dev/null");
    let (mut eye, unit) = eye(&watcher);
    let at = |ms| AccessUnit { pts: Timestamp::millis(ms), dts: Timestamp::millis(ms), ..unit.clone() };
    let looked: Vec<_> = (0..40)
        .map(|tenth| tenth * 100)
        .filter(|ms| {
            let before = eye.due();
            eye.unit(&AccessUnit { key: ms % 300 == 0, ..at(*ms) });
            eye.due() != before
        })
        .collect();
    assert_eq!(looked, [0, 1_200, 2_400, 3_600]);
    // A clock that begins anew.
    let before = eye.due();
    eye.unit(&at(-60_000));
    assert_ne!(eye.due(), before);
}

/// Where there are no thumbnails it is measured all the same, and a worker that follows knows what.
#[tokio::test]
async fn figures_come_without_thumbnails_and_from_the_next_worker_too() {
    let dir = tempfile::tempdir().unwrap();
    let mark = dir.path().join("died").display().to_string();
    let figures = Figures::Pictures(transcode::measured::Pictures { dark: 0.5, moved: None });
    let measured = octal(&Message::Measured(Measured { channel: 1, figures }));
    let opened = octal(&Message::Opened);
    // The first worker says nothing and dies; the next says what it has measured.
    let script = format!(
        "printf '{opened}'; test -e {mark} && {{ printf '{measured}'; exec cat >/dev/null; }}; touch {mark}; exit 1"
    );
    let watcher = shell(&script);
    let (track, unit) = key_frame(0);
    let mut eye = watcher.watch(&[track], None).unwrap();
    eye.measure(Measure { pictures: true, sound: false });
    let told = tokio::time::timeout(Duration::from_secs(30), async {
        for second in 0.. {
            eye.unit(&AccessUnit { pts: Timestamp::millis(second * 1_000), ..unit.clone() });
            let wait = tokio::time::timeout(Duration::from_millis(100), eye.saw()).await;
            if let Ok(saw) = wait {
                return saw;
            }
        }
        unreachable!()
    });
    assert_eq!(told.await.unwrap(), Saw::Figures(figures));
}
