//! A rule's sheet: how often it was tried, what broke it, and the evidence in a form that lasts.

use serde::Serialize;

use super::{Limits, Outcome, Rule, Verdict};
use crate::check::evidence::{Exchange, Resource, Track, Update};

/// Findings that are kept with their evidence; the rest is counted.
const KEPT: usize = 5;

pub(super) struct Sheet {
    rule: Rule,
    pub(super) limits: Limits,
    tried: u64,
    note: Option<String>,
    findings: Vec<Finding>,
    more: usize,
    broken: bool,
}

/// What broke a rule.
#[derive(Clone, Debug, Serialize)]
pub struct Finding {
    /// Against a MUST; else against a SHOULD.
    pub must: bool,
    /// Which media playlist.
    pub track: String,
    /// What was seen.
    pub what: String,
    /// When, in seconds since the start.
    pub at: f64,
    /// The request and the head of its answer.
    pub request: Option<String>,
    /// The playlists that show it.
    pub playlists: Vec<Snippet>,
    /// Bytes or samples that show it.
    pub bytes: Option<String>,
}

/// A playlist as it came.
#[derive(Clone, Debug, Serialize)]
pub struct Snippet {
    /// When its last byte was there, in seconds since the start.
    pub at: f64,
    /// Its request.
    pub url: String,
    /// Its text.
    pub text: String,
}

impl Finding {
    pub(super) fn on(track: &Track, what: impl Into<String>) -> Self {
        Self {
            must: true,
            track: track.name.clone(),
            what: what.into(),
            at: 0.0,
            request: None,
            playlists: Vec::new(),
            bytes: None,
        }
    }

    pub(super) fn overall(what: impl Into<String>) -> Self {
        Self {
            must: true,
            track: String::new(),
            what: what.into(),
            at: 0.0,
            request: None,
            playlists: Vec::new(),
            bytes: None,
        }
    }

    pub(super) fn seen_in(mut self, update: &Update) -> Self {
        let at = update.exchange.done.as_secs_f64();
        self.at = at;
        let (url, text) = (update.exchange.url.to_string(), update.text.to_string());
        self.playlists.push(Snippet { at, url, text });
        self
    }

    pub(super) fn text(mut self, exchange: &Exchange, text: &str) -> Self {
        let (at, url) = (exchange.done.as_secs_f64(), exchange.url.to_string());
        self.playlists.push(Snippet { at, url, text: text.to_owned() });
        self
    }

    pub(super) fn asked(mut self, exchange: &Exchange) -> Self {
        self.at = exchange.sent.as_secs_f64();
        let mut out = format!("GET {}\n", exchange.url);
        for (name, value) in &exchange.headers {
            out.push_str(&format!("{name}: {value}\n"));
        }
        let took = exchange.took().as_secs_f64();
        match &exchange.outcome {
            Ok(answer) => {
                out.push_str(&format!(
                    "→ {} {} after {took:.3} s, {} bytes\n",
                    answer.version, answer.status, exchange.len
                ));
                for (name, value) in &answer.headers {
                    out.push_str(&format!("{name}: {value}\n"));
                }
            }
            Err(why) => out.push_str(&format!("→ no answer after {took:.3} s: {why}\n")),
        }
        self.request = Some(out);
        self
    }

    pub(super) fn fetched(self, resource: &Resource) -> Self {
        let hex: String = resource.head.iter().map(|b| format!("{b:02x}")).collect();
        let mut out = Self {
            bytes: Some(format!("{} bytes: {hex}…", resource.exchange.len)),
            ..self.asked(&resource.exchange)
        };
        if let Some(Ok(fragments)) = &resource.fragments {
            let text = fragments.iter().map(|f| {
                let (n, sync) = (f.samples.len(), f.samples.first().is_some_and(|s| s.sync));
                format!(
                    "track {} from {} for {} ticks, {n} samples, key frame first: {sync}",
                    f.track,
                    f.start,
                    f.duration()
                )
            });
            out.bytes = Some(text.collect::<Vec<_>>().join("; "));
        }
        out
    }
}

impl Sheet {
    pub(super) fn new(rule: Rule, limits: Limits) -> Self {
        Self { rule, limits, tried: 0, note: None, findings: Vec::new(), more: 0, broken: false }
    }

    /// The rule was tried once more.
    pub(super) fn tried(&mut self) {
        self.tried += 1;
    }

    pub(super) fn note(&mut self, note: impl Into<String>) {
        self.note.get_or_insert(note.into());
    }

    /// The draft's MUST, or what no origin of ours may do.
    pub(super) fn must(&mut self, finding: Finding) {
        self.broken |= finding.must;
        let same = |f: &Finding| f.what == finding.what && f.track == finding.track;
        if self.findings.iter().any(same) {
            self.more += 1;
        } else if self.findings.len() < KEPT {
            self.findings.push(finding);
        } else {
            self.more += 1;
            // What fails the rule is shown before what doesn't.
            if finding.must
                && let Some(lesser) = self.findings.iter_mut().rfind(|f| !f.must)
            {
                *lesser = finding;
            }
        }
    }

    /// The draft's SHOULD: a failure only where the limits are strict.
    pub(super) fn should(&mut self, finding: Finding) {
        let must = self.limits.strict;
        self.must(Finding { must, ..finding });
    }

    pub(super) fn verdict(self) -> Verdict {
        let outcome = match (self.broken, self.findings.is_empty(), self.tried) {
            (true, _, _) => Outcome::Fail,
            (false, false, _) => Outcome::Warn,
            (false, true, 0) => Outcome::NotExercised,
            (false, true, _) => Outcome::Pass,
        };
        let takes = || (outcome == Outcome::NotExercised).then(|| format!("takes {}", self.rule.takes));
        let note = self.note.clone().or_else(takes);
        Verdict {
            rule: self.rule,
            outcome,
            tried: self.tried,
            note,
            findings: self.findings,
            more: self.more,
        }
    }
}

/// A segment, and a part in it, in words.
pub(super) fn place(last: Option<(u64, Option<u64>)>) -> String {
    match last {
        Some((msn, Some(part))) => format!("part {part} of segment {msn}"),
        Some((msn, None)) => format!("segment {msn}"),
        None => "nothing".to_owned(),
    }
}
