//! When viewers see the slate, and when the publisher again.

use std::time::{Duration, Instant};

use super::{Channel, State};
use crate::PublisherId;
use crate::channel::Command;
use crate::event::Kind;
use crate::session::{self, Before, CATCH_UP, Publisher, Session, Slate};

impl Channel {
    /// How long this publisher may be silent before something is done about it: of one that is live the slate is prepared
    /// first.
    pub(super) fn patience(&self, publisher: &Publisher, session: &Session) -> Duration {
        let live = matches!(session.state, session::State::Live { .. });
        if live && !publisher.doubted { self.config.slate_after / 2 } else { self.config.slate_after }
    }

    pub(super) fn prepare_slate(&mut self) {
        let State::Active(session) = &mut self.state else { return };
        if let Some(publisher) = session.publisher_mut() {
            publisher.doubted = true;
        }
        let session = session.id.clone();
        self.order(Command::PrepareSlate { session });
    }

    pub(super) fn show_slate(&mut self) {
        let State::Active(session) = &mut self.state else { return };
        if let session::State::Error { slate, .. } = &mut session.state {
            *slate = Slate::Shown { since: None };
        }
        let session = session.id.clone();
        self.order(Command::ShowSlate { session });
    }

    pub(super) fn key_frame(&mut self, now: Instant, publisher: PublisherId, behind: Duration) {
        let Some(session) = self.session_of(publisher) else { return };
        let session::State::Error { slate: Slate::Shown { since }, publisher: Some(publisher), .. } =
            &mut session.state
        else {
            return;
        };
        publisher.heard = now;
        let coming = since.map_or(Duration::ZERO, |since| now.saturating_duration_since(since));
        let anew = behind > Duration::ZERO;
        if anew && coming < CATCH_UP {
            return;
        }
        let session = session.id.clone();
        self.order(Command::EndSlate { session, anew });
        self.back(now);
    }

    /// The session's publisher sends again what viewers see.
    pub(super) fn back(&mut self, now: Instant) {
        let State::Active(session) = &mut self.state else { return };
        let session::State::Error { publisher: Some(publisher), since, before, .. } = &session.state else {
            return;
        };
        let (publisher, after) = (publisher.clone(), now.saturating_duration_since(*since));
        session.state = match before {
            Before::Init => session::State::Init { publisher },
            Before::Processing => session::State::Processing { publisher },
            Before::Live => session::State::Live { publisher },
        };
        let status = session.status();
        self.tell(Kind::SessionRecovered { status, after });
    }
}
