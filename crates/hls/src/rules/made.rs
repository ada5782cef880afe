//! A source, and what workers make of it: any distance behind, dead and replaced, never coming, beside holes and slates of the
//! source. The rules hold in all playlists, and what is made has the source's numbers, dates and breaks.

use std::time::Duration;

use media::{AccessUnit, CodecConfig, Kind, Rational, Timescale, Timestamp, Track};
use proptest::prelude::*;

use super::law;
use super::read::Playlist;
use super::show::Show;
use crate::Mode;
use crate::presentation::tests::{audio_track, sound, video_track};
use crate::presentation::{LATE, Rendition};

/// A source's stream, in the order in which it comes.
#[derive(Clone, Debug)]
struct Source {
    /// Pictures a second, in thousandths.
    fps: u32,
    gop: usize,
    /// Two pictures of three are B-frames.
    reorders: bool,
    /// Leaves out so many of a hundred pictures.
    varies: u32,
    seconds: i64,
    /// Nothing comes for so long, from here on, in ms; with a slate in it, or without.
    holes: Vec<(i64, i64, bool)>,
    breaks: Vec<i64>,
}

/// One rendition that is made of it.
#[derive(Clone, Debug)]
struct Made {
    sound: bool,
    /// Every other picture.
    half: bool,
    reorders: bool,
    /// ms behind the source, and how much that varies.
    lag: i64,
    jitter: i64,
    /// The worker is dead from here on, for so long; what it would have made comes then at once.
    deaths: Vec<(i64, i64)>,
    /// What it makes is lost from here on, for so long.
    lost: Vec<(i64, i64)>,
    /// It comes only after so much of the session; never, where that is longer.
    begins: i64,
    /// Another configuration from here on.
    changes: Option<i64>,
}

impl Made {
    /// Steady, so far behind.
    fn behind(lag: i64) -> Self {
        let (deaths, lost) = Default::default();
        Self {
            sound: false,
            half: false,
            reorders: false,
            lag,
            jitter: 0,
            deaths,
            lost,
            begins: 0,
            changes: None,
        }
    }

    fn of_sound(lag: i64) -> Self {
        Self { sound: true, ..Self::behind(lag) }
    }

    /// Nothing is missing as long as it is never further behind than this.
    fn longest(&self) -> Option<i64> {
        let dead = self.deaths.iter().map(|(_, long)| long).sum::<i64>();
        let whole = self.lost.is_empty() && self.changes.is_none() && self.begins == 0;
        whole.then_some(self.lag + self.jitter + dead)
    }
}

/// Pictures at these moments (ms), in decode order, with a key frame wherever one is said to be.
fn coded(shown: &[(i64, bool)], reorders: bool, size: usize) -> Vec<AccessUnit> {
    let mut order: Vec<usize> = (0..shown.len()).collect();
    if reorders {
        // I0 P3 B1 B2 P6 B4 B5, up to the next key frame.
        let mut at = 0;
        while at + 1 < shown.len() {
            let left = (1..4).take_while(|n| shown.get(at + n).is_some_and(|(_, key)| !key)).count();
            if left == 3 {
                order[at + 1..at + 4].rotate_right(1);
            }
            at += left.max(1);
        }
    }
    let delay = if reorders { 2 } else { 0 };
    let step = shown.get(1).map_or(33, |next| next.0 - shown[0].0);
    let unit = |(n, place): (usize, &usize)| {
        let (pts, key) = shown[*place];
        let dts = if n >= delay { shown[n - delay].0 } else { shown[0].0 - step * (delay - n) as i64 };
        let at = |ms| Timestamp::millis(ms).rescale(Timescale::VIDEO);
        AccessUnit { kind: Kind::Video, dts: at(dts), pts: at(pts), key, data: vec![1; size].into() }
    };
    order.iter().enumerate().map(unit).collect()
}

impl Source {
    fn steady(fps: u32, gop: usize) -> Self {
        let (holes, breaks) = Default::default();
        Self { fps, gop, reorders: false, varies: 0, seconds: 12, holes, breaks }
    }

