#![allow(clippy::unwrap_used, clippy::panic)]

use std::io::Cursor;
use std::time::Duration;

use media::{AccessUnit, Kind, Rational, Timescale, Timestamp, Track, aac, avc};
use proptest::prelude::*;

use super::{Changes, Presentation, Rendition};
use crate::index::FIRST_MSN;
use crate::journal::{self, Log};
use crate::playlist::{Skip, media::render};
use crate::{Change, Index, Mode, Part, PartInfo, Plan, Segment, reload};

pub(crate) fn video_track() -> Track {
    Track::video(avc::Config {
        record: vec![1, 0x64, 0, 0x1f, 0xff, 0xe0, 0].into(),
        width: 1280,
        height: 720,
        profile: [0x64, 0, 0x1f],
        frame_rate: Some(Rational { num: 30, den: 1 }),
        sample_aspect: Rational { num: 1, den: 1 },
    })
}

pub(crate) fn audio_track(hz: u32) -> Track {
    Track::audio(aac::Config { asc: vec![0x11, 0x90].into(), object_type: 2, sample_rate: hz, channels: 2 })
}

pub(crate) fn rendition(track: Track) -> Rendition {
    Rendition::source(track.kind.name(), track)
}

/// A picture at `dts` ms, shown 66 ms later.
pub(crate) fn picture(dts: i64, key: bool, size: usize) -> AccessUnit {
    let at = |ms| Timestamp::millis(ms).rescale(Timescale::VIDEO);
    let data = vec![(dts % 251) as u8; size].into();
    AccessUnit { kind: Kind::Video, dts: at(dts), pts: at(dts + 66), key, data }
}

/// AAC frame number `n`.
pub(crate) fn sound(n: i64, hz: u32) -> AccessUnit {
    let at = Timestamp::new(n * 1024, Timescale::new(hz).unwrap());
    AccessUnit { kind: Kind::Audio, dts: at, pts: at, key: true, data: vec![(n % 251) as u8; 30].into() }
}

/// A presentation with everything that came out of it.
pub(crate) struct Rig {
    pub(crate) presentation: Presentation,
    pub(crate) parts: Vec<Vec<Part>>,
    pub(crate) sealed: Vec<Vec<Segment>>,
    pub(crate) journal: Vec<Vec<Vec<u8>>>,
    /// Media that came late: journal files of their own.
    pub(crate) late: Vec<Vec<Vec<u8>>>,
    logs: Vec<Option<Log>>,
    late_logs: Vec<Option<Log>>,
    removed: Vec<u64>,
    full: Vec<String>,
}

impl Rig {
    pub(crate) fn new(plan: Plan, tracks: &[Track]) -> Self {
        let n = tracks.len();
        let renditions = tracks.iter().cloned().map(rendition).collect();
        Self {
            presentation: Presentation::new(plan, 1_790_000_000_000, renditions),
            parts: vec![Vec::new(); n],
            sealed: vec![Vec::new(); n],
            journal: vec![Vec::new(); n],
            late: vec![Vec::new(); n],
            logs: (0..n).map(|_| None).collect(),
            late_logs: (0..n).map(|_| None).collect(),
            removed: vec![0; n],
            full: vec![String::new(); n],
        }
    }

    pub(crate) fn push(&mut self, r: usize, unit: AccessUnit) {
        let changes = self.presentation.push(r, unit);
        self.apply(changes);
    }

    pub(crate) fn discontinuity(&mut self, track: Option<(usize, Track)>) {
        if let Some((r, track)) = &track
            && let Some(log) = &mut self.logs[*r]
        {
            log.set_track(track.clone());
        }
        let changes = self.presentation.discontinuity(track);
        self.apply(changes);
    }

    pub(crate) fn finish(&mut self) {
        let changes = self.presentation.finish();
        self.apply(changes);
    }

    pub(crate) fn index(&self, r: usize) -> &Index {
        self.presentation.index(r).unwrap()
    }

    pub(crate) fn scan(&self, r: usize) -> Vec<journal::Index> {
        self.journal[r].iter().map(|bytes| journal::scan(Cursor::new(bytes)).unwrap()).collect()
    }

