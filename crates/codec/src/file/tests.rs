#![allow(clippy::unwrap_used, clippy::panic)]

use std::process::Command;

use super::*;

/// A file made by the ffmpeg program, for its containers and codecs.
fn make(folder: &tempfile::TempDir, name: &str, arguments: &str) -> PathBuf {
    let path = folder.path().join(name);
    let status = Command::new("ffmpeg")
        .args(["-v", "error", "-nostdin"])
        .args(arguments.split_whitespace())
        .arg(&path)
        .status()
        .unwrap();
    assert!(status.success(), "ffmpeg made no {name}");
    path
}

const VIDEO: &str = "-f lavfi -i testsrc2=size=160x120:rate=25:duration=2";
const AUDIO: &str = "-f lavfi -i sine=frequency=440:sample_rate=44100:duration=2";

#[derive(Default)]
struct Heard {
    pictures: Vec<Timestamp>,
    size: (u32, u32),
    /// Sample times, gapless from zero: checked.
    sound: i64,
    loud: i64,
}

/// Reads until the end, or until `seconds` of whatever there is.
fn read(reader: &mut Reader, seconds: f64) -> Heard {
    let mut heard = Heard::default();
    while let Some(media) = reader.next().unwrap() {
        match media {
            Media::Picture(picture) => {
                assert!(heard.pictures.last().is_none_or(|last| *last < picture.at), "times rise");
                heard.size = (picture.width(), picture.height());
                heard.pictures.push(picture.at);
            }
            Media::Sound(sound) => {
                assert_eq!((sound.sample_rate, sound.channels), (48_000, 2));
                assert_eq!((sound.at.ticks, sound.at.scale.hz()), (heard.sound, 48_000), "no gap");
                heard.sound += sound.samples.len() as i64 / 2;
                heard.loud += sound.samples.iter().filter(|s| s.abs() > 500).count() as i64 / 2;
            }
        }
        let shown = heard.pictures.last().map_or(0.0, |at| at.seconds());
        if shown.max(heard.sound as f64 / 48_000.0) >= seconds {
            break;
        }
    }
    heard
}

#[test]
fn containers_and_codecs() {
    let folder = tempfile::tempdir().unwrap();
    let cases = [
        ("h264.mp4", "-c:v libx264 -bf 2 -c:a aac"),
        ("vp8.mkv", "-c:v libvpx -deadline realtime -c:a libmp3lame"),
        ("mpeg2.ts", "-c:v mpeg2video -c:a mp2"),
        ("mpeg4.avi", "-c:v mpeg4 -c:a pcm_s16le"),
    ];
    for (name, codecs) in cases {
        let path = make(&folder, name, &format!("{VIDEO} {AUDIO} {codecs}"));
        let mut reader = Reader::open(&path, Options::default()).unwrap();
        let video = reader.info().video.unwrap();
        assert_eq!((video.width, video.height, video.frame_rate.as_f64()), (160, 120, 25.0), "{name}");
        assert!(reader.info().audio);
        let heard = read(&mut reader, f64::MAX);
        assert!((49..=50).contains(&heard.pictures.len()), "{name}: {} pictures", heard.pictures.len());
        assert!(heard.pictures[0].seconds() < 0.1, "{name} begins at {:?}", heard.pictures[0]);
        let seconds = heard.sound as f64 / 48_000.0;
        assert!((1.95..2.2).contains(&seconds), "{name}: {seconds} s of sound");
        assert!(heard.loud > 80_000, "{name}: {} loud samples", heard.loud);
        assert!(reader.next().unwrap().is_none(), "{name} stays ended");
    }
}

#[test]
fn loops_go_on_in_time() {
    let folder = tempfile::tempdir().unwrap();
    let path = make(&folder, "loop.mp4", &format!("{VIDEO} {AUDIO} -c:v libx264 -c:a aac"));
    let options = Options { looped: true, ..Options::default() };
    let mut reader = Reader::open(&path, options).unwrap();
    let heard = read(&mut reader, 7.0);
    for pair in heard.pictures.windows(2) {
        let step = pair[1].minus(pair[0]).seconds();
        assert!((0.03..0.1).contains(&step), "{step} s between pictures at {:?}", pair[0]);
    }
    assert!(heard.sound > 6 * 48_000);
}

