//! What a peer did wrong, and where in the bytes that it sent.
use std::fmt;

/// Where in the peer's bytes: enough to find the packet in Wireshark.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Position {
    /// Bytes received before this point, the handshake included.
    pub offset: u64,
    /// The chunk stream id, where one is known.
    pub chunk_stream: Option<u32>,
    /// The message type id, where one is known.
    pub message_type: Option<u8>,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "byte {}", self.offset)?;
        if let Some(id) = self.chunk_stream {
            write!(f, ", chunk stream {id}")?;
        }
        if let Some(id) = self.message_type {
            write!(f, ", message type {id}")?;
        }
        Ok(())
    }
}

/// A session that can't go on: what, and where. The driver adds the peer.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{kind} ({at})")]
pub struct Error {
    /// What happened.
    #[source]
    pub kind: Kind,
    /// Where in the bytes received.
    pub at: Position,
}

/// What happened. The limits are [`crate::Limits`]'.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Kind {
    /// A web browser, a probe or an HTTP client on the RTMP port.
    #[error("this is HTTP, not RTMP: the web address has another port")]
    Http,
    /// A TLS hello on the plain port.
    #[error("this is TLS, not plain RTMP: use rtmp:// here, or rtmps:// with its own port")]
    Tls,
    /// RTMPE (version 6, 8 or 9).
    #[error("RTMPE (version {0}) is not supported: use rtmp:// or rtmps://")]
    Rtmpe(u8),
    /// A first byte that means nothing to us.
    #[error("this is not RTMP: the first byte is {0:#04x}, not 3")]
    NotRtmp(u8),
    /// rml_rtmp refused the handshake.
    #[error("bad handshake: {0}")]
    Handshake(String),
    /// The handshake took too long.
    #[error("the handshake was not finished in time")]
    HandshakeTime,
    /// No publish (server), or no answer to it (client), in time.
    #[error("no publish in time after the handshake")]
    PublishTime,

    /// Set Chunk Size over the limit, or zero.
    #[error("chunk size {size} is not between 1 and {limit}")]
    ChunkSize {
        /// As announced.
        size: u32,
        /// The most allowed.
        limit: u32,
    },
    /// Too many chunk streams.
    #[error("more than {limit} chunk streams")]
    ChunkStreams {
        /// The most allowed.
        limit: usize,
    },
    /// A chunk that leans on a header which was never sent.
    #[error("chunk of format {0} without a full header before it")]
    NoHeader(u8),
    /// A new message header in the middle of another message.
    #[error("a new message began before the last one ended")]
    Interrupted,
    /// One message too large.
    #[error("message of {size} bytes, at most {limit} are allowed")]
    MessageSize {
        /// As declared.
        size: usize,
        /// The most allowed at this point of the session.
        limit: usize,
    },
    /// Messages under way too large together.
    #[error("unfinished messages of {size} bytes together, at most {limit} are allowed")]
    Partial {
        /// As declared.
        size: usize,
        /// The most allowed.
        limit: usize,
    },
    /// A protocol control message of the wrong length.
    #[error("control message is cut short")]
    Control,
    /// An aggregate whose parts don't fit it.
    #[error("aggregate message is malformed")]
    Aggregate,
    /// Too many tags in an aggregate message.
    #[error("more than {limit} tags in an aggregate message")]
    AggregateTags {
        /// The most allowed.
        limit: usize,
    },
    /// AMF0 that can't be read.
    #[error("bad AMF0: {0}")]
    Amf0(#[from] crate::amf0::Error),

    /// A command without what it needs.
    #[error("{command}: {missing} is missing")]
    Command {
        /// Its name.
        command: &'static str,
        /// What is missing.
        missing: &'static str,
    },
    /// Too many commands before publish.
    #[error("more than {limit} commands before publishing")]
    EarlyCommands {
        /// The most allowed.
        limit: u32,
    },
    /// Too many commands in a second.
    #[error("more than {limit} commands in a second")]
    CommandRate {
        /// The most allowed.
        limit: u32,
    },
    /// The application name is too long.
    #[error("application name of {size} bytes, at most {limit} are allowed")]
    App {
        /// As sent.
        size: usize,
        /// The most allowed.
        limit: usize,
    },
    /// The stream key is too long.
    #[error("stream key of {size} bytes, at most {limit} are allowed")]
    Key {
        /// As sent.
        size: usize,
        /// The most allowed.
        limit: usize,
    },
    /// A command before `connect`, or twice what can be had once.
    #[error("{0} is out of order")]
    Order(&'static str),
    /// Sound or picture before publishing.
    #[error("media before publish")]
    EarlyMedia,
    /// A player, not a publisher.
    #[error("the peer wants to play; this is for publishing only: watch over HLS")]
    Play,
    /// The server refused us (client only).
    #[error("refused by the server: {0}")]
    Refused(crate::client::Refused),
    /// Our own serializer could not write a message.
    #[error("could not write a message: {0}")]
    Write(String),
}

impl Kind {
    pub(crate) fn at(self, at: Position) -> Error {
        Error { kind: self, at }
    }
}