    pub(crate) fn apply(&mut self, changes: Changes) {
        let mut touched = vec![false; self.parts.len()];
        for (r, set) in changes {
            touched[r] = true;
            let index = self.presentation.index(r).unwrap().clone();
            let rendition = &self.presentation.renditions()[r];
            let rate = self.presentation.frame_rate(r);
            let log = self.logs[r].get_or_insert_with(|| {
                let control = index.control.clone();
                Log::new("ses_1", rendition.name.clone(), control, rendition.track.clone(), rate, None)
            });
            for change in set.changes {
                if let Change::Late { place, change } = &change {
                    let track = rendition.track.clone();
                    let log = self.late_logs[r].get_or_insert_with(|| {
                        Log::new("ses_1", rendition.name.clone(), index.control.clone(), track, rate, None)
                    });
                    log.set_late(*place);
                    for write in log.apply(change) {
                        match write {
                            journal::Write::Open { head, .. } => self.late[r].push(head.to_vec()),
                            journal::Write::Append(data) => self.late[r].last_mut().unwrap().extend(data),
                        }
                    }
                    continue;
                }
                for write in log.apply(&change) {
                    match write {
                        journal::Write::Open { head, .. } => self.journal[r].push(head.to_vec()),
                        journal::Write::Append(data) => self.journal[r].last_mut().unwrap().extend(data),
                    }
                }
                match change {
                    Change::Init(_) => {}
                    Change::Late { .. } => {}
                    Change::Part(part) => self.parts[r].push(part),
                    Change::Sealed(segment) => self.sealed[r].push((*segment).clone()),
                    Change::Removed(segment) => {
                        assert_eq!(segment.msn, FIRST_MSN + self.removed[r]);
                        self.removed[r] += 1;
                    }
                }
            }
        }
        for r in (0..self.parts.len()).filter(|r| touched[*r]) {
            let Some(index) = self.presentation.index(r).cloned() else { continue };
            assert_eq!(index.media_sequence(), FIRST_MSN + self.removed[r]);
            self.check_delta(r, &index);
        }
    }

    /// Everything in the journal, what came late last.
    pub(crate) fn scan_all(&self, r: usize) -> Vec<journal::Index> {
        let files = self.journal[r].iter().chain(&self.late[r]);
        files.map(|bytes| journal::scan(Cursor::new(bytes)).unwrap()).collect()
    }

    /// Rule 22: the reconstruction equals the full playlist, but that a delta says its first MAP anew.
    fn check_delta(&mut self, r: usize, index: &Index) {
        let full = render(index, None, &[]);
        let delta = render(index, Some(Skip::Yes), &[]);
        if let Some((head, tail)) = delta.split_once("#EXT-X-SKIP:SKIPPED-SEGMENTS=") {
            let (count, tail) = tail.split_once('\n').unwrap();
            // Lines of the first `count` segments, from the full playlist that a client had.
            let known = if self.full[r].contains("#EXTINF") { &self.full[r] } else { &full };
            let gone = media_sequence(&full) - media_sequence(known);
            let count: usize = count.parse().unwrap();
            let body = &known[known.find("#EXT-X-DISCONTINUITY-SEQUENCE").unwrap()..];
            let body = &body[body.find('\n').unwrap() + 1..];
            let mut blocks = body.split_inclusive(".m4s\n").collect::<Vec<_>>();
            blocks.drain(..gone as usize);
            let mut skipped: String = blocks[..count].concat();
            // What the client knows of the MAP it writes before its first segment.
            if gone > 0
                && !skipped.starts_with("#EXT-X-MAP")
                && !skipped.starts_with("#EXT-X-DISCONTINUITY\n#EXT-X-MAP")
            {
                let init = index.segments().next().unwrap().init;
                let at = if skipped.starts_with("#EXT-X-DISCONTINUITY\n") { 21 } else { 0 };
                skipped.insert_str(at, &format!("#EXT-X-MAP:URI=\"init{init}.mp4\"\n"));
            }
            let parts = |line: &&str| !line.starts_with("#EXT-X-PART:");
            let strip = |text: String| text.split_inclusive('\n').filter(parts).collect::<String>();
            let rebuilt = format!("{}{}", head.replace("VERSION:9", "VERSION:6"), strip(skipped) + tail);
            assert_eq!(maps_once(&rebuilt), full);
        } else {
            assert_eq!(delta, full);
        }
        self.full[r] = full;
    }

