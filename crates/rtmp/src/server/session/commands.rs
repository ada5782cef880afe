//! Commands and their answers.
use std::time::{Duration, Instant};

use super::{Connect, Session, State, info};
use crate::{
    Error, Kind, Position,
    amf0::{Value, object},
    chunk, message,
    server::{Event, Publish, command::Command},
};

/// How long an encoder that said FCUnpublish may take for deleteStream.
const LEAVE: Duration = Duration::from_secs(1);
/// Bytes of our chunks; answers are short.
const CHUNK_SIZE: u32 = 4096;
const UNPUBLISH: &str = "NetStream.Unpublish.Success";

impl Session {
    pub(super) fn handle_command(&mut self, message: &chunk::Message, now: Instant) -> Result<(), Error> {
        let at = message.at;
        let values = message::values_of(message, &self.limits)?;
        let command =
            Command::new(values).ok_or(Kind::Command { command: "command", missing: "its name" }.at(at))?;
        let transaction = command.transaction;
        match command.name.as_str() {
            "connect" => self.connect(&command, at),
            "createStream" => {
                let State::Connected(connect) = &mut self.state else {
                    return Err(Kind::Order("createStream").at(at));
                };
                connect.next_stream += 1;
                let id = f64::from(connect.next_stream - 1);
                self.result(transaction, vec![Value::Null, id.into()])
            }
            "publish" => self.publish(&command, message),
            "play" | "play2" | "pause" | "seek" => {
                let why = Kind::Play;
                self.status(message.stream, "error", "NetStream.Play.Failed", &why.to_string(), None)?;
                self.state = State::Ended;
                Err(why.at(at))
            }
            "FCUnpublish" => {
                self.command("onFCUnpublish", 0.0, 0, vec![object([("code", UNPUBLISH.into())])])?;
                if matches!(self.state, State::Publishing(_) | State::Requested(_)) {
                    self.state = State::Leaving;
                    self.outbox.deadline = Some(now + LEAVE);
                }
                Ok(())
            }
            "deleteStream" | "closeStream" => {
                if let State::Publishing(stream) | State::Requested(stream) = self.state {
                    self.status(stream, "status", UNPUBLISH, "Unpublished.", None)?;
                    self.end();
                } else if matches!(self.state, State::Leaving) {
                    self.end();
                }
                Ok(())
            }
            // Nobody needs an answer to these, but Flash-like encoders wait for one.
            "releaseStream" | "FCPublish" | "_checkbw" | "getStreamLength" if transaction != 0.0 => {
                let value = if command.name == "getStreamLength" { 0.0.into() } else { Value::Undefined };
                self.result(transaction, vec![Value::Null, value])
            }
            // Answers to what we never asked, and notices.
            _ if transaction == 0.0 || command.name.starts_with('_') => Ok(()),
            name => {
                let description = format!("{}: unknown command", name.chars().take(64).collect::<String>());
                let info = info("error", "NetConnection.Call.Failed", &description, None);
                self.command("_error", transaction, 0, vec![info])
            }
        }
    }

    fn connect(&mut self, command: &Command, at: Position) -> Result<(), Error> {
        if !matches!(self.state, State::Waiting) {
            return Err(Kind::Order("connect").at(at));
        }
        let app = command.field("app").unwrap_or_default();
        if app.len() > self.limits.app {
            let kind = Kind::App { size: app.len(), limit: self.limits.app };
            let info = info("error", "NetConnection.Connect.Rejected", &kind.to_string(), None);
            self.command("_error", command.transaction, 0, vec![info])?;
            return Err(kind.at(at));
        }
        let (app, query) = split_query(app);
        let text = |name| command.field(name).map(|text| text.chars().take(1024).collect::<String>());
        self.state = State::Connected(Connect {
            app: app.trim_matches('/').to_owned(),
            query,
            encoder: text("flashVer"),
            tc_url: text("tcUrl"),
            next_stream: 1,
        });
        let window = self.writer.number(message::WINDOW_SIZE, message::WINDOW);
        self.send(window)?;
        let bandwidth = self.writer.peer_bandwidth(message::WINDOW);
        self.send(bandwidth)?;
        let chunk_size = self.writer.set_chunk_size(CHUNK_SIZE);
        self.send(chunk_size)?;
        let server = object([("fmsVer", "FMS/3,0,1,123".into()), ("capabilities", 31.0.into())]);
        let mut info = info("status", "NetConnection.Connect.Success", "Connected.", None);
        if let Value::Object(properties) = &mut info {
            properties.push(("objectEncoding".to_owned(), 0.0.into()));
        }
        self.result(command.transaction, vec![server, info])
    }

    fn publish(&mut self, command: &Command, message: &chunk::Message) -> Result<(), Error> {
        let State::Connected(connect) = &self.state else {
            return Err(Kind::Order("publish").at(message.at));
        };
        let stream = message.stream;
        let bad_name = "NetStream.Publish.BadName";
        let Some(name) = command.stream_name().map(|name| name.trim_start_matches('/')) else {
            let kind = Kind::Command { command: "publish", missing: "the stream key" };
            self.status(stream, "error", bad_name, &kind.to_string(), Some("bad_key"))?;
            return Err(kind.at(message.at));
        };
        if name.len() > self.limits.key {
            let kind = Kind::Key { size: name.len(), limit: self.limits.key };
            self.status(stream, "error", bad_name, &kind.to_string(), Some("bad_key"))?;
            return Err(kind.at(message.at));
        }
        let (key, query) = split_query(name);
        let publish = Publish {
            app: connect.app.clone(),
            key: key.to_owned(),
            query: query.or_else(|| connect.query.clone()),
            encoder: connect.encoder.clone(),
            tc_url: connect.tc_url.clone(),
        };
        self.state = State::Requested(stream);
        self.outbox.deadline = None;
        self.reader.lift();
        self.outbox.event(Event::Publish(publish));
        Ok(())
    }
}

fn split_query(name: &str) -> (&str, Option<String>) {
    match name.split_once('?') {
        Some((name, query)) => (name, Some(query.to_owned())),
        None => (name, None),
    }
}
