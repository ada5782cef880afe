#![allow(clippy::unwrap_used, clippy::panic)]
use super::*;

fn ms(ms: i64) -> Timestamp {
    Timestamp::millis(ms)
}

fn video(at: i64, key: bool) -> AccessUnit {
    AccessUnit { kind: Kind::Video, dts: ms(at), pts: ms(at), key, data: vec![0; 100].into() }
}

fn audio(at: i64) -> AccessUnit {
    AccessUnit { kind: Kind::Audio, key: true, ..video(at, true) }
}

fn connected(interleave: bool) -> Buffer {
    let mut buffer = Buffer::new(interleave);
    buffer.connect();
    buffer
}

/// Everything that leaves at `now`, as `v0 a10 …`.
fn drain(buffer: &mut Buffer, now: i64) -> String {
    let mut out = Vec::new();
    while let Next::Unit(unit) = buffer.next(ms(now)) {
        let kind = if unit.kind == Kind::Video { 'v' } else { 'a' };
        out.push(format!("{kind}{}", unit.dts.as_millis()));
    }
    out.join(" ")
}

#[test]
fn units_leave_in_the_order_of_their_time() {
    let mut buffer = connected(true);
    for unit in
        [video(0, true), video(33, false), video(66, false), audio(0), audio(21), audio(42), audio(64)]
    {
        assert!(!buffer.push(unit, ms(100)));
    }
    assert_eq!(drain(&mut buffer, 100), "v0 a0 a21 v33 a42 a64");
    assert_eq!(buffer.next(ms(100)), Next::Wait(ms(200)), "66 waits for sound");
    assert!(!buffer.push(audio(85), ms(110)));
    assert_eq!(drain(&mut buffer, 110), "v66");
}

#[test]
fn a_silent_kind_holds_the_other_only_so_long() {
    let mut buffer = connected(true);
    assert!(!buffer.push(video(0, true), ms(0)));
    assert_eq!(drain(&mut buffer, 99), "");
    assert_eq!(drain(&mut buffer, 100), "v0");
    assert_eq!(buffer.next(ms(100)), Next::Idle);
    let mut alone = connected(false);
    assert!(!alone.push(video(0, true), ms(0)));
    assert_eq!(drain(&mut alone, 0), "v0");
}

#[test]
fn a_slow_network_loses_video_up_to_a_key_frame_and_no_sound() {
    let mut buffer = connected(true);
    let mut asked = false;
    for i in 0..50 {
        // A GOP of 30: keys at 0 and 1000 ms. The bound of 1500 ms is passed at frame 46.
        asked |= buffer.push(video(i * 1000 / 30, i % 30 == 0), ms(0));
        assert!(!buffer.push(audio(i * 1000 / 30), ms(0)));
    }
    assert!(!asked, "a key frame waits already");
    let depth = buffer.depth();
    assert_eq!((depth.dropped, depth.frames), (30, 20));
    let out = drain(&mut buffer, 1000);
    assert_eq!(out.matches('a').count(), 50);
    assert!(out.contains("a1000") && out.find("v1000").unwrap() > out.find("a966").unwrap(), "{out}");
}

#[test]
fn with_no_key_frame_waiting_one_is_asked_for() {
    let mut buffer = connected(false);
    let at_bound = (0..=1500).step_by(100).any(|at| buffer.push(video(at, at == 0), ms(0)));
    assert!(!at_bound, "exactly at the bound nothing goes");
    assert!(buffer.push(video(1600, false), ms(0)), "one beyond");
    assert_eq!(buffer.depth(), Depth { frames: 0, ms: 0, dropped: 17 });
    assert!(buffer.push(video(1700, false), ms(0)), "asks until it comes");
    assert!(!buffer.push(video(1800, true), ms(0)));
    assert_eq!(drain(&mut buffer, 0), "v1800");
}

#[test]
fn a_new_connection_starts_at_a_key_frame() {
    let mut buffer = connected(false);
    assert!(!buffer.push(video(0, true), ms(0)));
    buffer.disconnect();
    assert!(!buffer.push(video(33, true), ms(0)), "away: no use in a key frame");
    buffer.connect();
    assert!(buffer.push(video(66, false), ms(0)));
    assert!(!buffer.push(video(100, true), ms(0)));
    assert_eq!(drain(&mut buffer, 0), "v100");
    assert_eq!(buffer.depth().dropped, 3);
}

#[test]
fn the_end_lets_everything_out() {
    let mut buffer = connected(true);
    assert!(!buffer.push(video(0, true), ms(0)));
    buffer.end();
    assert_eq!(drain(&mut buffer, 0), "v0");
    assert_eq!(buffer.next(ms(0)), Next::End);
}
