//! The channel: who may publish, and the one session that may run.

mod machine;
#[cfg(test)]
mod tests;

use std::fmt;
use std::time::{Duration, Instant};

pub use machine::Channel;

use crate::event::{Event, Issue};
use crate::session::{self, EndReason};
use crate::{PublisherId, Refusal, SessionId, Source};

/// What the operator set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// For people.
    pub name: String,
    /// How long a session in `error` waits.
    pub reconnect_window: Duration,
    /// A session ends when it has run for so long.
    pub max_duration: Option<Duration>,
    /// Viewers see the slate after so long without media.
    pub slate_after: Duration,
}

/// What the outside sees of the state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// No session.
    Idle,
    /// A session runs.
    Active,
    /// Publishers are refused.
    Stopped,
}

impl Status {
    /// `idle`, `active`, `stopped`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Idle => "idle",
            Self::Active => "active",
            Self::Stopped => "stopped",
        }
    }
}

/// What the shell saw. Inputs of a publisher that isn't (any more) the admitted one are ignored.
#[derive(Clone, Debug, PartialEq)]
pub enum Input {
    /// A publisher with a good key asks. Answered by exactly one [`Command::Admit`] or [`Command::Refuse`].
    Publish {
        /// The connection.
        publisher: PublisherId,
        /// Its address and port.
        peer: String,
        /// What it calls itself.
        encoder: Option<String>,
        /// The id to use where a new session begins.
        session: SessionId,
    },
    /// Its tracks are known (all that were announced), or changed. A change makes no event: keep it as the row's source.
    Tracks {
        /// The connection.
        publisher: PublisherId,
        /// What they are.
        source: Source,
    },
    /// Media came. Cheap: call it for each unit, or every 100 ms.
    Media {
        /// The connection.
        publisher: PublisherId,
    },
    /// While the slate is shown: a unit came that viewers could go on with, a key frame. Tell it after the unit's `Media`.
    KeyFrame {
        /// The connection.
        publisher: PublisherId,
        /// How far its place lies behind the end of the slate; zero where it doesn't.
        behind: Duration,
    },
    /// The first part of the session can be fetched.
    Playable {
        /// The session.
        session: SessionId,
    },
    /// A clean goodbye.
    Unpublished {
        /// The connection.
        publisher: PublisherId,
    },
    /// The connection went without one.
    Lost {
        /// The connection.
        publisher: PublisherId,
        /// A clause: `connection reset by peer`.
        why: String,
    },
    /// It sent what can't be taken: an unsupported codec, a broken protocol. It is kicked and the session ends.
    Refused {
        /// The connection.
        publisher: PublisherId,
        /// Why.
        refusal: Refusal,
    },
    /// Its stream key is good no longer. It is kicked; the session waits for another publisher, as if this one was lost.
    Revoked {
        /// The connection.
        publisher: PublisherId,
    },
    /// It sent something odd and may go on.
    Issue {
        /// The connection.
        publisher: PublisherId,
        /// What.
        issue: Issue,
    },
    /// Publishers may come (again).
    Start,
    /// End what runs and refuse publishers.
    Stop,
    /// End the running session and begin a new one. A connected publisher stays: the media that it goes on sending is the
    /// new session's, from its next key frame. With nobody connected the next publish begins it.
    Restream {
        /// The id of the new session.
        session: SessionId,
    },
    /// End this session, if it runs.
    End {
        /// The session.
        session: SessionId,
    },
    /// End what runs; the channel is gone.
    Delete,
    /// New settings; they hold at once, for the running session too.
    Update(Config),
    /// The server was restarted and found this session unfinished; its journal is repaired. Only right after
    /// [`Channel::new`]. There is no `OpenSession` for it; an `Admit` or a `CloseSession` follows.
    Recovered {
        /// The session.
        session: SessionId,
        /// It had been playable.
        was_live: bool,
        /// Since its creation.
        age: Duration,
        /// Since its last media: the reconnect window runs from there.
        silent_for: Duration,
    },
}

/// What the shell must do, in this order.
#[derive(Clone, Debug, PartialEq)]
pub enum Command {
    /// Begin a session: make its packagers and journal. Followed by its publisher's `Admit`, or after a restream by the
    /// media of the publisher that is there.
    OpenSession {
        /// The new session.
        session: SessionId,
    },
    /// Tell the publisher yes; its media belongs to this session.
    Admit {
        /// The connection.
        publisher: PublisherId,
        /// Where its media goes.
        session: SessionId,
        /// The session was waiting: go on behind a discontinuity.
        resumed: bool,
    },
    /// Tell the publisher no.
    Refuse {
        /// The connection.
        publisher: PublisherId,
        /// Why.
        refusal: Refusal,
    },
    /// Send an admitted publisher away. What it still sends is dropped; its end needn't be told.
    Kick {
        /// The connection.
        publisher: PublisherId,
        /// Why.
        reason: Kick,
    },
    /// The publisher is silent: have a slate ready, in case it stays so.
    PrepareSlate {
        /// The session.
        session: SessionId,
    },
    /// Viewers see the slate from now on.
    ShowSlate {
        /// The session.
        session: SessionId,
    },
    /// Viewers see the publisher again, from the key frame just told on.
    EndSlate {
        /// The session.
        session: SessionId,
        /// It did not catch up: its clock is set anew, so that this key frame stands where live is.
        anew: bool,
    },
    /// Finish the session: last playlists, recording, catch-up.
    CloseSession {
        /// The session.
        session: SessionId,
        /// Why.
        reason: EndReason,
    },
}

/// Why an admitted publisher is sent away.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kick {
    /// It was silent and another publisher came.
    TakenOver,
    /// It was silent for the whole reconnect window.
    Silent,
    /// The channel was stopped.
    Stopped,
    /// The operator ended the session.
    Ended,
    /// The session reached its maximum duration.
    MaxDuration,
    /// The channel was deleted.
    Deleted,
    /// It sent what can't be taken.
    Refused(Refusal),
}

impl fmt::Display for Kick {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TakenOver => f.write_str("another publisher took over after this one fell silent"),
            Self::Silent => f.write_str("nothing came for the whole reconnect window"),
            Self::Stopped => f.write_str("the channel was stopped"),
            Self::Ended => f.write_str("an operator ended the session"),
            Self::MaxDuration => f.write_str("the session reached the channel's maximum duration"),
            Self::Deleted => f.write_str("the channel was deleted"),
            Self::Refused(refusal) => write!(f, "{refusal}"),
        }
    }
}

/// What comes out: do it, or keep it.
#[derive(Clone, Debug, PartialEq)]
pub enum Output {
    /// To carry out.
    Command(Command),
    /// To record.
    Event(Event),
}

/// The running session, for those who look.
#[derive(Clone, Copy, Debug)]
pub struct Running<'a> {
    /// Its id.
    pub id: &'a SessionId,
    /// Where it stands; never `Ended`.
    pub status: session::Status,
    /// What comes in, once known.
    pub source: Option<&'a Source>,
    /// Who is connected, if anybody.
    pub publisher: Option<PublisherId>,
    /// When it began (or was recovered), on the clock of the inputs.
    pub opened: Instant,
}
