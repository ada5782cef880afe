//! Tags from a publisher, laid end to end as in an FLV file's body: the sequence headers come from them too.
#![no_main]

use libfuzzer_sys::fuzz_target;
use media::flv::{self, Demuxer, Item, Tag, TagKind};
use media::{Kind, Timeline, Timestamp, aac, avc};

/// Annex E.4.1. A body that is longer than what is left ends with it; what is neither sound nor picture is left out.
fn tags(mut rest: &[u8]) -> Vec<Tag> {
    let mut out = Vec::new();
    while let Some((head, tail)) = rest.split_first_chunk::<11>() {
        let [kind, a, b, c, t0, t1, t2, t3, ..] = *head;
        let len = u32::from_be_bytes([0, a, b, c]) as usize;
        let (body, tail) = tail.split_at(len.min(tail.len()));
        let timestamp = u32::from_be_bytes([t3, t0, t1, t2]);
        let body = body.to_vec().into();
        match kind {
            8 => out.push(Tag { kind: TagKind::Audio, timestamp, body }),
            9 => out.push(Tag { kind: TagKind::Video, timestamp, body }),
            _ => {}
        }
        rest = tail.get(4..).unwrap_or_default();
    }
    out
}

fuzz_target!(|input: &[u8]| {
    let bytes = input.to_vec().into();
    if let Ok((config, lengths)) = avc::Config::parse(&bytes) {
        // What it keeps it takes again, now with lengths of 4 bytes.
        let (again, wide) = avc::Config::parse(&config.record).expect("its own record");
        assert_eq!(wide, avc::LengthSize::Four);
        assert!(again == config && (lengths != wide || config.record == bytes));
    }
    if let Ok(config) = aac::Config::parse(&bytes) {
        assert!((7_350..=96_000).contains(&config.sample_rate) && (1..=8).contains(&config.channels));
    }

    let (mut demuxer, mut timeline) = (Demuxer::new(), Timeline::new(Timeline::LEAD));
    let mut last = [None; 2];
    for (n, tag) in tags(input).iter().enumerate() {
        let (track, unit) = match demuxer.push(tag) {
            Ok(Item::Track(track)) => (Some(track), None),
            Ok(Item::Unit(unit)) => (None, Some(unit)),
            Ok(Item::Changed(track, unit)) => (Some(track), Some(unit)),
            Ok(Item::Nothing) | Err(_) => continue,
        };
        if let Some(track) = track {
            timeline.track(&track);
            let again = Demuxer::new().push(&flv::sequence_header(&track, tag.timestamp));
            assert_eq!(again, Ok(Item::Track(track.clone())));
            let kind = usize::from(track.kind == Kind::Audio);
            if last[kind].is_some_and(|at: Timestamp| at.scale != track.scale) {
                last[kind] = None; // a new scale is a new count
            }
        }
        if let Some(unit) = unit {
            if unit.kind == Kind::Video {
                assert!(avc::nals(&unit.data, avc::LengthSize::Four).all(|nal| nal.is_ok()));
            }
            let kind = usize::from(unit.kind == Kind::Audio);
            let arrival = Timeline::LEAD.plus(Timestamp::millis(10 * n as i64));
            if let Some(settled) = timeline.push(unit, arrival) {
                let dts = settled.unit.dts;
                assert!(dts.ticks >= 0 && last[kind].is_none_or(|last| last < dts), "{last:?} {dts:?}");
                last[kind] = Some(dts);
            }
        }
    }
});
