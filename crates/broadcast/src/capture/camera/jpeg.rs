//! Where a JPEG ends in a buffer that is longer.
//!
//! What follows may be the end of an older, longer picture, so the last end mark is not the one.
//! Source: ITU-T T.81 annex B.

/// The length of the JPEG that `data` begins with, to its end mark. `None` where there is none.
pub(super) fn length(data: &[u8]) -> Option<usize> {
    let mut at = 2;
    if data.get(..2)? != [0xFF, 0xD8] {
        return None;
    }
    loop {
        // Between a segment and the next mark lie coded data, in which FF is followed by 00 or a restart mark (D0-D7).
        let mark = loop {
            match data.get(at..at + 2)? {
                [0xFF, 0x00 | 0xD0..=0xD7] => at += 2,
                [0xFF, 0xFF] => at += 1,
                [0xFF, mark] => break *mark,
                _ => at += 1,
            }
        };
        if mark == 0xD9 {
            return Some(at + 2);
        }
        let [high, low] = data.get(at + 2..at + 4)?.try_into().ok()?;
        at += 2 + usize::from(u16::from_be_bytes([high, low]));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends() {
        let plain = [0xFF, 0xD8, 0xFF, 0xDA, 0, 3, 9, 1, 2, 0xFF, 0, 0xFF, 0xD3, 5, 0xFF, 0xD9];
        let thumbnail = [0xFF, 0xD8, 0xFF, 0xE1, 0, 4, 0xFF, 0xD9, 0xFF, 0xDA, 0, 2, 7, 0xFF, 0xD9];
        let cases: [(&[u8], Option<usize>); 6] = [
            (&plain, Some(16)),
            (&thumbnail, Some(15)),
            (&plain[..15], None),
            (&thumbnail[..9], None),
            (b"", None),
            (b"RIFF....", None),
        ];
        for (data, expect) in cases {
            assert_eq!(length(data), expect, "{data:x?}");
            let mut longer = data.to_vec();
            longer.extend([0, 0, 0xFF, 0xD9]);
            if expect.is_some() {
                assert_eq!(length(&longer), expect);
            }
        }
    }
}
