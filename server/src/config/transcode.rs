//! `[transcode]` in `sigma.toml`: what ladders may take.

use codec::hardware::Kind;
use serde::Deserialize;

/// What ladders may take of the machine.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields, default)]
pub struct Transcode {
    /// So much of its processor cores, all ladders together: 0.0001 to 100. Above 1 it is more than there is, and ladders are late
    /// rather than waiting.
    pub share: f64,
    /// What encodes pictures: `x264`; `auto`, the first of the hardware's encoders that works; or one of them by its name. x264 takes the
    /// place of what doesn't work.
    pub encoder: String,
}

const X264: &str = "x264";
const AUTO: &str = "auto";

impl Default for Transcode {
    fn default() -> Self {
        Self { share: 0.8, encoder: X264.to_owned() }
    }
}

impl Transcode {
    /// Of the hardware's encoders those that are to be tried, in order.
    pub(crate) fn tried(&self) -> Vec<Kind> {
        match self.encoder.as_str() {
            AUTO => Kind::ALL.to_vec(),
            name => Kind::of(name).into_iter().collect(),
        }
    }

    pub(super) fn check(&self) -> anyhow::Result<()> {
        let share = self.share;
        anyhow::ensure!(
            (0.0001..=100.0).contains(&share),
            "[transcode] share is {share}: give it 0.0001 to 100, the part of the processors that ladders may take"
        );
        let encoder = self.encoder.as_str();
        anyhow::ensure!(
            [X264, AUTO].contains(&encoder) || Kind::of(encoder).is_some(),
            "[transcode] encoder is {encoder:?}: it takes {X264}, {AUTO}, {}",
            Kind::ALL.map(Kind::name).join(", ")
        );
        Ok(())
    }
}
