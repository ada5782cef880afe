//! `/vod/{session}/recording.mp4`: while the session runs a fragmented MP4 that only grows, afterwards a progressive one.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, Query, RawQuery, State};
use axum::http::header::{AUTHORIZATION, CONTENT_DISPOSITION, ETAG, IF_RANGE, RANGE};
use axum::http::{HeaderMap, HeaderValue};
use axum::response::Response;
use futures_util::stream;
use serde::Deserialize;

use super::denied::denied;
use super::reply::ranged;
use super::{Deliver, vod};
use crate::journal::{Recording, Rendition};
use crate::package::Live;
use ::live::event::AssetKind as Kind;

#[derive(Deserialize)]
pub(super) struct Which {
    /// A session whose publisher changed its configuration has more than one file; from 1.
    part: Option<usize>,
}

/// What is there so far, while the session runs: its length is that of now, since FFmpeg takes `bytes 0-9/*` for an empty
/// file.
pub(super) async fn serve(
    State(deliver): State<Arc<Deliver>>,
    Path(folder): Path<String>,
    Query(which): Query<Which>,
    RawQuery(query): RawQuery,
    mut headers: HeaderMap,
) -> Response {
    let session = match vod::admitted(&deliver, &folder, query.as_deref(), &headers).await {
        Ok((session, _)) => session,
        Err(why) => return denied(&deliver, &why),
    };
    // What was had by a token is for who had it, and not for the next who asks a cache.
    let keep = if query.is_some_and(|q| q.contains("token=")) || headers.contains_key(AUTHORIZATION) {
        "private, max-age=1"
    } else {
        "public, max-age=1"
    };
    let configuration = which.part.unwrap_or(1).saturating_sub(1);
    let found = match deliver.shelf.running(&session) {
        Some(live) => {
            let renditions = renditions(&live);
            vod::ask(&deliver, &session, move |library, session| {
                library.growing(session, configuration, &renditions)
            })
            .await
        }
        None => {
            let trim = match vod::trim(&deliver, &session, Kind::Recording, configuration).await {
                Ok(trim) => trim,
                Err(failed) => return failed,
            };
            vod::ask(&deliver, &session, move |library, session| {
                library.recording(session, configuration, &trim)
            })
            .await
        }
    };
    let recording = match found {
        Ok(Some(recording)) => recording,
        Ok(None) => return vod::nothing(&deliver),
        Err(failed) => return failed,
    };
    // Who began with the file of the running session must not go on with the other one, nor with one that was trimmed.
    if headers.get(IF_RANGE).is_some_and(|known| known.as_bytes() != recording.tag.as_bytes()) {
        headers.remove(RANGE);
    }
    answer(&headers, keep, &session, configuration, recording)
}

fn answer(
    headers: &HeaderMap,
    keep: &'static str,
    session: &str,
    configuration: usize,
    recording: Recording,
) -> Response {
    let tag = recording.tag.clone();
    let mut response = ranged(headers, recording.len, keep, |range| {
        Body::from_stream(stream::try_unfold(recording.reader(range), |mut reader| async move {
            // Off the runtime, a chunk at a time: a slow download holds no thread.
            let read = move || reader.next().map(|chunk| chunk.map(|chunk| (chunk, reader)));
            tokio::task::spawn_blocking(read).await.map_err(std::io::Error::other)?
        }))
    });
    let number = if configuration == 0 { String::new() } else { format!("-{}", configuration + 1) };
    let name = format!("attachment; filename=\"{session}{number}.mp4\"");
    if let (Ok(tag), Ok(name)) = (HeaderValue::from_str(&tag), HeaderValue::from_str(&name)) {
        response.headers_mut().insert(ETAG, tag);
        response.headers_mut().insert(CONTENT_DISPOSITION, name);
    }
    response
}

fn renditions(live: &Live) -> Vec<Rendition> {
    let one = |rendition: &crate::package::Rendition| {
        let view = rendition.watch().borrow().clone();
        let index = view.as_ref().map(|view| view.index());
        Rendition {
            name: rendition.name().to_owned(),
            init: index.and_then(|index| index.first_init().cloned()),
            closed: index.map_or(0, hls::Index::current_msn),
        }
    };
    live.renditions().iter().filter(|rendition| !rendition.made()).map(one).collect()
}
