//! Saying what was found: a table for people, JSON for programs, a page with plots.

pub mod html;
mod plot;

use std::collections::BTreeMap;

use serde::Serialize;

use super::evidence::{Evidence, Exchange, Track};
use super::rules::{Outcome, Verdict};

/// For a terminal: a line a rule, and under it what broke it.
pub fn table(evidence: &Evidence, verdicts: &[Verdict], colour: bool) -> String {
    let paint = |outcome: Outcome| {
        let (name, code) = match outcome {
            Outcome::Pass => ("pass", "32"),
            Outcome::Warn => ("warn", "33"),
            Outcome::Fail => ("FAIL", "1;31"),
            Outcome::NotExercised => ("  – ", "2"),
        };
        if colour { format!("\x1b[{code}m{name}\x1b[0m") } else { name.to_owned() }
    };
    let mut out = format!("{}\n", evidence.url);
    for track in &evidence.tracks {
        out.push_str(&format!("  {}: {}\n", track.name, facts(track)));
    }
    out.push('\n');
    for verdict in verdicts {
        out.push_str(&format!(
            "{:>2}  {}  {}  [{}]\n",
            verdict.rule.number,
            paint(verdict.outcome),
            verdict.rule.title,
            verdict.rule.clause
        ));
        if let (Outcome::NotExercised, Some(note)) = (verdict.outcome, &verdict.note) {
            out.push_str(&format!("          not exercised: {note}\n"));
        }
        for finding in &verdict.findings {
            let track = if finding.track.is_empty() { String::new() } else { format!("{}: ", finding.track) };
            out.push_str(&format!("          {:7.3} s  {track}{}\n", finding.at, finding.what));
        }
        if verdict.more > 0 {
            out.push_str(&format!("          … and {} more\n", verdict.more));
        }
    }
    let count = counts(verdicts);
    let of = |o: Outcome| count.get(o.name()).copied().unwrap_or(0);
    out.push_str(&format!(
        "\n{} pass, {} fail, {} warn, {} not exercised\n",
        of(Outcome::Pass),
        of(Outcome::Fail),
        of(Outcome::Warn),
        of(Outcome::NotExercised)
    ));
    out
}

impl Outcome {
    /// As in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Warn => "warn",
            Self::Fail => "fail",
            Self::NotExercised => "not_exercised",
        }
    }
}

fn counts(verdicts: &[Verdict]) -> BTreeMap<&'static str, usize> {
    let mut out = BTreeMap::new();
    for verdict in verdicts {
        *out.entry(verdict.outcome.name()).or_insert(0) += 1;
    }
    out
}

/// What a track is, in a line.
fn facts(track: &Track) -> String {
    let mut out = vec![format!("{} playlists", track.updates.len())];
    if let Some(update) = track.latest() {
        let media = &update.media;
        out.push(format!("target {} s", media.target_duration.unwrap_or(0)));
        out.extend(media.part_target.map(|p| format!("parts of {p} s")));
        let held: f64 = media.segments.iter().map(|s| s.duration).sum();
        out.push(format!("{held:.1} s in {} segments from {}", media.segments.len(), media.media_sequence));
        out.extend(update.exchange.outcome.as_ref().ok().map(|r| r.version.to_owned()));
    }
    out.push(format!("{} fetched", track.resources.len()));
    out.join(", ")
}

#[derive(Serialize)]
struct Report<'a> {
    url: &'a str,
    watched_s: f64,
    counts: BTreeMap<&'static str, usize>,
    tracks: Vec<OfTrack<'a>>,
    rules: &'a [Verdict],
}

#[derive(Serialize)]
struct OfTrack<'a> {
    name: &'a str,
    url: String,
    http: Option<&'static str>,
    playlists: usize,
    refused: usize,
    fetched: usize,
    target_duration_s: Option<u64>,
    part_target_s: Option<f64>,
    reload_p50_s: Option<f64>,
    part_interval_p99_s: Option<f64>,
}

/// For programs: verdicts with all their evidence.
pub fn json(evidence: &Evidence, verdicts: &[Verdict]) -> serde_json::Result<String> {
    let tracks = evidence.tracks.iter().map(|track| OfTrack {
        name: &track.name,
        url: track.url.to_string(),
        http: track.latest().and_then(|u| Some(u.exchange.outcome.as_ref().ok()?.version)),
        playlists: track.updates.len(),
        refused: track.refused.len(),
        fetched: track.resources.len(),
        target_duration_s: track.latest().and_then(|u| u.media.target_duration),
        part_target_s: track.part_target(),
        reload_p50_s: at(track.updates.iter().map(|u| took(&u.exchange)).collect(), 0.5),
        part_interval_p99_s: at(super::rules::arrivals(track).into_iter().map(|(_, s)| s).collect(), 0.99),
    });
    serde_json::to_string_pretty(&Report {
        url: &evidence.url,
        watched_s: evidence.until.saturating_sub(evidence.began).as_secs_f64(),
        counts: counts(verdicts),
        tracks: tracks.collect(),
        rules: verdicts,
    })
}

fn took(exchange: &Exchange) -> f64 {
    exchange.took().as_secs_f64()
}

/// A quantile.
fn at(mut values: Vec<f64>, quantile: f64) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let index = ((values.len().checked_sub(1)?) as f64 * quantile).round() as usize;
    values.get(index).copied()
}
