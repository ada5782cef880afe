//! The machine against a model: the rules of the product written the naive way, in steps of 100 ms, and random inputs.

use std::collections::HashMap;

use proptest::prelude::*;

use super::*;
use crate::event::Kind;
use crate::session::{self, CATCH_UP, GRACE, SLATE_AFTER, TAKEOVER};

#[derive(Clone, Debug)]
enum Step {
    Wait(u8),
    Publish,
    /// What the publisher counted back from the last one does: mostly 0, the last.
    Tracks(u8),
    Media(u8),
    /// With how many tenths of a second it is behind.
    KeyFrame(u8, u8),
    Playable(u8),
    Unpublish(u8),
    Lose(u8),
    Refuse(u8),
    Start,
    Stop,
    Restream,
    End,
    Delete,
}

fn step() -> impl Strategy<Value = Step> {
    let back = prop_oneof![6 => Just(0u8), 1 => Just(1u8), 1 => Just(2u8)];
    prop_oneof![
        6 => prop_oneof![5 => 0u8..12, 3 => 12u8..30, 1 => 30u8..].prop_map(Step::Wait),
        6 => Just(Step::Publish),
        3 => back.clone().prop_map(Step::Tracks),
        8 => back.clone().prop_map(Step::Media),
        4 => (back.clone(), prop_oneof![Just(0u8), Just(3)]).prop_map(|(id, behind)| Step::KeyFrame(id, behind)),
        3 => back.clone().prop_map(Step::Playable),
        1 => back.clone().prop_map(Step::Unpublish),
        2 => back.clone().prop_map(Step::Lose),
        1 => back.prop_map(Step::Refuse),
        2 => Just(Step::Start),
        1 => Just(Step::Stop),
        1 => Just(Step::Restream),
        1 => Just(Step::End),
        1 => prop_oneof![15 => Just(Step::Start), 1 => Just(Step::Delete)],
    ]
}

const WINDOW: u64 = 8_000;
const LONGEST: u64 = 20_000;

/// What the rules say, in milliseconds and flags.
#[derive(Default)]
struct Model {
    stopped: bool,
    deleted: bool,
    session: Option<Run>,
}

struct Run {
    publisher: Option<u64>,
    heard: u64,
    opened: u64,
    failed: Option<u64>,
    grace: u64,
    tracks: bool,
    played: bool,
    /// When the slate goes in.
    due: Option<u64>,
    shown: bool,
    /// When media came again.
    since: Option<u64>,
}

impl Run {
    fn new(publisher: u64, now: u64) -> Self {
        Self {
            publisher: Some(publisher),
            heard: now,
            opened: now,
            failed: None,
            grace: 0,
            tracks: false,
            played: false,
            due: None,
            shown: false,
            since: None,
        }
    }

    fn fail(&mut self, now: u64) {
        if self.failed.is_none() {
            self.failed = Some(now);
            self.due = self.played.then(|| (self.heard + SLATE_AFTER.as_millis() as u64).max(now));
        }
    }

    fn recover(&mut self) {
        (self.failed, self.due, self.shown, self.since) = (None, None, false, None);
    }

    fn status(&self) -> session::Status {
        match self {
            Self { failed: Some(_), .. } => session::Status::Error,
            Self { played: true, .. } => session::Status::Live,
            Self { tracks: true, .. } => session::Status::Processing,
            _ => session::Status::Init,
        }
    }
}

impl Model {
    /// One step of time.
    fn tick(&mut self, now: u64) {
        let Some(run) = &mut self.session else { return };
        if now >= run.opened + LONGEST || run.failed.is_some_and(|at| now >= (at + WINDOW).max(run.grace)) {
            self.session = None;
        } else if run.failed.is_none() && now >= run.heard + SLATE_AFTER.as_millis() as u64 {
            run.fail(now);
        }
        let Some(run) = &mut self.session else { return };
        if run.due.is_some_and(|due| now >= due) {
            (run.due, run.shown) = (None, true);
        }
    }

