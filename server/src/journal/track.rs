//! The decoder configuration that stands in an initialisation segment, so that a session can go on before its
//! publisher is back.

use bytes::Bytes;
use media::{Track, aac, avc};

/// The track of an initialisation segment that we wrote. `None` where it isn't one.
pub(crate) fn track(init: &Bytes) -> Option<Track> {
    if let Some(record) = payload(init, b"avcC") {
        let (config, _) = avc::Config::parse(&record).ok()?;
        return Some(Track::video(config));
    }
    let esds = payload(init, b"esds")?;
    Some(Track::audio(aac::Config::parse(&specific_info(&esds)?).ok()?))
}

/// What a box of this type holds. The type stands once in our initialisation segments.
fn payload(init: &Bytes, kind: &[u8; 4]) -> Option<Bytes> {
    let at = init.windows(4).position(|window| window == kind)?;
    let size = u32::from_be_bytes(*init.get(at.checked_sub(4)?..at)?.first_chunk()?) as usize;
    let end = (at - 4).checked_add(size)?;
    (end <= init.len() && at + 4 <= end).then(|| init.slice(at + 4..end))
}

/// The DecoderSpecificInfo (tag 5) in the descriptors of an `esds` box (ISO/IEC 14496-1 §7.2.6).
fn specific_info(esds: &Bytes) -> Option<Bytes> {
    // version and flags; then ES_Descriptor, DecoderConfigDescriptor, DecoderSpecificInfo, each inside the one before.
    let mut at = 4;
    for (tag, fixed) in [(3, 3), (4, 13), (5, 0)] {
        if *esds.get(at)? != tag {
            return None;
        }
        at += 1;
        let mut len = 0;
        loop {
            let byte = *esds.get(at)?;
            at += 1;
            len = len << 7 | usize::from(byte & 0x7f);
            if byte & 0x80 == 0 {
                break;
            }
        }
        if tag == 5 {
            let end = at.checked_add(len)?;
            return (end <= esds.len()).then(|| esds.slice(at..end));
        }
        at += fixed;
    }
    None
}
