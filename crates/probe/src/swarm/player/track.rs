//! One rendition of a player: its playlist, what comes next of it, how much there is.

use std::collections::VecDeque;
use std::rc::Rc;
use std::time::Duration;

use super::super::playlist::{Media, Resource, Segment};
use super::{Directives, MOST, What};

/// Discontinuities whose position is kept: tracks cross one within a few segments of each other.
const BREAKS: usize = 8;

/// A part, or a whole segment where its parts aren't listed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Place {
    pub msn: u64,
    pub part: usize,
}

/// What a track wants of media.
pub(super) enum Next {
    Fetch(What),
    Nothing,
    /// It isn't listed any more.
    Gone,
}

#[derive(Debug)]
enum Reload {
    /// To be asked for, then.
    At(Duration),
    Asked,
    /// ENDLIST.
    Never,
}

/// A piece of media that was asked for.
#[derive(Debug)]
struct Piece {
    duration: Duration,
    date: Option<Duration>,
    discontinuity: u64,
    /// Where the next one is.
    next: Place,
}

#[derive(Debug)]
enum Fetching {
    Nothing,
    /// After a failure, not before then.
    Pause(Duration),
    Init(Resource),
    Piece(Piece, What),
    /// Its duration isn't known before a playlist lists it.
    Hint(Resource),
    /// It came before the playlist that lists it.
    Hinted(Resource),
}

impl Fetching {
    /// Whether this is what is under way.
    fn is(&self, what: &What) -> bool {
        match (self, what) {
            (Self::Init(a), What::Init(b)) | (Self::Hint(a), What::Hint(b)) => a == b,
            (Self::Piece(_, asked), what) => asked == what,
            _ => false,
        }
    }
}

#[derive(Debug)]
pub(super) struct Track {
    pub list: Option<Rc<Media>>,
    /// What lay in gaps since it was last asked.
    pub gaps: Vec<Duration>,
    reload: Reload,
    fetching: Fetching,
    /// There is enough, until then.
    full: Option<Duration>,
    map: Option<Resource>,
    next: Option<Place>,
    end: Duration,
    discontinuity: Option<u64>,
    /// Of the segment under way, what is there by its parts.
    partial: Duration,
    /// Positions with their dates, from what is shown on.
    dates: VecDeque<(Duration, Duration)>,
}

impl Track {
    pub(super) fn new(now: Duration) -> Self {
        Self {
            list: None,
            gaps: Vec::new(),
            reload: Reload::At(now),
            fetching: Fetching::Nothing,
            full: None,
            map: None,
            next: None,
            end: Duration::ZERO,
            discontinuity: None,
            partial: Duration::ZERO,
            dates: VecDeque::new(),
        }
    }

    /// Begins there: at a place that lies `partial` after the beginning of its segment.
    pub(super) fn begin(&mut self, place: Place, start: Duration, partial: Duration) {
        self.next = Some(place);
        self.end = start;
        self.discontinuity = None;
        self.partial = partial;
        self.dates.clear();
        // A piece under way belongs to the place before.
        self.fetching = Fetching::Nothing;
    }

    /// The position up to which there is media.
    pub(super) fn end(&self) -> Duration {
        self.end
    }

    /// Whether all there will ever be is there.
    pub(super) fn complete(&self) -> bool {
        let (Some(list), Some(next)) = (&self.list, self.next) else { return false };
        list.ended && (next.msn, next.part) >= list.edge()
    }

    /// PROGRAM-DATE-TIME of a position; what lies before it is forgotten.
    pub(super) fn date_at(&mut self, position: Duration) -> Option<Duration> {
        while self.dates.get(1).is_some_and(|(start, _)| *start <= position) {
            self.dates.pop_front();
        }
        let (start, date) = *self.dates.front()?;
        Some(date + position.checked_sub(start)?)
    }