    /// Whether a publisher is taken.
    fn publish(&mut self, id: u64, now: u64) -> bool {
        if self.stopped || self.deleted {
            return false;
        }
        match &mut self.session {
            None => self.session = Some(Run::new(id, now)),
            Some(run) => {
                if run.publisher.is_some() && now < run.heard + TAKEOVER.as_millis() as u64 {
                    return false;
                }
                (run.publisher, run.heard) = (Some(id), now);
                run.grace = now + GRACE.as_millis() as u64;
                run.since = None;
            }
        }
        true
    }

    fn of(&mut self, id: u64) -> Option<&mut Run> {
        self.session.as_mut().filter(|run| run.publisher == Some(id))
    }

    fn heard(&mut self, id: u64, now: u64) {
        if let Some(run) = self.of(id) {
            run.heard = now;
            if run.shown {
                run.since.get_or_insert(now);
            } else {
                run.recover();
            }
        }
    }

    fn key_frame(&mut self, id: u64, behind: u64, now: u64) {
        if let Some(run) = self.of(id).filter(|run| run.shown) {
            run.heard = now;
            let caught_up = run.since.is_some_and(|since| now >= since + CATCH_UP.as_millis() as u64);
            if behind == 0 || caught_up {
                run.recover();
            }
        }
    }
}

/// What came out so far, checked as it comes.
#[derive(Default)]
struct Ledger {
    /// Admitted, not kicked and not gone by itself.
    connected: Option<PublisherId>,
    answered: HashMap<u64, bool>,
    sessions: HashMap<SessionId, session::Status>,
    open: Vec<SessionId>,
    slate: bool,
}

impl Ledger {
    fn take(&mut self, output: Output) {
        match output {
            Output::Command(Command::OpenSession { session }) => {
                assert!(self.open.is_empty(), "a second session beside {:?}", self.open);
                self.open.push(session);
            }
            Output::Command(Command::Admit { publisher, session, resumed: _ }) => {
                assert_eq!(self.open, [session], "admitted to a session that isn't open");
                assert_eq!(self.connected.replace(publisher), None, "two publishers at once");
                assert_eq!(self.answered.insert(publisher.0, true), None, "answered twice");
            }
            Output::Command(Command::Refuse { publisher, refusal: _ }) => {
                assert_eq!(self.answered.insert(publisher.0, false), None, "answered twice");
            }
            Output::Command(Command::Kick { publisher, reason: _ }) => {
                assert_eq!(self.connected.take(), Some(publisher), "kicked who isn't there");
            }
            Output::Command(Command::CloseSession { session, reason: _ }) => {
                assert_eq!(self.open.pop(), Some(session), "closed what isn't open");
                self.slate = false;
            }
            Output::Command(Command::PrepareSlate { session }) => {
                assert!(!self.slate && self.open == [session], "a slate prepared for nobody");
            }
            Output::Command(Command::ShowSlate { session }) => {
                assert!(
                    self.open == [session] && !std::mem::replace(&mut self.slate, true),
                    "a second slate"
                );
            }
            Output::Command(Command::EndSlate { session, anew: _ }) => {
                assert!(self.open == [session] && std::mem::take(&mut self.slate), "no slate to end");
            }
            Output::Event(event) => self.told(&event),
        }
    }

    fn told(&mut self, event: &Event) {
        use session::Status::{Ended, Error, Init, Live, Processing};
        let Some(id) = event.session.clone() else { return };
        let to = match &event.kind {
            Kind::SessionCreated => {
                assert_eq!(self.sessions.insert(id, Init), None, "a session was used again");
                return;
            }
            Kind::SessionProcessing { .. } => Processing,
            Kind::SessionLive { .. } => Live,
            Kind::SessionError { .. } => Error,
            Kind::SessionRecovered { status, .. } => *status,
            Kind::SessionEnded { .. } => Ended,
            _ => return,
        };
        let from = self.sessions.insert(id, to).expect("an event of a session before its creation");
        let allowed = match from {
            Init => matches!(to, Processing | Live | Error | Ended),
            Processing => matches!(to, Live | Error | Ended),
            Live => matches!(to, Error | Ended),
            Error => matches!(to, Init | Processing | Live | Ended),
            Ended => false,
        };
        assert!(allowed, "{from:?} went to {to:?}");
    }
}

