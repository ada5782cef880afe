//! A running session's ladder: its worker, replaced where it ends, and how far each rendition has come.
//!
//! ```text
//!   Running ── it broke ──▶ Resting ── the pause is over ──▶ Running, with the backlog
//! ```

use std::time::{Duration, Instant};

use bytes::Bytes;
use live::shed::{self, Shed};
use media::{AccessUnit, CodecConfig, Kind, Timescale, Timestamp, Track};
use transcode::Message;
use transcode::ladder::{Config, Effort, Level, Open, Unit};

use super::Plan;
use super::backlog::Backlog;
use crate::transcode::Program;
use crate::transcode::feed::{Feed, Made};

mod change;

/// Before a worker that broke soon after it was started is started again; doubled each time.
const PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// One that worked so long is replaced at once.
const WORKED: Duration = Duration::from_secs(10);

/// The running session's.
pub(in crate::channel) struct Desk {
    program: Program,
    plan: Plan,
    /// The channel's, as a file; empty without one.
    logo: Bytes,
    outputs: Vec<Output>,
    /// The source's, as the worker knows them.
    tracks: Vec<Track>,
    backlog: Backlog,
    worker: Worker,
    /// Workers in a row that didn't last.
    failures: u32,
    shed: Shed,
    /// The newest picture that went in: by its DTS, when a decoder that keeps up gives out the one that is shown then.
    fed: Option<Timestamp>,
    /// A picture came since the last went in.
    came: bool,
    /// Units were left out: the worker goes on with a key frame.
    wants_key: bool,
}

struct Output {
    /// Its place in the session's package.
    rendition: Option<usize>,
    kind: Kind,
    /// It was given out up to here.
    given: Option<Timestamp>,
    effort: shed::Effort,
    lost: bool,
}

enum Worker {
    Running { feed: Feed, since: Instant },
    Resting { until: Instant },
}

impl Desk {
    /// Starts a worker, where anything of the plan is to be made and was declared with the session. `place`: where a rendition
    /// of a name stands in the session's package.
    pub(in crate::channel) fn start(
        program: &Program,
        (plan, logo): (Plan, Bytes),
        tracks: &[Track],
        place: impl Fn(&str) -> Option<usize>,
        now: Instant,
    ) -> Option<Self> {
        let pictures = plan.order.pictures.len();
        let output = |(number, name): (usize, &String)| Output {
            rendition: place(name),
            kind: if number < pictures { Kind::Video } else { Kind::Audio },
            given: None,
            effort: shed::Effort::Full,
            lost: false,
        };
        let outputs: Vec<_> = plan.names.iter().enumerate().map(output).collect();
        outputs.iter().find_map(|output| output.rendition)?;
        let mut desk = Self {
            program: program.clone(),
            outputs,
            plan,
            logo,
            tracks: tracks.to_vec(),
            backlog: Backlog::new(pictures > 0),
            worker: Worker::Resting { until: now },
            failures: 0,
            shed: Shed::new(pictures, now),
            fed: None,
            came: false,
            wants_key: true,
        };
        desk.begin(now);
        Some(desk)
    }

    fn begin(&mut self, now: Instant) {
        let ticks = |given: Option<Timestamp>| given.map(|at| at.rescale(Timescale::VIDEO).ticks);
        let mut order = self.plan.order.clone();
        let afters = self.outputs.iter().map(|output| ticks(output.given));
        let places = order.pictures.iter_mut().map(|one| &mut one.after);
        places
            .chain(order.sounds.iter_mut().map(|one| &mut one.after))
            .zip(afters)
            .for_each(|(to, at)| *to = at);
        let config = |kind| self.tracks.iter().find(|track| track.kind == kind).map(config);
        let open = Open {
            order: json(&order),
            logo: self.logo.clone(),
            video: config(Kind::Video),
            audio: config(Kind::Audio),
        };
        let efforts = (1..).zip(&self.outputs).filter_map(|(number, output)| effort(number, output.effort));
        let again = self.backlog.units().cloned().map(fed);
        let first = efforts.chain(again).collect();
        self.wants_key = self.backlog.units().next().is_none();
        self.shed.begins();
        self.worker = Worker::Running {
            feed: Feed::start(&self.program, open, first, |kind| self.wants(kind)),
            since: now,
        };
    }

