//! The worker's side of a ladder: units from stdin, units of every rendition to stdout, until the source ends.

use std::io::{Read, Write};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use anyhow::{Context, bail};
use codec::ladder::{Effort, Output};
use codec::measure::{Heard, Seen};
use media::{AccessUnit, Kind, Track, aac, avc};
use transcode::ladder::{Change, Config, Level, Lost, Open, Unit};
use transcode::measured::{self, Figures, Measured};
use transcode::{Failed, Message};

use super::order::{Measure, Order};
use super::pictures::Pictures;
use super::sounds::{self, Listener, Sounds};

/// Messages to the server that wait, at most: then the encoders wait too.
const QUEUE: usize = 64;

/// How often a worker looks at its memory, and how much of it is too much: a ladder of 3840x2160 takes half of it.
#[cfg(target_os = "linux")]
const LOOK: std::time::Duration = std::time::Duration::from_secs(1);
#[cfg(target_os = "linux")]
const MOST_KIB: u64 = 4 << 20;

/// Works until the source ends. `next` gives the server's messages; `None` where it is gone.
pub(in crate::transcode) fn run(
    open: &Open,
    mut next: impl FnMut() -> anyhow::Result<Option<Message>>,
    results: impl Write + Send,
) -> anyhow::Result<()> {
    watch_memory();
    let (sender, inbox) = sync_channel(QUEUE);
    std::thread::scope(|scope| {
        let writer = scope.spawn(move || write(&inbox, results));
        let outcome = match Show::start(open, &sender) {
            Ok(show) => {
                let _ = sender.send(Message::Opened);
                show.play(&mut next)
            }
            Err(error) => {
                let _ = sender.send(Message::Failed(Failed { number: 0, reason: format!("{error:#}") }));
                Ok(())
            }
        };
        let _ = sender.send(Message::End);
        drop(sender);
        writer.join().map_err(|_| anyhow::anyhow!("the writer panicked"))??;
        outcome
    })
}

/// Ends a worker that grows and grows: the next one begins with nothing.
#[cfg(target_os = "linux")]
pub(in crate::transcode) fn watch_memory() {
    let ticks = std::sync::mpsc::channel::<()>();
    std::thread::spawn(move || {
        let (_open, ticks) = ticks;
        // The channel stays empty: it is the alarm clock.
        while let Err(std::sync::mpsc::RecvTimeoutError::Timeout) = ticks.recv_timeout(LOOK) {
            let kib = std::fs::read_to_string("/proc/self/status").ok().and_then(|status| resident(&status));
            if kib.is_some_and(|kib| kib > MOST_KIB) {
                eprintln!("more than {} MiB are in use", MOST_KIB / 1024);
                std::process::abort();
            }
        }
    });
}

#[cfg(not(target_os = "linux"))]
pub(in crate::transcode) fn watch_memory() {}

/// KiB in memory, of what the system says of a process.
#[cfg(target_os = "linux")]
fn resident(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().trim_end_matches("kB").trim().parse().ok()
}

fn write(inbox: &Receiver<Message>, mut results: impl Write) -> anyhow::Result<()> {
    for message in inbox {
        let bytes = message.to_bytes().context("a result is too long")?;
        results.write_all(&bytes).and_then(|()| results.flush()).context("the server is gone")?;
    }
    Ok(())
}

struct Show {
    pictures: Option<Pictures>,
    sounds: Option<Sounds>,
    /// Where sound is only measured.
    listener: Option<Listener>,
    /// The source's configuration of sound, as it was last told.
    audio: Option<bytes::Bytes>,
    /// What is done to picture and sound, and the logo.
    done: (api::processing::Processing, bytes::Bytes),
    /// Outputs of pictures; those of sound are counted after them.
    rungs: usize,
    out: SyncSender<Message>,
}

