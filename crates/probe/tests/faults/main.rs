//! The probe against an origin that is correct, and breaks one rule at a time: the probe must name that rule, and no other.
//! The origin is played in this process, on virtual time.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::disallowed_methods)]

mod boxes;
mod cases;
mod origin;
mod playlist;
mod wire;

use std::time::Duration;

use probe::check::collect::collect;
use probe::check::rules::{Limits, Outcome, Verdict, judge};

use origin::{Fault, Origin};
use wire::Wire;

/// Longer than the window's discontinuities take to leave it.
const WATCH: Duration = Duration::from_secs(16);

/// Watches an origin with this fault for [`WATCH`] of virtual time.
fn verdicts(fault: Option<Fault>, ends: bool) -> Vec<Verdict> {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    runtime.block_on(async {
        let wire = Wire::new(Origin::new(fault, ends));
        let url = "https://origin.test/live/index.m3u8".parse().unwrap();
        let evidence = collect(wire, &url, WATCH).await.unwrap();
        judge(&evidence, Limits { strict: true, ..Limits::default() })
    })
}

fn of(verdicts: &[Verdict], outcome: Outcome) -> Vec<u8> {
    verdicts.iter().filter(|v| v.outcome == outcome).map(|v| v.rule.number).collect()
}

fn findings(verdicts: &[Verdict]) -> String {
    let of_rule = |v: &Verdict| -> Vec<String> {
        v.findings.iter().map(|f| format!("{}: {:.2} {}: {}", v.rule.number, f.at, f.track, f.what)).collect()
    };
    verdicts.iter().flat_map(of_rule).collect::<Vec<_>>().join("\n")
}

/// The probe must name exactly this rule.
#[track_caller]
fn breaks(rule: u8, fault: Fault, ends: bool) {
    let verdicts = verdicts(Some(fault), ends);
    assert_eq!(of(&verdicts, Outcome::Fail), [rule], "{fault:?}:\n{}", findings(&verdicts));
    let finding = verdicts.iter().find(|v| v.rule.number == rule).and_then(|v| v.findings.first()).unwrap();
    let evidence = finding.request.is_some() || !finding.playlists.is_empty() || finding.bytes.is_some();
    assert!(evidence, "{fault:?}: `{}` comes without evidence", finding.what);
}

#[test]
fn nothing_is_found_where_there_is_no_fault() {
    let verdicts = verdicts(None, false);
    assert_eq!(of(&verdicts, Outcome::Fail), [0u8; 0], "{}", findings(&verdicts));
    // It neither stalls nor ends.
    assert_eq!(of(&verdicts, Outcome::NotExercised), [21]);
}

#[test]
fn nothing_is_found_where_a_session_ends_well() {
    let verdicts = verdicts(None, true);
    assert_eq!(of(&verdicts, Outcome::Fail), [0u8; 0], "{}", findings(&verdicts));
    assert_eq!(of(&verdicts, Outcome::NotExercised), [0u8; 0]);
}

#[test]
fn each_rule_has_a_fault() {
    let broken: std::collections::BTreeSet<u8> = cases::CASES.iter().map(|(rule, _)| *rule).collect();
    assert_eq!(broken, (1..=26).collect());
}
