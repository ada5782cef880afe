//! `ftyp` and `moov`: tracks, their timescales and codecs, the defaults for their fragments.

use super::{Atom, Error, Fields, MAX_TRACKS, find};

/// An initialisation segment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Init {
    /// In order.
    pub tracks: Vec<Track>,
}

/// One track of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Track {
    /// `track_ID`.
    pub id: u32,
    /// Ticks a second.
    pub timescale: u32,
    /// `vide`, `soun` …
    pub handler: String,
    /// The sample entry: `avc1`, `mp4a` …
    pub codec: String,
    /// Of a visual sample entry: width and height.
    pub size: Option<(u16, u16)>,
    pub(super) defaults: Defaults,
}

/// `trex`, or what a `tfhd` puts in its place.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Defaults {
    pub(super) duration: u32,
    pub(super) size: u32,
    pub(super) flags: u32,
}

/// Reads one.
pub fn init(bytes: &[u8]) -> Result<Init, Error> {
    let top = super::boxes(bytes, 0)?;
    let moov = find(&top, b"moov").ok_or(Error::Missing("moov"))?.children()?;
    let mut out = Init::default();
    for trak in moov.iter().filter(|b| b.kind == *b"trak") {
        if out.tracks.len() >= MAX_TRACKS {
            return Err(Error::Tracks);
        }
        out.tracks.push(track(trak)?);
    }
    if let Some(mvex) = find(&moov, b"mvex") {
        for trex in mvex.children()?.iter().filter(|b| b.kind == *b"trex") {
            let (_, _, mut fields) = trex.full()?;
            let id = fields.u32()?;
            fields.skip(4)?;
            let defaults = Defaults { duration: fields.u32()?, size: fields.u32()?, flags: fields.u32()? };
            out.tracks.iter_mut().filter(|t| t.id == id).for_each(|t| t.defaults = defaults);
        }
    }
    Ok(out)
}

fn track(trak: &Atom<'_>) -> Result<Track, Error> {
    let children = trak.children()?;
    let (version, _, mut tkhd) = find(&children, b"tkhd").ok_or(Error::Missing("tkhd"))?.full()?;
    tkhd.skip(if version == 1 { 16 } else { 8 })?;
    let id = tkhd.u32()?;
    let mdia = find(&children, b"mdia").ok_or(Error::Missing("mdia"))?.children()?;
    let (version, _, mut mdhd) = find(&mdia, b"mdhd").ok_or(Error::Missing("mdhd"))?.full()?;
    mdhd.skip(if version == 1 { 16 } else { 8 })?;
    let timescale = mdhd.u32()?;
    if timescale == 0 {
        return Err(Error::Time("a timescale of zero"));
    }
    let (_, _, mut hdlr) = find(&mdia, b"hdlr").ok_or(Error::Missing("hdlr"))?.full()?;
    hdlr.skip(4)?;
    let handler = String::from_utf8_lossy(&hdlr.take::<4>()?).into_owned();
    let minf = find(&mdia, b"minf").ok_or(Error::Missing("minf"))?.children()?;
    let stbl = find(&minf, b"stbl").ok_or(Error::Missing("stbl"))?.children()?;
    let stsd = find(&stbl, b"stsd").ok_or(Error::Missing("stsd"))?;
    let (_, _, mut entries) = stsd.full()?;
    entries.skip(4)?;
    let entry = super::boxes(entries.rest, stsd.at + 16)?
        .first()
        .copied()
        .ok_or(Error::Missing("a sample entry in stsd"))?;
    let mut size = None;
    if handler == "vide" {
        let mut fields = Fields { atom: entry, rest: entry.payload };
        fields.skip(24)?;
        size = Some((fields.u16()?, fields.u16()?));
    }
    Ok(Track { id, timescale, handler, codec: entry.name(), size, defaults: Defaults::default() })
}
