//! What is told of a running ladder, once each time it changes.

use live::event::Kind as Fact;

/// What is wrong now; `None` where nothing is.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Alerts {
    /// Renditions of which something is given up.
    pub shed: Option<String>,
    /// Cause and fix: there is no room for all of it.
    pub over: Option<(String, String)>,
    /// Cause and fix: there is no worker.
    pub failed: Option<(String, String)>,
}

impl Alerts {
    /// Facts from what was told before to this.
    pub(super) fn since(&self, told: &Self) -> Vec<Fact> {
        let mut facts = Vec::new();
        if self.shed != told.shed {
            let detail = self.shed.clone();
            facts.push(detail.map_or(Fact::LadderWhole, |detail| Fact::LadderShed { detail }));
        }
        if self.over != told.over {
            let over = self.over.clone();
            facts.push(
                over.map_or(Fact::LadderInBudget, |(cause, fix)| Fact::LadderOverBudget { cause, fix }),
            );
        }
        if self.failed != told.failed {
            let failed = self.failed.clone();
            facts.push(failed.map_or(Fact::LadderWorks, |(cause, fix)| Fact::LadderFailed { cause, fix }));
        }
        facts
    }
}
