//! Deliberate requests: what a player would do by mistake, by bad luck, or at the edge of what it may.

use std::sync::Arc;
use std::time::Duration;

use super::follow::hold_limit;
use super::{PATIENCE, Request, Transport, Watched, exchange, media, with};
use crate::check::evidence::{Purpose, Test};
use crate::http::Url;
use crate::playlist::Media;

/// How often a request is made again that the live edge overtook.
const TRIES: usize = 5;
/// What took longer was held, and not overtaken on its way.
const HELD: Duration = Duration::from_millis(400);

pub(super) async fn run<T: Transport>(watched: Arc<Watched<T>>) {
    let mut changes = watched.newest.subscribe();
    let Some(media) = changed(&watched, &mut changes).await else { return };
    let url = watched.track().url.clone();
    plain(&watched, &url).await;
    let tries = Tries { watched: &watched, url: &url };
    if media.server_control.as_ref().is_some_and(|c| c.can_block_reload) {
        tries.past().await;
        tries.too_far().await;
        if media.part_target.is_some() {
            tries.parts(&mut changes).await;
        }
        tries.ahead(&mut changes).await;
    }
    never_hinted(&watched, &url).await;
    // The rest of the watch: deltas once there is something to skip; whether it ends, and what then.
    let mut deltas = false;
    loop {
        let Some(media) = watched.newest() else { return };
        if media.ended {
            let address = with(&url, &query(media.next_msn() + 1, Some(0), Some("YES")));
            return send(&watched, Purpose::AfterEnd, address, true).await;
        }
        if !deltas && can_skip(&media) {
            deltas = true;
            tries.delta(false).await;
            tries.delta(true).await;
        }
        if changed(&watched, &mut changes).await.is_none() {
            return;
        }
    }
}

/// Whether there is a segment past the skip boundary, and another for the time that the request takes.
fn can_skip(media: &Media) -> bool {
    let until = media.server_control.as_ref().and_then(|c| c.can_skip_until);
    let longest = media.segments.iter().map(|s| s.duration).fold(0.0, f64::max);
    until.is_some_and(|until| media.segments.iter().map(|s| s.duration).sum::<f64>() > until + 2.0 * longest)
}

/// The next playlist of those that follow; none once the watch is over.
async fn changed<T: Transport>(
    watched: &Watched<T>,
    changes: &mut tokio::sync::watch::Receiver<Option<Arc<Media>>>,
) -> Option<Arc<Media>> {
    let left = watched.end.saturating_sub(watched.net.now());
    tokio::time::timeout(left, changes.changed()).await.ok()?.ok()?;
    changes.borrow_and_update().clone()
}

fn query(msn: u64, part: Option<u64>, skip: Option<&str>) -> Vec<(&'static str, String)> {
    let mut out = vec![("_HLS_msn", msn.to_string())];
    out.extend(part.map(|p| ("_HLS_part", p.to_string())));
    out.extend(skip.map(|s| ("_HLS_skip", s.to_owned())));
    out
}

/// One request, kept.
async fn send<T: Transport>(watched: &Watched<T>, purpose: Purpose, url: Url, gzip: bool) {
    let test = request(watched, purpose, url, gzip).await;
    watched.track().tests.extend(test);
}

async fn request<T: Transport>(watched: &Watched<T>, purpose: Purpose, url: Url, gzip: bool) -> Option<Test> {
    let before = watched.newest()?;
    let limit = match purpose {
        Purpose::NeverHinted | Purpose::Identity | Purpose::Http1 => PATIENCE,
        _ => hold_limit(&before),
    };
    let headers = if gzip { vec![("accept-encoding", "gzip".to_owned())] } else { Vec::new() };
    let request = Request { url, headers, limit, http1: purpose == Purpose::Http1 };
    let (exchange, text) = exchange(&watched.net, request).await;
    let after = watched.newest()?;
    let text = text.ok().filter(|_| exchange.status() == 200);
    let answer = text.and_then(|t| Some((media(&t).ok()?, t.into())));
    Some(Test { purpose, exchange, before, after, answer, full: None })
}

async fn plain<T: Transport>(watched: &Watched<T>, url: &Url) {
    send(watched, Purpose::Identity, url.clone(), false).await;
    send(watched, Purpose::Http1, url.clone(), true).await;
}

struct Tries<'a, T> {
    watched: &'a Watched<T>,
    url: &'a Url,
}

