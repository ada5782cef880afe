//! `moof` and `mdat`: the samples of a part or a segment.

use std::hash::{DefaultHasher, Hash, Hasher};

use super::init::Defaults;
use super::{Atom, Error, Init, MAX_SAMPLES, find};

/// One `traf`: the samples of one track.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fragment {
    /// `track_ID`.
    pub track: u32,
    /// `tfdt`: the decode time of the first sample, in ticks of the track.
    pub start: u64,
    /// In decode order.
    pub samples: Vec<Sample>,
}

/// A sample; two are the same when all of this is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sample {
    /// Ticks.
    pub duration: u32,
    /// Bytes.
    pub size: u32,
    /// Composition offset, ticks.
    pub offset: i32,
    /// `sample_is_non_sync_sample` is 0: a key frame.
    pub sync: bool,
    /// Of its bytes.
    pub hash: u64,
}

impl Fragment {
    /// Ticks from the first sample's decode time to the end of the last.
    pub fn duration(&self) -> u64 {
        self.samples.iter().map(|s| u64::from(s.duration)).sum()
    }

    /// The decode time after the last sample.
    pub fn end(&self) -> u64 {
        self.start.saturating_add(self.duration())
    }
}

/// All fragments of a resource, in order.
pub fn fragments(bytes: &[u8], init: &Init) -> Result<Vec<Fragment>, Error> {
    let (mut out, mut count) = (Vec::new(), 0);
    for moof in super::boxes(bytes, 0)?.iter().filter(|b| b.kind == *b"moof") {
        for traf in moof.children()?.iter().filter(|b| b.kind == *b"traf") {
            out.push(track_fragment(bytes, moof.at, traf, init, &mut count)?);
        }
    }
    if out.is_empty() {
        return Err(Error::Missing("moof"));
    }
    Ok(out)
}

fn track_fragment(
    bytes: &[u8],
    moof: usize,
    traf: &Atom<'_>,
    init: &Init,
    count: &mut usize,
) -> Result<Fragment, Error> {
    let children = traf.children()?;
    let (_, flags, mut tfhd) = find(&children, b"tfhd").ok_or(Error::Missing("tfhd"))?.full()?;
    let track = tfhd.u32()?;
    let mut defaults = init.tracks.iter().find(|t| t.id == track).map(|t| t.defaults).unwrap_or_default();
    let mut base = moof as u64;
    if flags & 0x01 != 0 {
        base = tfhd.u64()?;
    }
    if flags & 0x02 != 0 {
        tfhd.skip(4)?;
    }
    for (bit, field) in
        [(0x08, &mut defaults.duration), (0x10, &mut defaults.size), (0x20, &mut defaults.flags)]
    {
        if flags & bit != 0 {
            *field = tfhd.u32()?;
        }
    }
    let (version, _, mut tfdt) = find(&children, b"tfdt").ok_or(Error::Missing("tfdt"))?.full()?;
    let start = if version == 1 { tfdt.u64()? } else { u64::from(tfdt.u32()?) };
    let mut out = Fragment { track, start, samples: Vec::new() };
    let mut next = None;
    for trun in children.iter().filter(|b| b.kind == *b"trun") {
        next = Some(run(bytes, trun, base, next, defaults, &mut out, count).map_err(|e| match e {
            Error::Outside { index, .. } => Error::Outside { at: moof, index },
            e => e,
        })?);
    }
    start.checked_add(out.duration()).ok_or(Error::Time("a decode time past 64 bits"))?;
    Ok(out)
}

/// One `trun`; where its data ends.
fn run(
    bytes: &[u8],
    trun: &Atom<'_>,
    base: u64,
    follows: Option<u64>,
    defaults: Defaults,
    out: &mut Fragment,
    count: &mut usize,
) -> Result<u64, Error> {
    let (version, flags, mut fields) = trun.full()?;
    let samples = fields.u32()? as usize;
    *count = count.saturating_add(samples);
    if *count > MAX_SAMPLES {
        return Err(Error::Samples);
    }
    let mut at = follows.unwrap_or(base);
    if flags & 0x01 != 0 {
        let offset = fields.u32()? as i32;
        at = base.checked_add_signed(i64::from(offset)).ok_or(Error::Outside { at: 0, index: 0 })?;
    }
    let first_flags = if flags & 0x04 != 0 { Some(fields.u32()?) } else { None };
    for index in 0..samples {
        let mut field = |bit: u32, default: u32| if flags & bit != 0 { fields.u32() } else { Ok(default) };
        let duration = field(0x100, defaults.duration)?;
        let size = field(0x200, defaults.size)?;
        let own = field(0x400, first_flags.filter(|_| index == 0).unwrap_or(defaults.flags))?;
        let offset = field(0x800, 0)?;
        // Version 0 counts offsets without a sign; none is that long.
        let offset = if version == 0 { i32::try_from(offset).unwrap_or(i32::MAX) } else { offset as i32 };
        let end = at.checked_add(u64::from(size)).ok_or(Error::Outside { at: 0, index })?;
        let range = usize::try_from(at).ok().zip(usize::try_from(end).ok());
        let data = range.and_then(|(a, b)| bytes.get(a..b)).ok_or(Error::Outside { at: 0, index })?;
        let mut hasher = DefaultHasher::new();
        data.hash(&mut hasher);
        let sync = own & 0x0001_0000 == 0;
        out.samples.push(Sample { duration, size, offset, sync, hash: hasher.finish() });
        at = end;
    }
    Ok(at)
}
