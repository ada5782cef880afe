//! A session in virtual time, with everything that its viewers were given.

use std::collections::BTreeMap;
use std::io::Cursor;
use std::sync::OnceLock;
use std::time::Duration;

use bytes::Bytes;
use media::{AccessUnit, Kind, Timestamp, Track};
use mp4_atom::{Moof, ReadFrom, Styp};

use super::law;
use super::read::Playlist;
use crate::playlist::media::{Report, render};
use crate::presentation::Rendition;
use crate::presentation::slate_tests::slate;
use crate::presentation::tests::{audio_track, picture, rendition, sound, video_track};
use crate::{Change, Index, Mode, Plan, Presentation, reload};

pub(super) const EPOCH: i64 = 1_790_000_000_000;

/// One session; `broken` collects what broke.
pub(super) struct Show {
    pub what: String,
    pub presentation: Presentation,
    pub names: Vec<String>,
    pub renditions: Vec<Seen>,
    pub broken: Vec<String>,
}

/// One rendition, as its viewers saw it.
#[derive(Default)]
pub(super) struct Seen {
    /// After each change: when, and the playlist.
    pub playlists: Vec<(Duration, String)>,
    pub parts: BTreeMap<String, Bytes>,
    pub sealed: Vec<(String, Vec<String>)>,
    newest: Option<Playlist>,
    /// Where the next part's tfdt must be.
    end: Option<u64>,
}

impl Show {
    pub(super) fn new(what: impl Into<String>, plan: Plan, renditions: Vec<Rendition>) -> Self {
        let names: Vec<_> = renditions.iter().map(|rendition| rendition.name.clone()).collect();
        let seen = names.iter().map(|_| Seen::default()).collect();
        let presentation = Presentation::new(plan, EPOCH, renditions);
        Self { what: what.into(), presentation, names, renditions: seen, broken: Vec::new() }
    }

    pub(super) fn of(what: impl Into<String>, mode: Mode, latency: Option<f64>, tracks: &[Track]) -> Self {
        let plan = Plan::new(mode, latency.map(Duration::from_secs_f64), Duration::from_secs(30));
        Self::new(what, plan, tracks.iter().cloned().map(rendition).collect())
    }

    pub(super) fn push(&mut self, rendition: usize, unit: AccessUnit, now: Duration) {
        let changes = self.presentation.push(rendition, unit);
        self.apply(changes, now);
    }

    pub(super) fn configure(&mut self, rendition: usize, track: Track, now: Duration) {
        let changes = self.presentation.configure(rendition, track);
        self.apply(changes, now);
    }

    pub(super) fn discontinuity(&mut self, track: Option<(usize, Track)>, now: Duration) {
        let changes = self.presentation.discontinuity(track);
        self.apply(changes, now);
    }

    /// A slate is shown up to `now`, or more of it.
    pub(super) fn slate(&mut self, tracks: &[Track], now: Duration) {
        let to = Timestamp::millis(now.as_millis() as i64);
        let changes = match self.presentation.slate_end() {
            Some(_) => self.presentation.advance(to),
            None => self.presentation.slate(slate(tracks), to),
        };
        self.apply(changes, now);
    }

    /// A key frame behind the slate ends it: the same update has both.
    pub(super) fn back(&mut self, rendition: usize, unit: AccessUnit, now: Duration) {
        let mut changes = self.presentation.back(unit.pts);
        changes.extend(self.presentation.push(rendition, unit));
        self.apply(changes, now);
    }

    pub(super) fn finish(&mut self, now: Duration) {
        let changes = self.presentation.finish();
        self.apply(changes, now);
    }

    pub(super) fn index(&self, rendition: usize) -> &Index {
        self.presentation.index(rendition).unwrap()
    }

    fn apply(&mut self, changes: crate::presentation::Changes, now: Duration) {
        if changes.is_empty() {
            return;
        }
        for (r, set) in changes {
            for change in set.changes {
                self.change(r, change);
            }
        }
        let count = self.names.len();
        let mut lists = Vec::new();
        let listed: Vec<_> = (0..count).map(|r| self.presentation.is_listed(r)).collect();
        for r in 0..count {
            let Some(index) = self.presentation.index(r) else {
                assert!(!listed[r], "{}: nothing is listed that isn't there", self.what);
                lists.push(None);
                continue;
            };
            let other =
                |other: usize| Report::of(format!("../{}/media.m3u8", self.names[other]), self.index(other));
            let reports: Vec<_> =
                (0..count).filter(|other| *other != r && listed[*other]).filter_map(other).collect();
            let text = render(index, None, &reports);
            let list = Playlist::read(&text);
            self.broken.extend(law::within(&list));
            // Nobody has one from before a player could begin.
            let joinable = reload::joinable(self.index(r));
            let seen = &mut self.renditions[r];
            if let Some(old) = seen.newest.take() {
                self.broken.extend(law::between(&old, &list));
                seen.newest = Some(list.clone());
            } else if joinable {
                seen.newest = Some(list.clone());
            }
            seen.playlists.push((now, text));
            lists.push(Some(list));
        }
        let there = |r: &usize| lists[*r].is_some();
        let names: Vec<_> = (0..count).filter(there).map(|r| self.names[r].clone()).collect();
        let listed: Vec<_> = (0..count).filter(there).map(|r| listed[r]).collect();
        let lists: Vec<_> = lists.into_iter().flatten().collect();
        if !lists.is_empty() {
            self.broken.extend(law::beside(&names, &lists, &listed));
        }
        assert!(self.broken.is_empty(), "{}: {:#?}", self.what, self.broken);
    }

