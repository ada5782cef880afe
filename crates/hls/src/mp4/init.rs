//! `ftyp` + `moov` of a CMAF track, and what can be read back from them.

use bytes::{BufMut, Bytes, BytesMut};
use media::{CodecConfig, Kind, Track, aac, avc};

use super::read::{self, Cursor};
use super::write::{boxed, brands, full, matrix};

/// The initialisation segment of a track.
pub fn segment(track: &Track) -> Bytes {
    let sheet = Sheet::of(track);
    let mut out = BytesMut::with_capacity(1024 + sheet.stsd.len());
    brands(&mut out, b"ftyp", b"iso6", &[b"iso6", b"cmfc", b"mp41"]);
    boxed(&mut out, b"moov", |out| {
        mvhd(out, sheet.timescale, 0, 2);
        trak(out, &sheet, 1, Span::default(), |out| {
            full(out, b"stts", 0, 0, |out| out.put_u32(0));
            full(out, b"stsc", 0, 0, |out| out.put_u32(0));
            full(out, b"stsz", 0, 0, |out| out.put_u64(0));
            full(out, b"stco", 0, 0, |out| out.put_u32(0));
        });
        boxed(out, b"mvex", |out| {
            full(out, b"trex", 0, 0, |out| {
                out.put_u32(1);
                out.put_u32(1);
                out.put_u32(0);
                out.put_u32(0);
                out.put_u32(super::fragment::flags(sheet.kind == Kind::Audio));
            });
        });
    });
    out.freeze()
}

/// What a `trak` says of its track, whether it comes from a `Track` or from an initialisation segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Sheet {
    pub(crate) kind: Kind,
    pub(crate) timescale: u32,
    /// Display width and height, 16.16.
    pub(crate) size: (u32, u32),
    /// The whole `stsd` box.
    pub(crate) stsd: Bytes,
}

/// Durations of a track and its edit list, for files that have them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Span {
    /// In the movie's timescale.
    pub(crate) movie: u64,
    /// In the track's.
    pub(crate) media: u64,
    /// (duration in the movie's timescale, media time or -1 for nothing)
    pub(crate) edits: Vec<(u64, i64)>,
}

impl Sheet {
    pub(crate) fn of(track: &Track) -> Self {
        let mut stsd = BytesMut::new();
        let size = match &track.config {
            CodecConfig::Avc(config) => {
                full(&mut stsd, b"stsd", 0, 0, |out| {
                    out.put_u32(1);
                    avc1(out, config);
                });
                let aspect = config.sample_aspect;
                let wide = u64::from(config.width) * 0x1_0000 * u64::from(aspect.num.max(1))
                    / u64::from(aspect.den.max(1));
                (u32::try_from(wide).unwrap_or(u32::MAX), config.height.min(0xffff) << 16)
            }
            CodecConfig::Aac(config) => {
                full(&mut stsd, b"stsd", 0, 0, |out| {
                    out.put_u32(1);
                    mp4a(out, config);
                });
                (0, 0)
            }
        };
        Self { kind: track.kind, timescale: track.scale.hz(), size, stsd: stsd.freeze() }
    }

    /// From `ftyp` + `moov`.
    pub(crate) fn read(init: &Bytes) -> Option<Self> {
        let trak = read::path(init, &[b"moov", b"trak"])?;
        let mdia = read::path(trak, &[b"mdia"])?;
        let mut mdhd = Cursor(read::path(mdia, &[b"mdhd"])?);
        let long = mdhd.u32()? >> 24 == 1;
        mdhd.skip(if long { 16 } else { 8 })?;
        let timescale = mdhd.u32().filter(|&hz| hz > 0)?;
        let mut hdlr = Cursor(read::path(mdia, &[b"hdlr"])?);
        hdlr.skip(8)?;
        let kind = match &hdlr.array::<4>()? {
            b"vide" => Kind::Video,
            b"soun" => Kind::Audio,
            _ => return None,
        };
        let stbl = read::path(mdia, &[b"minf", b"stbl"])?;
        let stsd = init.slice_ref(read::child(stbl, b"stsd")?.whole);
        let tkhd = read::path(trak, &[b"tkhd"])?;
        let mut size = Cursor(tkhd.get(tkhd.len().checked_sub(8)?..)?);
        Some(Self { kind, timescale, size: (size.u32()?, size.u32()?), stsd })
    }
}

pub(crate) fn mvhd(out: &mut BytesMut, timescale: u32, duration: u64, next_track: u32) {
    full(out, b"mvhd", 1, 0, |out| {
        out.put_u64(0);
        out.put_u64(0);
        out.put_u32(timescale);
        out.put_u64(duration);
        out.put_u32(0x1_0000);
        out.put_u16(0x100);
        out.put_bytes(0, 10);
        matrix(out);
        out.put_bytes(0, 24);
        out.put_u32(next_track);
    });
}

