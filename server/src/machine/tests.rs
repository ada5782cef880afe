//! Figures of real processes and threads, and what is learnt of them.
#![allow(clippy::unwrap_used)]

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant};

use live::budget::{Ask, Grant};
use live::cost::{Cores, Kind, Preset, Scaler, Work};

use super::look::{Look, Took};
use super::{For, Machine};
use crate::clock::Clock;

/// Busy until it has seen itself.
#[test]
fn threads_of_a_rendition_are_known_by_their_name() {
    static SEEN: AtomicBool = AtomicBool::new(false);
    let busy = || {
        let mut number = 1u64;
        while !SEEN.load(Relaxed) {
            number = std::hint::black_box(number.wrapping_mul(3));
        }
    };
    let thread = std::thread::Builder::new().name("rung-1".to_owned()).spawn(busy).unwrap();
    let (mut look, pid) = (Look::new(), std::process::id());
    let at = Clock::system().now();
    let seen = loop {
        look.refresh([pid].into_iter());
        let took = look.took(pid, 2, at).unwrap();
        if took.each[2].is_some_and(|taken| taken >= Duration::from_millis(100)) {
            break took;
        }
        std::thread::yield_now();
    };
    SEEN.store(true, Relaxed);
    thread.join().unwrap();
    assert_eq!((seen.each.len(), seen.each[1]), (3, None));
    assert!(seen.total >= seen.each[2].unwrap(), "{seen:?}");
    let server = look.server().unwrap();
    assert!(server.pid == pid && server.memory > 0);
    assert!(look.memory().total >= look.memory().available && look.memory().total > 0);
}

#[test]
fn what_was_taken_between_two_looks() {
    let at = Clock::system().now();
    let ms = Duration::from_millis;
    let took = |pid, at: Instant, total, each: &[Option<u64>]| Took {
        pid,
        at,
        total: ms(total),
        each: each.iter().map(|one| one.map(ms)).collect(),
    };
    let first = took(7, at, 500, &[Some(100), Some(400), None]);
    let later = took(7, at + ms(2_000), 1_500, &[Some(300), Some(200), Some(50)]);
    let since = later.since(&first).unwrap();
    assert_eq!((since.wall, since.total), (ms(2_000), ms(1_000)));
    // The second thread ended and another took its place; the third wasn't there.
    assert_eq!(since.each, [Some(ms(200)), None, None]);
    for other in [
        took(8, at + ms(2_000), 1_500, &[None, None, None]),
        took(7, at, 1_500, &[None, None, None]),
        took(7, at + ms(2_000), 400, &[None, None, None]),
        took(7, at + ms(2_000), 1_500, &[None]),
    ] {
        assert_eq!(other.since(&first), None, "{other:?}");
    }
}

#[test]
fn a_lease_gives_back_its_part() {
    let folder = tempfile::tempdir().unwrap();
    let machine = Machine::new(folder.path(), 0.5, Clock::system());
    let all = machine.figures().capacity;
    let kind = Kind::Rendition { preset: Preset::Fast, lookahead: false, scaler: Scaler::Bicubic };
    let work = |fixed| Work { kind, pixels: 0.0, extra: 0.0, fixed };
    let ask = || Ask { shared: work(Cores(0)), renditions: vec![work(all)], alone: false };
    let of = |session: &str| For {
        channel: "ch_1".to_owned(),
        session: session.to_owned(),
        renditions: vec!["360p".to_owned()],
    };
    let first = machine.join(of("ses_1"), ask());
    let second = machine.join(of("ses_2"), ask());
    assert_eq!((first.standing().grant, second.standing().grant), (Grant::Whole, Grant::Nothing));
    let figures = machine.figures();
    assert_eq!((figures.granted, figures.ladders.len()), (all, 2));
    assert!(figures.disk.is_some_and(|(free, total)| free <= total));
    drop(first);
    let figures = machine.figures();
    assert_eq!((figures.granted, figures.ladders.len()), (Cores(0), 1));
    assert_eq!(second.standing().fits, Grant::Whole);
}
