#![allow(clippy::unwrap_used, clippy::panic)]

use bytes::Bytes;
use media::{AccessUnit, Kind, Rational, Timescale, Timestamp};
use proptest::prelude::*;

use crate::measured::{Figures, Measured};
use crate::*;

fn job(picture: Picture) -> Message {
    let rate = Rational { num: 30_000, den: 1_001 };
    let still = Still { picture, width: 1280, height: 720, rate };
    Message::Job(Job {
        number: 7,
        still: Some(still),
        sound: Some(Sound { sample_rate: 48_000, channels: 2 }),
    })
}

fn watched(item: watch::Item) -> Message {
    Message::Watched(watch::Watched { channel: 9, item })
}

fn thumbnail(tile: u32) -> watch::Thumbnail {
    watch::Thumbnail {
        channel: 9,
        at: Timestamp::new(450_000, Timescale::VIDEO),
        jpeg: Bytes::from_static(b"\xff\xd8\xff"),
        webp: Some(Bytes::from_static(b"RIFF")),
        sheet: Bytes::from_static(b"\xff\xd8\xff\xe0"),
        since: Timestamp::new(90_000, Timescale::VIDEO),
        tile,
        tile_size: (160, 90),
    }
}

fn examples() -> Vec<(&'static str, Message)> {
    let units = Units {
        config: Bytes::from_static(b"cfg"),
        units: vec![(true, Bytes::from_static(b"I")), (false, Bytes::new())],
    };
    let open = ladder::Open {
        order: Bytes::from_static(b"{}"),
        logo: Bytes::from_static(b"png"),
        video: Some(Bytes::from_static(b"avcC")),
        audio: None,
    };
    let config = ladder::Config { output: 1, kind: Kind::Audio, config: Bytes::from_static(b"\x11\x90") };
    let at = |ticks| Timestamp::new(ticks, Timescale::VIDEO);
    let data = Bytes::from_static(b"\0\0\0\x01e");
    let unit = AccessUnit { kind: Kind::Video, dts: at(-3000), pts: at(0), key: true, data };
    let heard = measured::Sound {
        peak_dbfs: -120.0,
        clipped: 0.0,
        momentary_lufs: -23.1,
        short_term_lufs: -22.9,
        integrated_lufs: -23.0,
    };
    vec![
        ("job-black", job(Picture::Black)),
        ("job-file", job(Picture::File(Bytes::from_static(b"\xff\xd8\xff")))),
        (
            "job-key",
            job(Picture::Key {
                record: Bytes::from_static(b"\x01d"),
                unit: Bytes::from_static(b"\0\0\0\x01e"),
            }),
        ),
        ("job-nothing", Message::Job(Job { number: 0, still: None, sound: None })),
        (
            "done",
            Message::Done(Done {
                number: 7,
                slate: Slate { video: Some(units.clone()), audio: Some(units) },
            }),
        ),
        ("failed", Message::Failed(Failed { number: 7, reason: "no décodeur".into() })),
        ("open", Message::Open(open)),
        ("opened", Message::Opened),
        ("change", Message::Change(ladder::Change { order: Bytes::from_static(b"{}"), logo: Bytes::new() })),
        ("config", Message::Config(config)),
        ("unit", Message::Unit(ladder::Unit { output: 3, unit: unit.clone() })),
        ("effort", Message::Effort(ladder::Effort { output: 1, level: ladder::Level::Half })),
        ("lost", Message::Lost(ladder::Lost { output: 1, reason: "no picture".into() })),
        (
            "measured-pictures",
            Message::Measured(Measured {
                channel: 7,
                figures: Figures::Pictures(measured::Pictures { dark: 0.98, moved: Some(4.5) }),
            }),
        ),
        ("measured-sound", Message::Measured(Measured { channel: 0, figures: Figures::Sound(heard) })),
        ("end", Message::End),
        ("watch", Message::Watch),
        ("watched-track", watched(watch::Item::Track(Kind::Video, Bytes::from_static(b"avcC")))),
        ("watched-unit", watched(watch::Item::Unit { unit, still: true })),
        ("watched-measure", watched(watch::Item::Measure { pictures: true, sound: false })),
        ("watched-gone", watched(watch::Item::Gone)),
        ("thumbnail", Message::Thumbnail(thumbnail(watch::TILES - 1))),
        ("blind", Message::Blind(watch::Blind { channel: 9, reason: "no picture".into() })),
    ]
}

fn read(bytes: &[u8]) -> Result<Option<Message>, Error> {
    let mut decoder = Decoder::default();
    decoder.push(bytes);
    decoder.next()
}

#[test]
fn what_is_sent_comes_out_in_whatever_pieces() {
    let mut stream = Vec::new();
    for (_, message) in examples() {
        stream.extend_from_slice(&message.to_bytes().unwrap());
    }
    for piece in [1, 3, 64, stream.len()] {
        let mut decoder = Decoder::default();
        let mut came = Vec::new();
        for bytes in stream.chunks(piece) {
            decoder.push(bytes);
            while let Some(message) = decoder.next().unwrap() {
                came.push(message);
            }
        }
        assert_eq!(came, examples().into_iter().map(|(_, m)| m).collect::<Vec<_>>());
    }
}