    fn wants(&self, kind: Kind) -> bool {
        match kind {
            Kind::Video => !self.plan.order.pictures.is_empty(),
            Kind::Audio => !self.plan.order.sounds.is_empty(),
        }
    }

    /// When another worker is to be started.
    pub(in crate::channel) fn due(&self) -> Option<Instant> {
        match &self.worker {
            Worker::Running { .. } => None,
            Worker::Resting { until } => Some(*until),
        }
    }

    /// Starts it, where it is time.
    pub(in crate::channel) fn tick(&mut self, now: Instant) {
        if self.due().is_some_and(|due| due <= now) {
            self.begin(now);
        }
    }

    /// What the worker makes; never where none runs.
    pub(in crate::channel) async fn made(&mut self) -> Made {
        match &mut self.worker {
            Worker::Running { feed, .. } => feed.made().await,
            Worker::Resting { .. } => std::future::pending().await,
        }
    }

    /// A unit of the source. True where what is given up changed.
    pub(in crate::channel) fn unit(&mut self, unit: &AccessUnit, now: Instant) -> bool {
        if !self.wants(unit.kind) {
            self.listen(unit);
            return false;
        }
        self.backlog.push(unit.clone(), self.given());
        if self.wants_key && !self.backlog.leads(unit) {
            return false;
        }
        self.wants_key = !self.send(fed(unit.clone()));
        if unit.kind == Kind::Audio {
            return false;
        }
        let Some(before) = self.fed.replace(unit.dts) else { return false };
        let Some(behind) = shed::behind(before, self.made_of_pictures()) else { return false };
        std::mem::take(&mut self.came) && self.shed.observe(behind, now) && self.shed_anew()
    }

    /// False where it can't be taken.
    fn send(&self, message: Message) -> bool {
        match &self.worker {
            Worker::Running { feed, .. } => feed.send(message).is_ok(),
            Worker::Resting { .. } => false,
        }
    }

    /// What the worker must know. Where it can't be told it is replaced: the next one is told all.
    fn tell(&mut self, message: Message) {
        if let (false, Worker::Running { since, .. }) = (self.send(message), &self.worker) {
            self.worker = Worker::Resting { until: *since };
        }
    }

    fn shed_anew(&mut self) -> bool {
        let efforts = self.shed.efforts();
        let mut messages = Vec::new();
        for ((number, output), new) in (1..).zip(&mut self.outputs).zip(efforts) {
            if output.effort != new {
                output.effort = new;
                if new == shed::Effort::Off {
                    // It comes back with a key frame.
                    output.given = None;
                }
                let level = level(new);
                messages.push(Message::Effort(Effort { output: number, level }));
            }
        }
        let changed = !messages.is_empty();
        messages.into_iter().for_each(|message| self.tell(message));
        changed
    }

    /// Renditions of which something is given up, for people; `None` where all is made.
    pub(in crate::channel) fn shed(&self) -> Option<String> {
        let told =
            self.outputs.iter().zip(&self.plan.names).filter_map(|(output, name)| match output.effort {
                shed::Effort::Full => None,
                shed::Effort::Half => Some(format!("{name} with every other picture")),
                shed::Effort::Off => Some(format!("{name} not at all")),
            });
        let told: Vec<_> = told.collect();
        (!told.is_empty()).then(|| told.join(", "))
    }

    /// Every rendition that is made was given out up to here.
    fn given(&self) -> Option<Timestamp> {
        let made = self.outputs.iter().filter(|output| !output.lost && output.effort != shed::Effort::Off);
        made.map(|output| output.given).min().flatten()
    }

    fn made_of_pictures(&self) -> impl Iterator<Item = shed::Made> {
        let outputs = self.plan.order.pictures.iter().zip(&self.outputs).filter(|(_, output)| !output.lost);
        outputs.filter_map(|(wanted, output)| {
            Some(shed::Made { given: output.given?, ahead: wanted.ahead(), effort: output.effort })
        })
    }