    /// When it wants to be asked again.
    pub(super) fn due(&self) -> Option<Duration> {
        let reload = match self.reload {
            Reload::At(at) => Some(at),
            Reload::Asked | Reload::Never => None,
        };
        let fetch = match self.fetching {
            Fetching::Pause(until) => Some(until),
            Fetching::Nothing => self.full,
            Fetching::Init(_) | Fetching::Piece(..) | Fetching::Hint(_) | Fetching::Hinted(_) => None,
        };
        reload.into_iter().chain(fetch).min()
    }

    /// A playlist came.
    pub(super) fn listed(&mut self, list: Rc<Media>, now: Duration) {
        let moved = self.list.as_ref().is_none_or(|old| old.edge() < list.edge());
        let pause = match (moved, list.blocks) {
            (true, true) => Duration::ZERO,
            // An origin that blocks and yet answers with nothing new must not be asked in a circle.
            (false, true) => list.part_target.unwrap_or(list.target / 2),
            // RFC 8216bis §6.3.4.
            (true, false) => list.target,
            (false, false) => list.target / 2,
        };
        self.reload = if list.ended { Reload::Never } else { Reload::At(now + pause) };
        // One that was overtaken says less than is known.
        if moved || list.ended {
            self.list = Some(list);
        }
    }

    /// The playlist, if it is time for it.
    pub(super) fn reload(&mut self, now: Duration) -> Option<What> {
        match self.reload {
            Reload::At(at) if at <= now => {}
            Reload::At(_) | Reload::Asked | Reload::Never => return None,
        }
        self.reload = Reload::Asked;
        let Some(list) = self.list.as_deref().filter(|list| list.blocks) else {
            return Some(What::Playlist(Directives::default()));
        };
        let (msn, part) = list.edge();
        Some(What::Playlist(Directives {
            msn: Some(msn),
            part: list.part_target.map(|_| part),
            skip: self.skips(list),
        }))
    }

    /// A delta update will do if what is wanted next lies well after what it leaves out.
    fn skips(&self, list: &Media) -> bool {
        let (Some(until), Some(next)) = (list.skip_until, self.next) else { return false };
        let after = list.segments.iter().filter(|segment| segment.msn >= next.msn);
        after.map(Segment::duration).sum::<Duration>() < until / 2
    }

    /// A request that failed may be repeated then.
    pub(super) fn failed(&mut self, what: &What, again: Duration) {
        match what {
            What::Playlist(_) | What::Multivariant => self.reload = Reload::At(again),
            What::Init(_) | What::Part(_) | What::Hint(_) | What::Segment(_) => {
                if self.fetching.is(what) {
                    self.fetching = Fetching::Pause(again);
                }
            }
        }
    }

    /// Media came.
    pub(super) fn arrived(&mut self, what: &What, breaks: &mut VecDeque<(u64, Duration)>) {
        // Else it belongs to a place that was left.
        if self.fetching.is(what) {
            match std::mem::replace(&mut self.fetching, Fetching::Nothing) {
                Fetching::Init(map) => self.map = Some(map),
                Fetching::Piece(piece, _) => self.append(piece, breaks),
                Fetching::Hint(resource) => self.fetching = Fetching::Hinted(resource),
                Fetching::Nothing | Fetching::Pause(_) | Fetching::Hinted(_) => {}
            }
        }
    }

    fn append(&mut self, piece: Piece, breaks: &mut VecDeque<(u64, Duration)>) {
        if self.discontinuity.is_some_and(|before| before != piece.discontinuity) {
            match breaks.iter().find(|(number, _)| *number == piece.discontinuity) {
                Some((_, position)) => self.end = *position,
                None => {
                    breaks.push_back((piece.discontinuity, self.end));
                    let surplus = breaks.len().saturating_sub(BREAKS);
                    breaks.drain(..surplus);
                }
            }
        }
        self.discontinuity = Some(piece.discontinuity);
        if let Some(date) = piece.date {
            self.dates.push_back((self.end, date));
        }
        self.end += piece.duration;
        let same = self.next.is_some_and(|place| place.msn == piece.next.msn);
        self.partial = if same { self.partial + piece.duration } else { Duration::ZERO };
        self.next = Some(piece.next);
    }

