//! Parameter sets that come with the pictures (ISO/IEC 14496-10 §7.4.1.2.1): some encoders change theirs there, and send no new
//! record.

use bytes::{BufMut, BytesMut};
use h264_reader::nal::sps::{ChromaFormat, SeqParameterSet};
use h264_reader::rbsp::{self, BitRead, BitReader};

use super::{Config, Error, LengthSize, MAX_RECORD, has_chroma_fields, nal_type, nals, sets};

const SPS: u8 = 7;
const PPS: u8 = 8;
/// What an `avcC` record can count (ISO/IEC 14496-15 §5.3.3.1.2).
const MAX_SPS: usize = 31;
const MAX_PPS: usize = 255;

/// SPS or PPS, each without start code or length.
type Sets<'a> = Vec<&'a [u8]>;

impl Config {
    /// The configuration under which this picture is to be read, where it brings parameter sets of its own that aren't this
    /// one's: its own, then those of this one with other ids. `None` where it brings none, or the same.
    ///
    /// # Errors
    /// They don't parse, or there are more than a record can hold.
    pub fn changed_by(&self, picture: &[u8], size: LengthSize) -> Result<Option<Self>, Error> {
        let brought = |kind| {
            nals(picture, size).map_while(Result::ok).filter(move |nal| nal_type(nal) == Some(kind)).collect()
        };
        let (sps, pps): (Sets<'_>, Sets<'_>) = (brought(SPS), brought(PPS));
        if sps.is_empty() && pps.is_empty() {
            return Ok(None);
        }
        let (old_sps, old_pps) = self.parameter_sets()?;
        if sps.iter().all(|set| old_sps.contains(set)) && pps.iter().all(|set| old_pps.contains(set)) {
            return Ok(None);
        }
        of_sets(&replaced(old_sps, sps), &replaced(old_pps, pps)).map(Some)
    }

    fn parameter_sets(&self) -> Result<(Sets<'_>, Sets<'_>), Error> {
        let [_, _, _, _, _, count, ref rest @ ..] = self.record[..] else {
            return Err(Error::Truncated("avcC record"));
        };
        let mut rest = rest;
        let sps = sets(&mut rest, count & 31)?;
        let (&count, mut rest) = rest.split_first().ok_or(Error::Truncated("avcC record"))?;
        Ok((sps, sets(&mut rest, count)?))
    }
}

/// The new sets, each id once, as it came last; then the old ones that they leave alone.
fn replaced<'a>(old: Sets<'a>, new: Sets<'a>) -> Sets<'a> {
    let mut kept: Vec<(Option<u32>, &[u8])> = Vec::new();
    for set in new.into_iter().rev().chain(old) {
        let id = id(set);
        if !kept.iter().any(|(known, _)| *known == id) {
            kept.push((id, set));
        }
    }
    kept.into_iter().map(|(_, set)| set).collect()
}

/// `seq_parameter_set_id`, after profile and level, or `pic_parameter_set_id`.
fn id(set: &[u8]) -> Option<u32> {
    let skipped = if nal_type(set)? == SPS { 3 } else { 0 };
    // Panics where there is not even a header, which a record may list.
    let bits = rbsp::decode_nal(set).ok()?;
    BitReader::new(bits.get(skipped..)?).read_ue("id").ok()
}

fn of_sets(sps: &[&[u8]], pps: &[&[u8]]) -> Result<Config, Error> {
    if sps.len() > MAX_SPS || pps.len() > MAX_PPS {
        return Err(Error::Sets(sps.len(), pps.len()));
    }
    let first = *sps.first().ok_or(Error::Missing("SPS"))?;
    let [_, profile, flags, level, ..] = *first else { return Err(Error::Truncated("SPS")) };
    let mut record = BytesMut::new();
    record.put_slice(&[1, profile, flags, level, 0xff, 0xe0 | sps.len() as u8]);
    put(&mut record, sps)?;
    record.put_u8(pps.len() as u8);
    put(&mut record, pps)?;
    let whole = record.len() + if has_chroma_fields(profile) { 4 } else { 0 };
    if whole > MAX_RECORD {
        return Err(Error::TooLong(whole));
    }
    if has_chroma_fields(profile) {
        record.put_slice(&chroma(first)?);
    }
    Config::of_sps(record.freeze(), first)
}

fn put(record: &mut BytesMut, sets: &[&[u8]]) -> Result<(), Error> {
    for set in sets {
        record.put_u16(u16::try_from(set.len()).map_err(|_| Error::TooLong(set.len()))?);
        record.put_slice(set);
    }
    Ok(())
}

/// Chroma format and bit depths, and no SPS extension.
fn chroma(sps: &[u8]) -> Result<[u8; 4], Error> {
    let bits = rbsp::decode_nal(sps).map_err(|e| Error::Sps(e.to_string()))?;
    let sps =
        SeqParameterSet::from_bits(BitReader::new(&bits[..])).map_err(|e| Error::Sps(format!("{e:?}")))?;
    let format = match sps.chroma_info.chroma_format {
        ChromaFormat::Monochrome => 0,
        ChromaFormat::YUV420 => 1,
        ChromaFormat::YUV422 => 2,
        ChromaFormat::YUV444 => 3,
        ChromaFormat::Invalid(n) => return Err(Error::Sps(format!("chroma format {n}"))),
    };
    let (luma, chroma) = (sps.chroma_info.bit_depth_luma_minus8, sps.chroma_info.bit_depth_chroma_minus8);
    Ok([0xfc | format, 0xf8 | luma & 7, 0xf8 | chroma & 7, 0])
}

