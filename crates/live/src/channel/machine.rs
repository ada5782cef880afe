//! The machine itself: its state, and what each input makes of it.

mod slate;
mod view;

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::{Command, Config, Input, Kick, Output};
use crate::event::{Event, Issue, Kind, Subject, Throttle};
use crate::issue::Issues;
use crate::session::{self, Before, EndReason, GRACE, Publisher, Session, Slate, TAKEOVER, Trouble};
use crate::{ChannelId, PublisherId, Refusal, SessionId, Source};

/// A channel: at most one publisher, at most one session. See [`Input`], [`Output`].
#[derive(Debug)]
pub struct Channel {
    id: ChannelId,
    config: Config,
    state: State,
    out: VecDeque<Output>,
    refusals: Throttle,
    issues: Issues,
}

/// ```text
///            a publisher is admitted
///   ┌──────┐ ───────────────────────▶ ┌────────┐
///   │ Idle │                          │ Active │ ◀─┐ restream, with
///   └──────┘ ◀─────────────────────── └────────┘ ──┘ a publisher
///     │  ▲      the session ends          │
///     │  │ start                          │ stop
///     ▼  │                                │
///   ┌─────────┐ ◀─────────────────────────┘         any ──delete──▶ Deleted
///   │ Stopped │
///   └─────────┘
/// ```
#[derive(Debug)]
enum State {
    Idle,
    Active(Box<Session>),
    Stopped,
    Deleted,
}

impl Channel {
    /// A channel without a session, as the store knows it.
    pub fn new(id: ChannelId, config: Config, stopped: bool) -> Self {
        Self {
            id,
            config,
            state: if stopped { State::Stopped } else { State::Idle },
            out: VecDeque::new(),
            refusals: Throttle::refusals(),
            issues: Issues::default(),
        }
    }

