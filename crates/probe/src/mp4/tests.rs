//! Boxes by hand, whole, cut short and out of bounds; and the corpus of the fuzz target.

use std::{fs, path::Path};

use super::*;

fn atom(kind: &[u8; 4], payload: &[&[u8]]) -> Vec<u8> {
    let body = payload.concat();
    [&(body.len() as u32 + 8).to_be_bytes(), kind.as_slice(), &body].concat()
}

fn full(kind: &[u8; 4], flags: u32, payload: &[&[u8]]) -> Vec<u8> {
    atom(kind, &[&[flags.to_be_bytes().as_slice()], payload].concat())
}

fn an_init(timescale: u32) -> Vec<u8> {
    let tkhd = full(b"tkhd", 7, &[&[0; 8], &1u32.to_be_bytes(), &[0; 68]]);
    let mdhd = full(b"mdhd", 0, &[&[0; 8], &timescale.to_be_bytes(), &[0; 8]]);
    let hdlr = full(b"hdlr", 0, &[&[0; 4], b"vide", &[0; 13]]);
    let entry = atom(b"avc1", &[&[0; 24], &[2, 128, 1, 104], &[0; 50]]);
    let stsd = full(b"stsd", 0, &[&1u32.to_be_bytes(), &entry]);
    let minf = atom(b"minf", &[&atom(b"stbl", &[&stsd])]);
    let trak = atom(b"trak", &[&tkhd, &atom(b"mdia", &[&mdhd, &hdlr, &minf])]);
    let defaults: Vec<u8> = [1u32, 1, 3000, 4, 0x0101_0000].iter().flat_map(|v| v.to_be_bytes()).collect();
    let mvex = atom(b"mvex", &[&full(b"trex", 0, &[&defaults])]);
    [atom(b"ftyp", &[b"cmf2\0\0\0\0"]), atom(b"moov", &[&trak, &mvex])].concat()
}

/// `samples` of four bytes by the init's defaults, the first of them a key frame; `data` bytes follow.
fn a_fragment(samples: u32, data: usize) -> Vec<u8> {
    let moof = |offset: u32| {
        let trun = full(
            b"trun",
            0x05,
            &[&samples.to_be_bytes(), &offset.to_be_bytes(), &0x0200_0000u32.to_be_bytes()],
        );
        let tfhd = full(b"tfhd", 0x02_0000, &[&1u32.to_be_bytes()]);
        let tfdt = full(b"tfdt", 0x0100_0000, &[&90_000u64.to_be_bytes()]);
        atom(b"moof", &[&full(b"mfhd", 0, &[&[0; 4]]), &atom(b"traf", &[&tfhd, &tfdt, &trun])])
    };
    let bytes: Vec<u8> = (0..data).map(|i| i as u8).collect();
    [moof(moof(0).len() as u32 + 8), atom(b"mdat", &[&bytes])].concat()
}

#[test]
fn an_init_and_its_fragment() {
    let init = init(&an_init(90_000)).unwrap();
    let [track] = init.tracks.as_slice() else { panic!("{init:?}") };
    let read = (track.id, track.timescale, track.handler.as_str(), track.codec.as_str(), track.size);
    assert_eq!(read, (1, 90_000, "vide", "avc1", Some((640, 360))));
    let [fragment] = fragments(&a_fragment(3, 12), &init).unwrap().try_into().unwrap();
    assert_eq!((fragment.start, fragment.end(), fragment.samples.len()), (90_000, 99_000, 3));
    assert_eq!(fragment.samples.iter().map(|s| s.sync).collect::<Vec<_>>(), [true, false, false]);
    assert_ne!(fragment.samples[1].hash, fragment.samples[2].hash);
}

#[test]
fn what_is_out_of_bounds() {
    let good = init(&an_init(90_000)).unwrap();
    let outside = |bytes: &[u8]| fragments(bytes, &good);
    assert_eq!(outside(&a_fragment(4, 12)), Err(Error::Outside { at: 0, index: 3 }));
    assert_eq!(outside(b""), Err(Error::Missing("moof")));
    assert_eq!(outside(&a_fragment(MAX_SAMPLES as u32 + 1, 12)), Err(Error::Samples));
    assert!(outside(&a_fragment(MAX_SAMPLES as u32, MAX_SAMPLES * 4)).is_ok());
    assert_eq!(init(&an_init(0)), Err(Error::Time("a timescale of zero")));
    let many = |n: usize| atom(b"free", &[]).repeat(n);
    assert!(boxes(&many(MAX_BOXES), 0).is_ok());
    assert_eq!(boxes(&many(MAX_BOXES + 1), 0).unwrap_err(), Error::Boxes);
    let tracks = |n: usize| {
        let whole = an_init(1);
        let trak = whole.windows(4).position(|w| w == b"trak").unwrap() - 4;
        let len = u32::from_be_bytes(whole[trak..trak + 4].try_into().unwrap()) as usize;
        init(&atom(b"moov", &[&whole[trak..trak + len].repeat(n)]))
    };
    assert_eq!(tracks(MAX_TRACKS).unwrap().tracks.len(), MAX_TRACKS);
    assert_eq!(tracks(MAX_TRACKS + 1), Err(Error::Tracks));
}

#[test]
fn whatever_is_cut_short_is_an_error() {
    let whole = an_init(90_000);
    let good = init(&whole).unwrap();
    // The first 16 bytes are ftyp.
    for len in 0..whole.len() {
        assert!(init(&whole[..len]).is_err(), "{len}");
    }
    let whole = a_fragment(3, 12);
    for len in 0..whole.len() {
        assert!(fragments(&whole[..len], &good).is_err(), "{len}");
    }
}

/// As the target does: an init of as many bytes as the first two say, then a fragment.
fn run(input: &[u8]) -> bool {
    let Some((len, rest)) = input.split_first_chunk::<2>() else { return false };
    let (head, rest) = rest.split_at(usize::from(u16::from_be_bytes(*len)).min(rest.len()));
    fragments(rest, &init(head).unwrap_or_default()).is_ok()
}

#[test]
fn corpus() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fuzz/corpus/fragment");
    if std::env::var_os("SIGMA_WRITE_SEEDS").is_some() {
        let head = an_init(90_000);
        let len = (head.len() as u16).to_be_bytes();
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("video"), [len.as_slice(), &head, &a_fragment(3, 12)].concat()).unwrap();
        fs::write(folder.join("outside"), [len.as_slice(), &head, &a_fragment(9, 12)].concat()).unwrap();
    }
    for entry in fs::read_dir(&folder).unwrap() {
        run(&fs::read(entry.unwrap().path()).unwrap());
    }
    // Else the seed is no longer what it is named for.
    assert!(run(&fs::read(folder.join("video")).unwrap()));
}
