//! The handlers, a file a resource.

pub(super) mod assets;
pub(super) mod channels;
pub(super) mod events;
pub(super) mod health;
pub(super) mod logo;
pub(super) mod metrics;
pub(super) mod monitor;
pub(super) mod sessions;
pub(super) mod signing_keys;
pub(super) mod slate;
pub(super) mod stream_keys;
pub(super) mod system;
pub(super) mod tokens;
