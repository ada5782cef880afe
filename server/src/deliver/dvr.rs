//! `/live/{playback}/dvr.m3u8`: a running session's whole window, for players that go back in time.

use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;

use super::Deliver;
use super::reply::{Keep, playlist, problem};
use crate::package::{Found, Rendered};

/// The list of renditions with their windows. A player that comes before the session begins is not kept waiting: there
/// is no past yet.
pub(super) async fn multivariant(
    State(deliver): State<Deliver>,
    Path(playback): Path<String>,
    headers: HeaderMap,
) -> Response {
    match deliver.shelf.find(&playback) {
        Found::Live(live) => playlist(&headers, &Rendered::new(live.windows()), Keep::No),
        Found::Expected | Found::Nothing => {
            let detail = "nothing is live here now. Try again when the broadcast has begun";
            problem(&deliver.clock, StatusCode::NOT_FOUND, "not_live", detail)
        }
    }
}