impl Show {
    fn start(open: &Open, out: &SyncSender<Message>) -> anyhow::Result<Self> {
        let order: Order = serde_json::from_slice(&open.order).context("the order can't be read")?;
        let logo = logo(&open.logo)?;
        let pictures = match &open.video {
            Some(config) if !order.pictures.is_empty() => {
                let sender = out.clone();
                let tell = move |rung: usize, output: Output| {
                    let _ = sender.send(message(number(rung), Kind::Video, output));
                };
                Some(Pictures::start(&order, logo, &track(Kind::Video, config)?, tell, out.clone())?)
            }
            Some(_) | None => None,
        };
        let sounds = match &open.audio {
            Some(config) if !order.sounds.is_empty() => {
                Some(Sounds::start(&order, &track(Kind::Audio, config)?)?)
            }
            Some(_) | None => None,
        };
        let (rungs, audio) = (order.pictures.len(), open.audio.clone());
        let done = (order.processing, open.logo.clone());
        let mut show = Self { pictures, sounds, listener: None, audio, done, rungs, out: out.clone() };
        show.measure(order.measure);
        Ok(show)
    }

    /// Sound of which nothing is made is decoded for its figures alone; where it can't be, the show goes on without.
    fn measure(&mut self, measure: Measure) {
        if let Some(pictures) = &mut self.pictures {
            pictures.measure(measure.pictures);
        }
        if let Some(sounds) = &mut self.sounds {
            sounds.measure(measure.sound);
        }
        if !measure.sound || self.sounds.is_some() {
            self.listener = None;
        } else if self.listener.is_none()
            && let Some(config) = &self.audio
        {
            let started = track(Kind::Audio, config).and_then(|track| Listener::start(&track));
            self.listener =
                started.inspect_err(|error| tracing::warn!("sound isn't measured: {error:#}")).ok();
        }
    }

    fn play(mut self, next: &mut impl FnMut() -> anyhow::Result<Option<Message>>) -> anyhow::Result<()> {
        while let Some(message) = next()? {
            match message {
                Message::Unit(Unit { unit, .. }) => self.unit(&unit)?,
                Message::Config(Config { kind, config, .. }) => {
                    let track = track(kind, &config)?;
                    match kind {
                        Kind::Video => self.pictures.as_mut().map_or(Ok(()), |p| p.track(&track))?,
                        Kind::Audio => {
                            self.audio = Some(config);
                            self.sounds.as_mut().map_or(Ok(()), |s| s.track(&track))?;
                            self.listener.as_mut().map_or(Ok(()), |l| l.track(&track))?;
                        }
                    }
                }
                Message::Change(change) => self.change(&change)?,
                Message::Effort(effort) => {
                    let level = match effort.level {
                        Level::Full => Effort::Full,
                        Level::Half => Effort::Half,
                        Level::Off => Effort::Off,
                    };
                    if let (Some(pictures), Some(rung)) =
                        (&mut self.pictures, usize::from(effort.output).checked_sub(1))
                    {
                        pictures.effort(rung, level);
                    }
                }
                Message::End => break,
                Message::Job(_)
                | Message::Done(_)
                | Message::Failed(_)
                | Message::Open(_)
                | Message::Opened
                | Message::Lost(_)
                | Message::Watch
                | Message::Watched(_)
                | Message::Thumbnail(_)
                | Message::Blind(_)
                | Message::Measured(_) => bail!("the server sent what no ladder takes"),
            }
        }
        if let Some(pictures) = self.pictures.take() {
            pictures.finish()?;
        }
        if let Some(sounds) = self.sounds.take() {
            let mut out = Vec::new();
            sounds.finish(&mut out)?;
            self.tell(out);
        }
        Ok(())
    }

    fn unit(&mut self, unit: &AccessUnit) -> anyhow::Result<()> {
        let figures = match unit.kind {
            Kind::Video => {
                let Some(pictures) = &mut self.pictures else { return Ok(()) };
                pictures.unit(unit)?;
                pictures.take_seen().map(seen)
            }
            Kind::Audio => {
                self.sound(|sounds, out| sounds.unit(unit, out))?;
                let made = self.sounds.as_mut().and_then(Sounds::take_heard);
                made.or_else(|| self.listener.as_mut()?.unit(unit)).map(heard)
            }
        };
        if let Some(figures) = figures {
            let _ = self.out.send(Message::Measured(Measured { channel: 0, figures }));
        }
        Ok(())
    }

