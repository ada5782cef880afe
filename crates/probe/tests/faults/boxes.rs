//! CMAF tracks by hand: an init, and fragments of frames whose bytes are told apart by their number.

/// One medium.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Medium {
    Video,
    Audio,
}

impl Medium {
    pub(super) fn timescale(self) -> u32 {
        match self {
            Self::Video => 30_000,
            Self::Audio => 48_000,
        }
    }

    /// Ticks of a frame: 30 pictures a second; AAC with frames of 960 samples, 20 ms.
    pub(super) fn frame(self) -> u32 {
        match self {
            Self::Video => 1000,
            Self::Audio => 960,
        }
    }

    /// Frames in a part of 0.2 s.
    pub(super) fn frames(self) -> u64 {
        match self {
            Self::Video => 6,
            Self::Audio => 10,
        }
    }
}

fn atom(kind: &[u8; 4], payload: &[&[u8]]) -> Vec<u8> {
    let body = payload.concat();
    [&(body.len() as u32 + 8).to_be_bytes(), kind.as_slice(), &body].concat()
}

fn full(kind: &[u8; 4], version: u8, flags: u32, payload: &[&[u8]]) -> Vec<u8> {
    let head = (u32::from(version) << 24 | flags).to_be_bytes();
    atom(kind, &[&[head.as_slice()], payload].concat())
}

pub(super) fn init(media: &[Medium]) -> Vec<u8> {
    let traks: Vec<u8> = media.iter().zip(1..).flat_map(|(m, id)| trak(*m, id)).collect();
    let trexes: Vec<u8> = (1..=media.len() as u32)
        .flat_map(|id| full(b"trex", 0, 0, &[&id.to_be_bytes(), &1u32.to_be_bytes(), &[0; 12]]))
        .collect();
    let mvhd = full(b"mvhd", 0, 0, &[&[0; 96]]);
    let moov = atom(b"moov", &[&mvhd, &traks, &atom(b"mvex", &[&trexes])]);
    [atom(b"ftyp", &[b"cmf2\0\0\0\0cmf2iso6"]), moov].concat()
}

fn trak(medium: Medium, id: u32) -> Vec<u8> {
    let tkhd = full(b"tkhd", 0, 7, &[&[0; 8], &id.to_be_bytes(), &[0; 68]]);
    let mdhd = full(b"mdhd", 0, 0, &[&[0; 8], &medium.timescale().to_be_bytes(), &[0; 8]]);
    let (handler, entry) = match medium {
        Medium::Video => {
            let size: [u8; 4] = [2, 128, 1, 104];
            (b"vide", atom(b"avc1", &[&[0; 24], &size, &[0; 50]]))
        }
        Medium::Audio => (b"soun", atom(b"mp4a", &[&[0; 28]])),
    };
    let hdlr = full(b"hdlr", 0, 0, &[&[0; 4], handler, &[0; 13]]);
    let stsd = full(b"stsd", 0, 0, &[&1u32.to_be_bytes(), &entry]);
    let stbl = atom(b"stbl", &[&stsd]);
    let minf = atom(b"minf", &[&stbl]);
    let mdia = atom(b"mdia", &[&mdhd, &hdlr, &minf]);
    atom(b"trak", &[&tkhd, &mdia])
}

/// A frame: its number makes its bytes; whether it is a key frame.
pub(super) struct Frame {
    pub(super) number: u64,
    pub(super) key: bool,
}

/// moof and mdat; `start` in ticks.
pub(super) fn fragment(medium: Medium, start: u64, frames: &[Frame]) -> Vec<u8> {
    let bytes: Vec<Vec<u8>> = frames
        .iter()
        .map(|f| {
            let len = 40 + (f.number % 7) as usize;
            f.number.to_be_bytes().iter().copied().cycle().take(len).collect()
        })
        .collect();
    let entries: Vec<u8> = frames
        .iter()
        .zip(&bytes)
        .flat_map(|(f, b)| {
            let flags: u32 = if f.key { 0x0200_0000 } else { 0x0101_0000 };
            [medium.frame().to_be_bytes(), (b.len() as u32).to_be_bytes(), flags.to_be_bytes()].concat()
        })
        .collect();
    let moof = |offset: u32| {
        let count = (frames.len() as u32).to_be_bytes();
        let trun = full(b"trun", 1, 0x0701, &[&count, &offset.to_be_bytes(), &entries]);
        let tfhd = full(b"tfhd", 0, 0x02_0000, &[&1u32.to_be_bytes()]);
        let tfdt = full(b"tfdt", 1, 0, &[&start.to_be_bytes()]);
        let traf = atom(b"traf", &[&tfhd, &tfdt, &trun]);
        atom(b"moof", &[&full(b"mfhd", 0, 0, &[&1u32.to_be_bytes()]), &traf])
    };
    let len = moof(0).len() as u32;
    [moof(len + 8), atom(b"mdat", &[&bytes.concat()])].concat()
}
