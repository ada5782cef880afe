//! Following a media playlist as a player does at the live edge: ask for the next part, take what is new.

use std::sync::Arc;
use std::time::Duration;

use super::fetch::Fetches;
use super::{PATIENCE, Transport, Watched, get, media, with};
use crate::check::evidence::Update;
use crate::http::Url;
use crate::playlist::Media;

/// Between a refused reload and the next.
const PAUSE: Duration = Duration::from_millis(500);
/// Between answers that bring nothing new.
const SPIN: Duration = Duration::from_millis(50);

pub(super) async fn follow<T: Transport>(watched: Arc<Watched<T>>) {
    let net = watched.net.clone();
    let url = watched.track().url.clone();
    let mut fetches = Fetches::new(Arc::clone(&watched));
    let mut last: Option<Arc<Media>> = None;
    let mut blocking = false;
    while net.now() < watched.end {
        let (address, limit) = match last.as_deref().filter(|_| blocking) {
            Some(media) => (next(&url, media), hold_limit(media)),
            None => (url.clone(), PATIENCE),
        };
        let left = watched.end.saturating_sub(net.now()) + Duration::from_millis(10);
        let limit = limit.min(left.max(Duration::from_secs(1)));
        let (exchange, text) = get(&net, &address, true, limit).await;
        let read = match exchange.status() {
            200 => text.and_then(|text| Ok((media(&text)?, text))),
            status => Err(format!("status {status}")),
        };
        let Ok((media, text)) = read else {
            // The watch's own end is nobody's fault.
            if net.now() < watched.end {
                watched.track().refused.push(exchange);
                tokio::time::sleep(PAUSE).await;
            }
            blocking = false;
            continue;
        };
        let fresh = last.as_ref().is_none_or(|l| l.last() != media.last() || l.ended != media.ended);
        let update = Update { exchange, text: text.into(), media: Arc::clone(&media) };
        watched.track().updates.push(update);
        fetches.take(&media).await;
        watched.newest.send_replace(Some(Arc::clone(&media)));
        if media.ended {
            break;
        }
        blocking = media.server_control.as_ref().is_some_and(|c| c.can_block_reload);
        if !blocking {
            tokio::time::sleep(poll_interval(&media)).await;
        } else if !fresh {
            tokio::time::sleep(SPIN).await;
        }
        last = Some(media);
    }
    fetches.finish().await;
}

/// The playlist with the next part, or the next segment where there are no parts (§6.2.5.2).
fn next(url: &Url, media: &Media) -> Url {
    let (msn, part) = media.next();
    let mut parameters = vec![("_HLS_msn", msn.to_string())];
    parameters.extend(part.map(|p| ("_HLS_part", p.to_string())));
    with(url, &parameters)
}

/// Longer than any origin may hold a request (§6.2.5.2: three target durations).
pub(super) fn hold_limit(media: &Media) -> Duration {
    Duration::from_secs(media.target_duration.unwrap_or(6).min(60)) * 4 + Duration::from_secs(5)
}

/// §6.3.4: half a target duration after a reload that brought nothing new.
pub(crate) fn poll_interval(media: &Media) -> Duration {
    let half = Duration::from_secs(media.target_duration.unwrap_or(6).clamp(1, 60)) / 2;
    media.part_target.map_or(half, |p| half.min(Duration::from_secs_f64(p.clamp(0.1, 10.0))))
}
