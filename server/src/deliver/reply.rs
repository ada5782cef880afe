//! Answers: bodies with their type, their codings and how long they may be kept.

use std::hash::{DefaultHasher, Hash, Hasher};

use axum::Json;
use axum::body::Body;
use axum::http::header::{
    ACCEPT_ENCODING, ACCEPT_RANGES, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_RANGE,
    CONTENT_TYPE, ETAG, IF_NONE_MATCH, RETRY_AFTER, VARY,
};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::stream;

use super::range::{Wanted, wanted};
use crate::clock::Clock;
use crate::package::Rendered;
use crate::store::id;

pub(super) const MP4: &str = "video/mp4";
const VTT: &str = "text/vtt; charset=utf-8";
const M3U8: &str = "application/vnd.apple.mpegurl";
/// The name stands for these bytes for ever.
const IMMUTABLE: &str = "public, max-age=31536000, immutable";

/// How long a playlist may be kept, in seconds, by caches that many viewers share; browsers keep none.
#[derive(Clone, Copy)]
pub(super) enum Keep {
    /// One viewer's own.
    No,
    /// By shared caches only.
    Shared(u32),
    /// It will not change any more.
    Finished,
}

/// A playlist, gzipped where the viewer takes that.
pub(super) fn playlist(headers: &HeaderMap, body: &Rendered, keep: Keep) -> Response {
    text(headers, M3U8, body, keep)
}

/// A storyboard, gzipped where the viewer takes that.
pub(super) fn vtt(headers: &HeaderMap, body: &Rendered, keep: Keep) -> Response {
    text(headers, VTT, body, keep)
}

/// A picture, or that it is the one that the viewer has.
pub(super) fn image(headers: &HeaderMap, webp: bool, keep: &str, data: Bytes) -> Response {
    let mut hasher = DefaultHasher::new();
    data.hash(&mut hasher);
    let tag = format!("\"{:016x}\"", hasher.finish());
    let known = headers.get(IF_NONE_MATCH).and_then(|known| known.to_str().ok());
    let known = known.is_some_and(|known| known.split(',').any(|one| one.trim() == tag || one.trim() == "*"));
    let common = [(CACHE_CONTROL, keep.to_owned()), (ETAG, tag)];
    if known {
        return (StatusCode::NOT_MODIFIED, common).into_response();
    }
    let kind = HeaderValue::from_static(if webp { "image/webp" } else { "image/jpeg" });
    (common, [(CONTENT_TYPE, kind)], data).into_response()
}

fn text(headers: &HeaderMap, kind: &'static str, body: &Rendered, keep: Keep) -> Response {
    let keep = match keep {
        Keep::No => HeaderValue::from_static("no-store"),
        Keep::Shared(seconds) => HeaderValue::from_str(&format!("public, max-age=0, s-maxage={seconds}"))
            .unwrap_or(HeaderValue::from_static("no-cache")),
        Keep::Finished => HeaderValue::from_static("public, max-age=1"),
    };
    let common = [
        (CONTENT_TYPE, HeaderValue::from_static(kind)),
        (CACHE_CONTROL, keep),
        (VARY, ACCEPT_ENCODING.into()),
    ];
    if takes_gzip(headers) && !body.gzip.is_empty() {
        let coding = [(CONTENT_ENCODING, HeaderValue::from_static("gzip"))];
        return (common, coding, body.gzip.clone()).into_response();
    }
    (common, body.plain.clone()).into_response()
}

pub(super) fn takes_gzip(headers: &HeaderMap) -> bool {
    headers
        .get_all(ACCEPT_ENCODING)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|v| v.split(','))
        .any(|coding| {
            let mut parts = coding.split(';').map(str::trim);
            let name = parts.next().unwrap_or_default();
            let refused =
                parts.any(|p| p.strip_prefix("q=").is_some_and(|q| q.parse::<f32>().is_ok_and(|q| q <= 0.0)));
            (name.eq_ignore_ascii_case("gzip") || name == "*") && !refused
        })
}

/// A part, a segment, an initialisation segment: pieces in memory, as one body.
pub(super) fn media(headers: &HeaderMap, pieces: Vec<Bytes>) -> Response {
    let length = pieces.iter().map(|piece| piece.len() as u64).sum();
    ranged(headers, length, IMMUTABLE, |range| {
        let mut at = 0;
        let mut cut = Vec::with_capacity(pieces.len());
        for piece in pieces {
            let (from, to) = (range.start.max(at), range.end.min(at + piece.len() as u64));
            if from < to {
                cut.push(piece.slice((from - at) as usize..(to - at) as usize));
            }
            at += piece.len() as u64;
        }
        match <[Bytes; 1]>::try_from(cut) {
            Ok([one]) => Body::from(one),
            Err(many) => Body::from_stream(stream::iter(many.into_iter().map(Ok::<_, std::io::Error>))),
        }
    })
}

/// A body of known length, or the range of it that is wanted.
pub(super) fn ranged(
    headers: &HeaderMap,
    length: u64,
    keep: &'static str,
    body: impl FnOnce(std::ops::Range<u64>) -> Body,
) -> Response {
    let common = [
        (CONTENT_TYPE, HeaderValue::from_static(MP4)),
        (CACHE_CONTROL, HeaderValue::from_static(keep)),
        (ACCEPT_RANGES, HeaderValue::from_static("bytes")),
    ];
    match wanted(headers, length) {
        Wanted::Whole => (common, [(CONTENT_LENGTH, length.to_string())], body(0..length)).into_response(),
        Wanted::Part(range) => {
            let place = format!("bytes {}-{}/{length}", range.start, range.end - 1);
            let sizes = [(CONTENT_LENGTH, (range.end - range.start).to_string()), (CONTENT_RANGE, place)];
            (StatusCode::PARTIAL_CONTENT, common, sizes, body(range)).into_response()
        }
        Wanted::Beyond => {
            let place = [(CONTENT_RANGE, format!("bytes */{length}"))];
            (StatusCode::RANGE_NOT_SATISFIABLE, place).into_response()
        }
    }
}

/// RFC 9457. Errors may be shared for a second, so that a crowd that asks for what isn't there stays outside.
pub(super) fn problem(clock: &Clock, status: StatusCode, code: &str, detail: impl Into<String>) -> Response {
    let request_id = id::mint(id::Prefix::Request, clock.utc());
    let header = HeaderValue::from_str(&request_id);
    let body = api::Problem {
        kind: "about:blank".to_owned(),
        title: status.canonical_reason().unwrap_or("Error").to_owned(),
        status: status.as_u16(),
        code: code.to_owned(),
        detail: detail.into(),
        field: None,
        request_id,
    };
    let mut response = (status, Json(body)).into_response();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    if let Ok(request_id) = header {
        headers.insert("x-request-id", request_id);
    }
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("public, max-age=1"));
    let again = [StatusCode::NOT_FOUND, StatusCode::TOO_MANY_REQUESTS, StatusCode::SERVICE_UNAVAILABLE]
        .contains(&status);
    if again {
        headers.insert(RETRY_AFTER, HeaderValue::from_static("1"));
    }
    response
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn gzip_for_those_who_take_it() {
        for (value, takes) in [
            ("gzip", true),
            ("deflate, gzip;q=0.5, br", true),
            ("*", true),
            ("GZIP", true),
            ("gzip;q=0", false),
            ("br, identity", false),
            ("", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(ACCEPT_ENCODING, HeaderValue::from_static(value));
            assert_eq!(takes_gzip(&headers), takes, "{value}");
        }
        assert!(!takes_gzip(&HeaderMap::new()));
    }
}
