//! An FLV file that doesn't end (Adobe FLV 10.1, annex E.2 to E.4).

use bytes::{BufMut, Bytes, BytesMut};
use media::Timestamp;
use media::flv::{self, Tag, TagKind};

use super::Item;

/// With sound and pictures; what there is of them is seen by the tags.
const HEAD: [u8; 13] = [b'F', b'L', b'V', 1, 0b101, 0, 0, 0, 9, 0, 0, 0, 0];

/// Writes items as tags, from time zero on.
#[derive(Debug, Default)]
pub(crate) struct Writer {
    begun: bool,
    zero: Option<Timestamp>,
    newest: u32,
}

impl Writer {
    /// An item's bytes; before the first those of the file's head.
    pub(crate) fn write(&mut self, item: &Item) -> Bytes {
        let tag = match item {
            Item::Track(track) => flv::sequence_header(track, self.newest),
            Item::Unit(unit) => {
                let zero = *self.zero.get_or_insert(unit.dts);
                let since = unit.dts.minus(zero).as_millis().max(0);
                self.newest = since as u32;
                Tag { timestamp: self.newest, ..flv::tag(unit) }
            }
        };
        let mut out = BytesMut::with_capacity(HEAD.len() + 15 + tag.body.len());
        if !std::mem::replace(&mut self.begun, true) {
            out.put_slice(&HEAD);
        }
        let size = u32::try_from(tag.body.len()).unwrap_or(u32::MAX);
        let [high, a, b, c] = tag.timestamp.to_be_bytes();
        out.put_u8(match tag.kind {
            TagKind::Audio => 8,
            TagKind::Video => 9,
        });
        out.put_slice(&size.to_be_bytes()[1..]);
        out.put_slice(&[a, b, c, high, 0, 0, 0]);
        out.put_slice(&tag.body);
        out.put_u32(size.saturating_add(11));
        out.freeze()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use media::{AccessUnit, Kind, Track, aac};

    use super::*;

    #[test]
    fn a_head_then_tags_from_zero_on() {
        let mut writer = Writer::default();
        let track = writer.write(&Item::Track(Track::audio(aac::Config::announced(48_000, 2).unwrap())));
        assert_eq!(
            track[..],
            [&HEAD[..], &[8, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0xaf, 0, 0x11, 0x90, 0, 0, 0, 15]].concat()
        );
        let unit = |ms| {
            let dts = Timestamp::millis(ms);
            Item::Unit(AccessUnit { kind: Kind::Audio, dts, pts: dts, key: true, data: vec![7].into() })
        };
        writer.write(&unit(5_000));
        let later = writer.write(&unit(5_000 + 0x0102_0304));
        assert_eq!(later[..], [8, 0, 0, 3, 2, 3, 4, 1, 0, 0, 0, 0xaf, 1, 7, 0, 0, 0, 14]);
    }
}
