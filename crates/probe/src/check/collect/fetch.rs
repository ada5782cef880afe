//! Fetching what a playlist names: maps first, hinted parts before they are whole, parts, segments; and again what is no
//! longer listed but must still be there.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;

use super::follow::hold_limit;
use super::{PATIENCE, Request, Transport, Watched, exchange};
use crate::check::evidence::{Kind, Resource, Why, map_key};
use crate::mp4;
use crate::playlist::Media;
use crate::playlist::media::{Map, Range};

/// Segments before the live edge that are fetched when the watch begins.
const BACKLOG: usize = 3;
/// The most requests for media at a time.
const AT_ONCE: usize = 64;
/// The least time between two requests for what is no longer listed.
const GONE_EVERY: Duration = Duration::from_secs(1);
/// Bytes that a report shows.
const HEAD: usize = 64;

#[derive(Clone)]
struct Wanted {
    kind: Kind,
    why: Why,
    place: (u64, u64),
    uri: String,
    range: Option<Range>,
    /// A hint without a length: everything from here.
    from: Option<u64>,
    map: Option<String>,
    /// When to ask.
    after: Duration,
    limit: Duration,
}

pub(super) struct Fetches<T> {
    watched: Arc<Watched<T>>,
    tasks: JoinSet<()>,
    asked: BTreeSet<(Kind, String, u64)>,
    before: Option<Arc<Media>>,
    /// When a part, and when a segment, was asked for that was no longer listed.
    last_gone: [Option<Duration>; 2],
}

impl<T: Transport> Fetches<T> {
    pub(super) fn new(watched: Arc<Watched<T>>) -> Self {
        Self { watched, tasks: JoinSet::new(), asked: BTreeSet::new(), before: None, last_gone: [None; 2] }
    }

    /// Asks for all that this playlist names and the one before did not.
    pub(super) async fn take(&mut self, media: &Arc<Media>) {
        let wanted = self.wanted(media);
        for map in maps(media) {
            self.init(&map).await;
        }
        for one in wanted {
            if self.tasks.len() >= AT_ONCE {
                self.tasks.join_next().await;
            }
            let watched = Arc::clone(&self.watched);
            self.tasks.spawn(async move {
                let now = watched.net.now();
                tokio::time::sleep(one.after.saturating_sub(now)).await;
                fetch(&watched, one).await;
            });
        }
        while self.tasks.try_join_next().is_some() {}
        self.before = Some(Arc::clone(media));
    }

    /// Waits for what is under way.
    pub(super) async fn finish(mut self) {
        while self.tasks.join_next().await.is_some() {}
    }

    fn wanted(&mut self, media: &Media) -> Vec<Wanted> {
        let first = self.before.is_none();
        let from = media.segments.len().saturating_sub(BACKLOG);
        let mut out = Vec::new();
        let mut add = |asked: &mut BTreeSet<_>, one: Wanted| {
            if asked.insert((one.kind, one.uri.clone(), one.range.map_or(one.from.unwrap_or(0), |r| r.start)))
            {
                out.push(one);
            }
        };
        let whole = media.segments.iter().enumerate().filter(|(i, _)| !first || *i >= from);
        let heads = whole.map(|(_, s)| (s.msn, &s.head)).chain([(media.next_msn(), &media.open)]);
        for (msn, head) in heads {
            let map = head.map.as_deref().map(map_key);
            for (index, part) in head.parts.iter().enumerate().filter(|(_, p)| !p.gap) {
                let place = (msn, index as u64);
                let one = listed(Kind::Part, place, &part.uri, part.range, map.clone());
                add(&mut self.asked, one);
            }
        }
        if let Some(hint) = media.part_hint().filter(|_| !media.ended) {
            let place = (media.next_msn(), media.open.parts.len() as u64);
            let range = hint.len.map(|len| Range { start: hint.start, len });
            let map = hint.map.as_deref().map(map_key);
            let one = listed(Kind::Part, place, &hint.uri, range, map);
            let from = (hint.start > 0 && hint.len.is_none()).then_some(hint.start);
            add(&mut self.asked, Wanted { why: Why::Hinted, from, limit: hold_limit(media), ..one });
        }
        let old = media
            .segments
            .iter()
            .enumerate()
            .filter(|(i, s)| (!first || *i >= from || *i == 0) && !s.head.gap);
        for (_, segment) in old {
            let map = segment.head.map.as_deref().map(map_key);
            let one = listed(Kind::Segment, (segment.msn, 0), &segment.uri, segment.range, map);
            add(&mut self.asked, one);
        }
        out.extend(self.gone(media));
        out
    }

