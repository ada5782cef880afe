//! RTMP, both ends: a server that takes publishers in and a client that publishes.
//!
//! The core is sans-IO: [`server::Session`] and [`client::Session`] take bytes and the time, and give back bytes to
//! send, events and the next time to be called. The handshake and the chunk serializer are rml_rtmp's; the chunk reader,
//! AMF0 and the sessions are ours, with a limit on everything that a peer controls ([`Limits`]); ADR-0002 says why.
//! [`driver`] runs the sessions on tokio streams (feature `tokio`, on by default).
//!
//! **Belongs here:** the protocol, from the first byte to [`media::flv::Tag`]. **Does not:** what is inside a tag
//! (`media`), who may publish (the server's `control`), listening sockets and TLS certificates (the server's `ingest`).
//!
//! Sources: Adobe RTMP specification 1.0, AMF0 specification, and the quirks of encoders, each named where it is met.

pub mod amf0;
mod chunk;
pub mod client;
#[cfg(feature = "tokio")]
pub mod driver;
mod error;
mod handshake;
mod limits;
mod message;
pub mod metadata;
mod outbox;
pub mod server;

pub use error::{Error, Kind, Position};
pub use limits::Limits;
pub use outbox::Output;
