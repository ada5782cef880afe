//! The running session's alerts about picture and sound: figures go to `live`, what that says into the events.

use std::time::Instant;

use live::SessionId;
use live::event::Kind as Fact;
use live::watch::{Drift, Measured, Watch};
use media::AccessUnit;

use super::Actor;
use crate::channel::detect::config;
use crate::control::channels::Health;

/// The running session's.
pub(super) struct Desk {
    watch: Watch,
    drift: Drift,
}

impl Actor {
    /// A session begins.
    pub(super) fn begin_watch(&mut self) {
        let watch = Watch::new(config(&self.channel.settings));
        self.watch = Some(Desk { watch, drift: Drift::default() });
    }

    /// What is to be watched for may have changed.
    pub(super) fn configure_watch(&mut self) {
        let (now, config) = (self.now(), config(&self.channel.settings));
        if let Some(desk) = &mut self.watch {
            let facts = desk.watch.configure(config, now);
            self.tell_watch(facts, now);
        }
        if let Some(ladder) = &mut self.ladder {
            ladder.measure(&config);
        }
        self.look_anew();
    }

    /// A publisher begins, or goes on after a break.
    pub(super) fn interrupt_watch(&mut self) {
        if let Some(desk) = &mut self.watch {
            desk.watch.interrupted();
            desk.drift.reset();
        }
    }

    /// A unit came; where its clock jumped, what came before says nothing of what comes.
    pub(super) fn watch_drift(&mut self, unit: &AccessUnit, jumped: bool, now: Instant) {
        let Some(desk) = &mut self.watch else { return };
        if jumped {
            desk.drift.reset();
        }
        if let Some(ms) = desk.drift.unit(unit.kind, unit.dts, now) {
            self.measured(Measured::Drift { ms });
        }
    }

    /// Figures of what comes in.
    pub(super) fn measured(&mut self, measured: Measured) {
        let now = self.now();
        if let Some(desk) = &mut self.watch {
            let facts = desk.watch.take(measured, now);
            self.tell_watch(facts, now);
        }
    }

    /// The session is over, or the server stops.
    pub(super) fn end_watch(&mut self) {
        let now = self.now();
        if let Some(mut desk) = self.watch.take() {
            let facts = desk.watch.end(now);
            self.tell_watch(facts, now);
        }
        if let Some(run) = &self.run {
            self.shared.healths().remove(&run.id);
        }
    }

    fn tell_watch(&self, facts: Vec<Fact>, now: Instant) {
        let Some(run) = &self.run else { return };
        for kind in facts {
            let session = Some(SessionId::new(run.id.as_str()));
            self.shared.record(live::Event { channel: Some(self.subject()), session, kind });
        }
        let Some(desk) = &self.watch else { return };
        let live::watch::Health { alerts, sound, av_drift_ms } = desk.watch.health();
        let utc = self.shared.clock.utc();
        let at = |since: Instant| utc - now.saturating_duration_since(since);
        let alerts = alerts.into_iter().map(|(alert, since)| (alert, at(since))).collect();
        self.shared.healths().insert(run.id.clone(), Health { alerts, sound, av_drift_ms });
    }
}
