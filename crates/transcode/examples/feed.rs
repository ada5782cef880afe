//! A worker fed by hand, for benchmarks: the units of an FLV file in, renditions out, and what that cost.
//! `cargo run --release -p transcode --example feed -- '{"program": "…/sigma-server", "clip": "….flv", "order": {…}}'`
//!
//! More fields: `paced` (in real time; else as fast as the worker takes them), `seconds` (the clip over and over, up to
//! there), `logo` (a picture's file), `out` (a folder for FLV files of what is made), `sample_s` (the worker's memory each so many seconds). The last line
//! is a JSON object: seconds, CPU time of the worker, memory, and of each output how long after its source a unit came.
#![allow(clippy::disallowed_methods)]

use std::collections::{BTreeMap, HashMap};
use std::error::Error;
use std::fs::{File, read, read_to_string};
use std::io::{BufWriter, Read, Write};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread::sleep;
use std::time::{Duration, Instant};

use bytes::Bytes;
use media::flv::{Demuxer, Item, Tag, TagKind, sequence_header, tag};
use media::{AccessUnit, CodecConfig, Kind, Timescale, Timestamp, Track, aac, avc};
use serde_json::{Value, json};
use transcode::ladder::{Config, Open, Unit};
use transcode::{Decoder, Message};

type Failure = Box<dyn Error + Send + Sync>;

/// Latencies kept for each output: enough for an hour.
const KEPT: usize = 1 << 18;

struct Wanted {
    program: PathBuf,
    order: Bytes,
    logo: Bytes,
    clip: Clip,
    paced: bool,
    seconds: Option<f64>,
    out: Option<PathBuf>,
    sample: Option<Duration>,
}

struct Clip {
    video: Option<Track>,
    audio: Option<Track>,
    units: Vec<AccessUnit>,
    span: Timestamp,
}

/// What came of one output.
#[derive(Default)]
struct Output {
    units: u64,
    bytes: u64,
    /// Milliseconds from a picture's way in to its way out.
    late: Vec<f64>,
    file: Option<BufWriter<File>>,
}

fn main() -> Result<(), Failure> {
    let wanted = Wanted::read(&std::env::args().nth(1).ok_or("one argument: what to do, as JSON")?)?;
    let config = |track: &Option<Track>| track.as_ref().map(|track| record(track).1);
    let (video, audio) = (config(&wanted.clip.video), config(&wanted.clip.audio));
    let open = Open { order: wanted.order.clone(), logo: wanted.logo.clone(), video, audio };
    let mut worker = Command::new(&wanted.program)
        .arg("transcode-worker")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    let pid = worker.id();
    let (mut input, results) = (worker.stdin.take().ok_or("stdin")?, worker.stdout.take().ok_or("stdout")?);
    let fed = Mutex::new(HashMap::new());
    let begun = Instant::now();
    let (stop, stopped) = channel::<()>();
    let (outputs, memory) = std::thread::scope(|scope| -> Result<_, Failure> {
        let reading = named("feed", scope, || collect(results, &fed, wanted.out.as_ref()))?;
        let sample = wanted.sample;
        let looking = named("feed", scope, move || memory(pid, sample, &stopped))?;
        input.write_all(&Message::Open(open).to_bytes()?)?;
        feed(&wanted, &mut input, &fed)?;
        input.write_all(&Message::End.to_bytes()?)?;
        drop(input);
        let outputs = reading.join().map_err(|_| "the reader panicked")??;
        drop(stop);
        Ok((outputs, looking.join().map_err(|_| "the sampler panicked")?))
    })?;
    let wall = begun.elapsed();
    // What a process took is told as long as nobody has waited for it.
    let (user, system) = loop {
        match taken(pid) {
            Some((true, user, system)) => break (user, system),
            Some(_) => sleep(Duration::from_millis(5)),
            None => break (0, 0),
        }
    };
    let status = worker.wait()?;
    if !status.success() {
        return Err(format!("the worker failed: {status}").into());
    }
    let outputs: Vec<Value> = outputs.into_values().map(Output::told).collect();
    println!(
        "{}",
        json!({ "seconds": wall.as_secs_f64(), "cpu_ms": { "user": user, "system": system }, "memory_kib": memory, "outputs": outputs })
    );
    Ok(())
}

