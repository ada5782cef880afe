//! `/channels/{id}/logo`: what may be laid over a channel's pictures.

use axum::Json;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::IntoResponse;

use crate::control::problem::Result;
use crate::control::{Control, auth, openapi};
use crate::store::Role;

/// A picture that `processing.picture.logo` lays over a channel's pictures: a JPEG or PNG file, which may be transparent, of 2 MiB
/// and 4096 pixels either way at most. It holds from the next key frame on.
#[utoipa::path(
    put, path = "/channels/{id}/logo", tag = "channels", operation_id = "putLogo",
    params(("id" = String, Path, description = "`ch_…`")),
    request_body(content = Vec<u8>, description = "The file.", content_type = "image/*"),
    responses((status = 200, body = api::channel::Channel), openapi::Problems)
)]
pub(in crate::control) async fn put(
    State(control): State<Control>,
    _: auth::Operate,
    Path(id): Path<String>,
    body: std::result::Result<Bytes, BytesRejection>,
) -> Result<Json<api::channel::Channel>> {
    control.take_picture(&id, Role::Logo, body).await
}

/// The logo as it was sent.
#[utoipa::path(
    get, path = "/channels/{id}/logo", tag = "channels", operation_id = "readLogo",
    params(("id" = String, Path, description = "`ch_…`")),
    responses((status = 200, body = Vec<u8>, content_type = "image/*"), openapi::Problems)
)]
pub(in crate::control) async fn read(
    State(control): State<Control>,
    _: auth::Read,
    Path(id): Path<String>,
) -> Result<impl IntoResponse> {
    control.give_picture(&id, Role::Logo).await
}

/// From the next key frame on there is none.
#[utoipa::path(
    delete, path = "/channels/{id}/logo", tag = "channels", operation_id = "deleteLogo",
    params(("id" = String, Path, description = "`ch_…`")),
    responses((status = 204, description = "Deleted, or there was none."), openapi::Problems)
)]
pub(in crate::control) async fn delete(
    State(control): State<Control>,
    _: auth::Operate,
    Path(id): Path<String>,
) -> Result<StatusCode> {
    control.set_picture(&id, Role::Logo, None).await?;
    Ok(StatusCode::NO_CONTENT)
}
