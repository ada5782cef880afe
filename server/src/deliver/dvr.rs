//! `/live/{playback}/dvr.m3u8`: a running session's whole window, for players that go back in time.

use std::sync::Arc;

use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;

use super::Deliver;
use super::denied::{denied, token};
use super::live::viewer_id;
use super::reply::{Keep, playlist, problem};
use crate::package::{Found, Rendered};

/// The list of renditions with their windows. A player that comes before the session begins is not kept waiting: there
/// is no past yet.
pub(super) async fn multivariant(
    State(deliver): State<Arc<Deliver>>,
    Path(playback): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    let admitted = deliver.gate.admit(&playback, token(query.as_deref(), &headers)).await;
    let viewer = match admitted {
        Ok(viewer) => viewer,
        Err(why) => return denied(&deliver, &why),
    };
    match deliver.shelf.find(&playback) {
        Found::Live(live) => {
            let folder = match deliver.gate.folder(live.session()).await {
                Ok(folder) => folder,
                Err(why) => return denied(&deliver, &why),
            };
            let text = live.windows(&folder, &viewer_id(viewer, query.as_deref()));
            playlist(&headers, &Rendered::new(text), Keep::No)
        }
        Found::Expected | Found::Nothing => {
            let detail = "nothing is live here now. Try again when the broadcast has begun";
            problem(&deliver.clock, StatusCode::NOT_FOUND, "not_live", detail)
        }
    }
}
