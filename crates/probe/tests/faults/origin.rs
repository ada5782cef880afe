//! An origin as a function of time: which parts there are, what a request gets; and the faults that it can have.

use std::time::Duration;

use super::boxes::{self, Frame, Medium};
use super::playlist;

pub(super) const PART: Duration = Duration::from_millis(200);
pub(super) const PARTS: u64 = 5;
/// The session had run this long when the probe came, in parts.
const BEFORE: u64 = 202;
/// Where an ending session ends, in parts.
const END: u64 = BEFORE + 53;
/// When a fault that comes over time begins, in parts.
const LATER: u64 = BEFORE + 30;

macro_rules! faults {
    ($($name:ident),+ $(,)?) => {
        /// What it does wrong; the tests' names say it in words.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(super) enum Fault { $($name),+ }
    };
}

faults! {
    NoPartInf, VersionTooHigh, VersionTooLow, DeltaVersion, NoDuration, PartHoldBack, HoldBack, SkipUntil, NoSkip,
    LongParts, ShortParts, Misdeclared, NoIndependent, FalseIndependent, LateKeyFrame, LongSegment, ChangingTarget,
    NoDates, NoDateAfterDiscontinuity, DatesApart, MovingDates, LateDiscontinuity, LateMap, TwoHints, NoHint, FalseHint,
    HintUnderOldMap, HintAfterEnd, NoReport, StaleReport, AbsoluteReport, ReportWithoutPart, PlaylistType,
    NoDiscontinuitySequence, TargetApart, ControlApart, DiscontinuitiesApart, NoCodecs, NoAverageBandwidth, NoFrameRate,
    FalseResolution, Muxed, Renamed, StuckDiscontinuitySequence, LatePart, OldParts, PartsGoneEarly, PartUrlGone,
    OtherSamples, Overlap, MissingSegment, TimelineJump, ThinWindow, AnswersEarly, PastLastRefused, FarthestRefused,
    PastHeld, LongPastRefused, PartAlone, TooFarHeld, PartTooFarHeld, EarlyGiveUp, ParametersAfterEnd, DeltaLacks,
    DeltaTooMuch, HintTrickles, HintRefused, NeverHinted, NoGzip, NoVary, PlaylistMime, MediaMime, Redirect, NoHttp2,
    NoHttp1, NoCacheControl, BrowserLifetime, BlockingUncached, PlaylistKept, PartsUncached, ErrorsKept, Silence,
}

/// What to do with a request at this moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// Ask again a little later.
    Wait,
    /// A playlist.
    Playlist(String),
    /// Media.
    Media(Vec<u8>),
    /// Anything else.
    Status(u16),
}

/// The query of a playlist's request.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Directives {
    pub(super) msn: Option<u64>,
    pub(super) part: Option<u64>,
    pub(super) skip: bool,
}

pub(super) struct Origin {
    pub(super) fault: Option<Fault>,
    ends: bool,
}

impl Origin {
    pub(super) fn new(fault: Option<Fault>, ends: bool) -> Self {
        Self { fault, ends }
    }

    pub(super) fn is(&self, fault: Fault) -> bool {
        self.fault == Some(fault)
    }

    /// Parts that are whole, `at` after the probe came.
    pub(super) fn parts_at(&self, at: Duration) -> u64 {
        let count = |at: Duration| BEFORE + (at.as_millis() / PART.as_millis()) as u64;
        let mut parts = count(at);
        if self.is(Fault::LatePart) {
            let late = parts - parts % 23;
            let came = count(at.saturating_sub(Duration::from_millis(450)));
            parts = if came < late + 1 && parts > late { late } else { parts };
        }
        if self.is(Fault::Silence) {
            // The first part of a segment that begins a new timeline.
            let late = parts - (parts - 3 * PARTS) % (7 * PARTS);
            let came = count(at.saturating_sub(Duration::from_millis(1300)));
            parts = if came < late + 1 && parts > late { late } else { parts };
        }
        if self.ends { parts.min(END) } else { parts }
    }

    pub(super) fn ended(&self, parts: u64) -> bool {
        self.ends && parts >= END
    }

    /// A fault that shows itself in the middle of the watch.
    pub(super) fn later(&self, parts: u64) -> bool {
        parts > LATER
    }

    pub(super) fn target(&self, medium: Medium) -> u64 {
        if self.is(Fault::TargetApart) && medium == Medium::Audio { 2 } else { 1 }
    }

    pub(super) fn window(&self) -> u64 {
        if self.is(Fault::ThinWindow) { 2 } else { 12 }
    }

    pub(super) fn discontinuity(&self, medium: Medium, msn: u64) -> bool {
        let at = if self.is(Fault::DiscontinuitiesApart) && medium == Medium::Audio { 4 } else { 3 };
        msn % 7 == at
    }

    /// Discontinuities up to and with this segment.
    pub(super) fn discontinuities(&self, medium: Medium, msn: u64) -> u64 {
        (0..=msn).filter(|m| self.discontinuity(medium, *m)).count() as u64
    }

