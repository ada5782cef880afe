//! The running session's ladder: the source goes to its worker, and what that makes into the package.

use std::time::Instant;

use bytes::Bytes;
use live::SessionId;
use live::budget::Grant;
use live::event::Kind as Fact;
use media::flv::Metadata;
use media::{AccessUnit, Rational, Track};

use super::Actor;
use crate::channel::detect::measured;
use crate::channel::ladder::{Desk, Plan};
use crate::channel::{Recovered, Shared};
use crate::journal::Trouble;
use crate::machine::{For, Lease};
use crate::store::{Channel, Role, Settings};
use crate::transcode::feed::Made;

/// What is made of a session with these tracks. `None` where viewers get what comes in.
pub(super) fn plan(
    shared: &Shared,
    settings: &Settings,
    tracks: &[Track],
    metadata: &Metadata,
) -> Option<Plan> {
    shared.transcoder.program()?;
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let mut plan =
        crate::channel::ladder::plan(settings, tracks, metadata, u32::try_from(cores).unwrap_or(1))?;
    let every = shared.albums.every().map(|every| every.as_millis());
    plan.order.stills_ms = every.and_then(|ms| u32::try_from(ms).ok());
    Some(plan.encoded_by(shared.transcoder.hardware()))
}

/// The channel's logo, as a file; empty without one. `None` where the database is busy.
pub(super) async fn logo(shared: &Shared, channel: &Channel) -> Option<Bytes> {
    if channel.logo.is_none() {
        return Some(Bytes::new());
    }
    let asked = tokio::time::timeout(PATIENCE, shared.store.picture(&channel.id, Role::Logo)).await;
    Some(asked.ok()?.ok()?.map(|(_, file)| file).unwrap_or_default())
}

/// A place in the machine's budget for a plan. What has none is not waited for.
pub(super) fn join(shared: &Shared, channel: &Channel, session: &str, plan: &mut Plan) -> Lease {
    let renditions = plan.names[..plan.order.pictures.len()].to_vec();
    let of = For { channel: channel.id.clone(), session: session.to_owned(), renditions };
    let lease = shared.machine.join(of, plan.ask());
    plan.waits = lease.standing().grant == Grant::Nothing;
    lease
}

impl Actor {
    /// What was made before a restart is made again; the journal has the source alone.
    pub(super) fn declare_ladder(&self, found: &mut Recovered) {
        let tracks: Vec<_> = found.renditions.iter().map(|rendition| rendition.track.clone()).collect();
        let frame_rate = found.renditions.iter().find_map(|rendition| rendition.frame_rate);
        let metadata = Metadata { frame_rate: frame_rate.map(Rational::as_f64), ..Metadata::default() };
        let Some(plan) = plan(&self.shared, &self.channel.settings, &tracks, &metadata) else { return };
        found.renditions.extend(plan.renditions());
        found.journals.resize_with(found.renditions.len(), Vec::new);
    }

    /// What is asked of picture and sound may have changed.
    pub(super) async fn process(&mut self) {
        if self.ladder.is_some() {
            let logo = logo(&self.shared, &self.channel).await;
            if let Some(desk) = &mut self.ladder {
                desk.process(&self.channel.settings, logo);
            }
        }
    }

    /// Media flows, or flows on with other tracks.
    pub(super) fn begin_ladder(&mut self, plan: Option<(Plan, Bytes, Lease)>, tracks: &[Track]) {
        let now = self.now();
        match (&mut self.ladder, &self.run, plan, self.shared.transcoder.program()) {
            (Some(desk), ..) => desk.tracks(tracks),
            (None, Some(run), Some((plan, logo, lease)), Some(program)) => {
                self.ladder = Desk::start(program, (plan, logo), lease, tracks, |name| run.place(name), now);
            }
            (None, ..) => {}
        }
        self.tell_of_ladder();
    }

    /// Where there is something new.
    pub(super) fn tell_of_ladder(&mut self) {
        let news = self.ladder.as_mut().map(Desk::news).unwrap_or_default();
        news.into_iter().for_each(|kind| self.record_ladder(kind));
    }

    /// A unit of the source, as viewers get it.
    pub(super) fn feed_ladder(&mut self, unit: &AccessUnit, now: Instant) {
        self.look(unit);
        let Some(desk) = self.ladder.as_mut().filter(|_| !self.slate.shown()) else { return };
        desk.unit(unit, now);
        self.tell_of_ladder();
    }

    fn record_ladder(&self, kind: Fact) {
        let session = self.run.as_ref().map(|run| SessionId::new(run.id.as_str()));
        self.shared.record(live::Event { channel: Some(self.subject()), session, kind });
    }

    pub(super) async fn made(&mut self, made: Made) {
        let (new, outcome) = self.take_made(made);
        self.tell_of_ladder();
        self.journal_outcome(outcome).await;
        if new {
            self.playable().await;
        }
    }

    fn take_made(&mut self, made: Made) -> (bool, Result<(), Trouble>) {
        let now = self.now();
        let nothing = (false, Ok(()));
        let (Some(desk), Some(run)) = (&mut self.ladder, &mut self.run) else { return nothing };
        let channel = &self.channel.settings.name;
        match made {
            Made::Track(output, track) => {
                desk.rendition(output).map_or(nothing, |rendition| run.known(rendition, track))
            }
            Made::Unit(output, unit) => {
                desk.came(output, &unit, now);
                desk.rendition(output).map_or(nothing, |rendition| run.made(rendition, unit))
            }
            Made::Lost(output, why) => {
                let name = desk.lost(output).unwrap_or("a rendition");
                tracing::warn!("channel {channel}: {name} can't be made: {why}");
                nothing
            }
            Made::Measured(figures) => {
                self.measured(measured(figures));
                nothing
            }
            Made::Thumbnail(made) => {
                self.thumbnail(made);
                nothing
            }
            Made::Ended => nothing,
            Made::Broken(why) => {
                let pause = desk.broke(&why, now).as_secs_f64();
                tracing::warn!(
                    "channel {channel}: the worker of its ladder {why}; another is started in {pause:.2} s"
                );
                nothing
            }
        }
    }

    /// The session ends: what the worker holds back comes out, if it comes soon.
    pub(super) async fn end_ladder(&mut self) {
        let Some(desk) = &mut self.ladder else { return };
        desk.end();
        let rest = async {
            while let Some(desk) = &mut self.ladder {
                let made = desk.made().await;
                if matches!(made, Made::Ended | Made::Broken(_)) {
                    return;
                }
                let (_, outcome) = self.take_made(made);
                self.log_trouble(outcome);
            }
        };
        let _ = tokio::time::timeout(LAST, rest).await;
        let news = self.ladder.take().map(Desk::last_news).unwrap_or_default();
        news.into_iter().for_each(|kind| self.record_ladder(kind));
    }
}

/// The database is waited for no longer.
const PATIENCE: std::time::Duration = std::time::Duration::from_millis(300);
/// A worker has so long to give out the rest.
const LAST: std::time::Duration = std::time::Duration::from_millis(700);
