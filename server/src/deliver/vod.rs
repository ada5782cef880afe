//! `/vod/…`, and what is older than memory: playlists and media out of the journal.

use std::sync::{Arc, Mutex, PoisonError};

use ::live::event::AssetKind;
use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use hls::playlist::vod::{self, Cut};
use hls::recording::Trim;

use super::Deliver;
use super::denied::{denied, token};
use super::live::Name;
use super::reply::{Keep, media, playlist, problem};
use crate::access::Denied;
use crate::journal::{Files, Library, Wanted};
use crate::package::Rendered;

/// Playlists of sessions that are over, kept at hand: a day's is 8 MB, gzipped 1 MB.
const KEPT: usize = 32;

/// Playlists of sessions that are over, by session, which one, and trim; the one used last at the end.
#[derive(Clone, Default)]
pub(crate) struct Playlists(Arc<Mutex<Vec<(Key, Rendered)>>>);

type Key = (String, Playlist, Trim);

/// Which playlist of a session.
#[derive(Clone, PartialEq)]
enum Playlist {
    /// The multivariant one; `folder` is what its addresses hold: of two secrets there are two.
    Renditions { folder: String },
    /// A rendition's.
    Media { rendition: String, keys: bool },
}

impl Playlists {
    fn get(&self, key: &Key) -> Option<Rendered> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let at = kept.iter().position(|(known, _)| known == key)?;
        let entry = kept.remove(at);
        let found = entry.1.clone();
        kept.push(entry);
        Some(found)
    }

    fn put(&self, key: Key, rendered: Rendered) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|(known, _)| *known != key);
        kept.push((key, rendered));
        let surplus = kept.len().saturating_sub(KEPT);
        kept.drain(..surplus);
    }
}

/// The list of renditions of what a session has so far.
pub(super) async fn multivariant(
    State(deliver): State<Arc<Deliver>>,
    Path(folder): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    let (session, folder) = match admitted(&deliver, &folder, query.as_deref(), &headers).await {
        Ok(admitted) => admitted,
        Err(why) => return denied(&deliver, &why),
    };
    // One with a path secret is for who had a token.
    let keep = if folder == session { Keep::Finished } else { Keep::No };
    let which = Playlist::Renditions { folder: folder.clone() };
    catch_up(&deliver, &session, which, keep, &headers, move |files, _| {
        let uri = |name: &str| format!("../{folder}/{name}");
        let renditions: Vec<_> = files.tracks.iter().map(|t| (uri(&t.name), t.indexes())).collect();
        Some(vod::multivariant(&renditions))
    })
    .await
}

/// The session that an address without further path names, and how the viewer's other addresses name it: from a token,
/// or from a path secret that is there already.
pub(super) async fn admitted(
    deliver: &Deliver,
    folder: &str,
    query: Option<&str>,
    headers: &HeaderMap,
) -> Result<(String, String), Denied> {
    if folder.contains('~') {
        let session = deliver.gate.enter(None, folder).await?;
        return Ok((session.to_owned(), folder.to_owned()));
    }
    deliver.gate.admit_to(folder, token(query, headers)).await?;
    Ok((folder.to_owned(), deliver.gate.folder(folder).await?))
}

/// Everything in a rendition's folder.
pub(super) async fn file(
    State(deliver): State<Arc<Deliver>>,
    Path((session, rendition, file)): Path<(String, String, String)>,
    headers: HeaderMap,
) -> Response {
    let Some(name) = Name::parse(&file) else { return nothing(&deliver) };
    match deliver.gate.enter(None, &session).await {
        Ok(session) => answer(&deliver, session, &rendition, name, &headers).await,
        Err(why) => denied(&deliver, &why),
    }
}

