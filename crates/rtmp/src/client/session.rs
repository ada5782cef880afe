//! The state machine of a publish.
use std::time::Instant;

use bytes::Bytes;
use media::flv::{Metadata, Tag, TagKind};

use super::{Event, Output, Refused, Url};
use crate::{
    Error, Kind, Limits, Position,
    amf0::{Value, object},
    chunk::{self, Reader},
    handshake::Handshake,
    message::{self, Acknowledger, Writer},
    metadata,
    outbox::Outbox,
};

/// ```text
///              S0 S1 S2             _result(connect)         _result(createStream)      Publish.Start
/// Handshake ────────────▶ Connecting ─────────────▶ Creating ─────────────────▶ Asking ──────────────▶ Publishing
///     │                        │                        │                          │                       │ close()
///     └────────────────────────┴──── _error, onStatus error, timeout ──────────────┴───────────────────────┴──▶ Ended
/// ```
enum State {
    Handshake(Box<Handshake>),
    Connecting,
    Creating,
    Asking(u32),
    Publishing(u32),
    Ended,
}

// Transactions: each is used once.
const CONNECT: f64 = 1.0;
const RELEASE_STREAM: f64 = 2.0;
const FC_PUBLISH: f64 = 3.0;
const CREATE_STREAM: f64 = 4.0;
const PUBLISH: f64 = 5.0;
const FC_UNPUBLISH: f64 = 6.0;
const DELETE_STREAM: f64 = 7.0;

/// As FFmpeg's, so that every server has met it.
const CHUNK_SIZE: u32 = 60_000;

/// A publish to one server.
///
/// Input: [`handle_input`](Self::handle_input), [`handle_timeout`](Self::handle_timeout), and once published
/// [`metadata`](Self::metadata), [`tag`](Self::tag), [`close`](Self::close). After each, and after `new`, call
/// [`poll_output`](Self::poll_output) until it gives `Timeout`. After an error the session is over.
pub struct Session {
    limits: Limits,
    url: Url,
    state: State,
    reader: Reader,
    writer: Writer,
    outbox: Outbox<Event>,
    acknowledger: Acknowledger,
    received: u64,
    /// What the server has acknowledged, unwrapped.
    acknowledged: u64,
    /// The second in which commands are being counted, and how many came.
    rate: (Instant, u32),
}

impl Session {
    /// On a connection that is there since `now`.
    pub fn new(url: Url, limits: Limits, now: Instant) -> Result<Self, Error> {
        let (handshake, hello) = Handshake::client().map_err(|kind| kind.at(Position::default()))?;
        let mut outbox = Outbox::new(Some(now + limits.handshake_time));
        outbox.send(hello);
        Ok(Self {
            url,
            state: State::Handshake(Box::new(handshake)),
            reader: Reader::new(limits.clone(), 0),
            writer: Writer::new(),
            outbox,
            acknowledger: Acknowledger::new(),
            received: 0,
            acknowledged: 0,
            rate: (now, 0),
            limits,
        })
    }

    /// What to do next; `Timeout` ends the list.
    pub fn poll_output(&mut self) -> Output {
        self.outbox.poll()
    }

    /// What the server has acknowledged, in bytes since the connection began.
    pub fn bytes_acknowledged(&self) -> u64 {
        self.acknowledged
    }

    /// Takes bytes from the server.
    pub fn handle_input(&mut self, mut input: &[u8], now: Instant) -> Result<(), Error> {
        self.received += input.len() as u64;
        self.input(&mut input, now).inspect_err(|_| self.end())
    }

    /// Call at the time that `Output::Timeout` named.
    pub fn handle_timeout(&mut self, now: Instant) -> Result<(), Error> {
        if self.outbox.deadline.is_none_or(|deadline| now < deadline) {
            return Ok(());
        }
        let kind = match &self.state {
            State::Handshake(_) => Kind::HandshakeTime,
            State::Connecting | State::Creating | State::Asking(_) => Kind::PublishTime,
            State::Publishing(_) | State::Ended => return Ok(()),
        };
        self.end();
        Err(kind.at(self.here()))
    }

