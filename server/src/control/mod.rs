//! The HTTP API under `/api/v1`, with `/healthz`, `/readyz` and `/metrics`.
//!
//! **Belongs here:** who may ask, what may be asked, and rows turned into the API's shapes. **Does not:** media delivery
//! (`deliver`), decisions about what is live (`live`, reached through [`Channels`]), SQL (`store`).

mod auth;
pub mod channels;
mod convert;
mod detectors;
mod extract;
mod idempotency;
mod openapi;
mod picture;
mod problem;
mod processing;
mod recording;
mod routes;
mod settings;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use axum::extract::DefaultBodyLimit;
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Router, middleware};
use tower_http::cors::{Any, CorsLayer};
use tower_http::timeout::TimeoutLayer;

pub use channels::Channels;

use crate::access::Gate;
use crate::clock::Clock;
use crate::machine::Machine;
use crate::monitor::Monitor;
use crate::store::Store;
use crate::transcode::Transcoder;

/// Bytes of a request's body, at most.
const MAX_BODY: usize = 64 * 1024;

/// Everything the routes need; clones are cheap.
#[derive(Clone)]
pub struct Control {
    /// What is kept.
    pub store: Store,
    /// What runs.
    pub channels: Arc<dyn Channels>,
    /// What the world is told.
    pub urls: Arc<PublicUrls>,
    /// What time it is.
    pub clock: Clock,
    /// Who may watch.
    pub(crate) gate: Gate,
    /// Looks at pictures.
    pub(crate) transcoder: Transcoder,
    pub(crate) monitor: Monitor,
    pub(crate) machine: Machine,
    /// Told where something may have to be deleted.
    pub retention: Arc<tokio::sync::Notify>,
    /// A request, its body included, is answered in so long.
    pub timeout: Duration,
}

/// The addresses that the API gives out, without a trailing `/`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicUrls {
    /// `rtmp://HOST:PORT`
    pub rtmp: String,
    /// `rtmps://HOST:PORT`, where publishers may come over TLS.
    pub rtmps: Option<String>,
    /// `http://HOST:PORT`: the console, the watch page, and media where there is no `cdn`.
    pub http: String,
    /// Where players fetch media.
    pub cdn: Option<String>,
}

impl PublicUrls {
    /// Trailing slashes are cut.
    pub fn new(rtmp: &str, rtmps: Option<&str>, http: &str, cdn: Option<&str>) -> Self {
        let cut = |url: &str| url.trim_end_matches('/').to_owned();
        Self { rtmp: cut(rtmp), rtmps: rtmps.map(cut), http: cut(http), cdn: cdn.map(cut) }
    }

    /// What an encoder takes as its server.
    pub fn ingest(&self) -> String {
        format!("{}/live", self.rtmp)
    }

    /// The same over TLS.
    pub fn ingest_over_tls(&self) -> Option<String> {
        self.rtmps.as_ref().map(|url| format!("{url}/live"))
    }

    /// What the console shows for a viewer.
    pub fn watch(&self, playback_id: &str) -> String {
        format!("{}/watch/{playback_id}", self.http)
    }

    /// The multivariant playlist.
    pub fn hls(&self, playback_id: &str) -> String {
        format!("{}/live/{playback_id}/index.m3u8", self.media())
    }

    /// The multivariant playlist of the whole DVR window.
    pub fn dvr(&self, playback_id: &str) -> String {
        format!("{}/live/{playback_id}/dvr.m3u8", self.media())
    }

    /// The session as one MP4, or the one of its MP4s with this number.
    pub fn recording(&self, session_id: &str, part: u32) -> String {
        let which = if part > 1 { format!("?part={part}") } else { String::new() };
        format!("{}/vod/{session_id}/recording.mp4{which}", self.media())
    }

    /// The whole session as HLS.
    pub fn catch_up(&self, session_id: &str) -> String {
        format!("{}/vod/{session_id}/index.m3u8", self.media())
    }

