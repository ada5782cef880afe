//! The command line of `sigma-broadcast`. A wrong value is told with what is accepted.

use std::path::PathBuf;
use std::time::Duration;

use codec::hardware::Kind;
use codec::x264::Preset;
use rtmp::client::{BadUrl, Url};
use rtmp::driver::client::Trust;

use crate::hardware::Choice;

/// Usage errors exit with this (EX_USAGE of sysexits), so that 2 means one thing: the server refused.
pub const EXIT_USAGE: u8 = 64;

const EXIT_CODES: &str = "\
Exit codes:
  0   ended as asked: a signal, `stop`, --duration, the end of the file
  1   a device, the encoder, the file or the network failed
  2   the server refused the stream
  64  the command line is wrong
  130 a second signal didn't wait for the end

A connection that is lost is tried again for as long as there is something to send.";

/// Takes a picture and a voice to an RTMP server: camera and microphone, a moving test card, or a file.
#[derive(Debug, clap::Parser)]
#[command(
    name = "sigma-broadcast",
    version,
    after_help = EXIT_CODES,
    subcommand_negates_reqs = true,
    args_conflicts_with_subcommands = true
)]
pub struct Args {
    /// Something else than going live.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// Going live.
    #[command(flatten)]
    pub live: Live,
}

/// Something else than going live.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Lists cameras, microphones and encoders.
    Devices {
        /// One JSON object instead of text.
        #[arg(long)]
        json: bool,
    },
    /// Tries an encoder; started by this program itself.
    #[command(hide = true)]
    TryEncoder {
        /// Which one.
        name: String,
    },
    /// Writes the test card and its tone into files, faster than real time.
    Testcard(Testcard),
}

/// Where the test card goes.
#[derive(Debug, clap::Args)]
pub struct Testcard {
    /// Raw pictures, YUV4MPEG2.
    #[arg(long, value_name = "FILE.y4m", required_unless_present = "out_sound")]
    pub out_video: Option<PathBuf>,
    /// The tone, WAV.
    #[arg(long, value_name = "FILE.wav")]
    pub out_sound: Option<PathBuf>,
    /// Length, e.g. 10, 1.5, 2m.
    #[arg(long, value_name = "TIME", default_value = "10", value_parser = parse_duration)]
    pub seconds: Duration,
    /// Picture size, e.g. 1280x720.
    #[arg(long, default_value = "1280x720", value_parser = parse_size)]
    pub size: (u32, u32),
    /// Frames a second.
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..=120))]
    pub fps: u32,
}

/// Going live.
#[derive(Clone, Debug, clap::Args)]
pub struct Live {
    /// Server, application and key: rtmp://HOST/live/KEY, or rtmps://. The key may stand in --stream-key instead.
    #[arg(long, value_name = "URL", required = true)]
    pub to: Option<String>,
    /// The stream key, where the address ends before it. In the environment it isn't seen in `ps`.
    #[arg(long, value_name = "KEY", env = "SIGMA_STREAM_KEY", hide_env_values = true)]
    pub stream_key: Option<String>,
    /// For rtmps://, trust the certificates in this PEM file and no others: those of an authority, or the self-signed one
    /// of a server of your own (sigma-server keeps it in DIR/tls/self-signed.pem).
    #[arg(long, value_name = "FILE", env = "SIGMA_CA")]
    pub ca: Option<PathBuf>,
    /// auto (a camera, or else the test card), camera, camera:N, camera:NAME, testcard, or a media file.
    #[arg(long, default_value = "auto", value_parser = parse_source)]
    pub source: Source,
    /// auto (a microphone, or else the tone), mic, mic:N, mic:NAME, tone, none. Left out: what belongs to the source.
    #[arg(long, value_parser = parse_sound)]
    pub sound: Option<Sound>,
    /// Picture size, e.g. 1280x720; another size of the source is scaled into it.
    #[arg(long, default_value = "1280x720", value_parser = parse_size)]
    pub size: (u32, u32),
    /// Frames a second, 1 to 60.
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..=60))]
    pub fps: u32,
    /// Video, kbit/s, 100 to 50000.
    #[arg(long, value_name = "KBPS", default_value_t = 2500, value_parser = clap::value_parser!(u32).range(100..=50_000))]
    pub bitrate: u32,
    /// Sound, kbit/s, 32 to 320.
    #[arg(long, value_name = "KBPS", default_value_t = 128, value_parser = clap::value_parser!(u32).range(32..=320))]
    pub audio_bitrate: u32,
    /// Seconds from a key frame to the next, 0.1 to 10.
    #[arg(long, value_name = "SECONDS", default_value = "1.0", value_parser = parse_gop)]
    pub gop: f64,
    /// x264's speed: ultrafast, superfast, veryfast, faster, fast, medium, slow.
    #[arg(long, default_value = "veryfast", value_parser = parse_preset)]
    pub preset: Preset,
    /// Makes the pictures: x264, auto (graphics hardware where it works), or nvenc, vaapi, qsv, videotoolbox, media_foundation. What
    /// doesn't work here is told, and x264 used (see `devices`).
    #[arg(long, default_value = "x264", value_parser = parse_encoder)]
    pub encoder: Choice,
    /// Starts a file over at its end.
    #[arg(long = "loop")]
    pub looped: bool,
    /// Ends by itself, e.g. 10, 1.5, 90s, 5m, 1h.
    #[arg(long, value_name = "TIME", value_parser = parse_duration)]
    pub duration: Option<Duration>,
    /// States and figures as JSON, a line each, on stdout.
    #[arg(long)]
    pub json: bool,
    /// Takes commands as JSON lines on stdin; the end of stdin stops. Ends with the program that started it.
    #[arg(long)]
    pub control: bool,
}

