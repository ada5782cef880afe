//! What happened, in order: the one source of the log, the event list, webhooks, alerts and the console.
//!
//! **Belongs here:** the facts and one line of text for each. **Does not:** when they happened (the store stamps them),
//! how they travel (the server turns them into JSON by hand).

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

pub use crate::issue::Issue;
use crate::session::{EndReason, Status, Trouble};
use crate::watch::Alert;
use crate::{ChannelId, Refusal, SessionId, Source, issue};

/// The channel an event is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject {
    /// Its id.
    pub id: ChannelId,
    /// Its name at that time.
    pub name: Arc<str>,
}

/// One fact. `Display` is its line in the log.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// `None` where no channel is known: a publisher with a wrong key.
    pub channel: Option<Subject>,
    /// The session it is about, if any.
    pub session: Option<SessionId>,
    /// What happened.
    pub kind: Kind,
}

/// What happened.
#[derive(Clone, Debug, PartialEq)]
pub enum Kind {
    /// A channel was made.
    ChannelCreated,
    /// Its settings were changed; the names of the fields.
    ChannelUpdated {
        /// As the API names them.
        changed: Vec<&'static str>,
    },
    /// It may be published to again. On the wire a `channel.updated` of `status`.
    ChannelStarted,
    /// A publisher was admitted and a session runs.
    ChannelActivated,
    /// Publishing is refused from now on.
    ChannelStopped,
    /// It is gone; its recordings are kept.
    ChannelDeleted,
    /// A session began.
    SessionCreated,
    /// Its tracks are known.
    SessionProcessing {
        /// What comes in.
        source: Source,
    },
    /// Viewers can play it.
    SessionLive {
        /// From creation to here.
        after: Duration,
    },
    /// The publisher is in trouble; the session waits.
    SessionError {
        /// Which trouble.
        trouble: Trouble,
        /// How long it will wait.
        window: Duration,
    },
    /// Media comes again.
    SessionRecovered {
        /// Where the session stands now: `Live`, or where it was before it had become live.
        status: Status,
        /// How long it was in `error`.
        after: Duration,
    },
    /// Over.
    SessionEnded {
        /// Why.
        reason: EndReason,
        /// From creation to here.
        lasted: Duration,
    },
    /// A publisher was admitted.
    IngestConnected {
        /// Address and port.
        peer: String,
        /// What it calls itself.
        encoder: Option<String>,
        /// It goes on with a session that was waiting.
        resumed: bool,
    },
    /// A publisher that was admitted is gone.
    IngestDisconnected {
        /// Address and port.
        peer: String,
        /// A clause: `it ended the stream`, `connection reset`.
        why: String,
    },
    /// A publisher was not admitted, or sent away for what it sent.
    IngestRejected {
        /// Address and port.
        peer: String,
        /// Why.
        refusal: Refusal,
    },
    /// Something is wrong with what comes in, and the session goes on.
    IngestIssue {
        /// What; the latest of its kind.
        issue: Issue,
        /// It was just seen for the first time, or hasn't been seen for a while.
        state: issue::State,
        /// How often it was seen while it was open.
        count: u64,
    },
    /// A recording or catch-up playlist can be fetched.
    AssetReady {
        /// Which.
        asset: Asset,
    },
    /// It can't any more.
    AssetDeleted {
        /// Its id.
        asset: String,
        /// Why.
        reason: DeleteReason,
    },
    /// What is live is not recorded. On the wire an `alert.opened`.
    RecordingStopped {
        /// Why, and what to do.
        detail: String,
    },
    /// It is again. On the wire an `alert.closed`.
    RecordingResumed {
        /// How much is missing.
        missing: Duration,
    },
    /// Renditions are made in part only: the machine can't keep up. On the wire an `alert.opened`.
    LadderShed {
        /// Which, and what of them.
        detail: String,
    },
    /// All of them are made again. On the wire an `alert.closed`.
    LadderWhole,
    /// The machine's budget has no room for all of them. On the wire an `alert.opened`.
    LadderOverBudget {
        /// What is asked, what is there, and what viewers get.
        cause: String,
        /// What would fit, and what to do.
        fix: String,
    },
    /// Now it has. On the wire an `alert.closed`.
    LadderInBudget,
    /// The ladder's worker can't be started, or doesn't last. On the wire an `alert.opened`.
    LadderFailed {
        /// What is wrong, and what viewers get.
        cause: String,
        /// What to do.
        fix: String,
    },
    /// It works. On the wire an `alert.closed`.
    LadderWorks,
    /// Something is wrong with picture or sound.
    AlertOpened {
        /// What.
        alert: Alert,
    },
    /// It isn't any more.
    AlertClosed {
        /// What, as it was last.
        alert: Alert,
        /// For how long it was.
        lasted: Duration,
    },
}

