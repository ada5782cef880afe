//! The state machine of a publisher's connection: bytes, messages, time. Commands are [`commands`]'.
mod commands;

use std::time::{Duration, Instant};

use bytes::Bytes;
use media::flv::{Tag, TagKind};

use super::{Event, Message, Output, Refusal, aggregate};
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
///              C0 C1 C2            connect            publish              accept
/// Handshake ────────────▶ Waiting ────────▶ Connected ───────▶ Requested ─────────▶ Publishing
///     │                      │                  │                  │ reject              │
///     │ noise, timeout       │ timeout          │ play, timeout    ▼                     │ FCUnpublish
///     └──────────────────────┴──────────────────┴──────────────▶ Ended ◀── deleteStream ──┤
///                                                                  ▲   deleteStream, 1 s  ▼
///                                                                  └────────────────── Leaving
/// ```
enum State {
    Handshake(Box<Handshake>),
    Waiting,
    Connected(Connect),
    Requested(u32),
    Publishing(u32),
    /// FCUnpublish has come, deleteStream should follow.
    Leaving,
    Ended,
}

/// What `connect` told us.
struct Connect {
    app: String,
    query: Option<String>,
    encoder: Option<String>,
    tc_url: Option<String>,
    next_stream: u32,
}

/// One publisher's connection.
///
/// Input: [`handle_input`](Self::handle_input), [`handle_timeout`](Self::handle_timeout). After each, and after `accept`
/// and `reject`, call [`poll_output`](Self::poll_output) until it gives `Timeout`. After an error the session is over,
/// but what it still gives to send tells the peer why.
pub struct Session {
    limits: Limits,
    state: State,
    reader: Reader,
    writer: Writer,
    outbox: Outbox<Event>,
    acknowledger: Acknowledger,
    received: u64,
    early_commands: u32,
    /// The second in which commands are being counted, and how many came.
    rate: (Instant, u32),
}

impl Session {
    /// A connection accepted at `now`.
    pub fn new(limits: Limits, now: Instant) -> Self {
        Self {
            state: State::Handshake(Box::new(Handshake::server())),
            reader: Reader::new(limits.clone(), 0),
            writer: Writer::new(),
            outbox: Outbox::new(Some(now + limits.handshake_time)),
            acknowledger: Acknowledger::new(),
            received: 0,
            early_commands: 0,
            rate: (now, 0),
            limits,
        }
    }

    /// What to do next; `Timeout` ends the list.
    pub fn poll_output(&mut self) -> Output {
        self.outbox.poll()
    }

    /// Bytes received, the handshake included.
    pub fn bytes_received(&self) -> u64 {
        self.received
    }

    /// Whether the peer has left of its own will: an end of the connection is then no loss.
    pub fn is_ended(&self) -> bool {
        matches!(self.state, State::Ended | State::Leaving)
    }

    /// Takes bytes from the peer.
    pub fn handle_input(&mut self, mut input: &[u8], now: Instant) -> Result<(), Error> {
        self.received += input.len() as u64;
        self.input(&mut input, now).map_err(|error| self.fail(error))
    }

    /// Call at the time that `Output::Timeout` named.
    pub fn handle_timeout(&mut self, now: Instant) -> Result<(), Error> {
        if self.outbox.deadline.is_none_or(|deadline| now < deadline) {
            return Ok(());
        }
        self.outbox.deadline = None;
        let kind = match &self.state {
            State::Handshake(_) => Kind::HandshakeTime,
            State::Waiting | State::Connected(_) => Kind::PublishTime,
            State::Leaving => {
                self.end();
                return Ok(());
            }
            State::Requested(_) | State::Publishing(_) | State::Ended => return Ok(()),
        };
        let error = kind.at(Position { offset: self.received, ..Position::default() });
        Err(self.fail(error))
    }

    /// The peer closed its side. Gives `Unpublished` if it had said so.
    pub fn handle_end(&mut self) {
        if matches!(self.state, State::Leaving) {
            self.end();
        }
    }

    /// Tells the publisher to go ahead. Does nothing unless it asked.
    pub fn accept(&mut self) -> Result<(), Error> {
        let State::Requested(stream) = self.state else { return Ok(()) };
        self.state = State::Publishing(stream);
        let begin = self.writer.user_control(message::STREAM_BEGIN, stream);
        self.send(begin)?;
        self.command("onFCPublish", 0.0, 0, vec![object([("code", "NetStream.Publish.Start".into())])])?;
        self.status(stream, "status", "NetStream.Publish.Start", "Publishing.", None)
    }

