//! A picture that somebody sends: what it is and how large, by its first bytes. Whether it can be read at all is for the
//! transcode worker to say.

use axum::http::StatusCode;

use super::problem::{Problem, Result};
use crate::store::Picture;

/// Bytes of a file.
pub(super) const MAX_BYTES: usize = 2 << 20;
/// Pixels either way.
pub(super) const SIDES: std::ops::RangeInclusive<u32> = 16..=4096;

/// What a file says of itself.
pub(super) fn inspect(file: &[u8]) -> Result<Picture> {
    if file.len() > MAX_BYTES {
        return Err(too_large());
    }
    let (content_type, size) = if file.starts_with(b"\x89PNG\r\n\x1a\n") {
        ("image/png", png(file))
    } else if file.starts_with(&[0xff, 0xd8, 0xff]) {
        ("image/jpeg", jpeg(file))
    } else {
        let detail = "the body is neither a JPEG nor a PNG file";
        return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_picture", detail));
    };
    let (width, height) = size.ok_or_else(|| bad("it ends before it says its size"))?;
    if !SIDES.contains(&width) || !SIDES.contains(&height) {
        let (least, most) = SIDES.into_inner();
        return Err(bad(&format!(
            "it has {width}x{height} pixels, but must have {least} to {most} either way"
        )));
    }
    Ok(Picture { content_type: content_type.to_owned(), width, height, bytes: file.len() as u64 })
}

pub(super) fn too_large() -> Problem {
    let detail = format!("the picture is larger than {} KiB", MAX_BYTES >> 10);
    Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "picture_too_large", detail)
}

pub(super) fn bad(why: &str) -> Problem {
    let detail = format!("the picture can't be used: {why}");
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "bad_picture", detail)
}

/// IHDR comes first (ISO/IEC 15948 §11.2.2).
fn png(file: &[u8]) -> Option<(u32, u32)> {
    let number = |at: usize| file.get(at..at + 4)?.try_into().ok().map(u32::from_be_bytes);
    (file.get(12..16)? == b"IHDR").then_some(())?;
    Some((number(16)?, number(20)?))
}

/// The frame header (ITU-T T.81 §B.2.2), behind whatever segments stand before it.
fn jpeg(file: &[u8]) -> Option<(u32, u32)> {
    let short = |at: usize| file.get(at..at + 2)?.try_into().ok().map(u16::from_be_bytes);
    let mut at = 2;
    loop {
        let marker = short(at)?;
        match marker {
            // Fill bytes.
            0xffff => at += 1,
            // Not tables (DHT, JPG, DAC): a frame of any process.
            0xffc0..=0xffcf if ![0xffc4, 0xffc8, 0xffcc].contains(&marker) => {
                return Some((short(at + 7)?.into(), short(at + 5)?.into()));
            }
            0xff01..=0xfffe => at += 2 + usize::from(short(at + 2)?.max(2)),
            _ => return None,
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn png_of(width: u32, height: u32, bytes: usize) -> Vec<u8> {
        let mut file = b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR".to_vec();
        file.extend([width.to_be_bytes(), height.to_be_bytes()].concat());
        file.resize(bytes, 0);
        file
    }

    fn jpeg_of(width: u16, height: u16) -> Vec<u8> {
        let mut file =
            vec![0xff, 0xd8, 0xff, 0xe0, 0, 4, 1, 2, 0xff, 0xff, 0xc4, 0, 3, 9, 0xff, 0xc2, 0, 17, 8];
        file.extend([height.to_be_bytes(), width.to_be_bytes()].concat());
        file
    }

    #[test]
    fn at_each_limit_and_one_beyond() {
        for (file, expect) in [
            (png_of(16, 4096, 64), Ok(("image/png", 16, 4096))),
            (png_of(15, 4096, 64), Err("bad_picture")),
            (png_of(16, 4097, 64), Err("bad_picture")),
            (jpeg_of(4096, 16), Ok(("image/jpeg", 4096, 16))),
            (jpeg_of(4097, 16), Err("bad_picture")),
            (jpeg_of(4096, 15), Err("bad_picture")),
            (png_of(64, 64, MAX_BYTES), Ok(("image/png", 64, 64))),
            (png_of(64, 64, MAX_BYTES + 1), Err("picture_too_large")),
            (png_of(64, 64, 23), Err("bad_picture")),
            (jpeg_of(64, 64)[..20].to_vec(), Err("bad_picture")),
            (b"GIF89a".to_vec(), Err("unsupported_picture")),
            (Vec::new(), Err("unsupported_picture")),
        ] {
            let found = inspect(&file);
            let found = found.as_ref().map(|p| (p.content_type.as_str(), p.width, p.height));
            assert_eq!(found.map_err(Problem::code), expect);
        }
    }

    proptest::proptest! {
        #[test]
        fn anything_may_be_sent(tail: Vec<u8>, png: bool) {
            let head: &[u8] = if png { b"\x89PNG\r\n\x1a\n" } else { &[0xff, 0xd8, 0xff] };
            let _ = inspect(&[head, &tail].concat());
        }
    }
}