/// Why an asset was deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeleteReason {
    /// Somebody asked for it.
    Operator,
    /// It was older than its channel or the server keeps recordings.
    MaxAge,
    /// The recordings took more room than the channel or the server gives them, and it was the oldest.
    MaxBytes,
}

impl DeleteReason {
    /// `operator`, `max_age`, `max_bytes`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Operator => "operator",
            Self::MaxAge => "max_age",
            Self::MaxBytes => "max_bytes",
        }
    }
}

impl fmt::Display for DeleteReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Operator => "asked for",
            Self::MaxAge => "older than recordings are kept",
            Self::MaxBytes => "the oldest where recordings take more room than they may",
        })
    }
}

/// Something to fetch after (or during) a session.
#[derive(Clone, Debug, PartialEq)]
pub struct Asset {
    /// `ast_…`
    pub id: String,
    /// What it is.
    pub kind: AssetKind,
    /// Which of its kind, from 1: a session has a recording for each codec configuration.
    pub part: u32,
    /// Of the media, where known.
    pub duration: Option<Duration>,
    /// Bytes, where known.
    pub bytes: Option<u64>,
}

/// The kinds of asset of this version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AssetKind {
    /// The source as one MP4.
    Recording,
    /// An HLS playlist of the whole session.
    CatchUp,
    /// A small picture of it.
    Thumbnail,
    /// Small pictures of all of it, and when each is shown.
    Storyboard,
}

impl AssetKind {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Recording, Self::CatchUp, Self::Thumbnail, Self::Storyboard];

    /// `recording`, `catch_up`, `thumbnail`, `storyboard`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Recording => "recording",
            Self::CatchUp => "catch_up",
            Self::Thumbnail => "thumbnail",
            Self::Storyboard => "storyboard",
        }
    }
}

impl Event {
    /// A publisher that no channel was found for.
    pub fn rejected(peer: impl Into<String>, refusal: Refusal) -> Self {
        Self { channel: None, session: None, kind: Kind::IngestRejected { peer: peer.into(), refusal } }
    }

