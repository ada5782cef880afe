//! `/sessions` and what they left behind.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;

use crate::control::channels::Order;
use crate::control::extract::{Paging, Query};
use crate::control::problem::{Problem, Result};
use crate::control::{Control, auth, convert, openapi};
use crate::store;
use crate::store::id::Prefix;

impl Control {
    fn session_dto(&self, row: store::Session) -> api::session::Session {
        let runs = row.status != live::session::Status::Ended;
        let measured = if runs { self.channels.source(&row.id) } else { None };
        let health = if runs { self.channels.health(&row.id) } else { None };
        convert::session(row, measured, health)
    }

    async fn session_row(&self, id: &str) -> Result<store::Session> {
        self.store.session(id).await?.ok_or_else(|| Problem::session(id))
    }

    /// What comes in, where a session runs.
    pub(super) async fn source(&self, session: Option<&str>) -> Result<Option<api::session::Source>> {
        let Some(session) = session else { return Ok(None) };
        let row = self.store.session(session).await?;
        Ok(row.and_then(|row| self.session_dto(row).source))
    }
}

/// The sessions of a channel, the latest first.
#[utoipa::path(
    get, path = "/channels/{id}/sessions", tag = "sessions", operation_id = "listSessions",
    params(("id" = String, Path, description = "`ch_…`"), Paging),
    responses((status = 200, body = api::Page<api::session::Session>), openapi::Problems)
)]
pub(in crate::control) async fn list(
    State(control): State<Control>,
    _: auth::Read,
    Path(id): Path<String>,
    Query(paging): Query<Paging>,
) -> Result<Json<api::Page<api::session::Session>>> {
    let page = paging.page(Prefix::Session)?;
    control.store.channel(&id).await?.ok_or_else(|| Problem::channel(&id))?;
    let list = control.store.sessions(&id, page).await?;
    Ok(Json(convert::page(list, |row| row.id.clone(), |row| control.session_dto(row))))
}

/// A session; also of a channel that was deleted since.
#[utoipa::path(
    get, path = "/sessions/{id}", tag = "sessions", operation_id = "readSession",
    params(("id" = String, Path, description = "`ses_…`")),
    responses((status = 200, body = api::session::Session), openapi::Problems)
)]
pub(in crate::control) async fn read(
    State(control): State<Control>,
    _: auth::Read,
    Path(id): Path<String>,
) -> Result<Json<api::session::Session>> {
    let row = control.session_row(&id).await?;
    Ok(Json(control.session_dto(row)))
}

/// Ends a running session and sends its publisher away. The channel stays open for the next.
#[utoipa::path(
    post, path = "/sessions/{id}/end", tag = "sessions", operation_id = "endSession",
    params(("id" = String, Path, description = "`ses_…`")),
    responses((status = 200, body = api::session::Session), openapi::Problems)
)]
pub(in crate::control) async fn end(
    State(control): State<Control>,
    _: auth::Operate,
    Path(id): Path<String>,
) -> Result<Json<api::session::Session>> {
    let row = control.session_row(&id).await?;
    if row.status == live::session::Status::Ended {
        let detail = format!("session {id} has ended already");
        return Err(Problem::new(StatusCode::CONFLICT, "session_ended", detail));
    }
    control.channels.order(&row.channel_id, Order::End { session: id.clone() }).await?;
    let row = control.session_row(&id).await?;
    Ok(Json(control.session_dto(row)))
}

/// What can be fetched of a session. Where the channel is signed, scope `operate` gets addresses that need no token.
#[utoipa::path(
    get, path = "/sessions/{id}/assets", tag = "sessions", operation_id = "listAssets",
    params(("id" = String, Path, description = "`ses_…`"), Paging),
    responses((status = 200, body = api::Page<api::asset::Asset>), openapi::Problems)
)]
pub(in crate::control) async fn assets(
    State(control): State<Control>,
    caller: auth::Read,
    Path(id): Path<String>,
    Query(paging): Query<Paging>,
) -> Result<Json<api::Page<api::asset::Asset>>> {
    let page = paging.page(Prefix::Asset)?;
    control.session_row(&id).await?;
    let list = control.store.assets(&id, page).await?;
    let folder = control.folder_for(&caller.0, &id).await;
    Ok(Json(convert::page(list, |row| row.id.clone(), |row| convert::asset(row, &folder, &control.urls))))
}