    /// Everything the rules ask of a rendition's parts and segments.
    pub(crate) fn check_rules(&self) {
        for r in 0..self.parts.len() {
            let Some(index) = self.presentation.index(r) else { continue };
            let target = index.control.part_target;
            let td = index.control.plan.target_duration;
            let mut parts = self.parts[r].iter().peekable();
            let mut number = 0;
            let mut end = None;
            for (msn, segment) in (FIRST_MSN..).zip(&self.sealed[r]) {
                assert_eq!(segment.msn, msn, "MSN without a hole");
                assert!(segment.duration.seconds().round() <= f64::from(td), "{segment:?}");
                assert_eq!(segment.gap, segment.parts.is_empty());
                if segment.gap || segment.discontinuity {
                    end = None;
                }
                let mut ticks = Timestamp::new(0, segment.duration.scale);
                for (i, info) in segment.parts.iter().enumerate() {
                    let part = parts.next().unwrap();
                    assert_eq!((part.info, part.msn, part.index), (*info, segment.msn, i as u32));
                    assert_eq!(part.info.number, number, "the hint comes true");
                    number += 1;
                    let limit = Timestamp::new(target.ticks.into(), target.scale);
                    assert!(info.duration <= limit, "part {info:?} over {limit:?}");
                    let share = info.duration.seconds() / limit.seconds();
                    let last = i + 1 == segment.parts.len();
                    assert!(share >= 0.8499 || last || info.independent, "{share} {info:?} in {segment:?}");
                    assert_eq!(&part.data[4..8], if i == 0 { b"styp" } else { b"moof" });
                    assert_eq!(end.unwrap_or(part.decode_time), part.decode_time, "contiguous tfdt");
                    end = Some(part.decode_time + info.duration.rescale(segment.duration.scale).ticks as u64);
                    ticks = ticks.plus(info.duration);
                }
                if !segment.gap {
                    assert_eq!(ticks, segment.duration);
                }
            }
            let files = self.scan(r);
            let read = journal::segments(&files.iter().collect::<Vec<_>>());
            let media = |list: &[Segment]| list.iter().filter(|s| !s.gap).cloned().collect::<Vec<_>>();
            let mut made = media(&self.sealed[r]);
            made.extend(index.open().filter(|s| !s.parts.is_empty()).cloned());
            assert_eq!(media(&read), made, "the journal says the same");
            assert!(files.iter().all(|f| f.torn == 0));
        }
    }
}

fn media_sequence(playlist: &str) -> u64 {
    let (_, tail) = playlist.split_once("#EXT-X-MEDIA-SEQUENCE:").unwrap();
    tail.lines().next().unwrap().parse().unwrap()
}

/// Sends `seconds` of 30 fps with a key frame each `gop` pictures, and 48 kHz sound, interleaved.
/// Without an EXT-X-MAP that is in force already.
fn maps_once(text: &str) -> String {
    let mut now = String::new();
    let mut out = String::new();
    for line in text.split_inclusive('\n') {
        let map = line.starts_with("#EXT-X-MAP");
        if !map || line != now {
            out.push_str(line);
        }
        if map {
            now = line.to_owned();
        }
    }
    out
}

pub(crate) fn steady(rig: &mut Rig, from_ms: i64, seconds: i64, gop: i64) {
    let mut n = ((from_ms + 66) * 48 + 1023) / 1024;
    for i in 0..seconds * 30 {
        let at = from_ms + (i * 100 + 1) / 3;
        while n * 1024 / 48 < at + 66 {
            rig.push(1, sound(n, 48_000));
            n += 1;
        }
        rig.push(0, picture(at, i % gop == 0, if i % gop == 0 { 3000 } else { 300 }));
    }
}

fn durations(rig: &Rig, r: usize) -> Vec<i64> {
    rig.sealed[r].iter().map(|s| s.duration.as_millis()).collect()
}

