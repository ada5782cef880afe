//! One run of a channel: its states, what it holds in each, why it ends.

use std::fmt;
use std::time::{Duration, Instant};

use crate::{PublisherId, SessionId, Source};

/// A publisher that was silent for so long is in trouble, unless its channel says otherwise: the session goes to `error`,
/// and viewers see the slate.
pub const SLATE_AFTER: Duration = Duration::from_millis(1500);
/// A publisher that is back behind its place has so long to catch up; then the session goes on where it is.
pub const CATCH_UP: Duration = Duration::from_secs(2);
/// A publisher that was silent for so long may be taken over by another with the key.
pub const TAKEOVER: Duration = Duration::from_secs(2);
/// A publisher that came back has so long to send its first media, even where the reconnect window ends before.
pub const GRACE: Duration = Duration::from_secs(5);

/// What the outside sees of the state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// A publisher was admitted; what it sends isn't known yet.
    Init,
    /// Its tracks are known; nothing can be played yet.
    Processing,
    /// Viewers can play it.
    Live,
    /// The publisher is lost or silent; the session waits for media.
    Error,
    /// Over, for ever.
    Ended,
}

impl Status {
    /// `init`, `processing`, `live`, `error`, `ended`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Init => "init",
            Self::Processing => "processing",
            Self::Live => "live",
            Self::Error => "error",
            Self::Ended => "ended",
        }
    }
}

/// Why a session ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndReason {
    /// The publisher said goodbye.
    Unpublished,
    /// The publisher was lost, or silent, and the reconnect window passed.
    PublisherLost,
    /// The operator stopped the channel.
    Stopped,
    /// The operator asked for a new session.
    Restreamed,
    /// It ran for `max_duration_s`.
    MaxDuration,
    /// The operator ended the session.
    EndedByOperator,
    /// The channel was deleted.
    ChannelDeleted,
    /// The publisher sent what isn't taken, such as an unsupported codec, and was sent away.
    Refused,
}

impl EndReason {
    /// Every reason, for schemas and tests.
    pub const ALL: [Self; 8] = [
        Self::Unpublished,
        Self::PublisherLost,
        Self::Stopped,
        Self::Restreamed,
        Self::MaxDuration,
        Self::EndedByOperator,
        Self::ChannelDeleted,
        Self::Refused,
    ];

    /// The stable name, as the API gives it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Unpublished => "unpublished",
            Self::PublisherLost => "publisher_lost",
            Self::Stopped => "stopped",
            Self::Restreamed => "restreamed",
            Self::MaxDuration => "max_duration",
            Self::EndedByOperator => "ended_by_operator",
            Self::ChannelDeleted => "channel_deleted",
            Self::Refused => "refused",
        }
    }
}

impl fmt::Display for EndReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unpublished => "the publisher ended it",
            Self::PublisherLost => "the publisher did not come back in the reconnect window",
            Self::Stopped => "the channel was stopped",
            Self::Restreamed => "a new session was asked for",
            Self::MaxDuration => "it reached the channel's maximum duration",
            Self::EndedByOperator => "an operator ended it",
            Self::ChannelDeleted => "the channel was deleted",
            Self::Refused => "what the publisher sent can't be taken",
        })
    }
}

/// Why a session is in `error`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// Connected, but nothing came for so long.
    Silent(Duration),
    /// The connection went without a goodbye; the text says how.
    Lost(String),
    /// The server itself was down.
    Restarted,
}

impl Trouble {
    /// The stable name, as the API gives it.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Silent(_) => "silent",
            Self::Lost(_) => "publisher_lost",
            Self::Restarted => "server_restarted",
        }
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Silent(time) => write!(f, "the publisher sent nothing for {:.1} s", time.as_secs_f64()),
            Self::Lost(why) => write!(f, "the publisher was lost ({why})"),
            Self::Restarted => f.write_str("the server was restarted"),
        }
    }
}

/// A connection that was admitted.
#[derive(Clone, Debug)]
pub(crate) struct Publisher {
    pub(crate) id: PublisherId,
    pub(crate) peer: String,
    /// When its last media came, or else when it was admitted.
    pub(crate) heard: Instant,
    /// The slate is being made, in case it stays silent.
    pub(crate) doubted: bool,
}

/// Where a session stands. `ended` isn't a state to hold: the session is dropped, so nothing can follow it.
///
/// ```text
///          tracks known         first part can be played
///   Init ───────────────▶ Processing ───────────────▶ Live ──┐
///    │ ▲                    │ ▲                      │ ▲     │
///    │ │                    │ │       lost or silent │ │ media
///    ▼ │ returns, unplayed  ▼ │                      ▼ │     │
///   Error ◀────────────── Error                     Error    │
///    │                      │                        │       │
///    └──── window passed ───┴────────────────────────┴───────┴──▶ ended
/// ```
#[derive(Clone, Debug)]
pub(crate) enum State {
    Init {
        publisher: Publisher,
    },
    Processing {
        publisher: Publisher,
    },
    Live {
        publisher: Publisher,
    },
    Error {
        /// Silent, or back but not heard yet; `None` while nobody is connected.
        publisher: Option<Publisher>,
        since: Instant,
        /// Don't give up before, though the window has passed: someone just came back.
        grace: Option<Instant>,
        /// What it goes back to when media comes.
        before: Before,
        /// What viewers see meanwhile.
        slate: Slate,
    },
}

/// ```text
///   None ── was live ──▶ Due ── its time ──▶ Shown ── media comes again ──▶ Shown { since }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Slate {
    /// Nobody watches yet.
    None,
    /// When the slate goes in.
    Due(Instant),
    /// It is in.
    Shown {
        /// When the publisher's first media since came.
        since: Option<Instant>,
    },
}

/// How far a session in trouble had come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Before {
    Init,
    Processing,
    Live,
}

/// One run of a channel.
#[derive(Clone, Debug)]
pub(crate) struct Session {
    pub(crate) id: SessionId,
    pub(crate) opened: Instant,
    /// How long it had run before `opened`: more than zero after a restart of the server.
    pub(crate) ran: Duration,
    pub(crate) source: Option<Source>,
    pub(crate) state: State,
}

impl Session {
    pub(crate) fn status(&self) -> Status {
        match &self.state {
            State::Init { .. } => Status::Init,
            State::Processing { .. } => Status::Processing,
            State::Live { .. } => Status::Live,
            State::Error { .. } => Status::Error,
        }
    }

    pub(crate) fn publisher(&self) -> Option<&Publisher> {
        match &self.state {
            State::Init { publisher } | State::Processing { publisher } | State::Live { publisher } => {
                Some(publisher)
            }
            State::Error { publisher, .. } => publisher.as_ref(),
        }
    }

    pub(crate) fn publisher_mut(&mut self) -> Option<&mut Publisher> {
        match &mut self.state {
            State::Init { publisher } | State::Processing { publisher } | State::Live { publisher } => {
                Some(publisher)
            }
            State::Error { publisher, .. } => publisher.as_mut(),
        }
    }

    pub(crate) fn lasted(&self, now: Instant) -> Duration {
        self.ran + now.saturating_duration_since(self.opened)
    }
}