    /// What the bytes of a part must agree with.
    fn change(&mut self, r: usize, change: Change) {
        let kind = self.presentation.renditions()[r].track.kind;
        let seen = &mut self.renditions[r];
        match change {
            Change::Part(part) => {
                let mut reader = Cursor::new(&part.data);
                if part.index == 0 {
                    Styp::read_from(&mut reader).unwrap();
                }
                let moof = Moof::read_from(&mut reader).unwrap();
                let traf = &moof.traf[0];
                let tfdt = traf.tfdt.as_ref().unwrap().base_media_decode_time;
                let entries: Vec<_> = traf.trun[0].samples.iter().collect();
                let long: u64 = entries.iter().map(|e| u64::from(e.duration.unwrap())).sum();
                let key = kind == Kind::Audio || entries[0].flags.unwrap() & 0x1_0000 == 0;
                let mut law = |rule: u32, holds: bool| {
                    if !holds {
                        self.broken.push(format!("rule {rule}: {:?} has {long} from {tfdt}", part.info));
                    }
                };
                law(3, Timestamp::new(long as i64, part.info.duration.scale) == part.info.duration);
                law(4, key == part.info.independent);
                law(16, part.index == 0 && part.discontinuity || seen.end.is_none_or(|end| end == tfdt));
                let shown = tfdt as i64 + entries[0].cts.unwrap_or(0);
                law(6, Timestamp::new(shown, part.info.duration.scale) == part.start);
                seen.end = Some(tfdt + long);
                assert!(seen.parts.insert(part.info.uri(), part.data).is_none(), "a part's name comes once");
            }
            Change::Sealed(segment) => {
                if segment.gap {
                    seen.end = None;
                }
                let parts = segment.parts.iter().map(|part| part.uri()).collect();
                seen.sealed.push((segment.uri(), parts));
            }
            Change::Init(_) | Change::Removed(_) | Change::Late { .. } => {}
        }
    }
}

/// Sends so many seconds from `from` ms: pictures at `fps` with a key frame each `gop`, and 48 kHz sound, as they come:
/// `video` and `audio` are the renditions' places.
pub(super) fn steady(
    show: &mut Show,
    video: Option<usize>,
    audio: Option<usize>,
    from: i64,
    seconds: i64,
    fps: i64,
    gop: i64,
) {
    let mut n = (from * 48 + 1_023) / 1_024;
    let frames = seconds * fps;
    for i in 0..frames {
        let at = from + (i * 1_000 + fps / 2) / fps;
        let now = Duration::from_millis(at as u64);
        while let Some(audio) = audio.filter(|_| n * 1_024 / 48 < at) {
            show.push(audio, sound(n, 48_000), now);
            n += 1;
        }
        if let Some(video) = video {
            show.push(video, picture(at, i % gop == 0, if i % gop == 0 { 300 } else { 30 }), now);
        }
    }
}

/// The sessions that every rule is held against, played once.
pub(super) fn all() -> &'static [Show] {
    static ALL: OnceLock<Vec<Show>> = OnceLock::new();
    ALL.get_or_init(play)
}

fn play() -> Vec<Show> {
    let mut shows = Vec::new();
    for (mode, latency, seconds) in [
        (Mode::UltraLow, None, 38),
        (Mode::UltraLow, Some(1.5), 38),
        (Mode::UltraLow, Some(4.0), 38),
        (Mode::Low, None, 42),
        (Mode::Normal, None, 60),
    ] {
        for (name, video, audio) in
            [("video and audio", Some(0), Some(1)), ("video", Some(0), None), ("audio", None, Some(0))]
        {
            let tracks: Vec<_> =
                video.map(|_| video_track()).into_iter().chain(audio.map(|_| audio_track(48_000))).collect();
            let mut show = Show::of(format!("{mode:?} {latency:?} {name}"), mode, latency, &tracks);
            steady(&mut show, video, audio, 1_000, seconds, 30, 60);
            shows.push(show);
        }
    }
    shows
}
