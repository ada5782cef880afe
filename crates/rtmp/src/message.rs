//! Messages: their types, and writing them through rml_rtmp's serializer.
use bytes::Bytes;
use rml_rtmp::{chunk_io::ChunkSerializer, messages::MessagePayload, time::RtmpTimestamp};

use crate::{
    Error, Kind, Limits,
    amf0::{self, Value},
    chunk::Message,
};

// RTMP §5.4, §6.2, §7.1.
pub(crate) const SET_CHUNK_SIZE: u8 = 1;
pub(crate) const ABORT: u8 = 2;
pub(crate) const ACKNOWLEDGEMENT: u8 = 3;
pub(crate) const USER_CONTROL: u8 = 4;
pub(crate) const WINDOW_SIZE: u8 = 5;
pub(crate) const PEER_BANDWIDTH: u8 = 6;
pub(crate) const AUDIO: u8 = 8;
pub(crate) const VIDEO: u8 = 9;
pub(crate) const DATA_AMF3: u8 = 15;
pub(crate) const COMMAND_AMF3: u8 = 17;
pub(crate) const DATA: u8 = 18;
pub(crate) const COMMAND: u8 = 20;
pub(crate) const AGGREGATE: u8 = 22;

/// User control events.
pub(crate) const STREAM_BEGIN: u16 = 0;
pub(crate) const PING: u16 = 6;
pub(crate) const PONG: u16 = 7;

/// What both sides tell each other: an acknowledgement is due this often, in bytes.
pub(crate) const WINDOW: u32 = 2_500_000;

/// The number that a control message of four bytes carries.
pub(crate) fn u32_of(message: &Message) -> Result<u32, Error> {
    let bytes = message.body.first_chunk().ok_or(Kind::Control.at(message.at))?;
    Ok(u32::from_be_bytes(*bytes))
}

/// The values of a command or data message.
pub(crate) fn values_of(message: &Message, limits: &Limits) -> Result<Vec<Value>, Error> {
    let body = match (message.kind, message.body.as_ref()) {
        // An "AMF3" message is AMF0 behind a zero: Flash and its heirs never send real AMF3 here.
        (COMMAND_AMF3 | DATA_AMF3, [0, rest @ ..]) => rest,
        (_, body) => body,
    };
    amf0::read_all(body, &limits.amf0).map_err(|error| Kind::from(error).at(message.at))
}

/// The answer to a ping.
pub(crate) fn pong_for(message: &Message) -> Option<[u8; 6]> {
    let (event, data) = message.body.split_first_chunk()?;
    if u16::from_be_bytes(*event) != PING {
        return None;
    }
    let data = data.first_chunk::<4>()?;
    let [a, b] = PONG.to_be_bytes();
    Some([a, b, data[0], data[1], data[2], data[3]])
}

/// Counts what came, and says when to acknowledge: the running total, modulo 2^32 (§5.4.3).
pub(crate) struct Acknowledger {
    window: u32,
    last: u64,
}

impl Acknowledger {
    pub(crate) fn new() -> Self {
        Self { window: WINDOW, last: 0 }
    }

    pub(crate) fn set_window(&mut self, window: u32) {
        self.window = window.max(1024);
    }

    pub(crate) fn due(&mut self, total: u64) -> Option<u32> {
        if total - self.last < u64::from(self.window) {
            return None;
        }
        self.last = total;
        Some(total as u32)
    }
}

/// Writes messages as chunks. Each message begins with a full header: 8 bytes more, and no peer to misread a delta.
pub(crate) struct Writer {
    serializer: ChunkSerializer,
}

impl Writer {
    pub(crate) fn new() -> Self {
        Self { serializer: ChunkSerializer::new() }
    }

    pub(crate) fn message(
        &mut self,
        kind: u8,
        stream: u32,
        timestamp: u32,
        body: Bytes,
    ) -> Result<Bytes, Kind> {
        let payload = MessagePayload {
            timestamp: RtmpTimestamp::new(timestamp),
            type_id: kind,
            message_stream_id: stream,
            data: body,
        };
        // "Droppable" is how rml_rtmp is told to begin the next message with a full header; `force_uncompressed` would
        // break a message of more than one chunk.
        let packet = self.serializer.serialize(&payload, false, true);
        packet.map(|packet| packet.bytes.into()).map_err(|error| Kind::Write(error.to_string()))
    }

    pub(crate) fn values(&mut self, kind: u8, stream: u32, values: &[Value]) -> Result<Bytes, Kind> {
        self.message(kind, stream, 0, amf0::write_all(values).into())
    }

    pub(crate) fn number(&mut self, kind: u8, number: u32) -> Result<Bytes, Kind> {
        self.message(kind, 0, 0, Bytes::copy_from_slice(&number.to_be_bytes()))
    }

    pub(crate) fn peer_bandwidth(&mut self, window: u32) -> Result<Bytes, Kind> {
        let [a, b, c, d] = window.to_be_bytes();
        const DYNAMIC: u8 = 2;
        self.message(PEER_BANDWIDTH, 0, 0, Bytes::copy_from_slice(&[a, b, c, d, DYNAMIC]))
    }

    pub(crate) fn user_control(&mut self, event: u16, data: u32) -> Result<Bytes, Kind> {
        let [a, b] = event.to_be_bytes();
        let [c, d, e, f] = data.to_be_bytes();
        self.message(USER_CONTROL, 0, 0, Bytes::copy_from_slice(&[a, b, c, d, e, f]))
    }

    pub(crate) fn set_chunk_size(&mut self, size: u32) -> Result<Bytes, Kind> {
        let packet = self.serializer.set_max_chunk_size(size, RtmpTimestamp::new(0));
        packet.map(|packet| packet.bytes.into()).map_err(|error| Kind::Write(error.to_string()))
    }
}
