//! The test card into files, faster than real time: raw pictures (YUV4MPEG2) and sound (WAV) to make fixtures of.
//!
//! The wall clock of a rendered frame is its media time.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use anyhow::Context;
use codec::{Picture, Plane};
use media::{Timescale, Timestamp};

use super::{Card, tone};

/// Writes `seconds` of card at `fps` as YUV4MPEG2 (4:2:0, square pixels).
pub fn video(path: &Path, (width, height): (u32, u32), fps: u32, seconds: f64) -> anyhow::Result<()> {
    let mut card = Card::new(width, height, fps)?;
    write_file(path, |out| {
        writeln!(out, "YUV4MPEG2 W{width} H{height} F{fps}:1 Ip A1:1 C420mpeg2 XCOLORRANGE=LIMITED")?;
        let frames = (seconds * f64::from(fps)).round() as u32;
        for frame in 0..frames {
            let at = Timestamp::new(i64::from(frame), Timescale::new(fps).unwrap_or(Timescale::MILLIS));
            let wall_ms = u64::from(frame) * 1000 / u64::from(fps);
            write_frame(out, &card.draw(frame, wall_ms, at))?;
        }
        Ok(())
    })
}

fn write_frame(out: &mut impl Write, picture: &Picture) -> io::Result<()> {
    writeln!(out, "FRAME")?;
    Plane::ALL.into_iter().flat_map(|plane| picture.rows(plane)).try_for_each(|row| out.write_all(row))
}

/// Writes `seconds` of tone as 48 kHz stereo 16-bit WAV.
pub fn sound(path: &Path, seconds: f64) -> anyhow::Result<()> {
    let count = (seconds * f64::from(tone::SAMPLE_RATE)).round() as u64;
    let frame = u32::from(tone::CHANNELS) * 2;
    let bytes = u32::try_from(count * u64::from(frame)).ok().filter(|&bytes| bytes < u32::MAX - 36);
    let bytes = bytes.context("a WAV file ends at 4 GiB: ask for fewer --seconds")?;
    write_file(path, |out| {
        out.write_all(b"RIFF")?;
        out.write_all(&(36 + bytes).to_le_bytes())?;
        out.write_all(b"WAVEfmt ")?;
        out.write_all(&16u32.to_le_bytes())?;
        out.write_all(&1u16.to_le_bytes())?; // PCM
        out.write_all(&u16::from(tone::CHANNELS).to_le_bytes())?;
        out.write_all(&tone::SAMPLE_RATE.to_le_bytes())?;
        out.write_all(&(tone::SAMPLE_RATE * frame).to_le_bytes())?;
        out.write_all(&(frame as u16).to_le_bytes())?;
        out.write_all(&16u16.to_le_bytes())?;
        out.write_all(b"data")?;
        out.write_all(&bytes.to_le_bytes())?;
        for n in 0..count {
            let [low, high] = tone::sample(n).to_le_bytes();
            out.write_all(&[low, high, low, high])?;
        }
        Ok(())
    })
}

fn write_file(path: &Path, write: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>) -> anyhow::Result<()> {
    let name = || format!("can't write {}", path.display());
    let mut out = BufWriter::new(File::create(path).with_context(name)?);
    write(&mut out).and_then(|()| out.flush()).with_context(name)
}
