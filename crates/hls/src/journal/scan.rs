//! Reads a journal file's structure back, whatever state it was left in.

use std::io::{ErrorKind, Read, Seek, SeekFrom};

use bytes::Bytes;

use super::{Entry, Error, Header, Index, UUID};
use crate::mp4::fragment::{self, STYP};
use crate::mp4::init::Sheet;
use crate::mp4::read::Cursor;

/// Limits on what a file may make us hold in memory.
const MAX_HEAD_BOX: u64 = 1 << 20;
const MAX_MOOF: u64 = 4 << 20;
const MAX_PARTS: usize = 1 << 16;

/// Reads a file's head and its parts' boxes; media is skipped over. Buffer the reader.
///
/// The head must be whole: without it nothing can be played. After it, the first byte that isn't a whole part of ours
/// is where the torn tail begins.
pub fn scan(mut reader: impl Read + Seek) -> Result<Index, Error> {
    let end = reader.seek(SeekFrom::End(0))?;
    reader.seek(SeekFrom::Start(0))?;
    let mut at = 0;
    let mut init = Vec::new();
    for kind in [b"ftyp", b"moov"] {
        let body = head_box(&mut reader, &mut at, end, kind)?;
        init.extend_from_slice(&body);
    }
    let init = Bytes::from(init);
    let sheet = Sheet::read(&init).ok_or(Error::Head("its moov box can't be read"))?;
    let uuid = head_box(&mut reader, &mut at, end, b"uuid")?;
    let json = uuid.get(8..).and_then(|b| b.strip_prefix(&UUID)).ok_or(Error::Head("a foreign uuid box"))?;
    let header: Header = serde_json::from_slice(json)?;
    if header.part_target == 0
        || header.plan.target_duration == 0
        || header.first_part > 1 << 48
        || header.first_msn > 1 << 48
        || header.discontinuity_sequence > 1 << 48
        || header.discontinuity_sequence < u64::from(header.discontinuity)
        || header.init == u32::MAX
        || [header.plan.segment, header.plan.part].iter().any(|d| d.as_secs() > 86_400)
    {
        return Err(Error::Head("its header has values out of range"));
    }
    let index = Index { header, init, timescale: sheet.timescale, parts: Vec::new(), valid_len: at, torn: 0 };
    scan_on(reader, index)
}

/// Goes on where an earlier scan of the same file ended: what a file holds whole stays as it is.
pub fn scan_on(mut reader: impl Read + Seek, mut index: Index) -> Result<Index, Error> {
    let end = reader.seek(SeekFrom::End(0))?;
    reader.seek(SeekFrom::Start(index.valid_len))?;
    let audio = Sheet::read(&index.init).is_some_and(|sheet| sheet.kind == media::Kind::Audio);
    while index.parts.len() < MAX_PARTS {
        let Some(entry) = entry(&mut reader, &index, end, audio)? else { break };
        index.valid_len = entry.offset + entry.len;
        reader.seek(SeekFrom::Start(index.valid_len))?;
        index.parts.push(entry);
    }
    index.torn = end.saturating_sub(index.valid_len);
    Ok(index)
}

/// The next part, where the whole of it is there and it continues the one before.
fn entry(
    reader: &mut (impl Read + Seek),
    index: &Index,
    end: u64,
    audio: bool,
) -> Result<Option<Entry>, Error> {
    let offset = index.valid_len;
    let Some((mut kind, mut size)) = box_head(reader, offset, end)? else { return Ok(None) };
    let mut at = offset;
    let first = &kind == b"styp";
    if first {
        if size != STYP as u64 {
            return Ok(None);
        }
        at += size;
        reader.seek(SeekFrom::Start(at))?;
        match box_head(reader, at, end)? {
            Some(next) => (kind, size) = next,
            None => return Ok(None),
        }
    }
    if &kind != b"moof" || size > MAX_MOOF || (index.parts.is_empty() && !first) {
        return Ok(None);
    }
    let mut body = vec![0; size as usize - 8];
    reader.read_exact(&mut body)?;
    at += size;
    let Some(moof) = fragment::read(&body, audio) else { return Ok(None) };
    let Some((kind, size)) = box_head(reader, at, end)? else { return Ok(None) };
    let payload_len = moof.samples.iter().map(|s| u64::from(s.size)).sum();
    let number = index.header.first_part + index.parts.len() as u64;
    if &kind != b"mdat" || size != payload_len + 8 || moof.sequence != (number + 1) as u32 {
        return Ok(None);
    }
    let msn = match index.parts.last() {
        Some(last) => last.msn + u64::from(first),
        None => index.header.first_msn,
    };
    // Beyond any clock: sums stay far from overflow.
    if moof.decode_time > 1 << 56 {
        return Ok(None);
    }
    Ok(Some(Entry {
        number,
        msn,
        first,
        offset,
        len: at + size - offset,
        payload: at + 8,
        payload_len,
        decode_time: moof.decode_time,
        samples: moof.samples,
    }))
}

/// A box's type and size where all of it lies before `end`; leaves the reader after its 8 bytes.
fn box_head(reader: &mut impl Read, at: u64, end: u64) -> Result<Option<([u8; 4], u64)>, Error> {
    let mut head = [0; 8];
    match reader.read_exact(&mut head) {
        Ok(()) => {}
        Err(e) if e.kind() == ErrorKind::UnexpectedEof => return Ok(None),
        Err(e) => return Err(e.into()),
    }
    let mut fields = Cursor(&head);
    let (Some(size), Some(kind)) = (fields.u32(), fields.array()) else { return Ok(None) };
    let size = u64::from(size);
    Ok((size >= 8 && size <= end.saturating_sub(at)).then_some((kind, size)))
}

fn head_box(reader: &mut impl Read, at: &mut u64, end: u64, kind: &[u8; 4]) -> Result<Vec<u8>, Error> {
    let (found, size) = box_head(reader, *at, end)?.ok_or(Error::Head("it is cut short in its head"))?;
    if &found != kind || size > MAX_HEAD_BOX {
        return Err(Error::Head("it does not begin with ftyp, moov and uuid"));
    }
    let mut whole = vec![0; size as usize];
    whole[..4].copy_from_slice(&(size as u32).to_be_bytes());
    whole[4..8].copy_from_slice(kind);
    reader.read_exact(&mut whole[8..])?;
    *at += size;
    Ok(whole)
}
