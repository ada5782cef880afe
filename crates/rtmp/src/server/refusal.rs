//! Why a publisher is turned away, in the words that its own log shows.

/// Why a publish is refused or ended.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refusal {
    /// No channel has this key.
    BadKey,
    /// Another publisher is sending to this channel.
    Busy,
    /// The channel is stopped.
    Stopped,
    /// Another publisher took over.
    Takeover,
    /// The server is going down.
    Shutdown,
    /// What was published can't be taken: the reason, e.g. "audio codec MP3 is not supported: publish AAC".
    Codec(String),
    /// A limit of the channel or the server was reached: which.
    Limit(String),
    /// Our own failure: what the publisher may know of it.
    Internal(String),
}

impl Refusal {
    /// The RTMP status code.
    pub fn code(&self) -> &'static str {
        match self {
            Refusal::BadKey | Refusal::Busy => "NetStream.Publish.BadName",
            Refusal::Stopped | Refusal::Limit(_) | Refusal::Codec(_) => "NetStream.Publish.Denied",
            Refusal::Takeover | Refusal::Shutdown => "NetStream.Publish.Rejected",
            Refusal::Internal(_) => "NetStream.Publish.Failed",
        }
    }

    /// A token for programs, sent as the property `reason`: status codes tell a wrong key and a busy channel not apart.
    pub fn reason(&self) -> &'static str {
        match self {
            Refusal::BadKey => "bad_key",
            Refusal::Busy => "busy",
            Refusal::Stopped => "stopped",
            Refusal::Takeover => "takeover",
            Refusal::Shutdown => "shutdown",
            Refusal::Codec(_) => "codec",
            Refusal::Limit(_) => "limit",
            Refusal::Internal(_) => "internal",
        }
    }

    /// What happened and what to do, for a person.
    pub fn description(&self) -> String {
        match self {
            Refusal::BadKey => "No channel has this stream key. Check the key in your encoder.".to_owned(),
            Refusal::Busy => "This channel already has a publisher. Stop the other encoder first.".to_owned(),
            Refusal::Stopped => {
                "This channel is stopped. Start it in the console, then publish again.".to_owned()
            }
            Refusal::Takeover => "Another encoder took over this channel.".to_owned(),
            Refusal::Shutdown => "The server is shutting down. Publish again in a moment.".to_owned(),
            Refusal::Codec(why) | Refusal::Limit(why) | Refusal::Internal(why) => why.clone(),
        }
    }
}
