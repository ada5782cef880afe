//! The test card and its tone in real time: frame n is due at start + n / fps, whatever the scheduler does.

use std::thread;

use anyhow::Context;
use codec::{Colour, Sound};
use media::{Timescale, Timestamp};

use super::{SAMPLE_RATE, Sink, Video};
use crate::raw::Closed;
use crate::testcard::{Card, tone};

/// Frames are left out rather than drawn late by more than this.
const MOST_LATE_MS: i64 = 500;
/// A block of tone: 10 ms.
const BLOCK: u64 = 480;
/// The tone is made ahead by this, so that the AAC encoder's delay (43 ms, and its frame of 21) holds no picture up.
const LEAD_MS: i64 = 80;

/// Starts the card; it draws from when the queue opens.
pub(super) fn open(sink: &Sink) -> anyhow::Result<Video> {
    let (width, height) = sink.size;
    let card = Card::new(width, height, sink.fps)?;
    let sink = sink.clone();
    let run = move || {
        let _ = draw(card, &sink);
    };
    thread::Builder::new().name("testcard".to_owned()).spawn(run).context("can't start a thread")?;
    Ok(Video { name: "testcard".to_owned(), colour: Colour::assumed(height) })
}

/// Starts the tone; it sounds from when the queue opens.
pub(super) fn open_tone(sink: &Sink) -> anyhow::Result<super::Sound> {
    let sink = sink.clone();
    let run = move || {
        let _ = sound(&sink);
    };
    thread::Builder::new().name("tone".to_owned()).spawn(run).context("can't start a thread")?;
    Ok(super::Sound { name: "tone".to_owned(), channels: tone::CHANNELS })
}

fn draw(mut card: Card, sink: &Sink) -> Result<(), Closed> {
    let start = sink.raw.wait_open()?;
    let mut frame = 0;
    loop {
        let mut due = start.plus(frame_time(frame, sink.fps));
        sink.raw.wait_closed(sink.clock.until(due))?;
        let late = sink.clock.now().minus(due).as_millis();
        if late > MOST_LATE_MS {
            frame += (late * i64::from(sink.fps) / 1000) as u32;
            due = start.plus(frame_time(frame, sink.fps));
        }
        let wall_ms = sink.clock.wall().as_millis() as u64;
        sink.raw.push_picture(card.draw(frame, wall_ms, due))?;
        frame = frame.wrapping_add(1);
    }
}

fn sound(sink: &Sink) -> Result<(), Closed> {
    let start = sink.raw.wait_open()?;
    for block in 0.. {
        let first = block * BLOCK;
        let at = start.plus(Timestamp::new(first as i64, rate()));
        sink.raw.wait_closed(sink.clock.until(at.minus(Timestamp::millis(LEAD_MS))))?;
        let samples = tone::samples(first, BLOCK);
        sink.raw.push_sound(Sound { at, sample_rate: SAMPLE_RATE, channels: tone::CHANNELS, samples })?;
    }
    Ok(())
}

/// When frame `frame` is shown.
fn frame_time(frame: u32, fps: u32) -> Timestamp {
    Timestamp::new(i64::from(frame), Timescale::new(fps).unwrap_or(Timescale::MILLIS))
        .rescale(Timescale::NANOS)
}

fn rate() -> Timescale {
    Timescale::new(SAMPLE_RATE).unwrap_or(Timescale::MILLIS)
}
