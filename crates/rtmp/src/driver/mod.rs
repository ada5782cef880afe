//! The sessions on tokio streams: reading, writing, time limits. Nothing of the protocol is decided here.
//!
//! Generic over `AsyncRead + AsyncWrite`, so that TLS and a test's duplex pipe work as TCP does. The caller sets
//! `TCP_NODELAY` on what it accepts; [`client`] does so itself.

pub mod client;
mod clock;
mod error;
mod pipe;
pub mod server;

pub use error::Error;

#[cfg(test)]
mod tests;
