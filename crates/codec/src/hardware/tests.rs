//! The table, and what can be had of it where there is no such hardware: the driver's refusal.
#![allow(clippy::unwrap_used)]

use super::*;

#[test]
fn each_has_a_line_and_a_name_of_its_own() {
    for kind in Kind::ALL {
        assert_eq!((kind.line().kind, Kind::of(kind.name())), (kind, Some(kind)));
        assert!(!kind.title().is_empty() && !kind.line().systems.is_empty());
    }
    assert_eq!(Kind::of("x264"), None);
    let names: std::collections::HashSet<_> = Kind::ALL.iter().map(|kind| kind.name()).collect();
    assert_eq!(names.len(), TABLE.len());
}

/// On a machine that has one it must do what is asked of it; elsewhere it says why not, each time again.
#[test]
fn each_works_or_says_why_not() {
    for kind in Kind::ALL {
        for _ in 0..2 {
            let Err(error) = trial(kind) else { continue };
            let here = kind.line().systems.contains(&std::env::consts::OS);
            assert_eq!(error == Error::System, !here, "{kind:?}: {error}");
            assert!(!matches!(error, Error::Config(_)), "{kind:?}: {error}");
            assert!(error.to_string().len() > 10, "{kind:?}: {error}");
        }
    }
}

#[test]
fn what_x264_would_refuse_is_refused_before_the_driver_is_asked() {
    let odd = x264::Config::new(639, 360, Rational { num: 30, den: 1 }, 1000);
    for kind in Kind::ALL {
        assert!(matches!(Encoder::new(kind, &odd), Err(Error::Config(x264::Error::Setting { .. }))));
    }
}

#[cfg(feature = "x264")]
#[test]
fn x264_stands_in_for_what_does_not_open() {
    let config = x264::Config::new(640, 360, Rational { num: 30, den: 1 }, 1000);
    // Of some other system.
    let absent =
        Kind::ALL.into_iter().find(|kind| !kind.line().systems.contains(&std::env::consts::OS)).unwrap();
    let (mut encoder, why) = crate::h264::Encoder::new(Some(absent), &config).unwrap();
    assert_eq!(encoder.name(), "x264");
    assert!(why.is_some_and(|why| why.is_hardware() && why.to_string().contains(absent.name())));
    let at = Timestamp::new(0, Timescale::VIDEO);
    let picture = Picture::black(640, 360, at).unwrap();
    assert!(encoder.encode(&picture, at, true).unwrap().is_some_and(|unit| unit.key));
    assert!(encoder.encode(&picture, at, true).is_err_and(|error| error.is_order()));
    let (_, why) = crate::h264::Encoder::new(None, &config).unwrap();
    assert_eq!(why, None);
}

#[test]
fn what_a_trial_in_a_process_says() {
    assert_eq!(child::verdict(true, "exit status: 0", ""), Ok(()));
    assert_eq!(child::verdict(false, "exit status: 1", "no device\n"), Err("no device".to_owned()));
    let crashed = child::verdict(false, "signal: 11", "").unwrap_err();
    assert!(crashed.contains("signal: 11"), "{crashed}");
    assert!(child::here("h265").is_err());
}
