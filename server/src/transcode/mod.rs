//! The transcode worker: a process of its own that decodes and encodes, so that a crash in a codec costs a session its
//! slate and never the server.
//!
//! **Belongs here:** starting, watching and ending the process, its jobs, what it does with them. **Does not:** the bytes
//! between the two (crate `transcode`), when a slate is shown (`live`).
//!
//! ```text
//!   sigma-server ── stdin: jobs ──▶ sigma-server transcode-worker
//!                ◀── stdout: results, stderr: log lines ──
//! ```

mod hardware;
mod ladder;
mod slate;
mod supervise;
#[cfg(all(test, unix))]
mod tests;
pub(crate) mod watch;
mod worker;

pub use hardware::{TRY, try_encoder};
pub(crate) use ladder::{feed, order, steps};
pub(crate) use supervise::{Error, Program, Transcoder};
pub use worker::{NAME, run};
