//! One page that needs nothing but itself: the verdicts, the evidence to unfold, the plots.

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::plot::{Series, svg};
use super::{counts, facts, took};
use crate::check::evidence::{Evidence, Track};
use crate::check::rules::{Finding, Outcome, Verdict, arrivals};

const STYLE: &str = include_str!("page.css");

/// The page.
pub fn page(evidence: &Evidence, verdicts: &[Verdict]) -> String {
    let url = escape(&evidence.url);
    let mut out = format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\
         <link rel=\"icon\" href=\"data:,\"><title>sigma-probe: {url}</title><style>{STYLE}</style>\
         <h1>{url}</h1><p class=\"by\">{}</p>",
        escape(&circumstances(evidence))
    );
    summary(&mut out, verdicts);
    out.push_str("<ul>");
    for track in &evidence.tracks {
        out.push_str(&format!("<li><b>{}</b> {}", escape(&track.name), escape(&facts(track))));
    }
    out.push_str("</ul><table><tr><th>Rule<th>Verdict<th>What it asks</tr>");
    for verdict in verdicts {
        row(&mut out, verdict);
    }
    out.push_str("</table>");
    for plot in plots(evidence) {
        out.push_str(&plot);
    }
    out.push_str("</html>\n");
    out
}

/// When, for how long, by what.
fn circumstances(evidence: &Evidence) -> String {
    let began = i64::try_from((evidence.wall + evidence.began).as_secs()).ok();
    let began = began.and_then(|s| OffsetDateTime::from_unix_timestamp(s).ok()?.format(&Rfc3339).ok());
    let watched = evidence.until.saturating_sub(evidence.began).as_secs_f64();
    let version = env!("CARGO_PKG_VERSION");
    format!(
        "{}watched for {watched:.1} s by sigma-probe {version}",
        began.map(|b| b + ", ").unwrap_or_default()
    )
}

fn summary(out: &mut String, verdicts: &[Verdict]) {
    out.push_str("<p>");
    let counts = counts(verdicts);
    for outcome in [Outcome::Fail, Outcome::Warn, Outcome::Pass, Outcome::NotExercised] {
        let name = outcome.name();
        let count = counts.get(name).copied().unwrap_or(0);
        let class = if count == 0 { "none" } else { name };
        out.push_str(&format!("<span class=\"count {class}\">{count} {}</span> ", name.replace('_', " ")));
    }
    out.push_str("</p>");
}

fn row(out: &mut String, verdict: &Verdict) {
    let name = verdict.outcome.name();
    let times = match verdict.tried {
        0 => String::new(),
        1 => ", tried once".to_owned(),
        n => format!(", tried {n} times"),
    };
    out.push_str(&format!(
        "<tr><td>{}<td><span class=\"{name}\">{}</span><td>{} <small>{}{times}</small>",
        verdict.rule.number,
        name.replace('_', " "),
        escape(verdict.rule.title),
        escape(verdict.rule.clause),
    ));
    if let (Some(note), Outcome::NotExercised) = (&verdict.note, verdict.outcome) {
        out.push_str(&format!("<br><small>{}</small>", escape(note)));
    }
    for finding in &verdict.findings {
        evidence_of(out, finding);
    }
    if verdict.more > 0 {
        out.push_str(&format!("<small class=\"more\">and {} more</small>", verdict.more));
    }
    out.push_str("</tr>");
}

fn evidence_of(out: &mut String, finding: &Finding) {
    let place = format!("{:.3} s {}", finding.at, finding.track);
    out.push_str(&format!(
        "<details><summary><small>{}</small> {}</summary>",
        escape(&place),
        escape(&finding.what)
    ));
    for text in finding.request.iter().chain(&finding.bytes) {
        out.push_str(&format!("<pre>{}</pre>", escape(text)));
    }
    for snippet in &finding.playlists {
        let head = format!("{:.3} s {}", snippet.at, snippet.url);
        out.push_str(&format!("<small>{}</small><pre>{}</pre>", escape(&head), escape(&snippet.text)));
    }
    out.push_str("</details>");
}

fn plots(evidence: &Evidence) -> [String; 3] {
    let each = |limit: fn(&Track) -> Option<f64>, points: fn(&Track) -> Vec<(f64, f64)>| -> Vec<Series> {
        let one = |t: &Track| Series { name: t.name.clone(), points: points(t), limit: limit(t) };
        evidence.tracks.iter().map(one).collect()
    };
    let came =
        each(Track::part_target, |t| arrivals(t).into_iter().map(|(at, s)| (at.as_secs_f64(), s)).collect());
    let reloads = each(
        |_| None,
        |t| t.updates.iter().map(|u| (u.exchange.done.as_secs_f64(), took(&u.exchange))).collect(),
    );
    let parts = each(Track::part_target, |t| {
        t.parts().into_values().map(|(p, u)| (u.exchange.done.as_secs_f64(), p.duration)).collect()
    });
    // Answers come in after the watch is over, too.
    let all = || [&came, &reloads, &parts].into_iter().flatten().flat_map(|s| &s.points).map(|p| p.0);
    let until = all().fold(evidence.until.as_secs_f64(), f64::max);
    let span = (evidence.began.as_secs_f64(), until);
    [
        svg("Time between parts as they arrived, seconds (dashed: PART-TARGET)", span, &came),
        svg("How long a reload took, seconds", span, &reloads),
        svg("Duration of parts, seconds (dashed: PART-TARGET)", span, &parts),
    ]
}

pub(super) fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
