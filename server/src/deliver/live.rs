//! `/live/…`: multivariant and media playlists with their delivery directives, parts, segments, initialisation segments.

use std::sync::Arc;
use std::time::Duration;

use axum::Extension;
use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use hls::playlist::Skip;
use hls::reload::{self, Query, Reload};
use tokio::time::Instant;

use super::denied::{denied, token, value};
use super::held::Full;
use super::reply::{Keep, media, playlist, problem, takes_gzip};
use super::{Deliver, vod};
use crate::access;
use crate::http::Client;
use crate::package::{Found, Live, Rendered, Rendition};

/// A player that comes before the first part is kept waiting for so long.
const EARLY: Duration = Duration::from_secs(4);

/// The list of renditions.
pub(super) async fn multivariant(
    State(deliver): State<Arc<Deliver>>,
    Path(playback): Path<String>,
    Extension(client): Extension<Client>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    let admitted = deliver.gate.admit(&playback, token(query.as_deref(), &headers)).await;
    let viewer = match admitted {
        Ok(viewer) => viewer,
        Err(why) => return denied(&deliver, &why),
    };
    let deadline = deadline(EARLY);
    let mut changes = deliver.shelf.watch();
    let mut waiting = None;
    loop {
        changes.mark_unchanged();
        match deliver.shelf.find(&playback) {
            Found::Live(live) => {
                let folder = match deliver.gate.folder(live.session()).await {
                    Ok(folder) => folder,
                    Err(why) => return denied(&deliver, &why),
                };
                let text = live.multivariant(&folder, &viewer_id(viewer, query.as_deref()));
                return playlist(&headers, &Rendered::new(text), Keep::No);
            }
            Found::Nothing => return nothing_live(&deliver, &playback).await,
            Found::Expected => {}
        }
        if waiting.is_none() {
            let place = match deliver.held.wait(client, &playback) {
                Ok(place) => place,
                Err(full) => return full.answer(&deliver.clock),
            };
            let Some(early) = deliver.shelf.wait() else { return Full::Channel.answer(&deliver.clock) };
            waiting = Some((place, early));
        }
        if tokio::time::timeout_at(deadline, changes.changed()).await.is_err() {
            let detail = "a broadcaster is connected, but no picture has come yet. Try again in a moment";
            return problem(&deliver.clock, StatusCode::NOT_FOUND, "session_starting", detail);
        }
    }
}

/// A viewer is known by what the token says, or by what its player brings along, or by a new id.
pub(super) fn viewer_id(token: access::Viewer, query: Option<&str>) -> String {
    let told = token.0.or_else(|| access::Viewer::told(value(query, "v")).0);
    told.unwrap_or_else(|| format!("{:016x}", rand::random::<u64>()))
}

/// An address that is nobody's is told apart from one that waits for its broadcaster.
async fn nothing_live(deliver: &Deliver, playback: &str) -> Response {
    let (code, detail) = match deliver.store.channel_of_playback(playback).await {
        Ok(None) => ("playback_not_found", "there is no such channel. Check the address"),
        // A database that doesn't answer is no reason to send viewers away.
        Ok(Some(_)) | Err(_) => {
            ("not_live", "nothing is live here now. Try again when the broadcast has begun")
        }
    };
    problem(&deliver.clock, StatusCode::NOT_FOUND, code, detail)
}

/// What a name beside `media.m3u8` stands for.
pub(super) enum Name {
    Playlist,
    /// The whole window.
    Dvr,
    /// The whole window's key frames.
    Keys,
    Init(u32),
    Part(u64),
    Segment(u64),
    /// The key frame that a segment begins with.
    Key(u64),
}

impl Name {
    pub(super) fn parse(file: &str) -> Option<Self> {
        if file == "media.m3u8" {
            return Some(Self::Playlist);
        }
        if file == "dvr.m3u8" {
            return Some(Self::Dvr);
        }
        if file == "iframes.m3u8" {
            return Some(Self::Keys);
        }
        if let Some(name) = file.strip_suffix(".mp4") {
            return number(name.strip_prefix("init")?).map(|n| Self::Init(n as u32));
        }
        let name = file.strip_suffix(".m4s")?;
        match name.split_at_checked(1)? {
            ("p", digits) => number(digits).map(Self::Part),
            ("s", digits) => number(digits).map(Self::Segment),
            ("k", digits) => number(digits).map(Self::Key),
            _ => None,
        }
    }
}

/// Digits only, without leading zeros: one name a thing, or caches would keep it twice.
fn number(digits: &str) -> Option<u64> {
    let plain = digits.bytes().all(|b| b.is_ascii_digit()) && (digits.len() == 1 || !digits.starts_with('0'));
    digits.parse().ok().filter(|n| plain && *n <= u64::from(u32::MAX))
}

