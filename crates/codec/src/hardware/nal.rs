//! NAL units as encoders give them, in ours: each after its 4-byte length, without parameter sets and delimiters.

use bytes::{BufMut, Bytes, BytesMut};

const IDR: u8 = 5;
const SPS: u8 = 7;
const PPS: u8 = 8;
const DELIMITER: u8 = 9;

fn kind(nal: &[u8]) -> u8 {
    nal.first().map_or(0, |first| first & 0x1f)
}

/// ITU-T H.264 Annex B: units behind start codes of three or four bytes.
fn behind_start_codes(data: &[u8]) -> Vec<&[u8]> {
    let starts: Vec<usize> =
        (0..data.len().saturating_sub(2)).filter(|at| data[*at..*at + 3] == [0, 0, 1]).collect();
    let ends = starts.iter().skip(1).copied().chain([data.len()]);
    let unit = |(start, end): (&usize, usize)| {
        let unit = &data[start + 3..end];
        // The zero of the next start code, and trailing ones.
        let len = unit.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
        &unit[..if end == data.len() { unit.len() } else { len }]
    };
    starts.iter().zip(ends).map(unit).filter(|unit| !unit.is_empty()).collect()
}

/// Units behind 4-byte lengths; what is torn is left out.
fn behind_lengths(mut data: &[u8]) -> Vec<&[u8]> {
    let mut units = Vec::new();
    while let Some((length, rest)) = data.split_first_chunk::<4>() {
        let length = u32::from_be_bytes(*length) as usize;
        let Some(unit) = rest.get(..length) else { break };
        units.push(unit);
        data = &rest[length..];
    }
    units
}

/// The first SPS and PPS of an encoder's extradata: Annex B, or an `avcC` record.
pub(super) fn headers(extradata: &[u8]) -> Option<(Vec<u8>, Vec<u8>)> {
    if extradata.first() == Some(&1) {
        let (sps, rest) = sized16(extradata.get(6..)?)?;
        let (pps, _) = sized16(rest.get(1..)?)?;
        return Some((sps.to_vec(), pps.to_vec()));
    }
    let units = behind_start_codes(extradata);
    let first = |wanted: u8| units.iter().find(|unit| kind(unit) == wanted).map(|unit| unit.to_vec());
    first(SPS).zip(first(PPS))
}

/// An element behind its 2-byte length, and what follows.
fn sized16(data: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = data.split_first_chunk::<2>()?;
    rest.split_at_checked(u16::from_be_bytes(*length).into())
}

/// An access unit. `sized`: its units stand behind their lengths already.
pub(super) fn sized(data: &[u8], sized: bool) -> Bytes {
    let units = if sized { behind_lengths(data) } else { behind_start_codes(data) };
    let mut out = BytesMut::with_capacity(data.len() + 16);
    for unit in units.into_iter().filter(|unit| ![SPS, PPS, DELIMITER].contains(&kind(unit))) {
        out.put_u32(u32::try_from(unit.len()).unwrap_or(u32::MAX));
        out.put_slice(unit);
    }
    out.freeze()
}

/// Decoding can start there.
pub(super) fn has_idr(data: &[u8], sized: bool) -> bool {
    let units = if sized { behind_lengths(data) } else { behind_start_codes(data) };
    units.iter().any(|unit| kind(unit) == IDR)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_of_either_form_in_ours() {
        let annex_b = [0, 0, 0, 1, 9, 0x10, 0, 0, 0, 1, 0x67, 1, 2, 0, 0, 1, 0x68, 3, 0, 0, 1, 0x65, 4, 5, 0];
        let want: &[u8] = &[0, 0, 0, 4, 0x65, 4, 5, 0];
        assert_eq!(&sized(&annex_b, false)[..], want);
        assert!(has_idr(&annex_b, false));
        assert_eq!(headers(&annex_b), Some((vec![0x67, 1, 2], vec![0x68, 3])));
        let lengths = [0, 0, 0, 2, 9, 0x10, 0, 0, 0, 4, 0x65, 4, 5, 0];
        assert_eq!(&sized(&lengths, true)[..], want);
        assert!(has_idr(&lengths, true) && !has_idr(&[0, 0, 0, 1, 0x41], true));
        let record = [1, 0x64, 0, 0x1f, 0xff, 0xe1, 0, 2, 0x67, 1, 1, 0, 1, 0x68];
        assert_eq!(headers(&record), Some((vec![0x67, 1], vec![0x68])));
    }

    #[test]
    fn what_is_torn_is_left_out() {
        assert_eq!(&sized(&[0, 0, 0, 9, 0x65], true)[..], b"");
        assert_eq!(&sized(&[0x65, 1, 2], false)[..], b"");
        for torn in [&[][..], &[1], &[1, 0x64, 0, 0x1f, 0xff, 0xe1, 0, 9, 0x67], &[0, 0, 1, 0x67, 1]] {
            assert_eq!(headers(torn), None, "{torn:?}");
        }
    }
}
