//! The specification, made from the routes themselves. Its golden copy is `crates/api/openapi.json`.

use axum::Json;
use axum::http::header::CACHE_CONTROL;
use axum::response::IntoResponse;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::{IntoResponses, Modify, OpenApi};

use super::routes::{
    assets, channels, events, logo, sessions, signing_keys, slate, stream_keys, system, tokens,
};

#[derive(OpenApi)]
#[openapi(
    info(title = "Sigma Live", description = "Channels, sessions, keys, events and tokens of a sigma-server."),
    servers((url = "/api/v1")),
    paths(
        channels::list,
        channels::create,
        channels::read,
        channels::update,
        channels::delete,
        channels::start,
        channels::stop,
        channels::restream,
        channels::rotate,
        logo::put,
        logo::read,
        logo::delete,
        slate::put,
        slate::read,
        slate::delete,
        stream_keys::list,
        stream_keys::create,
        stream_keys::revoke,
        sessions::list,
        sessions::read,
        sessions::end,
        sessions::assets,
        assets::read,
        assets::update,
        assets::delete,
        events::list,
        signing_keys::list,
        signing_keys::create,
        signing_keys::delete,
        system::read,
        tokens::list,
        tokens::create,
        tokens::read,
        tokens::update,
        tokens::revoke,
    ),
    components(schemas(api::Problem)),
    security(("token" = [])),
    modifiers(&Token)
)]
struct Document;

struct Token;

impl Modify for Token {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let scheme = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build();
        document
            .components
            .get_or_insert_default()
            .add_security_scheme("token", SecurityScheme::Http(scheme));
    }
}

/// What every route may answer instead.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "a shape for the specification; problem.rs makes the answers")]
pub(super) enum Problems {
    /// The request is wrong, or may not be made: `code` says which.
    #[response(status = "4XX", content_type = "application/problem+json")]
    Client(api::Problem),
    /// The server failed, or is stopping.
    #[response(status = "5XX", content_type = "application/problem+json")]
    Server(api::Problem),
}

pub(super) fn document() -> utoipa::openapi::OpenApi {
    Document::openapi()
}

/// `GET /api/v1/openapi.json`
pub(super) async fn serve() -> impl IntoResponse {
    ([(CACHE_CONTROL, "no-cache")], Json(document()))
}
