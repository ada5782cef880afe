//! What `control` asks of running channels; `channel::Registry` answers it.

use futures_util::future::BoxFuture;
use time::OffsetDateTime;

use crate::store;

/// The running channels. Every call comes back when it took effect and its events are recorded, so that the answer to the
/// request shows the new state.
pub trait Channels: Send + Sync + 'static {
    /// A channel was made, or its settings were changed: make its machine, or update it.
    fn put(&self, channel: store::Channel) -> BoxFuture<'_, Result<(), Unavailable>>;
    /// An operator's order. Ordering what is already so does nothing.
    fn order<'a>(&'a self, channel: &'a str, order: Order) -> BoxFuture<'a, Result<(), Unavailable>>;
    /// What a running session receives, as measured by now; `None` where it doesn't run or nothing is known.
    fn source(&self, session: &str) -> Option<live::Source>;
    /// How its picture and sound are; `None` where it doesn't run.
    fn health(&self, session: &str) -> Option<Health>;
}

/// How a running session's picture and sound are.
#[derive(Clone, Debug, PartialEq)]
pub struct Health {
    /// Open alerts, and since when.
    pub alerts: Vec<(live::watch::Alert, OffsetDateTime)>,
    /// The newest figures of its sound.
    pub sound: Option<live::watch::Sound>,
    /// The newest drift.
    pub av_drift_ms: Option<f64>,
}

/// What an operator may order of a channel that exists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Order {
    /// `POST /channels/{id}/start`
    Start,
    /// `POST /channels/{id}/stop`
    Stop,
    /// `POST /channels/{id}/restream`
    Restream,
    /// `POST /sessions/{id}/end`
    End {
        /// The session.
        session: String,
    },
    /// `DELETE /channels/{id}/stream-keys/{key}`
    Revoke {
        /// `key_…`: who publishes with it is sent away.
        key: String,
    },
    /// `DELETE /channels/{id}`: forget the channel after that.
    Delete,
}

/// The channel can't be reached: the server is stopping, or the channel hangs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the channel does not answer: the server may be stopping")]
pub struct Unavailable;
