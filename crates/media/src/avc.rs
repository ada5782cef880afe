//! H.264 as it travels in FLV and MP4: `avcC` records, length-prefixed NAL units, what the SPS says.
//!
//! Source: ISO/IEC 14496-10 (syntax), ISO/IEC 14496-15 §5.3 (`AVCDecoderConfigurationRecord`).

use bytes::{BufMut, Bytes, BytesMut};
use h264_reader::nal::sps::SeqParameterSet;
use h264_reader::rbsp::{self, BitReader};

use crate::Rational;

mod inband;
#[cfg(test)]
mod tests;

/// Longest record taken: 31 SPS and 255 PPS fit many times over.
pub const MAX_RECORD: usize = 64 * 1024;
/// Largest picture taken, in either direction: level 6.2 ends at 8192x4320.
pub const MAX_SIDE: u32 = 8192;

/// An `avcC` record and what its first SPS says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// The AVCDecoderConfigurationRecord, as it goes into the `avcC` box; always with 4-byte NAL lengths.
    pub record: Bytes,
    /// Pixels across, after cropping.
    pub width: u32,
    /// Pixels down, after cropping.
    pub height: u32,
    /// `profile_idc`, constraint flags, `level_idc`.
    pub profile: [u8; 3],
    /// From the VUI, where the encoder gave one that is plausible (1 to 300 frames a second).
    pub frame_rate: Option<Rational>,
    /// Sample aspect ratio, 1:1 where not given.
    pub sample_aspect: Rational,
}

/// Why a record or a unit can't be taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The bytes end too early.
    #[error("{0} is cut short")]
    Truncated(&'static str),
    /// Over [`MAX_RECORD`].
    #[error("avcC record of {0} bytes (at most {MAX_RECORD} are taken)")]
    TooLong(usize),
    /// `configurationVersion` isn't 1.
    #[error("avcC version {0} (1 is the only one)")]
    Version(u8),
    /// NAL lengths of 3 bytes don't exist.
    #[error("NAL lengths of 3 bytes")]
    LengthSize,
    /// No SPS, or no PPS.
    #[error("no {0} in the avcC record")]
    Missing(&'static str),
    /// The SPS doesn't parse.
    #[error("SPS: {0}")]
    Sps(String),
    /// More parameter sets than a record can count: SPS, PPS.
    #[error("{0} SPS and {1} PPS (31 and 255 at most fit an avcC record)")]
    Sets(usize, usize),
    /// A side over [`MAX_SIDE`], or none.
    #[error("a picture of {0}x{1} (up to {MAX_SIDE}x{MAX_SIDE} is taken)")]
    Size(u32, u32),
    /// A NAL unit longer than what is left of its access unit.
    #[error("a NAL unit of {0} bytes where {1} are left")]
    Nal(usize, usize),
}

impl Config {
    /// Reads an `avcC` record. Where its NAL lengths are of 1 or 2 bytes, the record kept says 4, and units must go
    /// through [`widen`]: the second value is the size to widen from.
    pub fn parse(record: &Bytes) -> Result<(Self, LengthSize), Error> {
        if record.len() > MAX_RECORD {
            return Err(Error::TooLong(record.len()));
        }
        let [version, _, _, _, lengths, counts, ..] = record[..] else {
            return Err(Error::Truncated("avcC record"));
        };
        if version != 1 {
            return Err(Error::Version(version));
        }
        let lengths = LengthSize::new(lengths & 3)?;
        let mut rest = &record[6..];
        let sps = *sets(&mut rest, counts & 31)?.first().ok_or(Error::Missing("SPS"))?;
        let (&counts, mut rest) = rest.split_first().ok_or(Error::Truncated("avcC record"))?;
        sets(&mut rest, counts)?.first().ok_or(Error::Missing("PPS"))?;

        let record = match lengths {
            LengthSize::Four => record.clone(),
            LengthSize::One | LengthSize::Two => {
                let mut wide = BytesMut::from(&record[..]);
                wide[4] = 0xff;
                wide.freeze()
            }
        };
        Ok((Self::of_sps(record, sps)?, lengths))
    }

    /// Makes the record of an encoder's parameter sets, each without start code or length.
    pub fn of_parameter_sets(sps: &[u8], pps: &[u8]) -> Result<Self, Error> {
        let length = |set: &[u8], name| {
            u16::try_from(set.len()).map_err(|_| Error::TooLong(set.len())).and_then(|n| match n {
                0..=1 => Err(Error::Missing(name)),
                n => Ok(n),
            })
        };
        let (sps_len, pps_len) = (length(sps, "SPS")?, length(pps, "PPS")?);
        let [_, profile, flags, level, ..] = *sps else { return Err(Error::Truncated("SPS")) };
        let mut record = BytesMut::with_capacity(15 + sps.len() + pps.len());
        record.put_slice(&[1, profile, flags, level, 0xff, 0xe1]);
        record.put_u16(sps_len);
        record.put_slice(sps);
        record.put_u8(1);
        record.put_u16(pps_len);
        record.put_slice(pps);
        if has_chroma_fields(profile) {
            // 4:2:0, 8 bits, no SPS extension: all that our encoders make.
            record.put_slice(&[0xfd, 0xf8, 0xf8, 0]);
        }
        Self::of_sps(record.freeze(), sps)
    }

    fn of_sps(record: Bytes, nal: &[u8]) -> Result<Self, Error> {
        let [_, profile, flags, level, ..] = *nal else { return Err(Error::Truncated("SPS")) };
        let bits = rbsp::decode_nal(nal).map_err(|e| Error::Sps(e.to_string()))?;
        let sps = SeqParameterSet::from_bits(BitReader::new(&bits[..]))
            .map_err(|e| Error::Sps(format!("{e:?}")))?;
        let (width, height) = sps.pixel_dimensions().map_err(|e| Error::Sps(format!("{e:?}")))?;
        if !(1..=MAX_SIDE).contains(&width) || !(1..=MAX_SIDE).contains(&height) {
            return Err(Error::Size(width, height));
        }
        let vui = sps.vui_parameters.as_ref();
        let frame_rate = vui.and_then(|v| v.timing_info.as_ref()).and_then(|t| {
            // Two ticks a frame (ISO/IEC 14496-10 §E.2.1, num_units_in_tick).
            let rate = Rational { num: t.time_scale, den: t.num_units_in_tick.checked_mul(2)? };
            (rate.den > 0 && (1.0..=300.0).contains(&rate.as_f64())).then(|| rate.reduced())
        });
        let sample_aspect = vui
            .and_then(|v| v.aspect_ratio_info.as_ref()?.get())
            .map_or(Rational { num: 1, den: 1 }, |(w, h)| Rational { num: w.into(), den: h.into() });
        Ok(Self { record, width, height, profile: [profile, flags, level], frame_rate, sample_aspect })
    }

    /// `avc1.PPCCLL`.
    pub fn rfc6381(&self) -> String {
        let [p, c, l] = self.profile;
        format!("avc1.{p:02x}{c:02x}{l:02x}")
    }
}

/// Whether an `avcC` of this profile ends with chroma format and bit depths (ISO/IEC 14496-15 §5.3.3.1.2).
fn has_chroma_fields(profile: u8) -> bool {
    matches!(profile, 100 | 110 | 122 | 144)
}

/// Takes `count` parameter sets.
fn sets<'a>(rest: &mut &'a [u8], count: u8) -> Result<Vec<&'a [u8]>, Error> {
    let mut found = Vec::new();
    for _ in 0..count {
        let (len, tail) = rest.split_first_chunk::<2>().ok_or(Error::Truncated("parameter set"))?;
        let len = usize::from(u16::from_be_bytes(*len));
        let (set, tail) = tail.split_at_checked(len).ok_or(Error::Truncated("parameter set"))?;
        found.push(set);
        *rest = tail;
    }
    Ok(found)
}

