use super::*;

#[test]
fn rescales_to_the_nearest_tick() {
    let table = [
        (1_001, 1_000, 90_000, 90_090),
        (1, 3, 1_000, 333),
        (2, 3, 1_000, 667),
        (-2, 3, 1_000, -667),
        (-1, 2, 1, -1),
    ];
    for (ticks, from, to, expected) in table {
        let (from, to) = (Timescale::new(from).unwrap(), Timescale::new(to).unwrap());
        assert_eq!(Timestamp::new(ticks, from).rescale(to).ticks, expected, "{ticks}/{from:?} in {to:?}");
    }
}

#[test]
fn compares_across_timescales() {
    assert_eq!(Timestamp::millis(1_000), Timestamp::new(90_000, Timescale::VIDEO));
    assert!(Timestamp::millis(1) > Timestamp::new(89, Timescale::VIDEO));
    assert!(Timestamp::millis(-1) < Timestamp::new(0, Timescale::VIDEO));
}

#[test]
fn saturates_where_it_would_overflow() {
    let last = Timestamp::millis(i64::MAX);
    assert_eq!(last.plus(Timestamp::millis(1)).ticks, i64::MAX);
    assert_eq!(last.rescale(Timescale::NANOS).ticks, i64::MAX);
    assert_eq!(Timestamp::millis(i64::MIN).minus(Timestamp::millis(1)).ticks, i64::MIN);
}

#[test]
fn meets_std_durations() {
    assert_eq!(Timestamp::new(45_000, Timescale::VIDEO).to_duration(), Some(Duration::from_millis(500)));
    assert_eq!(Timestamp::millis(-1).to_duration(), None);
    assert_eq!(Timestamp::of_duration(Duration::from_millis(500), Timescale::VIDEO).ticks, 45_000);
    assert_eq!(Timestamp::of_duration(Duration::MAX, Timescale::NANOS).ticks, i64::MAX);
}

#[test]
fn a_timescale_of_zero_is_none() {
    assert_eq!(Timescale::new(0), None);
}
