//! What detectors cost: CPU time a minute of stream, beside that of decoding.
//!
//!     cargo run --release -p codec --example detectors

use std::error::Error;
use std::time::Duration;

use codec::measure::{Ear, Eye};
use codec::{Picture, Plane, aac, decode, x264};
use media::{AccessUnit, Rational, Timescale, Timestamp};

const SECONDS: u32 = 20;
const FPS: u32 = 30;

fn main() -> Result<(), Box<dyn Error>> {
    println!("CPU seconds a minute of stream (and percent of a core)");
    for (width, height, kbps) in [(1280, 720, 3_000), (1920, 1080, 6_000)] {
        pictures(width, height, kbps)?;
    }
    sound()
}

/// CPU time of this thread so far.
fn cpu() -> Result<Duration, Box<dyn Error>> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat")?;
    let nanos = text.split_whitespace().next().ok_or("no figure")?;
    Ok(Duration::from_nanos(nanos.parse()?))
}

fn tell(what: &str, spent: Duration) {
    let minute = spent.as_secs_f64() * 60.0 / f64::from(SECONDS);
    println!("{what:<40} {minute:8.4} ({:.3} %)", minute / 60.0 * 100.0);
}

fn pictures(width: u32, height: u32, kbps: u32) -> Result<(), Box<dyn Error>> {
    let rate = Rational { num: FPS, den: 1 };
    let config =
        x264::Config { preset: x264::Preset::Ultrafast, ..x264::Config::new(width, height, rate, kbps) };
    let mut encoder = x264::Encoder::new(&config)?;
    let mut units: Vec<AccessUnit> = Vec::new();
    let mut picture = Picture::black(width, height, Timestamp::millis(0))?;
    for number in 0..SECONDS * FPS {
        let stride = picture.stride(Plane::Y);
        for (y, row) in picture.plane_mut(Plane::Y).chunks_mut(stride).enumerate() {
            for (x, luma) in row.iter_mut().enumerate() {
                *luma = 32 + ((x + number as usize * 3) ^ (y / 3)) as u8 % 160;
            }
        }
        let at = Timestamp::new(i64::from(number) * 3_000, Timescale::VIDEO);
        units.extend(encoder.encode(&picture, at, false)?);
    }
    let (mut decoder, mut eye) = (decode::Video::new(encoder.track())?, Eye::default());
    let (mut decoding, mut looking, mut figures) = (Duration::ZERO, Duration::ZERO, 0);
    for second in units.chunks(FPS as usize) {
        let start = cpu()?;
        let mut frames = Vec::new();
        for unit in second {
            frames.extend(decoder.frames(unit)?);
        }
        let decoded = cpu()?;
        figures += frames.iter().filter_map(|frame| eye.look(frame)).count();
        decoding += decoded - start;
        looking += cpu()? - decoded;
    }
    tell(&format!("{height}p30: decode"), decoding);
    tell(&format!("{height}p30: black and frozen ({figures} figures)"), looking);
    let (start, mut eye, mut keys) = (cpu()?, Eye::default(), 0);
    for unit in units.iter().filter(|unit| unit.key) {
        let mut decoder = decode::Video::new(encoder.track())?;
        let mut frames = decoder.frames(unit)?;
        frames.extend(decoder.flush_frames()?);
        keys += frames.iter().filter_map(|frame| eye.look_at_key_frame(frame)).count();
    }
    tell(&format!("{height}p30: {keys} key frames, with decoding"), cpu()? - start);
    Ok(())
}

fn sound() -> Result<(), Box<dyn Error>> {
    let config = aac::Config { sample_rate: 48_000, channels: 2, bitrate: 128_000 };
    let mut encoder = aac::Encoder::new(&config, Timestamp::millis(0))?;
    let tone = |n: u32| (f64::from(n) * 440.0 / 48_000.0 * std::f64::consts::TAU).sin() * 8_192.0;
    let samples: Vec<i16> = (0..48_000 * SECONDS).flat_map(|n| [tone(n) as i16; 2]).collect();
    let units = encoder.encode(&samples)?;
    let (mut decoder, mut ear) = (decode::Audio::new(encoder.track())?, Ear::default());
    let (mut decoding, mut listening, mut figures) = (Duration::ZERO, Duration::ZERO, 0);
    for second in units.chunks(47) {
        let start = cpu()?;
        let mut frames = Vec::new();
        for unit in second {
            frames.extend(decoder.frames(unit)?);
        }
        let decoded = cpu()?;
        figures += frames.iter().filter_map(|frame| ear.listen(frame)).count();
        decoding += decoded - start;
        listening += cpu()? - decoded;
    }
    tell("48 kHz stereo: decode", decoding);
    tell(&format!("48 kHz stereo: all of sound ({figures} figures)"), listening);
    Ok(())
}
