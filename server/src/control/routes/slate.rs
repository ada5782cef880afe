//! `/channels/{id}/slate/picture`: what viewers see while the publisher is silent.

use axum::Json;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{Path, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderName, StatusCode};
use axum::response::IntoResponse;
use media::Rational;
use transcode::{Job, Still};

use super::channels::CHANGING;
use crate::control::picture::{bad, inspect, too_large};
use crate::control::problem::{Problem, Result};
use crate::control::{Control, auth, openapi};
use crate::store::{self, Role};
use crate::transcode::Error;

/// A picture of a channel's own: a JPEG or PNG file of 2 MiB and 4096 pixels either way at most. From the next silence on
/// viewers see it in place of the last frame, its shape kept.
#[utoipa::path(
    put, path = "/channels/{id}/slate/picture", tag = "channels", operation_id = "putSlatePicture",
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
    control.take_picture(&id, Role::Slate, body).await
}

/// The picture as it was sent.
#[utoipa::path(
    get, path = "/channels/{id}/slate/picture", tag = "channels", operation_id = "readSlatePicture",
    params(("id" = String, Path, description = "`ch_…`")),
    responses((status = 200, body = Vec<u8>, content_type = "image/*"), openapi::Problems)
)]
pub(in crate::control) async fn read(
    State(control): State<Control>,
    _: auth::Read,
    Path(id): Path<String>,
) -> Result<impl IntoResponse> {
    control.give_picture(&id, Role::Slate).await
}

/// From the next silence on viewers see the last frame again.
#[utoipa::path(
    delete, path = "/channels/{id}/slate/picture", tag = "channels", operation_id = "deleteSlatePicture",
    params(("id" = String, Path, description = "`ch_…`")),
    responses((status = 204, description = "Deleted, or there was none."), openapi::Problems)
)]
pub(in crate::control) async fn delete(
    State(control): State<Control>,
    _: auth::Operate,
    Path(id): Path<String>,
) -> Result<StatusCode> {
    control.set_picture(&id, Role::Slate, None).await?;
    Ok(StatusCode::NO_CONTENT)
}

impl Control {
    /// Puts a picture that is one.
    pub(super) async fn take_picture(
        &self,
        id: &str,
        role: Role,
        body: std::result::Result<Bytes, BytesRejection>,
    ) -> Result<Json<api::channel::Channel>> {
        self.channel_row(id).await?;
        let file = body.map_err(|rejected| match rejected.into_response().status() {
            StatusCode::PAYLOAD_TOO_LARGE => too_large(),
            _ => bad("it did not come whole"),
        })?;
        let picture = inspect(&file)?;
        self.try_out(&file).await?;
        let row = self.set_picture(id, role, Some((picture, file))).await?;
        Ok(Json(self.channel_dto(row, true).await?))
    }

    pub(super) async fn give_picture(
        &self,
        id: &str,
        role: Role,
    ) -> Result<([(HeaderName, String); 1], Bytes)> {
        self.channel_row(id).await?;
        let found = self.store.picture(id, role).await?;
        let missing = || Problem::missing("picture of", "picture_not_found", id);
        let (content_type, data) = found.ok_or_else(missing)?;
        Ok(([(CONTENT_TYPE, content_type)], data))
    }

    pub(super) async fn set_picture(
        &self,
        id: &str,
        role: Role,
        picture: Option<(store::Picture, Bytes)>,
    ) -> Result<store::Channel> {
        let _turn = CHANGING.lock().await;
        let row = self.store.set_picture(id, role, picture).await?.ok_or_else(|| Problem::channel(id))?;
        self.channels.put(row.clone()).await?;
        Ok(row)
    }

    /// Has the worker make a small slate of it. A server without a worker takes it as it is: it shows none.
    async fn try_out(&self, file: &Bytes) -> Result<()> {
        let picture = transcode::Picture::File(file.clone());
        let still = Still { picture, width: 64, height: 36, rate: Rational { num: 1, den: 1 } };
        match self.transcoder.slate(Job { number: 0, still: Some(still), sound: None }).await {
            Ok(_) | Err(Error::Off) => Ok(()),
            Err(Error::Failed(why)) => Err(bad(&why)),
            Err(error @ (Error::Busy | Error::Broken(_))) => {
                let detail = format!("the picture can't be looked at now: {error}. Try again in a moment");
                Err(Problem::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", detail))
            }
        }
    }
}