    /// The name in webhooks, SSE and the event list.
    pub fn name(&self) -> &'static str {
        match &self.kind {
            Kind::ChannelCreated => "channel.created",
            Kind::ChannelUpdated { .. } | Kind::ChannelStarted => "channel.updated",
            Kind::ChannelActivated => "channel.activated",
            Kind::ChannelStopped => "channel.stopped",
            Kind::ChannelDeleted => "channel.deleted",
            Kind::SessionCreated => "session.created",
            Kind::SessionProcessing { .. } => "session.processing",
            Kind::SessionLive { .. } => "session.live",
            Kind::SessionError { .. } => "session.error",
            Kind::SessionRecovered { .. } => "session.recovered",
            Kind::SessionEnded { .. } => "session.ended",
            Kind::IngestConnected { .. } => "ingest.connected",
            Kind::IngestDisconnected { .. } => "ingest.disconnected",
            Kind::IngestRejected { .. } => "ingest.rejected",
            Kind::IngestIssue { .. } => "ingest.issue",
            Kind::AssetReady { .. } => "asset.ready",
            Kind::AssetDeleted { .. } => "asset.deleted",
            Kind::RecordingStopped { .. }
            | Kind::LadderShed { .. }
            | Kind::LadderOverBudget { .. }
            | Kind::LadderFailed { .. }
            | Kind::AlertOpened { .. } => "alert.opened",
            Kind::RecordingResumed { .. }
            | Kind::LadderWhole
            | Kind::LadderInBudget
            | Kind::LadderWorks
            | Kind::AlertClosed { .. } => "alert.closed",
        }
    }
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(channel) = &self.channel {
            write!(f, "channel {}: ", channel.name)?;
        }
        match &self.kind {
            Kind::ChannelCreated => f.write_str("created"),
            Kind::ChannelUpdated { changed } => write!(f, "changed {}", changed.join(", ")),
            Kind::ChannelStarted => f.write_str("started; publishers are taken again"),
            Kind::ChannelActivated => f.write_str("active"),
            Kind::ChannelStopped => f.write_str("stopped; publishers are refused until it is started"),
            Kind::ChannelDeleted => f.write_str("deleted; its recordings are kept"),
            Kind::SessionCreated => write!(f, "session {} created", Id(self)),
            Kind::SessionProcessing { source } => write!(f, "session {} receives {source}", Id(self)),
            Kind::SessionLive { after } => {
                write!(f, "session {} is live, {:.1} s after the publisher", Id(self), after.as_secs_f64())
            }
            Kind::SessionError { trouble, window } => {
                let wait = window.as_secs();
                write!(f, "session {} is in error: {trouble}; it waits {wait} s for media", Id(self))
            }
            Kind::SessionRecovered { after, .. } => {
                write!(f, "session {} recovered after {:.1} s", Id(self), after.as_secs_f64())
            }
            Kind::SessionEnded { reason, lasted } => {
                write!(f, "session {} ended after {:.1} s: {reason}", Id(self), lasted.as_secs_f64())
            }
            Kind::IngestConnected { peer, encoder, resumed } => {
                let does = if *resumed { "resumes the session" } else { "connected" };
                write!(f, "publisher {peer} {does}")?;
                encoder.as_ref().map_or(Ok(()), |encoder| write!(f, " ({encoder})"))
            }
            Kind::IngestDisconnected { peer, why } => write!(f, "publisher {peer} is gone: {why}"),
            Kind::IngestRejected { peer, refusal } => write!(f, "publisher {peer} refused: {refusal}."),
            Kind::IngestIssue { issue, state: issue::State::Open, .. } => write!(f, "{issue}"),
            Kind::IngestIssue { issue, state: issue::State::Closed { lasted }, count } => {
                let times = if *count == 1 { "once".to_owned() } else { format!("{count} times") };
                write!(f, "over, after {:.0} s: {} ({times})", lasted.as_secs_f64(), issue.cause())
            }
            Kind::AssetReady { asset } => {
                write!(f, "session {} has its {} ready", Id(self), asset.kind.name())
            }
            Kind::AssetDeleted { asset, reason } => write!(f, "asset {asset} deleted: {reason}"),
            Kind::RecordingStopped { detail } => {
                write!(f, "session {} is live, but not recorded: {detail}", Id(self))
            }
            Kind::RecordingResumed { missing } => {
                let missing = missing.as_secs_f64();
                write!(f, "session {} is recorded again; {missing:.0} s are missing", Id(self))
            }
            Kind::LadderShed { detail } => {
                write!(f, "this machine can't make all of session {}'s ladder in time: {detail}", Id(self))
            }
            Kind::LadderWhole => write!(f, "session {}'s ladder is made in full again", Id(self)),
            Kind::LadderOverBudget { cause, fix } | Kind::LadderFailed { cause, fix } => {
                write!(f, "session {}: {cause}. {fix}", Id(self))
            }
            Kind::LadderInBudget => write!(f, "session {}'s ladder has the room it needs", Id(self)),
            Kind::LadderWorks => write!(f, "session {}'s ladder is made", Id(self)),
            Kind::AlertOpened { alert } => write!(f, "session {}: {alert}", Id(self)),
            Kind::AlertClosed { alert, lasted } => {
                let lasted = lasted.as_secs_f64();
                write!(f, "session {}: over, after {lasted:.0} s: {}", Id(self), alert.cause())
            }
        }
    }
}

/// Holds back events that a peer could cause without end: so many at once, then one each `every`.
#[derive(Clone, Debug)]
pub struct Throttle {
    burst: u32,
    every: Duration,
    used: u32,
    since: Option<Instant>,
}

impl Throttle {
    /// For refusals: nobody reads more than this.
    pub const fn refusals() -> Self {
        Self { burst: 20, every: Duration::from_secs(1), used: 0, since: None }
    }

    /// Whether one more may pass.
    pub fn allow(&mut self, now: Instant) -> bool {
        let since = *self.since.get_or_insert(now);
        let regained = now.saturating_duration_since(since).as_millis() / self.every.as_millis().max(1);
        if regained > 0 {
            self.used = self.used.saturating_sub(u32::try_from(regained).unwrap_or(u32::MAX));
            self.since = Some(now);
        }
        let allowed = self.used < self.burst;
        self.used += u32::from(allowed);
        allowed
    }
}

struct Id<'a>(&'a Event);

impl fmt::Display for Id<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.session.as_ref().map_or(Ok(()), |id| fmt::Display::fmt(id, f))
    }
}
