//! Errors as problem details (RFC 9457), and the id that every request gets.

use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::header::{ALLOW, CONTENT_TYPE, WWW_AUTHENTICATE};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::channels::Unavailable;
use crate::clock::Clock;
use crate::store::{self, id};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// An answer that isn't what was asked for. [`render`] makes its body, since only that knows the request's id.
#[derive(Clone, Debug)]
pub(super) struct Problem {
    status: StatusCode,
    code: &'static str,
    detail: String,
    field: Option<String>,
    /// What went wrong on our side: for the log, never for the peer.
    cause: Option<String>,
}

/// What a handler gives.
pub(super) type Result<T> = std::result::Result<T, Problem>;

impl Problem {
    pub(super) fn new(status: StatusCode, code: &'static str, detail: impl Into<String>) -> Self {
        Self { status, code, detail: detail.into(), field: None, cause: None }
    }

    /// 422: a field of the body is wrong.
    pub(super) fn field(field: impl Into<String>, detail: impl Into<String>) -> Self {
        let field = Some(field.into()).filter(|field: &String| field != ".");
        Self { field, ..Self::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid_field", detail) }
    }

    #[cfg(test)]
    pub(super) fn code(&self) -> &'static str {
        self.code
    }

    pub(super) fn with_code(self, code: &'static str) -> Self {
        Self { code, ..self }
    }

    /// 404.
    pub(super) fn missing(what: &'static str, code: &'static str, id: &str) -> Self {
        // Ids are short; what is longer was no id, and needn't be repeated whole.
        let id: String = id.chars().take(64).collect();
        Self::new(StatusCode::NOT_FOUND, code, format!("there is no {what} {id}"))
    }

    pub(super) fn channel(id: &str) -> Self {
        Self::missing("channel", "channel_not_found", id)
    }

    pub(super) fn asset(id: &str) -> Self {
        Self::missing("asset", "asset_not_found", id)
    }

    pub(super) fn session(id: &str) -> Self {
        Self::missing("session", "session_not_found", id)
    }
}

impl From<store::Error> for Problem {
    fn from(error: store::Error) -> Self {
        let text = error.to_string();
        match error {
            store::Error::Limit { .. } => Self::new(StatusCode::CONFLICT, "limit_reached", text),
            store::Error::KeyReused => {
                Self::new(StatusCode::UNPROCESSABLE_ENTITY, "idempotency_key_reused", text)
            }
            store::Error::Closed => Self::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", text),
            store::Error::Seal(_) => Self {
                cause: Some(text.clone()),
                ..Self::new(StatusCode::INTERNAL_SERVER_ERROR, "stream_key_unreadable", text)
            },
            error => Self {
                cause: Some(error.to_string()),
                ..Self::new(
                    StatusCode::INTERNAL_SERVER_ERROR,
                    "internal",
                    "the server failed; its log says why, under this request_id",
                )
            },
        }
    }
}

impl From<Unavailable> for Problem {
    fn from(error: Unavailable) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", error.to_string())
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = self.status.into_response();
        response.extensions_mut().insert(self);
        response
    }
}

/// Gives each request its id, and each error its body: also those that axum itself made (405, 413, a bad path).
pub(super) async fn render(State(clock): State<Clock>, request: Request, next: Next) -> Response {
    let request_id = id::mint(id::Prefix::Request, clock.utc());
    let line = format!("{} {}", request.method(), request.uri().path());
    let mut response = next.run(request).await;
    if response.status().is_client_error() || response.status().is_server_error() {
        response = explain(response, &request_id, &line).await;
    }
    if let Ok(value) = HeaderValue::from_str(&request_id) {
        response.headers_mut().insert(REQUEST_ID, value);
    }
    response
}

async fn explain(response: Response, request_id: &str, line: &str) -> Response {
    let status = response.status();
    let (mut parts, body) = response.into_parts();
    let problem = match parts.extensions.remove::<Problem>() {
        Some(problem) => problem,
        None => {
            let text = to_bytes(body, 4096).await.unwrap_or_default();
            foreign(status, String::from_utf8_lossy(&text).into_owned())
        }
    };
    if let Some(cause) = &problem.cause {
        tracing::error!(request_id, "{line}: {cause}");
    }
    let dto = api::Problem {
        kind: "about:blank".into(),
        title: status.canonical_reason().unwrap_or("Error").into(),
        status: status.as_u16(),
        code: problem.code.into(),
        detail: problem.detail,
        field: problem.field,
        request_id: request_id.into(),
    };
    let mut answer = (status, axum::Json(dto)).into_response();
    let headers = answer.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    if status == StatusCode::UNAUTHORIZED {
        headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    if let Some(allow) = parts.headers.remove(ALLOW) {
        headers.insert(ALLOW, allow);
    }
    answer
}

/// An error that axum made.
fn foreign(status: StatusCode, text: String) -> Problem {
    let (code, detail) = match status {
        StatusCode::METHOD_NOT_ALLOWED => {
            ("method_not_allowed", "this route doesn't take this method; `Allow` lists those it does".into())
        }
        StatusCode::PAYLOAD_TOO_LARGE => {
            ("body_too_large", format!("the body is larger than {} KiB", super::MAX_BODY / 1024))
        }
        StatusCode::REQUEST_TIMEOUT => {
            ("request_timeout", "the request was not whole, or not done, in time. Try again".into())
        }
        _ if text.is_empty() => ("bad_request", "the request can't be read".into()),
        _ => ("bad_request", text),
    };
    Problem::new(status, code, detail)
}

/// 404 for everything under `/api/v1` that isn't a route.
pub(super) async fn no_such_route(request: Request<Body>) -> Problem {
    let path: String = request.uri().path().chars().take(100).collect();
    Problem::new(
        StatusCode::NOT_FOUND,
        "no_such_route",
        format!("{path} is no route of this API; /api/v1/openapi.json lists them"),
    )
}