/// The thread's name tells it from the worker's in a profile.
fn named<'scope, T: Send + 'scope>(
    name: &str,
    scope: &'scope std::thread::Scope<'scope, '_>,
    work: impl FnOnce() -> T + Send + 'scope,
) -> std::io::Result<std::thread::ScopedJoinHandle<'scope, T>> {
    std::thread::Builder::new().name(name.to_owned()).spawn_scoped(scope, work)
}

impl Wanted {
    fn read(text: &str) -> Result<Self, Failure> {
        let given: Value = serde_json::from_str(text)?;
        let path = |name: &str| given[name].as_str().map(PathBuf::from);
        Ok(Self {
            program: path("program").ok_or("no program")?,
            order: serde_json::to_vec(&given["order"])?.into(),
            logo: path("logo").map(read).transpose()?.unwrap_or_default().into(),
            clip: Clip::read(&path("clip").ok_or("no clip")?)?,
            paced: given["paced"] == true,
            seconds: given["seconds"].as_f64(),
            out: path("out"),
            sample: given["sample_s"].as_f64().map(Duration::from_secs_f64),
        })
    }
}

impl Clip {
    fn read(file: &PathBuf) -> Result<Self, Failure> {
        let flv = Bytes::from(read(file)?);
        let (mut demuxer, mut at) = (Demuxer::new(), 13);
        let (mut video, mut audio, mut units) = (None, None, Vec::new());
        while let Some(head) = flv.get(at..at + 11) {
            let size = u32::from_be_bytes([0, head[1], head[2], head[3]]) as usize;
            let timestamp = u32::from_be_bytes([head[7], head[4], head[5], head[6]]);
            let (kind, body) = (head[0], at + 11..at + 11 + size);
            at = body.end + 4;
            if body.end > flv.len() || ![8, 9].contains(&kind) {
                continue;
            }
            let kind = if kind == 8 { TagKind::Audio } else { TagKind::Video };
            match demuxer.push(&Tag { kind, timestamp, body: flv.slice(body) })? {
                Item::Track(track) if kind == TagKind::Video => video = Some(track),
                Item::Track(track) => audio = Some(track),
                Item::Unit(unit) | Item::Changed(_, unit) => units.push(unit),
                Item::Nothing => {}
            }
        }
        let last = units.iter().map(|unit| unit.dts).max().ok_or("nothing in the clip")?;
        // A picture at 30 a second; sound is close enough to that.
        let span = last.plus(Timestamp::new(33, Timescale::MILLIS));
        Ok(Self { video, audio, units, span })
    }
}

fn feed(wanted: &Wanted, input: &mut impl Write, fed: &Mutex<HashMap<i64, Instant>>) -> Result<(), Failure> {
    let (begun, mut start) = (Instant::now(), Timestamp::new(0, Timescale::MILLIS));
    let end = wanted.seconds.map(|seconds| Timestamp::millis((seconds * 1000.0) as i64));
    loop {
        for unit in &wanted.clip.units {
            let unit = AccessUnit { dts: unit.dts.plus(start), pts: unit.pts.plus(start), ..unit.clone() };
            if end.is_some_and(|end| unit.dts >= end) {
                return Ok(());
            }
            if wanted.paced {
                let due = Duration::from_millis(unit.dts.rescale(Timescale::MILLIS).ticks.max(0) as u64);
                sleep(due.saturating_sub(begun.elapsed()));
            }
            let (video, at) = (unit.kind == Kind::Video, unit.pts.rescale(Timescale::VIDEO).ticks);
            let bytes = Message::Unit(Unit { output: 0, unit }).to_bytes()?;
            if video && let Ok(mut fed) = fed.lock() {
                fed.insert(at, Instant::now());
            }
            input.write_all(&bytes)?;
        }
        if end.is_none() {
            return Ok(());
        }
        start = start.plus(wanted.clip.span);
    }
}

