//! The client's side: publishing to any RTMP server.
//!
//! **Belongs here:** the conversation until "go", the tags, the end. **Does not:** when to try again, what to drop on a
//! slow line: that is the broadcaster's.

mod refused;
mod session;
mod url;

pub use refused::Refused;
pub use session::Session;
pub use url::{BadUrl, Url};

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// The server said go.
    Published,
    /// The server has this many bytes: its running total, unwrapped.
    Acknowledged(u64),
}

/// See [`crate::Output`].
pub type Output = crate::Output<Event>;

#[cfg(test)]
mod tests;
