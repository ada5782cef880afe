//! `/vod/…`, and what is older than memory: playlists and media out of the journal.

use std::io::{Read, Seek, SeekFrom};

use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use bytes::Bytes;

use super::Deliver;
use super::live::Name;
use super::reply::{Keep, media, playlist, problem};
use crate::journal::{Files, Located};
use crate::package::Rendered;

/// The list of renditions of what a session has so far.
pub(super) async fn multivariant(
    State(deliver): State<Deliver>,
    Path(session): Path<String>,
    headers: HeaderMap,
) -> Response {
    let answer = read(&deliver, &session, |files| {
        let renditions: Vec<_> =
            files.tracks.iter().map(|t| (format!("{}/media.m3u8", t.name), t.indexes())).collect();
        Ok(Some(Rendered::new(hls::playlist::vod::multivariant(&renditions))))
    });
    match answer.await {
        Ok(Some(text)) => playlist(&headers, &text, Keep::Finished),
        Ok(None) => nothing(&deliver),
        Err(failed) => failed,
    }
}

/// Everything in a rendition's folder.
pub(super) async fn file(
    State(deliver): State<Deliver>,
    Path((session, rendition, file)): Path<(String, String, String)>,
    headers: HeaderMap,
) -> Response {
    match Name::parse(&file) {
        Some(name) => answer(&deliver, &session, &rendition, name, &headers).await,
        None => nothing(&deliver),
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