#[test]
fn audio_follows_the_cuts_of_video() {
    let mut rig = Rig::new(Plan::default(), &[video_track(), audio_track(48_000)]);
    steady(&mut rig, 0, 10, 30);
    rig.finish();
    rig.check_rules();
    assert_eq!(durations(&rig, 0)[..9], [1000; 9]);
    assert_eq!(rig.sealed[1].len(), 10);
    for (video, audio) in rig.sealed[0].iter().zip(&rig.sealed[1]).skip(1) {
        let late = audio.start.minus(video.start).as_millis();
        assert!((0..214).contains(&late), "{late}");
        let full = |part: &&PartInfo| part.duration.ticks == 10 * 1024;
        // The end of the session may cut the very last one.
        let last = usize::from(audio.msn == 10);
        assert!(
            audio.parts.iter().filter(full).count() + last >= audio.parts.len(),
            "whole parts: {audio:?}"
        );
    }
}

#[test]
fn b_frames_come_before_they_are_decoded_and_dates_are_tfdt() {
    let mut rig = Rig::new(Plan::default(), &[video_track(), audio_track(48_000)]);
    steady(&mut rig, 0, 5, 30);
    rig.finish();
    rig.check_rules();
    for r in 0..2 {
        for (segment, first) in rig.sealed[r].iter().zip(rig.parts[r].iter().filter(|part| part.index == 0)) {
            assert_eq!(segment.start.ticks as u64, first.decode_time);
            // A key frame is shown when it is decoded, but for the publisher's milliseconds.
            assert!(first.start.minus(segment.start).as_millis().abs() <= 1, "{first:?}");
        }
    }
    assert_eq!(rig.sealed[0][0].start.as_millis(), 66);
}

#[test]
fn long_gops_are_cut_without_a_key_frame() {
    let mut rig = Rig::new(Plan::default(), &[video_track(), audio_track(48_000)]);
    steady(&mut rig, 0, 12, 1_000);
    rig.finish();
    rig.check_rules();
    assert!(rig.sealed[0].iter().all(|s| s.duration.as_millis() <= 2_450));
    assert_eq!(rig.sealed[0].len(), rig.sealed[1].len());
}

#[test]
fn a_changed_track_ends_the_hint_under_the_old_map_and_aligns_all() {
    let mut rig = Rig::new(Plan::default(), &[video_track(), audio_track(48_000)]);
    steady(&mut rig, 0, 3, 30);
    let hint = rig.index(0).next_part();
    let mut track = video_track();
    if let media::CodecConfig::Avc(config) = &mut track.config {
        config.record = vec![1, 0x42, 0, 0x1f, 0xff, 0xe0, 0].into();
    }
    rig.discontinuity(Some((0, track)));
    assert_eq!(rig.parts[0].last().unwrap().info.number, hint);
    assert_eq!(rig.parts[0].last().unwrap().init, 0);
    let text = render(rig.index(0), None, &[]);
    assert!(text.contains("#EXT-X-DISCONTINUITY\n#EXT-X-MAP:URI=\"init1.mp4\"\n#EXT-X-PRELOAD"), "{text}");
    assert_eq!(rig.index(0).current_msn(), rig.index(1).current_msn());
    steady(&mut rig, 3_100, 3, 30);
    rig.finish();
    rig.check_rules();
    for r in 0..2 {
        let marks: Vec<u64> = rig.sealed[r].iter().filter(|s| s.discontinuity).map(|s| s.msn).collect();
        assert_eq!(marks, [4], "rendition {r}");
    }
    assert_eq!(rig.sealed[0].last().unwrap().init, 1);
    assert_eq!(rig.sealed[1].last().unwrap().init, 0);
}

#[test]
fn a_silent_leader_leaves_gaps_and_comes_back_aligned() {
    let mut rig = Rig::new(Plan::default(), &[video_track(), audio_track(48_000)]);
    steady(&mut rig, 0, 3, 30);
    for n in 141..600 {
        rig.push(1, sound(n, 48_000));
    }
    steady(&mut rig, 12_800, 3, 30);
    rig.finish();
    rig.check_rules();
    assert!(rig.sealed[0].iter().any(|s| s.gap));
    assert_eq!(rig.sealed[0].len(), rig.sealed[1].len());
    let marks =
        |r: usize| rig.sealed[r].iter().filter(|s| s.discontinuity).map(|s| s.msn).collect::<Vec<_>>();
    assert_eq!(marks(0), marks(1));
}

