//! A part: `styp`? `moof` `mdat`, in one allocation.

use bytes::{BufMut, Bytes, BytesMut};

use super::read::{self, Cursor};
use super::write::{boxed, brands, full};
use crate::journal::Sample;

/// The bytes of `styp`.
pub(crate) const STYP: usize = 24;
const TRUN_DATA_OFFSET: u32 = 0x1;
const TRUN_FIRST_FLAGS: u32 = 0x4;
const TRUN_DURATION: u32 = 0x100;
const TRUN_SIZE: u32 = 0x200;
const TRUN_FLAGS: u32 = 0x400;
const TRUN_OFFSET: u32 = 0x800;
/// Samples that one part may have; the packager makes far fewer.
pub(crate) const MAX_SAMPLES: u32 = 65_536;

/// `sample_flags`: depends on nothing, or depends on others and isn't a sync sample.
pub(crate) fn flags(key: bool) -> u32 {
    if key { 0x0200_0000 } else { 0x0101_0000 }
}

/// Writes a part. `sequence` is the part's number + 1 (`mfhd` counts from 1).
pub(crate) fn write(
    first: bool,
    sequence: u32,
    decode_time: u64,
    plain: bool,
    samples: &[(Sample, Bytes)],
) -> Bytes {
    let media: usize = samples.iter().map(|(_, data)| data.len()).sum();
    let mut out = BytesMut::with_capacity(STYP + 100 + 16 * samples.len() + 8 + media);
    if first {
        brands(&mut out, b"styp", b"cmfs", &[b"cmfs", b"msdh"]);
    }
    let start = out.len();
    let mut offset_at = 0;
    // Plain: every sample is a sync sample shown when decoded (`trex` says so).
    let plain = plain && samples.iter().all(|(s, _)| s.key && s.offset == 0);
    let fields = TRUN_DATA_OFFSET | TRUN_DURATION | TRUN_SIZE;
    let fields = if plain { fields } else { fields | TRUN_FLAGS | TRUN_OFFSET };
    boxed(&mut out, b"moof", |out| {
        full(out, b"mfhd", 0, 0, |out| out.put_u32(sequence));
        boxed(out, b"traf", |out| {
            // default-base-is-moof
            full(out, b"tfhd", 0, 0x02_0000, |out| out.put_u32(1));
            full(out, b"tfdt", 1, 0, |out| out.put_u64(decode_time));
            full(out, b"trun", 1, fields, |out| {
                out.put_u32(samples.len() as u32);
                offset_at = out.len();
                out.put_u32(0);
                for (sample, _) in samples {
                    out.put_u32(sample.duration);
                    out.put_u32(sample.size);
                    if !plain {
                        out.put_u32(flags(sample.key));
                        out.put_i32(sample.offset);
                    }
                }
            });
        });
    });
    let offset = (out.len() - start + 8) as u32;
    if let Some(field) = out.get_mut(offset_at..offset_at + 4) {
        field.copy_from_slice(&offset.to_be_bytes());
    }
    out.put_u32(u32::try_from(8 + media).unwrap_or(u32::MAX));
    out.put_slice(b"mdat");
    for (_, data) in samples {
        out.put_slice(data);
    }
    out.freeze()
}

/// The key frame that a segment begins with, alone, in a part of its own that lasts as long as the segment: what an I-frame
/// playlist names `k{MSN}.m4s`. `parts`: those of the segment, in order. `None` where it begins with none.
pub fn key_frame<'a>(parts: impl IntoIterator<Item = &'a Bytes>) -> Option<Bytes> {
    let mut found: Option<(Moof, Bytes)> = None;
    let mut ticks: u32 = 0;
    for part in parts {
        let mut at = 0;
        for one in read::boxes(part) {
            at += one.whole.len();
            if &one.kind != b"moof" {
                continue;
            }
            let moof = read(one.body, false)?;
            ticks = moof.samples.iter().fold(ticks, |sum, sample| sum.saturating_add(sample.duration));
            if found.is_none() {
                let size = moof.samples.first().filter(|sample| sample.key)?.size as usize;
                found = Some((moof, part.slice(at..).get(8..8 + size).map(Bytes::copy_from_slice)?));
            }
        }
    }
    let (moof, data) = found?;
    Some(key_part(moof.sequence, moof.decode_time, *moof.samples.first()?, ticks, data))
}

/// The same of what is known of it already.
pub fn key_part(sequence: u32, decode_time: u64, key: Sample, ticks: u32, data: Bytes) -> Bytes {
    write(true, sequence, decode_time, false, &[(Sample { duration: ticks, ..key }, data)])
}

/// Gives a `moof` of ours another number and track, and takes `zero` off its decode time. One of another shape stays.
pub(crate) fn readdress(moof: &mut [u8], sequence: u32, track: u32, zero: u64) {
    // moof(8) mfhd(16) traf(8) tfhd(16) tfdt(20): what `write` writes.
    let kind = |moof: &[u8], at: usize, kind: &[u8; 4]| moof.get(at..at + 4) == Some(kind);
    let ours = kind(moof, 12, b"mfhd") && kind(moof, 28, b"traf") && kind(moof, 36, b"tfhd");
    let (Some(time), true) = (moof.get(60..68), ours && kind(moof, 52, b"tfdt")) else { return };
    let time = time.try_into().map_or(0, u64::from_be_bytes).saturating_sub(zero);
    moof[20..24].copy_from_slice(&sequence.to_be_bytes());
    moof[44..48].copy_from_slice(&track.to_be_bytes());
    moof[60..68].copy_from_slice(&time.to_be_bytes());
}

/// What a `moof` of ours says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Moof {
    pub(crate) sequence: u32,
    pub(crate) decode_time: u64,
    pub(crate) samples: Vec<Sample>,
}

/// Reads the body of a `moof` with one `traf` and one `trun`. `key`: the `trex` default.
pub(crate) fn read(moof: &[u8], key: bool) -> Option<Moof> {
    let mut mfhd = Cursor(read::path(moof, &[b"mfhd"])?);
    mfhd.skip(4)?;
    let sequence = mfhd.u32()?;
    let traf = read::path(moof, &[b"traf"])?;
    let mut tfdt = Cursor(read::path(traf, &[b"tfdt"])?);
    let decode_time = if tfdt.u32()? >> 24 == 1 { tfdt.u64()? } else { u64::from(tfdt.u32()?) };
    let mut trun = Cursor(read::path(traf, &[b"trun"])?);
    let fields = trun.u32()? & 0xff_ffff;
    let required = TRUN_DATA_OFFSET | TRUN_DURATION | TRUN_SIZE;
    let known = required | TRUN_FLAGS | TRUN_OFFSET;
    if fields & required != required || fields & !known != 0 || fields & TRUN_FIRST_FLAGS != 0 {
        return None;
    }
    let count = trun.u32().filter(|&n| n > 0 && n <= MAX_SAMPLES)?;
    trun.skip(4)?;
    let each =
        8 + if fields & TRUN_FLAGS != 0 { 4 } else { 0 } + if fields & TRUN_OFFSET != 0 { 4 } else { 0 };
    if trun.0.len() != count as usize * each {
        return None;
    }
    let mut samples = Vec::with_capacity(count as usize);
    for _ in 0..count {
        let (duration, size) = (trun.u32()?, trun.u32()?);
        let key = if fields & TRUN_FLAGS != 0 { trun.u32()? & 0x1_0000 == 0 } else { key };
        let offset = if fields & TRUN_OFFSET != 0 { trun.u32()? as i32 } else { 0 };
        samples.push(Sample { size, duration, offset, key });
    }
    Some(Moof { sequence, decode_time, samples })
}
