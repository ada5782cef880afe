//! `/channels/{id}/stream-keys`: making, listing and revoking them.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;

use crate::control::channels::Order;
use crate::control::extract::{Paging, Query};
use crate::control::problem::{Problem, Result};
use crate::control::{Control, auth, convert, openapi};
use crate::store::id::Prefix;

/// The keys that aren't revoked, the oldest first; their text only to scope `operate`.
#[utoipa::path(
    get, path = "/channels/{id}/stream-keys", tag = "stream keys", operation_id = "listStreamKeys",
    params(("id" = String, Path, description = "`ch_…`"), Paging),
    responses((status = 200, body = api::Page<api::stream_key::StreamKey>), openapi::Problems)
)]
pub(in crate::control) async fn list(
    State(control): State<Control>,
    caller: auth::Read,
    Path(id): Path<String>,
    Query(paging): Query<Paging>,
) -> Result<Json<api::Page<api::stream_key::StreamKey>>> {
    let page = paging.page(Prefix::Key)?;
    control.store.channel(&id).await?.ok_or_else(|| Problem::channel(&id))?;
    let list = control.store.keys(&id, page).await?;
    let shown = caller.sees_keys();
    if shown {
        tracing::info!(token = caller.0.id, channel = id, "audit: {} saw the stream keys", caller.0.name);
    }
    Ok(Json(convert::page(list, |row| row.id.clone(), |row| convert::key(row, shown))))
}

/// A new key, beside those there are: give it to the publisher, then revoke the old one.
#[utoipa::path(
    post, path = "/channels/{id}/stream-keys", tag = "stream keys", operation_id = "createStreamKey",
    params(("id" = String, Path, description = "`ch_…`")),
    responses((status = 201, body = api::stream_key::StreamKey), openapi::Problems)
)]
pub(in crate::control) async fn create(
    State(control): State<Control>,
    caller: auth::Operate,
    Path(id): Path<String>,
) -> Result<(StatusCode, Json<api::stream_key::StreamKey>)> {
    let key = control.store.create_key(&id).await?.ok_or_else(|| Problem::channel(&id))?;
    tracing::info!(token = caller.0.id, channel = id, "audit: {} made stream key {}", caller.0.name, key.id);
    Ok((StatusCode::CREATED, Json(convert::key(key, true))))
}

/// Revokes a key: nobody publishes with it any more. Who does already is sent away, and the session waits for a publisher with
/// another key, for `reconnect_window_s` at most.
#[utoipa::path(
    delete, path = "/channels/{id}/stream-keys/{key}", tag = "stream keys", operation_id = "revokeStreamKey",
    params(("id" = String, Path, description = "`ch_…`"), ("key" = String, Path, description = "`key_…`")),
    responses((status = 204, description = "Revoked."), openapi::Problems)
)]
pub(in crate::control) async fn revoke(
    State(control): State<Control>,
    caller: auth::Operate,
    Path((id, key)): Path<(String, String)>,
) -> Result<StatusCode> {
    control.store.channel(&id).await?.ok_or_else(|| Problem::channel(&id))?;
    if !control.store.revoke_key(&id, &key).await? {
        return Err(Problem::missing("stream key", "stream_key_not_found", &key));
    }
    tracing::info!(token = caller.0.id, channel = id, "audit: {} revoked stream key {key}", caller.0.name);
    control.channels.order(&id, Order::Revoke { key }).await?;
    Ok(StatusCode::NO_CONTENT)
}
