//! Thumbnails and storyboards: of what is live, and of what was recorded.

use std::sync::Arc;
use std::time::Duration;

use ::live::event::AssetKind;
use axum::extract::{Path, RawQuery, State};
use axum::http::header::AUTHORIZATION;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use bytes::Bytes;
use hls::playlist::vod::Cut;

use super::denied::{denied, token};
use super::reply::{Keep, image, problem, vtt};
use super::{Deliver, vod};
use crate::package::{Found, Live, Rendered};
use crate::stills::{self, Image, Sheet, vtt as storyboard};

/// Tiles of a session that is over stand so long at most; while it runs the server knows.
const LAST: Duration = Duration::from_secs(5);

/// `/live/{playback}/thumbnail.jpg`
pub(super) async fn live_jpeg(
    State(deliver): State<Arc<Deliver>>,
    Path(playback): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    newest(&deliver, &playback, query.as_deref(), &headers, false).await
}

/// `/live/{playback}/thumbnail.webp`
pub(super) async fn live_webp(
    State(deliver): State<Arc<Deliver>>,
    Path(playback): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    newest(&deliver, &playback, query.as_deref(), &headers, true).await
}

/// Who had it by a token has it for himself.
fn private(query: Option<&str>, headers: &HeaderMap) -> bool {
    query.is_some_and(|query| query.contains("token=")) || headers.contains_key(AUTHORIZATION)
}

async fn newest(
    deliver: &Deliver,
    playback: &str,
    query: Option<&str>,
    headers: &HeaderMap,
    webp: bool,
) -> Response {
    if let Err(why) = deliver.gate.admit(playback, token(query, headers)).await {
        return denied(deliver, &why);
    }
    let Found::Live(live) = deliver.shelf.find(playback) else { return not_live(deliver) };
    let album = deliver.albums.get(live.session());
    let found = album.and_then(|album| Some((album.thumbnail(webp)?, album.every())));
    match found {
        Some((data, every)) => {
            let seconds = (every.as_secs() / 2).max(1);
            let keep = if private(query, headers) {
                format!("private, max-age={seconds}")
            } else {
                format!("public, max-age={seconds}")
            };
            image(headers, webp, &keep, data)
        }
        None => vod::nothing(deliver),
    }
}

fn not_live(deliver: &Deliver) -> Response {
    let detail = "nothing is live here now. Try again when the broadcast has begun";
    problem(&deliver.clock, StatusCode::NOT_FOUND, "not_live", detail)
}

/// `/live/{playback}/storyboard.vtt`: the window so far, on the session's clock.
pub(super) async fn live_storyboard(
    State(deliver): State<Arc<Deliver>>,
    Path(playback): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    if let Err(why) = deliver.gate.admit(&playback, token(query.as_deref(), &headers)).await {
        return denied(&deliver, &why);
    }
    let Found::Live(live) = deliver.shelf.find(&playback) else { return not_live(&deliver) };
    let folder = match deliver.gate.folder(live.session()).await {
        Ok(folder) => folder,
        Err(why) => return denied(&deliver, &why),
    };
    let (Some(album), Some((from, zero))) = (deliver.albums.get(live.session()), window(&live)) else {
        return vod::nothing(&deliver);
    };
    let (sheets, every, place) = (album.sheets(), album.every(), storyboard::Live { from });
    let text = storyboard::render(&sheets, &place, &format!("{folder}/storyboard"), Some(&zero), every);
    let keep = if folder == live.session() {
        Keep::Shared(u32::try_from(every.as_secs()).unwrap_or(u32::MAX).max(1))
    } else {
        Keep::No
    };
    vtt(&headers, &Rendered::new(text), keep)
}

