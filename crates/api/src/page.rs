//! One page of a list, and where the next begins.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A part of a list.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Page<T> {
    /// At most `limit` of them.
    pub data: Vec<T>,
    /// Pass it as `cursor` to get what follows; `null` where nothing does.
    pub next_cursor: Option<String>,
}
