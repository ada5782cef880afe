//! The whole line in this process: what the server gets.

use std::sync::{Arc, Mutex};

use api::broadcast::{Line, Phase, Stats};
use broadcast::encode::Dial;
use broadcast::report::Reporter;
use broadcast::run::{Outcome, run};
use broadcast::{capture, cli, testcard};
use clap::Parser;
use codec::Sound;
use media::flv::Item;
use media::{Kind, Timestamp};
use rtmp::driver::server::Refusal;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::server::Server;

/// A broadcast that runs beside the test.
struct Running {
    task: JoinHandle<Outcome>,
    stop: watch::Sender<bool>,
    dial: Arc<Dial>,
    lines: Arc<Mutex<Vec<Line>>>,
}

impl Running {
    fn start(server: &Server, args: &str) -> Self {
        let to = format!("rtmp://{}/live/key", server.address);
        let words = format!("sigma-broadcast --to {to} {args}");
        let live = cli::Args::try_parse_from(words.split_whitespace()).unwrap().live;
        let (stop, stopped) = watch::channel(false);
        let (dial, lines) = (Arc::new(Dial::new(live.bitrate)), Arc::new(Mutex::new(Vec::new())));
        let said = lines.clone();
        let report = Arc::new(Reporter::new(move |line| said.lock().unwrap().push(line.clone())));
        let turned = dial.clone();
        let task = tokio::spawn(async move { run(&live, turned, report, stopped).await });
        Self { task, stop, dial, lines }
    }

    fn states(&self) -> Vec<Phase> {
        let state = |line: &Line| match line {
            Line::State(state) => Some(state.state),
            _ => None,
        };
        self.lines.lock().unwrap().iter().filter_map(state).collect()
    }

    fn last_stats(&self) -> Stats {
        let stats = |line: &Line| match line {
            Line::Stats(stats) => Some(stats.clone()),
            _ => None,
        };
        self.lines.lock().unwrap().iter().rev().find_map(stats).unwrap()
    }
}

const SMALL: &str = "--source testcard --size 640x360 --preset ultrafast --bitrate 800";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_seconds_of_test_card() {
    let server = Server::start().await;
    let mut running = Running::start(&server, &format!("{SMALL} --duration 2 --gop 0.5"));
    let received = server.receive(usize::MAX).await;
    assert_eq!((&mut running.task).await.unwrap(), Outcome::Done);
    assert!(received.clean);
    assert_eq!(running.states(), [Phase::Connecting, Phase::Live, Phase::Stopped]);

    let metadata = received.metadata.clone().unwrap();
    assert_eq!((metadata.width, metadata.height, metadata.frame_rate), (Some(640), Some(360), Some(30.0)));
    assert_eq!((metadata.sample_rate, metadata.channels), (Some(48_000), Some(2)));

    let video = received.units(Kind::Video);
    let dropped = running.last_stats().dropped_raw as usize;
    assert_eq!(video.len() + dropped, 60, "frames, less those that a busy machine made us drop and count");
    if dropped == 0 {
        let keys: Vec<usize> =
            video.iter().enumerate().filter(|(_, unit)| unit.key).map(|(i, _)| i).collect();
        assert_eq!(keys, [0, 15, 30, 45]);
        let times: Vec<i64> = video.iter().map(|unit| unit.dts.as_millis()).collect();
        let expect: Vec<i64> = (0..60).map(|i| (i * 1000 + 15) / 30).collect();
        assert_eq!(times, expect);
    }

    let units = received.items.iter().filter_map(|item| match item {
        Item::Unit(unit) => Some(unit.dts),
        _ => None,
    });
    assert!(units.is_sorted(), "interleaved by time");

    let marks: Vec<_> = received.pictures().iter().map(|p| testcard::read(p).unwrap().frame).collect();
    assert!(marks.is_sorted() && marks[0] == 0 && marks.last() == Some(&59), "{marks:?}");

    // Flash and beep after decoding: onsets within one frame.
    let flash = onsets(received.pictures().iter().map(|p| (p.at, testcard::sees_flash(p))));
    let beep = onsets(received.sounds().iter().flat_map(loudness));
    assert_eq!((flash.len(), beep.len()), (2, 2), "{flash:?} {beep:?}");
    for (flash, beep) in flash.iter().zip(&beep) {
        let offset = flash.minus(*beep).as_millis();
        assert!(offset.abs() <= 10, "{offset} ms");
    }
}

/// When something begins.
fn onsets(signal: impl Iterator<Item = (Timestamp, bool)>) -> Vec<Timestamp> {
    let mut was = false;
    signal
        .filter_map(|(at, is)| {
            (is && !std::mem::replace(&mut was, is) || {
                was = is;
                false
            })
            .then_some(at)
        })
        .collect()
}

