//! One rendition: access units in, parts and segments out.
//!
//! ```text
//!            first unit               next unit                     next unit opens a segment
//!  (closed) ───────────▶ pending ──▶ sample of the open part ──▶ part ──▶ … ──▶ segment sealed
//!      ▲                                  part full: closed at once                 │
//!      └──────────── close: flushes what is pending, seals short ◀──────────────────┘
//! ```
//!
//! DTS is ours to choose between two pictures, PTS is not: where the publisher's DTS would make a part longer than
//! PART-TARGET, or leave it under 85 % of it (a late frame, a changed frame rate), the next unit's DTS moves forward
//! and its composition offset makes up for it, so that every part keeps the rule and every picture its time.

mod aside;
mod cut;
mod made;
mod stand_in;

use std::time::Duration;

use bytes::Bytes;
use media::avc::{self, LengthSize};
use media::{AccessUnit, Kind, Timescale, Timestamp, Track};

pub use cut::Cut;

use crate::journal::Sample;
use crate::mp4::{fragment, init};
use crate::{Change, Changeset, Control, Index, Part, PartInfo};

/// What a packager must know before its first unit.
#[derive(Clone, Debug)]
pub struct Config {
    /// What is the same for the whole session.
    pub control: Control,
    /// A nominal frame, in the track's scale.
    pub frame: u32,
    /// Where its segments end.
    pub role: Role,
}

/// Where a rendition's segments end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// At its own key frames.
    Leads,
    /// Where the leader's do: `cut` comes with it, or a part later.
    Follows,
    /// Where its marks are, which may be seconds ahead of it.
    Made,
}

/// Packs one rendition. Needs one unit of look-ahead: a sample lasts until the next one's DTS.
#[derive(Debug)]
pub struct Packager {
    index: Index,
    kind: Kind,
    scale: Timescale,
    target: i64,
    role: Role,
    /// The last sample's duration: what the next one's is taken to be.
    frame: i64,
    /// Pictures before the first key frame can't be shown.
    wants_key: bool,
    pending: Option<Pending>,
    part: Vec<(Sample, Bytes)>,
    part_ticks: i64,
    part_dts: i64,
    part_pts: i64,
    segment_dts: i64,
    /// How much later than the publisher's our DTS are.
    delay: Option<i64>,
    /// DTS of the last key frame.
    key_dts: Option<i64>,
    /// How long the last whole GOP was.
    gop: i64,
    /// Where the last sample ends, on one timeline.
    end: Option<i64>,
    cut: Option<Cut>,
    /// The last key frame and its composition offset: stands in where a hint must come true and nothing is pending.
    last_key: Option<(Bytes, i64)>,
    track: Track,
    /// For media that isn't shown.
    aside: bool,
    /// The same under the MAP before, and that.
    former_key: Option<(Bytes, (Bytes, i64))>,
    dropped: u64,
}

/// A unit whose duration isn't known yet.
#[derive(Debug)]
struct Pending {
    dts: i64,
    pts: i64,
    key: bool,
    data: Bytes,
}

impl Packager {
    /// Before the first unit of a session. The changeset has the initialisation segment.
    pub fn new(config: Config, track: &Track) -> (Self, Changeset) {
        Self::resume(config.clone(), track, Index::new(config.control))
    }

    /// Goes on where `index` ends, after a DISCONTINUITY if there is anything in it.
    pub(crate) fn resume(config: Config, track: &Track, index: Index) -> (Self, Changeset) {
        let mut packager = Self {
            index,
            kind: track.kind,
            scale: track.scale,
            target: 1,
            role: config.role,
            frame: i64::from(config.frame.max(1)),
            wants_key: true,
            pending: None,
            part: Vec::new(),
            part_ticks: 0,
            part_dts: 0,
            part_pts: 0,
            segment_dts: 0,
            delay: None,
            key_dts: None,
            gop: 0,
            end: None,
            cut: None,
            last_key: None,
            track: track.clone(),
            aside: false,
            former_key: None,
            dropped: 0,
        };
        let mut out = Changeset::default();
        packager.index.set_discontinuity();
        packager.set_track(track, &mut out);
        (packager, out)
    }

