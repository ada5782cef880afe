//! `/events`: what happened, in order.

use axum::Json;
use axum::extract::State;
use serde::Deserialize;

use crate::control::extract::{Query, event_seq, limit};
use crate::control::problem::Result;
use crate::control::{Control, auth, convert, openapi};

/// `?after=&limit=`
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(in crate::control) struct After {
    /// The id of the last event that is known already; `cursor` means the same.
    #[serde(alias = "cursor")]
    after: Option<String>,
    /// 1 to 200; 50 unless told.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<u32>,
}

/// What happened, in order, for 30 days.
#[utoipa::path(
    get, path = "/events", tag = "events", operation_id = "listEvents", params(After),
    responses((status = 200, body = api::Page<api::event::Event>), openapi::Problems)
)]
pub(in crate::control) async fn list(
    State(control): State<Control>,
    _: auth::Read,
    Query(query): Query<After>,
) -> Result<Json<api::Page<api::event::Event>>> {
    let after = event_seq(query.after.as_deref())?;
    let list = control.store.events(after, limit(query.limit)?).await?;
    Ok(Json(convert::page(list, |row| format!("evt_{:016}", row.seq), convert::event)))
}
