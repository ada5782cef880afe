//! What went wrong, as RFC 9457 tells it.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Problem details (RFC 9457), sent as `application/problem+json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Problem {
    /// Always `about:blank`: `code` says what it is.
    #[serde(rename = "type")]
    pub kind: String,
    /// What the status means.
    #[schema(example = "Not Found")]
    pub title: String,
    /// The HTTP status.
    #[schema(example = 404)]
    pub status: u16,
    /// Stable, for programs.
    #[schema(example = "channel_not_found")]
    pub code: String,
    /// What happened and what to do, for people.
    pub detail: String,
    /// The field that is wrong, where it is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// Find it in the server's log by this.
    #[schema(example = "req_01jcz3v6a8m2q4r6t8w0y2b4d6")]
    pub request_id: String,
}
