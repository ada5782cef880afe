//! `/channels`: making, reading, changing and ordering them about.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::header::LOCATION;
use axum::http::{HeaderMap, HeaderValue, StatusCode};

use crate::control::channels::Order;
use crate::control::extract::{self, Paging, Query, idempotency_key};
use crate::control::idempotency::REPLAYED;
use crate::control::problem::{Problem, Result};
use crate::control::{Control, auth, convert, openapi, settings};
use crate::store::id::Prefix;
use crate::store::{self, Idempotency, Page};

/// One change after the other, from what stands there to what runs: of two at once that name different fields, the second
/// would put back what the first has changed.
pub(super) static CHANGING: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

impl Control {
    pub(super) async fn channel_dto(
        &self,
        row: store::Channel,
        with_key: bool,
    ) -> Result<api::channel::Channel> {
        let key = if with_key {
            let first = self.store.keys(&row.id, Page { after: None, limit: 1 }).await?;
            first.items.into_iter().next().map(|key| key.text)
        } else {
            None
        };
        let source = self.source(row.live_session.as_deref()).await?;
        Ok(convert::channel(row, key, source, &self.urls))
    }

    pub(super) async fn channel_row(&self, id: &str) -> Result<store::Channel> {
        self.store.channel(id).await?.ok_or_else(|| Problem::channel(id))
    }

    /// Orders it of a channel that exists, and shows what became of it.
    async fn ordered(&self, id: &str, order: Order) -> Result<Json<api::channel::Channel>> {
        self.channels.order(id, order).await?;
        let row = self.channel_row(id).await?;
        Ok(Json(self.channel_dto(row, true).await?))
    }
}

/// The channels, the oldest first.
#[utoipa::path(
    get, path = "/channels", tag = "channels", operation_id = "listChannels", params(Paging),
    responses((status = 200, body = api::Page<api::channel::Channel>), openapi::Problems)
)]
pub(in crate::control) async fn list(
    State(control): State<Control>,
    caller: auth::Read,
    Query(paging): Query<Paging>,
) -> Result<Json<api::Page<api::channel::Channel>>> {
    let list = control.store.channels(paging.page(Prefix::Channel)?).await?;
    let next_cursor = if list.more { list.items.last().map(|row| row.id.clone()) } else { None };
    let mut data = Vec::with_capacity(list.items.len());
    for row in list.items {
        data.push(control.channel_dto(row, caller.sees_keys()).await?);
    }
    Ok(Json(api::Page { data, next_cursor }))
}

/// A new channel with its first stream key.
#[utoipa::path(
    post, path = "/channels", tag = "channels", operation_id = "createChannel",
    params(("Idempotency-Key" = Option<String>, Header,
        description = "The same key and body within 24 hours gives the same channel, not another.")),
    request_body = api::channel::Create,
    responses((status = 201, body = api::channel::Channel), openapi::Problems)
)]
pub(in crate::control) async fn create(
    State(control): State<Control>,
    auth::Operate(token): auth::Operate,
    headers: HeaderMap,
    extract::Json(body): extract::Json<api::channel::Create>,
) -> Result<(StatusCode, HeaderMap, Json<api::channel::Channel>)> {
    let request = format!("{body:?}").into_bytes();
    let idempotency = idempotency_key(&headers)?.map(|key| Idempotency { token_id: token.id, key, request });
    let created = control.store.create_channel(settings::of(body)?, idempotency).await?;
    // Also where it was made before: that request may have died here.
    control.channels.put(created.channel.clone()).await?;
    let mut headers = HeaderMap::new();
    if let Ok(location) = HeaderValue::from_str(&format!("/api/v1/channels/{}", created.channel.id)) {
        headers.insert(LOCATION, location);
    }
    if created.replayed {
        headers.insert(REPLAYED, HeaderValue::from_static("true"));
    }
    let channel = control.channel_dto(created.channel, true).await?;
    Ok((StatusCode::CREATED, headers, Json(channel)))
}

/// A channel; its stream key only to scope `operate`.
#[utoipa::path(
    get, path = "/channels/{id}", tag = "channels", operation_id = "readChannel",
    params(("id" = String, Path, description = "`ch_…`")),
    responses((status = 200, body = api::channel::Channel), openapi::Problems)
)]
pub(in crate::control) async fn read(
    State(control): State<Control>,
    caller: auth::Read,
    Path(id): Path<String>,
) -> Result<Json<api::channel::Channel>> {
    let row = control.channel_row(&id).await?;
    Ok(Json(control.channel_dto(row, caller.sees_keys()).await?))
}

