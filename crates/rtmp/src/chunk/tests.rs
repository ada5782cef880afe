//! The reader against chunks written by hand and by rml_rtmp.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use bytes::Bytes;
use expect_test::{Expect, expect};
use rml_rtmp::{chunk_io::ChunkSerializer, messages::MessagePayload, time::RtmpTimestamp};

use super::*;

const BIG: u32 = 0x0123_4567;

/// A full header: format 0.
fn f0(id: u8, timestamp: u32, length: usize, kind: u8, payload: &[u8]) -> Vec<u8> {
    let mut out = vec![id];
    out.extend(&timestamp.min(0xFF_FFFF).to_be_bytes()[1..]);
    out.extend(&(length as u32).to_be_bytes()[1..]);
    out.extend([kind, 1, 0, 0, 0]);
    if timestamp >= 0xFF_FFFF {
        out.extend(timestamp.to_be_bytes());
    }
    [out, payload.to_vec()].concat()
}

fn read(limits: &Limits, bytes: &[u8], step: usize) -> (Vec<Message>, Option<Error>) {
    let mut reader = Reader::new(limits.clone(), 0);
    reader.lift();
    let mut messages = Vec::new();
    for mut piece in bytes.chunks(step) {
        loop {
            match reader.next(&mut piece) {
                Ok(Some(message)) => messages.push(message),
                Ok(None) => break,
                Err(error) => return (messages, Some(error)),
            }
        }
    }
    (messages, None)
}

/// However the bytes are cut, the same comes out.
#[track_caller]
fn check(limits: &Limits, bytes: &[u8], expected: Expect) {
    let show = |(messages, error): (Vec<Message>, Option<Error>)| {
        let mut out = String::new();
        for message in messages {
            let body = message.body.iter().take(6).map(|byte| format!("{byte:02x}")).collect::<String>();
            out +=
                &format!("{} at {}: {} bytes {body}\n", message.kind, message.timestamp, message.body.len());
        }
        out + &error.map(|error| format!("{error}\n")).unwrap_or_default()
    };
    let whole = show(read(limits, bytes, usize::MAX));
    for step in [1, 2, 3, 7] {
        assert_eq!(show(read(limits, bytes, step)), whole, "in pieces of {step}");
    }
    expected.assert_eq(&whole);
}

