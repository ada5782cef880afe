//! `tests/fixtures/ffmpeg_h264_bframes_aac.flv`, read without our own server's help.

use bytes::Bytes;
use media::Kind;
use media::flv::{Demuxer, Item, Metadata, Tag, TagKind};

const FLV: &[u8] = include_bytes!("../../../tests/fixtures/ffmpeg_h264_bframes_aac.flv");

/// The tags of the file, in order; script tags are left out.
pub(super) fn tags() -> Vec<Tag> {
    let mut tags = Vec::new();
    let mut rest = &FLV[9 + 4..];
    while rest.len() > 11 {
        let size = u32::from_be_bytes([0, rest[1], rest[2], rest[3]]) as usize;
        let timestamp = u32::from_be_bytes([rest[7], rest[4], rest[5], rest[6]]);
        let body = Bytes::copy_from_slice(&rest[11..11 + size]);
        let kind = match rest[0] {
            8 => Some(TagKind::Audio),
            9 => Some(TagKind::Video),
            _ => None,
        };
        tags.extend(kind.map(|kind| Tag { kind, timestamp, body }));
        rest = &rest[11 + size + 4..];
    }
    tags
}

pub(super) fn metadata() -> Metadata {
    Metadata {
        width: Some(320),
        height: Some(180),
        frame_rate: Some(30.0),
        has_video: Some(true),
        has_audio: Some(true),
        encoder: Some("fixture".to_owned()),
        ..Metadata::default()
    }
}

/// The payloads of one kind among these tags.
pub(super) fn units(tags: &[Tag], kind: Kind) -> Vec<Bytes> {
    let mut demuxer = Demuxer::new();
    let items = tags.iter().filter_map(|tag| demuxer.push(tag).ok());
    items
        .filter_map(|item| match item {
            Item::Unit(unit) if unit.kind == kind => Some(unit.data),
            Item::Unit(_) | Item::Changed(..) | Item::Track(_) | Item::Nothing => None,
        })
        .collect()
}
