//! What viewers fetch: live playlists and media, catch-up, the recording, the web pages.
//!
//! **Belongs here:** routes, waiting, caching and range headers. **Does not:** what a request is owed (`hls::reload`), what is
//! on (`package`), what was (`journal`), the API (`control`).
//!
//! Names of media never mean anything else later, so that a CDN and a browser may keep them. Playlists are never kept by a
//! browser: a player that repeats a blocking request must not get its own cache.

mod denied;
mod dvr;
mod held;
mod live;
mod range;
mod recording;
mod reply;
mod stills;
mod ui;
mod vod;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::http::Method;
use axum::routing::get;
use tower_http::cors::{Any, CorsLayer};

pub(crate) use vod::Playlists;

use crate::access::Gate;
use crate::clock::Clock;
use crate::journal::Library;
use crate::package::Shelf;
use crate::stills::Albums;
use crate::store::Store;

pub(crate) use held::{Held, Limits};

/// A browser needn't ask again whether it may ask; two hours are the most that any takes.
const PREFLIGHT: Duration = Duration::from_secs(7200);

/// What the routes read.
pub(crate) struct Deliver {
    pub shelf: Shelf,
    pub library: Library,
    pub albums: Albums,
    pub store: Store,
    pub clock: Clock,
    pub playlists: Playlists,
    pub held: Held,
    pub gate: Gate,
}

/// Live playback, catch-up, and for everything else the web UI.
pub(crate) fn router(deliver: Deliver) -> Router {
    // Players of any site may play: what is private is signed, not hidden behind an origin.
    let cors = CorsLayer::new()
        .allow_origin(Any)
        .allow_methods([Method::GET, Method::HEAD, Method::OPTIONS])
        .allow_headers(Any)
        .max_age(PREFLIGHT)
        .expose_headers(Any)
        // The answer is the same for all origins: nothing of it splits a cache.
        .vary([]);
    let media = Router::new()
        .route("/live/{playback}/index.m3u8", get(live::multivariant))
        .route("/live/{playback}/dvr.m3u8", get(dvr::multivariant))
        .route("/live/{playback}/thumbnail.jpg", get(stills::live_jpeg))
        .route("/live/{playback}/thumbnail.webp", get(stills::live_webp))
        .route("/live/{playback}/storyboard.vtt", get(stills::live_storyboard))
        .route("/live/{playback}/{session}/storyboard/{file}", get(stills::live_sheet))
        .route("/live/{playback}/{session}/{rendition}/{file}", get(live::file))
        .route("/vod/{session}/index.m3u8", get(vod::multivariant))
        .route("/vod/{session}/thumbnail.jpg", get(stills::kept_jpeg))
        .route("/vod/{session}/thumbnail.webp", get(stills::kept_webp))
        .route("/vod/{session}/storyboard.vtt", get(stills::kept_storyboard))
        .route("/vod/{session}/storyboard/{file}", get(stills::kept_sheet))
        .route("/vod/{session}/{rendition}/{file}", get(vod::file))
        .route("/vod/{session}/recording.mp4", get(recording::serve))
        .layer(cors)
        .with_state(Arc::new(deliver));
    media.fallback(get(ui::serve))
}