    /// In each run, between holes and breaks, a timeline that begins with a key frame.
    fn runs(&self) -> Vec<Vec<(i64, bool)>> {
        let mut runs = vec![Vec::new()];
        let (mut n, mut from, mut key) = (0i64, 1_000, 0);
        let (mut holes, mut breaks) = (self.holes.clone(), self.breaks.clone());
        let mut dice = 12_345u32;
        loop {
            let at = from + n * 1_000_000 / i64::from(self.fps);
            if at > 1_000 + self.seconds * 1_000 {
                runs.retain(|run| run.len() > 1);
                return runs;
            }
            n += 1;
            // A run has some pictures.
            let room = runs.last().is_some_and(|run| run.len() > 5);
            holes.retain(|hole| room || hole.0 > at);
            breaks.retain(|moment| room || *moment > at);
            let hole = holes.first().filter(|hole| hole.0 <= at).copied();
            if hole.is_some() || breaks.first().is_some_and(|at_most| *at_most <= at) {
                (from, n, key) = (at + hole.map_or(0, |hole| hole.1), 0, 0);
                match hole {
                    Some(_) => drop(holes.remove(0)),
                    None => drop(breaks.remove(0)),
                }
                runs.push(Vec::new());
                continue;
            }
            dice = dice.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            if key > 0 && (dice >> 8) % 100 < self.varies {
                continue;
            }
            runs.last_mut().unwrap().push((at, key % self.gop == 0));
            key += 1;
        }
    }
}

/// What comes, in ms.
enum Event {
    Source(usize, AccessUnit, bool),
    Break,
    Slate,
    Made(usize, AccessUnit),
    Config(usize, Track),
}

fn frame(n: i64) -> AccessUnit {
    sound(n, 48_000)
}

fn tracks(source: &Source, made: &[Made]) -> Vec<Rendition> {
    let rate = |half: bool| Some(Rational { num: source.fps, den: if half { 2_000 } else { 1_000 } });
    let source = [Rendition::source("video", video_track()), Rendition::source("audio", audio_track(48_000))];
    let of = |(i, one): (usize, &Made)| Rendition {
        made: true,
        frame_rate: rate(one.half).filter(|_| !one.sound),
        ..Rendition::source(format!("made{i}"), if one.sound { audio_track(48_000) } else { smaller(0) })
    };
    source.into_iter().chain(made.iter().enumerate().map(of)).collect()
}

/// Other pictures.
fn smaller(variant: u8) -> Track {
    let mut track = video_track();
    if let CodecConfig::Avc(config) = &mut track.config {
        (config.width, config.height) = (640, 360);
        config.frame_rate = None;
        config.record = vec![1, 0x42, variant, 0x1f, 0xff, 0xe0, 0].into();
    }
    track
}

fn events(source: &Source, made: &[Made]) -> Vec<(i64, Event)> {
    let mut events = Vec::new();
    let mut free: Vec<i64> = made.iter().map(|one| one.begins).collect();
    let runs = source.runs();
    for (number, run) in runs.iter().enumerate() {
        let (first, last) = (run[0].0, run[run.len() - 1].0);
        let before = number.checked_sub(1).map(|n| runs[n][runs[n].len() - 1].0);
        let hole = before.filter(|before| first - before > 100);
        let slate = source
            .holes
            .iter()
            .any(|(at, long, slate)| *slate && *long >= 1_500 && *at <= first && first <= at + long + 50);
        let slate = hole.filter(|_| slate);
        if let Some(before) = slate {
            events.extend((before + 1_500..first).step_by(200).map(|at| (at, Event::Slate)));
        } else if before.is_some() {
            events.push((first, Event::Break));
        }
        let coded_source = coded(run, source.reorders, 30);
        let shift = coded_source[0].pts.minus(coded_source[0].dts).as_millis();
        let came = |unit: &AccessUnit| (unit.pts.as_millis(), unit.dts.as_millis() + shift);
        let came: std::collections::BTreeMap<_, _> = coded_source.iter().map(came).collect();
        for (i, unit) in coded_source.into_iter().enumerate() {
            events.push((unit.dts.as_millis() + shift, Event::Source(0, unit, slate.is_some() && i == 0)));
        }
        let sounds: Vec<_> = ((first * 48 + 1_023) / 1_024..last * 48 / 1_024).map(frame).collect();
        events
            .extend(sounds.iter().map(|unit| (unit.dts.as_millis(), Event::Source(1, unit.clone(), false))));
        for (i, one) in made.iter().enumerate() {
            let shown: Vec<_> = run
                .iter()
                .scan(0, |n, shown| {
                    // Key frames are never left out.
                    *n = if shown.1 { 0 } else { *n + 1 };
                    Some((*n, *shown))
                })
                .filter(|(n, _)| !one.half || n % 2 == 0)
                .map(|(_, shown)| shown)
                .collect();
            let units = if one.sound { sounds.clone() } else { coded(&shown, one.reorders, 20) };
            let shift = units.first().map_or(0, |unit| unit.pts.minus(unit.dts).as_millis());
            let mut changed = false;
            for (n, unit) in units.into_iter().enumerate() {
                let made_of = came.get(&unit.pts.as_millis()).copied().unwrap_or(0);
                let stands = (unit.dts.as_millis() + shift).max(made_of);
                let within = |&&(at, long): &&(i64, i64)| (at..at + long).contains(&stands);
                if one.lost.iter().any(|lost| within(&lost)) || one.begins > source.seconds * 1_000 {
                    continue;
                }
                // A decoder begins with a key frame.
                let dead = one.deaths.iter().find(within).map_or(0, |(at, long)| at + long - stands);
                let wobble = if one.jitter > 0 { (n as i64 * 7_919) % one.jitter } else { 0 };
                let arrival = (stands + one.lag + wobble).max(stands + dead + one.lag).max(free[i]);
                free[i] = arrival;
                if one.changes.is_some_and(|at| stands >= at && unit.key) && !changed {
                    changed = true;
                    events.push((arrival, Event::Config(i, smaller(1))));
                }
                events.push((arrival, Event::Made(i, unit)));
            }
        }
    }
    events.sort_by_key(|(at, event)| (*at, matches!(event, Event::Made(..) | Event::Config(..))));
    events
}

