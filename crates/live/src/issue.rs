//! What can be wrong with what comes in while the session goes on: each with a stable code, its cause and what to do, and
//! kept as open or closed, so that a broken publisher doesn't fill the event list.
//!
//! **Belongs here:** the kinds of issue, their words, when one opens and closes. **Does not:** how they are found (the
//! timeline, the package, the journal find them).

use std::fmt;
use std::time::{Duration, Instant};

use crate::event::Kind;

#[cfg(test)]
mod tests;

/// Something wrong with what a publisher sends, or with what becomes of it.
#[derive(Clone, Debug, PartialEq)]
pub enum Issue {
    /// Its clock jumped; players see a discontinuity.
    ClockJump {
        /// Milliseconds, negative where it went back.
        by_ms: i64,
    },
    /// Its clock runs slower than the server's, or its media comes ever later: it was put right by a discontinuity.
    ClockDrift {
        /// How far it had fallen behind, in milliseconds.
        behind_ms: i64,
    },
    /// The clock of the sound runs apart from the clock of the pictures; it is put right without a break.
    AudioDrift {
        /// How much faster (negative: slower) the sound runs than its timestamps, in percent.
        percent: f64,
    },
    /// Nothing came of a track for a while; players see a gap or a discontinuity.
    MediaGap {
        /// `video`, `audio`.
        track: &'static str,
        /// How long.
        seconds: f64,
    },
    /// Sound was announced (or came before), and doesn't come: players hear silence.
    SoundMissing,
    /// A track began after the session's tracks were settled, or isn't the session's: it is left out.
    TrackRefused {
        /// `video`, `audio`.
        track: &'static str,
    },
    /// A track changed its parameters in mid-stream; players see a discontinuity.
    ConfigChanged {
        /// `video`, `audio`.
        track: &'static str,
        /// What it is now: `avc1.64001f 1280x720`.
        to: String,
    },
    /// Its key frames are too far apart for the channel's latency: segments are cut without one.
    LongGop {
        /// Between the last two, or since the last one.
        seconds: f64,
    },
    /// A message was dropped because it can't be read.
    Malformed {
        /// What was wrong with it.
        detail: String,
    },
    /// The server couldn't keep up and dropped media up to the next key frame.
    Overload {
        /// Access units dropped.
        dropped: u64,
    },
    /// What comes in is live, but it can't be written to the recording.
    NotRecorded {
        /// Why, and what to do.
        detail: String,
    },
}

impl Issue {
    /// An issue that isn't seen again for so long is over.
    pub const QUIET: Duration = Duration::from_secs(30);
    const KINDS: usize = 11;

    fn index(&self) -> usize {
        match self {
            Self::ClockJump { .. } => 0,
            Self::ClockDrift { .. } => 1,
            Self::AudioDrift { .. } => 2,
            Self::MediaGap { .. } => 3,
            Self::SoundMissing => 4,
            Self::TrackRefused { .. } => 5,
            Self::ConfigChanged { .. } => 6,
            Self::LongGop { .. } => 7,
            Self::Malformed { .. } => 8,
            Self::Overload { .. } => 9,
            Self::NotRecorded { .. } => 10,
        }
    }

