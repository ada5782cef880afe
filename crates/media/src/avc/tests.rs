use super::*;

/// libx264 164, High 1280x720 at 30 fps, as FFmpeg 5.1 wrote it.
pub(super) const X264: &str =
    "0164001fffe1001a6764001facd9405005bb0110000003001000000303c0f183196001000668ebe3cb22c0fdf8f800";

pub(super) fn bytes(hex: &str) -> Bytes {
    (0..hex.len()).step_by(2).map(|i| u8::from_str_radix(&hex[i..i + 2], 16).unwrap()).collect()
}

#[test]
fn reads_a_real_record() {
    let record = bytes(X264);
    let (config, lengths) = Config::parse(&record).unwrap();
    assert_eq!((config.width, config.height), (1280, 720));
    assert_eq!(config.frame_rate, Some(Rational { num: 30, den: 1 }));
    assert_eq!(config.rfc6381(), "avc1.64001f");
    assert_eq!(lengths, LengthSize::Four);
    assert_eq!(config.record, record);
}

#[test]
fn makes_the_record_that_it_reads() {
    let record = bytes(X264);
    let (sps, pps) = (&record[8..34], &record[37..43]);
    let made = Config::of_parameter_sets(sps, pps).unwrap();
    assert_eq!(made.record, record);
    assert_eq!(Config::of_parameter_sets(&sps[..2], pps), Err(Error::Truncated("SPS")));
    assert_eq!(Config::of_parameter_sets(&[], pps), Err(Error::Missing("SPS")));
}

#[test]
fn refuses_what_is_cut_or_wrong() {
    let whole = bytes(X264);
    for end in 0..whole.len() - 4 {
        assert!(Config::parse(&whole.slice(..end)).is_err(), "cut at {end}");
    }
    let changed = |at: usize, to: u8| {
        let mut b = whole.to_vec();
        b[at] = to;
        Config::parse(&b.into())
    };
    assert_eq!(changed(0, 2), Err(Error::Version(2)));
    assert_eq!(changed(4, 0xfe), Err(Error::LengthSize));
    assert_eq!(changed(5, 0xe0), Err(Error::Missing("SPS")));
    assert_eq!(Config::parse(&vec![1; MAX_RECORD + 1].into()), Err(Error::TooLong(MAX_RECORD + 1)));
    // At the limit its length is no longer the fault.
    assert_ne!(Config::parse(&vec![1; MAX_RECORD].into()), Err(Error::TooLong(MAX_RECORD)));
}

#[test]
fn any_bytes_give_an_answer() {
    let whole = bytes(X264);
    let mut seed = 1u64;
    for _ in 0..20_000 {
        let mut b = whole.to_vec();
        for _ in 0..3 {
            seed = seed.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            let at = (seed >> 33) as usize % b.len();
            b[at] = (seed >> 24) as u8;
        }
        let _ = Config::parse(&b.into());
    }
}

#[test]
fn walks_nal_units() {
    let table: [(&[u8], LengthSize, Result<bool, Error>); 7] = [
        (&[], LengthSize::Four, Ok(false)),
        (&[0, 0, 0, 1, 0x65], LengthSize::Four, Ok(true)),
        (&[0, 0, 0, 1, 0x09, 0, 0, 0, 2, 0x41, 0], LengthSize::Four, Ok(false)),
        (&[1, 0x09, 1, 0x65], LengthSize::One, Ok(true)),
        (&[0, 1, 0x65], LengthSize::Two, Ok(true)),
        (&[0, 0, 0], LengthSize::Four, Err(Error::Truncated("NAL length"))),
        (&[0, 0, 0, 2, 0x65], LengthSize::Four, Err(Error::Nal(2, 1))),
    ];
    for (data, size, expected) in table {
        assert_eq!(has_idr(data, size), expected, "{data:?}");
    }
}

#[test]
fn finds_captions() {
    let cc = [6, 4, 11, 0xb5, 0, 0x31, b'G', b'A', b'9', b'4', 3, 0xc1, 0xff, 0x80];
    let unit = |nal: &[u8]| [&[2, 0x09, 0x10, nal.len() as u8], nal].concat();
    assert!(has_captions(&unit(&cc), LengthSize::One));
    // Other user data; the same bytes in a slice; a wrong length.
    assert!(!has_captions(&unit(&[6, 5, 4, b'x', b'2', b'6', b'4']), LengthSize::One));
    assert!(!has_captions(&unit(&[&[0x65], &cc[1..]].concat()), LengthSize::One));
    assert!(!has_captions(&[9, 6, 4], LengthSize::One));
}

#[test]
fn widens_short_lengths() {
    let narrow = Bytes::from_static(&[1, 0x09, 2, 0x65, 7]);
    assert_eq!(widen(&narrow, LengthSize::One).unwrap()[..], [0, 0, 0, 1, 0x09, 0, 0, 0, 2, 0x65, 7]);
    assert_eq!(widen(&Bytes::from_static(&[0, 1, 9]), LengthSize::Two).unwrap()[..], [0, 0, 0, 1, 9]);
}