    /// One of the parts and one of the segments that this playlist lists no more (§6.2.2: they stay for a while).
    fn gone(&mut self, media: &Media) -> Vec<Wanted> {
        let now = self.watched.net.now();
        let Some(before) = self.before.as_ref() else { return Vec::new() };
        let target = Duration::from_secs(media.target_duration.unwrap_or(1).clamp(1, 60));
        let still: BTreeSet<_> = media.parts().map(|(_, _, p)| p.uri.as_str()).collect();
        let part = before.parts().find(|(_, _, p)| !p.gap && !still.contains(p.uri.as_str()));
        let part = part.map(|(msn, index, p)| Wanted {
            why: Why::Gone(now),
            after: now + target * 5 / 2,
            ..listed(Kind::Part, (msn, index), &p.uri, p.range, None)
        });
        let first = media.first_listed();
        let segment = before.segments.iter().rfind(|s| s.msn < first && media.skip.is_none() && !s.head.gap);
        let segment = segment.map(|s| Wanted {
            why: Why::Gone(now),
            after: now + target,
            ..listed(Kind::Segment, (s.msn, 0), &s.uri, s.range, None)
        });
        let end = self.watched.end;
        let mut out = Vec::new();
        for (last, wanted) in self.last_gone.iter_mut().zip([part, segment]) {
            let due = last.is_none_or(|at| now >= at + GONE_EVERY);
            if let Some(wanted) = wanted.filter(|w| due && w.after < end) {
                *last = Some(now);
                out.push(wanted);
            }
        }
        out
    }

    /// A map is fetched before the media under it, for the defaults of its fragments.
    async fn init(&mut self, map: &Map) {
        let key = map_key(map);
        if self.watched.track().inits.contains_key(&key) {
            return;
        }
        let one = listed(Kind::Init, (0, 0), &map.uri, map.range, Some(key));
        fetch(&self.watched, one).await;
    }
}

fn listed(kind: Kind, place: (u64, u64), uri: &str, range: Option<Range>, map: Option<String>) -> Wanted {
    let (why, after, limit) = (Why::Listed, Duration::ZERO, PATIENCE);
    Wanted { kind, why, place, uri: uri.to_owned(), range, from: None, map, after, limit }
}

fn maps(media: &Media) -> Vec<Arc<Map>> {
    let of_segments = media.segments.iter().filter_map(|s| s.head.map.clone());
    let mut out: Vec<Arc<Map>> = Vec::new();
    for map in
        of_segments.chain(media.open.map.clone()).chain(media.hints.iter().filter_map(|h| h.map.clone()))
    {
        if !out.contains(&map) {
            out.push(map);
        }
    }
    out
}

async fn fetch<T: Transport>(watched: &Watched<T>, wanted: Wanted) {
    let base = watched.track().url.clone();
    let Ok(url) = base.join(&wanted.uri) else { return };
    let range = match (wanted.range, wanted.from) {
        (Some(Range { start, len }), _) if len > 0 => {
            Some(format!("bytes={start}-{}", start.saturating_add(len - 1)))
        }
        (_, Some(from)) => Some(format!("bytes={from}-")),
        _ => None,
    };
    let headers = range.map(|r| ("range", r)).into_iter().collect();
    let request = Request { url, headers, limit: wanted.limit, http1: false };
    let (mut exchange, _) = exchange(&watched.net, request).await;
    let (mut head, mut fragments) = (Vec::new(), None);
    let mut track = watched.track();
    if let Ok(answer) = &mut exchange.outcome {
        let body = answer.body.clone();
        head = body.iter().take(HEAD).copied().collect();
        if matches!(answer.status, 200 | 206) {
            let key = wanted.map.clone().unwrap_or_default();
            if wanted.kind == Kind::Init {
                track.inits.insert(key, mp4::init(&body).map_err(|e| e.to_string()));
            } else if let Some(Ok(init)) = track.inits.get(&key) {
                fragments = Some(mp4::fragments(&body, init).map_err(|e| e.to_string()));
            }
        }
        // The samples are known: hours of bytes need not be kept.
        if let Some(answer) = Arc::get_mut(answer) {
            answer.body.clear();
        }
    }
    let Wanted { kind, why, place, uri, range, .. } = wanted;
    track.resources.push(Resource { kind, why, place, uri, range, exchange, head, fragments });
}
