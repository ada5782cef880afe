//! The `Range` header of one resource of known length (RFC 9110 §14): one byte range, or the whole.

use std::ops::Range;

use axum::http::HeaderMap;
use axum::http::header::RANGE;

/// What a request wants of a resource.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    /// No range, or one that may be ignored (another unit, several ranges, not understood).
    Whole,
    /// 206.
    Part(Range<u64>),
    /// 416.
    Beyond,
}

/// Reads the header against a length in bytes.
pub(super) fn wanted(headers: &HeaderMap, length: u64) -> Wanted {
    let Some(header) = headers.get(RANGE) else { return Wanted::Whole };
    header.to_str().ok().and_then(|text| parse(text, length)).unwrap_or(Wanted::Whole)
}

fn parse(text: &str, length: u64) -> Option<Wanted> {
    let spec = text.trim().strip_prefix("bytes=")?.trim();
    if spec.contains(',') {
        return None;
    }
    let (from, to) = spec.split_once('-')?;
    if from.is_empty() {
        let suffix: u64 = to.parse().ok()?;
        if suffix == 0 || length == 0 {
            return Some(Wanted::Beyond);
        }
        return Some(Wanted::Part(length.saturating_sub(suffix)..length));
    }
    let from: u64 = from.parse().ok()?;
    let to = match to {
        "" => u64::MAX,
        to => to.parse().ok()?,
    };
    if to < from {
        return None;
    }
    if from >= length {
        return Some(Wanted::Beyond);
    }
    Some(Wanted::Part(from..to.saturating_add(1).min(length)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_of_a_hundred_bytes() {
        let cases = [
            ("bytes=0-", Some(Wanted::Part(0..100))),
            ("bytes=0-0", Some(Wanted::Part(0..1))),
            ("bytes=10-19", Some(Wanted::Part(10..20))),
            ("bytes=10-1000", Some(Wanted::Part(10..100))),
            ("bytes=99-", Some(Wanted::Part(99..100))),
            ("bytes=-5", Some(Wanted::Part(95..100))),
            ("bytes=-500", Some(Wanted::Part(0..100))),
            ("bytes=100-", Some(Wanted::Beyond)),
            ("bytes=-0", Some(Wanted::Beyond)),
            ("bytes=5-4", None),
            ("bytes=0-1,3-4", None),
            ("bytes=a-b", None),
            ("items=0-1", None),
            ("bytes=-", None),
        ];
        for (text, expect) in cases {
            assert_eq!(parse(text, 100), expect, "{text}");
        }
        assert_eq!(parse("bytes=-5", 0), Some(Wanted::Beyond));
        assert_eq!(wanted(&HeaderMap::new(), 7), Wanted::Whole);
    }
}
