//! What the server and its transcode worker say to each other over the worker's stdin and stdout: jobs one way, results
//! the other.
//!
//! **Belongs here:** the messages, their bytes, their limits. **Does not:** pipes, processes, codecs: bytes go in by
//! [`Decoder::push`], messages come out by [`Decoder::next`].
//!
//! ```text
//! frame  = length (4, of what follows) version (1) kind (1) body
//! fields = numbers big-endian; bytes and texts after their length (4); lists after their count (4); options after 0 or 1
//! ```
//!
//! One side may be killed at any byte. A frame that breaks a limit or can't be read is the end of the pipe: nothing after it
//! could be trusted.

mod frame;
pub mod ladder;
pub mod measured;
mod message;
#[cfg(test)]
mod tests;
pub mod watch;

pub use frame::{Decoder, Error, MAX_FRAME, VERSION};
pub use message::{Done, Failed, Job, Message, Picture, Slate, Sound, Still, Units, limits};