pub(super) async fn answer(
    deliver: &Deliver,
    session: &str,
    rendition: &str,
    name: Name,
    headers: &HeaderMap,
) -> Response {
    let wanted = match name {
        Name::Playlist | Name::Keys => {
            let (named, keys) = (rendition.to_owned(), matches!(name, Name::Keys));
            let which = Playlist::Media { rendition: named.clone(), keys };
            return catch_up(deliver, session, which, Keep::Finished, headers, move |files, trim| {
                let track = files.tracks.iter().find(|track| track.name == named)?;
                let cut = (*trim != Trim::default())
                    .then(|| files.tracks.first().map(|leader| Cut::of(&leader.indexes(), trim)))
                    .flatten();
                if keys && track.indexes().iter().any(|file| file.header.channels > 0) {
                    return None;
                }
                let playlist = if keys { vod::keys } else { vod::media };
                Some(playlist(&track.indexes(), cut.as_ref()))
            })
            .await;
        }
        // It ended: who watched its past goes on in the catch-up playlist.
        Name::Dvr => return nothing(deliver),
        Name::Init(number) => Wanted::Init(number),
        Name::Part(number) => Wanted::Part(number),
        Name::Segment(msn) => Wanted::Segment(msn),
        Name::Key(msn) => Wanted::Key(msn),
    };
    let named = rendition.to_owned();
    match blocking(deliver, session, move |library, session| library.load(session, &named, wanted)).await {
        Ok(Some(data)) => media(headers, vec![data]),
        Ok(None) => nothing(deliver),
        Err(failed) => failed,
    }
}

/// A playlist of what a session's files hold: rendered once where that will not change any more.
async fn catch_up(
    deliver: &Deliver,
    session: &str,
    which: Playlist,
    keep: Keep,
    headers: &HeaderMap,
    render: impl FnOnce(&Files, &Trim) -> Option<String> + Send + 'static,
) -> Response {
    let trim = match trim(deliver, session, AssetKind::CatchUp, 0).await {
        Ok(trim) => trim,
        Err(failed) => return failed,
    };
    let key = (session.to_owned(), which, trim);
    if let Some(kept) = deliver.playlists.get(&key) {
        deliver.library.keep.touch(session);
        return playlist(headers, &kept, keep);
    }
    let running = deliver.library.keep.running(session);
    let found = ask(deliver, session, move |library, session| {
        Ok(library.open(session)?.and_then(|files| render(&files, &trim)).map(Rendered::new))
    });
    match found.await {
        Ok(Some(rendered)) => {
            if !running {
                deliver.playlists.put(key, rendered.clone());
            }
            playlist(headers, &rendered, keep)
        }
        Ok(None) => nothing(deliver),
        Err(failed) => failed,
    }
}

/// In and out points of an asset. Deleted, it answers no more.
pub(super) async fn trim(
    deliver: &Deliver,
    session: &str,
    kind: AssetKind,
    configuration: usize,
) -> Result<Trim, Response> {
    match deliver.store.trim(session, kind, configuration as u32 + 1).await {
        Ok(crate::store::Trimmed::To(trim)) => Ok(trim),
        Ok(crate::store::Trimmed::Deleted) => Err(nothing(deliver)),
        Err(error) => {
            tracing::error!("the in and out points of {session} can't be read: {error}");
            let detail = "the server can't look this up now. Try again in a moment";
            Err(problem(&deliver.clock, StatusCode::SERVICE_UNAVAILABLE, "unavailable", detail))
        }
    }
}

/// Asks the session's files for what must not miss anything: first what is on its way goes into them.
pub(super) async fn ask<T: Send + 'static>(
    deliver: &Deliver,
    session: &str,
    job: impl FnOnce(&Library, &str) -> std::io::Result<Option<T>> + Send + 'static,
) -> Result<Option<T>, Response> {
    if deliver.library.keep.running(session) {
        deliver.library.settle().await;
    }
    blocking(deliver, session, job).await
}

/// Asks the session's files, off the runtime.
pub(super) async fn blocking<T: Send + 'static>(
    deliver: &Deliver,
    session: &str,
    job: impl FnOnce(&Library, &str) -> std::io::Result<Option<T>> + Send + 'static,
) -> Result<Option<T>, Response> {
    deliver.library.keep.touch(session);
    let (library, session) = (deliver.library.clone(), session.to_owned());
    let job = move || job(&library, &session);
    let outcome = tokio::task::spawn_blocking(job).await.map_err(std::io::Error::other).flatten();
    outcome.map_err(|error| {
        tracing::error!("the journal can't be read: {error}");
        let detail = "the recording can't be read now. Try again, or look at the server's log";
        problem(&deliver.clock, StatusCode::INTERNAL_SERVER_ERROR, "journal_unreadable", detail)
    })
}

pub(super) fn nothing(deliver: &Deliver) -> Response {
    let detail = "there is nothing here: never was, not yet, or not any more";
    problem(&deliver.clock, StatusCode::NOT_FOUND, "not_found", detail)
}
