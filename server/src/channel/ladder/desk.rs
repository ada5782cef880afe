//! A running session's ladder: its worker, replaced where it ends, and how far each rendition has come.
//!
//! ```text
//!   Waiting ── there is room ──▶ Running ── it broke ──▶ Resting ── the pause is over ──▶ Running, with the backlog
//! ```

use std::time::{Duration, Instant};

use bytes::Bytes;
use live::budget::Grant;
use live::event::Kind as Fact;
use live::shed::{self, Shed};
use media::{AccessUnit, CodecConfig, Kind, Timescale, Timestamp, Track};
use transcode::Message;
use transcode::ladder::{Config, Effort, Level, Open, Unit};

use super::Plan;
use super::alerts::Alerts;
use super::backlog::Backlog;
use crate::machine::Lease;
use crate::transcode::Program;
use crate::transcode::feed::{Feed, Made};

mod change;

/// Before a worker that broke soon after it was started is started again; doubled each time.
const PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// One that worked so long is replaced at once.
const WORKED: Duration = Duration::from_secs(10);
/// So many in a row that didn't last are no accident.
const ALARMING: u32 = 3;
/// How often a ladder without room for all of it looks for some.
const LOOK: Duration = Duration::from_secs(1);

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
    lease: Lease,
    /// When it looks for more room; `None` where it has all it wants.
    look: Option<Instant>,
    /// Of the pictures that there is room for.
    shed: Shed,
    /// What is wrong, and what was told of it.
    alerts: Alerts,
    told: Alerts,
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
    /// For room.
    Waiting,
    Running {
        feed: Feed,
        since: Instant,
    },
    Resting {
        until: Instant,
    },
}