struct Pair {
    bench: Bench,
    model: Model,
    ledger: Ledger,
    now: u64,
    publishers: u64,
    sessions: Vec<SessionId>,
}

impl Pair {
    fn new() -> Self {
        let config = Config {
            name: "Studio A".into(),
            reconnect_window: Duration::from_millis(WINDOW),
            max_duration: Some(Duration::from_millis(LONGEST)),
            slate_after: SLATE_AFTER,
        };
        Self {
            bench: Bench::new(config, false),
            model: Model::default(),
            ledger: Ledger::default(),
            now: 0,
            publishers: 0,
            sessions: vec![],
        }
    }

    fn drain(&mut self) {
        while let Some(output) = self.bench.channel.poll_output() {
            self.ledger.take(output);
        }
    }

    fn instant(&self) -> Instant {
        self.bench.zero + Duration::from_millis(self.now)
    }

    fn input(&mut self, input: Input) {
        let now = self.instant();
        self.bench.channel.handle_input(input, now);
        self.drain();
    }

    fn wait(&mut self, tenths: u8) {
        for _ in 0..tenths {
            self.now += 100;
            let now = self.instant();
            // Woken only when it asked for it: a timeout that it forgets to ask for shows as a difference.
            if self.bench.channel.poll_timeout().is_some_and(|due| due <= now) {
                self.bench.channel.handle_timeout(now);
                assert!(self.bench.channel.poll_timeout().is_none_or(|due| due > now), "it would spin");
                self.drain();
            }
            self.model.tick(self.now);
            self.compare();
        }
    }

    fn fresh(&mut self) -> SessionId {
        let id = SessionId::new(format!("ses_{}", self.sessions.len()));
        self.sessions.push(id.clone());
        id
    }