    /// Tells the publisher why it can't go on, before or in mid-stream. The caller then closes.
    pub fn reject(&mut self, why: &Refusal) -> Result<(), Error> {
        let (State::Requested(stream) | State::Publishing(stream)) = self.state else { return Ok(()) };
        self.outbox.drop_events();
        self.state = State::Ended;
        self.status(stream, "error", why.code(), &why.description(), Some(why.reason()))
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
            self.state = State::Waiting;
            self.outbox.deadline = Some(now + self.limits.publish_time);
        }
        while !matches!(self.state, State::Ended) {
            let Some(message) = self.reader.next(input)? else { break };
            self.message(message, now)?;
        }
        if let Some(total) = self.acknowledger.due(self.received) {
            let bytes = self.writer.number(message::ACKNOWLEDGEMENT, total);
            self.send(bytes)?;
        }
        Ok(())
    }

    fn message(&mut self, message: chunk::Message, now: Instant) -> Result<(), Error> {
        match message.kind {
            message::AUDIO => return self.tag(TagKind::Audio, message),
            message::VIDEO => return self.tag(TagKind::Video, message),
            message::AGGREGATE => {
                for part in aggregate::split(&message, self.limits.aggregate)? {
                    match part.kind {
                        message::AUDIO => self.tag(TagKind::Audio, part)?,
                        message::VIDEO => self.tag(TagKind::Video, part)?,
                        message::DATA => self.data(&part, now)?,
                        _ => {}
                    }
                }
                return Ok(());
            }
            message::DATA | message::DATA_AMF3 => return self.data(&message, now),
            _ => self.count(message.at, now)?,
        }
        match message.kind {
            message::COMMAND | message::COMMAND_AMF3 => self.handle_command(&message, now),
            message::WINDOW_SIZE => {
                self.acknowledger.set_window(message::u32_of(&message)?);
                Ok(())
            }
            message::USER_CONTROL => match message::pong_for(&message) {
                Some(pong) => {
                    let bytes =
                        self.writer.message(message::USER_CONTROL, 0, 0, Bytes::copy_from_slice(&pong));
                    self.send(bytes)
                }
                None => Ok(()),
            },
            // Set Chunk Size and Abort have acted in the reader; the rest is not for us.
            _ => Ok(()),
        }
    }

    fn tag(&mut self, kind: TagKind, message: chunk::Message) -> Result<(), Error> {
        match self.state {
            State::Handshake(_) | State::Waiting | State::Connected(_) => {
                Err(Kind::EarlyMedia.at(message.at))
            }
            State::Leaving | State::Ended => Ok(()),
            State::Requested(_) | State::Publishing(_) => {
                if !message.body.is_empty() {
                    let tag = Tag { kind, timestamp: message.timestamp, body: message.body };
                    self.outbox.event(Event::Message(Message::Tag(tag)));
                }
                Ok(())
            }
        }
    }

    fn data(&mut self, message: &chunk::Message, now: Instant) -> Result<(), Error> {
        self.count(message.at, now)?;
        let values = message::values_of(message, &self.limits)?;
        if matches!(self.state, State::Requested(_) | State::Publishing(_))
            && let Some(metadata) = metadata::read(&values)
        {
            self.outbox.event(Event::Message(Message::Metadata(metadata)));
        }
        Ok(())
    }

    /// Everything but sound and picture costs: so many before publishing, so many a second after.
    fn count(&mut self, at: Position, now: Instant) -> Result<(), Error> {
        if matches!(self.state, State::Waiting | State::Connected(_)) {
            self.early_commands += 1;
            let limit = self.limits.early_commands;
            return if self.early_commands > limit {
                Err(Kind::EarlyCommands { limit }.at(at))
            } else {
                Ok(())
            };
        }
        if now.saturating_duration_since(self.rate.0) >= Duration::from_secs(1) {
            self.rate = (now, 0);
        }
        self.rate.1 += 1;
        let limit = self.limits.commands_a_second;
        if self.rate.1 > limit { Err(Kind::CommandRate { limit }.at(at)) } else { Ok(()) }
    }

    fn end(&mut self) {
        self.state = State::Ended;
        self.outbox.deadline = None;
        self.outbox.event(Event::Unpublished);
    }

    /// The session is over. Tells the peer why in its own language, if it has not been told.
    fn fail(&mut self, error: Error) -> Error {
        let text = error.kind.to_string();
        let told = match &self.state {
            State::Handshake(_) if error.kind == Kind::Http => {
                let text = format!("{text}\n");
                self.outbox.send(format!(
                    "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nConnection: close\r\n\
                     Content-Length: {}\r\n\r\n{text}",
                    text.len()
                ));
                Ok(())
            }
            State::Handshake(_) | State::Waiting | State::Ended | State::Leaving => Ok(()),
            State::Connected(_) => match error.kind {
                Kind::Key { .. } | Kind::Command { command: "publish", .. } => Ok(()),
                _ => self.status(0, "error", "NetConnection.Call.Failed", &text, None),
            },
            State::Requested(stream) | State::Publishing(stream) => {
                self.status(*stream, "error", "NetStream.Failed", &text, None)
            }
        };
        self.state = State::Ended;
        self.outbox.deadline = None;
        told.err().unwrap_or(error)
    }

    fn status(
        &mut self,
        stream: u32,
        level: &str,
        code: &str,
        description: &str,
        reason: Option<&str>,
    ) -> Result<(), Error> {
        self.command("onStatus", 0.0, stream, vec![info(level, code, description, reason)])
    }

    /// `_result` with everything after the transaction.
    fn result(&mut self, transaction: f64, values: Vec<Value>) -> Result<(), Error> {
        let values = [vec!["_result".into(), transaction.into()], values].concat();
        let bytes = self.writer.values(message::COMMAND, 0, &values);
        self.send(bytes)
    }

    /// A command with a null command object.
    fn command(&mut self, name: &str, transaction: f64, stream: u32, rest: Vec<Value>) -> Result<(), Error> {
        let values = [vec![name.into(), transaction.into(), Value::Null], rest].concat();
        let bytes = self.writer.values(message::COMMAND, stream, &values);
        self.send(bytes)
    }

    fn send(&mut self, bytes: Result<Bytes, Kind>) -> Result<(), Error> {
        let at = Position { offset: self.received, ..Position::default() };
        self.outbox.send(bytes.map_err(|kind| kind.at(at))?);
        Ok(())
    }
}

fn info(level: &str, code: &str, description: &str, reason: Option<&str>) -> Value {
    let mut properties = vec![
        ("level".to_owned(), level.into()),
        ("code".to_owned(), code.into()),
        ("description".to_owned(), description.into()),
    ];
    properties.extend(reason.map(|reason| ("reason".to_owned(), reason.into())));
    Value::Object(properties)
}
