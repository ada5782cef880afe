//! From chunks to messages: the reader. What messages mean is [`crate::message`]'s and the sessions'; only Set Chunk Size
//! and Abort act here, since they act on chunks. Writing is rml_rtmp's serializer behind [`crate::message::Writer`].
//!
//! Source: RTMP §5.3. A payload is copied once, from the input into the message.
use bytes::{Bytes, BytesMut};

use crate::{Error, Kind, Limits, Position, message};

/// A whole message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Message {
    pub(crate) kind: u8,
    /// Message stream id.
    pub(crate) stream: u32,
    /// Milliseconds modulo 2^32.
    pub(crate) timestamp: u32,
    pub(crate) body: Bytes,
    /// Where its last chunk began.
    pub(crate) at: Position,
}

pub(crate) struct Reader {
    limits: Limits,
    /// Bytes of one message, at this point of the session.
    message_limit: usize,
    chunk_size: usize,
    streams: Vec<Stream>,
    /// Declared bytes of the messages under way.
    partial: usize,
    /// Bytes taken so far.
    offset: u64,
    /// Where the present chunk began.
    chunk_at: u64,
    state: State,
    /// Bytes that were taken for an extended timestamp and are payload.
    replay: Vec<u8>,
}

/// ```text
///            header complete          all of the chunk's payload
/// Header ──────────────────▶ Payload ───────────────────────────▶ Header
///    │ format 3 on a stream with an extended timestamp      ▲
///    └──────────────────────▶ Probe ────────────────────────┘
/// ```
enum State {
    /// Collecting a basic and a message header, at most 3 + 11 + 4 bytes.
    Header { bytes: [u8; 18], len: usize },
    /// Is an extended timestamp repeated here, or not? Collecting the bytes that tell.
    Probe { stream: usize, bytes: [u8; 4], len: usize },
    /// `left` bytes of this chunk are still to come.
    Payload { stream: usize, left: usize },
}

impl State {
    const START: State = State::Header { bytes: [0; 18], len: 0 };
}

/// What a chunk stream remembers from one header to the next.
struct Stream {
    id: u32,
    /// Whether a format 0 header has come.
    known: bool,
    timestamp: u32,
    /// The last timestamp or delta: a format 3 that begins a message adds it again (§5.3.1.2.4).
    delta: u32,
    extended: bool,
    kind: u8,
    message_stream: u32,
    length: usize,
    /// The message under way.
    body: Option<BytesMut>,
}

impl Reader {
    /// `offset` bytes have come before: the handshake.
    pub(crate) fn new(limits: Limits, offset: u64) -> Self {
        Self {
            message_limit: limits.early_message,
            limits,
            chunk_size: 128,
            streams: Vec::new(),
            partial: 0,
            offset,
            chunk_at: offset,
            state: State::START,
            replay: Vec::new(),
        }
    }

    /// From now on messages may have the full size.
    pub(crate) fn lift(&mut self) {
        self.message_limit = self.limits.message;
    }

    /// The next message, or `None` when `input` is used up. After an error the reader is of no more use.
    pub(crate) fn next(&mut self, input: &mut &[u8]) -> Result<Option<Message>, Error> {
        loop {
            let message = if !self.replay.is_empty() {
                let replay = std::mem::take(&mut self.replay);
                let mut rest = replay.as_slice();
                let message = self.step(&mut rest)?;
                self.replay.extend_from_slice(rest);
                message
            } else if input.is_empty() {
                return Ok(None);
            } else {
                let before = input.len();
                let message = self.step(input)?;
                self.offset += (before - input.len()) as u64;
                message
            };
            if let Some(message) = message {
                self.control(&message)?;
                return Ok(Some(message));
            }
        }
    }

    /// Takes at least one byte.
    fn step(&mut self, input: &mut &[u8]) -> Result<Option<Message>, Error> {
        match self.state {
            State::Header { mut bytes, mut len } => {
                if len == 0 {
                    self.chunk_at = self.offset;
                }
                let Some(&byte) = input.first() else { return Ok(None) };
                *input = &input[1..];
                bytes[len] = byte;
                len += 1;
                if len < header_length(&bytes[..len]) {
                    self.state = State::Header { bytes, len };
                    return Ok(None);
                }
                self.header(&bytes[..len])
            }
            State::Probe { stream, mut bytes, mut len } => {
                let Some(&byte) = input.first() else { return Ok(None) };
                *input = &input[1..];
                bytes[len] = byte;
                len += 1;
                let it = &self.streams[stream];
                let repeats = [it.delta, it.timestamp].iter().any(|t| t.to_be_bytes()[..len] == bytes[..len]);
                if !repeats {
                    self.replay.splice(0..0, bytes[..len].iter().copied());
                    return self.begin_payload(stream);
                }
                if len < 4 {
                    self.state = State::Probe { stream, bytes, len };
                    return Ok(None);
                }
                self.begin_payload(stream)
            }
            State::Payload { stream, left } => {
                let (now, rest) = input.split_at(left.min(input.len()));
                *input = rest;
                if let Some(body) = &mut self.streams[stream].body {
                    body.extend_from_slice(now);
                }
                self.state = State::Payload { stream, left: left - now.len() };
                if now.len() < left {
                    return Ok(None);
                }
                Ok(self.end_chunk(stream))
            }
        }
    }

