//! The server's side of one connection: a publisher comes in, asks, is answered, sends, leaves.
//!
//! **Belongs here:** commands and their answers, as FFmpeg, OBS, GStreamer, Larix, vMix and Flash expect them. **Does
//! not:** the decision about a key, which the caller makes; what a tag holds.

mod aggregate;
mod command;
mod refusal;
mod session;

pub use refusal::Refusal;
pub use session::Session;

use media::flv;

/// What a publisher asked for. Everything is its own word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Publish {
    /// The application: the path of the address without the key, without slashes around it or a query.
    pub app: String,
    /// The stream key, without its query.
    pub key: String,
    /// What followed `?` in the key, or else in the application.
    pub query: Option<String>,
    /// `flashVer`, e.g. `FMLE/3.0 (compatible; Lavf59.27.100)`.
    pub encoder: Option<String>,
    /// The whole address as the publisher has it.
    pub tc_url: Option<String>,
}

/// What a publisher sent.
#[derive(Clone, Debug, PartialEq)]
pub enum Message {
    /// `onMetaData`.
    Metadata(flv::Metadata),
    /// Sound or picture.
    Tag(flv::Tag),
}

/// What happened.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// The peer asks to publish: answer with [`Session::accept`] or [`Session::reject`].
    Publish(Publish),
    /// It sent something.
    Message(Message),
    /// It stopped of its own will. The last event.
    Unpublished,
}

/// See [`crate::outbox::Output`].
pub type Output = crate::Output<Event>;

#[cfg(test)]
mod tests;