/// Where pictures come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// A camera if there is one, else the test card.
    Auto,
    /// A camera.
    Camera(Pick),
    /// The test card.
    Testcard,
    /// Anything FFmpeg's libraries open.
    File(PathBuf),
}

/// Where sound comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sound {
    /// A microphone if one really opens, else the tone.
    Auto,
    /// A microphone.
    Microphone(Pick),
    /// The test card's tone.
    Tone,
    /// The file that the pictures come from.
    File,
    /// Silence: no sound track at all.
    None,
}

/// Which of several devices.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pick {
    /// The system's default, or the first.
    Default,
    /// As numbered by `devices`.
    Index(u32),
    /// The first whose name contains this, in any case.
    Name(String),
}

impl Live {
    /// The sound asked for, or what belongs to the source `chosen` (what `auto` turned out to be).
    pub fn sound_with(&self, chosen: &Source) -> Sound {
        match (&self.sound, chosen) {
            (Some(sound), _) => sound.clone(),
            (None, Source::Camera(_)) if self.source == Source::Auto => Sound::Auto,
            (None, Source::Camera(_)) => Sound::Microphone(Pick::Default),
            (None, Source::Auto | Source::Testcard) => Sound::Tone,
            (None, Source::File(_)) => Sound::File,
        }
    }

    /// What no single flag can tell: a flag that would mean nothing beside the others.
    pub fn check(&self) -> Result<(), String> {
        if self.looped && !matches!(self.source, Source::File(_)) {
            return Err("--loop is for a file: give one with --source, or leave it out".to_owned());
        }
        Ok(())
    }

    /// Whose certificates are taken.
    pub fn trust(&self) -> Result<Trust, String> {
        let Some(path) = &self.ca else { return Ok(Trust::System) };
        let pem = std::fs::read(path).map_err(|error| format!("--ca {}: {error}", path.display()))?;
        Trust::only(&pem).map_err(|error| format!("--ca {}: {error}", path.display()))
    }

    /// Where to publish: the key from the address, or else from `--stream-key`.
    pub fn target(&self) -> Result<Url, String> {
        let to = self
            .to
            .as_deref()
            .ok_or("--to is missing: give it the server, e.g. rtmp://localhost/live/KEY")?;
        let bad = |error: BadUrl| format!("--to {}: {error}", without_key(to));
        let path = to.split_once("://").ok_or(BadUrl::Scheme).map_err(bad)?.1.trim_end_matches('/');
        let key = self.stream_key.as_deref().filter(|key| !key.is_empty());
        match (path.matches('/').count(), key) {
            (0, _) => Err(format!("--to {to}: the application is missing, e.g. rtmp://{path}/live")),
            (1, Some(key)) => Url::with_key(to, key).map_err(bad),
            (1, None) => {
                Url::with_key(to, "none").map_err(bad)?;
                Err(format!("--to {to}: the stream key is missing: add /KEY to it, or set SIGMA_STREAM_KEY"))
            }
            // The address has its own key, which wins over one that happens to stand in the environment.
            _ => Url::parse(to).map_err(bad),
        }
    }
}

