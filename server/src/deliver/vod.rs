//! `/vod/…`, and what is older than memory: playlists and media out of the journal.

use std::io::{Read, Seek, SeekFrom};

use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use bytes::Bytes;

use super::Deliver;
use super::denied::{denied, token};
use super::live::Name;
use super::reply::{Keep, media, playlist, problem};
use crate::access::Denied;
use crate::journal::{Files, Located};
use crate::package::Rendered;

/// The list of renditions of what a session has so far.
pub(super) async fn multivariant(
    State(deliver): State<Deliver>,
    Path(folder): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    let (session, folder) = match admitted(&deliver, &folder, query.as_deref(), &headers).await {
        Ok(admitted) => admitted,
        Err(why) => return denied(&deliver, &why),
    };
    let answer = read(&deliver, &session, move |files| {
        let uri = |name: &str| format!("../{folder}/{name}/media.m3u8");
        let renditions: Vec<_> = files.tracks.iter().map(|t| (uri(&t.name), t.indexes())).collect();
        Ok(Some(Rendered::new(hls::playlist::vod::multivariant(&renditions))))
    });
    match answer.await {
        // It may hold a path secret, which is for who had a token.
        Ok(Some(text)) => playlist(&headers, &text, Keep::No),
        Ok(None) => nothing(&deliver),
        Err(failed) => failed,
    }
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
    State(deliver): State<Deliver>,
    Path((session, rendition, file)): Path<(String, String, String)>,
    headers: HeaderMap,
) -> Response {
    let Some(name) = Name::parse(&file) else { return nothing(&deliver) };
    match deliver.gate.enter(None, &session).await {
        Ok(session) => answer(&deliver, session, &rendition, name, &headers).await,
        Err(why) => denied(&deliver, &why),
    }
}

enum Answer {
    Playlist(Rendered),
    Media(Bytes),
}

pub(super) async fn answer(
    deliver: &Deliver,
    session: &str,
    rendition: &str,
    name: Name,
    headers: &HeaderMap,
) -> Response {
    let rendition = rendition.to_owned();
    let found = read(deliver, session, move |files| {
        let Some(track) = files.tracks.iter().find(|track| track.name == rendition) else { return Ok(None) };
        let located = match name {
            Name::Playlist => {
                let text = hls::playlist::vod::media(&track.indexes());
                return Ok(Some(Answer::Playlist(Rendered::new(text))));
            }
            Name::Init(number) => return Ok(track.init(number).map(Answer::Media)),
            Name::Part(number) => track.part(number),
            Name::Segment(msn) => track.segment(msn),
        };
        located.map(|located| load(&located).map(Answer::Media)).transpose()
    });
    match found.await {
        Ok(Some(Answer::Playlist(text))) => playlist(headers, &text, Keep::Finished),
        Ok(Some(Answer::Media(data))) => media(headers, vec![data]),
        Ok(None) => nothing(deliver),
        Err(failed) => failed,
    }
}

/// Asks the session's files, off the runtime.
pub(super) async fn read<T: Send + 'static>(
    deliver: &Deliver,
    session: &str,
    ask: impl FnOnce(&Files) -> std::io::Result<Option<T>> + Send + 'static,
) -> Result<Option<T>, Response> {
    let (library, session) = (deliver.library.clone(), session.to_owned());
    let job = move || match library.open(&session)? {
        Some(files) => ask(&files),
        None => Ok(None),
    };
    let outcome = tokio::task::spawn_blocking(job).await.map_err(std::io::Error::other).flatten();
    outcome.map_err(|error| {
        tracing::error!("the journal can't be read: {error}");
        let detail = "the recording can't be read now. Try again, or look at the server's log";
        problem(&deliver.clock, StatusCode::INTERNAL_SERVER_ERROR, "journal_unreadable", detail)
    })
}

fn load(located: &Located) -> std::io::Result<Bytes> {
    let mut file = std::fs::File::open(&located.path)?;
    file.seek(SeekFrom::Start(located.offset))?;
    let mut data = vec![0; usize::try_from(located.len).map_err(std::io::Error::other)?];
    file.read_exact(&mut data)?;
    Ok(data.into())
}

pub(super) fn nothing(deliver: &Deliver) -> Response {
    let detail = "there is nothing here: never was, not yet, or not any more";
    problem(&deliver.clock, StatusCode::NOT_FOUND, "not_found", detail)
}