    /// What to fetch next.
    pub(super) fn media(
        &mut self,
        now: Duration,
        playhead: Duration,
        hints: bool,
        breaks: &mut VecDeque<(u64, Duration)>,
    ) -> Next {
        self.full = None;
        loop {
            match &self.fetching {
                Fetching::Pause(until) if *until > now => return Next::Nothing,
                Fetching::Init(_) | Fetching::Piece(..) | Fetching::Hint(_) => return Next::Nothing,
                Fetching::Pause(_) | Fetching::Nothing | Fetching::Hinted(_) => {}
            }
            let (Some(list), Some(place)) = (self.list.clone(), self.next) else { return Next::Nothing };
            if let Some(over) = self.end.checked_sub(playhead + MOST).filter(|over| !over.is_zero()) {
                self.full = Some(now + over + RIPPLE);
                return Next::Nothing;
            }
            if (place.msn, place.part) >= list.edge() {
                return self.hint(&list, hints);
            }
            let Some(segment) = list.segment(place.msn) else {
                // Older than a delta update lists: the next playlist is asked for whole.
                return if place.msn < list.oldest { Next::Gone } else { Next::Nothing };
            };
            if segment.map.is_some() && segment.map != self.map {
                let Some(map) = segment.map.clone() else { return Next::Nothing };
                self.fetching = Fetching::Init(map.clone());
                return Next::Fetch(What::Init(map));
            }
            let Some((piece, what, gap)) = piece(segment, place, self.partial) else {
                self.next = Some(Place { msn: place.msn.saturating_add(1), part: 0 });
                self.partial = Duration::ZERO;
                continue;
            };
            if let Fetching::Hinted(had) = &self.fetching
                && matches!(&what, What::Part(resource) if resource.uri == had.uri)
            {
                self.fetching = Fetching::Nothing;
                self.append(piece, breaks);
                continue;
            }
            if gap {
                self.gaps.push(piece.duration);
                self.append(piece, breaks);
                continue;
            }
            self.fetching = Fetching::Piece(piece, what.clone());
            return Next::Fetch(what);
        }
    }

    fn hint(&mut self, list: &Media, hints: bool) -> Next {
        match (&list.hint, &self.fetching) {
            (Some(hint), Fetching::Nothing | Fetching::Pause(_)) if hints && !list.ended => {
                self.fetching = Fetching::Hint(hint.clone());
                Next::Fetch(What::Hint(hint.clone()))
            }
            _ => Next::Nothing,
        }
    }
}

/// Timers of the shell are coarse; a full buffer is looked at a little late rather than twice.
const RIPPLE: Duration = Duration::from_millis(20);

/// The piece at a place: a part where parts are listed, the whole segment otherwise. `None` past the segment's last part.
fn piece(segment: &Segment, place: Place, partial: Duration) -> Option<(Piece, What, bool)> {
    let date = |offset| segment.date.map(|date| date + offset);
    if let Some(part) = segment.parts.get(place.part) {
        let before: Duration = segment.parts.iter().take(place.part).map(|part| part.duration).sum();
        let next = Place { msn: place.msn, part: place.part + 1 };
        let (duration, discontinuity) = (part.duration, segment.discontinuity);
        let piece = Piece { duration, date: date(before), discontinuity, next };
        return Some((piece, What::Part(part.resource.clone()), part.gap || segment.gap));
    }
    let (duration, resource) = segment.whole.as_ref().filter(|_| segment.parts.is_empty())?;
    // Its first parts were fetched before they left the playlist: the rest of it comes with the whole.
    let rest = duration.saturating_sub(partial);
    let next = Place { msn: place.msn.saturating_add(1), part: 0 };
    let piece = Piece { duration: rest, date: date(partial), discontinuity: segment.discontinuity, next };
    Some((piece, What::Segment(resource.clone()), segment.gap))
}
