//! Mutated sessions, and the corpus of the fuzz targets: whatever comes, the session never panics and stays in bounds.
use std::{fs, path::PathBuf};

use super::*;

/// Splitmix64: seeded, so that a failure comes again.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((z ^ (z >> 31)) % bound as u64) as usize
    }
}

fn seeds() -> Vec<Vec<u8>> {
    let metadata = crate::amf0::write_all(&crate::metadata::write(&flv::Metadata::default()));
    let publish = || Script::new().connect("live").publish("key");
    vec![
        publish()
            .message(message::SET_CHUNK_SIZE, 0, 0, &128_u32.to_be_bytes())
            .message(message::DATA, 1, 0, &metadata)
            .message(message::VIDEO, 1, 0x0100_0000, &[0x17; 400])
            .message(message::AUDIO, 1, 0x0100_0010, &[0xAF; 300])
            .message(message::AGGREGATE, 1, 9, &[9, 0, 0, 2, 0, 0, 1, 0, 0, 0, 0, 0x17, 1, 0, 0, 0, 13])
            .message(message::ABORT, 0, 0, &4_u32.to_be_bytes())
            .command(0, &["FCUnpublish".into(), 7.0.into(), Value::Null, "key".into()])
            .command(0, &["deleteStream".into(), 8.0.into(), Value::Null, 1.0.into()])
            .bytes,
        publish()
            .message(message::WINDOW_SIZE, 0, 0, &1_u32.to_be_bytes())
            .message(message::USER_CONTROL, 0, 0, &[0, 6, 0, 0, 0, 1])
            .raw(&[4, 0, 0, 9, 0, 1, 44, 9, 1, 0, 0, 0])
            .raw(&[5; 128])
            .raw(&[5, 0, 0, 9, 0, 0, 2, 8, 1, 0, 0, 0, 1, 2, 0xC4])
            .raw(&[6; 128])
            .bytes,
        Script::new()
            .connect("live")
            .command(0, &["play".into(), 3.0.into(), Value::StrictArray(vec![Value::Null, 1.0.into()])])
            .bytes,
    ]
}

/// Gives whether it got as far as publishing, and whether it failed.
fn run(bytes: &[u8], step: usize) -> (bool, bool) {
    let start = Instant::now();
    let mut session = Session::new(Limits::default(), start);
    let mut sent = 0;
    let (mut published, mut failed) = (false, false);
    for (n, piece) in bytes.chunks(step).enumerate() {
        let result = session.handle_input(piece, start + Duration::from_millis(n as u64));
        loop {
            match session.poll_output() {
                Output::Send(bytes) => sent += bytes.len(),
                Output::Event(Event::Publish(publish)) => {
                    assert!(publish.key.len() <= 256 && publish.app.len() <= 256);
                    session.accept().unwrap();
                    published = true;
                }
                Output::Event(Event::Message(_) | Event::Unpublished) => {}
                Output::Timeout(_) => break,
            }
        }
        failed = result.is_err();
        if failed {
            break;
        }
    }
    // No amplification: an answer costs about as much as its question.
    assert!(sent <= 8192 + 40 * bytes.len(), "{sent} bytes for {}", bytes.len());
    (published, failed)
}

#[test]
fn twenty_thousand_mutated_sessions() {
    let seeds = seeds();
    let mut random = Random(20_000);
    let (mut published, mut failed) = (0, 0);
    for round in 0..20_000 {
        let mut bytes = seeds[round % seeds.len()].clone();
        for _ in 0..1 + random.below(8) {
            // Mostly after the handshake.
            let from = if random.below(50) == 0 { 0 } else { 3073.min(bytes.len() - 1) };
            let at = from + random.below(bytes.len() - from);
            match random.below(6) {
                0 => bytes[at] ^= 1 << random.below(8),
                1 => bytes[at] = [0, 1, 2, 3, 0x7F, 0x80, 0xC4, 0xFF][random.below(8)],
                2 => bytes.truncate(at.max(1)),
                3 => bytes.insert(at, random.below(256) as u8),
                4 => drop(bytes.drain(at..(at + 1 + random.below(16)).min(bytes.len()))),
                _ => {
                    let end = (at + 1 + random.below(64)).min(bytes.len());
                    bytes.extend_from_within(at..end);
                }
            }
            if bytes.is_empty() {
                bytes.push(3);
            }
        }
        let (was_published, has_failed) = run(&bytes, 1 + random.below(4000));
        published += u32::from(was_published);
        failed += u32::from(has_failed);
    }
    // Else the mutations test too little.
    assert!(published > 5_000 && failed > 5_000, "{published} published, {failed} failed");
}

/// The corpora of `tests/fuzz`, so that every test run replays what a fuzzer found.
#[test]
fn corpora() {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/fuzz/corpus");
    if std::env::var_os("UPDATE_CORPUS").is_some() {
        write_corpora(&root);
    }
    let files = |target: &str| {
        let folder = root.join(target);
        let files: Vec<_> =
            fs::read_dir(&folder).unwrap().map(|entry| fs::read(entry.unwrap().path()).unwrap()).collect();
        assert!(!files.is_empty(), "{}", folder.display());
        files
    };
    for bytes in files("rtmp_server_session") {
        run(&bytes, 1);
        run(&bytes, usize::MAX);
    }
    for bytes in files("amf0") {
        let _ = crate::amf0::read_all(&bytes, &Default::default());
    }
    for bytes in files("chunk") {
        let mut reader = Reader::new(Limits::default(), 0);
        reader.lift();
        let mut rest = bytes.as_slice();
        while let Ok(Some(_)) = reader.next(&mut rest) {}
    }
}

fn write_corpora(root: &std::path::Path) {
    let write = |target: &str, name: &str, bytes: &[u8]| {
        fs::create_dir_all(root.join(target)).unwrap();
        fs::write(root.join(target).join(name), bytes).unwrap();
    };
    for (name, bytes) in ["publish", "interleaved", "play"].iter().zip(seeds()) {
        write("rtmp_server_session", name, &bytes);
        write("chunk", name, &bytes[3073..]);
    }
    write("rtmp_server_session", "http", b"GET / HTTP/1.1\r\n\r\n");
    write("rtmp_server_session", "tls", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03");
    write("chunk", "extended-timestamp", b"\x04\xff\xff\xff\x00\x00\x81\x09\x01\x00\x00\x00\x01\x23\x45\x67");
    write("amf0", "metadata", &crate::amf0::write_all(&crate::metadata::write(&flv::Metadata::default())));
    write("amf0", "nested", &b"\x03\x00\x01a".repeat(100));
    write("amf0", "array-count", b"\x0a\xff\xff\xff\xff\x05");
    write("amf0", "long-string", b"\x0c\xff\xff\xff\xff");
    write(
        "amf0",
        "connect",
        &crate::amf0::write_all(&["connect".into(), 1.0.into(), object([("app", "live".into())])]),
    );
}
