//! Microphones, through cpal.
//!
//! A machine without sound may still list devices (ALSA does), so a microphone counts as open once it has given sound.

use std::sync::mpsc;
use std::time::Duration;

use codec::{Resampler, Sound};
use cpal::traits::{DeviceTrait, HostTrait, StreamTrait};
use cpal::{ErrorKind, FromSample, InputCallbackInfo, SampleFormat, SizedSample, SupportedStreamConfig};
use media::{Timescale, Timestamp};

use super::{Ready, SAMPLE_RATE, Sink, spawn};
use crate::cli::Pick;
use crate::clock::Clock;
use crate::raw::Closed;

/// A microphone that has given nothing by then is none.
const FIRST_SOUND: Duration = Duration::from_secs(3);
/// A running one that gives nothing for this long is gone.
const SILENT: Duration = Duration::from_secs(5);
/// Blocks between cpal's thread, which must not wait, and ours.
const BLOCKS: usize = 64;

/// An input of this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Microphone {
    /// In the system's order.
    pub index: u32,
    /// What the system calls it.
    pub name: String,
    /// What the system would choose.
    pub default: bool,
}

/// The inputs of this machine that answer.
pub fn list() -> anyhow::Result<Vec<Microphone>> {
    quiet_library();
    let host = cpal::default_host();
    let default = host.default_input_device().and_then(|device| device.id().ok());
    let answering = inputs(&host)?;
    let numbered = (0u32..).zip(&answering);
    Ok(numbered
        .map(|(index, device)| {
            let default = default.is_some() && device.id().ok() == default;
            Microphone { index, name: name(device), default }
        })
        .collect())
}

fn inputs(host: &cpal::Host) -> anyhow::Result<Vec<cpal::Device>> {
    // ALSA's `null` answers on every machine, with silence.
    let real = |device: &cpal::Device| device.id().is_ok_and(|id| id.id() != "null");
    let answers = |device: &cpal::Device| device.default_input_config().is_ok();
    Ok(host.input_devices()?.filter(real).filter(answers).collect())
}

fn name(device: &cpal::Device) -> String {
    device.description().map_or_else(|_| "unknown".to_owned(), |description| description.name().to_owned())
}

/// ALSA writes about every device that isn't there to stderr; what matters comes back as an error. For this thread only.
#[cfg(target_os = "linux")]
fn quiet_library() {
    let _ = alsa::Output::local_error_handler();
}

#[cfg(not(target_os = "linux"))]
fn quiet_library() {}

/// Opens a microphone and starts its thread; sound is thrown away until the queue opens.
pub(super) fn open(pick: &Pick, sink: &Sink) -> anyhow::Result<super::Sound> {
    let (pick, sink) = (pick.clone(), sink.clone());
    spawn("microphone", move |ready| {
        if let Err(error) = run(&pick, &sink, &ready) {
            let _ = ready.send(Err(error));
        }
    })
}

/// What cpal's thread hands over.
enum Block {
    /// Interleaved, in the device's rate and channels, and when its first sample was captured.
    Sound(Vec<f32>, Timestamp),
    Lost(String),
}

fn run(pick: &Pick, sink: &Sink, ready: &Ready<super::Sound>) -> anyhow::Result<()> {
    quiet_library();
    let host = cpal::default_host();
    let device = choose(&host, pick)?;
    let name = name(&device);
    let fail = |error: cpal::Error| anyhow::anyhow!("can't open the microphone {name}: {error}");
    let config = device.default_input_config().map_err(fail)?;
    let from = u8::try_from(config.channels()).unwrap_or(u8::MAX);
    let channels = from.min(2);
    let mut resampler = Resampler::new(config.sample_rate(), from, SAMPLE_RATE, channels)?;
    let (blocks, taken) = mpsc::sync_channel(BLOCKS);
    let stream = build(&device, &config, sink.clock, blocks).map_err(fail)?;
    stream.play().map_err(fail)?;

    let mut patience = FIRST_SOUND;
    loop {
        let (samples, at) = match taken.recv_timeout(patience) {
            Ok(Block::Sound(samples, at)) => (samples, at),
            Ok(Block::Lost(why)) => return gone(&name, &why, patience, sink),
            Err(_) => return gone(&name, "it gives no sound", patience, sink),
        };
        if patience == FIRST_SOUND {
            patience = SILENT;
            let name = format!("microphone: {name} ({} Hz, {from} ch)", config.sample_rate());
            if ready.send(Ok(super::Sound { name, channels })).is_err() {
                return Ok(()); // Too late: something else took its place.
            }
        }
        let samples = resampler.push(&samples)?;
        let sound = Sound { at, sample_rate: SAMPLE_RATE, channels, samples };
        if !sound.samples.is_empty() && sink.raw.push_sound(sound) == Err(Closed) {
            return Ok(());
        }
    }
}