#[test]
fn audio_that_stops_or_never_comes_leaves_gaps() {
    let mut rig = Rig::new(Plan::default(), &[video_track(), audio_track(48_000)]);
    for i in 0..300 {
        rig.push(0, picture(i * 100 / 3, i % 30 == 0, 100));
    }
    rig.finish();
    rig.check_rules();
    assert_eq!(rig.sealed[0].len(), 10);
    assert!(rig.sealed[1].iter().all(|s| s.gap) && rig.sealed[1].len() >= 8);
}

#[test]
fn audio_alone_leads_itself() {
    for mode in [Mode::UltraLow, Mode::Low, Mode::Normal] {
        let plan = Plan::new(mode, None, Duration::from_secs(30));
        let mut rig = Rig::new(plan, &[audio_track(44_100)]);
        for n in 0..2_000 {
            rig.push(0, sound(n, 44_100));
        }
        rig.finish();
        rig.check_rules();
        assert!(rig.sealed[0].len() > 5);
        assert_eq!(rig.presentation.multivariant("ses_1", false).unwrap().lines().count(), 3);
    }
}

#[test]
fn resumes_from_its_journals() {
    let mut rig = Rig::new(Plan::default(), &[video_track(), audio_track(48_000)]);
    steady(&mut rig, 0, 5, 30);
    let journals: Vec<_> = (0..2).map(|r| rig.scan(r)).collect();
    let renditions = vec![rendition(video_track()), rendition(audio_track(48_000))];
    let plan = Plan::new(Mode::Low, None, Duration::from_secs(60));
    let (presentation, changes) = Presentation::resume(plan, 5, renditions, &journals);
    assert_eq!(presentation.plan(), &Plan::default());
    assert!(changes.iter().all(|(_, set)| set.changes.is_empty()), "the MAP is the same");
    let before: Vec<Part> = rig.parts[0].clone();
    rig.presentation = presentation;
    for r in 0..2 {
        assert_eq!(rig.index(r).current_msn(), rig.index(0).current_msn());
        assert_eq!(rig.index(r).next_part(), rig.parts[r].len() as u64);
        assert_eq!(rig.index(r).segments().next().unwrap().msn, FIRST_MSN);
    }
    steady(&mut rig, 9_000, 3, 30);
    let next = &rig.parts[0][before.len()];
    assert!(next.discontinuity && next.index == 0 && next.discontinuity_sequence == 1);
    assert_eq!(next.msn, before.last().unwrap().msn + 1);
    assert_eq!(next.start.as_millis(), 9_066);
}

#[test]
fn the_window_slides_and_the_hint_waits() {
    let mut rig = Rig::new(Plan::default(), &[video_track(), audio_track(48_000)]);
    steady(&mut rig, 0, 45, 30);
    rig.check_rules();
    assert!((30..=31).contains(&rig.index(0).segments().len()));
    let next = rig.index(0).next_part();
    assert_eq!(reload::ask_part(rig.index(0), next), reload::Reload::Wait);
    assert_eq!(reload::ask_part(rig.index(0), next + 1), reload::Reload::Refuse(404, "no such part"));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]

    /// Any sequence of units keeps the rules: frame rates that change, late and missing frames, bursts, breaks.
    #[test]
    fn any_units_keep_the_rules(
        steps in prop::collection::vec((prop_oneof![8 => 30..37i64, 2 => 0..300i64, 1 => 0..4_000i64], 0..60u8), 20..400),
        gop in 1..200usize,
        shift in -200..200i64,
        mode in prop_oneof![Just(Mode::UltraLow), Just(Mode::Low), Just(Mode::Normal)],
        sound_every in prop_oneof![Just(1i64), Just(1), Just(7), Just(1_000)],
    ) {
        let plan = Plan::new(mode, None, Duration::from_secs(30));
        let mut rig = Rig::new(plan, &[video_track(), audio_track(48_000)]);
        let (mut at, mut n) = (300, 0);
        for (i, (delta, what)) in steps.into_iter().enumerate() {
            at += delta;
            rig.push(0, picture(at, i % gop == 0, 20));
            while n * 1024 / 48 < at + shift {
                if n % sound_every == 0 {
                    rig.push(1, sound(n, 48_000));
                }
                n += 1;
            }
            if what == 0 {
                rig.discontinuity(None);
            }
        }
        rig.check_rules();
        rig.finish();
        rig.check_rules();
    }
}