    /// Announces what follows. Does nothing unless publishing.
    pub fn metadata(&mut self, metadata: &Metadata) -> Result<(), Error> {
        let State::Publishing(stream) = self.state else { return Ok(()) };
        let bytes = self.writer.values(message::DATA, stream, &metadata::write(metadata));
        self.send(bytes)
    }

    /// Sends sound or picture. Does nothing unless publishing.
    pub fn tag(&mut self, tag: Tag) -> Result<(), Error> {
        let State::Publishing(stream) = self.state else { return Ok(()) };
        let kind = match tag.kind {
            TagKind::Audio => message::AUDIO,
            TagKind::Video => message::VIDEO,
        };
        let bytes = self.writer.message(kind, stream, tag.timestamp, tag.body);
        self.send(bytes)
    }

    /// Says goodbye. The caller sends what there is and closes.
    pub fn close(&mut self) -> Result<(), Error> {
        if let State::Publishing(stream) = self.state {
            let key = self.url.key().into();
            self.command("FCUnpublish", FC_UNPUBLISH, 0, vec![Value::Null, key])?;
            self.command("deleteStream", DELETE_STREAM, 0, vec![Value::Null, f64::from(stream).into()])?;
        }
        self.end();
        Ok(())
    }

    fn end(&mut self) {
        self.state = State::Ended;
        self.outbox.deadline = None;
    }

    fn input(&mut self, input: &mut &[u8], now: Instant) -> Result<(), Error> {
        if let State::Handshake(handshake) = &mut self.state {
            let at = Position { offset: handshake.received(), ..Position::default() };
            let (reply, done) = handshake.input(input).map_err(|kind| kind.at(at))?;
            self.outbox.send(reply);
            if !done {
                return Ok(());
            }
            self.reader = Reader::new(self.limits.clone(), handshake.received());
            self.outbox.deadline = Some(now + self.limits.publish_time);
            self.connect()?;
        }
        while !matches!(self.state, State::Ended) {
            let Some(message) = self.reader.next(input)? else { break };
            self.message(&message, now)?;
        }
        if let Some(total) = self.acknowledger.due(self.received) {
            let bytes = self.writer.number(message::ACKNOWLEDGEMENT, total);
            self.send(bytes)?;
        }
        Ok(())
    }

    fn connect(&mut self) -> Result<(), Error> {
        self.state = State::Connecting;
        let chunk_size = self.writer.set_chunk_size(CHUNK_SIZE);
        self.send(chunk_size)?;
        let version = concat!("FMLE/3.0 (compatible; sigma-broadcast/", env!("CARGO_PKG_VERSION"), ")");
        let object = object([
            ("app", self.url.app().into()),
            ("type", "nonprivate".into()),
            ("flashVer", version.into()),
            ("tcUrl", self.url.tc_url().as_str().into()),
        ]);
        self.command("connect", CONNECT, 0, vec![object])
    }

    fn message(&mut self, message: &chunk::Message, now: Instant) -> Result<(), Error> {
        self.count(message.at, now)?;
        match message.kind {
            message::COMMAND | message::COMMAND_AMF3 => self.handle_command(message),
            message::WINDOW_SIZE => {
                self.acknowledger.set_window(message::u32_of(message)?);
                Ok(())
            }
            message::PEER_BANDWIDTH => {
                // §5.4.5: the answer is our own window.
                let bytes = self.writer.number(message::WINDOW_SIZE, message::WINDOW);
                self.send(bytes)
            }
            message::ACKNOWLEDGEMENT => {
                let total = message::u32_of(message)?;
                let step = total.wrapping_sub(self.acknowledged as u32);
                // Some servers restart their count or run behind it: only a step forward is news.
                if step < 1 << 31 {
                    self.acknowledged += u64::from(step);
                    self.outbox.event(Event::Acknowledged(self.acknowledged));
                }
                Ok(())
            }
            message::USER_CONTROL => match message::pong_for(message) {
                Some(pong) => {
                    let bytes =
                        self.writer.message(message::USER_CONTROL, 0, 0, Bytes::copy_from_slice(&pong));
                    self.send(bytes)
                }
                None => Ok(()),
            },
            _ => Ok(()),
        }
    }

    fn count(&mut self, at: Position, now: Instant) -> Result<(), Error> {
        if now.saturating_duration_since(self.rate.0).as_secs() >= 1 {
            self.rate = (now, 0);
        }
        self.rate.1 += 1;
        let limit = self.limits.commands_a_second;
        if self.rate.1 > limit { Err(Kind::CommandRate { limit }.at(at)) } else { Ok(()) }
    }