/// Changes a channel's settings.
#[utoipa::path(
    patch, path = "/channels/{id}", tag = "channels", operation_id = "updateChannel",
    params(("id" = String, Path, description = "`ch_…`")), request_body = api::channel::Update,
    responses((status = 200, body = api::channel::Channel), openapi::Problems)
)]
pub(in crate::control) async fn update(
    State(control): State<Control>,
    _: auth::Operate,
    Path(id): Path<String>,
    extract::Json(body): extract::Json<api::channel::Update>,
) -> Result<Json<api::channel::Channel>> {
    let _turn = CHANGING.lock().await;
    let old = control.channel_row(&id).await?;
    let settings = settings::merge(old.settings, body)?;
    let row = control.store.update_channel(&id, settings).await?.ok_or_else(|| Problem::channel(&id))?;
    control.gate.changed();
    control.channels.put(row.clone()).await?;
    Ok(Json(control.channel_dto(row, true).await?))
}

/// Deletes a channel: its session ends, its keys are revoked. Its sessions and their recordings are kept.
#[utoipa::path(
    delete, path = "/channels/{id}", tag = "channels", operation_id = "deleteChannel",
    params(("id" = String, Path, description = "`ch_…`")),
    responses((status = 204, description = "Deleted."), openapi::Problems)
)]
pub(in crate::control) async fn delete(
    State(control): State<Control>,
    _: auth::Operate,
    Path(id): Path<String>,
) -> Result<StatusCode> {
    control.channel_row(&id).await?;
    control.channels.order(&id, Order::Delete).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Takes publishers again after a stop.
#[utoipa::path(
    post, path = "/channels/{id}/start", tag = "channels", operation_id = "startChannel",
    params(("id" = String, Path, description = "`ch_…`")),
    responses((status = 200, body = api::channel::Channel), openapi::Problems)
)]
pub(in crate::control) async fn start(
    State(control): State<Control>,
    _: auth::Operate,
    Path(id): Path<String>,
) -> Result<Json<api::channel::Channel>> {
    control.channel_row(&id).await?;
    control.ordered(&id, Order::Start).await
}

/// Ends the running session and refuses publishers until `start`.
#[utoipa::path(
    post, path = "/channels/{id}/stop", tag = "channels", operation_id = "stopChannel",
    params(("id" = String, Path, description = "`ch_…`")),
    responses((status = 200, body = api::channel::Channel), openapi::Problems)
)]
pub(in crate::control) async fn stop(
    State(control): State<Control>,
    _: auth::Operate,
    Path(id): Path<String>,
) -> Result<Json<api::channel::Channel>> {
    control.channel_row(&id).await?;
    control.ordered(&id, Order::Stop).await
}

/// Ends the running session and begins a new one. A connected publisher stays, and what it goes on sending is the new
/// session's.
#[utoipa::path(
    post, path = "/channels/{id}/restream", tag = "channels", operation_id = "restreamChannel",
    params(("id" = String, Path, description = "`ch_…`")),
    responses((status = 200, body = api::channel::Channel), openapi::Problems)
)]
pub(in crate::control) async fn restream(
    State(control): State<Control>,
    _: auth::Operate,
    Path(id): Path<String>,
) -> Result<Json<api::channel::Channel>> {
    if control.channel_row(&id).await?.live_session.is_none() {
        let detail = format!("no session runs on channel {id}; publish first");
        return Err(Problem::new(StatusCode::CONFLICT, "no_session", detail));
    }
    control.ordered(&id, Order::Restream).await
}

/// Makes every signed address of the channel's sessions void: live, catch-up and recordings. Who has a token that is still good
/// gets new addresses with the next multivariant playlist; whatever a CDN keeps, it keeps until that ends by itself.
#[utoipa::path(
    post, path = "/channels/{id}/playback/rotate", tag = "channels", operation_id = "rotatePlayback",
    params(("id" = String, Path, description = "`ch_…`")),
    responses((status = 200, body = api::channel::Channel), openapi::Problems)
)]
pub(in crate::control) async fn rotate(
    State(control): State<Control>,
    caller: auth::Operate,
    Path(id): Path<String>,
) -> Result<Json<api::channel::Channel>> {
    if !control.store.rotate_playback(&id).await? {
        return Err(Problem::channel(&id));
    }
    control.gate.changed();
    tracing::info!(token = caller.0.id, channel = id, "audit: {} rotated the playback secret", caller.0.name);
    let row = control.channel_row(&id).await?;
    Ok(Json(control.channel_dto(row, true).await?))
}
