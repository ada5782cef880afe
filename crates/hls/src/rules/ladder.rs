//! Three pictures sizes and the sound, aligned: a fixture's own pictures, played over and over, as a transcoder would
//! deliver them: the same times, each rendition later than the one before.

use std::time::Duration;

use bytes::Bytes;
use media::flv::{Demuxer, Item, Tag, TagKind};
use media::{AccessUnit, Kind, Timeline, Timestamp, Track};

use super::read::Playlist;
use super::show::Show;
use crate::presentation::Rendition;
use crate::{Mode, Plan};

const FLV: &[u8] = include_bytes!("../../../../tests/fixtures/ffmpeg_h264_bframes_aac.flv");

/// The fixture, so often, on the session's clock.
fn fixture(rounds: u32) -> (Vec<Track>, Vec<AccessUnit>) {
    let (mut tracks, mut units) = (Vec::new(), Vec::new());
    let mut timeline = Timeline::new(Timeline::LEAD);
    let mut demuxer = Demuxer::new();
    let mut length = 0;
    for round in 0..rounds {
        let mut rest = &FLV[13..];
        let begin = length * round;
        while rest.len() > 11 {
            let size = u32::from_be_bytes([0, rest[1], rest[2], rest[3]]) as usize;
            let stamp = u32::from_be_bytes([rest[7], rest[4], rest[5], rest[6]]);
            let body = Bytes::copy_from_slice(&rest[11..11 + size]);
            let kind = match rest[0] {
                8 => Some(TagKind::Audio),
                9 => Some(TagKind::Video),
                _ => None,
            };
            rest = &rest[11 + size + 4..];
            let Some(kind) = kind else { continue };
            if round == 0 && kind == TagKind::Video {
                length = length.max(stamp + 33);
            }
            let timestamp = begin + stamp;
            match demuxer.push(&Tag { kind, timestamp, body }).unwrap() {
                Item::Track(track) => {
                    timeline.track(&track);
                    tracks.push(track);
                }
                Item::Unit(unit) => {
                    let arrival = Timestamp::millis(i64::from(timestamp) + 1_000);
                    units.extend(timeline.push(unit, arrival).map(|settled| settled.unit));
                }
                Item::Changed(..) => unreachable!("the fixture's parameters stay as they are"),
                Item::Nothing => {}
            }
        }
    }
    tracks.sort_by_key(|track| track.kind);
    (tracks, units)
}

/// Renditions in this order: pictures, each later than the last by `late` ms, then the sound. `skip`: pictures that the
/// last one lacks at its beginning.
fn ladder(mode: Mode, late: i64, skip: usize) -> Show {
    let (tracks, units) = fixture(8);
    let names = ["video", "720p", "360p", "audio"];
    let renditions =
        names.iter().map(|name| Rendition::source(*name, tracks[usize::from(*name == "audio")].clone()));
    let plan = Plan::new(mode, None, Duration::from_secs(30));
    let mut show = Show::new(format!("{mode:?} ladder, {late} ms, {skip}"), plan, renditions.collect());
    let mut due = Vec::new();
    for unit in units {
        let at = unit.dts.as_millis();
        match unit.kind {
            Kind::Audio => due.push((at, 3, unit)),
            Kind::Video => due.extend((0..3).map(|n| (at + late * n, n as usize, unit.clone()))),
        }
    }
    due.sort_by_key(|(at, n, unit)| (*at, *n, unit.dts));
    let mut skipped = 0;
    for (at, n, unit) in due {
        if n == 2 && skipped < skip {
            skipped += 1;
            continue;
        }
        show.push(n, unit, Duration::from_millis(at as u64));
    }
    show
}

fn newest(show: &Show) -> Vec<Playlist> {
    show.renditions.iter().map(|seen| Playlist::read(&seen.playlists.last().unwrap().1)).collect()
}

#[test]
fn rule_11_renditions_are_aligned() {
    for mode in [Mode::UltraLow, Mode::Low, Mode::Normal] {
        for late in [0, 40, 250] {
            let show = ladder(mode, late, 0);
            let lists = newest(&show);
            for list in &lists {
                assert_eq!((list.target, &list.control), (lists[0].target, &lists[0].control));
                assert_eq!(list.reports.len(), 3, "rule 9: one for every other rendition");
                assert!(list.segments.iter().all(|segment| !segment.gap), "{}", show.what);
            }
            for pictures in &lists[1..3] {
                for segment in pictures.segments.iter().filter(|segment| segment.uri.is_some()) {
                    let leads = lists[0].segments.iter().find(|lead| lead.msn == segment.msn).unwrap();
                    assert_eq!(
                        (segment.date, segment.duration),
                        (leads.date, leads.duration),
                        "{}",
                        show.what
                    );
                }
            }
            for sound in lists[3].segments.iter().filter(|segment| segment.uri.is_some()) {
                let Some(leads) = lists[0].segments.iter().find(|lead| lead.msn == sound.msn) else {
                    continue;
                };
                let apart = sound.date.unwrap() - leads.date.unwrap();
                // A part of sound, where there are parts.
                let late = lists[3].part_target.map_or(24, |part| (part * 1_000.0) as i64);
                assert!((-100..=late).contains(&apart), "{}: {apart} ms", show.what);
            }
        }
    }
}

#[test]
fn discontinuities_are_aligned_in_a_ladder() {
    let mut show = ladder(Mode::UltraLow, 40, 0);
    show.discontinuity(None, Duration::from_secs(60));
    let (_, units) = fixture(1);
    for unit in units {
        let later = |t: Timestamp| t.plus(Timestamp::millis(60_000));
        for n in if unit.kind == Kind::Video { 0..3 } else { 3..4 } {
            let unit = AccessUnit { dts: later(unit.dts), pts: later(unit.pts), ..unit.clone() };
            show.push(n, unit, Duration::from_secs(61));
        }
    }
    let marks = newest(&show)
        .iter()
        .map(|list| list.segments.iter().filter(|s| s.discontinuity).map(|s| s.msn).collect::<Vec<_>>())
        .collect::<Vec<_>>();
    assert!(marks[0].len() == 1 && marks.iter().all(|list| *list == marks[0]), "{marks:?}");
}

#[test]
fn a_rendition_that_begins_later_has_a_gap_at_its_beginning() {
    let show = ladder(Mode::UltraLow, 40, 45);
    let gaps = |r: usize| {
        let all = show.renditions[r].playlists.iter().map(|(_, text)| Playlist::read(text));
        all.flat_map(|list| list.segments)
            .filter(|s| s.gap)
            .map(|s| s.msn)
            .collect::<std::collections::BTreeSet<_>>()
    };
    assert!(gaps(0).is_empty() && gaps(1).is_empty() && gaps(3).is_empty());
    assert_eq!(gaps(2).into_iter().collect::<Vec<_>>(), [1, 2]);
}