#[test]
fn formats_and_chunk_stream_ids() {
    let limits = Limits::default();
    // 0, then 1 (delta 10, 2 bytes), 2 (delta 20), 3 (delta 20 again).
    let formats = [
        f0(4, 1000, 3, 9, b"abc"),
        [&[0x44, 0, 0, 10, 0, 0, 2, 8][..], b"de"].concat(),
        [&[0x84, 0, 0, 20][..], b"fg"].concat(),
        [&[0xC4][..], b"hi"].concat(),
    ];
    check(
        &limits,
        &formats.concat(),
        expect![[r#"
            9 at 1000: 3 bytes 616263
            8 at 1010: 2 bytes 6465
            8 at 1030: 2 bytes 6667
            8 at 1050: 2 bytes 6869
        "#]],
    );
    // A format 3 after a format 0 repeats its timestamp as the delta.
    check(
        &limits,
        &[f0(4, 30, 1, 9, b"a"), vec![0xC4, b'b']].concat(),
        expect![[r#"
            9 at 30: 1 bytes 61
            9 at 60: 1 bytes 62
        "#]],
    );
    // Two and three byte ids, told apart.
    let two = [vec![0, 10], f0(0, 5, 1, 8, b"a")[1..].to_vec(), vec![0xC0, 10, b'b']].concat();
    let three = [vec![1, 10, 1], f0(0, 7, 1, 9, b"c")[1..].to_vec(), vec![0xC1, 10, 1, b'd']].concat();
    check(
        &limits,
        &[two, three].concat(),
        expect![[r#"
            8 at 5: 1 bytes 61
            8 at 10: 1 bytes 62
            9 at 7: 1 bytes 63
            9 at 14: 1 bytes 64
        "#]],
    );
    // Backwards deltas wrap; empty messages are messages.
    check(
        &limits,
        &[f0(4, 5, 0, 9, b""), vec![0x84, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF]].concat(),
        expect![[r#"
            9 at 5: 0 bytes 
            9 at 4: 0 bytes 
        "#]],
    );
}

#[test]
fn interleaved_messages() {
    let (video, audio) = ([1; 300], [2; 140]);
    let bytes = [
        f0(6, 40, 300, 9, &video[..128]),
        f0(4, 41, 140, 8, &audio[..128]),
        [&[0xC6][..], &video[128..256]].concat(),
        // Set Chunk Size acts in the midst of both.
        f0(2, 0, 4, 1, &4096_u32.to_be_bytes()),
        [&[0xC4][..], &audio[128..]].concat(),
        [&[0xC6][..], &video[256..]].concat(),
    ];
    check(
        &Limits::default(),
        &bytes.concat(),
        expect![[r#"
            1 at 0: 4 bytes 00001000
            8 at 41: 140 bytes 020202020202
            9 at 40: 300 bytes 010101010101
        "#]],
    );
}

#[test]
fn extended_timestamps_in_both_styles() {
    let body: Vec<u8> = (0..=255).collect();
    let first = f0(4, BIG, 256, 9, &body[..128]);
    let repeated = [&[0xC4][..], &BIG.to_be_bytes(), &body[128..]].concat();
    let left_out = [&[0xC4][..], &body[128..]].concat();
    for rest in [repeated, left_out] {
        check(
            &Limits::default(),
            &[first.clone(), rest, f0(4, BIG + 7, 1, 9, b"z")].concat(),
            expect![[r#"
                9 at 19088743: 256 bytes 000102030405
                9 at 19088750: 1 bytes 7a
            "#]],
        );
    }
    // The last chunk has fewer bytes than a timestamp, and they begin as it does.
    let mut short = body[..130].to_vec();
    short[128..].copy_from_slice(&BIG.to_be_bytes()[..2]);
    let bytes = [f0(4, BIG, 130, 9, &short[..128]), vec![0xC4, short[128], short[129]], f0(5, 1, 1, 8, b"a")];
    check(
        &Limits::default(),
        &bytes.concat(),
        expect![[r#"
            9 at 19088743: 130 bytes 000102030405
            8 at 1: 1 bytes 61
        "#]],
    );
}

#[test]
fn abort_drops_one_message() {
    let bytes = [
        f0(4, 1, 200, 9, &[1; 128]),
        f0(5, 2, 200, 8, &[2; 128]),
        f0(2, 0, 4, 2, &4_u32.to_be_bytes()),
        [&[0xC5][..], &[2; 72]].concat(),
        f0(4, 3, 1, 9, &[9]),
    ];
    check(
        &Limits { partial: 400, ..Limits::default() },
        &bytes.concat(),
        expect![[r#"
            unfinished messages of 404 bytes together, at most 400 are allowed (byte 280, chunk stream 2)
        "#]],
    );
}

#[test]
fn mistakes() {
    let check = |bytes: &[u8], expected| check(&Limits::default(), bytes, expected);
    check(
        &[0x84, 0, 0, 1],
        expect![[r#"
        chunk of format 2 without a full header before it (byte 0, chunk stream 4)
    "#]],
    );
    check(
        &[0xC4],
        expect![[r#"
        chunk of format 3 without a full header before it (byte 0, chunk stream 4)
    "#]],
    );
    check(
        &[f0(4, 1, 200, 9, &[1; 128]), f0(4, 1, 100, 9, &[1; 100])].concat(),
        expect![[r#"
            a new message began before the last one ended (byte 140, chunk stream 4, message type 9)
        "#]],
    );
    check(
        &f0(2, 0, 3, 1, &[0; 3]),
        expect![[r#"
        control message is cut short (byte 0, chunk stream 2, message type 1)
    "#]],
    );
}

#[test]
fn limits_at_and_beyond() {
    let limits =
        Limits { chunk_size: 500, chunk_streams: 3, message: 1000, partial: 1500, ..Limits::default() };
    let streams = |count: u8| (3..3 + count).flat_map(|id| f0(id, 0, 1, 8, b"x")).collect::<Vec<u8>>();
    let chunk_size = |size: u32| f0(2, 0, 4, 1, &size.to_be_bytes());
    let partial = |size: usize| [f0(3, 0, 1000, 9, &[0; 128]), f0(4, 0, size, 8, &[0; 128])].concat();
    let cases: [(Vec<u8>, Vec<u8>, Kind); 5] = [
        (streams(3), streams(4), Kind::ChunkStreams { limit: 3 }),
        (chunk_size(500), chunk_size(501), Kind::ChunkSize { size: 501, limit: 500 }),
        (chunk_size(1), chunk_size(0), Kind::ChunkSize { size: 0, limit: 500 }),
        (f0(3, 0, 1000, 9, &[]), f0(3, 0, 1001, 9, &[]), Kind::MessageSize { size: 1001, limit: 1000 }),
        (partial(500), partial(501), Kind::Partial { size: 1501, limit: 1500 }),
    ];
    for (at, beyond, kind) in cases {
        assert_eq!(read(&limits, &at, 5).1, None, "{kind}");
        assert_eq!(read(&limits, &beyond, 5).1.map(|error| error.kind), Some(kind));
    }
    // Before publishing, messages are commands, and small.
    let early = |size| {
        let mut reader = Reader::new(Limits { early_message: 10, ..limits.clone() }, 0);
        reader.next(&mut f0(3, 0, size, 20, &[]).as_slice()).map_err(|error| error.kind)
    };
    assert_eq!(early(10), Ok(None));
    assert_eq!(early(11), Err(Kind::MessageSize { size: 11, limit: 10 }));
}

#[test]
fn reads_what_rml_rtmp_writes() {
    let mut seed = 7_u64;
    let mut random = move |below: u64| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) % below
    };
    let mut serializer = ChunkSerializer::new();
    let (mut bytes, mut expected) = (Vec::new(), Vec::new());
    let mut timestamp = 0_u32;
    for n in 0..400 {
        if n % 50 == 49 {
            let size = 1 + random(5000) as u32;
            bytes.extend(serializer.set_max_chunk_size(size, RtmpTimestamp::new(timestamp)).unwrap().bytes);
        }
        timestamp = timestamp.wrapping_add([0, 23, 33, 0x00FF_FFFE, 0x0100_0000][random(5) as usize]);
        let data: Bytes = (0..1 + random(3000)).map(|_| random(256) as u8).collect();
        let (type_id, stream) = ([8, 9, 18, 20][random(4) as usize], random(2) as u32);
        let payload = MessagePayload {
            timestamp: RtmpTimestamp::new(timestamp),
            type_id,
            message_stream_id: stream,
            data: data.clone(),
        };
        // Never forced: a forced message of more than one chunk is malformed.
        bytes.extend(serializer.serialize(&payload, false, random(2) == 0).unwrap().bytes);
        expected.push((type_id, stream, timestamp, data));
    }
    for step in [1, 11, 1400, usize::MAX] {
        let (messages, error) = read(&Limits::default(), &bytes, step);
        assert_eq!(error, None);
        let got: Vec<_> = messages
            .into_iter()
            .filter(|message| message.kind != message::SET_CHUNK_SIZE)
            .map(|message| (message.kind, message.stream, message.timestamp, message.body))
            .collect();
        assert!(got == expected, "in pieces of {step}");
    }
}