/// A `trak`; `tables` writes what stands in `stbl` after `stsd`.
pub(crate) fn trak(
    out: &mut BytesMut,
    sheet: &Sheet,
    id: u32,
    span: Span,
    tables: impl FnOnce(&mut BytesMut),
) {
    let audio = sheet.kind == Kind::Audio;
    boxed(out, b"trak", |out| {
        // Enabled, in the movie, in its preview.
        full(out, b"tkhd", 1, 7, |out| {
            out.put_u64(0);
            out.put_u64(0);
            out.put_u32(id);
            out.put_u32(0);
            out.put_u64(span.movie);
            out.put_u64(0);
            out.put_u16(0);
            out.put_u16(u16::from(audio));
            out.put_u16(if audio { 0x100 } else { 0 });
            out.put_u16(0);
            matrix(out);
            out.put_u32(sheet.size.0);
            out.put_u32(sheet.size.1);
        });
        if !span.edits.is_empty() {
            boxed(out, b"edts", |out| {
                full(out, b"elst", 1, 0, |out| {
                    out.put_u32(span.edits.len() as u32);
                    for &(duration, at) in &span.edits {
                        out.put_u64(duration);
                        out.put_i64(at);
                        out.put_u32(0x1_0000);
                    }
                });
            });
        }
        boxed(out, b"mdia", |out| {
            full(out, b"mdhd", 1, 0, |out| {
                out.put_u64(0);
                out.put_u64(0);
                out.put_u32(sheet.timescale);
                out.put_u64(span.media);
                // "und", 5 bits a letter.
                out.put_u16(0x55c4);
                out.put_u16(0);
            });
            full(out, b"hdlr", 0, 0, |out| {
                out.put_u32(0);
                out.put_slice(if audio { b"soun" } else { b"vide" });
                out.put_bytes(0, 12);
                out.put_slice(if audio { b"Sound\0" } else { b"Video\0" });
            });
            boxed(out, b"minf", |out| {
                if audio {
                    full(out, b"smhd", 0, 0, |out| out.put_u32(0));
                } else {
                    full(out, b"vmhd", 0, 1, |out| out.put_u64(0));
                }
                boxed(out, b"dinf", |out| {
                    full(out, b"dref", 0, 0, |out| {
                        out.put_u32(1);
                        full(out, b"url ", 0, 1, |_| ());
                    });
                });
                boxed(out, b"stbl", |out| {
                    out.put_slice(&sheet.stsd);
                    tables(out);
                });
            });
        });
    });
}

fn avc1(out: &mut BytesMut, config: &avc::Config) {
    boxed(out, b"avc1", |out| {
        out.put_bytes(0, 6);
        out.put_u16(1);
        out.put_bytes(0, 16);
        out.put_u16(config.width as u16);
        out.put_u16(config.height as u16);
        // 72 dpi both ways.
        out.put_u32(0x48_0000);
        out.put_u32(0x48_0000);
        out.put_u32(0);
        out.put_u16(1);
        out.put_bytes(0, 32);
        out.put_u16(0x18);
        out.put_i16(-1);
        boxed(out, b"avcC", |out| out.put_slice(&config.record));
        let aspect = config.sample_aspect;
        if aspect.num != aspect.den && aspect.num > 0 && aspect.den > 0 {
            boxed(out, b"pasp", |out| {
                out.put_u32(aspect.num);
                out.put_u32(aspect.den);
            });
        }
    });
}

fn mp4a(out: &mut BytesMut, config: &aac::Config) {
    boxed(out, b"mp4a", |out| {
        out.put_bytes(0, 6);
        out.put_u16(1);
        out.put_u64(0);
        out.put_u16(config.channels.into());
        out.put_u16(16);
        out.put_u32(0);
        // 16.16; a rate that does not fit is left to the ASC.
        out.put_u32(u16::try_from(config.sample_rate).map_or(0, |hz| u32::from(hz) << 16));
        full(out, b"esds", 0, 0, |out| {
            descriptor(out, 3, |out| {
                out.put_u16(0);
                out.put_u8(0);
                descriptor(out, 4, |out| {
                    // MPEG-4 audio, an audio stream, buffer size and bit rates unknown.
                    out.put_u8(0x40);
                    out.put_u8(0x15);
                    out.put_bytes(0, 11);
                    descriptor(out, 5, |out| out.put_slice(&config.asc));
                });
                descriptor(out, 6, |out| out.put_u8(2));
            });
        });
    });
}

/// ISO/IEC 14496-1 §8.3.3: sizes of 7 bits a byte.
fn descriptor(out: &mut BytesMut, tag: u8, body: impl FnOnce(&mut BytesMut)) {
    let mut inner = BytesMut::new();
    body(&mut inner);
    let size = inner.len();
    out.put_u8(tag);
    for shift in [21, 14, 7] {
        if size >> shift > 0 {
            out.put_u8((size >> shift & 0x7f) as u8 | 0x80);
        }
    }
    out.put_u8((size & 0x7f) as u8);
    out.put_slice(&inner);
}
