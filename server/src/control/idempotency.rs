//! `Idempotency-Key` on every write: who repeats a request gets the answer that it had, and nothing happens twice.
//!
//! Only what succeeded is remembered: a request that failed may be tried again. `POST /channels` keeps its promise itself, in the
//! same transaction as the channel.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderName, HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::problem::{Problem, Result};
use super::{Control, MAX_BODY, auth, extract};
use crate::store::{Answer, Idempotency};

pub(super) const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");

/// What the layer works with.
#[derive(Clone)]
pub(super) struct Memory {
    control: Control,
    running: Arc<Mutex<HashSet<(String, String)>>>,
}

impl Memory {
    pub(super) fn new(control: Control) -> Self {
        Self { control, running: Arc::default() }
    }
}

/// A request that runs; its key is taken until dropped.
struct Running {
    memory: Memory,
    key: (String, String),
}

impl Running {
    fn begin(memory: &Memory, asked: &Idempotency) -> Result<Self> {
        let key = (asked.token_id.clone(), asked.key.clone());
        let mut running = memory.running.lock().unwrap_or_else(PoisonError::into_inner);
        if !running.insert(key.clone()) {
            let detail = "a request with this Idempotency-Key is being worked on: try again in a moment";
            return Err(Problem::new(StatusCode::CONFLICT, "idempotency_in_progress", detail));
        }
        Ok(Self { memory: memory.clone(), key })
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.memory.running.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.key);
    }
}

pub(super) async fn layer(State(memory): State<Memory>, request: Request, next: Next) -> Response {
    let own = request.uri().path() == "/channels";
    if !matches!(*request.method(), Method::POST | Method::PATCH) || own {
        return next.run(request).await;
    }
    match extract::idempotency_key(request.headers()) {
        Ok(None) => next.run(request).await,
        Ok(Some(key)) => once(memory, key, request, next).await.unwrap_or_else(IntoResponse::into_response),
        Err(problem) => problem.into_response(),
    }
}

async fn once(memory: Memory, key: String, request: Request, next: Next) -> Result<Response> {
    let (parts, body) = request.into_parts();
    let token_id = auth::caller(&parts, &memory.control).await?.id;
    let body = to_bytes(body, MAX_BODY).await.map_err(|_| {
        let detail = format!("the body is not whole, or larger than {} KiB", MAX_BODY / 1024);
        Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", detail)
    })?;
    let line = format!("{} {}\n", parts.method, parts.uri);
    let asked = Idempotency { token_id, key, request: [line.as_bytes(), &body].concat() };
    let running = Running::begin(&memory, &asked)?;
    if let Some(before) = memory.control.store.answer(&asked).await? {
        return Ok(replay(before));
    }
    // A task of its own: who hangs up in the middle asks again, and must find what was done.
    let done = tokio::spawn(async move {
        let answer = next.run(Request::from_parts(parts, Body::from(body))).await;
        let answer = keep(&memory, asked, answer).await;
        drop(running);
        answer
    });
    done.await.unwrap_or_else(|error| {
        let detail = "the server failed; its log says why, under this request_id";
        tracing::error!("a request broke off: {error}");
        Err(Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", detail))
    })
}

async fn keep(memory: &Memory, asked: Idempotency, answer: Response) -> Result<Response> {
    if !answer.status().is_success() {
        return Ok(answer);
    }
    let (parts, body) = answer.into_parts();
    // Ours, so it is as long as it is.
    let body: Bytes = to_bytes(body, usize::MAX).await.unwrap_or_default();
    let text = String::from_utf8_lossy(&body).into_owned();
    memory.control.store.keep_answer(asked, Answer { status: parts.status.as_u16(), body: text }).await?;
    Ok(Response::from_parts(parts, Body::from(body)))
}

fn replay(before: Answer) -> Response {
    let status = StatusCode::from_u16(before.status).unwrap_or(StatusCode::OK);
    let empty = before.body.is_empty();
    let mut answer = (status, [(REPLAYED, HeaderValue::from_static("true"))], before.body).into_response();
    if !empty {
        answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    }
    answer
}