/// An address for an error message: what may be a key doesn't belong there.
fn without_key(to: &str) -> &str {
    let host = to.find("://").map_or(0, |at| at + 3);
    match to[host..].match_indices('/').nth(1) {
        Some((slash, _)) => &to[..host + slash],
        None => to,
    }
}

fn parse_source(text: &str) -> Result<Source, String> {
    const ACCEPTED: &str = "auto, camera, camera:N, camera:NAME, testcard, or the path of a media file";
    match text {
        "auto" => return Ok(Source::Auto),
        "camera" => return Ok(Source::Camera(Pick::Default)),
        "testcard" => return Ok(Source::Testcard),
        "screen" => return Err(format!("the screen can't be captured yet. It takes {ACCEPTED}")),
        _ => {}
    }
    if let Some(which) = text.strip_prefix("camera:") {
        return parse_pick(which)
            .map(Source::Camera)
            .ok_or(format!("camera: of which number or name? It takes {ACCEPTED}"));
    }
    let path = PathBuf::from(text);
    if path.is_file() {
        return Ok(Source::File(path));
    }
    Err(format!("there is no file of that name. It takes {ACCEPTED}"))
}

fn parse_sound(text: &str) -> Result<Sound, String> {
    const ACCEPTED: &str = "it takes auto, mic, mic:N, mic:NAME, tone or none";
    match text {
        "auto" => Ok(Sound::Auto),
        "mic" => Ok(Sound::Microphone(Pick::Default)),
        "tone" => Ok(Sound::Tone),
        "none" => Ok(Sound::None),
        _ => text.strip_prefix("mic:").and_then(parse_pick).map(Sound::Microphone).ok_or(ACCEPTED.to_owned()),
    }
}

fn parse_pick(which: &str) -> Option<Pick> {
    match which.parse() {
        Ok(index) => Some(Pick::Index(index)),
        Err(_) => (!which.is_empty()).then(|| Pick::Name(which.to_owned())),
    }
}

fn parse_size(text: &str) -> Result<(u32, u32), String> {
    let sides = text.split_once('x').and_then(|(w, h)| Some((w.parse().ok()?, h.parse().ok()?)));
    let (width, height): (u32, u32) = sides.ok_or("write it as WIDTHxHEIGHT, e.g. 1280x720")?;
    if !(320..=3840).contains(&width) || !(180..=2160).contains(&height) {
        return Err("it must be from 320x180 to 3840x2160".to_owned());
    }
    if !width.is_multiple_of(2) || !height.is_multiple_of(2) {
        return Err("both sides must be even, for 4:2:0 video".to_owned());
    }
    Ok((width, height))
}

fn parse_gop(text: &str) -> Result<f64, String> {
    let seconds: Option<f64> = text.parse().ok();
    seconds
        .filter(|s| (0.1..=10.0).contains(s))
        .ok_or("it must be a number of seconds from 0.1 to 10".to_owned())
}

fn parse_preset(text: &str) -> Result<Preset, String> {
    match text {
        "ultrafast" => Ok(Preset::Ultrafast),
        "superfast" => Ok(Preset::Superfast),
        "veryfast" => Ok(Preset::Veryfast),
        "faster" => Ok(Preset::Faster),
        "fast" => Ok(Preset::Fast),
        "medium" => Ok(Preset::Medium),
        "slow" => Ok(Preset::Slow),
        _ => Err("it takes ultrafast, superfast, veryfast, faster, fast, medium or slow".to_owned()),
    }
}

fn parse_encoder(text: &str) -> Result<Choice, String> {
    Choice::of(text).ok_or_else(|| {
        let names: Vec<_> = Kind::ALL.iter().map(|kind| kind.name()).collect();
        format!("it takes x264, auto, {}", names.join(", "))
    })
}

fn parse_duration(text: &str) -> Result<Duration, String> {
    let number = text.trim_end_matches(['s', 'm', 'h']);
    let unit = match &text[number.len()..] {
        "" | "s" => Some(1.0),
        "m" => Some(60.0),
        "h" => Some(3600.0),
        _ => None,
    };
    let seconds = unit.and_then(|unit| Some(number.parse::<f64>().ok()? * unit));
    let seconds = seconds.filter(|s| *s > 0.0).and_then(|s| Duration::try_from_secs_f64(s).ok());
    seconds.ok_or("write it as a number of seconds, or with a unit: 10, 1.5, 90s, 5m, 1h".to_owned())
}

#[cfg(test)]
mod tests;