/// Who asks, and how.
struct Viewer<'a> {
    client: Client,
    playback: &'a str,
    headers: &'a HeaderMap,
}

/// Everything in a rendition's folder.
pub(super) async fn file(
    State(deliver): State<Arc<Deliver>>,
    Path((playback, session, rendition, file)): Path<(String, String, String, String)>,
    Extension(client): Extension<Client>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    let Some(name) = Name::parse(&file) else { return vod::nothing(&deliver) };
    let session = match deliver.gate.enter(Some(&playback), &session).await {
        Ok(session) => session,
        Err(why) => return denied(&deliver, &why),
    };
    let Some(live) = deliver.shelf.session(&playback, session) else {
        // Ended a while ago: the journal has it, under the same names.
        return vod::answer(&deliver, session, &rendition, name, &headers).await;
    };
    let Some(track) = live.rendition(&rendition) else { return vod::nothing(&deliver) };
    let viewer = Viewer { client, playback: &playback, headers: &headers };
    match name {
        Name::Playlist => {
            media_playlist(&deliver, &live, track, query.as_deref(), &viewer, Reach::Live).await
        }
        Name::Dvr => media_playlist(&deliver, &live, track, query.as_deref(), &viewer, Reach::Window).await,
        Name::Keys => media_playlist(&deliver, &live, track, query.as_deref(), &viewer, Reach::Keys).await,
        Name::Init(number) => {
            let init = track.held().init(number);
            match init {
                Some(data) => media(&headers, vec![data]),
                None => vod::answer(&deliver, session, &rendition, name, &headers).await,
            }
        }
        Name::Segment(msn) => {
            let parts = track.held().segment(msn);
            match parts {
                Some(parts) => media(&headers, parts),
                None => vod::answer(&deliver, session, &rendition, name, &headers).await,
            }
        }
        Name::Key(msn) => {
            let key = track.held().key(msn);
            match key {
                Some(data) => media(&headers, vec![data]),
                None => vod::answer(&deliver, session, &rendition, name, &headers).await,
            }
        }
        Name::Part(number) => {
            let part = track.held().part(number);
            match part {
                Some(data) => media(&headers, vec![data]),
                None => hinted(&deliver, &live, track, number, &viewer).await,
            }
        }
    }
}

fn deadline(wait: Duration) -> Instant {
    // Waiting is the runtime's business; no decision depends on this clock.
    tokio::time::sleep(wait).deadline()
}

/// Which of a rendition's playlists.
#[derive(Clone, Copy)]
enum Reach {
    Live,
    /// All of the window, in whole segments.
    Window,
    /// The key frames of it.
    Keys,
}

async fn media_playlist(
    deliver: &Deliver,
    live: &Live,
    rendition: &Rendition,
    query: Option<&str>,
    viewer: &Viewer<'_>,
    reach: Reach,
) -> Response {
    let query = match parse(query.unwrap_or_default()) {
        Ok(query) => query,
        Err(what) => return problem(&deliver.clock, StatusCode::BAD_REQUEST, "bad_directive", what),
    };
    let target = live.plan().target_duration;
    // A blocking answer is another URL each time; the plain one goes stale with the next part.
    let keep = if query.msn.is_some() { Keep::Shared(target) } else { Keep::Shared((target / 2).max(1)) };
    let deadline = deadline(live.plan().hold_limit());
    let mut views = rendition.watch();
    let mut waiting = None;
    loop {
        let view = views.borrow_and_update().clone();
        let ask = match reach {
            Reach::Live => reload::ask,
            Reach::Window | Reach::Keys => reload::ask_dvr,
        };
        let answer = view.as_ref().map_or(Reload::Wait, |view| ask(view.index(), &query));
        match (answer, view) {
            (Reload::Ready, Some(view)) => {
                let keep = if view.index().ended() { Keep::Finished } else { keep };
                let gzip = takes_gzip(viewer.headers);
                let skip = reload::skip(view.index(), &query);
                let body = match reach {
                    Reach::Live => view.playlist(skip, gzip, rendition),
                    Reach::Window => view.window(skip, gzip, rendition),
                    Reach::Keys if view.has_keys() => view.keys(skip, gzip, rendition),
                    Reach::Keys => return vod::nothing(deliver),
                };
                return playlist(viewer.headers, &body, keep);
            }
            (Reload::Refuse(status, why), _) => {
                let status = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_REQUEST);
                return problem(&deliver.clock, status, "bad_directive", why);
            }
            (Reload::Wait | Reload::Ready, _) => {}
        }
        if waiting.is_none() {
            waiting = match deliver.held.wait(viewer.client, viewer.playback) {
                Ok(place) => Some(place),
                Err(full) => return full.answer(&deliver.clock),
            };
        }
        if !matches!(tokio::time::timeout_at(deadline, views.changed()).await, Ok(Ok(()))) {
            return held_too_long(deliver);
        }
    }
}