/// 1 ms pieces of a sound: whether they are loud.
fn loudness(sound: &Sound) -> Vec<(Timestamp, bool)> {
    let piece = 48 * usize::from(sound.channels);
    let pieces = (0i64..).zip(sound.samples.chunks(piece));
    pieces
        .map(|(ms, samples)| {
            let loud = samples.iter().any(|sample| sample.unsigned_abs() > 2_000);
            (sound.at.plus(Timestamp::millis(ms)), loud)
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stop_unpublishes() {
    let server = Server::start().await;
    let running = Running::start(&server, SMALL);
    let receiving = server.receive(usize::MAX);
    tokio::pin!(receiving);
    let while_live = async {
        while !running.states().contains(&Phase::Live) {
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        () = while_live => {}
        _ = &mut receiving => panic!("ended by itself"),
    }
    running.stop.send(true).unwrap();
    let (received, outcome) = tokio::join!(receiving, running.task);
    assert!(received.clean);
    assert_eq!(outcome.unwrap(), Outcome::Done);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_connection_comes_back_at_a_key_frame() {
    let server = Server::start().await;
    // A key frame each 10 s by itself: the one after the reconnect is a forced one.
    let running = Running::start(&server, &format!("{SMALL} --gop 10 --duration 4"));
    let first = server.receive(40).await;
    assert!(!first.clean);
    let last = first.units(Kind::Video).last().unwrap().dts;
    let second = server.receive(usize::MAX).await;
    assert!(second.clean);
    let video = second.units(Kind::Video);
    assert!(video[0].key);
    assert!(video[0].dts > last, "time goes on");
    assert_eq!(second.track(Kind::Video), first.track(Kind::Video));
    assert!(second.metadata.is_some());
    let states = running.states();
    assert_eq!(states[..4], [Phase::Connecting, Phase::Live, Phase::Reconnecting, Phase::Live]);
    assert_eq!(running.last_stats().reconnects, 1);
    assert_eq!(running.task.await.unwrap(), Outcome::Done);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_stays_away_is_not_waited_for_beyond_the_end() {
    let server = Server::start().await;
    let running = Running::start(&server, &format!("{SMALL} --duration 1"));
    let first = server.receive(10).await;
    assert!(!first.clean);
    drop(server);
    let Outcome::Failed(why) = running.task.await.unwrap() else { panic!("nobody took its end") };
    assert!(why.contains("the stream ended while the server was away"), "{why}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refused_key_ends_at_once_with_the_reason() {
    let server = Server::start().await;
    let running = Running::start(&server, SMALL);
    server.request().await.reject(Refusal::BadKey).await.unwrap();
    let outcome = running.task.await.unwrap();
    assert_eq!(outcome.exit_code(), 2);
    let Outcome::Refused(why) = outcome else { panic!("{outcome:?}") };
    assert!(why.contains(&Refusal::BadKey.description()), "{why}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_busy_channel_is_tried_again() {
    let server = Server::start().await;
    let running = Running::start(&server, &format!("{SMALL} --duration 0.2"));
    server.request().await.reject(Refusal::Busy).await.unwrap();
    let received = server.receive(usize::MAX).await;
    assert!(received.clean);
    assert_eq!(running.task.await.unwrap(), Outcome::Done);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_bitrate_changes_while_live() {
    let server = Server::start().await;
    let args = "--source testcard --sound none --size 640x360 --preset ultrafast --bitrate 4000 --duration 4";
    let running = Running::start(&server, args);
    let dial = running.dial.clone();
    let lines = running.lines.clone();
    // Turned down once the first figures are out, after about a second.
    let turn = async {
        loop {
            if lines.lock().unwrap().iter().any(|line| matches!(line, Line::Stats(_))) {
                break dial.set_kbps(150);
            }
            tokio::task::yield_now().await;
        }
    };
    let ((), received) = tokio::join!(turn, server.receive(usize::MAX));
    let bytes = |from: i64, to: i64| {
        let video = received.units(Kind::Video);
        let inside = video.iter().filter(|unit| (from..to).contains(&unit.dts.as_millis()));
        inside.map(|unit| unit.data.len()).sum::<usize>()
    };
    let (before, after) = (bytes(0, 1000), bytes(2500, 3500));
    assert!(after * 2 < before, "{before} then {after} bytes a second");
    assert!(received.items.iter().all(|item| !matches!(item, Item::Unit(unit) if unit.kind == Kind::Audio)));
    assert_eq!(running.task.await.unwrap(), Outcome::Done);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_missing_camera_is_told_with_what_to_do() {
    if !capture::camera::list().unwrap().is_empty() {
        return; // This machine has one.
    }
    let server = Server::start().await;
    let running = Running::start(&server, "--source camera");
    let Outcome::Failed(why) = running.task.await.unwrap() else { panic!("it went live") };
    assert!(why.contains("no camera was found") && why.contains("--source testcard"), "{why}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_is_played_in_real_time_to_its_end() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("card.y4m");
    testcard::render::video(&path, (640, 360), 30, 1.0).unwrap();
    let server = Server::start().await;
    let args = format!("--source {} --size 640x360 --preset ultrafast", path.display());
    let running = Running::start(&server, &args);
    let received = server.receive(usize::MAX).await;
    assert!(received.clean);
    let marks: Vec<_> = received.pictures().iter().map(|p| testcard::read(p).unwrap().frame).collect();
    let dropped = running.last_stats().dropped_raw as usize;
    assert_eq!(marks.len() + dropped, 30, "{marks:?}");
    assert!(marks.is_sorted());
    assert_eq!(running.task.await.unwrap(), Outcome::Done);
}