/// Plays it; everything is checked at each change.
fn play(what: &str, mode: Mode, source: &Source, made: &[Made]) -> Show {
    let list = tracks(source, made);
    let kinds: Vec<_> = list.iter().map(|rendition| rendition.track.clone()).collect();
    let plan = crate::Plan::new(mode, None, Duration::from_secs(30));
    let mut show = Show::new(format!("{what} {mode:?} {source:?} {made:#?}"), plan, list);
    let (mut configured, mut now) = (vec![false; made.len()], Duration::ZERO);
    let mut checked = 0;
    for (at, event) in events(source, made) {
        now = Duration::from_millis(at as u64);
        match event {
            Event::Source(r, unit, back) if back && show.presentation.slate_end().is_some() => {
                show.back(r, unit, now);
            }
            Event::Source(r, unit, _) => show.push(r, unit, now),
            Event::Break => show.discontinuity(None, now),
            Event::Slate => show.slate(&kinds, now),
            Event::Config(i, track) => show.configure(2 + i, track, now),
            Event::Made(i, unit) => {
                if !std::mem::replace(&mut configured[i], true) {
                    show.configure(2 + i, kinds[2 + i].clone(), now);
                }
                show.push(2 + i, unit, now);
            }
        }
        let count: usize = show.renditions.iter().map(|seen| seen.playlists.len()).sum();
        if count > checked {
            checked = count;
            check(&mut show, source, made);
        }
    }
    show.finish(now);
    check(&mut show, source, made);
    let late = i64::from(LATE) * 1_000 * i64::from(plan.target_duration);
    for (i, one) in made.iter().enumerate() {
        // A break beside B-frames at an uneven pace may cost a GOP: nobody knows where it is in what is decoded.
        let known = source.varies == 0 || !source.reorders || source.runs().len() == 1;
        if known && one.longest().is_some_and(|longest| longest < late) {
            // Sound waits for the first picture behind a break; at an uneven pace the last frames before one aren't known.
            let breaks = made.iter().filter(|one| one.changes.is_some()).count() + source.runs().len() - 1;
            let each = if one.sound { 8 } else { 5 * source.varies.min(1) + 2 * u32::from(one.half) };
            let most = u64::from(each) * breaks as u64;
            let dropped = show.presentation.dropped(2 + i);
            assert!(dropped <= most, "{}: {i} lost {dropped}", show.what);
            // Sound may have nothing for a few pictures before one.
            let most = if one.sound { 2 * breaks } else { 0 };
            assert!(gaps(&show, 2 + i).len() <= most, "{}: {i} has gaps", show.what);
        }
    }
    show
}

fn check(show: &mut Show, source: &Source, made: &[Made]) {
    let list =
        |show: &Show, r: usize| show.renditions[r].playlists.last().map(|(_, text)| Playlist::read(text));
    let Some(leader) = list(show, 0) else { return };
    for (i, one) in made.iter().enumerate() {
        if let Some(list) = list(show, 2 + i) {
            // With B-frames at an uneven pace the leader's own dates are off by as much as they are reordered.
            let uneven = if source.reorders && source.varies > 0 { 400 } else { 0 };
            let part = uneven + list.part_target.map_or(1_050, |part| 50 + (part * 1e3) as i64);
            // Every other picture is not there where it is cut, or before a key frame.
            let broken = source.gop % 2 == 1 || made.iter().any(|one| one.changes.is_some());
            let between = one.half && (broken || source.gop as u32 * 1_000_000 / source.fps > 1_900);
            let even = source.varies == 0 && one.lost.is_empty() && !between;
            let apart = match (one.sound, one.lost.is_empty()) {
                (false, _) if even => 2,
                (_, false) => 2 * part,
                (_, true) => part,
            };
            show.broken.extend(law::alongside(&leader, &list, apart));
        }
    }
    assert!(show.broken.is_empty(), "{}: {:#?}", show.what, show.broken);
}

