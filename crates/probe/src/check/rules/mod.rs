//! The 26 rules, each judged on the evidence alone: no I/O, no clock.
//!
//! A rule passes only where it was tried: what was not exercised is said so. What the draft leaves to a server (SHOULD) is
//! a warning; [`Limits::strict`] makes it a failure, which is what our own origin is held to.

mod dates;
mod delta;
mod hints;
mod parts;
mod renditions;
mod requests;
mod sequence;
mod sheet;
mod table;
mod tags;
mod transport;

use std::time::Duration;

use serde::Serialize;

use super::evidence::Evidence;
pub(crate) use sequence::arrivals;
use sheet::Sheet;
pub use sheet::{Finding, Snippet};
pub use table::{RULES, Rule};

/// What is taken for good.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// How late something may be for the network's and the machine's sake.
    pub slack: Duration,
    /// SHOULD counts as MUST.
    pub strict: bool,
}

impl Default for Limits {
    fn default() -> Self {
        Self { slack: Duration::from_millis(250), strict: false }
    }
}

/// What came of a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It was tried, and held.
    Pass,
    /// Against a SHOULD.
    Warn,
    /// Broken.
    Fail,
    /// Nothing happened that could have broken it.
    NotExercised,
}

/// A rule's verdict with its evidence.
#[derive(Clone, Debug, Serialize)]
pub struct Verdict {
    /// Which rule.
    #[serde(flatten)]
    pub rule: Rule,
    /// What came of it.
    pub outcome: Outcome,
    /// How often it was tried.
    pub tried: u64,
    /// What it was not tried with, or how it would be.
    pub note: Option<String>,
    /// What broke it; the first few of each kind.
    pub findings: Vec<Finding>,
    /// How many more there were.
    pub more: usize,
}

/// All verdicts, in the rules' order.
pub fn judge(evidence: &Evidence, limits: Limits) -> Vec<Verdict> {
    RULES
        .iter()
        .map(|rule| {
            let mut sheet = Sheet::new(*rule, limits);
            match rule.number {
                1 => tags::versions(evidence, &mut sheet),
                2 => tags::server_control(evidence, &mut sheet),
                3 => parts::durations(evidence, &mut sheet),
                4 => parts::independent(evidence, &mut sheet),
                5 => tags::constants(evidence, &mut sheet),
                6 => dates::dates(evidence, &mut sheet),
                7 => tags::order(evidence, &mut sheet),
                8 => hints::come_true(evidence, &mut sheet),
                9 => renditions::reports(evidence, &mut sheet),
                10 => tags::kind(evidence, &mut sheet),
                11 => renditions::alike(evidence, &mut sheet),
                12 => renditions::multivariant(evidence, &mut sheet),
                13 => sequence::numbers(evidence, &mut sheet),
                14 => sequence::cadence(evidence, &mut sheet),
                15 => sequence::old_parts(evidence, &mut sheet),
                16 => parts::whole(evidence, &mut sheet),
                17 => sequence::gaps(evidence, &mut sheet),
                18 => requests::waits(evidence, &mut sheet),
                19 => requests::past(evidence, &mut sheet),
                20 => requests::too_far(evidence, &mut sheet),
                21 => requests::held(evidence, &mut sheet),
                22 => delta::deltas(evidence, &mut sheet),
                23 => hints::requests(evidence, &mut sheet),
                24 => transport::encoding(evidence, &mut sheet),
                25 => transport::versions(evidence, &mut sheet),
                26 => transport::caching(evidence, &mut sheet),
                _ => {}
            }
            sheet.verdict()
        })
        .collect()
}
