//! A channel's task: one loop over what publishers, operators and the clock bring.

use std::sync::Arc;
use std::time::{Duration, Instant};

use live::channel::{Command, Input, Kick, Output};
use live::event::Subject;
use live::{ChannelId, PublisherId, SessionId};
use media::flv::Metadata;
use media::{Silence, Timeline, Timestamp, Track};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use super::breaks::Breaks;
use super::gather::Gather;
use super::ladder::Desk as Ladder;
use super::run::Run;
use super::{Message, Reply, Shared, config, plan};
use crate::control::channels::Order;
use crate::ingest::{End, Feed, Knock, Seat};
use crate::journal::Trouble;
use crate::store;
use crate::transcode::feed::Made;
use crate::transcode::watch::feed::Saw;

/// Items of one publisher under way: about two seconds.
const FEED: usize = 256;
/// Players of a session that ended may ask for so long; then the journal answers.
const FAREWELL: Duration = Duration::from_secs(60);
/// The figures of a running session reach the database this often.
const KEEP_SOURCE: Duration = Duration::from_secs(10);

mod detect;
mod ends;
mod flow;
mod ladder;
mod settle;
mod slate;
mod stills;

struct Actor {
    shared: Arc<Shared>,
    channel: store::Channel,
    machine: live::Channel,
    /// Asked just now; answered by the machine's next outputs.
    knocking: Option<(Knock, String, Reply)>,
    on: Option<Connected>,
    run: Option<Run>,
    source_kept: Option<Instant>,
    /// The database has the figures in hand.
    keeping: Option<JoinHandle<()>>,
    slate: slate::Desk,
    /// The running session's, where anything is made.
    ladder: Option<Ladder>,
    /// The running session's.
    watch: Option<detect::Desk>,
    stills: stills::Stills,
}

/// The admitted publisher.
struct Connected {
    id: PublisherId,
    /// `key_…`
    key: String,
    feed: mpsc::Receiver<Feed>,
    kick: oneshot::Sender<Kick>,
    encoder: Option<String>,
    breaks: Breaks,
    stage: Stage,
}

/// ```text
///   Gathering ── all announced tracks are here, or a second passed ──▶ Flowing
/// ```
enum Stage {
    Gathering(Gather),
    Flowing {
        metadata: Metadata,
        tracks: Vec<Track>,
        /// `None` after a restream, until the next key frame.
        timeline: Option<Box<Timeline>>,
        /// Pictures before the first key frame can't be shown.
        seen_key: bool,
        gop: Gop,
        /// Stands in for sound that doesn't come; `None` where there is none to come, or no picture to go by.
        silence: Option<Silence>,
    },
}

/// The GOP that comes in.
#[derive(Default)]
struct Gop {
    /// Where its key frame stands.
    key: Option<Timestamp>,
    /// That it is too long was told before it ended.
    told: bool,
}

/// What the loop turns on.
enum Turn {
    Message(Message),
    Feed(Option<Feed>),
    Due,
    /// The ladder's worker made something.
    Made(Made),
    /// The shared worker looked at a key frame.
    Saw(Saw),
    /// The worker made a slate, or can't.
    Slate(Option<hls::slate::Slate>),
    /// No registry any more.
    Over,
}

pub(super) async fn run(
    shared: Arc<Shared>,
    channel: store::Channel,
    unfinished: Option<store::Session>,
    mut messages: mpsc::Receiver<Message>,
) {
    let machine =
        live::Channel::new(ChannelId::new(channel.id.as_str()), config(&channel.settings), channel.stopped);
    let (knocking, on, run, source_kept, keeping) = (None, None, None, None, None);
    let (slate, stills) = (slate::Desk::default(), stills::Stills::default());
    let (ladder, watch) = (None, None);
    let mut actor = Actor {
        shared,
        channel,
        machine,
        knocking,
        on,
        run,
        source_kept,
        keeping,
        slate,
        ladder,
        watch,
        stills,
    };
    if let Some(session) = unfinished {
        actor.recover(session).await;
        // To read a day's journal takes a hundred times of what is kept of it.
        tokio::task::spawn_blocking(sys::memory::give_back);
    }
    loop {
        let turn = actor.turn(&mut messages).await;
        match turn {
            Turn::Message(Message::Seal(done)) => {
                actor.seal().await;
                let _ = done.send(());
                return;
            }
            Turn::Message(message) => {
                if actor.message(message).await {
                    return;
                }
            }
            Turn::Feed(feed) => {
                let end = Feed::End(End::Lost("the connection broke".to_owned()));
                actor.feed(feed.unwrap_or(end)).await;
            }
            Turn::Due => actor.due().await,
            Turn::Made(made) => actor.made(made).await,
            Turn::Saw(saw) => actor.saw(saw),
            Turn::Slate(made) => actor.slate_made(made),
            Turn::Over => return,
        }
    }
}

