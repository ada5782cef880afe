//! A desk with workers that take everything.
#![allow(clippy::unwrap_used)]
use media::{Rational, avc};

use api::processing::Processing;

use super::*;
use crate::machine::{For, Machine};
use crate::transcode::order::{Order, Pictures};

fn machine(cores: f64) -> Machine {
    let share = cores / std::thread::available_parallelism().map_or(1, usize::from) as f64;
    Machine::new(std::path::Path::new("."), share, crate::clock::Clock::system())
}

fn plan(listed: bool) -> Plan {
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
        encoder: None,
        measure: crate::transcode::order::Measure::default(),
        stills_ms: None,
    };
    let names = vec!["360p".to_owned(), "180p".to_owned()];
    Plan { order, names, pictures: listed, sound: true, waits: false, comes: 1280.0 * 720.0 * 30.0 }
}

fn lease(machine: &Machine, plan: &Plan) -> Lease {
    let of = For { channel: String::new(), session: String::new(), renditions: plan.names.clone() };
    machine.join(of, plan.ask())
}

/// With a worker that does this.
fn desk_of(script: &str, machine: &Machine, plan: Plan, now: Instant) -> Desk {
    let program = Program { path: "/bin/sh".into(), args: vec!["-c".to_owned(), script.to_owned()] };
    let config = avc::Config {
        record: Bytes::new(),
        width: 1280,
        height: 720,
        profile: [0x64, 0, 0x1f],
        frame_rate: None,
        sample_aspect: Rational { num: 1, den: 1 },
    };
    let place = |name: &str| ["video", "360p", "180p"].iter().position(|known| *known == name);
    let lease = lease(machine, &plan);
    Desk::start(&program, (plan, Bytes::new()), lease, &[Track::video(config)], place, now).unwrap()
}

/// With a worker that takes everything and says nothing.
fn desk(now: Instant) -> Desk {
    desk_of("exec cat >/dev/null", &machine(1000.0), plan(true), now)
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
            desk.came(output, &unit((number - late).max(0)), now);
        }
        desk.unit(&unit(number), now);
        told.extend(desk.news());
    }
    let detail = "180p with every other picture".to_owned();
    assert_eq!(told.first(), Some(&Fact::LadderShed { detail }));
    assert_eq!(told.last(), Some(&Fact::LadderWhole));
}

#[tokio::test]
async fn the_next_worker_is_given_what_was_not_given_out() {
    let start = crate::clock::Clock::system().now();
    let mut desk = desk(start);
    for number in 0..100 {
        for output in [1, 2] {
            desk.came(output, &unit((number - 40).max(0)), start);
        }
        desk.unit(&unit(number), at(start, number));
    }
    let kept: Vec<_> = desk.backlog.units().map(|unit| unit.pts.ticks / 3_000).collect();
    assert_eq!((kept.first(), kept.last()), (Some(&30), Some(&99)));
    // One that worked for long is replaced at once; those that don't, ever later.
    assert_eq!(desk.broke("ended", at(start, 400)), Duration::ZERO);
    desk.tick(at(start, 400));
    assert_eq!((desk.due(), desk.wants_key), (None, false));
    let pauses: Vec<_> = (0..10)
        .map(|_| {
            let pause = desk.broke("ended", at(start, 401));
            desk.tick(at(start, 401) + pause);
            pause.as_millis()
        })
        .collect();
    assert_eq!(pauses, [250, 500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000]);
}

#[tokio::test]
async fn one_without_room_waits_and_grows() {
    let start = crate::clock::Clock::system().now();
    let whole = {
        let (machine, plan) = (machine(1000.0), plan(true));
        lease(&machine, &plan).standing().asks
    };
    let machine = machine(whole.as_f64() * 1.2);
    let first = lease(&machine, &plan(true));
    let mut desk = desk_of("exec cat >/dev/null", &machine, plan(true), start);
    assert!(matches!(desk.worker, Worker::Waiting));
    let told = desk.news();
    let Some(Fact::LadderOverBudget { cause, fix }) = told.first() else { unreachable!("{told:?}") };
    assert!(cause.contains("viewers get what comes in alone"), "{cause}");
    assert!(fix.contains("would fit"), "{fix}");
    for number in 0..300 {
        desk.unit(&unit(number), at(start, number));
        desk.tick(at(start, number));
    }
    assert!(matches!(desk.worker, Worker::Waiting) && desk.backlog.units().next().is_none());
    assert_eq!(desk.news(), []);
    drop(first);
    for number in 300..600 {
        desk.unit(&unit(number), at(start, number));
        desk.tick(at(start, number));
    }
    assert!(matches!(desk.worker, Worker::Running { .. }) && desk.look.is_none());
    assert_eq!(desk.news(), [Fact::LadderInBudget]);
}

#[tokio::test]
async fn one_that_viewers_have_nothing_beside_begins_with_what_fits() {
    let start = crate::clock::Clock::system().now();
    let whole = {
        let (machine, plan) = (machine(1000.0), plan(false));
        lease(&machine, &plan).standing().asks
    };
    let machine = machine(whole.as_f64() * 1.2);
    let first = lease(
        &machine,
        &Plan {
            order: Order { pictures: plan(true).order.pictures[1..].to_vec(), ..plan(true).order },
            ..plan(true)
        },
    );
    let mut desk = desk_of("exec cat >/dev/null", &machine, plan(false), start);
    assert!(matches!(desk.worker, Worker::Running { .. }));
    let efforts = |desk: &Desk| desk.outputs.iter().map(|one| one.effort).collect::<Vec<_>>();
    assert_eq!(efforts(&desk), [shed::Effort::Off, shed::Effort::Full]);
    let told = desk.news();
    let Some(Fact::LadderOverBudget { cause, .. }) = told.first() else { unreachable!("{told:?}") };
    assert!(cause.contains("only 180p of it is made"), "{cause}");
    drop(first);
    (0..20).for_each(|s| desk.tick(start + Duration::from_secs(s)));
    assert_eq!(efforts(&desk), [shed::Effort::Full, shed::Effort::Full]);
    assert_eq!(desk.news(), [Fact::LadderInBudget]);
}

#[tokio::test]
async fn a_worker_that_never_lasts_is_told_once_until_one_does() {
    let start = crate::clock::Clock::system().now();
    let mut desk = desk_of("exit 3", &machine(1000.0), plan(false), start);
    let mut now = start;
    for time in 1..=6 {
        now += desk.broke("ended as it began", now);
        desk.tick(now);
        let told = desk.news();
        assert_eq!(told.len(), usize::from(time == 3), "{told:?}");
        if let Some(Fact::LadderFailed { cause, .. }) = told.first() {
            assert_eq!(cause, "the worker of its ladder ended as it began: viewers get no picture");
        }
    }
    for (seconds, told) in [(1, vec![]), (9, vec![]), (10, vec![Fact::LadderWorks]), (11, vec![])] {
        desk.came(1, &unit(1), now + Duration::from_secs(seconds));
        assert_eq!(desk.news(), told, "{seconds} s");
    }
    desk.broke("ended", now + Duration::from_secs(12));
    assert_eq!(desk.last_news(), []);
}