#[cfg(test)]
mod tests {
    use super::super::tests::{X264, bytes};
    use super::*;

    fn unit(nals: &[&[u8]]) -> Vec<u8> {
        nals.iter().flat_map(|nal| [&(nal.len() as u32).to_be_bytes()[..], nal].concat()).collect()
    }

    /// libx264 164, High 640x360 at 30 fps.
    const SMALL: &str = "6764001eacd940a02ff970110000030001000003003c0f162d96";

    #[test]
    fn sets_that_are_known_change_nothing() {
        let record = bytes(X264);
        let (config, size) = Config::parse(&record).unwrap();
        let (sps, pps) = config.parameter_sets().unwrap();
        for picture in [
            unit(&[&[0x65, 1]]),
            unit(&[sps[0], pps[0], &[0x65, 1]]),
            unit(&[&[9, 0x10], pps[0], &[0x65, 1]]),
            Vec::new(),
        ] {
            assert_eq!(config.changed_by(&picture, size), Ok(None), "{picture:02x?}");
        }
    }

    #[test]
    fn another_size_is_told_by_its_own_record() {
        let record = bytes(X264);
        let (config, size) = Config::parse(&record).unwrap();
        let (_, pps) = config.parameter_sets().unwrap();
        let small = bytes(SMALL);
        let changed = config.changed_by(&unit(&[&small, pps[0], &[0x65, 1]]), size).unwrap().unwrap();
        assert_eq!((changed.width, changed.height), (640, 360));
        assert_eq!(changed.rfc6381(), "avc1.64001e");
        assert_eq!(Config::parse(&changed.record), Ok((changed.clone(), LengthSize::Four)));
        assert_eq!(changed.parameter_sets(), Ok((vec![&small[..]], pps.clone())));
        // The same again, and one that repeats the picture's parameters alone.
        assert_eq!(changed.changed_by(&unit(&[&small, &[0x65, 1]]), size), Ok(None));
        assert_eq!(changed.record.slice(changed.record.len() - 4..), record.slice(record.len() - 4..));
    }

    #[test]
    fn a_set_replaces_the_one_with_its_id() {
        let record = bytes(X264);
        let (config, size) = Config::parse(&record).unwrap();
        let (sps, pps) = config.parameter_sets().unwrap();
        // pic_parameter_set_id 0 and 1: `1…` and `010…`.
        let (same, other) = ([0x68, 0xea, 0xe3], [0x68, 0x5a, 0xe3]);
        let changed = config.changed_by(&unit(&[&same, &[0x65, 1]]), size).unwrap().unwrap();
        assert_eq!(changed.parameter_sets(), Ok((sps.clone(), vec![&same[..]])));
        let changed = config.changed_by(&unit(&[&other, &[0x65, 1]]), size).unwrap().unwrap();
        assert_eq!(changed.parameter_sets(), Ok((sps.clone(), vec![&other[..], pps[0]])));
        // A set of no bytes has no id.
        let holey = of_sets(&sps, &[&[]]).unwrap();
        let changed = holey.changed_by(&unit(&[&same, &[0x65, 1]]), size).unwrap().unwrap();
        assert_eq!(changed.parameter_sets(), Ok((sps, vec![&same[..], &[]])));
    }

    #[test]
    fn a_record_holds_so_many_and_no_more() {
        let record = bytes(X264);
        let (config, _) = Config::parse(&record).unwrap();
        let (sps, pps) = config.parameter_sets().unwrap();
        assert!(of_sets(&vec![sps[0]; MAX_SPS], &vec![pps[0]; MAX_PPS]).is_ok());
        assert_eq!(of_sets(&vec![sps[0]; MAX_SPS + 1], &pps), Err(Error::Sets(MAX_SPS + 1, 1)));
        assert_eq!(of_sets(&sps, &vec![pps[0]; MAX_PPS + 1]), Err(Error::Sets(1, MAX_PPS + 1)));
        // 6 bytes of head, three lengths, the SPS, a count, chroma.
        let room = MAX_RECORD - 6 - 3 * 2 - sps[0].len() - 1 - 4;
        let (one, other) = (vec![0x68; room / 2], vec![0x68; room - room / 2]);
        assert_eq!(of_sets(&sps, &[&one, &other]).unwrap().record.len(), MAX_RECORD);
        let beyond = [&other[..], &[0x68]].concat();
        assert_eq!(of_sets(&sps, &[&one, &beyond]), Err(Error::TooLong(MAX_RECORD + 1)));
        assert_eq!(
            config.changed_by(&unit(&[&[0x67, 0x64]]), LengthSize::Four),
            Err(Error::Truncated("SPS"))
        );
    }
}
