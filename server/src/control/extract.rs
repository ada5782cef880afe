//! Bodies, queries and headers, read with errors that name what is wrong.

use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode};
use bytes::Bytes;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::error::Category;

use super::problem::{Problem, Result};
use crate::store::{Page, id};

/// Fields that the API will have: refused by name rather than ignored.
const LATER: [&str; 9] = [
    "owner",
    "members",
    "priority",
    "preview_first",
    "targets",
    "simulcast",
    "schedule",
    "upload_probe",
    "backup_rtmp_url",
];

/// Fields of a channel that the server decides.
const SERVERS: [&str; 9] = [
    "id",
    "status",
    "ingest",
    "stream_key",
    "live_session_id",
    "source",
    "created_at",
    "updated_at",
    "playback_id",
];

/// A JSON body.
pub(super) struct Json<T>(pub(super) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Json<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self> {
        let body = Bytes::from_request(request, state).await.map_err(|rejection| {
            let detail = match rejection.status() {
                StatusCode::PAYLOAD_TOO_LARGE => {
                    format!("the body is larger than {} KiB", super::MAX_BODY / 1024)
                }
                _ => "the body ended before it was whole".to_owned(),
            };
            Problem::new(rejection.status(), "body_unreadable", detail)
        })?;
        parse(&body).map(Self)
    }
}

fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T> {
    let mut json = serde_json::Deserializer::from_slice(body);
    let error = match serde_path_to_error::deserialize(&mut json) {
        Ok(value) => match json.end() {
            Ok(()) => return Ok(value),
            Err(error) => return Err(not_json(&error)),
        },
        Err(error) => error,
    };
    // serde_json counts `null` for an enum among the syntax errors: see whether the syntax is right after all.
    let sound = || serde_json::from_slice::<serde::de::IgnoredAny>(body).is_ok();
    if error.inner().classify() != Category::Data && !sound() {
        return Err(not_json(error.inner()));
    }
    if let Ok(serde_json::Value::Object(fields)) = serde_json::from_slice(body) {
        if let Some(name) = LATER.iter().find(|name| fields.contains_key(**name)) {
            let text = format!("`{name}` is not supported by this version of sigma-server: leave it out");
            return Err(Problem::field(*name, text).with_code("not_supported"));
        }
        if let Some(name) = SERVERS.iter().find(|name| fields.contains_key(**name)) {
            let text = format!("`{name}` is decided by the server: leave it out");
            return Err(Problem::field(*name, text).with_code("read_only"));
        }
    }
    let field = error.path().to_string();
    let detail = match field.as_str() {
        "." => error.inner().to_string(),
        name => format!("`{name}`: {}", error.inner()),
    };
    Err(Problem::field(field, detail))
}

fn not_json(error: &serde_json::Error) -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, "invalid_json", format!("the body isn't valid JSON: {error}"))
}

/// The query string.
pub(super) struct Query<T>(pub(super) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self> {
        axum::extract::Query::try_from_uri(&parts.uri)
            .map(|axum::extract::Query(value)| Self(value))
            .map_err(|rejection| bad_query(rejection.body_text()))
    }
}

fn bad_query(detail: impl Into<String>) -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, "invalid_query", detail)
}

/// Items on a page unless told, and at most.
const LIMIT: u32 = 50;
const MAX_LIMIT: u32 = 200;

/// `?limit=&cursor=`
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Paging {
    /// 1 to 200; 50 unless told.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<u32>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

impl Paging {
    /// Cursors of this list are ids of this kind.
    pub(super) fn page(self, prefix: id::Prefix) -> Result<Page> {
        match self.cursor {
            Some(cursor) if !id::is(prefix, &cursor) => {
                Err(bad_query("`cursor` must be the `next_cursor` of a page of this list"))
            }
            after => Ok(Page { after, limit: limit(self.limit)? }),
        }
    }
}

/// `?limit=` in its range.
pub(super) fn limit(limit: Option<u32>) -> Result<u32> {
    match limit.unwrap_or(LIMIT) {
        limit @ 1..=MAX_LIMIT => Ok(limit),
        limit => Err(bad_query(format!("`limit` is {limit}, but must be 1 to {MAX_LIMIT}"))),
    }
}

/// An event's id as a number; 0 for none.
pub(super) fn event_seq(after: Option<&str>) -> Result<i64> {
    let Some(after) = after else { return Ok(0) };
    after
        .strip_prefix("evt_")
        .filter(|digits| digits.len() == 16 && digits.bytes().all(|b| b.is_ascii_digit()))
        .and_then(|digits| digits.parse().ok())
        .ok_or_else(|| bad_query("`after` must be the id of an event: `evt_` and 16 digits"))
}

/// `Idempotency-Key`, if sent.
pub(super) fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>> {
    let Some(value) = headers.get("idempotency-key") else { return Ok(None) };
    match value.to_str() {
        Ok(key) if (1..=255).contains(&key.len()) => Ok(Some(key.to_owned())),
        Ok(_) | Err(_) => Err(Problem::new(
            StatusCode::BAD_REQUEST,
            "invalid_idempotency_key",
            "`Idempotency-Key` must have 1 to 255 visible ASCII characters",
        )),
    }
}
