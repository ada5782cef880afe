//! `sigma-probe`: a client that proves an LL-HLS origin, ours or another's, rule by rule (`check`), and one that loads it
//! with many small players (`swarm`).
//!
//! **Belongs here:** our own reader of playlists and fragments, an HTTP client that keeps the evidence, the judging of what
//! was seen (no I/O, time is data), the reports. **Does not:** anything of the origin's side. It shares no code with
//! `crates/hls`: an oracle that did would prove nothing.

pub mod check;
pub mod cli;
pub mod clock;
pub mod http;
pub mod mp4;
pub mod playlist;
pub mod swarm;
