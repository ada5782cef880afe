//! What can be seen of a channel from outside.

use super::{Channel, State};
use crate::ChannelId;
use crate::channel::{Config, Running, Status};

impl Channel {
    /// Its id.
    pub fn id(&self) -> &ChannelId {
        &self.id
    }

    /// What the operator set.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Where it stands. A deleted channel counts as stopped.
    pub fn status(&self) -> Status {
        match self.state {
            State::Idle => Status::Idle,
            State::Active(_) => Status::Active,
            State::Stopped | State::Deleted => Status::Stopped,
        }
    }

    /// The running session.
    pub fn running(&self) -> Option<Running<'_>> {
        self.session().map(|session| Running {
            id: &session.id,
            status: session.status(),
            source: session.source.as_ref(),
            publisher: session.publisher().map(|publisher| publisher.id),
            opened: session.opened,
        })
    }
}