/// Before its first sound a microphone has not opened; after it, it is lost.
fn gone(name: &str, why: &str, patience: Duration, sink: &Sink) -> anyhow::Result<()> {
    anyhow::ensure!(patience != FIRST_SOUND, "the microphone {name} doesn't work: {why}");
    sink.raw.fail(format!("the microphone {name} is gone: plug it in and go live again ({why})"));
    Ok(())
}

fn choose(host: &cpal::Host, pick: &Pick) -> anyhow::Result<cpal::Device> {
    if *pick == Pick::Default {
        let default = host.default_input_device();
        return default.ok_or_else(|| anyhow::anyhow!("no microphone was found on this machine"));
    }
    let devices = inputs(host)?;
    let names: Vec<String> = devices.iter().map(name).collect();
    let fits = |(index, name): (usize, &String)| match pick {
        Pick::Default => true,
        Pick::Index(wanted) => index == *wanted as usize,
        Pick::Name(wanted) => name.to_lowercase().contains(&wanted.to_lowercase()),
    };
    let found = names.iter().enumerate().position(fits);
    let listed = if names.is_empty() {
        "this machine has none".to_owned()
    } else {
        format!("there are: {}", names.join(", "))
    };
    let missing = || anyhow::anyhow!("there is no such microphone; {listed}");
    found.and_then(|at| devices.into_iter().nth(at)).ok_or_else(missing)
}

fn build(
    device: &cpal::Device,
    config: &SupportedStreamConfig,
    clock: Clock,
    blocks: mpsc::SyncSender<Block>,
) -> Result<cpal::Stream, cpal::Error> {
    match config.sample_format() {
        SampleFormat::I8 => build_of::<i8>(device, config, clock, blocks),
        SampleFormat::U8 => build_of::<u8>(device, config, clock, blocks),
        SampleFormat::I16 => build_of::<i16>(device, config, clock, blocks),
        SampleFormat::U16 => build_of::<u16>(device, config, clock, blocks),
        SampleFormat::I32 => build_of::<i32>(device, config, clock, blocks),
        SampleFormat::F64 => build_of::<f64>(device, config, clock, blocks),
        // Every host converts to floats if asked, or says that it can't.
        _ => build_of::<f32>(device, config, clock, blocks),
    }
}

fn build_of<T>(
    device: &cpal::Device,
    config: &SupportedStreamConfig,
    clock: Clock,
    blocks: mpsc::SyncSender<Block>,
) -> Result<cpal::Stream, cpal::Error>
where
    T: SizedSample,
    f32: FromSample<T>,
{
    let lost = blocks.clone();
    // A full queue loses the block: what follows is aligned by its time.
    let on_sound = move |samples: &[T], info: &InputCallbackInfo| {
        let stamp = info.timestamp();
        let age = stamp.callback.duration_since(stamp.capture);
        let at = clock.now().minus(Timestamp::of_duration(age, Timescale::NANOS));
        let samples = samples.iter().map(|&sample| f32::from_sample_(sample)).collect();
        let _ = blocks.try_send(Block::Sound(samples, at));
    };
    let on_error = move |error: cpal::Error| match error.kind() {
        ErrorKind::DeviceChanged | ErrorKind::Xrun | ErrorKind::RealtimeDenied => {
            tracing::debug!(%error, "microphone");
        }
        _ => {
            let _ = lost.try_send(Block::Lost(error.to_string()));
        }
    };
    device.build_input_stream(config.config(), on_sound, on_error, Some(FIRST_SOUND))
}
