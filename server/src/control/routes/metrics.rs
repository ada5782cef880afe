//! `/metrics`: figures of the process, in Prometheus' text format (version 0.0.4).

use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;

use crate::control::auth::Read;
use crate::package;

/// `GET /metrics`
pub(in crate::control) async fn serve(_: Read) -> impl IntoResponse {
    let name = "sigma_playlist_renderings_total";
    let text = format!(
        "# HELP {name} Media playlists put together and compressed: once a change and form, however many ask.\n\
         # TYPE {name} counter\n{name} {}\n",
        package::renderings()
    );
    ([(CONTENT_TYPE, "text/plain; version=0.0.4")], text)
}
