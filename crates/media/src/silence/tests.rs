#![allow(clippy::unwrap_used)]
use super::*;

const FRAME: i64 = 1_024;

fn config() -> aac::Config {
    aac::Config::announced(48_000, 2).unwrap()
}

fn ms(ms: i64) -> Timestamp {
    Timestamp::millis(ms)
}

/// Ticks of what goes before a picture.
fn before(silence: &mut Silence, at: i64) -> Vec<i64> {
    silence.before(ms(at)).iter().map(|unit| unit.dts.ticks).collect()
}

#[test]
fn sound_that_was_announced_is_silence_until_it_comes() {
    let mut silence = Silence::new(&config(), true).unwrap();
    assert_eq!(before(&mut silence, 1_000), [], "nothing before the first picture");
    assert_eq!(before(&mut silence, 1_100), []);
    assert_eq!(before(&mut silence, 1_150), [48_000, 48_000 + FRAME]);
    assert!(silence.stands_in());
    // What lies where silence is can't be taken any more; what lies behind it can.
    assert!(!silence.sound(ms(1_020)));
    assert!(silence.stands_in());
    assert!(silence.sound(Timestamp::new(48_000 + 2 * FRAME, Timescale::new(48_000).unwrap())));
    assert!(!silence.stands_in());
    assert_eq!(before(&mut silence, 1_900), []);
}

#[test]
fn sound_that_stops_is_silence_after_a_second() {
    let mut silence = Silence::new(&config(), false).unwrap();
    assert!(silence.sound(ms(1_000)));
    let end = 48_000 + FRAME;
    let at = 1_000 + Silence::PATIENCE_MS + 21;
    assert_eq!(before(&mut silence, at), [], "at the limit");
    assert!(!silence.stands_in());
    let frames = before(&mut silence, at + 1);
    assert!(silence.stands_in());
    assert_eq!(frames.first(), Some(&end));
    assert!(frames.windows(2).all(|pair| pair[1] - pair[0] == FRAME));
    let behind = (at + 1) * 48 - (frames.last().unwrap() + FRAME);
    assert!((Silence::BEHIND_MS * 48..Silence::BEHIND_MS * 48 + FRAME).contains(&behind), "{behind}");
}

#[test]
fn pictures_that_jump_are_not_filled_up() {
    for (frames, filled) in [(Silence::MOST, true), (Silence::MOST + 1, false)] {
        let mut silence = Silence::new(&config(), true).unwrap();
        before(&mut silence, 0);
        let at = Timestamp::new(frames * FRAME + 4_800, Timescale::new(48_000).unwrap());
        assert_eq!(silence.before(at).len() as i64, if filled { frames } else { 0 });
        assert_eq!(silence.before(at).len(), 0);
    }
    let mut silence = Silence::new(&config(), false).unwrap();
    silence.sound(ms(1_000));
    silence.discontinuity();
    assert_eq!(before(&mut silence, 60_000), []);
}

#[test]
fn another_sample_rate_goes_on_where_the_first_ended() {
    let mut silence = Silence::new(&config(), true).unwrap();
    before(&mut silence, 1_000);
    silence.change(&aac::Config::announced(44_100, 1).unwrap());
    let unit = silence.before(ms(1_200)).remove(0);
    assert_eq!((unit.dts.ticks, unit.dts.scale.hz()), (44_100, 44_100));
    assert_eq!(unit.data, aac::Config::announced(44_100, 1).unwrap().silent_frame());
}
