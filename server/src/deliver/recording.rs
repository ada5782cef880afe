//! `/vod/{session}/recording.mp4`: one progressive MP4, laid out over the journal's files and read from them in place.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::ops::Range;
use std::path::PathBuf;

use axum::body::Body;
use axum::extract::{Path, Query, RawQuery, State};
use axum::http::header::{AUTHORIZATION, CONTENT_DISPOSITION, ETAG, IF_RANGE, RANGE};
use axum::http::{HeaderMap, HeaderValue};
use axum::response::Response;
use bytes::Bytes;
use futures_util::stream;
use hls::recording::Layout;
use serde::Deserialize;

use super::denied::denied;
use super::reply::ranged;
use super::{Deliver, vod};

/// Bytes read at a time.
const CHUNK: usize = 512 << 10;

#[derive(Deserialize)]
pub(super) struct Which {
    /// A session whose publisher changed its configuration has more than one file; from 1.
    part: Option<usize>,
}

/// What is there so far, while the session runs.
pub(super) async fn serve(
    State(deliver): State<Deliver>,
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
    let part = which.part.unwrap_or(1).saturating_sub(1);
    let found = vod::read(&deliver, &session, move |files| {
        Ok(files.layouts().into_iter().nth(part).map(|layout| (layout, files.paths())))
    });
    let (layout, paths) = match found.await {
        Ok(Some(found)) => found,
        Ok(None) => return vod::nothing(&deliver),
        Err(failed) => return failed,
    };
    let length = layout.len;
    // The file of a running session is another one each time: a download that goes on must notice.
    let tag = format!("\"{part}-{length}\"");
    if headers.get(IF_RANGE).is_some_and(|known| known.as_bytes() != tag.as_bytes()) {
        headers.remove(RANGE);
    }
    let mut response = ranged(&headers, length, keep, |range| {
        Body::from_stream(stream::try_unfold(Reading::new(layout, paths, range), |mut reading| async move {
            // Off the runtime, a chunk at a time: a slow download holds no thread.
            let read = move || reading.next().map(|chunk| chunk.map(|chunk| (chunk, reading)));
            tokio::task::spawn_blocking(read).await.map_err(std::io::Error::other)?
        }))
    });
    let name = format!("attachment; filename=\"{session}.mp4\"");
    if let (Ok(tag), Ok(name)) = (HeaderValue::from_str(&tag), HeaderValue::from_str(&name)) {
        response.headers_mut().insert(ETAG, tag);
        response.headers_mut().insert(CONTENT_DISPOSITION, name);
    }
    response
}

/// A range of the MP4 on its way out.
struct Reading {
    layout: Layout,
    paths: Vec<PathBuf>,
    /// What is left.
    range: Range<u64>,
    /// The next piece, and where it begins in the MP4.
    piece: usize,
    piece_at: u64,
    open: Option<(usize, File)>,
}

impl Reading {
    fn new(layout: Layout, paths: Vec<PathBuf>, range: Range<u64>) -> Self {
        let piece_at = layout.head.len() as u64;
        Self { layout, paths, range, piece: 0, piece_at, open: None }
    }

    fn next(&mut self) -> std::io::Result<Option<Bytes>> {
        if self.range.is_empty() {
            return Ok(None);
        }
        let mut chunk = Vec::with_capacity(CHUNK.min((self.range.end - self.range.start) as usize));
        let head = self.layout.head.len() as u64;
        if self.range.start < head {
            let to = self.range.end.min(head);
            chunk.extend_from_slice(&self.layout.head[self.range.start as usize..to as usize]);
            self.range.start = to;
        }
        while chunk.len() < CHUNK && !self.range.is_empty() {
            let Some(piece) = self.layout.pieces.get(self.piece).copied() else {
                return Err(std::io::Error::other("the layout is longer than its pieces"));
            };
            let end = self.piece_at + piece.len;
            if end <= self.range.start {
                (self.piece, self.piece_at) = (self.piece + 1, end);
                continue;
            }
            let room = (CHUNK - chunk.len()) as u64;
            let len = (end.min(self.range.end) - self.range.start).min(room);
            let offset = piece.offset + (self.range.start - self.piece_at);
            let file = self.file(piece.file)?;
            file.seek(SeekFrom::Start(offset))?;
            let at = chunk.len();
            chunk.resize(at + len as usize, 0);
            file.read_exact(&mut chunk[at..])?;
            self.range.start += len;
        }
        Ok(Some(chunk.into()))
    }

    fn file(&mut self, number: usize) -> std::io::Result<&mut File> {
        let open = match self.open.take() {
            Some(open) if open.0 == number => open,
            Some(_) | None => {
                let path = self.paths.get(number).ok_or_else(|| std::io::Error::other("no such file"))?;
                (number, File::open(path)?)
            }
        };
        Ok(&mut self.open.insert(open).1)
    }
}