fn collect(
    mut results: impl Read,
    fed: &Mutex<HashMap<i64, Instant>>,
    out: Option<&PathBuf>,
) -> Result<BTreeMap<u8, Output>, Failure> {
    let (mut decoder, mut buffer) = (Decoder::default(), vec![0; 64 << 10]);
    let mut outputs = BTreeMap::<u8, Output>::new();
    loop {
        while let Some(message) = decoder.next()? {
            match message {
                Message::Config(Config { output, kind, config }) => {
                    let track = match kind {
                        Kind::Video => Track::video(avc::Config::parse(&config)?.0),
                        Kind::Audio => Track::audio(aac::Config::parse(&config)?),
                    };
                    let made = outputs.entry(output).or_default();
                    if let (Some(folder), None) = (out, &made.file) {
                        let mut file = BufWriter::new(File::create(folder.join(format!("{output}.flv")))?);
                        let sort = if kind == Kind::Video { 1 } else { 4 };
                        file.write_all(&[b'F', b'L', b'V', 1, sort, 0, 0, 0, 9, 0, 0, 0, 0])?;
                        made.file = Some(file);
                    }
                    made.write(&sequence_header(&track, 0))?;
                }
                Message::Unit(Unit { output, unit }) => {
                    let at = unit.pts.rescale(Timescale::VIDEO).ticks;
                    let made = outputs.entry(output).or_default();
                    made.write(&tag(&unit))?;
                    (made.units, made.bytes) = (made.units + 1, made.bytes + unit.data.len() as u64);
                    let fed = fed.lock().ok().and_then(|mut fed| {
                        // What is long over is forgotten.
                        fed.retain(|then, _| *then >= at - 90_000 * 10);
                        fed.get(&at).copied()
                    });
                    if let Some(then) = fed.filter(|_| made.late.len() < KEPT) {
                        made.late.push(then.elapsed().as_secs_f64() * 1000.0);
                    }
                }
                Message::Failed(failed) => return Err(failed.reason.into()),
                Message::Lost(lost) => return Err(format!("output {}: {}", lost.output, lost.reason).into()),
                Message::End => return Ok(outputs),
                _ => {}
            }
        }
        match results.read(&mut buffer)? {
            0 => return Err("the worker ended before its work".into()),
            read => decoder.push(&buffer[..read]),
        }
    }
}

impl Output {
    fn write(&mut self, tag: &Tag) -> std::io::Result<()> {
        let Some(file) = &mut self.file else { return Ok(()) };
        let (size, time) = ((tag.body.len() as u32).to_be_bytes(), tag.timestamp.to_be_bytes());
        let kind = if tag.kind == TagKind::Audio { 8 } else { 9 };
        file.write_all(&[kind, size[1], size[2], size[3], time[1], time[2], time[3], time[0], 0, 0, 0])?;
        file.write_all(&tag.body)?;
        file.write_all(&(tag.body.len() as u32 + 11).to_be_bytes())
    }

    fn told(mut self) -> Value {
        self.late.sort_by(f64::total_cmp);
        let at = |percent: usize| self.late.get(self.late.len() * percent / 100).copied();
        json!({ "units": self.units, "bytes": self.bytes, "late_ms": {
            "p50": at(50), "p95": at(95), "p99": at(99), "max": self.late.last(),
        } })
    }
}

fn record(track: &Track) -> (Kind, Bytes) {
    match &track.config {
        CodecConfig::Avc(avc) => (Kind::Video, avc.record.clone()),
        CodecConfig::Aac(aac) => (Kind::Audio, aac.asc.clone()),
    }
}

/// Resident memory, now and then.
fn memory(pid: u32, each: Option<Duration>, stopped: &std::sync::mpsc::Receiver<()>) -> Vec<u64> {
    let mut samples = Vec::new();
    let Some(each) = each else { return samples };
    while let Err(RecvTimeoutError::Timeout) = stopped.recv_timeout(each) {
        let status = read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        samples.extend(line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok()));
    }
    samples
}

/// Whether it has ended, and its CPU time in milliseconds: in programs, in the kernel. Linux only.
fn taken(pid: u32) -> Option<(bool, u64, u64)> {
    const TICK_MS: u64 = 10;
    let stat = read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let fields: Vec<_> = stat.rsplit_once(") ")?.1.split(' ').collect();
    let number = |n: usize| fields.get(n)?.parse::<u64>().ok().map(|ticks| ticks * TICK_MS);
    Some((*fields.first()? == "Z", number(11)?, number(12)?))
}
