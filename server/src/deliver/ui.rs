//! The built web UI: the console at `/`, the watch page at `/watch/{playback_id}`, their assets by name.

use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{StatusCode, Uri};
use axum::response::{Html, IntoResponse, Response};

#[derive(rust_embed::RustEmbed)]
#[folder = "../ui/dist"]
#[allow_missing = true]
struct Dist;

const NOT_BUILT: &str = "<!doctype html><title>Sigma Live</title><h1>The web UI isn't built</h1>\
    <p>The server runs, but its web UI was not built. Run <code>cargo xtask run</code> in the project's folder.</p>";

/// Any path that nothing else serves.
pub(super) async fn serve(uri: Uri) -> Response {
    let path = uri.path().trim_start_matches('/');
    if !path.is_empty()
        && let Some(file) = Dist::get(path)
    {
        // Vite puts a hash of the content into the names under assets/.
        let lifetime = if path.starts_with("assets/") { "max-age=31536000, immutable" } else { "no-cache" };
        let kind = file.metadata.mimetype().to_owned();
        return ([(CONTENT_TYPE, kind), (CACHE_CONTROL, lifetime.to_owned())], file.data).into_response();
    }
    let page = match path.split('/').next() {
        Some("watch") => "watch.html",
        // A missing asset, or a path of the media and API namespaces, is an error and not the console.
        Some("assets" | "api" | "live" | "vod" | "monitor" | "metrics" | ".well-known") => {
            return StatusCode::NOT_FOUND.into_response();
        }
        _ => "index.html",
    };
    match Dist::get(page) {
        Some(file) => {
            let kind = "text/html; charset=utf-8";
            ([(CONTENT_TYPE, kind), (CACHE_CONTROL, "no-cache")], file.data).into_response()
        }
        None => (StatusCode::SERVICE_UNAVAILABLE, Html(NOT_BUILT)).into_response(),
    }
}