impl<T: Transport> Tries<'_, T> {
    async fn ask(&self, purpose: Purpose, msn: u64, part: Option<u64>) {
        send(self.watched, purpose, with(self.url, &query(msn, part, None)), true).await;
    }

    async fn past(&self) {
        let Some(media) = self.watched.newest() else { return };
        if let Some(segment) = media.segments.last() {
            let part = media.part_target.map(|_| 0);
            self.ask(Purpose::Past, segment.msn, part).await;
        }
        if let Some(gone) = media.media_sequence.checked_sub(1) {
            self.ask(Purpose::LongPast, gone, media.part_target.map(|_| 0)).await;
        }
    }

    async fn too_far(&self) {
        let alone = with(self.url, &[("_HLS_part", "0".to_owned())]);
        send(self.watched, Purpose::PartAlone, alone, true).await;
        let Some(media) = self.watched.newest() else { return };
        // Two more than the first that is too far: the live edge may move while the request is on its way.
        self.ask(Purpose::TooFar, media.next_msn() + 4, None).await;
    }

    /// Requests that only mean something while a certain segment is open: right after it began.
    async fn parts(&self, changes: &mut tokio::sync::watch::Receiver<Option<Arc<Media>>>) {
        for (purpose, young) in [(Purpose::PartTooFar, true), (Purpose::PartAhead, true)] {
            for _ in 0..TRIES {
                let Some(media) = self.begun(changes, young).await else { return };
                let (msn, open) = (media.next_msn(), media.open.parts.len() as u64);
                let part = match purpose {
                    Purpose::PartTooFar => open + advance_limit(&media) + 2,
                    _ => open + 1,
                };
                let address = with(self.url, &query(msn, Some(part), None));
                let Some(test) = request(self.watched, purpose, address, true).await else { return };
                // Once its segment is closed, a part too far is the next segment's first (§6.2.5.2).
                let overtaken = purpose == Purpose::PartTooFar
                    && test.after.next_msn() > msn
                    && test.exchange.took() < HELD;
                if !overtaken {
                    self.watched.track().tests.push(test);
                    break;
                }
            }
        }
        for _ in 0..TRIES {
            let Some(media) = self.begun(changes, true).await else { return };
            if let Some(closed) = media.segments.last()
                && !closed.head.parts.is_empty()
            {
                self.ask(Purpose::PartPastLast, closed.msn, Some(closed.head.parts.len() as u64)).await;
                break;
            }
        }
    }

    async fn ahead(&self, changes: &mut tokio::sync::watch::Receiver<Option<Arc<Media>>>) {
        let Some(media) = changed(self.watched, changes).await else { return };
        if !media.ended {
            self.ask(Purpose::Segment, media.next_msn(), None).await;
        }
        let Some(media) = self.watched.newest().filter(|m| !m.ended) else { return };
        // A watch that ends sooner than this may be held proves nothing.
        if self.watched.end.saturating_sub(self.watched.net.now()) > hold_limit(&media) / 2 {
            self.ask(Purpose::Farthest, media.next_msn() + 1, None).await;
        }
    }

    /// Waits for a playlist whose open segment has just begun.
    async fn begun(
        &self,
        changes: &mut tokio::sync::watch::Receiver<Option<Arc<Media>>>,
        young: bool,
    ) -> Option<Arc<Media>> {
        loop {
            let media = changed(self.watched, changes).await?;
            if media.ended {
                return None;
            }
            if !young || media.open.parts.len() <= 1 {
                return Some(media);
            }
        }
    }

    /// The delta and the full playlist of the same moment.
    async fn delta(&self, v2: bool) {
        let (purpose, skip) = if v2 { (Purpose::DeltaV2, "v2") } else { (Purpose::Delta, "YES") };
        for _ in 0..TRIES {
            let Some(media) = self.watched.newest().filter(|m| !m.ended) else { return };
            if media.server_control.as_ref().and_then(|c| c.can_skip_until).is_none() {
                return;
            }
            let blocking = media.server_control.as_ref().is_some_and(|c| c.can_block_reload);
            let next = media.next();
            let (full, delta) = match blocking {
                true => (query(next.0, next.1, None), query(next.0, next.1, Some(skip))),
                false => (Vec::new(), vec![("_HLS_skip", skip.to_owned())]),
            };
            let (full, delta) = tokio::join!(
                request(self.watched, purpose, with(self.url, &full), true),
                request(self.watched, purpose, with(self.url, &delta), true)
            );
            let (Some(full), Some(delta)) = (full, delta) else { return };
            // By name, not by number: a delta that counts wrong is still one of the same moment.
            let newest = |t: &Test| t.answer.as_ref().map(|(m, _)| edge(m));
            let same = newest(&full).is_some() && newest(&full) == newest(&delta);
            if same || delta.answer.is_none() {
                self.watched.track().tests.push(Test { full: full.answer, ..delta });
                return;
            }
            if self.watched.net.now() >= self.watched.end {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

/// The newest segment's and part's URI.
fn edge(media: &Media) -> (Option<String>, Option<String>) {
    (media.segments.last().map(|s| s.uri.clone()), media.open.parts.last().map(|p| p.uri.clone()))
}

/// Rule 20: three parts, or as many as three seconds hold where they are shorter than a second (§6.2.5.2).
pub(crate) fn advance_limit(media: &Media) -> u64 {
    match media.part_target {
        Some(target) if target > 0.0 && target < 1.0 => (3.0 / target).ceil() as u64,
        _ => 3,
    }
}

/// The hinted part's name with another number: nobody was told of it.
async fn never_hinted<T: Transport>(watched: &Watched<T>, url: &Url) {
    let Some(media) = watched.newest() else { return };
    let Some(hint) = media.part_hint().filter(|h| h.start == 0) else { return };
    if let Ok(address) = url.join(&renumbered(&hint.uri)) {
        send(watched, Purpose::NeverHinted, address, false).await;
    }
}

/// The last number of the file's name, a thousand higher; a name without one gets a suffix.
fn renumbered(uri: &str) -> String {
    let path = uri.find(['?', '#']).unwrap_or(uri.len());
    let (path, rest) = uri.split_at(path);
    let (stem, extension) = path.rfind('.').map_or((path, ""), |dot| path.split_at(dot));
    let digits = stem.len() - stem.trim_end_matches(|c: char| c.is_ascii_digit()).len();
    let (name, number) = stem.split_at(stem.len() - digits);
    match number.parse::<u64>() {
        Ok(n) => format!("{name}{:0digits$}{extension}{rest}", n.saturating_add(1000)),
        Err(_) => format!("{stem}-never{extension}{rest}"),
    }
}