    /// A playlist's request at a moment; `held` is how long it waits already.
    pub(super) fn playlist(&self, medium: Medium, ask: Directives, parts: u64, held: Duration) -> Answer {
        let (next, open) = (parts / PARTS, parts % PARTS);
        let text = |skip| Answer::Playlist(playlist::render(self, medium, parts, skip));
        if self.ended(parts) {
            let minds = self.is(Fault::ParametersAfterEnd) && ask.msn.is_some_and(|m| m > next);
            return if minds { Answer::Status(400) } else { text(false) };
        }
        let Some(msn) = ask.msn else {
            let alone = ask.part.is_some() && !self.is(Fault::PartAlone);
            return if alone { Answer::Status(400) } else { text(ask.skip) };
        };
        let limit = if self.is(Fault::ShortParts) { 12 } else { 15 };
        let far = msn > next + 1 && !self.is(Fault::TooFarHeld);
        let part_far =
            msn == next && ask.part.is_some_and(|p| p > open + limit) && !self.is(Fault::PartTooFarHeld);
        if far || part_far || (self.is(Fault::FarthestRefused) && msn > next) {
            return Answer::Status(400);
        }
        if msn < next && self.is(Fault::PastLastRefused) && ask.part.is_some_and(|p| p >= PARTS) {
            return Answer::Status(404);
        }
        if self.is(Fault::LongPastRefused) && msn + self.window() < next {
            return Answer::Status(400);
        }
        if self.is(Fault::PastHeld) && msn < next && ask.part == Some(0) && held < Duration::from_secs(1) {
            return Answer::Wait;
        }
        // A part past the last is the next segment's first.
        let wanted = match ask.part {
            Some(part) if part >= PARTS && msn < next => (msn + 1) * PARTS,
            Some(part) => msn * PARTS + part.min(PARTS),
            None => msn * PARTS + PARTS - 1,
        };
        let early = self.is(Fault::AnswersEarly) && ask.part.is_none();
        if parts > wanted || early {
            return text(ask.skip);
        }
        let longest =
            if self.is(Fault::EarlyGiveUp) { Duration::from_millis(500) } else { Duration::from_secs(3) };
        if held >= longest { Answer::Status(503) } else { Answer::Wait }
    }

    /// A file's request at a moment: `v-init-3.mp4`, `a-part-1003.m4s`, `v-segment-200.m4s`.
    pub(super) fn file(&self, name: &str, parts: u64) -> Answer {
        let medium = if name.starts_with("v-") { Medium::Video } else { Medium::Audio };
        let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
        let Some((kind, number)) = stem.get(2..).and_then(|s| s.rsplit_once('-')) else {
            return Answer::Status(404);
        };
        let number: u64 = match number.parse() {
            Ok(number) => number,
            Err(_) => return Answer::Status(404),
        };
        match kind {
            "init" if self.is(Fault::Muxed) && medium == Medium::Video => {
                Answer::Media(boxes::init(&[Medium::Video, Medium::Audio]))
            }
            "init" => Answer::Media(boxes::init(&[medium])),
            "part" if number > parts => match self.is(Fault::NeverHinted) {
                true => Answer::Media(self.part(medium, number)),
                false => Answer::Status(404),
            },
            "part" if number == parts && self.is(Fault::HintRefused) => Answer::Status(404),
            "part" if number == parts => Answer::Wait,
            "part" if self.is(Fault::PartUrlGone) && number + 22 < parts => Answer::Status(404),
            "part" => Answer::Media(self.part(medium, number)),
            "segment" if number * PARTS + PARTS > parts => Answer::Status(404),
            "segment" if self.is(Fault::MissingSegment) && number % 5 == 4 => Answer::Status(404),
            "segment" if self.is(Fault::Redirect) && number % 4 == 1 => Answer::Status(302),
            "segment" => Answer::Media(self.segment(medium, number)),
            _ => Answer::Status(404),
        }
    }

    fn part(&self, medium: Medium, number: u64) -> Vec<u8> {
        let overlap = self.is(Fault::Overlap) && number % PARTS == 2;
        let start = self.start(medium, number) - u64::from(overlap) * u64::from(medium.frame());
        boxes::fragment(medium, start, &self.frames(medium, number))
    }

    fn segment(&self, medium: Medium, msn: u64) -> Vec<u8> {
        let mut frames: Vec<Frame> = (0..PARTS).flat_map(|p| self.frames(medium, msn * PARTS + p)).collect();
        if self.is(Fault::OtherSamples)
            && let Some(frame) = frames.get_mut(7)
        {
            frame.number += 7;
        }
        boxes::fragment(medium, self.start(medium, msn * PARTS), &frames)
    }

    /// Each discontinuity begins a timeline of its own.
    fn start(&self, medium: Medium, part: u64) -> u64 {
        let scale = u64::from(medium.timescale());
        let msn = part / PARTS;
        let mut shift = 100 * self.discontinuities(medium, msn);
        if self.is(Fault::TimelineJump) && msn % 7 >= 5 {
            shift += 10;
        }
        part * medium.frames() * u64::from(medium.frame()) + shift * scale
    }

    fn frames(&self, medium: Medium, part: u64) -> Vec<Frame> {
        let first = part * medium.frames();
        let key = part % PARTS == u64::from(self.is(Fault::LateKeyFrame));
        let frame = |i| Frame { number: first + i, key: medium == Medium::Audio || (key && i == 0) };
        (0..medium.frames()).map(frame).collect()
    }
}