impl Actor {
    fn now(&self) -> Instant {
        self.shared.clock.now()
    }

    async fn turn(&mut self, messages: &mut mpsc::Receiver<Message>) -> Turn {
        let gathered = self.on.as_ref().and_then(|on| match &on.stage {
            Stage::Gathering(gather) if !gather.tracks.is_empty() => gather.deadline(),
            Stage::Gathering(_) | Stage::Flowing { .. } => None,
        });
        let due = self.machine.poll_timeout().into_iter().chain(gathered).chain(self.slate.tick);
        let due = due.chain(self.ladder.as_ref().and_then(Ladder::due)).min();
        let wait = due.map(|due| due.saturating_duration_since(self.now()));
        let alarm = async {
            match wait {
                Some(wait) => tokio::time::sleep(wait).await,
                None => std::future::pending().await,
            }
        };
        let feed = async {
            match &mut self.on {
                Some(on) => on.feed.recv().await,
                None => std::future::pending().await,
            }
        };
        let made = async {
            match &mut self.ladder {
                Some(ladder) => ladder.made().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            message = messages.recv() => message.map_or(Turn::Over, Turn::Message),
            feed = feed => Turn::Feed(feed),
            made = made => Turn::Made(made),
            saw = self.stills.saw() => Turn::Saw(saw),
            slate = self.slate.made() => Turn::Slate(slate),
            () = alarm => Turn::Due,
        }
    }

    /// True where the channel is gone.
    async fn message(&mut self, message: Message) -> bool {
        match message {
            Message::Knock(knock, key, reply) => {
                let input = Input::Publish {
                    publisher: knock.publisher,
                    peer: knock.peer.to_string(),
                    encoder: knock.encoder.clone(),
                    session: self.new_session(),
                };
                self.knocking = Some((knock, key, reply));
                self.input(input).await;
                // The machine answers each; were it not to, the publisher is told to try again.
                self.knocking = None;
            }
            Message::Put(channel, done) => {
                let input = Input::Update(config(&channel.settings));
                self.channel = *channel;
                self.process().await;
                self.configure_watch();
                self.input(input).await;
                self.answer(done);
            }
            Message::Order(order, done) => {
                // What is held back until the tracks are known belongs to the session that may end now.
                if matches!(order, Order::Stop | Order::End { .. } | Order::Delete | Order::Revoke { .. }) {
                    self.settle().await;
                }
                let deleted = order == Order::Delete;
                let input = match order {
                    Order::Start => Input::Start,
                    Order::Stop => Input::Stop,
                    Order::Restream => Input::Restream { session: self.new_session() },
                    Order::End { session } => Input::End { session: SessionId::new(session) },
                    Order::Delete => Input::Delete,
                    Order::Revoke { key } => match self.on.as_ref().filter(|on| on.key == key) {
                        Some(on) => Input::Revoked { publisher: on.id },
                        None => {
                            self.answer(done);
                            return false;
                        }
                    },
                };
                self.input(input).await;
                self.answer(done);
                return deleted;
            }
            Message::Seal(done) => {
                self.seal().await;
                let _ = done.send(());
                return true;
            }
        }
        false
    }

    fn subject(&self) -> Subject {
        let name = self.channel.settings.name.as_str().into();
        Subject { id: ChannelId::new(self.channel.id.as_str()), name }
    }

    /// When what it brought about is recorded.
    fn answer(&self, done: oneshot::Sender<()>) {
        self.shared.ledger.then(move || {
            let _ = done.send(());
        });
    }

    fn new_session(&self) -> SessionId {
        SessionId::new(store::id::mint(store::id::Prefix::Session, self.shared.clock.utc()))
    }

    async fn due(&mut self) {
        self.settle_if_gathered().await;
        let now = self.now();
        if let Some(ladder) = &mut self.ladder {
            ladder.tick(now);
        }
        self.tell_of_ladder();
        self.settle_stills();
        self.machine.handle_timeout(now);
        self.carry_out().await;
        self.tick_slate().await;
    }

    async fn input(&mut self, input: Input) {
        let now = self.now();
        self.machine.handle_input(input, now);
        self.carry_out().await;
    }

    async fn carry_out(&mut self) {
        while let Some(output) = self.machine.poll_output() {
            match output {
                Output::Event(event) => self.shared.record(event),
                Output::Command(command) => self.command(command).await,
            }
        }
    }

    async fn command(&mut self, command: Command) {
        match command {
            Command::OpenSession { session } => {
                let settings = &self.channel.settings;
                self.run = Some(Run::new(session.as_str(), plan(settings), settings.record));
                self.shared.library.keep.hold(session.as_str());
                self.slate = slate::Desk::default();
                self.begin_watch();
                self.shared.shelf.expect(&self.channel.playback_id);
                if let Some(Connected { stage: Stage::Flowing { timeline, seen_key, .. }, .. }) = &mut self.on
                {
                    (*timeline, *seen_key) = (None, false);
                }
            }
            Command::Admit { publisher, .. } => {
                let Some((knock, key, reply)) = self.knocking.take() else { return };
                let (feed, inbox) = mpsc::channel(FEED);
                let (kick, kicked) = oneshot::channel();
                let stage = Stage::Gathering(Gather::default());
                let breaks = Breaks::new(self.now());
                let encoder = knock.encoder;
                self.on = Some(Connected { id: publisher, key, feed: inbox, kick, encoder, breaks, stage });
                // If it is gone by now, its feed is closed, and that says so.
                self.shared.ledger.then(move || drop(reply.send(Ok(Seat { feed, kicked }))));
            }
            Command::Refuse { refusal, .. } => {
                if let Some((.., reply)) = self.knocking.take() {
                    let _ = reply.send(Err(refusal));
                }
            }
            Command::Kick { publisher, reason } => {
                if let Some(on) = self.on.take_if(|on| on.id == publisher) {
                    let _ = on.kick.send(reason);
                }
            }
            Command::PrepareSlate { .. } => self.prepare_slate(),
            Command::ShowSlate { .. } => self.show_slate(),
            Command::EndSlate { anew, .. } => self.end_slate(anew),
            Command::CloseSession { session, .. } => self.close(session).await,
        }
    }

    async fn feed(&mut self, feed: Feed) {
        let Some(on) = &mut self.on else { return };
        let (publisher, now) = (on.id, self.shared.clock.now());
        match feed {
            Feed::Metadata(metadata) => {
                match &mut on.stage {
                    Stage::Gathering(gather) => gather.metadata = metadata,
                    Stage::Flowing { metadata: known, .. } => *known = metadata,
                }
                self.settle_if_gathered().await;
            }
            Feed::Track(track) => self.track(track).await,
            Feed::Unit(unit) => {
                self.input(Input::Media { publisher }).await;
                match self.on.as_mut().map(|on| &mut on.stage) {
                    Some(Stage::Gathering(gather)) => {
                        gather.unit(unit, now);
                        self.settle_if_gathered().await;
                    }
                    Some(Stage::Flowing { .. }) => self.unit(unit, now).await,
                    None => {}
                }
            }
            Feed::Issue(issue) => self.input(Input::Issue { publisher, issue }).await,
            Feed::End(end) => {
                // A stream shorter than the wait for its tracks.
                self.settle().await;
                let input = match end {
                    End::Unpublished => Some(Input::Unpublished { publisher }),
                    End::Lost(why) => Some(Input::Lost { publisher, why }),
                    End::Refused(refusal) => Some(Input::Refused { publisher, refusal }),
                    End::Stopping => None,
                };
                if let Some(input) = input {
                    self.input(input).await;
                }
                // What is pending stays so: the part that is hinted comes true with it when the slate, or another publisher,
                // takes over.
                self.on = self.on.take().filter(|on| on.id != publisher);
            }
        }
    }

    /// What went wrong with the journal where no publisher stands for it any more.
    fn log_trouble(&self, outcome: Result<(), Trouble>) {
        if let Err(trouble) = outcome {
            tracing::error!("channel {}: {trouble}", self.channel.settings.name);
        }
    }
}
