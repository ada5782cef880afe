//! Events: what happened, in order.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use utoipa::ToSchema;

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Event {
    /// `evt_…`: sorts in the order of happening. Pass it as `after` to get what followed.
    #[schema(example = "evt_0000000000000042")]
    pub id: String,
    /// `session.live` and the like.
    #[serde(rename = "type")]
    #[schema(example = "session.live")]
    pub kind: String,
    /// When it happened.
    #[serde(with = "time::serde::rfc3339")]
    pub at: OffsetDateTime,
    /// `ch_…`, where it concerns a channel.
    pub channel_id: Option<String>,
    /// `ses_…`, where it concerns a session.
    pub session_id: Option<String>,
    /// One line for people: the same as in the server's log.
    pub text: String,
    /// What this type carries.
    #[schema(value_type = Object)]
    pub data: serde_json::Value,
}