    /// Where an output goes in the package.
    pub(in crate::channel) fn rendition(&self, output: u8) -> Option<usize> {
        self.output(output)?.rendition
    }

    fn output(&self, output: u8) -> Option<&Output> {
        self.outputs.get(usize::from(output).checked_sub(1)?)
    }

    /// An output came so far.
    pub(in crate::channel) fn came(&mut self, output: u8, unit: &AccessUnit) {
        let output = usize::from(output).checked_sub(1).and_then(|at| self.outputs.get_mut(at));
        // What still comes of one that isn't made any more says nothing of when it is made again.
        if let Some(output) = output.filter(|output| output.effort != shed::Effort::Off) {
            output.given = output.given.max(Some(unit.pts));
            self.came |= output.kind == Kind::Video;
        }
    }

    /// An output is given up by the worker. Its name.
    pub(in crate::channel) fn lost(&mut self, output: u8) -> Option<&str> {
        let at = usize::from(output).checked_sub(1)?;
        self.outputs.get_mut(at)?.lost = true;
        self.plan.names.get(at).map(String::as_str)
    }

    /// The worker is gone. After how long there is another.
    pub(in crate::channel) fn broke(&mut self, now: Instant) -> Duration {
        let lasted = match &self.worker {
            Worker::Running { since, .. } => now.saturating_duration_since(*since),
            Worker::Resting { .. } => Duration::ZERO,
        };
        self.failures = if lasted >= WORKED { 0 } else { self.failures + 1 };
        let pause = match self.failures {
            0 => Duration::ZERO,
            failures => PAUSE.saturating_mul(1 << (failures - 1).min(16)).min(LONGEST_PAUSE),
        };
        self.outputs.iter_mut().for_each(|output| output.lost = false);
        self.worker = Worker::Resting { until: now + pause };
        pause
    }

    /// The source has these configurations from now on.
    pub(in crate::channel) fn tracks(&mut self, tracks: &[Track]) {
        for track in tracks {
            let known = self.tracks.iter_mut().find(|known| known.kind == track.kind);
            let Some(known) = known.filter(|known| **known != *track) else { continue };
            *known = track.clone();
            self.backlog.clear();
            let config = config(track);
            if self.takes(track.kind) {
                self.tell(Message::Config(Config { output: 0, kind: track.kind, config }));
            }
        }
    }

    /// Nothing more comes for a while: what the worker's decoder holds back comes out. It goes on with a key frame.
    pub(in crate::channel) fn pause(&mut self) {
        self.backlog.clear();
        let again = self.tracks.iter().filter(|track| track.kind == Kind::Video && self.wants(track.kind));
        let again: Vec<_> = again.map(config).collect();
        for config in again {
            self.tell(Message::Config(Config { output: 0, kind: Kind::Video, config }));
        }
    }

    /// Nothing more comes of the source: the worker gives out the rest.
    pub(in crate::channel) fn end(&mut self) {
        self.send(Message::End);
    }
}

fn fed(unit: AccessUnit) -> Message {
    Message::Unit(Unit { output: 0, unit })
}

fn level(effort: shed::Effort) -> Level {
    match effort {
        shed::Effort::Full => Level::Full,
        shed::Effort::Half => Level::Half,
        shed::Effort::Off => Level::Off,
    }
}

fn effort(output: u8, effort: shed::Effort) -> Option<Message> {
    let told = Message::Effort(Effort { output, level: level(effort) });
    (effort != shed::Effort::Full).then_some(told)
}

fn config(track: &Track) -> Bytes {
    match &track.config {
        CodecConfig::Avc(avc) => avc.record.clone(),
        CodecConfig::Aac(aac) => aac.asc.clone(),
    }
}

fn json(order: &crate::transcode::order::Order) -> Bytes {
    // Numbers and texts: there is nothing in them that JSON can't say.
    serde_json::to_vec(order).unwrap_or_default().into()
}