/// A part that is not there: one that was hinted is waited for, one that is older comes from the journal.
async fn hinted(
    deliver: &Deliver,
    live: &Live,
    rendition: &Rendition,
    number: u64,
    viewer: &Viewer<'_>,
) -> Response {
    let deadline = deadline(live.plan().hold_limit());
    let mut views = rendition.watch();
    let mut waiting = None;
    loop {
        let view = views.borrow_and_update().clone();
        // Without a playlist there is no hint.
        let answer = view.map_or(Reload::Refuse(404, ""), |view| reload::ask_part(view.index(), number));
        match answer {
            Reload::Ready => {
                let part = rendition.held().part(number);
                return match part {
                    Some(data) => media(viewer.headers, vec![data]),
                    None => {
                        let name = Name::Part(number);
                        vod::answer(deliver, live.session(), rendition.name(), name, viewer.headers).await
                    }
                };
            }
            Reload::Refuse(..) => return vod::nothing(deliver),
            Reload::Wait => {}
        }
        if waiting.is_none() {
            waiting = match deliver.held.wait(viewer.client, viewer.playback) {
                Ok(place) => Some(place),
                Err(full) => return full.answer(&deliver.clock),
            };
        }
        if !matches!(tokio::time::timeout_at(deadline, views.changed()).await, Ok(Ok(()))) {
            return held_too_long(deliver);
        }
    }
}

fn held_too_long(deliver: &Deliver) -> Response {
    let detail = "nothing new came in three target durations: the publisher may be gone. Try again";
    problem(&deliver.clock, StatusCode::SERVICE_UNAVAILABLE, "held_too_long", detail)
}

/// The delivery directives; whatever else stands in the query is no business of ours.
fn parse(query: &str) -> Result<Query, &'static str> {
    let mut parsed = Query::default();
    let mut last = "";
    for pair in query.split('&') {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        match name {
            "_HLS_msn" => parsed.msn = Some(decimal(value).ok_or("_HLS_msn is not a decimal integer")?),
            "_HLS_part" => parsed.part = Some(decimal(value).ok_or("_HLS_part is not a decimal integer")?),
            "_HLS_skip" => {
                parsed.skip = match value {
                    "YES" => Some(Skip::Yes),
                    "v2" => Some(Skip::V2),
                    _ => return Err("_HLS_skip is neither YES nor v2"),
                }
            }
            _ => continue,
        }
        parsed.shuffled |= name < last;
        last = name;
    }
    Ok(parsed)
}

fn decimal(value: &str) -> Option<u64> {
    value.bytes().all(|b| b.is_ascii_digit()).then(|| value.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directives() {
        let query = |msn, part, skip| Ok(Query { msn, part, skip, shuffled: false });
        let vhs = Query { msn: Some(7), part: Some(2), skip: Some(Skip::Yes), shuffled: true };
        for (text, expect) in [
            ("", query(None, None, None)),
            ("v=1&_HLS_msn=7", query(Some(7), None, None)),
            ("_HLS_msn=7&_HLS_part=2&_HLS_skip=YES", query(Some(7), Some(2), Some(Skip::Yes))),
            ("_HLS_skip=YES&_HLS_msn=7&v=1&_HLS_part=2", Ok(vhs)),
            ("_HLS_skip=v2", query(None, None, Some(Skip::V2))),
            ("_HLS_msn=-1", Err("_HLS_msn is not a decimal integer")),
            ("_HLS_msn=", Err("_HLS_msn is not a decimal integer")),
            ("_HLS_part=99999999999999999999", Err("_HLS_part is not a decimal integer")),
            ("_HLS_skip=NO", Err("_HLS_skip is neither YES nor v2")),
        ] {
            assert_eq!(parse(text), expect, "{text}");
        }
    }

    #[test]
    fn names() {
        assert!(matches!(Name::parse("media.m3u8"), Some(Name::Playlist)));
        assert!(matches!(Name::parse("init0.mp4"), Some(Name::Init(0))));
        assert!(matches!(Name::parse("p12.m4s"), Some(Name::Part(12))));
        assert!(matches!(Name::parse("s3.m4s"), Some(Name::Segment(3))));
        assert!(matches!(Name::parse("iframes.m3u8"), Some(Name::Keys)));
        assert!(matches!(Name::parse("k3.m4s"), Some(Name::Key(3))));
        for other in [
            "p.m4s",
            "p01.m4s",
            "s+1.m4s",
            "init.mp4",
            "x1.m4s",
            "",
            "media.m3u",
            "p99999999999.m4s",
            "é.m4s",
        ] {
            assert!(Name::parse(other).is_none(), "{other}");
        }
    }
}