#[test]
fn every_cut_waits_for_more_and_a_short_frame_is_an_error() {
    for (name, message) in examples() {
        let whole = message.to_bytes().unwrap();
        for cut in 0..whole.len() {
            assert_eq!(read(&whole[..cut]), Ok(None), "{name} cut at {cut}");
            let mut short = whole[..cut].to_vec();
            if cut >= 6 {
                short[..4].copy_from_slice(&(cut as u32 - 4).to_be_bytes());
                assert!(matches!(read(&short), Err(Error::Truncated(_))), "{name} ended at {cut}");
            }
        }
    }
}

#[test]
fn limits_hold_to_the_byte() {
    let failed = |len: u32| {
        let mut body = vec![VERSION, 3, 0, 0, 0, 9];
        body.extend(len.to_be_bytes());
        body.extend(vec![b'x'; len as usize]);
        let mut frame = (body.len() as u32).to_be_bytes().to_vec();
        frame.extend(body);
        read(&frame)
    };
    assert!(failed(limits::REASON as u32).is_ok());
    assert_eq!(failed(limits::REASON as u32 + 1), Err(Error::Range { what: "reason", value: 1025 }));
    assert_eq!(read(&(MAX_FRAME as u32).to_be_bytes()), Ok(None));
    assert_eq!(read(&(MAX_FRAME as u32 + 1).to_be_bytes()), Err(Error::TooLong(MAX_FRAME + 1)));

    let file = |bytes| read(&job(Picture::File(vec![0; bytes].into())).to_bytes().unwrap());
    assert!(file(limits::PICTURE).is_ok());
    let over = limits::PICTURE + 1;
    assert_eq!(file(over), Err(Error::Range { what: "picture", value: over as u64 }));

    let units = |count| {
        let units = Units { config: Bytes::new(), units: vec![(true, Bytes::new()); count] };
        let slate = Slate { video: Some(units), audio: None };
        read(&Message::Done(Done { number: 0, slate }).to_bytes().unwrap())
    };
    assert!(units(limits::UNITS).is_ok());
    assert_eq!(units(limits::UNITS + 1), Err(Error::Range { what: "units", value: 1025 }));

    let tile = |tile| read(&Message::Thumbnail(thumbnail(tile)).to_bytes().unwrap());
    assert!(tile(watch::TILES - 1).is_ok());
    assert_eq!(tile(watch::TILES), Err(Error::Range { what: "tile", value: watch::TILES.into() }));

    let sized = |width| {
        let rate = Rational { num: 30, den: 1 };
        let still = Still { picture: Picture::Black, width, height: 720, rate };
        read(&Message::Job(Job { number: 0, still: Some(still), sound: None }).to_bytes().unwrap())
    };
    assert!(sized(limits::SIDE).is_ok());
    for width in [0, limits::SIDE + 1] {
        assert_eq!(sized(width), Err(Error::Range { what: "width", value: width.into() }));
    }
}

#[test]
fn strangers_are_told_apart() {
    assert_eq!(read(&[0, 0, 0, 2, VERSION + 1, 1]), Err(Error::Version(VERSION + 1)));
    assert_eq!(read(&[0, 0, 0, 2, VERSION, 99]), Err(Error::Kind(99)));
    assert_eq!(read(b"\0\0\0\x0b\x01\x03\0\0\0\0\0\0\0\0!"), Err(Error::Rest(1)));
    assert_eq!(read(b"\0\0\0\x0b\x01\x03\0\0\0\0\0\0\0\x01\xff"), Err(Error::Text("reason")));
    let not_a_number = read(b"\0\0\0\x0c\x01\x10\0\0\0\x07\0\x7f\xc0\0\0\0");
    assert_eq!(not_a_number, Err(Error::Range { what: "dark", value: 0x7fc0_0000 }));
    assert!(matches!(read(b"GET / HTTP/1.1\r\n"), Err(Error::TooLong(_))));
}

#[test]
fn a_long_reason_is_cut_between_letters() {
    let reason = "é".repeat(limits::REASON);
    let bytes = Message::Failed(Failed { number: 1, reason }).to_bytes().unwrap();
    let Ok(Some(Message::Failed(failed))) = read(&bytes) else { panic!("it can't be read") };
    assert_eq!(failed.reason.len(), limits::REASON);
}

/// The fuzz target's corpus is what these messages look like on the wire; it is replayed here.
#[test]
fn the_corpus_is_read() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fuzz/corpus/transcode");
    for (name, message) in examples() {
        let path = folder.join(name);
        let bytes = message.to_bytes().unwrap();
        if std::env::var_os("UPDATE_EXPECT").is_some() {
            std::fs::create_dir_all(&folder).unwrap();
            std::fs::write(&path, &bytes).unwrap();
        }
        assert_eq!(std::fs::read(&path).unwrap(), bytes, "{name}");
    }
    for entry in std::fs::read_dir(folder).unwrap() {
        let _ = read(&std::fs::read(entry.unwrap().path()).unwrap());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn damaged_bytes_are_an_error_or_a_message_never_a_panic(
        example in 0..23usize,
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
    ) {
        let mut bytes = examples().remove(example).1.to_bytes().unwrap().to_vec();
        for (at, value) in changes {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        if let Ok(Some(message)) = read(&bytes) {
            prop_assert_eq!(read(&message.to_bytes().unwrap()), Ok(Some(message)));
        }
    }
}
