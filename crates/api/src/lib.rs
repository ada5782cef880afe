//! The DTOs of HTTP, events, webhooks and the broadcaster's control protocol.
//!
//! **Belongs here:** shapes that cross a process boundary, with serde. **Does not:** domain logic; the server converts by hand.

pub mod asset;
pub mod broadcast;
pub mod channel;
pub mod detectors;
pub mod event;
pub mod ladder;
mod page;
mod patch;
mod problem;
pub mod processing;
pub mod recording;
pub mod session;
pub mod signing_key;
pub mod stream_key;
pub mod system;
pub mod token;

pub use page::Page;
pub use problem::Problem;