/// Where the pictures' window begins (ms on the session's clock), and the wall clock at that clock's zero.
fn window(live: &Live) -> Option<(i64, String)> {
    let view = live.renditions().iter().find_map(|rendition| rendition.watch().borrow().clone())?;
    let index = view.index();
    let first = index.past().first().map(|segment| segment.start);
    let first = first.or_else(|| index.segments().next().map(|segment| segment.start));
    let first = first.or_else(|| index.open().map(|segment| segment.start))?;
    let zero = hls::playlist::date_time(index.control.epoch_ms, media::Timestamp::millis(0));
    Some((first.as_millis(), zero))
}

/// A sheet, beside the session's renditions.
pub(super) async fn live_sheet(
    State(deliver): State<Arc<Deliver>>,
    Path((playback, folder, file)): Path<(String, String, String)>,
    headers: HeaderMap,
) -> Response {
    match deliver.gate.enter(Some(&playback), &folder).await {
        Ok(session) => sheet(&deliver, session, &file, &headers).await,
        Err(why) => denied(&deliver, &why),
    }
}

/// The same of catch-up.
pub(super) async fn kept_sheet(
    State(deliver): State<Arc<Deliver>>,
    Path((folder, file)): Path<(String, String)>,
    headers: HeaderMap,
) -> Response {
    match deliver.gate.enter(None, &folder).await {
        Ok(session) => sheet(&deliver, session, &file, &headers).await,
        Err(why) => denied(&deliver, &why),
    }
}

/// `{sheet}-{tiles}.jpg`: as it was when it had so many tiles, or later; those are where they were.
fn numbers(file: &str) -> Option<(u32, usize)> {
    let plain = |digits: &str| {
        let digit =
            digits.bytes().all(|b| b.is_ascii_digit()) && (digits.len() == 1 || !digits.starts_with('0'));
        digits.parse::<u32>().ok().filter(|_| digit)
    };
    let (sheet, tiles) = file.strip_suffix(".jpg")?.split_once('-')?;
    let tiles = plain(tiles).filter(|tiles| (1..=transcode::watch::TILES).contains(tiles))?;
    Some((plain(sheet)?, tiles as usize))
}

async fn sheet(deliver: &Deliver, session: &str, file: &str, headers: &HeaderMap) -> Response {
    let Some((number, tiles)) = numbers(file) else { return vod::nothing(deliver) };
    let found = match deliver.albums.get(session) {
        Some(album) => album.sheet(number, tiles),
        None => match deleted(deliver, session, AssetKind::Storyboard).await {
            Ok(()) => deliver
                .library
                .folder(session)
                .map(|folder| Image::File(stills::sheet(&folder.join(stills::FOLDER), number))),
            Err(gone) => return gone,
        },
    };
    match read(deliver, session, found).await {
        Ok(Some(data)) => image(headers, false, "public, max-age=31536000, immutable", data),
        Ok(None) => vod::nothing(deliver),
        Err(failed) => failed,
    }
}

/// Where the asset was deleted, the answer to that.
async fn deleted(deliver: &Deliver, session: &str, kind: AssetKind) -> Result<(), Response> {
    vod::trim(deliver, session, kind, 0).await.map(|_| ())
}

async fn read(deliver: &Deliver, session: &str, found: Option<Image>) -> Result<Option<Bytes>, Response> {
    match found {
        Some(Image::Memory(data)) => Ok(Some(data)),
        Some(Image::File(path)) => {
            vod::blocking(deliver, session, move |_, _| match std::fs::read(path) {
                Ok(data) => Ok(Some(data.into())),
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
                Err(error) => Err(error),
            })
            .await
        }
        None => Ok(None),
    }
}

/// `/vod/{session}/thumbnail.jpg`
pub(super) async fn kept_jpeg(
    State(deliver): State<Arc<Deliver>>,
    Path(folder): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    last(&deliver, &folder, query.as_deref(), &headers, false).await
}

/// `/vod/{session}/thumbnail.webp`
pub(super) async fn kept_webp(
    State(deliver): State<Arc<Deliver>>,
    Path(folder): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    last(&deliver, &folder, query.as_deref(), &headers, true).await
}

