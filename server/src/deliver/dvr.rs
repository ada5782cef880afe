//! `dvr.m3u8`: a running session's whole window, for players that go back in time.

use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use hls::reload::{Query, Reload, ask_dvr};

use super::Deliver;
use super::live::{deadline, held_too_long, overloaded};
use super::reply::{Keep, playlist, problem, takes_gzip};
use crate::package::{Found, Live, Rendered, Rendition};

/// The list of renditions with their windows. A player that comes before the session begins is not kept waiting: there
/// is no past yet.
pub(super) async fn multivariant(
    State(deliver): State<Deliver>,
    Path(playback): Path<String>,
    headers: HeaderMap,
) -> Response {
    match deliver.shelf.find(&playback) {
        Found::Live(live) => playlist(&headers, &Rendered::new(live.windows()), Keep::No),
        Found::Expected | Found::Nothing => {
            let detail = "nothing is live here now. Try again when the broadcast has begun";
            problem(&deliver.clock, StatusCode::NOT_FOUND, "not_live", detail)
        }
    }
}

/// The window of one rendition: at once, or when it has the segment that is asked for.
pub(super) async fn media(
    deliver: &Deliver,
    live: &Live,
    rendition: &Rendition,
    query: &Query,
    headers: &HeaderMap,
) -> Response {
    let target = live.plan().target_duration;
    let keep = if query.msn.is_some() { Keep::Shared(target) } else { Keep::Shared((target / 2).max(1)) };
    let deadline = deadline(live.plan().hold_limit());
    let mut views = rendition.watch();
    let mut waiting = None;
    loop {
        let view = views.borrow_and_update().clone();
        let answer = view.as_ref().map_or(Reload::Wait, |view| ask_dvr(view.index(), query));
        match (answer, view) {
            (Reload::Ready, Some(view)) => {
                let keep = if view.index().ended() { Keep::Finished } else { keep };
                let rendered = view.window(query.skip, takes_gzip(headers), rendition);
                return playlist(headers, &rendered, keep);
            }
            (Reload::Refuse(status, why), _) => {
                let status = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_REQUEST);
                return problem(&deliver.clock, status, "bad_directive", why);
            }
            (Reload::Wait | Reload::Ready, _) => {}
        }
        if waiting.is_none() {
            waiting = live.wait();
        }
        if waiting.is_none() {
            return overloaded(deliver);
        }
        if !matches!(tokio::time::timeout_at(deadline, views.changed()).await, Ok(Ok(()))) {
            return held_too_long(deliver);
        }
    }
}