    /// A whole header, but for the extended timestamp of a format 3.
    fn header(&mut self, bytes: &[u8]) -> Result<Option<Message>, Error> {
        let format = bytes[0] >> 6;
        let (id, bytes) = match bytes[0] & 0x3F {
            0 => (64 + u32::from(bytes[1]), &bytes[2..]),
            // §5.3.1.1: (third byte) * 256 + second byte + 64.
            1 => (64 + u32::from(bytes[1]) + 256 * u32::from(bytes[2]), &bytes[3..]),
            id => (u32::from(id), &bytes[1..]),
        };
        let index = self.stream(id, format)?;
        let within = self.streams[index].body.is_some();
        let at = self.position(index);
        let it = &mut self.streams[index];

        if format < 3 {
            let field = u24(bytes);
            it.extended = field == 0xFF_FFFF;
            let field = if it.extended { u32::from_be_bytes(last_four(bytes)) } else { field };
            let (length, kind) =
                if format < 2 { (u24(&bytes[3..]) as usize, bytes[6]) } else { (it.length, it.kind) };
            if within {
                // Not legal, but FFmpeg takes it for a continuation if it is the same message, and so do we.
                if (length, kind) != (it.length, it.kind) {
                    return Err(Kind::Interrupted.at(at));
                }
                return self.begin_payload(index);
            }
            it.timestamp = if format == 0 { field } else { it.timestamp.wrapping_add(field) };
            (it.delta, it.length, it.kind) = (field, length, kind);
            if format == 0 {
                it.message_stream = u32::from_le_bytes([bytes[7], bytes[8], bytes[9], bytes[10]]);
                it.known = true;
            }
            self.begin_message(index)?;
            return self.begin_payload(index);
        }

        if !within {
            it.timestamp = it.timestamp.wrapping_add(it.delta);
            self.begin_message(index)?;
        }
        if self.streams[index].extended {
            // §5.3.1.3 repeats the extended timestamp in every format 3 chunk, and Flash and FFmpeg do; others (older
            // librtmp, some hardware) don't. SRS compares, and so do we.
            self.state = State::Probe { stream: index, bytes: [0; 4], len: 0 };
            return Ok(None);
        }
        self.begin_payload(index)
    }

    fn stream(&mut self, id: u32, format: u8) -> Result<usize, Error> {
        let at = Position { offset: self.chunk_at, chunk_stream: Some(id), message_type: None };
        let index = self.streams.iter().position(|stream| stream.id == id);
        // librtmp opens a chunk stream with format 1 where the message stream is 0: only 2 and 3 lean on what is not there.
        if index.is_none_or(|index| !self.streams[index].known) && format >= 2 {
            return Err(Kind::NoHeader(format).at(at));
        }
        if let Some(index) = index {
            return Ok(index);
        }
        if self.streams.len() == self.limits.chunk_streams {
            return Err(Kind::ChunkStreams { limit: self.limits.chunk_streams }.at(at));
        }
        self.streams.push(Stream {
            id,
            known: format < 2,
            timestamp: 0,
            delta: 0,
            extended: false,
            kind: 0,
            message_stream: 0,
            length: 0,
            body: None,
        });
        Ok(self.streams.len() - 1)
    }

    fn begin_message(&mut self, index: usize) -> Result<(), Error> {
        let at = self.position(index);
        let it = &mut self.streams[index];
        if it.length > self.message_limit {
            return Err(Kind::MessageSize { size: it.length, limit: self.message_limit }.at(at));
        }
        self.partial += it.length;
        if self.partial > self.limits.partial {
            return Err(Kind::Partial { size: self.partial, limit: self.limits.partial }.at(at));
        }
        it.body = Some(BytesMut::with_capacity(it.length));
        Ok(())
    }

    fn begin_payload(&mut self, index: usize) -> Result<Option<Message>, Error> {
        let it = &self.streams[index];
        let left = (it.length - it.body.as_ref().map_or(0, BytesMut::len)).min(self.chunk_size);
        self.state = State::Payload { stream: index, left };
        Ok(if left == 0 { self.end_chunk(index) } else { None })
    }

    fn end_chunk(&mut self, index: usize) -> Option<Message> {
        self.state = State::START;
        let at = self.position(index);
        let it = &mut self.streams[index];
        let body = it.body.take_if(|body| body.len() >= it.length)?;
        self.partial -= it.length;
        let (kind, stream, timestamp) = (it.kind, it.message_stream, it.timestamp);
        Some(Message { kind, stream, timestamp, body: body.freeze(), at })
    }

    /// Set Chunk Size and Abort act at once.
    fn control(&mut self, message: &Message) -> Result<(), Error> {
        match message.kind {
            message::SET_CHUNK_SIZE => {
                let size = message::u32_of(message)?;
                let limit = self.limits.chunk_size;
                if size == 0 || size > limit {
                    return Err(Kind::ChunkSize { size, limit }.at(message.at));
                }
                self.chunk_size = size as usize;
            }
            message::ABORT => {
                let id = message::u32_of(message)?;
                let aborted = self.streams.iter_mut().find(|stream| stream.id == id);
                if let Some(it) = aborted
                    && it.body.take().is_some()
                {
                    self.partial -= it.length;
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn position(&self, index: usize) -> Position {
        let it = &self.streams[index];
        let message_type = it.body.is_some().then_some(it.kind);
        Position { offset: self.chunk_at, chunk_stream: Some(it.id), message_type }
    }
}

/// How long the header is that begins so; at least one more than given while that can't be told.
fn header_length(bytes: &[u8]) -> usize {
    let basic = match bytes[0] & 0x3F {
        0 => 2,
        1 => 3,
        _ => 1,
    };
    let fixed = basic + [11, 7, 3, 0][usize::from(bytes[0] >> 6)];
    let extended = fixed > basic && bytes.len() >= basic + 3 && u24(&bytes[basic..]) == 0xFF_FFFF;
    if extended { fixed + 4 } else { fixed }
}

fn u24(bytes: &[u8]) -> u32 {
    u32::from_be_bytes([0, bytes[0], bytes[1], bytes[2]])
}

fn last_four(bytes: &[u8]) -> [u8; 4] {
    bytes.last_chunk().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests;
