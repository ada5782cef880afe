//! What a DVR window costs, from a minute to three days, on a journal that is made up:
//! `cargo run --release -p hls --example growth`. The table in docs/guide/benchmarks.md is its output.
//!
//! Segments of a second, one rendition. Of each cost the median of many; `live` is `media.m3u8`, `dvr` the whole window.
#![allow(clippy::unwrap_used, clippy::disallowed_methods, missing_docs)]

use std::io::Write;
use std::time::{Duration, Instant};

use flate2::Compression;
use flate2::write::GzEncoder;
use hls::journal::{Entry, Header, Index as File, Sample};
use hls::playlist::{self, Piece, Skip, Style, dvr, media as live};
use hls::presentation::Rendition;
use hls::{Mode, Plan, Presentation, mp4};
use media::{AccessUnit, Kind, Rational, Timescale, Timestamp, Track, avc};

const SECOND: i64 = 90_000;

fn main() {
    println!(
        "| window | segments | past, B a segment | part µs | live KiB | live gz KiB | live µs | live delta B | µs | dvr KiB | dvr gz KiB | dvr µs | dvr delta B | µs |"
    );
    println!("|{}", "---|".repeat(14));
    for (name, seconds) in [
        ("1 min", 60),
        ("10 min", 600),
        ("30 min", 1800),
        ("1 h", 3600),
        ("6 h", 21_600),
        ("24 h", 86_400),
        ("72 h", 259_200),
    ] {
        row(name, seconds);
    }
}

fn row(name: &str, seconds: u64) {
    let track = Track::video(avc::Config {
        record: vec![1, 0x64, 0, 0x1f, 0xff, 0xe0, 0].into(),
        width: 1280,
        height: 720,
        profile: [0x64, 0, 0x1f],
        frame_rate: Some(Rational { num: 30, den: 1 }),
        sample_aspect: Rational { num: 1, den: 1 },
    });
    let plan = Plan::new(Mode::UltraLow, None, Duration::from_secs(seconds));
    let rendition = Rendition::source("video", track.clone());
    let files: Vec<File> = (0..seconds / 60 + 1).map(|n| file(n * 60 + 1, plan, &track)).collect();
    let end = (seconds / 60 + 1) * 60;
    let (mut presentation, _) = Presentation::resume(plan, 0, vec![rendition], &[files]);

    // Two minutes live, so that all is as in a session that runs.
    let mut parts = Vec::new();
    for frame in 0..3_600 {
        let at = Timestamp::new(end as i64 * SECOND + frame * 3_000, Timescale::VIDEO);
        let data = vec![0; 40].into();
        let unit = AccessUnit { kind: Kind::Video, dts: at, pts: at, key: frame % 30 == 0, data };
        let clock = Instant::now();
        let made = presentation.push(0, unit);
        if !made.is_empty() {
            // What a server does with each: a snapshot for the viewers.
            std::hint::black_box(presentation.index(0).unwrap().clone());
            parts.push(clock.elapsed());
        }
    }
    let index = presentation.index(0).unwrap();
    let past = index.past();
    let each = if past.is_empty() { 0.0 } else { past.size() as f64 / past.len() as f64 };
    let epoch = index.control.epoch_ms;
    let full = live::render(index, None, &[]);
    let whole = playlist::whole(dvr::pieces(index, None, &[]), Style::Long, epoch);
    let delta = |pieces: Vec<Piece>, style| playlist::whole(pieces, style, epoch).len();
    println!(
        "| {name} | {} | {each:.1} | {:.1} | {} | {} | {:.0} | {} | {:.0} | {} | {} | {:.0} | {} | {:.0} |",
        past.len() + index.segments().len(),
        micros(median(parts)),
        full.len() / 1024,
        gzip(&full) / 1024,
        micros(time(|| live::pieces(index, None, &[]).len())),
        delta(live::pieces(index, Some(Skip::Yes), &[]), Style::Live),
        micros(time(|| live::pieces(index, Some(Skip::Yes), &[]).len())),
        whole.len() / 1024,
        gzip(&whole) / 1024,
        micros(time(|| dvr::pieces(index, None, &[]).len())),
        delta(dvr::pieces(index, Some(Skip::Yes), &[]), Style::Long),
        micros(time(|| dvr::pieces(index, Some(Skip::Yes), &[]).len())),
    );
}

/// A minute of segments, a part each.
fn file(first: u64, plan: Plan, track: &Track) -> File {
    let entry = |n: u64| Entry {
        number: first - 1 + n,
        msn: first + n,
        first: true,
        offset: 0,
        len: 250_000,
        payload: 0,
        payload_len: 249_000,
        decode_time: (first - 1 + n) * SECOND as u64,
        samples: vec![Sample { size: 249_000, duration: SECOND as u32, offset: 0, key: true }],
    };
    let header = Header {
        session: "ses_1".into(),
        rendition: "video".into(),
        plan,
        part_target: 18_090,
        part_hold_back_ms: 603,
        epoch_ms: 1_790_000_000_000,
        first_msn: first,
        first_part: first - 1,
        discontinuity_sequence: 0,
        discontinuity: false,
        init: 0,
        codec: "avc1.64001f".into(),
        size: (1280, 720),
        frame_rate: Some((30, 1)),
        channels: 0,
        live_only: false,
        late: None,
        made: false,
        unlisted: false,
    };
    let init = mp4::init::segment(track);
    File { header, init, timescale: 90_000, parts: (0..60).map(entry).collect(), valid_len: 0, torn: 0 }
}

fn time(mut job: impl FnMut() -> usize) -> Duration {
    let mut took = Vec::new();
    for _ in 0..51 {
        let clock = Instant::now();
        std::hint::black_box(job());
        took.push(clock.elapsed());
    }
    median(took)
}

fn median(mut all: Vec<Duration>) -> Duration {
    all.sort_unstable();
    all[all.len() / 2]
}

fn micros(d: Duration) -> f64 {
    d.as_secs_f64() * 1e6
}

fn gzip(text: &str) -> usize {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap().len()
}
