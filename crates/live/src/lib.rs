//! The decisions about what is live: who may publish to a channel, when a session begins, fails, recovers and ends.
//!
//! **Belongs here:** state machines that take inputs and the time, and return commands and [`Event`]s. **Does not:** media
//! bytes, sockets, disk, clocks, identifiers' making, serialisation. The shell mints ids, carries out every [`Command`] in
//! order, keeps every [`Event`] in order, and decides nothing itself.
//!
//! The contract: [`Channel::handle_input`] (or [`Channel::handle_timeout`] when [`Channel::poll_timeout`] is due), then
//! [`Channel::poll_output`] until it gives `None`.

pub mod budget;
pub mod channel;
pub mod cost;
pub mod event;
mod id;
pub mod issue;
pub mod ladder;
pub mod recording;
pub mod session;
pub mod shed;
pub mod watch;

pub use channel::{Channel, Command, Input, Output};
pub use event::Event;
pub use id::{ChannelId, PublisherId, SessionId};

use std::fmt;

/// Why a publisher isn't taken. `Display` is one clause a person understands, with what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// No such stream key, or it was revoked: which of the two isn't told.
    BadKey,
    /// Longer than any key; not even looked up.
    KeyTooLong,
    /// Another publisher is on the channel and was heard within [`session::TAKEOVER`].
    Busy,
    /// The operator stopped the channel.
    Stopped,
    /// The channel was deleted meanwhile.
    Deleted,
    /// A codec that isn't taken; the text names it and what to publish instead.
    Codec(String),
    /// What came isn't RTMP, or breaks it; the text says how and where.
    Protocol(String),
    /// A limit on what a publisher may send; the text names the limit.
    Limit(String),
}

impl Refusal {
    /// The stable code of events and logs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::BadKey => "bad_key",
            Self::KeyTooLong => "key_too_long",
            Self::Busy => "busy",
            Self::Stopped => "stopped",
            Self::Deleted => "deleted",
            Self::Codec(_) => "codec",
            Self::Protocol(_) => "protocol",
            Self::Limit(_) => "limit",
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BadKey => f.write_str("the stream key is wrong. Copy the key from the channel page"),
            Self::KeyTooLong => f.write_str(
                "the stream key is longer than any key can be. Copy the key from the channel page",
            ),
            Self::Busy => f.write_str(
                "another publisher is live on this channel. End that one first, or use another channel's key",
            ),
            Self::Stopped => f.write_str("the channel is stopped. Start it, then publish again"),
            Self::Deleted => f.write_str("the channel was deleted. Use another channel's key"),
            Self::Codec(text) | Self::Protocol(text) | Self::Limit(text) => f.write_str(text),
        }
    }
}

/// What a session's source is, as far as is known: the tracks' own word first, the publisher's where they are silent.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Source {
    /// RFC 6381 names, video first: `avc1.64001f`, `mp4a.40.2`.
    pub codecs: Vec<String>,
    /// Pixels across; `None` without video.
    pub width: Option<u32>,
    /// Pixels down; `None` without video.
    pub height: Option<u32>,
    /// Frames a second.
    pub fps: Option<f64>,
    /// Bits a second, all tracks together.
    pub bitrate: Option<u64>,
    /// What the publisher calls itself.
    pub encoder: Option<String>,
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.codecs.join(" + "))?;
        if let (Some(w), Some(h)) = (self.width, self.height) {
            write!(f, ", {w}x{h}")?;
        }
        if let Some(fps) = self.fps {
            let text = format!("{fps:.2}");
            write!(f, " at {} fps", text.trim_end_matches('0').trim_end_matches('.'))?;
        }
        if let Some(bitrate) = self.bitrate {
            write!(f, ", {} kbit/s", bitrate / 1000)?;
        }
        if let Some(encoder) = &self.encoder {
            write!(f, ", from {encoder}")?;
        }
        Ok(())
    }
}