/// Bytes before each NAL unit that hold its length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LengthSize {
    /// 1 byte.
    One,
    /// 2 bytes.
    Two,
    /// 4 bytes: what everybody uses, and the only one past the demuxer.
    Four,
}

impl LengthSize {
    fn new(minus_one: u8) -> Result<Self, Error> {
        match minus_one {
            0 => Ok(Self::One),
            1 => Ok(Self::Two),
            3 => Ok(Self::Four),
            _ => Err(Error::LengthSize),
        }
    }

    fn bytes(self) -> usize {
        match self {
            Self::One => 1,
            Self::Two => 2,
            Self::Four => 4,
        }
    }
}

/// The NAL units of an access unit, each without its length.
pub fn nals(data: &[u8], size: LengthSize) -> impl Iterator<Item = Result<&[u8], Error>> {
    let mut rest = data;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let Some((len, tail)) = rest.split_at_checked(size.bytes()) else {
            rest = &[];
            return Some(Err(Error::Truncated("NAL length")));
        };
        let len = len.iter().fold(0usize, |n, &b| (n << 8) | usize::from(b));
        let Some((nal, tail)) = tail.split_at_checked(len) else {
            let left = tail.len();
            rest = &[];
            return Some(Err(Error::Nal(len, left)));
        };
        rest = tail;
        Some(Ok(nal))
    })
}

/// The type of a NAL unit: 5 is a slice of an IDR picture (ISO/IEC 14496-10 table 7-1).
pub fn nal_type(nal: &[u8]) -> Option<u8> {
    nal.first().map(|b| b & 0x1f)
}

/// Checks every length of an access unit and says whether it holds an IDR slice.
pub fn has_idr(data: &[u8], size: LengthSize) -> Result<bool, Error> {
    let mut idr = false;
    for nal in nals(data, size) {
        idr |= nal_type(nal?) == Some(5);
    }
    Ok(idr)
}

/// Whether an access unit carries captions: ATSC A/53 `cc_data` in user data registered by ITU-T T.35.
pub fn has_captions(data: &[u8], size: LengthSize) -> bool {
    const CC_DATA: [u8; 8] = [0xb5, 0x00, 0x31, b'G', b'A', b'9', b'4', 0x03];
    nals(data, size)
        .map_while(Result::ok)
        .filter(|nal| nal_type(nal) == Some(6))
        .any(|sei| sei.windows(CC_DATA.len()).any(|at| at == CC_DATA))
}

/// The same access unit with 4-byte NAL lengths; shares the bytes where they are so already.
pub fn widen(data: &Bytes, size: LengthSize) -> Result<Bytes, Error> {
    if size == LengthSize::Four {
        return Ok(data.clone());
    }
    let mut wide = BytesMut::with_capacity(data.len() + 64);
    for nal in nals(data, size) {
        let nal = nal?;
        wide.put_u32(u32::try_from(nal.len()).map_err(|_| Error::TooLong(nal.len()))?);
        wide.put_slice(nal);
    }
    Ok(wide.freeze())
}