#[test]
fn a_constant_rate_and_another_size() {
    let folder = tempfile::tempdir().unwrap();
    let path = make(&folder, "v.mkv", &format!("{VIDEO} -c:v libx264"));
    for (num, den, pictures) in [(30, 1, 60), (10, 1, 20), (25, 1, 50)] {
        let rate = Rational { num, den };
        let options = Options { size: Some((320, 180)), frame_rate: Some(rate), looped: false };
        let mut reader = Reader::open(&path, options).unwrap();
        assert_eq!(reader.info().video.unwrap().frame_rate, rate);
        assert!(!reader.info().audio);
        let heard = read(&mut reader, f64::MAX);
        assert_eq!((heard.size, heard.sound), ((320, 180), 0));
        assert!((heard.pictures.len() as i64 - pictures).abs() <= 1, "{num}: {}", heard.pictures.len());
        for (n, at) in heard.pictures.iter().enumerate() {
            let due = n as i64 * 1_000_000_000 / i64::from(num);
            assert_eq!(at.ticks, due, "picture {n} at {num} a second");
        }
    }
}

#[test]
fn sound_alone_loops_and_short_sound_is_filled() {
    let folder = tempfile::tempdir().unwrap();
    let path = make(&folder, "a.wav", AUDIO);
    let options = Options { looped: true, ..Options::default() };
    let mut reader = Reader::open(&path, options).unwrap();
    assert_eq!(reader.info().video, None);
    let heard = read(&mut reader, 5.0);
    assert!(heard.pictures.is_empty() && heard.sound >= 5 * 48_000 && heard.loud > 4 * 48_000);

    let short = AUDIO.replace("duration=2", "duration=1");
    let path = make(&folder, "short.mp4", &format!("{VIDEO} {short} -c:v libx264 -c:a aac"));
    let heard = read(&mut Reader::open(&path, Options::default()).unwrap(), f64::MAX);
    assert_eq!(heard.sound, 96_000);
    assert!((40_000..49_000).contains(&heard.loud), "{} loud samples", heard.loud);
}

#[test]
fn what_cannot_be_read_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("missing.mp4");
    let error = Reader::open(&missing, Options::default()).unwrap_err();
    assert!(error.to_string().starts_with(missing.to_str().unwrap()), "{error}");
    assert!(matches!(error.reason, Reason::Open(_)));

    let text = folder.path().join("notes.mp4");
    std::fs::write(&text, "not a film").unwrap();
    let reason = Reader::open(&text, Options::default()).unwrap_err().reason;
    assert!(matches!(&reason, Reason::Open(words) if words.contains("Invalid data")), "{reason}");

    let path = make(&folder, "v.mkv", &format!("{VIDEO} -c:v libx264"));
    let rate = Options { frame_rate: Some(Rational { num: 241, den: 1 }), ..Options::default() };
    assert!(matches!(Reader::open(&path, rate).unwrap_err().reason, Reason::FrameRate(241, 1)));
    let size = Options { size: Some((15, 15)), ..Options::default() };
    assert!(matches!(Reader::open(&path, size).unwrap_err().reason, Reason::Scale(_)));
}

#[test]
fn a_file_cut_short_gives_what_it_has() {
    let folder = tempfile::tempdir().unwrap();
    let path = make(&folder, "whole.ts", &format!("{VIDEO} {AUDIO} -c:v libx264 -c:a aac"));
    let bytes = std::fs::read(&path).unwrap();
    let cut = folder.path().join("cut.ts");
    std::fs::write(&cut, &bytes[..bytes.len() * 2 / 3]).unwrap();
    let heard = read(&mut Reader::open(&cut, Options::default()).unwrap(), f64::MAX);
    assert!((20..50).contains(&heard.pictures.len()), "{} pictures", heard.pictures.len());
}
