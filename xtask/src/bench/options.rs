//! The benchmarks and what each may be told. A flag that a benchmark doesn't know is refused before anything is built.

use std::path::{Path, PathBuf};

use anyhow::Result;
use serde::Serialize;
use serde_json::Value;

/// The benchmarks.
#[derive(clap::Subcommand)]
pub(super) enum Bench {
    /// From nothing to a picture: the server's start, the first playlist, the first frame.
    Start(Start),
    /// Glass to glass in stock players, ours and a peer's side by side.
    Latency(Latency),
    /// What viewers cost, and how many hold.
    Swarm(Swarm),
    /// CPU and memory against DVR length, viewers and channels; tables and plots.
    Growth(Growth),
    /// What publishers cost, how many hold, and what the idle ones take.
    Ingest(Ingest),
    /// What a ladder costs beside one ffmpeg command, how like the source it is, and how late.
    Transcode(Transcode),
    /// What each filter costs beside ffmpeg's own command.
    Filters(Filters),
}

/// What every benchmark takes.
#[derive(clap::Args)]
pub(super) struct Common {
    /// Only the JSON object.
    #[arg(long)]
    pub(super) json: bool,
    /// Another server to measure in the same run, by its program: mediamtx=PATH, nginx=PATH.
    #[arg(long, value_name = "NAME=PATH", value_parser = Peer::parse)]
    pub(super) peer: Vec<Peer>,
}

#[derive(clap::Args, Serialize)]
pub(super) struct Start {
    #[command(flatten)]
    #[serde(skip)]
    common: Common,
    /// How many runs; the median of the best three is quoted.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=100))]
    runs: u32,
}

#[derive(clap::Args, Serialize)]
pub(super) struct Latency {
    #[command(flatten)]
    #[serde(skip)]
    common: Common,
    /// Joins of each player in each case; 10 for hls.js and 4 for the others unless told.
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=100))]
    runs: Option<u32>,
    /// Only these players.
    #[arg(long, value_parser = ["hls.js", "shaka", "video.js"])]
    player: Vec<String>,
    /// Only these distances between key frames, in seconds.
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=2))]
    gop: Vec<u32>,
    /// Only these modes; `ultra_low` is at its default, 1.5 and 3 s.
    #[arg(long, value_parser = ["ultra_low", "low", "normal"])]
    mode: Vec<String>,
    /// Only these publishers: ffmpeg, which both servers get, or our broadcaster.
    #[arg(long, value_parser = ["ffmpeg", "broadcast"])]
    publisher: Vec<String>,
    /// Seconds of each join.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(5..=3600))]
    seconds: u32,
    /// The test card's size.
    #[arg(long, default_value = "1280x720", value_name = "WxH", value_parser = size)]
    size: String,
}

#[derive(clap::Args, Serialize)]
pub(super) struct Swarm {
    #[command(flatten)]
    #[serde(skip)]
    common: Common,
    /// How many runs; the median of the best three is quoted.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=100))]
    runs: u32,
    /// How many viewers are compared.
    #[arg(long, default_value_t = 500, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    viewers: u32,
}

#[derive(clap::Args, Serialize)]
pub(super) struct Growth {
    #[command(flatten)]
    #[serde(skip)]
    common: Common,
    /// Only these.
    #[arg(long, value_parser = ["dvr", "viewers", "channels"])]
    case: Vec<String>,
    /// Seconds for which each load is held.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(2..=600))]
    seconds: u32,
    /// A folder for growth.md and its plots; docs/guide keeps the ones of a release.
    #[arg(long, value_name = "FOLDER")]
    write: Option<PathBuf>,
}

#[derive(clap::Args, Serialize)]
pub(super) struct Ingest {
    #[command(flatten)]
    #[serde(skip)]
    common: Common,
    /// How many runs; the median of the best three is quoted.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=100))]
    runs: u32,
    /// Only these: beside nginx, beside MediaMTX, the most that hold, and the idle.
    #[arg(long, value_parser = ["normal", "ultra_low", "most", "idle"])]
    case: Vec<String>,
    /// How many publishers are compared.
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=1000))]
    publishers: u32,
    /// Seconds for which each load is held.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(5..=600))]
    seconds: u32,
}

#[derive(clap::Args, Serialize)]
pub(super) struct Transcode {
    #[command(flatten)]
    #[serde(skip)]
    common: Common,
    /// How many pairs; the median is quoted.
    #[arg(long, default_value_t = 7, value_parser = clap::value_parser!(u32).range(1..=100))]
    runs: u32,
    /// Only these; `long`, hours of stream through one worker, only where it is named.
    #[arg(long, value_parser = ["720p30", "1080p30", "latency", "long"])]
    case: Vec<String>,
    /// Seconds of the clip.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(5..=600))]
    seconds: u32,
    /// Hours of stream for `long`.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=100))]
    hours: u32,
}

#[derive(clap::Args, Serialize)]
pub(super) struct Filters {
    #[command(flatten)]
    #[serde(skip)]
    common: Common,
    /// How many pairs; the median is quoted.
    #[arg(long, default_value_t = 7, value_parser = clap::value_parser!(u32).range(1..=100))]
    runs: u32,
    /// Only these: `mirror`, `denoise`, `karaoke` …
    #[arg(long)]
    filter: Vec<String>,
    /// Seconds of the clip; sound has forty times as many.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(5..=600))]
    seconds: u32,
}