async fn last(
    deliver: &Deliver,
    folder: &str,
    query: Option<&str>,
    headers: &HeaderMap,
    webp: bool,
) -> Response {
    let session = match vod::admitted(deliver, folder, query, headers).await {
        Ok((session, _)) => session,
        Err(why) => return denied(deliver, &why),
    };
    if let Err(gone) = deleted(deliver, &session, AssetKind::Thumbnail).await {
        return gone;
    }
    let newest = deliver.albums.get(&session).and_then(|album| album.thumbnail(webp)).map(Image::Memory);
    let kept = || {
        let folder = deliver.library.folder(&session)?;
        Some(Image::File(stills::thumbnail(&folder.join(stills::FOLDER), webp)))
    };
    let keep = if private(query, headers) { "private, max-age=1" } else { "public, max-age=1" };
    match read(deliver, &session, newest.or_else(kept)).await {
        Ok(Some(data)) => image(headers, webp, keep, data),
        Ok(None) => vod::nothing(deliver),
        Err(failed) => failed,
    }
}

/// `/vod/{session}/storyboard.vtt`: on the time line of the catch-up playlist.
pub(super) async fn kept_storyboard(
    State(deliver): State<Arc<Deliver>>,
    Path(folder): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    let (session, folder) = match vod::admitted(&deliver, &folder, query.as_deref(), &headers).await {
        Ok(admitted) => admitted,
        Err(why) => return denied(&deliver, &why),
    };
    if let Err(gone) = deleted(&deliver, &session, AssetKind::Storyboard).await {
        return gone;
    }
    let trim = match deliver.store.trim(&session, AssetKind::CatchUp, 1).await {
        Ok(crate::store::Trimmed::To(trim)) => trim,
        Ok(crate::store::Trimmed::Deleted) | Err(_) => Default::default(),
    };
    let running = deliver.albums.get(&session).map(|album| (album.sheets(), album.every()));
    let found = vod::ask(&deliver, &session, move |library, session| {
        let (Some(path), Some(files)) = (library.folder(session), library.open(session)?) else {
            return Ok(None);
        };
        let (sheets, every) = match running {
            Some(running) => running,
            None => (stills::load(&path.join(stills::FOLDER))?, LAST),
        };
        let Some(leader) = files.tracks.first().map(crate::journal::Track::indexes) else { return Ok(None) };
        Ok((!sheets.is_empty()).then(|| (sheets, every, recorded(&leader, &trim))))
    });
    let (sheets, every, place): (Vec<Sheet>, _, _) = match found.await {
        Ok(Some(found)) => found,
        Ok(None) => return vod::nothing(&deliver),
        Err(failed) => return failed,
    };
    let text = storyboard::render(&sheets, &place, &format!("../{folder}/storyboard"), None, every);
    let keep = if folder == session { Keep::Finished } else { Keep::No };
    vtt(&headers, &Rendered::new(text), keep)
}

fn recorded(leader: &[&hls::journal::Index], trim: &hls::recording::Trim) -> storyboard::Recorded {
    let cut = Cut::of(leader, trim);
    let segments = hls::journal::recorded(leader).into_iter();
    let segments = segments.filter(|(place, segment)| cut.segments.contains(&(*place, segment.msn)));
    let segments = segments.map(|(_, one)| {
        let start = one.start.as_millis();
        (start, one.start.plus(one.duration).as_millis() - start)
    });
    storyboard::Recorded { segments: segments.collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sheet_has_one_name_a_state() {
        assert_eq!(numbers("0-1.jpg"), Some((0, 1)));
        assert_eq!(numbers("12-25.jpg"), Some((12, 25)));
        for other in [
            "0-0.jpg",
            "0-26.jpg",
            "00-1.jpg",
            "0-01.jpg",
            "0.jpg",
            "-1.jpg",
            "1-.jpg",
            "../0-1.jpg",
            "+1-1.jpg",
        ] {
            assert_eq!(numbers(other), None, "{other}");
        }
    }
}
