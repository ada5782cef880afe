//! Delta updates (§6.2.5.1): a skipped stretch put back, as text.

use super::{lines, split};

/// Why a delta could not be put together with a full playlist.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// There is no EXT-X-SKIP with a count.
    #[error("no EXT-X-SKIP: it is not a delta")]
    NotADelta,
    /// The full playlist begins later, or ends earlier, than what was skipped.
    #[error(
        "segments {first} to {last} are skipped; the full playlist begins with {has_first} and has {has}"
    )]
    NotHeld {
        /// First skipped.
        first: u64,
        /// Last skipped.
        last: u64,
        /// First held.
        has_first: u64,
        /// How many are held.
        has: usize,
    },
}

/// The full playlist that `delta` stands for: the lines of the skipped segments come from `held`, all else from `delta`.
pub fn reconstruct(held: &str, delta: &str) -> Result<String, Error> {
    let skipped = lines(delta).find_map(|(_, l)| skipped(l)).ok_or(Error::NotADelta)?;
    let (first, has_first, blocks) = (sequence(delta), sequence(held), blocks(held));
    let range = first.checked_sub(has_first).and_then(|from| {
        let (from, count) = (usize::try_from(from).ok()?, usize::try_from(skipped).ok()?);
        blocks.get(from..from.checked_add(count)?)
    });
    let Some(range) = range else {
        let last = first.saturating_add(skipped).saturating_sub(1);
        return Err(Error::NotHeld { first, last, has_first, has: blocks.len() });
    };
    let mut out = String::with_capacity(delta.len() + range.iter().map(String::len).sum::<usize>());
    let mut put = false;
    for line in delta.split_inclusive('\n') {
        // Once: a second tag, which is an error, must not make it grow again.
        match skipped_at(line) && !put {
            true => range.iter().for_each(|block| out.push_str(block)),
            false => out.push_str(line),
        }
        put |= skipped_at(line);
    }
    Ok(out)
}

fn skipped_at(line: &str) -> bool {
    split(line.trim_end()).0 == "#EXT-X-SKIP"
}

fn skipped(line: &str) -> Option<u64> {
    let count = |a: &str| a.trim().strip_prefix("SKIPPED-SEGMENTS=")?.trim().parse().ok();
    skipped_at(line).then(|| split(line).1.split(',').find_map(count)).flatten()
}

fn sequence(text: &str) -> u64 {
    let found = lines(text).map(|(_, l)| split(l)).find(|(tag, _)| *tag == "#EXT-X-MEDIA-SEQUENCE");
    found.and_then(|(_, value)| value.trim().parse().ok()).unwrap_or(0)
}

/// The text of each whole segment: all lines from its first tag to its URI. Tags of the playlist as a whole, which stand
/// before the first segment, belong to none (§4.4.3).
fn blocks(text: &str) -> Vec<String> {
    const OF_SEGMENTS: [&str; 10] = [
        "#EXTINF",
        "#EXT-X-BYTERANGE",
        "#EXT-X-DISCONTINUITY",
        "#EXT-X-KEY",
        "#EXT-X-MAP",
        "#EXT-X-PROGRAM-DATE-TIME",
        "#EXT-X-GAP",
        "#EXT-X-BITRATE",
        "#EXT-X-DATERANGE",
        "#EXT-X-PART",
    ];
    let (mut blocks, mut block) = (Vec::new(), String::new());
    for line in text.split_inclusive('\n') {
        let content = line.trim_end();
        let begun = !blocks.is_empty() || !block.is_empty();
        if content.starts_with('#') {
            if begun || OF_SEGMENTS.contains(&split(content).0) {
                block.push_str(line);
            }
        } else if !content.is_empty() {
            block.push_str(line);
            blocks.push(std::mem::take(&mut block));
        }
    }
    blocks
}
