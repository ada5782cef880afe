//! `/assets`: a title, in and out points, and deleting.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use live::event::DeleteReason;

use crate::control::problem::{Problem, Result};
use crate::control::{Control, auth, convert, extract, openapi, settings};
use crate::store;

impl Control {
    async fn asset_row(&self, id: &str) -> Result<store::Asset> {
        self.store.asset(id).await?.ok_or_else(|| Problem::asset(id))
    }

    /// How addresses name a session: for who sees keys, also where the channel is signed, such that they need no token.
    pub(super) async fn folder_for(&self, caller: &store::Token, session: &str) -> String {
        let whole = if auth::sees_keys(caller) { self.gate.folder(session).await.ok() } else { None };
        whole.unwrap_or_else(|| session.to_owned())
    }

    async fn asset_dto(&self, caller: &store::Token, row: store::Asset) -> api::asset::Asset {
        let folder = self.folder_for(caller, &row.session_id).await;
        convert::asset(row, &folder, &self.urls)
    }
}

/// Something to fetch. Where the channel is signed, scope `operate` gets an address that needs no token.
#[utoipa::path(
    get, path = "/assets/{id}", tag = "assets", operation_id = "readAsset",
    params(("id" = String, Path, description = "`ast_…`")),
    responses((status = 200, body = api::asset::Asset), openapi::Problems)
)]
pub(in crate::control) async fn read(
    State(control): State<Control>,
    caller: auth::Read,
    Path(id): Path<String>,
) -> Result<Json<api::asset::Asset>> {
    let row = control.asset_row(&id).await?;
    Ok(Json(control.asset_dto(&caller.0, row).await))
}

/// Gives it a title, or in and out points. They hold at once, and can be taken back: nothing is encoded or cut away.
#[utoipa::path(
    patch, path = "/assets/{id}", tag = "assets", operation_id = "updateAsset",
    params(("id" = String, Path, description = "`ast_…`")), request_body = api::asset::Update,
    responses((status = 200, body = api::asset::Asset), openapi::Problems)
)]
pub(in crate::control) async fn update(
    State(control): State<Control>,
    caller: auth::Operate,
    Path(id): Path<String>,
    extract::Json(body): extract::Json<api::asset::Update>,
) -> Result<Json<api::asset::Asset>> {
    let (title, trim) = settings::asset(&control.asset_row(&id).await?, body)?;
    let row = control.store.update_asset(&id, title, trim).await?.ok_or_else(|| Problem::asset(&id))?;
    Ok(Json(control.asset_dto(&caller.0, row).await))
}

/// Deletes it. With the last asset of a session its media goes from the disk.
#[utoipa::path(
    delete, path = "/assets/{id}", tag = "assets", operation_id = "deleteAsset",
    params(("id" = String, Path, description = "`ast_…`")),
    responses((status = 204), openapi::Problems)
)]
pub(in crate::control) async fn delete(
    State(control): State<Control>,
    _: auth::Operate,
    Path(id): Path<String>,
) -> Result<StatusCode> {
    if !control.store.delete_asset(&id, DeleteReason::Operator).await? {
        return Err(Problem::asset(&id));
    }
    control.retention.notify_one();
    Ok(StatusCode::NO_CONTENT)
}
