//! Sources of pictures and sound, each on a thread of its own, all into one [`raw::Queue`], all on one [`Clock`].
//!
//! **Belongs here:** opening what the command line asks for (or the next best where it says `auto`), and the loops that
//! read devices. **Does not:** encoding; which time is zero.

pub mod camera;
mod card;
mod file;
pub mod microphone;

use std::sync::Arc;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use anyhow::Context;
use codec::Colour;

use crate::clock::Clock;
use crate::{cli, raw};

/// All sound is brought to this rate, Hz.
pub const SAMPLE_RATE: u32 = 48_000;
/// A device that hasn't opened by then never will.
const OPEN_TIME: Duration = Duration::from_secs(10);

/// What every source gets.
#[derive(Clone, Debug)]
pub struct Sink {
    /// Where media goes.
    pub raw: Arc<raw::Queue>,
    /// What it is stamped with.
    pub clock: Clock,
    /// Pixels across and down that the encoder takes.
    pub size: (u32, u32),
    /// Frames a second, at most.
    pub fps: u32,
}

/// An open source of pictures.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Video {
    /// In words, for the status line.
    pub name: String,
    /// What its samples mean.
    pub colour: Colour,
}

/// An open source of sound.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sound {
    /// In words, for the status line.
    pub name: String,
    /// 1 or 2.
    pub channels: u8,
}

/// Everything that is open.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Opened {
    /// Pictures, if there are any.
    pub video: Option<Video>,
    /// Sound, if there is any.
    pub sound: Option<Sound>,
    /// What a person should know: that `auto` had to make do.
    pub notices: Vec<String>,
}

/// Opens the sources that `live` asks for and starts their threads. Blocks until the devices have answered.
pub fn open(live: &cli::Live, sink: &Sink) -> anyhow::Result<Opened> {
    let mut opened = Opened::default();
    let chosen = open_pictures(live, sink, &mut opened)?;
    open_sound(&live.sound_with(&chosen), sink, &mut opened)?;
    Ok(opened)
}

fn open_pictures(live: &cli::Live, sink: &Sink, opened: &mut Opened) -> anyhow::Result<cli::Source> {
    match &live.source {
        cli::Source::Auto => match camera::open(&cli::Pick::Default, sink) {
            Ok(video) => {
                opened.video = Some(video);
                return Ok(cli::Source::Camera(cli::Pick::Default));
            }
            Err(error) => {
                opened.notices.push(format!("{error:#}"));
                opened.video = Some(card::open(sink)?);
                return Ok(cli::Source::Testcard);
            }
        },
        cli::Source::Camera(pick) => {
            let help = "the moving test card needs none: --source testcard";
            opened.video = Some(camera::open(pick, sink).map_err(|why| anyhow::anyhow!("{why:#}; {help}"))?);
        }
        cli::Source::Testcard => opened.video = Some(card::open(sink)?),
        cli::Source::File(path) => {
            let with_sound = live.sound_with(&live.source) == cli::Sound::File;
            let (video, sound) = file::open(path, live.looped, with_sound, sink)?;
            (opened.video, opened.sound) = (video, sound);
        }
    }
    Ok(live.source.clone())
}

fn open_sound(asked: &cli::Sound, sink: &Sink, opened: &mut Opened) -> anyhow::Result<()> {
    match asked {
        cli::Sound::None | cli::Sound::File => {}
        cli::Sound::Tone => opened.sound = Some(card::open_tone(sink)?),
        cli::Sound::Microphone(pick) => {
            let help = "to go live without one: --sound tone, or --sound none";
            opened.sound =
                Some(microphone::open(pick, sink).map_err(|why| anyhow::anyhow!("{why:#}; {help}"))?);
        }
        cli::Sound::Auto => match microphone::open(&cli::Pick::Default, sink) {
            Ok(sound) => opened.sound = Some(sound),
            Err(error) => {
                opened.notices.push(format!("{error:#}: the tone takes its place"));
                opened.sound = Some(card::open_tone(sink)?);
            }
        },
    }
    Ok(())
}

/// Tells [`spawn`] that the source is open (or why not); then the source runs on, unless nobody waits for it any more.
type Ready<T> = mpsc::SyncSender<anyhow::Result<T>>;

/// Runs a source on its own thread and waits until it is open.
fn spawn<T: Send + 'static>(
    name: &'static str,
    run: impl FnOnce(Ready<T>) + Send + 'static,
) -> anyhow::Result<T> {
    let (ready, opened) = mpsc::sync_channel(1);
    thread::Builder::new().name(name.to_owned()).spawn(move || run(ready)).context("can't start a thread")?;
    match opened.recv_timeout(OPEN_TIME) {
        Ok(result) => result,
        Err(_) => anyhow::bail!("the {name} doesn't answer: unplug it and plug it in again"),
    }
}