    fn change(&mut self, change: &Change) -> anyhow::Result<()> {
        let order: Order = serde_json::from_slice(&change.order).context("the order can't be read")?;
        self.measure(order.measure);
        // A chain that is set up anew drops what it has learnt.
        let done = (order.processing.clone(), change.logo.clone());
        if std::mem::replace(&mut self.done, done.clone()) == done {
            return Ok(());
        }
        if let Some(pictures) = &mut self.pictures {
            pictures.change(&order, logo(&change.logo)?)?;
        }
        self.sound(|sounds, out| sounds.change(&order, out))
    }

    fn sound(
        &mut self,
        work: impl FnOnce(&mut Sounds, &mut Vec<(usize, sounds::Output)>) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        let Some(sounds) = &mut self.sounds else { return Ok(()) };
        let mut out = Vec::new();
        work(sounds, &mut out)?;
        self.tell(out);
        Ok(())
    }

    fn tell(&self, outputs: Vec<(usize, sounds::Output)>) {
        for (sound, output) in outputs {
            let output = match output {
                sounds::Output::Track(track) => Output::Track(track),
                sounds::Output::Unit(unit) => Output::Unit(unit),
            };
            let _ = self.out.send(message(number(self.rungs + sound), Kind::Audio, output));
        }
    }
}

pub(in crate::transcode) fn seen(seen: Seen) -> Figures {
    Figures::Pictures(measured::Pictures { dark: seen.dark, moved: seen.moved })
}

pub(in crate::transcode) fn heard(heard: Heard) -> Figures {
    let Heard { peak_dbfs, clipped, momentary_lufs, short_term_lufs, integrated_lufs, .. } = heard;
    Figures::Sound(measured::Sound { peak_dbfs, clipped, momentary_lufs, short_term_lufs, integrated_lufs })
}

/// Outputs are counted from 1.
fn number(place: usize) -> u8 {
    u8::try_from(place + 1).unwrap_or(u8::MAX)
}

fn message(output: u8, kind: Kind, made: Output) -> Message {
    match made {
        Output::Track(track) => {
            let config = match track.config {
                media::CodecConfig::Avc(avc) => avc.record,
                media::CodecConfig::Aac(aac) => aac.asc,
            };
            Message::Config(Config { output, kind, config })
        }
        Output::Unit(unit) => Message::Unit(Unit { output, unit }),
        Output::Failed(reason) => Message::Lost(Lost { output, reason }),
    }
}

pub(in crate::transcode) fn track(kind: Kind, config: &bytes::Bytes) -> anyhow::Result<Track> {
    Ok(match kind {
        Kind::Video => Track::video(avc::Config::parse(config)?.0),
        Kind::Audio => Track::audio(aac::Config::parse(config)?),
    })
}

/// A JPEG or PNG in its own size.
fn logo(file: &[u8]) -> anyhow::Result<Option<codec::Frame>> {
    if file.is_empty() { Ok(None) } else { codec::still::frame(file).map(Some).context("the logo") }
}

/// Reads messages out of a pipe.
pub(in crate::transcode) fn reader<'a>(
    decoder: &'a mut transcode::Decoder,
    jobs: &'a mut impl Read,
) -> impl FnMut() -> anyhow::Result<Option<Message>> + 'a {
    let mut buffer = vec![0; 64 << 10];
    move || loop {
        if let Some(message) = decoder.next().context("what the server sent can't be read")? {
            return Ok(Some(message));
        }
        match jobs.read(&mut buffer).context("the server is gone")? {
            0 => return Ok(None),
            read => decoder.push(&buffer[..read]),
        }
    }
}