    /// Takes the next unit in decode order.
    pub fn push(&mut self, unit: AccessUnit) -> Changeset {
        let mut out = Changeset::default();
        if self.wants_key && !unit.key {
            self.dropped += 1;
            return out;
        }
        if self.hole(&unit).is_some() {
            self.break_off(None, &mut out);
        }
        self.wants_key = false;
        if self.kind == Kind::Video && avc::has_captions(&unit.data, LengthSize::Four) {
            self.index.set_captions();
        }
        let pts = unit.pts.rescale(self.scale).ticks;
        self.delay.get_or_insert_with(|| pts - unit.dts.rescale(self.scale).ticks);
        let dts = self.dts(&unit);
        let mut next = Pending { dts: dts.max(0), pts, key: unit.key, data: unit.data };
        match self.pending.take() {
            None => {
                // After a close without a discontinuity decode time stays contiguous.
                next.dts = self.end.unwrap_or(next.dts);
                let unmet = self.cut.filter(|cut| self.meets(cut, next.pts, next.key));
                if let (Some(cut), None) = (unmet, self.index.open()) {
                    self.gap(cut, &mut out);
                }
                self.begin(&next);
            }
            Some(last) => {
                // Two units at one DTS, or out of order: a millisecond apart, so that counts stay bounded.
                let step = i64::from(self.scale.hz() / 1000).max(1);
                let wanted = (next.dts - last.dts).max(step);
                let duration = self.fit(last.dts, wanted, &mut out);
                next.dts = last.dts + duration;
                self.frame = duration.clamp(step, self.scale.hz().into());
                self.add(last, duration);
                if self.starts(&next) {
                    self.close_part(&mut out);
                    self.seal(&mut out);
                    self.cut = None;
                    self.begin(&next);
                } else if self.part_ticks + self.frame > self.target && self.enough() {
                    self.close_part(&mut out);
                }
            }
        }
        if next.key {
            self.last_key = Some((next.data.clone(), next.pts - next.dts));
            self.gop = self.key_dts.map_or(0, |dts| next.dts - dts);
            self.key_dts = Some(next.dts);
        }
        self.pending = Some(next);
        out
    }

    /// Closes the open segment short; where there is no media in it, a GAP of `or` takes its place.
    pub fn close(&mut self, or: Cut) -> Changeset {
        let mut out = Changeset::default();
        if !self.flush(&mut out) {
            self.gap(or, &mut out);
        }
        self.cut = None;
        out
    }

    /// The same before a break: what was seen last goes on, and silence.
    pub(crate) fn close_for_good(&mut self, or: Cut) -> Changeset {
        let mut out = Changeset::default();
        if !self.flush(&mut out) && !self.fill(&or, &mut out) {
            self.gap(or, &mut out);
        }
        self.cut = None;
        out
    }

    /// Between two segments: what is there is listed no more.
    pub(crate) fn begin_here(&mut self) {
        self.index.begin_here();
    }

    /// Closes the open segment short; the next begins after DISCONTINUITY, under `track` where given.
    pub fn discontinuity(&mut self, track: Option<&Track>) -> Changeset {
        let mut out = Changeset::default();
        self.break_off(track, &mut out);
        out
    }

    /// Flushes what is pending and ends the rendition (ENDLIST).
    pub fn finish(&mut self) -> Changeset {
        let mut out = Changeset::default();
        self.flush(&mut out);
        self.index.end();
        out
    }

    /// What playlists are rendered from; clone it for a snapshot.
    pub fn index(&self) -> &Index {
        &self.index
    }

    /// See `Presentation::lose`.
    pub(crate) fn lose(&mut self, msns: std::ops::Range<u64>) {
        self.index.lose(msns);
    }