    fn step(&mut self, step: &Step) {
        let now = self.now;
        let who = |back: &u8| self.publishers.saturating_sub(u64::from(*back));
        match step {
            Step::Wait(tenths) => self.wait(*tenths),
            Step::Publish => {
                self.publishers += 1;
                let (id, session) = (self.publishers, self.fresh());
                let publisher = PublisherId(id);
                self.input(Input::Publish { publisher, peer: "peer".into(), encoder: None, session });
                assert_eq!(self.ledger.answered.get(&id), Some(&self.model.publish(id, now)), "the answer");
            }
            Step::Tracks(back) => {
                let id = who(back);
                let source = Source { codecs: vec!["avc1".into()], ..Source::default() };
                self.input(Input::Tracks { publisher: PublisherId(id), source });
                if self.model.of(id).is_some_and(|run| run.failed.is_none() || !(run.tracks || run.played)) {
                    self.model.heard(id, now);
                }
                if let Some(run) = self.model.of(id) {
                    run.tracks = true;
                }
            }
            Step::Media(back) => {
                let id = who(back);
                self.input(Input::Media { publisher: PublisherId(id) });
                self.model.heard(id, now);
            }
            Step::KeyFrame(back, behind) => {
                let id = who(back);
                let behind = u64::from(*behind) * 100;
                let (publisher, behind_by) = (PublisherId(id), Duration::from_millis(behind));
                self.input(Input::KeyFrame { publisher, behind: behind_by });
                self.model.key_frame(id, behind, now);
            }
            Step::Playable(back) => {
                let back = usize::from(*back) + 1;
                let running = self.bench.channel.running().map(|running| running.id.clone());
                let asked = match (back, running) {
                    (1, Some(running)) => running,
                    _ => match self.sessions.len().checked_sub(back) {
                        Some(index) => self.sessions[index].clone(),
                        None => return,
                    },
                };
                let of_running = self.bench.channel.running().is_some_and(|running| *running.id == asked);
                self.input(Input::Playable { session: asked });
                if let Some(run) = self.model.session.as_mut().filter(|_| of_running) {
                    run.played = true;
                    if run.failed.is_some() && run.due.is_none() && !run.shown {
                        let heard = run.publisher.map_or(now, |_| run.heard);
                        run.due = Some((heard + SLATE_AFTER.as_millis() as u64).max(now));
                    }
                    self.model.tick(now);
                }
            }
            Step::Unpublish(back) | Step::Refuse(back) => {
                let id = who(back);
                let publisher = PublisherId(id);
                let clean = matches!(step, Step::Unpublish(_));
                if clean && self.ledger.connected == Some(publisher) {
                    self.ledger.connected = None;
                }
                self.input(match clean {
                    true => Input::Unpublished { publisher },
                    false => Input::Refused { publisher, refusal: Refusal::Codec("no".into()) },
                });
                if self.model.of(id).is_some() {
                    self.model.session = None;
                }
            }
            Step::Lose(back) => {
                let id = who(back);
                let publisher = PublisherId(id);
                // Every other one is lost by a revoked key, and kicked.
                let revoked = id % 2 == 1;
                if !revoked && self.ledger.connected == Some(publisher) {
                    self.ledger.connected = None;
                }
                self.input(match revoked {
                    false => Input::Lost { publisher, why: "lost".into() },
                    true => Input::Revoked { publisher },
                });
                if let Some(run) = self.model.of(id) {
                    run.fail(now);
                    run.publisher = None;
                }
            }
            Step::Start => {
                self.input(Input::Start);
                self.model.stopped = false;
            }
            Step::Stop => {
                self.input(Input::Stop);
                (self.model.stopped, self.model.session) = (true, None);
            }
            Step::Restream => {
                let session = self.fresh();
                self.input(Input::Restream { session });
                self.model.session = self.model.session.take().and_then(|run| {
                    let fresh = Run::new(run.publisher?, now);
                    Some(Run { tracks: run.tracks, ..fresh })
                });
            }
            Step::End => {
                let Some(session) = self.bench.channel.running().map(|running| running.id.clone()) else {
                    return;
                };
                self.input(Input::End { session });
                self.model.session = None;
            }
            Step::Delete => {
                self.input(Input::Delete);
                (self.model.deleted, self.model.session) = (true, None);
            }
        }
        self.compare();
    }

    fn compare(&self) {
        let (channel, model) = (&self.bench.channel, &self.model);
        let at = self.now;
        let expected = match (model.stopped || model.deleted, &model.session) {
            (true, _) => Status::Stopped,
            (false, Some(_)) => Status::Active,
            (false, None) => Status::Idle,
        };
        assert_eq!(channel.status(), expected, "the channel at {at} ms");
        let running = channel.running();
        let shown = model.session.as_ref().is_some_and(|run| run.shown);
        assert_eq!(self.ledger.slate, shown, "the slate at {at} ms");
        let status = running.map(|running| running.status);
        assert_eq!(status, model.session.as_ref().map(Run::status), "the session at {at} ms");
        let publisher = running.and_then(|running| running.publisher);
        assert_eq!(publisher.map(|id| id.0), model.session.as_ref().and_then(|run| run.publisher));
        assert_eq!(publisher, self.ledger.connected, "what the shell was told at {at} ms");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_machine_keeps_the_rules(steps in prop::collection::vec(step(), 0..80)) {
        let mut pair = Pair::new();
        for step in &steps {
            pair.step(step);
        }
        pair.step(&Step::Delete);
        prop_assert!(pair.ledger.open.is_empty());
        for (id, status) in &pair.ledger.sessions {
            prop_assert_eq!(*status, session::Status::Ended, "{} was never told to have ended", id);
        }
        prop_assert_eq!(pair.bench.channel.poll_timeout(), None);
    }
}