impl Desk {
    /// Starts a worker, where anything of the plan is to be made and was declared with the session. `place`: where a rendition
    /// of a name stands in the session's package.
    pub(in crate::channel) fn start(
        program: &Program,
        (plan, logo): (Plan, Bytes),
        lease: Lease,
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
            worker: Worker::Waiting,
            failures: 0,
            lease,
            look: None,
            shed: Shed::new(0, now),
            alerts: Alerts::default(),
            told: Alerts::default(),
            fed: None,
            came: false,
            wants_key: true,
        };
        desk.granted(now);
        Some(desk)
    }

    /// There is room for so much of it: makes that.
    fn granted(&mut self, now: Instant) {
        let standing = self.lease.standing();
        let pictures = self.plan.order.pictures.len();
        let made = match standing.grant {
            Grant::Nothing => 0,
            Grant::Part(made) => made.min(pictures),
            Grant::Whole => pictures,
        };
        self.shed = Shed::new(made, now);
        self.look = (standing.grant != Grant::Whole).then(|| now + LOOK);
        self.alerts.over = self.plan.over(&standing, self.lease.capacity());
        match (&self.worker, standing.grant) {
            (_, Grant::Nothing) => self.worker = Worker::Waiting,
            (Worker::Waiting, Grant::Part(_) | Grant::Whole) => {
                self.outputs.iter_mut().zip(efforts(pictures, &self.shed)).for_each(|(output, effort)| {
                    output.effort = effort;
                });
                self.begin(now);
            }
            (Worker::Running { .. } | Worker::Resting { .. }, Grant::Part(_) | Grant::Whole) => {
                self.shed_anew();
            }
        }
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
            feed: Feed::start(&self.program, open, first, |kind| self.wants(kind), self.lease.worker()),
            since: now,
        };
    }

    fn wants(&self, kind: Kind) -> bool {
        match kind {
            Kind::Video => !self.plan.order.pictures.is_empty(),
            Kind::Audio => !self.plan.order.sounds.is_empty(),
        }
    }

    /// When another worker is to be started, or there may be more room.
    pub(in crate::channel) fn due(&self) -> Option<Instant> {
        self.rests().into_iter().chain(self.look).min()
    }

    fn rests(&self) -> Option<Instant> {
        match &self.worker {
            Worker::Running { .. } | Worker::Waiting => None,
            Worker::Resting { until } => Some(*until),
        }
    }

    /// Does it, where it is time.
    pub(in crate::channel) fn tick(&mut self, now: Instant) {
        if self.rests().is_some_and(|due| due <= now) {
            self.begin(now);
        }
        if self.look.is_some_and(|due| due <= now) {
            self.look = Some(now + LOOK);
            if self.lease.look(now) {
                self.granted(now);
            }
        }
    }

    /// What is to be told of it since it was last asked.
    pub(in crate::channel) fn news(&mut self) -> Vec<Fact> {
        let facts = self.alerts.since(&self.told);
        self.told = self.alerts.clone();
        facts
    }

    /// The same at its end, when nothing is wrong with it any more.
    pub(in crate::channel) fn last_news(mut self) -> Vec<Fact> {
        self.alerts = Alerts::default();
        self.news()
    }

    /// What the worker makes; never where none runs.
    pub(in crate::channel) async fn made(&mut self) -> Made {
        match &mut self.worker {
            Worker::Running { feed, .. } => feed.made().await,
            Worker::Resting { .. } | Worker::Waiting => std::future::pending().await,
        }
    }

    /// A unit of the source.
    pub(in crate::channel) fn unit(&mut self, unit: &AccessUnit, now: Instant) {
        if matches!(self.worker, Worker::Waiting) {
            return;
        }
        if !self.wants(unit.kind) {
            self.listen(unit);
            return;
        }
        self.backlog.push(unit.clone(), self.given());
        if self.wants_key && !self.backlog.leads(unit) {
            return;
        }
        self.wants_key = !self.send(fed(unit.clone()));
        if unit.kind == Kind::Audio {
            return;
        }
        let Some(before) = self.fed.replace(unit.dts) else { return };
        let Some(behind) = shed::behind(before, self.made_of_pictures()) else { return };
        if std::mem::take(&mut self.came) && self.shed.observe(behind, now) {
            self.shed_anew();
        }
    }

    /// False where it can't be taken.
    fn send(&self, message: Message) -> bool {
        match &self.worker {
            Worker::Running { feed, .. } => feed.send(message).is_ok(),
            Worker::Resting { .. } | Worker::Waiting => false,
        }
    }

    /// What the worker must know. Where it can't be told it is replaced: the next one is told all.
    fn tell(&mut self, message: Message) {
        if let (false, Worker::Running { since, .. }) = (self.send(message), &self.worker) {
            self.worker = Worker::Resting { until: *since };
        }
    }

    fn shed_anew(&mut self) {
        let efforts = efforts(self.plan.order.pictures.len(), &self.shed);
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
        messages.into_iter().for_each(|message| self.tell(message));
        self.alerts.shed = self.shed();
        self.lease.steady(self.alerts.shed.is_none());
    }

    /// Renditions of which something is given up, for people; `None` where all is made that there is room for.
    fn shed(&self) -> Option<String> {
        let granted = self.outputs.iter().zip(&self.plan.names);
        let skip = self.plan.order.pictures.len() - self.shed.efforts().len();
        let told = granted.skip(skip).filter_map(|(output, name)| match output.effort {
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
    pub(in crate::channel) fn came(&mut self, output: u8, unit: &AccessUnit, now: Instant) {
        if self.alerts.failed.is_some() && self.lasted(now) >= WORKED {
            (self.failures, self.alerts.failed) = (0, None);
        }
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

    fn lasted(&self, now: Instant) -> Duration {
        match &self.worker {
            Worker::Running { since, .. } => now.saturating_duration_since(*since),
            Worker::Resting { .. } | Worker::Waiting => Duration::ZERO,
        }
    }

    /// The worker is gone, and why: a clause. After how long there is another.
    pub(in crate::channel) fn broke(&mut self, why: &str, now: Instant) -> Duration {
        self.failures = if self.lasted(now) >= WORKED { 0 } else { self.failures + 1 };
        if self.failures >= ALARMING && self.alerts.failed.is_none() {
            self.alerts.failed = Some(self.plan.failed(why));
        }
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

/// Of each rendition of pictures: those that there is no room for are the largest.
fn efforts(pictures: usize, shed: &Shed) -> impl Iterator<Item = shed::Effort> + use<> {
    let made = shed.efforts();
    std::iter::repeat_n(shed::Effort::Off, pictures - made.len()).chain(made)
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
mod tests;
