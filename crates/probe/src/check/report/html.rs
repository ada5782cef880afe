//! One page that needs nothing but itself: the verdicts, the evidence to unfold, the plots.

use super::plot::{Series, svg};
use super::{facts, took};
use crate::check::evidence::{Evidence, Track};
use crate::check::rules::{Finding, Outcome, Verdict, arrivals};

const STYLE: &str = "body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:60rem;padding:0 1rem;color:#1f2937;\
background:#fff}h1{font-size:1.3rem;overflow-wrap:anywhere}table{border-collapse:collapse;width:100%}td,th{padding:.35rem .5rem;\
border-bottom:1px solid #e5e7eb;vertical-align:top;text-align:left}.pass{color:#047857}.fail{color:#b91c1c;font-weight:700}\
.warn{color:#b45309}.not_exercised{color:#6b7280}pre{background:#f3f4f6;padding:.6rem;overflow:auto;max-height:24rem;font-size:12px}\
svg{width:100%;height:auto;margin:.5rem 0}.t{font:600 13px system-ui}.a{font:11px system-ui;fill:#6b7280}.g{stroke:#e5e7eb}\
.l{stroke:#b91c1c;stroke-dasharray:5 4}small{color:#6b7280}";

/// The page.
pub fn page(evidence: &Evidence, verdicts: &[Verdict]) -> String {
    let url = escape(&evidence.url);
    let mut out = format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\
         <title>sigma-probe: {url}</title><style>{STYLE}</style><h1>{url}</h1><ul>"
    );
    for track in &evidence.tracks {
        out.push_str(&format!("<li>{}: {}</li>", escape(&track.name), escape(&facts(track))));
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

fn row(out: &mut String, verdict: &Verdict) {
    let name = verdict.outcome.name();
    out.push_str(&format!(
        "<tr><td>{}<td class=\"{name}\">{}<td>{} <small>{}, tried {} times</small>",
        verdict.rule.number,
        name.replace('_', " "),
        escape(verdict.rule.title),
        escape(verdict.rule.clause),
        verdict.tried
    ));
    if let (Some(note), Outcome::NotExercised) = (&verdict.note, verdict.outcome) {
        out.push_str(&format!("<br><small>{}</small>", escape(note)));
    }
    for finding in &verdict.findings {
        evidence_of(out, finding);
    }
    if verdict.more > 0 {
        out.push_str(&format!("<p><small>and {} more</small></p>", verdict.more));
    }
    out.push_str("</tr>");
}

fn evidence_of(out: &mut String, finding: &Finding) {
    let summary = format!("{:.3} s {} {}", finding.at, finding.track, finding.what);
    out.push_str(&format!("<details><summary>{}</summary>", escape(&summary)));
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
    let tracks = &evidence.tracks;
    let each = |points: fn(&Track) -> Vec<(f64, f64)>| -> Vec<Series> {
        tracks.iter().map(|t| Series { name: t.name.clone(), points: points(t) }).collect()
    };
    let target = tracks.iter().find_map(Track::part_target);
    let came = each(|t| arrivals(t).into_iter().map(|(at, s)| (at.as_secs_f64(), s)).collect());
    let reloads =
        each(|t| t.updates.iter().map(|u| (u.exchange.done.as_secs_f64(), took(&u.exchange))).collect());
    let parts =
        each(|t| t.parts().into_values().map(|(p, u)| (u.exchange.done.as_secs_f64(), p.duration)).collect());
    [
        svg("Time between parts as they arrived (s); dashed: PART-TARGET", &came, target),
        svg("How long a reload took (s)", &reloads, None),
        svg("Duration of parts (s); dashed: PART-TARGET", &parts, target),
    ]
}

pub(super) fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
