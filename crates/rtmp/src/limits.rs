//! What a peer may ask of us. Each limit has its own variant in [`crate::Kind`].
use std::time::Duration;

use crate::amf0;

/// Bounds on everything that a peer controls. `Default` suits every encoder known to us.
#[derive(Clone, Debug)]
pub struct Limits {
    /// From the first byte to the end of the handshake.
    pub handshake_time: Duration,
    /// From the end of the handshake to `publish` (server) or to its answer (client).
    pub publish_time: Duration,
    /// Largest chunk that the peer may announce, in bytes. A message has at most 16,777,215 bytes, so that larger
    /// chunks mean nothing more (RTMP §5.4.1).
    pub chunk_size: u32,
    /// Chunk streams that the peer may open.
    pub chunk_streams: usize,
    /// Bytes of one message once publishing.
    pub message: usize,
    /// Bytes of one message before publishing: commands only.
    pub early_message: usize,
    /// Declared bytes of all messages that are under way at once, over all chunk streams.
    pub partial: usize,
    /// Commands and user control messages until publishing begins.
    pub early_commands: u32,
    /// Commands, data and control messages in any one second once publishing.
    pub commands_a_second: u32,
    /// Tags in one aggregate message.
    pub aggregate: usize,
    /// Bytes of the application name.
    pub app: usize,
    /// Bytes of the stream key with its query.
    pub key: usize,
    /// What AMF0 may hold.
    pub amf0: amf0::Limits,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            handshake_time: Duration::from_secs(5),
            publish_time: Duration::from_secs(5),
            chunk_size: 0xFF_FFFF,
            chunk_streams: 64,
            message: 8 << 20,
            early_message: 64 << 10,
            partial: 16 << 20,
            early_commands: 64,
            // Captions and time codes come with every frame, and after a stall some seconds of them at once.
            commands_a_second: 512,
            aggregate: 4096,
            app: 256,
            key: 256,
            amf0: amf0::Limits::default(),
        }
    }
}