fn gaps(show: &Show, r: usize) -> std::collections::BTreeSet<u64> {
    let lists = show.renditions[r].playlists.iter().map(|(_, text)| Playlist::read(text));
    lists.flat_map(|list| list.segments).filter(|s| s.gap).map(|s| s.msn).collect()
}

#[test]
fn a_rendition_may_be_any_distance_behind() {
    for mode in [Mode::UltraLow, Mode::Low, Mode::Normal] {
        for lag in [0, 40, 500, 2_500] {
            let made = [Made::behind(lag), Made { half: true, ..Made::behind(lag) }, Made::of_sound(lag)];
            play("behind", mode, &Source::steady(30_000, 30), &made);
        }
    }
}

#[test]
fn a_replaced_worker_goes_on_in_mid_segment() {
    for reorders in [false, true] {
        let one = Made { reorders, deaths: vec![(5_400, 1_800)], ..Made::behind(30) };
        let source = Source { reorders, ..Source::steady(29_970, 45) };
        let show = play("replaced", Mode::UltraLow, &source, &[one]);
        assert!(gaps(&show, 2).is_empty());
    }
}

#[test]
fn what_is_too_late_is_a_gap_and_the_rest_goes_on() {
    let one = Made { deaths: vec![(5_400, 7_000)], ..Made::behind(30) };
    let source = Source { seconds: 20, ..Source::steady(25_000, 25) };
    let show = play("dead", Mode::UltraLow, &source, &[one]);
    assert!((2..=4).contains(&gaps(&show, 2).len()), "{:?}", gaps(&show, 2));
    assert!(show.presentation.dropped(2) > 50);
    assert!(show.presentation.behind(2).is_some_and(|behind| behind.as_millis() < 500));
}

#[test]
fn a_hole_of_its_own_is_no_break() {
    let one = Made { lost: vec![(5_400, 2_000)], ..Made::behind(100) };
    let show = play("hole", Mode::UltraLow, &Source::steady(25_000, 25), &[one]);
    assert_eq!(gaps(&show, 2).into_iter().collect::<Vec<_>>(), [5, 6, 7]);
    assert!(!show.renditions[0].playlists.last().unwrap().1.contains("DISCONTINUITY\n"));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_renditions_keep_the_rules_and_the_sources_places(
        source in sources(),
        made in prop::collection::vec(renditions(), 1..4),
        mode in prop_oneof![3 => Just(Mode::UltraLow), 1 => Just(Mode::Low), 1 => Just(Mode::Normal)],
    ) {
        play("any", mode, &source, &made);
    }
}

fn sources() -> impl Strategy<Value = Source> {
    let fps = prop_oneof![Just(25_000u32), Just(29_970), Just(30_000), Just(59_940)];
    let holes = prop::collection::vec((2_000..10_000i64, 300..5_000i64, any::<bool>()), 0..3);
    let breaks = prop::collection::vec(2_000..12_000i64, 0..2);
    let varies = prop_oneof![2 => Just(0u32), 1 => 1..40u32];
    (fps, 20..130usize, any::<bool>(), varies, 10..16i64, holes, breaks).prop_map(
        |(fps, gop, reorders, varies, seconds, mut holes, mut breaks)| {
            holes.sort_unstable();
            breaks.sort_unstable();
            Source { fps, gop, reorders, varies, seconds, holes, breaks }
        },
    )
}

fn renditions() -> impl Strategy<Value = Made> {
    let lag = prop_oneof![3 => 0..700i64, 1 => 0..6_000i64];
    let jitter = prop_oneof![Just(0i64), 1..300i64];
    let events = |long: std::ops::Range<i64>| prop::collection::vec((2_000..11_000i64, long), 0..2);
    let begins = prop_oneof![6 => Just(0i64), 2 => 3_000..6_000i64, 1 => Just(1_000_000i64)];
    let changes = prop_oneof![4 => Just(None), 1 => (3_000..9_000i64).prop_map(Some)];
    (any::<[bool; 3]>(), lag, jitter, events(100..6_000), events(100..4_000), begins, changes).prop_map(
        |([sound, half, reorders], lag, jitter, deaths, lost, begins, changes)| Made {
            sound,
            half: half && !sound,
            reorders,
            lag,
            jitter,
            deaths,
            lost,
            begins,
            changes: changes.filter(|_| !sound),
        },
    )
}