    fn handle_command(&mut self, message: &chunk::Message) -> Result<(), Error> {
        let values = message::values_of(message, &self.limits)?;
        let transaction = values.get(1).and_then(Value::number).unwrap_or(0.0);
        match values.first().and_then(Value::string) {
            Some("_result") => self.result(transaction, &values, message.at),
            // releaseStream, FCPublish and the like fail on many servers, and nobody minds.
            Some("_error") if [CONNECT, CREATE_STREAM, PUBLISH].contains(&transaction) => {
                Err(Kind::Refused(refused(&values)).at(message.at))
            }
            Some("onStatus") => self.status(&values, message.at),
            Some("close") => Err(Kind::Refused(refused(&values)).at(message.at)),
            _ => Ok(()),
        }
    }

    fn result(&mut self, transaction: f64, values: &[Value], at: Position) -> Result<(), Error> {
        match self.state {
            State::Connecting if transaction == CONNECT => {
                self.state = State::Creating;
                let key = || self.url.key().into();
                let (release, publish) = (vec![Value::Null, key()], vec![Value::Null, key()]);
                self.command("releaseStream", RELEASE_STREAM, 0, release)?;
                self.command("FCPublish", FC_PUBLISH, 0, publish)?;
                self.command("createStream", CREATE_STREAM, 0, vec![Value::Null])
            }
            State::Creating if transaction == CREATE_STREAM => {
                let id = values.get(3).and_then(Value::number).filter(|id| (0.0..4e9).contains(id));
                let missing = Kind::Command { command: "_result(createStream)", missing: "the stream id" };
                let stream = id.ok_or(missing.at(at))? as u32;
                self.state = State::Asking(stream);
                let key = self.url.key().into();
                self.command("publish", PUBLISH, stream, vec![Value::Null, key, "live".into()])
            }
            State::Handshake(_) | State::Connecting | State::Creating => Ok(()),
            State::Asking(_) | State::Publishing(_) | State::Ended => Ok(()),
        }
    }

    fn status(&mut self, values: &[Value], at: Position) -> Result<(), Error> {
        let refused = refused(values);
        let level = values.get(3).and_then(|info| info.property("level")).and_then(Value::string);
        let over =
            matches!(refused.code.as_str(), "NetStream.Unpublish.Success" | "NetConnection.Connect.Closed");
        match self.state {
            State::Asking(stream) if refused.code == "NetStream.Publish.Start" => {
                self.state = State::Publishing(stream);
                self.outbox.deadline = None;
                self.outbox.event(Event::Published);
                Ok(())
            }
            State::Ended => Ok(()),
            State::Handshake(_)
            | State::Connecting
            | State::Creating
            | State::Asking(_)
            | State::Publishing(_) => {
                if over || level == Some("error") {
                    return Err(Kind::Refused(refused).at(at));
                }
                Ok(())
            }
        }
    }

    fn command(&mut self, name: &str, transaction: f64, stream: u32, rest: Vec<Value>) -> Result<(), Error> {
        let values = [vec![name.into(), transaction.into()], rest].concat();
        let bytes = self.writer.values(message::COMMAND, stream, &values);
        self.send(bytes)
    }

    fn send(&mut self, bytes: Result<Bytes, Kind>) -> Result<(), Error> {
        let at = self.here();
        self.outbox.send(bytes.map_err(|kind| kind.at(at))?);
        Ok(())
    }

    fn here(&self) -> Position {
        Position { offset: self.received, ..Position::default() }
    }
}

/// From the info object: the last of the values, wherever the server put it.
fn refused(values: &[Value]) -> Refused {
    let Some(info) = values.iter().skip(2).rev().find(|value| value.properties().is_some()) else {
        return Refused::default();
    };
    // The server's words go to a log and a screen.
    let text = |name| {
        let text = info.property(name).and_then(Value::string)?;
        Some(text.chars().filter(|c| !c.is_control()).take(512).collect::<String>())
    };
    Refused {
        code: text("code").unwrap_or_default(),
        description: text("description").unwrap_or_default(),
        reason: text("reason"),
    }
}