    /// The stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::ClockJump { .. } => "clock_jump",
            Self::ClockDrift { .. } => "clock_drift",
            Self::AudioDrift { .. } => "audio_drift",
            Self::MediaGap { .. } => "media_gap",
            Self::SoundMissing => "sound_missing",
            Self::TrackRefused { .. } => "track_refused",
            Self::ConfigChanged { .. } => "config_changed",
            Self::LongGop { .. } => "long_gop",
            Self::Malformed { .. } => "malformed",
            Self::Overload { .. } => "overload",
            Self::NotRecorded { .. } => "not_recorded",
        }
    }

    /// What happened, and what viewers notice: a clause.
    pub fn cause(&self) -> String {
        match self {
            Self::ClockJump { by_ms } => {
                format!("the publisher's clock jumped by {by_ms} ms; players see a discontinuity")
            }
            Self::ClockDrift { behind_ms } => format!(
                "the publisher's clock fell {behind_ms} ms behind the server's; players see a discontinuity"
            ),
            Self::AudioDrift { percent } => {
                let pace = if *percent < 0.0 { "slower" } else { "faster" };
                format!(
                    "the sound runs {:.2} % {pace} than its timestamps; it is held to them",
                    percent.abs()
                )
            }
            Self::MediaGap { track, seconds } => {
                format!("no {track} came for {seconds:.1} s; players see a gap")
            }
            Self::SoundMissing => "the announced sound does not come; players hear silence".to_owned(),
            Self::TrackRefused { track } => {
                format!("{track} came that the session did not begin with; it is left out")
            }
            Self::ConfigChanged { track, to } => {
                format!("the {track} changed to {to} in mid-stream; players see a discontinuity")
            }
            Self::LongGop { seconds } => format!(
                "key frames come every {seconds:.1} s, too far apart for this latency mode; viewers join late"
            ),
            Self::Malformed { detail } => format!("a message was dropped: {detail}"),
            Self::Overload { dropped } => {
                format!("the server could not keep up and dropped {dropped} frames")
            }
            Self::NotRecorded { detail } => detail.clone(),
        }
    }

    /// What to do about it; empty where the cause says so already.
    pub fn fix(&self) -> &'static str {
        match self {
            Self::ClockJump { .. } => "Look for a source that restarts, sleeps, or loops a file",
            Self::ClockDrift { .. } => {
                "Look at the uplink and the encoder's load: it must encode and send in real time"
            }
            Self::AudioDrift { .. } => {
                "Set the sound card and the encoder to the same sample rate, or let the encoder resample to its timestamps"
            }
            Self::MediaGap { .. } => "Look at the source: a camera, microphone or scene that stopped",
            Self::SoundMissing => "Look at the microphone, or publish without sound",
            Self::TrackRefused { .. } => {
                "Start all sources before publishing, or ask for a new session (restream)"
            }
            Self::ConfigChanged { .. } => "Keep size, codec and sample rate for a whole session",
            Self::LongGop { .. } => "Set the encoder's key frame interval to 2 s or less",
            Self::Malformed { .. } => "Update the encoder, or try another",
            Self::Overload { .. } => "Give the server more time: fewer channels, a lower bitrate",
            Self::NotRecorded { .. } => "",
        }
    }
}

impl fmt::Display for Issue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.cause())?;
        if self.fix().is_empty() { Ok(()) } else { write!(f, ". {}", self.fix()) }
    }
}

/// What an event says of an issue.
///
/// ```text
///   (none) ── seen: told ──▶ Open ── not seen for QUIET: told, with its count ──▶ Closed
///                            │  ▲ seen again: counted                              │
///                            └──┘              seen again: told ◀──────────────────┘
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Seen for the first time, or again after it was closed.
    Open,
    /// Not seen any more.
    Closed {
        /// From the first to the last time it was seen.
        lasted: Duration,
    },
}

impl State {
    /// `open`, `closed`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Closed { .. } => "closed",
        }
    }
}

/// The open issues of a session, one of a kind.
#[derive(Clone, Debug, Default)]
pub(crate) struct Issues([Option<Seen>; Issue::KINDS]);

#[derive(Clone, Debug)]
struct Seen {
    issue: Issue,
    first: Instant,
    last: Instant,
    count: u64,
}

impl Issues {
    /// What to tell of an issue that was just seen: only the first of its kind.
    pub(crate) fn note(&mut self, issue: Issue, now: Instant) -> Option<Kind> {
        match &mut self.0[issue.index()] {
            Some(seen) => {
                (seen.issue, seen.last, seen.count) = (issue, now, seen.count.saturating_add(1));
                None
            }
            slot => {
                *slot = Some(Seen { issue: issue.clone(), first: now, last: now, count: 1 });
                Some(Kind::IngestIssue { issue, state: State::Open, count: 1 })
            }
        }
    }

    /// When the next one is over, if nothing is seen of it.
    pub(crate) fn due(&self) -> Option<Instant> {
        self.0.iter().flatten().filter_map(|seen| seen.last.checked_add(Issue::QUIET)).min()
    }

    /// Closes one that is over by now.
    pub(crate) fn close(&mut self, now: Instant) -> Option<Kind> {
        let over = |seen: &mut Seen| seen.last.checked_add(Issue::QUIET).is_some_and(|over| over <= now);
        let seen = self.0.iter_mut().find_map(|slot| slot.take_if(over))?;
        let state = State::Closed { lasted: seen.last.saturating_duration_since(seen.first) };
        Some(Kind::IngestIssue { issue: seen.issue, state, count: seen.count })
    }
}