    /// Pictures that came before the first key frame and were left out.
    pub fn dropped(&self) -> u64 {
        self.dropped
    }

    /// Nothing came for over a second, or time went back: only a DISCONTINUITY can say so. How long nothing came.
    pub fn hole(&self, unit: &AccessUnit) -> Option<Timestamp> {
        let dts = self.dts(unit);
        let due = match (&self.pending, self.end) {
            (Some(last), _) => last.dts + self.frame,
            (None, Some(end)) => end,
            (None, None) => return None,
        };
        ((dts - due).abs() > i64::from(self.scale.hz())).then(|| Timestamp::new(dts - due, self.scale))
    }

    /// How long the open segment is so far, with what is pending.
    pub fn elapsed(&self) -> Timestamp {
        let end = self.pending.as_ref().map(|p| p.dts + self.frame).or(self.end);
        Timestamp::new(end.map_or(0, |end| end - self.segment_dts), self.scale)
    }

    /// Whether the segment at hand has any media, sent or not.
    pub fn has_media(&self) -> bool {
        self.pending.is_some() || self.index.open().is_some()
    }

    /// CMAF (ISO/IEC 23000-19, brand `cmf2`): the first picture is shown when it is decoded, B-frames before they are.
    /// Shaka puts a segment's `tfdt` where PROGRAM-DATE-TIME says it is shown; otherwise its pictures were late.
    fn dts(&self, unit: &AccessUnit) -> i64 {
        unit.dts.rescale(self.scale).ticks + self.delay.unwrap_or(0)
    }

    fn break_off(&mut self, track: Option<&Track>, out: &mut Changeset) {
        self.flush(out);
        self.cut = None;
        self.end = None;
        self.key_dts = None;
        self.index.set_discontinuity();
        if let Some(track) = track {
            self.set_track(track, out);
            (self.delay, self.wants_key) = (None, true);
        }
    }

    fn set_track(&mut self, track: &Track, out: &mut Changeset) {
        if self.scale != track.scale {
            self.frame = Timestamp::new(self.frame, self.scale).rescale(track.scale).ticks.max(1);
        }
        self.scale = track.scale;
        self.kind = track.kind;
        self.track = track.clone();
        self.target = i64::from(self.index.control.part_target.rescale(track.scale).ticks);
        let before = self.index.current_init().cloned();
        if let Some(init) = self.index.add_init(init::segment(track)) {
            let known = self.former_key.take().filter(|(map, _)| *map == init.data).map(|(_, key)| key);
            self.former_key = before.map(|init| init.data.clone()).zip(self.last_key.clone());
            // One that was never under this MAP is better than a hint that doesn't come true.
            self.last_key = known.or(self.last_key.take());
            out.changes.push(Change::Init(init));
        }
    }

    fn limit(&self) -> i64 {
        // A follower gives its leader the time to cut first.
        let grace = Duration::from_millis(if self.role == Role::Leads { 0 } else { 100 });
        Timestamp::of_duration(self.index.control.plan.segment_limit() + grace, self.scale).ticks
    }

    /// Rule 3: 85 % of PART-TARGET.
    fn enough(&self) -> bool {
        self.part_ticks * 100 >= self.target * 85
    }

    /// Sound can be cut anywhere: its segments end with a whole part, so that a player far away has no short one to ask for
    /// besides. Pictures are cut before a key frame.
    fn may_end(&self) -> bool {
        let whole = self.part.is_empty() || self.part_ticks + self.frame > self.target;
        self.kind == Kind::Video || !self.index.control.plan.parts || whole
    }