#[cfg(all(test, unix))]
mod tests {
    #![allow(clippy::unwrap_used)]
    use media::{Rational, avc};

    use super::*;
    use crate::transcode::order::{Order, Pictures};
    use api::processing::Processing;

    /// With a worker that takes everything and says nothing.
    fn desk(now: Instant) -> Desk {
        let program =
            Program { path: "/bin/sh".into(), args: vec!["-c".to_owned(), "exec cat >/dev/null".to_owned()] };
        let pictures = |height: u32| Pictures {
            width: height * 16 / 9,
            height,
            fps: 30.0,
            kbps: 500,
            crf: None,
            profile: api::ladder::Profile::default(),
            preset: api::ladder::Preset::default(),
            encoding: api::ladder::Encoding::default(),
            threads: 1,
            after: None,
        };
        let order = Order {
            pictures: vec![pictures(360), pictures(180)],
            sounds: Vec::new(),
            processing: Processing::default(),
            ultra_low: true,
            frame_rate: (30, 1),
            measure: crate::transcode::order::Measure::default(),
            stills_ms: None,
        };
        let names = vec!["360p".to_owned(), "180p".to_owned()];
        let plan = Plan { order, names, pictures: true, sound: true };
        let config = avc::Config {
            record: Bytes::new(),
            width: 1280,
            height: 720,
            profile: [0x64, 0, 0x1f],
            frame_rate: None,
            sample_aspect: Rational { num: 1, den: 1 },
        };
        let place = |name: &str| ["video", "360p", "180p"].iter().position(|known| *known == name);
        Desk::start(&program, (plan, Bytes::new()), &[Track::video(config)], place, now).unwrap()
    }

    fn unit(number: i64) -> AccessUnit {
        let at = Timestamp::new(number * 3_000, Timescale::VIDEO);
        AccessUnit { kind: Kind::Video, dts: at, pts: at, key: number % 30 == 0, data: vec![0; 10].into() }
    }

    fn at(start: Instant, number: i64) -> Instant {
        start + Duration::from_millis(number as u64 * 1000 / 30)
    }

    #[tokio::test]
    async fn what_falls_behind_is_given_up_and_taken_back() {
        let start = crate::clock::Clock::system().now();
        let mut desk = desk(start);
        assert_eq!((desk.rendition(1), desk.rendition(2), desk.rendition(3)), (Some(1), Some(2), None));
        let mut told = Vec::new();
        for number in 0..3_000 {
            let now = at(start, number);
            // From 2 s to 20 s what comes out is 0.6 s old, but for what is made in part only.
            let late = if (60..600).contains(&number) && desk.shed().is_none() { 18 } else { 1 };
            for output in [1, 2] {
                desk.came(output, &unit((number - late).max(0)));
            }
            if desk.unit(&unit(number), now) {
                told.push(desk.shed());
            }
        }
        assert_eq!(told.first(), Some(&Some("180p with every other picture".to_owned())));
        assert_eq!(told.last(), Some(&None));
    }

    #[tokio::test]
    async fn the_next_worker_is_given_what_was_not_given_out() {
        let start = crate::clock::Clock::system().now();
        let mut desk = desk(start);
        for number in 0..100 {
            for output in [1, 2] {
                desk.came(output, &unit((number - 40).max(0)));
            }
            desk.unit(&unit(number), at(start, number));
        }
        let kept: Vec<_> = desk.backlog.units().map(|unit| unit.pts.ticks / 3_000).collect();
        assert_eq!((kept.first(), kept.last()), (Some(&30), Some(&99)));
        // One that worked for long is replaced at once; those that don't, ever later.
        assert_eq!(desk.broke(at(start, 400)), Duration::ZERO);
        desk.tick(at(start, 400));
        assert_eq!((desk.due(), desk.wants_key), (None, false));
        let pauses: Vec<_> = (0..10)
            .map(|_| {
                let pause = desk.broke(at(start, 401));
                desk.tick(at(start, 401) + pause);
                pause.as_millis()
            })
            .collect();
        assert_eq!(pauses, [250, 500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000]);
    }
}
