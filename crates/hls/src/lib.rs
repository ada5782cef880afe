//! CMAF and Low-Latency HLS from access units: packaging, playlists, reload rules, the journal's file format and the
//! recordings made from it.
//!
//! **Belongs here:** everything between an access unit on the session's clock and the bytes that a player, a file or a
//! recording gets. **Does not:** sockets, disk, clocks, sessions, codecs. Imports only `media` of ours.
//!
//! The line: [`Presentation::push`] gives [`Changeset`]s; a shell stores the parts, appends them to the journal and
//! renders [`playlist`]s from each rendition's [`Index`]; [`reload::ask`] says what a request gets.

mod changeset;
mod index;
pub mod journal;
mod mode;
pub mod mp4;
pub mod packager;
pub mod past;
pub mod playlist;
pub mod presentation;
mod rate;
pub mod recording;
pub mod reload;
#[cfg(test)]
mod rules;
pub mod slate;

pub use changeset::{Change, Changeset, Init, Part};
pub use index::{Control, Index, PartInfo, Segment, Target};
pub use mode::{Mode, Plan};
pub use packager::Packager;
pub use presentation::Presentation;