    /// Whether a segment starts with `next`.
    fn starts(&self, next: &Pending) -> bool {
        if self.role == Role::Made {
            return false;
        }
        let elapsed = next.dts - self.segment_dts;
        if elapsed + self.frame > self.limit() {
            return true;
        }
        if !self.may_end() {
            return false;
        }
        if self.role == Role::Follows {
            return self.cut.is_some_and(|cut| self.meets(&cut, next.pts, next.key));
        }
        // Half a frame of grace: FLV's milliseconds make a GOP of a second 999 ms now and then.
        let least = self.index.control.plan.segment_of(self.index.current_msn());
        let target = Timestamp::of_duration(least, self.scale).ticks;
        let too_long = elapsed * 2 >= target && elapsed + self.gop > self.limit();
        next.key && (elapsed + self.frame / 2 >= target || too_long)
    }

    /// EXTINF rounds to TARGETDURATION at most.
    fn longest(&self) -> i64 {
        let target = Duration::from_secs(self.index.control.plan.target_duration.into());
        Timestamp::of_duration(target + Duration::from_millis(450), self.scale).ticks
    }

    /// How long the unit at `dts` may last; closes the part before it where it must.
    fn fit(&mut self, dts: i64, wanted: i64, out: &mut Changeset) -> i64 {
        let room = self.longest() - (dts - self.segment_dts);
        let wanted = wanted.min(room.max(1));
        if self.part_ticks + wanted <= self.target {
            return wanted;
        }
        if self.enough() {
            self.close_part(out);
            return wanted.min(self.target);
        }
        self.target - self.part_ticks
    }

    fn add(&mut self, unit: Pending, duration: i64) {
        if self.part.is_empty() {
            (self.part_dts, self.part_pts) = (unit.dts, unit.pts);
        }
        let offset = (unit.pts - unit.dts).clamp(i32::MIN.into(), i32::MAX.into()) as i32;
        let size = u32::try_from(unit.data.len()).unwrap_or(u32::MAX);
        let sample = Sample { size, duration: duration as u32, offset, key: unit.key };
        self.part.push((sample, unit.data));
        self.part_ticks += duration;
        self.end = Some(unit.dts + duration);
    }

    fn begin(&mut self, next: &Pending) {
        self.open(next.dts);
    }

    fn open(&mut self, dts: i64) {
        self.segment_dts = dts;
        self.index.begin(Timestamp::new(dts, self.scale));
    }

    fn close_part(&mut self, out: &mut Changeset) {
        let (Some(open), Some((head, _))) = (self.index.open(), self.part.first()) else { return };
        let number = self.index.next_part();
        let first = open.parts.is_empty();
        // `mfhd` counts from 1 and is checked by the journal.
        let sequence = (number + 1) as u32;
        let plain = self.kind == Kind::Audio;
        let decode_time = self.part_dts as u64;
        let data = fragment::write(first, sequence, decode_time, plain, &self.part);
        let info = PartInfo {
            number,
            duration: Timestamp::new(self.part_ticks, self.scale),
            independent: head.key,
            bytes: data.len() as u64,
        };
        out.changes.push(Change::Part(Part {
            info,
            msn: open.msn,
            index: open.parts.len() as u32,
            discontinuity: open.discontinuity,
            discontinuity_sequence: open.discontinuity_sequence,
            init: open.init,
            live_only: open.live_only,
            decode_time,
            start: Timestamp::new(self.part_pts, self.scale),
            data,
        }));
        self.index.add_part(info, if head.key { head.size } else { 0 });
        self.part.clear();
        self.part_ticks = 0;
    }

    fn seal(&mut self, out: &mut Changeset) {
        out.changes.extend(self.index.seal().map(Change::Sealed));
        out.changes.extend(self.index.trim().into_iter().map(Change::Removed));
    }

    /// Closes the open segment with what is pending; `false` where there was none.
    fn flush(&mut self, out: &mut Changeset) -> bool {
        if let Some(last) = self.pending.take() {
            let duration = self.fit(last.dts, self.frame, out);
            self.add(last, duration);
        }
        self.close_part(out);
        let open = self.index.open().is_some();
        self.seal(out);
        open
    }
}