    /// The newest thumbnail of what is live.
    pub fn thumbnail(&self, playback_id: &str) -> String {
        format!("{}/live/{playback_id}/thumbnail.jpg", self.media())
    }

    /// The storyboard of what is live.
    pub fn storyboard(&self, playback_id: &str) -> String {
        format!("{}/live/{playback_id}/storyboard.vtt", self.media())
    }

    /// A session's last thumbnail.
    pub fn kept_thumbnail(&self, session_id: &str) -> String {
        format!("{}/vod/{session_id}/thumbnail.jpg", self.media())
    }

    /// A session's storyboard.
    pub fn kept_storyboard(&self, session_id: &str) -> String {
        format!("{}/vod/{session_id}/storyboard.vtt", self.media())
    }

    fn media(&self) -> &str {
        self.cdn.as_deref().unwrap_or(&self.http)
    }
}

/// All routes; merge it into the server's.
pub fn router(control: Control) -> Router {
    use routes::{
        assets, channels, events, health, logo, metrics, monitor, sessions, signing_keys, slate, stream_keys,
        system, tokens,
    };
    let logo = get(logo::read).put(logo::put).delete(logo::delete);
    let picture = get(slate::read).put(slate::put).delete(slate::delete);
    let api = Router::new()
        .route("/channels", get(channels::list).post(channels::create))
        .route("/channels/{id}", get(channels::read).patch(channels::update).delete(channels::delete))
        .route("/channels/{id}/start", post(channels::start))
        .route("/channels/{id}/stop", post(channels::stop))
        .route("/channels/{id}/restream", post(channels::restream))
        .route("/channels/{id}/playback/rotate", post(channels::rotate))
        .route("/channels/{id}/logo", logo.layer(DefaultBodyLimit::max(picture::MAX_BYTES)))
        .route("/channels/{id}/slate/picture", picture.layer(DefaultBodyLimit::max(picture::MAX_BYTES)))
        .route("/channels/{id}/stream-keys", get(stream_keys::list).post(stream_keys::create))
        .route("/channels/{id}/stream-keys/{key}", axum::routing::delete(stream_keys::revoke))
        .route("/channels/{id}/sessions", get(sessions::list))
        .route("/sessions/{id}", get(sessions::read))
        .route("/sessions/{id}/end", post(sessions::end))
        .route("/sessions/{id}/assets", get(sessions::assets))
        .route("/assets/{id}", get(assets::read).patch(assets::update).delete(assets::delete))
        .route("/events", get(events::list))
        .route("/system", get(system::read))
        .route("/tokens", get(tokens::list).post(tokens::create))
        .route("/tokens/{id}", get(tokens::read).patch(tokens::update).delete(tokens::revoke))
        .route("/signing-keys", get(signing_keys::list).post(signing_keys::create))
        .route("/signing-keys/{id}", axum::routing::delete(signing_keys::delete))
        .route("/openapi.json", get(openapi::serve))
        .fallback(problem::no_such_route)
        .layer(middleware::from_fn_with_state(idempotency::Memory::new(control.clone()), idempotency::layer))
        .layer(DefaultBodyLimit::max(MAX_BODY))
        // A body that comes a byte at a time, too.
        .layer(TimeoutLayer::with_status_code(StatusCode::REQUEST_TIMEOUT, control.timeout))
        .layer(middleware::from_fn_with_state(control.clock.clone(), problem::render))
        // The desktop window is another origin. Nothing here goes by cookies, so any origin may ask with a token.
        .layer(CorsLayer::new().allow_origin(Any).allow_methods(Any).allow_headers(Any).expose_headers(Any));
    let health = Router::new()
        .route("/healthz", get(health::alive))
        .route("/readyz", get(health::ready))
        .route("/metrics", get(metrics::serve))
        .route("/monitor/{file}", get(monitor::serve))
        .route("/.well-known/jwks.json", get(signing_keys::jwks))
        .layer(middleware::from_fn_with_state(control.clock.clone(), problem::render));
    Router::new().nest("/api/v1", api).merge(health).with_state(control)
}