impl Bench {
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Start(_) => "start",
            Self::Latency(_) => "latency",
            Self::Swarm(_) => "swarm",
            Self::Growth(_) => "growth",
            Self::Ingest(_) => "ingest",
            Self::Transcode(_) => "transcode",
            Self::Filters(_) => "filters",
        }
    }

    pub(super) fn common(&self) -> &Common {
        match self {
            Self::Start(Start { common, .. })
            | Self::Latency(Latency { common, .. })
            | Self::Swarm(Swarm { common, .. })
            | Self::Growth(Growth { common, .. })
            | Self::Ingest(Ingest { common, .. })
            | Self::Transcode(Transcode { common, .. })
            | Self::Filters(Filters { common, .. }) => common,
        }
    }

    /// What bench/main.mjs is told.
    pub(super) fn options(&self) -> Result<Value> {
        let mut options = match self {
            Self::Start(start) => serde_json::to_value(start),
            Self::Latency(latency) => serde_json::to_value(latency),
            Self::Swarm(swarm) => serde_json::to_value(swarm),
            Self::Growth(growth) => serde_json::to_value(growth),
            Self::Ingest(ingest) => serde_json::to_value(ingest),
            Self::Transcode(transcode) => serde_json::to_value(transcode),
            Self::Filters(filters) => serde_json::to_value(filters),
        }?;
        // It runs in another folder.
        if let Self::Growth(Growth { write: Some(folder), .. }) = self {
            options["write"] = std::path::absolute(folder)?.to_string_lossy().into();
        }
        Ok(options)
    }

    /// Whom it can compare with.
    pub(super) fn peers(&self) -> &'static [&'static str] {
        match self {
            Self::Start(_) | Self::Latency(_) | Self::Swarm(_) => &["mediamtx"],
            Self::Growth(_) | Self::Transcode(_) | Self::Filters(_) => &[],
            Self::Ingest(_) => &["mediamtx", "nginx"],
        }
    }

    /// Examples that it needs beside the programs: package and name.
    pub(super) fn examples(&self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::Start(_) | Self::Swarm(_) => &[],
            Self::Latency(_) => &[("broadcast", "glass")],
            Self::Growth(_) => &[("rtmp", "publishers"), ("hls", "journal")],
            Self::Ingest(_) => &[("rtmp", "publishers")],
            Self::Transcode(_) | Self::Filters(_) => &[("transcode", "feed")],
        }
    }
}

/// Another server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Peer {
    pub(super) name: String,
    pub(super) path: String,
}

impl Peer {
    fn parse(text: &str) -> Result<Self, String> {
        let known = |name: &str| ["mediamtx", "nginx"].contains(&name);
        let Some((name, path)) = text.split_once('=').filter(|(name, _)| known(name)) else {
            return Err("give mediamtx=PATH or nginx=PATH".to_owned());
        };
        if !Path::new(path).is_file() {
            return Err(format!("there is no program {path}"));
        }
        let path = std::path::absolute(path).map_err(|error| error.to_string())?;
        Ok(Self { name: name.to_owned(), path: path.to_string_lossy().into_owned() })
    }
}

fn size(text: &str) -> Result<String, String> {
    let sides = text.split_once('x').map(|(w, h)| (w.parse::<u32>(), h.parse::<u32>()));
    match sides {
        Some((Ok(w), Ok(h))) if w >= 320 && h >= 180 && w % 2 == 0 && h % 2 == 0 => Ok(text.to_owned()),
        Some(_) | None => Err("give it as WIDTHxHEIGHT, even, 320x180 or more".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use clap::Parser as _;

    use super::*;

    #[derive(clap::Parser)]
    struct Line {
        #[command(subcommand)]
        bench: Bench,
    }

    fn parse(line: &str) -> Result<Bench, String> {
        let line = Line::try_parse_from(["bench"].into_iter().chain(line.split_whitespace()));
        line.map(|line| line.bench).map_err(|error| error.to_string())
    }

    #[test]
    fn bad_flags_are_told_with_what_would_do() {
        for (line, told) in [
            ("speed", "unrecognized subcommand 'speed'"),
            ("start --player shaka", "unexpected argument '--player'"),
            ("latency --player vlc", "[possible values: hls.js, shaka, video.js]"),
            ("latency --gop 3", "3 is not in 1..=2"),
            ("latency --mode fast", "[possible values: ultra_low, low, normal]"),
            ("latency --size 720p", "give it as WIDTHxHEIGHT, even, 320x180 or more"),
            ("latency --size 321x180", "even"),
            ("latency --runs 0", "0 is not in 1..=100"),
            ("growth --case all", "[possible values: dvr, viewers, channels]"),
            ("growth --runs 3", "unexpected argument '--runs'"),
            ("ingest --publishers 1001", "1001 is not in 1..=1000"),
            ("ingest --peer srs=/bin/sh", "give mediamtx=PATH or nginx=PATH"),
            ("ingest --peer mediamtx", "give mediamtx=PATH or nginx=PATH"),
            ("transcode --case 720p", "[possible values: 720p30, 1080p30, latency, long]"),
            ("transcode --hours 0", "0 is not in 1..=100"),
            ("filters --case mirror", "unexpected argument '--case'"),
            ("ingest --peer nginx=/no/such/program", "there is no program /no/such/program"),
        ] {
            let error = parse(line).err().unwrap_or_else(|| line.to_owned());
            assert!(error.contains(told), "{line}: {error}");
        }
    }

    #[test]
    fn the_options_are_what_was_said() {
        let bench = parse("latency --player shaka --player hls.js --gop 2 --peer mediamtx=/bin/sh").unwrap();
        assert_eq!((bench.name(), bench.common().peer[0].path.as_str()), ("latency", "/bin/sh"));
        let options = bench.options().unwrap();
        assert_eq!(options["player"], serde_json::json!(["shaka", "hls.js"]));
        assert_eq!((&options["gop"], &options["seconds"]), (&serde_json::json!([2]), &serde_json::json!(20)));
        let growth = parse("growth --write here").unwrap().options().unwrap();
        assert!(Path::new(growth["write"].as_str().unwrap()).is_absolute());
    }
}
