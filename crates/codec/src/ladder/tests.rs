#![allow(clippy::unwrap_used)]
//! Alignment, effort and failure of rungs, on real pictures and encoders.

use std::sync::mpsc::channel;

use media::{CodecConfig, Timescale};

use super::*;
use crate::filter::picture::{Fit, Scaler, Steps, Target};
use crate::picture::{Picture, Plane};

fn rung(width: u32, height: u32, fps: u32) -> Rung {
    Rung {
        target: Target { width, height, fit: Fit::Bars, aspect: None, pad: 0, scaler: Scaler::Bicubic },
        frame_rate: Rational { num: fps, den: 1 },
        rate: x264::Rate::Bitrate { kbps: 500, vbv_ms: 1000 },
        preset: x264::Preset::Ultrafast,
        profile: x264::Profile::High,
        latency: x264::Latency::Zero,
        threads: 1,
        hardware: None,
        after: None,
    }
}

fn picture(number: i64) -> Frame {
    let mut picture = Picture::black(320, 180, Timestamp::millis(0)).unwrap();
    picture
        .plane_mut(Plane::Y)
        .iter_mut()
        .enumerate()
        .for_each(|(i, y)| *y = (i as i64 + number * 3) as u8 / 2 + 40);
    Frame::of_picture(&picture).unwrap()
}

/// Pictures at these times, key frames where said; each rung's outputs.
fn run(
    config: Config,
    pictures: &[(i64, bool)],
    mut during: impl FnMut(usize, &mut Ladder),
) -> Vec<Vec<Output>> {
    let count = config.rungs.len();
    let (sender, inbox) = channel();
    let mut ladder = Ladder::start(config, move |rung, output| sender.send((rung, output)).unwrap()).unwrap();
    for (i, (ticks, key)) in pictures.iter().enumerate() {
        during(i, &mut ladder);
        let mut frame = picture(i as i64);
        frame.set_at(Timestamp::new(*ticks, Timescale::VIDEO));
        ladder.push(&frame, *key).unwrap();
    }
    ladder.finish().unwrap();
    let mut outputs = vec![Vec::new(); count];
    inbox.iter().for_each(|(rung, output)| outputs[rung].push(output));
    outputs
}

fn config(rungs: Vec<Rung>) -> Config {
    Config { steps: Steps::default(), logo: None, rungs, threads: 1 }
}

fn units(outputs: &[Output]) -> Vec<(i64, bool)> {
    outputs
        .iter()
        .filter_map(|output| match output {
            Output::Unit(unit) => Some((unit.pts.ticks, unit.key)),
            Output::Track(_) | Output::Failed(_) => None,
        })
        .collect()
}

fn steady(fps: f64, count: usize, gop: usize) -> Vec<(i64, bool)> {
    (0..count).map(|n| ((n as f64 * 90_000.0 / fps) as i64 + 9000, n % gop == 0)).collect()
}

#[test]
fn key_frames_stand_at_the_same_time_in_every_rung() {
    for fps in [25.0, 30_000.0 / 1001.0, 30.0, 50.0, 60_000.0 / 1001.0] {
        for latency in [x264::Latency::Zero, x264::Latency::Lookahead(10)] {
            let half = (fps / 2.0f64).ceil() as u32;
            let mut rungs = vec![
                rung(320, 180, fps.ceil() as u32),
                rung(160, 90, fps.ceil() as u32),
                rung(128, 72, half),
            ];
            rungs.iter_mut().for_each(|rung| rung.latency = latency);
            let source = steady(fps, 70, 24);
            let outputs = run(config(rungs), &source, |_, _| {});
            let keys = |units: &[(i64, bool)]| {
                units.iter().filter(|(_, key)| *key).map(|(at, _)| *at).collect::<Vec<_>>()
            };
            for (i, outputs) in outputs.iter().enumerate() {
                let units = units(outputs);
                assert_eq!(keys(&units), keys(&source), "{fps} fps, {latency:?}, rung {i}");
                let mut at: Vec<_> = units.iter().map(|(at, _)| *at).collect();
                at.sort_unstable();
                let want: Vec<_> = source.iter().map(|(at, _)| *at).collect();
                if i < 2 {
                    assert_eq!(at, want, "rung {i} has every picture");
                } else {
                    assert!(
                        at.len().abs_diff(35) <= 3 && at.iter().all(|at| want.contains(at)),
                        "{}",
                        at.len()
                    );
                }
            }
        }
    }
}

#[test]
fn pictures_out_of_step_and_held_back_by_a_step_keep_their_key_frames() {
    let mut source = steady(30.0, 60, 20);
    source.iter_mut().enumerate().for_each(|(i, (at, _))| *at += [0, 900, -700, 1200, 300][i % 5]);
    let config = Config {
        steps: Steps { deinterlace: Some(picture::Deinterlace::Always), ..Steps::default() },
        ..config(vec![rung(160, 90, 60)])
    };
    let outputs = run(config, &source, |_, _| {});
    let units = units(&outputs[0]);
    let keys =
        |units: &[(i64, bool)]| units.iter().filter(|(_, key)| *key).map(|(at, _)| *at).collect::<Vec<_>>();
    assert_eq!(keys(&units), keys(&source));
    assert_eq!(units.len(), 60);
}