    /// The next thing to do or to keep; `None` until the next input or timeout.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.out.pop_front()
    }

    /// When [`Self::handle_timeout`] is due; may have passed. Ask again after every input.
    pub fn poll_timeout(&self) -> Option<Instant> {
        let session = self.session()?;
        let first = match &session.state {
            session::State::Init { publisher }
            | session::State::Processing { publisher }
            | session::State::Live { publisher } => {
                publisher.heard.checked_add(self.patience(publisher, session))
            }
            session::State::Error { since, grace, slate, .. } => {
                let ends = since.checked_add(self.config.reconnect_window).max(*grace);
                match slate {
                    Slate::Due(at) => ends.into_iter().chain([*at]).min(),
                    Slate::None | Slate::Shown { .. } => ends,
                }
            }
        };
        first.into_iter().chain(self.max_duration_ends(session)).chain(self.issues.due()).min()
    }

    /// Time has passed. Early calls do nothing.
    pub fn handle_timeout(&mut self, now: Instant) {
        let due = |at: Option<Instant>| at.is_some_and(|at| at <= now);
        while due(self.poll_timeout()) {
            if let Some(closed) = self.issues.close(now) {
                self.tell(closed);
                continue;
            }
            let State::Active(session) = &self.state else { return };
            if due(self.max_duration_ends(session)) {
                self.end(now, EndReason::MaxDuration, Kick::MaxDuration);
            } else if let session::State::Error { since, grace, .. } = &session.state {
                if due(since.checked_add(self.config.reconnect_window).max(*grace)) {
                    self.end(now, EndReason::PublisherLost, Kick::Silent);
                } else {
                    self.show_slate();
                }
            } else if let Some(publisher) = session.publisher()
                && now.saturating_duration_since(publisher.heard) < self.config.slate_after
            {
                self.prepare_slate();
            } else {
                self.trouble(now, Trouble::Silent(self.config.slate_after));
            }
        }
    }

    /// Something happened. What was due by `now` happens first.
    pub fn handle_input(&mut self, input: Input, now: Instant) {
        self.handle_timeout(now);
        match input {
            Input::Publish { publisher, peer, encoder, session } => {
                self.publish(
                    now,
                    Publisher { id: publisher, peer, heard: now, doubted: false },
                    encoder,
                    session,
                );
            }
            Input::Tracks { publisher, source } => self.tracks(now, publisher, source),
            Input::Media { publisher } => self.media(now, publisher),
            Input::KeyFrame { publisher, behind } => self.key_frame(now, publisher, behind),
            Input::Playable { session } => self.playable(now, &session),
            Input::Unpublished { publisher } => {
                if let Some(peer) = self.peer_of(publisher) {
                    let why = "it ended the stream".into();
                    self.tell(Kind::IngestDisconnected { peer, why });
                    self.take_publisher(now);
                    self.end(now, EndReason::Unpublished, Kick::Ended);
                }
            }
            Input::Lost { publisher, why } => {
                if let Some(peer) = self.peer_of(publisher) {
                    self.tell(Kind::IngestDisconnected { peer, why: why.clone() });
                    self.trouble(now, Trouble::Lost(why));
                    self.take_publisher(now);
                }
            }
            Input::Refused { publisher, refusal } => {
                if let Some(peer) = self.peer_of(publisher) {
                    self.tell(Kind::IngestRejected { peer, refusal: refusal.clone() });
                    self.take_publisher(now);
                    self.order(Command::Kick { publisher, reason: Kick::Refused(refusal) });
                    self.end(now, EndReason::Refused, Kick::Ended);
                }
            }
            Input::Revoked { publisher } => {
                let here = self.peer_of(publisher).is_some();
                self.handle_input(Input::Lost { publisher, why: "its stream key was revoked".into() }, now);
                if here {
                    self.order(Command::Kick { publisher, reason: Kick::Refused(Refusal::BadKey) });
                }
            }
            Input::Issue { publisher, issue } => self.issue(now, publisher, issue),
            Input::Start => {
                if matches!(self.state, State::Stopped) {
                    self.state = State::Idle;
                    self.tell(Kind::ChannelStarted);
                }
            }
            Input::Stop => {
                self.end(now, EndReason::Stopped, Kick::Stopped);
                if matches!(self.state, State::Idle) {
                    self.state = State::Stopped;
                    self.tell(Kind::ChannelStopped);
                }
            }
            Input::Restream { session } => self.restream(now, session),
            Input::End { session } => {
                if self.session().is_some_and(|running| running.id == session) {
                    self.end(now, EndReason::EndedByOperator, Kick::Ended);
                }
            }
            Input::Delete => {
                self.end(now, EndReason::ChannelDeleted, Kick::Deleted);
                if !matches!(self.state, State::Deleted) {
                    self.state = State::Deleted;
                    self.tell(Kind::ChannelDeleted);
                }
            }
            Input::Update(config) => self.config = config,
            Input::Recovered { session, was_live, age, silent_for } => {
                self.recovered(now, session, was_live, age, silent_for);
            }
        }
    }

    fn publish(&mut self, now: Instant, new: Publisher, encoder: Option<String>, fresh: SessionId) {
        // The slate may be set to wait for longer than others have to.
        if let Some(old) = self.session().and_then(Session::publisher)
            && now.saturating_duration_since(old.heard) >= TAKEOVER
        {
            self.trouble(now, Trouble::Silent(TAKEOVER));
        }
        match &mut self.state {
            State::Idle => {
                let publisher = new.id;
                let peer = new.peer.clone();
                self.open(now, fresh.clone(), new, None);
                self.tell(Kind::ChannelActivated);
                self.order(Command::Admit { publisher, session: fresh, resumed: false });
                self.tell(Kind::IngestConnected { peer, encoder, resumed: false });
            }
            State::Active(session) => match &mut session.state {
                session::State::Error { publisher, grace, slate, .. }
                    if publisher
                        .as_ref()
                        .is_none_or(|old| now.saturating_duration_since(old.heard) >= TAKEOVER) =>
                {
                    *grace = now.checked_add(GRACE);
                    if let Slate::Shown { since } = slate {
                        *since = None;
                    }
                    let (id, peer) = (new.id, new.peer.clone());
                    let old = publisher.replace(new);
                    let session = session.id.clone();
                    if let Some(old) = old {
                        self.kick(old, Kick::TakenOver);
                    }
                    self.order(Command::Admit { publisher: id, session, resumed: true });
                    self.tell(Kind::IngestConnected { peer, encoder, resumed: true });
                }
                session::State::Init { .. }
                | session::State::Processing { .. }
                | session::State::Live { .. }
                | session::State::Error { .. } => self.refuse(now, new, Refusal::Busy),
            },
            State::Stopped => self.refuse(now, new, Refusal::Stopped),
            State::Deleted => self.refuse(now, new, Refusal::Deleted),
        }
    }

    fn tracks(&mut self, now: Instant, publisher: PublisherId, source: Source) {
        let Some(session) = self.session_of(publisher) else { return };
        session.source = Some(source.clone());
        // Headers are the first thing heard of a publisher; of one that was live before they prove no media.
        if !matches!(session.state, session::State::Error { before: Before::Processing | Before::Live, .. }) {
            self.media(now, publisher);
        }
        let Some(session) = self.session_of(publisher) else { return };
        if let session::State::Init { publisher } = &session.state {
            session.state = session::State::Processing { publisher: publisher.clone() };
            self.tell(Kind::SessionProcessing { source });
        }
    }

    fn media(&mut self, now: Instant, publisher: PublisherId) {
        let Some(session) = self.session_of(publisher) else { return };
        if let Some(publisher) = session.publisher_mut() {
            (publisher.heard, publisher.doubted) = (now, false);
        }
        match &mut session.state {
            // Viewers go on with a key frame.
            session::State::Error { slate: Slate::Shown { since }, .. } => {
                since.get_or_insert(now);
            }
            session::State::Error { .. } => self.back(now),
            session::State::Init { .. } | session::State::Processing { .. } | session::State::Live { .. } => {
            }
        }
    }

    fn playable(&mut self, now: Instant, id: &SessionId) {
        let State::Active(session) = &mut self.state else { return };
        if session.id != *id {
            return;
        }
        match &mut session.state {
            session::State::Init { publisher } | session::State::Processing { publisher } => {
                session.state = session::State::Live { publisher: publisher.clone() };
                let after = session.lasted(now);
                self.tell(Kind::SessionLive { after });
            }
            session::State::Error { before, slate, publisher, .. } => {
                *before = Before::Live;
                if *slate == Slate::None {
                    let heard = publisher.as_ref().map_or(now, |publisher| publisher.heard);
                    *slate = Slate::Due(heard.checked_add(self.config.slate_after).unwrap_or(now).max(now));
                }
            }
            session::State::Live { .. } => {}
        }
        // Its slate may be due already.
        self.handle_timeout(now);
    }

    fn issue(&mut self, now: Instant, publisher: PublisherId, issue: Issue) {
        if self.session_of(publisher).is_none() {
            return;
        }
        if let Some(kind) = self.issues.note(issue, now) {
            self.tell(kind);
        }
    }

    fn restream(&mut self, now: Instant, fresh: SessionId) {
        let Some(mut publisher) = self.take_publisher(now) else {
            return self.end(now, EndReason::Restreamed, Kick::Ended);
        };
        let source = self.session().and_then(|session| session.source.clone());
        self.end(now, EndReason::Restreamed, Kick::Ended);
        publisher.heard = now;
        let id = publisher.id;
        self.open(now, fresh, publisher, source.clone());
        if let Some(source) = source {
            self.tracks(now, id, source);
        }
    }

    fn recovered(
        &mut self,
        now: Instant,
        id: SessionId,
        was_live: bool,
        age: Duration,
        silent_for: Duration,
    ) {
        if matches!(self.state, State::Active(_) | State::Deleted) {
            return;
        }
        let stopped = matches!(self.state, State::Stopped);
        let before = if was_live { Before::Live } else { Before::Init };
        let since = now.checked_sub(silent_for).unwrap_or(now);
        let slate = if was_live { Slate::Due(now) } else { Slate::None };
        let state = session::State::Error { publisher: None, since, grace: None, before, slate };
        self.state = State::Active(Box::new(Session { id, opened: now, ran: age, source: None, state }));
        let window = self.config.reconnect_window.saturating_sub(silent_for);
        self.tell(Kind::SessionError { trouble: Trouble::Restarted, window });
        if stopped {
            self.end(now, EndReason::Stopped, Kick::Stopped);
            self.state = State::Stopped;
        }
        self.handle_timeout(now);
    }

    /// A session begins with its publisher connected.
    fn open(&mut self, now: Instant, id: SessionId, publisher: Publisher, source: Option<Source>) {
        self.issues = Issues::default();
        self.order(Command::OpenSession { session: id.clone() });
        let state = session::State::Init { publisher };
        self.state = State::Active(Box::new(Session { id, opened: now, ran: Duration::ZERO, source, state }));
        self.tell(Kind::SessionCreated);
    }

    /// The running session, if any, is over; whoever is connected is sent away.
    fn end(&mut self, now: Instant, reason: EndReason, kick: Kick) {
        if let Some(publisher) = self.take_publisher(now) {
            self.kick(publisher, kick);
        }
        let State::Active(session) = &self.state else { return };
        let (session, lasted) = (session.id.clone(), session.lasted(now));
        self.tell(Kind::SessionEnded { reason, lasted });
        self.order(Command::CloseSession { session, reason });
        self.state = State::Idle;
    }

    /// The session is in `error` from now on, unless it is already.
    fn trouble(&mut self, now: Instant, trouble: Trouble) {
        let window = self.config.reconnect_window;
        let State::Active(session) = &mut self.state else { return };
        let (publisher, before) = match &session.state {
            session::State::Init { publisher } => (publisher, Before::Init),
            session::State::Processing { publisher } => (publisher, Before::Processing),
            session::State::Live { publisher } => (publisher, Before::Live),
            session::State::Error { .. } => return,
        };
        let slate = match before {
            Before::Live => {
                Slate::Due(publisher.heard.checked_add(self.config.slate_after).unwrap_or(now).max(now))
            }
            Before::Init | Before::Processing => Slate::None,
        };
        let prepared = publisher.doubted || slate == Slate::None;
        let publisher = Some(publisher.clone());
        session.state = session::State::Error { publisher, since: now, grace: None, before, slate };
        self.tell(Kind::SessionError { trouble, window });
        if !prepared {
            self.prepare_slate();
        }
    }

    /// Takes the publisher off the session. What follows must say what becomes of the session.
    fn take_publisher(&mut self, now: Instant) -> Option<Publisher> {
        let State::Active(session) = &mut self.state else { return None };
        let (publisher, before) = match &mut session.state {
            session::State::Init { publisher } => (publisher.clone(), Before::Init),
            session::State::Processing { publisher } => (publisher.clone(), Before::Processing),
            session::State::Live { publisher } => (publisher.clone(), Before::Live),
            session::State::Error { publisher, .. } => return publisher.take(),
        };
        let slate = Slate::None;
        session.state = session::State::Error { publisher: None, since: now, grace: None, before, slate };
        Some(publisher)
    }

    fn kick(&mut self, publisher: Publisher, reason: Kick) {
        self.tell(Kind::IngestDisconnected { peer: publisher.peer, why: reason.to_string() });
        self.order(Command::Kick { publisher: publisher.id, reason });
    }

    fn refuse(&mut self, now: Instant, publisher: Publisher, refusal: Refusal) {
        self.order(Command::Refuse { publisher: publisher.id, refusal: refusal.clone() });
        if self.refusals.allow(now) {
            let channel = Some(self.subject());
            let kind = Kind::IngestRejected { peer: publisher.peer, refusal };
            self.out.push_back(Output::Event(Event { channel, session: None, kind }));
        }
    }

    fn order(&mut self, command: Command) {
        self.out.push_back(Output::Command(command));
    }

    fn tell(&mut self, kind: Kind) {
        let session = self.session().map(|session| session.id.clone());
        self.out.push_back(Output::Event(Event { channel: Some(self.subject()), session, kind }));
    }

    fn subject(&self) -> Subject {
        Subject { id: self.id.clone(), name: self.config.name.as_str().into() }
    }

    fn session(&self) -> Option<&Session> {
        match &self.state {
            State::Active(session) => Some(session),
            State::Idle | State::Stopped | State::Deleted => None,
        }
    }

    /// The running session, if this is its publisher.
    fn session_of(&mut self, id: PublisherId) -> Option<&mut Session> {
        match &mut self.state {
            State::Active(session) if session.publisher().is_some_and(|p| p.id == id) => Some(session),
            State::Active(_) | State::Idle | State::Stopped | State::Deleted => None,
        }
    }

    fn peer_of(&mut self, id: PublisherId) -> Option<String> {
        Some(self.session_of(id)?.publisher()?.peer.clone())
    }

    fn max_duration_ends(&self, session: &Session) -> Option<Instant> {
        session.opened.checked_add(self.config.max_duration?.saturating_sub(session.ran))
    }
}
