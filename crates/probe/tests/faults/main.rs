//! The probe against an origin that is correct, and breaks one rule at a time: the probe must name that rule, and no other.
//! The origin is played in this process, on virtual time.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::disallowed_methods)]

mod boxes;
mod cases;
mod origin;
mod playlist;
mod wire;

use std::time::Duration;

use expect_test::expect;
use probe::check::collect::collect;
use probe::check::evidence::Evidence;
use probe::check::report;
use probe::check::rules::{Limits, Outcome, Verdict, judge};

use origin::{Fault, Origin};
use wire::Wire;

/// Longer than the window's discontinuities take to leave it.
const WATCH: Duration = Duration::from_secs(16);

/// Watches an origin with this fault for [`WATCH`] of virtual time.
fn watch(fault: Option<Fault>, ends: bool) -> (Evidence, Vec<Verdict>) {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    runtime.block_on(async {
        let wire = Wire::new(Origin::new(fault, ends));
        let url = "https://origin.test/live/index.m3u8".parse().unwrap();
        let evidence = collect(wire, &url, WATCH).await.unwrap();
        let verdicts = judge(&evidence, Limits { strict: true, ..Limits::default() });
        (evidence, verdicts)
    })
}

fn verdicts(fault: Option<Fault>, ends: bool) -> Vec<Verdict> {
    watch(fault, ends).1
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
fn a_silent_publisher_may_be_waited_for_before_a_new_timeline() {
    let verdicts = verdicts(Some(Fault::Silence), false);
    assert_eq!(of(&verdicts, Outcome::Fail), [0u8; 0], "{}", findings(&verdicts));
}

/// What the draft only recommends is a failure with `--strict` alone.
#[test]
fn recommendations_warn() {
    use Fault::*;
    let lax = [
        VersionTooHigh,
        NoSkip,
        NoIndependent,
        LateKeyFrame,
        NoDateAfterDiscontinuity,
        TwoHints,
        ReportWithoutPart,
        OldParts,
        TooFarHeld,
        PartTooFarHeld,
        EarlyGiveUp,
        NeverHinted,
    ];
    for (rule, fault) in cases::CASES {
        let ends = matches!(fault, HintAfterEnd | ParametersAfterEnd);
        let verdicts = judge(&watch(Some(*fault), ends).0, Limits::default());
        let expected = if lax.contains(fault) { Outcome::Warn } else { Outcome::Fail };
        assert_eq!(of(&verdicts, expected), [*rule], "{fault:?}:\n{}", findings(&verdicts));
    }
}

#[test]
fn each_rule_has_a_fault() {
    let broken: std::collections::BTreeSet<u8> = cases::CASES.iter().map(|(rule, _)| *rule).collect();
    assert_eq!(broken, (1..=26).collect());
}

#[test]
fn a_table_for_people() {
    let (evidence, verdicts) = watch(Some(Fault::PartHoldBack), false);
    let table = report::table(&evidence, &verdicts, false);
    let lines: Vec<_> = table.lines().filter(|l| !l.contains("  pass  ")).collect();
    expect![[r#"
        https://origin.test/live/index.m3u8
          video 640x360: 81 playlists, target 1 s, parts of 0.2 s, 12.0 s in 12 segments from 44, HTTP/2.0, 158 fetched
          audio main: 81 playlists, target 1 s, parts of 0.2 s, 12.0 s in 12 segments from 44, HTTP/2.0, 158 fetched

         2  FAIL  SERVER-CONTROL: blocking reloads, hold-backs, skip boundary  [§4.4.3.8, Appendix B.1, Apple 14.3]
                    0.008 s  video 640x360: PART-HOLD-BACK=0.4 is 2.00 times PART-TARGET=0.2; Apple asks for 3, the draft insists on 2
                    0.008 s  audio main: PART-HOLD-BACK=0.4 is 2.00 times PART-TARGET=0.2; Apple asks for 3, the draft insists on 2
                  … and 160 more
        21    –   held for three target durations, then 503; parameters ignored after ENDLIST  [§6.2.5.2]
                  not exercised: takes a stream that stalls for three target durations, or ends, while the probe watches

        24 pass, 1 fail, 0 warn, 1 not exercised"#]].assert_eq(&lines.join("\n"));
}

#[test]
fn a_page_that_needs_nothing_else() {
    let (evidence, verdicts) = watch(Some(Fault::StaleReport), false);
    let page = report::html::page(&evidence, &verdicts);
    assert_eq!(page.matches("<svg").count(), 3);
    assert_eq!(page.matches("<details>").count(), page.matches("</details>").count());
    assert!(page.contains("the report for `audio main` says"));
    for outside in ["src=", "href=\"h", "<script", "@import", "url("] {
        assert!(!page.contains(outside), "{outside}");
    }
}

#[test]
fn json_for_programs() {
    let (evidence, verdicts) = watch(Some(Fault::DeltaLacks), false);
    let json: serde_json::Value = serde_json::from_str(&report::json(&evidence, &verdicts).unwrap()).unwrap();
    assert_eq!(json["counts"], serde_json::json!({"fail": 1, "not_exercised": 1, "pass": 24}));
    let finding = &json["rules"][21]["findings"][0];
    assert_eq!(json["rules"][21]["outcome"], "fail");
    assert!(finding["request"].as_str().unwrap().contains("_HLS_skip=YES"), "{finding}");
    assert_eq!(finding["playlists"].as_array().unwrap().len(), 2);
}