#[test]
fn each_rung_is_of_its_size_and_says_so_first() {
    let outputs = run(
        config(vec![rung(320, 180, 30), rung(256, 144, 30), rung(64, 36, 30)]),
        &steady(30.0, 5, 5),
        |_, _| {},
    );
    for (outputs, size) in outputs.iter().zip([(320, 180), (256, 144), (64, 36)]) {
        let Output::Track(track) = &outputs[0] else { unreachable!("{:?}", outputs[0]) };
        let CodecConfig::Avc(avc) = &track.config else { unreachable!() };
        assert_eq!((avc.width, avc.height), size);
        let Output::Unit(unit) = &outputs[1] else { unreachable!() };
        let mut decoder = crate::decode::Video::new(track).unwrap();
        let mut pictures = decoder.decode(unit).unwrap();
        pictures.extend(decoder.flush().unwrap());
        assert_eq!((pictures[0].width(), pictures[0].height()), size);
    }
}

#[test]
fn half_is_half_and_off_comes_back_with_a_key_frame() {
    let source = steady(30.0, 120, 30);
    let outputs = run(config(vec![rung(320, 180, 30), rung(160, 90, 30)]), &source, |i, ladder| match i {
        30 => ladder.set_effort(1, Effort::Half),
        60 => ladder.set_effort(0, Effort::Off),
        70 => {
            ladder.set_effort(0, Effort::Full);
            ladder.set_effort(1, Effort::Full);
        }
        _ => {}
    });
    let within = |rung: usize, from: usize, to: usize| {
        units(&outputs[rung]).iter().filter(|(at, _)| (source[from].0..source[to].0).contains(at)).count()
    };
    assert!(within(1, 30, 60).abs_diff(15) <= 1, "{}", within(1, 30, 60));
    assert_eq!(within(0, 0, 60), 60);
    assert_eq!(within(0, 60, 90), 0, "it waits for a key frame");
    assert_eq!(within(0, 90, 119), 29);
    assert_eq!(within(1, 90, 119), 29);
    let back = units(&outputs[0]).into_iter().find(|(at, _)| *at >= source[60].0);
    assert_eq!(back, Some((source[90].0, true)));
}

#[test]
fn a_rung_that_fails_is_told_and_the_others_go_on() {
    let bad = Rung { rate: x264::Rate::Bitrate { kbps: 1, vbv_ms: 1000 }, ..rung(160, 90, 30) };
    let outputs =
        run(config(vec![rung(320, 180, 30), bad, rung(64, 36, 30)]), &steady(30.0, 10, 5), |_, _| {});
    assert!(matches!(&outputs[1][..], [Output::Failed(why)] if why.contains("bitrate")), "{:?}", outputs[1]);
    assert_eq!((units(&outputs[0]).len(), units(&outputs[2]).len()), (10, 10));
}

#[test]
fn steps_change_between_two_pictures() {
    let flip = Steps { flip: true, ..Steps::default() };
    let outputs = run(config(vec![rung(320, 180, 30)]), &steady(30.0, 20, 10), |i, ladder| {
        if i == 10 {
            let other = Target { fit: Fit::Fill, ..rung(640, 360, 30).target };
            ladder.change(flip.clone(), None, 1, &[other]).unwrap();
        }
    });
    assert_eq!(units(&outputs[0]), steady(30.0, 20, 10));
}

#[test]
fn no_rungs_and_too_many_are_refused() {
    let start = |count: usize| Ladder::start(config(vec![rung(64, 36, 30); count]), |_, _| {}).map(|_| ());
    assert_eq!(start(0), Err(Error::Rungs(0)));
    assert_eq!(start(12), Ok(()));
    assert_eq!(start(13), Err(Error::Rungs(13)));
    let odd = Rung { target: Target { width: 63, ..rung(64, 36, 30).target }, ..rung(64, 36, 30) };
    assert!(matches!(Ladder::start(config(vec![odd]), |_, _| {}).map(|_| ()), Err(Error::Filter(_))));
}

#[test]
fn a_rung_goes_on_after_what_was_given_out_with_a_key_frame() {
    let source = steady(30.0, 40, 30);
    let mut rungs = vec![rung(160, 90, 30), rung(128, 72, 30)];
    // The lower one was given out further; both in the middle of a GOP.
    for (rung, last) in rungs.iter_mut().zip([10, 12]) {
        rung.after = Some(Timestamp::new(source[last].0, Timescale::VIDEO));
    }
    let outputs = run(config(rungs), &source, |_, _| {});
    for (outputs, first) in outputs.iter().zip([11, 13]) {
        let want: Vec<_> = (first..40).map(|n| (source[n].0, n == first || n == 30)).collect();
        assert_eq!(units(outputs), want);
    }
}
