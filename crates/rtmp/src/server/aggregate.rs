//! Aggregate messages: FLV tags laid end to end in one message (RTMP §7.1.6).
use bytes::{Buf, Bytes};

use crate::{Error, Kind, chunk::Message};

/// The messages within, as slices of the same memory, on the aggregate's own clock.
pub(super) fn split(message: &Message, limit: usize) -> Result<Vec<Message>, Error> {
    let mut rest = message.body.clone();
    let mut parts: Vec<Message> = Vec::new();
    let mut shift = None;
    while !rest.is_empty() {
        if parts.len() == limit {
            return Err(Kind::AggregateTags { limit }.at(message.at));
        }
        let part = tag(&mut rest).ok_or(Kind::Aggregate.at(message.at))?;
        // The first tag happens at the aggregate's time; the others keep their distance from it.
        let shift = *shift.get_or_insert(message.timestamp.wrapping_sub(part.1));
        parts.push(Message {
            kind: part.0,
            timestamp: part.1.wrapping_add(shift),
            body: part.2,
            stream: message.stream,
            at: message.at,
        });
    }
    Ok(parts)
}

fn tag(rest: &mut Bytes) -> Option<(u8, u32, Bytes)> {
    if rest.len() < 11 {
        return None;
    }
    let kind = rest.get_u8();
    let size = rest.get_uint(3) as usize;
    let timestamp = rest.get_uint(3) as u32 | u32::from(rest.get_u8()) << 24;
    rest.advance(3);
    if rest.len() < size {
        return None;
    }
    let body = rest.split_to(size);
    // The length of the tag before; the last one is left out by some.
    rest.advance(rest.len().min(4));
    Some((kind, timestamp, body))
}
