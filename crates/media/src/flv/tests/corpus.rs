//! The corpus of the fuzz target `flv`, so that every test run replays what a fuzzer found.
use std::{fs, path::Path};

use super::*;
use crate::Timeline;

/// As the target cuts its input: FLV tags end to end, the last one as long as what is left.
fn tags(mut rest: &[u8]) -> Vec<Tag> {
    let mut out = Vec::new();
    while let Some((head, tail)) = rest.split_first_chunk::<11>() {
        let [kind, a, b, c, t0, t1, t2, t3, ..] = *head;
        let len = u32::from_be_bytes([0, a, b, c]) as usize;
        let (body, tail) = tail.split_at(len.min(tail.len()));
        let timestamp = u32::from_be_bytes([t3, t0, t1, t2]);
        match kind {
            8 => out.push(audio(timestamp, body.to_vec().into())),
            9 => out.push(video(timestamp, body.to_vec().into())),
            _ => {}
        }
        rest = tail.get(4..).unwrap_or_default();
    }
    out
}

/// Gives how many tracks and units came out.
fn run(input: &[u8]) -> (usize, usize) {
    let (mut demuxer, mut timeline) = (Demuxer::new(), Timeline::new(Timeline::LEAD));
    let (mut tracks, mut units) = (0, 0);
    for tag in tags(input) {
        match demuxer.push(&tag) {
            Ok(Item::Track(track)) => {
                timeline.track(&track);
                tracks += 1;
            }
            Ok(Item::Unit(unit)) => {
                let _ = timeline.push(unit, Timeline::LEAD);
                units += 1;
            }
            Ok(Item::Changed(track, unit)) => {
                timeline.track(&track);
                let _ = timeline.push(unit, Timeline::LEAD);
                (tracks, units) = (tracks + 1, units + 1);
            }
            Ok(Item::Nothing) | Err(_) => {}
        }
    }
    (tracks, units)
}

#[test]
fn corpus() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fuzz/corpus/flv");
    let read = |name: &str| fs::read(folder.join(name)).unwrap();
    for entry in fs::read_dir(&folder).unwrap() {
        let bytes = fs::read(entry.unwrap().path()).unwrap();
        run(&bytes);
        let bytes = Bytes::from(bytes);
        if let Ok((config, _)) = avc::Config::parse(&bytes) {
            assert_eq!(avc::Config::parse(&config.record), Ok((config, avc::LengthSize::Four)));
        }
        let _ = aac::Config::parse(&bytes);
    }
    // Else the seeds are no longer what they are named for.
    for (name, tracks) in
        [("fixture", 2), ("h264-aac", 2), ("config-change", 3), ("enhanced", 2), ("nal-lengths-of-2", 1)]
    {
        let (got, units) = run(&read(name));
        assert!(got == tracks && units > 1, "{name}: {got} tracks, {units} units");
    }
    assert!(avc::Config::parse(&read("avc-record").into()).is_ok());
    assert!(aac::Config::parse(&read("aac-config").into()).is_ok());
}
