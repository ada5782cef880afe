#![allow(clippy::unwrap_used, clippy::panic)]
use clap::Parser;

use super::*;

fn parse(args: &str) -> Result<Live, String> {
    let words = std::iter::once("sigma-broadcast").chain(args.split_whitespace());
    Args::try_parse_from(words).map(|args| args.live).map_err(|error| error.to_string())
}

fn live(args: &str) -> Live {
    parse(&format!("--to rtmp://h/live/k {args}")).unwrap()
}

#[test]
fn defaults() {
    let live = live("");
    assert_eq!((live.size, live.fps, live.bitrate, live.audio_bitrate), ((1280, 720), 30, 2500, 128));
    assert_eq!((live.gop, live.preset, live.duration, live.looped), (1.0, Preset::Veryfast, None, false));
    assert_eq!((&live.source, &live.sound), (&Source::Auto, &None));
}

#[test]
fn sources() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
    let cases = [
        ("auto", Source::Auto),
        ("camera", Source::Camera(Pick::Default)),
        ("camera:2", Source::Camera(Pick::Index(2))),
        ("camera:Webcam", Source::Camera(Pick::Name("Webcam".into()))),
        ("testcard", Source::Testcard),
        (file, Source::File(file.into())),
    ];
    for (text, expect) in cases {
        assert_eq!(parse_source(text).unwrap(), expect, "{text}");
    }
    for text in ["screen", "camera:", "", "/no/such/file.mp4"] {
        let error = parse_source(text).unwrap_err();
        assert!(error.contains("testcard, or the path of a media file"), "{text}: {error}");
    }
}

#[test]
fn sound_belongs_to_the_source_unless_told() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
    let cases = [
        ("--source camera".into(), Sound::Microphone(Pick::Default)),
        ("--source testcard".into(), Sound::Tone),
        (format!("--source {file}"), Sound::File),
        ("--source testcard --sound none".into(), Sound::None),
        ("--sound tone".into(), Sound::Tone),
        ("--sound mic:1".into(), Sound::Microphone(Pick::Index(1))),
        ("--sound mic:USB".into(), Sound::Microphone(Pick::Name("USB".into()))),
    ];
    for (args, expect) in cases {
        let live = live(&args);
        assert_eq!(live.sound_with(&live.source), expect, "{args}");
    }
    let auto = live("--source auto");
    assert_eq!(auto.sound_with(&Source::Camera(Pick::Index(0))), Sound::Auto);
    assert_eq!(auto.sound_with(&Source::Testcard), Sound::Tone);
}

#[test]
fn durations() {
    let cases = [("10", 10.0), ("1.5", 1.5), ("90s", 90.0), ("5m", 300.0), ("1h", 3600.0)];
    for (text, seconds) in cases {
        assert_eq!(parse_duration(text), Ok(Duration::from_secs_f64(seconds)), "{text}");
    }
    for text in ["0", "-1", "", "s", "1d", "1ms", "inf", "nan", "1e300"] {
        assert!(parse_duration(text).is_err(), "{text}");
    }
}

#[test]
fn wrong_values_say_what_to_do() {
    let cases = [
        ("--source screen", "the screen can't be captured yet"),
        ("--source nowhere.mp4", "auto, camera, camera:N, camera:NAME, testcard"),
        ("--sound radio", "auto, mic, mic:N, mic:NAME, tone or none"),
        ("--size 1280", "write it as WIDTHxHEIGHT, e.g. 1280x720"),
        ("--size 1281x720", "both sides must be even"),
        ("--size 318x180", "from 320x180 to 3840x2160"),
        ("--size 3842x2160", "from 320x180 to 3840x2160"),
        ("--fps 0", "1..=60"),
        ("--fps 61", "1..=60"),
        ("--bitrate 99", "100..=50000"),
        ("--bitrate 50001", "100..=50000"),
        ("--audio-bitrate 31", "32..=320"),
        ("--gop 0.05", "from 0.1 to 10"),
        ("--gop 10.1", "from 0.1 to 10"),
        ("--preset slowest", "ultrafast, superfast"),
        ("--duration soon", "10, 1.5, 90s, 5m, 1h"),
        ("--volume 11", "unexpected argument '--volume'"),
    ];
    for (args, expect) in cases {
        let error = parse(&format!("--to rtmp://h/live/k {args}")).unwrap_err();
        assert!(error.contains(expect), "{args}: {error}");
    }
    assert!(parse("").unwrap_err().contains("--to <URL>"));
}

#[test]
fn limits_are_inclusive() {
    for args in
        ["--size 320x180", "--size 3840x2160", "--fps 1", "--fps 60", "--bitrate 100", "--bitrate 50000"]
    {
        live(args);
    }
    for args in ["--audio-bitrate 32", "--audio-bitrate 320", "--gop 0.1", "--gop 10"] {
        live(args);
    }
}

#[test]
fn addresses() {
    let check = |to: &str, key: Option<&str>, expect: Result<&str, &str>| {
        let live = Live { to: Some(to.into()), stream_key: key.map(Into::into), ..live("") };
        let target = live.target().map(|url| format!("{} {}", url.tc_url(), url.key()));
        match (target, expect) {
            (Ok(have), Ok(expect)) => assert_eq!(have, expect),
            (Err(have), Err(expect)) => assert!(have.contains(expect), "{to}: {have}"),
            (have, _) => panic!("{to}: {have:?}"),
        }
    };
    check("rtmp://h/live/k", None, Ok("rtmp://h:1935/live k"));
    check("rtmp://h:1936/live/k", Some("env"), Ok("rtmp://h:1936/live k"));
    check("rtmp://h/live", Some("k"), Ok("rtmp://h:1935/live k"));
    check("rtmps://h/live/", Some("k"), Ok("rtmps://h:443/live k"));
    check("rtmp://h/live", None, Err("SIGMA_STREAM_KEY"));
    check("rtmp://h/live", Some(""), Err("SIGMA_STREAM_KEY"));
    check("rtmp://h", Some("k"), Err("application is missing"));
    check("rtmp://h:x/live/secret", None, Err("port"));
    check("http://h/live/k", None, Err("rtmp:// or rtmps://"));
    check("h/live/k", None, Err("rtmp:// or rtmps://"));
}

#[test]
fn errors_keep_the_key_to_themselves() {
    let live = Live { to: Some("rtmp://h:x/live/secret".into()), ..live("") };
    assert!(!live.target().unwrap_err().contains("secret"));
}

#[test]
fn subcommands_need_no_address() {
    let args = Args::try_parse_from(["sigma-broadcast", "devices", "--json"]).unwrap();
    assert!(matches!(args.command, Some(Command::Devices { json: true })));
    let args =
        Args::try_parse_from(["sigma-broadcast", "testcard", "--out-sound", "x.wav", "--seconds", "2"])
            .unwrap();
    assert!(matches!(args.command, Some(Command::Testcard(_))));
    assert!(Args::try_parse_from(["sigma-broadcast", "testcard"]).is_err());
}

#[test]
fn the_help_lists_every_exit_code() {
    let help = Args::try_parse_from(["sigma-broadcast", "--help"]).unwrap_err().to_string();
    for code in ["0", "1", "2", &EXIT_USAGE.to_string(), "130"] {
        assert!(
            help.lines().any(|line| line.trim_start().starts_with(&format!("{code} "))),
            "{code}: {help}"
        );
    }
}
