//! The server's session against scripted publishers and strangers.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::disallowed_methods)]

mod limits;
mod media;
mod mutation;

use std::time::{Duration, Instant};

use bytes::Bytes;
use expect_test::{Expect, expect};

use super::*;
use crate::{
    Kind, Limits, Position,
    amf0::{Value, object},
    chunk::Reader,
    message::{self, Writer},
};

/// A scripted publisher: bytes to send.
struct Script {
    writer: Writer,
    bytes: Vec<u8>,
}

impl Script {
    /// With the handshake done.
    fn new() -> Self {
        let mut bytes = vec![0; 1 + 1536 + 1536];
        bytes[0] = 3;
        Self { writer: Writer::new(), bytes }
    }

    fn command(self, stream: u32, values: &[Value]) -> Self {
        self.message(message::COMMAND, stream, 0, &crate::amf0::write_all(values))
    }

    fn message(mut self, kind: u8, stream: u32, timestamp: u32, body: &[u8]) -> Self {
        let bytes = self.writer.message(kind, stream, timestamp, Bytes::copy_from_slice(body)).unwrap();
        self.bytes.extend(bytes);
        self
    }

    fn raw(mut self, bytes: &[u8]) -> Self {
        self.bytes.extend(bytes);
        self
    }

    fn connect(self, app: &str) -> Self {
        let object = object([("app", app.into()), ("flashVer", "test/1".into())]);
        self.command(0, &["connect".into(), 1.0.into(), object])
    }

    fn publish(self, key: &str) -> Self {
        self.command(0, &["createStream".into(), 2.0.into(), Value::Null])
            .command(1, &["publish".into(), 3.0.into(), Value::Null, key.into(), "live".into()])
    }
}

struct Server {
    session: Session,
    now: Instant,
    sent: Vec<u8>,
    shown: usize,
}

impl Server {
    fn new(limits: Limits) -> Self {
        let now = Instant::now();
        Self { session: Session::new(limits, now), now, sent: Vec::new(), shown: 0 }
    }

    /// Feeds bytes, accepts a publish, and tells in text what came of it.
    fn feed(&mut self, bytes: &[u8]) -> String {
        let result = self.session.handle_input(bytes, self.now);
        let mut text = self.outputs();
        if let Err(error) = result {
            text += &format!("error: {error}\n");
        }
        text
    }

    fn outputs(&mut self) -> String {
        let mut text = String::new();
        loop {
            match self.session.poll_output() {
                Output::Send(bytes) => self.sent.extend(bytes),
                Output::Event(event) => {
                    if matches!(event, Event::Publish(_)) {
                        self.session.accept().unwrap();
                    }
                    text += &format!("{event:?}\n");
                }
                Output::Timeout(_) => break,
            }
        }
        text + &self.told()
    }

    /// The commands that the server sent since the last call.
    fn told(&mut self) -> String {
        let mut reader = Reader::new(Limits::default(), 0);
        let Some(mut bytes) = self.sent.get(1 + 1536 + 1536..) else { return String::new() };
        let mut lines = Vec::new();
        while let Some(message) = reader.next(&mut bytes).unwrap() {
            lines.push(match message.kind {
                message::COMMAND => {
                    let values = crate::amf0::read_all(&message.body, &Default::default()).unwrap();
                    let code = values.last().and_then(|info| info.property("code")).and_then(Value::string);
                    let rest = code.map(str::to_owned).unwrap_or_else(|| format!("{:?}", &values[3..]));
                    format!("-> {} {} {rest}\n", values[0].string().unwrap(), values[1].number().unwrap())
                }
                kind => format!("-> type {kind} {:02x?}\n", message.body.as_ref()),
            });
        }
        let new = lines.split_off(self.shown.min(lines.len()));
        self.shown += new.len();
        new.concat()
    }
}

#[track_caller]
fn check(script: Script, expected: Expect) {
    expected.assert_eq(&Server::new(Limits::default()).feed(&script.bytes));
}

#[test]
fn a_publish_as_ffmpeg_does_it() {
    let script = Script::new()
        .connect("live")
        .command(0, &["releaseStream".into(), 2.0.into(), Value::Null, "key".into()])
        .command(0, &["FCPublish".into(), 3.0.into(), Value::Null, "key".into()])
        .command(0, &["createStream".into(), 4.0.into(), Value::Null])
        .command(0, &["_checkbw".into(), 5.0.into(), Value::Null])
        .command(1, &["publish".into(), 6.0.into(), Value::Null, "key?a=b".into(), "live".into()])
        .message(
            message::DATA,
            1,
            0,
            &crate::amf0::write_all(&crate::metadata::write(&flv::Metadata::default())),
        )
        .message(message::VIDEO, 1, 40, b"\x17\x01")
        .message(message::AUDIO, 1, 46, b"\xaf\x01")
        .message(message::USER_CONTROL, 0, 0, &[0, 6, 1, 2, 3, 4])
        .command(0, &["FCUnpublish".into(), 7.0.into(), Value::Null, "key".into()])
        .command(0, &["deleteStream".into(), 8.0.into(), Value::Null, 1.0.into()])
        .message(message::VIDEO, 1, 80, b"\x27\x01");
    check(
        script,
        expect![[r#"
        Publish(Publish { app: "live", key: "key", query: Some("a=b"), encoder: Some("test/1"), tc_url: None })
        Message(Metadata(Metadata { width: None, height: None, frame_rate: None, video_kbps: None, audio_kbps: None, sample_rate: None, channels: None, has_video: Some(true), has_audio: Some(true), encoder: None }))
        Message(Tag(Tag { kind: Video, timestamp: 40, body: b"\x17\x01" }))
        Message(Tag(Tag { kind: Audio, timestamp: 46, body: b"\xaf\x01" }))
        Unpublished
        -> type 5 [00, 26, 25, a0]
        -> type 6 [00, 26, 25, a0, 02]
        -> type 1 [00, 00, 10, 00]
        -> _result 1 NetConnection.Connect.Success
        -> _result 2 [Undefined]
        -> _result 3 [Undefined]
        -> _result 4 [Number(1.0)]
        -> _result 5 [Undefined]
        -> type 4 [00, 07, 01, 02, 03, 04]
        -> onFCUnpublish 0 NetStream.Unpublish.Success
    "#]],
    );
}

#[test]
fn loose_publishers() {
    // Without a type, without a command object, with slashes, with AMF3's leading zero.
    check(
        Script::new()
            .connect("/live/?x=1")
            .command(1, &["publish".into(), 3.0.into(), Value::Null, "/key".into()]),
        expect![[r#"
            Publish(Publish { app: "live", key: "key", query: Some("x=1"), encoder: Some("test/1"), tc_url: None })
            -> type 5 [00, 26, 25, a0]
            -> type 6 [00, 26, 25, a0, 02]
            -> type 1 [00, 00, 10, 00]
            -> _result 1 NetConnection.Connect.Success
            -> type 4 [00, 00, 00, 00, 00, 01]
            -> onFCPublish 0 NetStream.Publish.Start
            -> onStatus 0 NetStream.Publish.Start
        "#]],
    );
    let connect = crate::amf0::write_all(&["connect".into(), 1.0.into(), object([("app", "live".into())])]);
    check(
        Script::new()
            .message(message::COMMAND_AMF3, 0, 0, &[&[0], connect.as_slice()].concat())
            .command(0, &["publish".into(), 3.0.into(), "key".into()]),
        expect![[r#"
            Publish(Publish { app: "live", key: "key", query: None, encoder: None, tc_url: None })
            -> type 5 [00, 26, 25, a0]
            -> type 6 [00, 26, 25, a0, 02]
            -> type 1 [00, 00, 10, 00]
            -> _result 1 NetConnection.Connect.Success
            -> type 4 [00, 00, 00, 00, 00, 00]
            -> onFCPublish 0 NetStream.Publish.Start
            -> onStatus 0 NetStream.Publish.Start
        "#]],
    );
    check(
        Script::new().connect("live").command(0, &["whatever".into(), 9.0.into(), Value::Null]),
        expect![[r#"
            -> type 5 [00, 26, 25, a0]
            -> type 6 [00, 26, 25, a0, 02]
            -> type 1 [00, 00, 10, 00]
            -> _result 1 NetConnection.Connect.Success
            -> _error 9 NetConnection.Call.Failed
        "#]],
    );
}

#[test]
fn refusals_the_peer_can_read() {
    let publish = |values: &[Value]| Script::new().connect("live").command(1, values);
    check(
        publish(&["play".into(), 3.0.into(), Value::Null, "key".into()]),
        expect![[r#"
        -> type 5 [00, 26, 25, a0]
        -> type 6 [00, 26, 25, a0, 02]
        -> type 1 [00, 00, 10, 00]
        -> _result 1 NetConnection.Connect.Success
        -> onStatus 0 NetStream.Play.Failed
        error: the peer wants to play; this is for publishing only: watch over HLS (byte 3139, chunk stream 6, message type 20)
    "#]],
    );
    check(
        publish(&["publish".into()]),
        expect![[r#"
        -> type 5 [00, 26, 25, a0]
        -> type 6 [00, 26, 25, a0, 02]
        -> type 1 [00, 00, 10, 00]
        -> _result 1 NetConnection.Connect.Success
        -> onStatus 0 NetStream.Publish.BadName
        error: publish: the stream key is missing (byte 3139, chunk stream 6, message type 20)
    "#]],
    );
    check(
        Script::new().connect("live").publish(&"k".repeat(257)),
        expect![[r#"
        -> type 5 [00, 26, 25, a0]
        -> type 6 [00, 26, 25, a0, 02]
        -> type 1 [00, 00, 10, 00]
        -> _result 1 NetConnection.Connect.Success
        -> _result 2 [Number(1.0)]
        -> onStatus 0 NetStream.Publish.BadName
        error: stream key of 257 bytes, at most 256 are allowed (byte 3445, chunk stream 6, message type 20)
    "#]],
    );
    check(
        Script::new().connect(&"a".repeat(257)),
        expect![[r#"
        -> _error 1 NetConnection.Connect.Rejected
        error: application name of 257 bytes, at most 256 are allowed (byte 3342, chunk stream 6, message type 20)
    "#]],
    );
    check(
        Script::new().connect("live").connect("live"),
        expect![[r#"
        -> type 5 [00, 26, 25, a0]
        -> type 6 [00, 26, 25, a0, 02]
        -> type 1 [00, 00, 10, 00]
        -> _result 1 NetConnection.Connect.Success
        -> onStatus 0 NetConnection.Call.Failed
        error: connect is out of order (byte 3139, chunk stream 6, message type 20)
    "#]],
    );
    check(
        publish(&[Value::Null]),
        expect![[r#"
        -> type 5 [00, 26, 25, a0]
        -> type 6 [00, 26, 25, a0, 02]
        -> type 1 [00, 00, 10, 00]
        -> _result 1 NetConnection.Connect.Success
        -> onStatus 0 NetConnection.Call.Failed
        error: command: its name is missing (byte 3139, chunk stream 6, message type 20)
    "#]],
    );
    check(
        Script::new().connect("live").message(message::VIDEO, 1, 0, b"x"),
        expect![[r#"
        -> type 5 [00, 26, 25, a0]
        -> type 6 [00, 26, 25, a0, 02]
        -> type 1 [00, 00, 10, 00]
        -> _result 1 NetConnection.Connect.Success
        -> onStatus 0 NetConnection.Call.Failed
        error: media before publish (byte 3139, chunk stream 4, message type 9)
    "#]],
    );
    let deep = b"\x03\x00\x01a".repeat(200_000);
    check(
        Script::new().connect("live").message(message::COMMAND, 0, 0, &deep[..60_000]),
        expect![[r#"
        -> type 5 [00, 26, 25, a0]
        -> type 6 [00, 26, 25, a0, 02]
        -> type 1 [00, 00, 10, 00]
        -> _result 1 NetConnection.Connect.Success
        -> onStatus 0 NetConnection.Call.Failed
        error: bad AMF0: nested deeper than 16 (byte 63522, chunk stream 6, message type 20)
    "#]],
    );
    check(
        Script::new().connect("live").publish("key").message(message::DATA, 1, 0, &deep),
        expect![[r#"
        Publish(Publish { app: "live", key: "key", query: None, encoder: Some("test/1"), tc_url: None })
        -> type 5 [00, 26, 25, a0]
        -> type 6 [00, 26, 25, a0, 02]
        -> type 1 [00, 00, 10, 00]
        -> _result 1 NetConnection.Connect.Success
        -> _result 2 [Number(1.0)]
        -> onStatus 0 NetStream.Failed
        error: bad AMF0: nested deeper than 16 (byte 809353, chunk stream 3, message type 18)
    "#]],
    );
}

#[test]
fn strangers() {
    let first = |bytes: &[u8]| {
        let mut server = Server::new(Limits::default());
        let text = server.feed(bytes);
        text + String::from_utf8_lossy(&server.sent).lines().next().unwrap_or_default()
    };
    let cases: [(&[u8], Kind); 9] = [
        (b"GET / HTTP/1.1\r\n", Kind::Http),
        (b"POST /api", Kind::Http),
        (b"G", Kind::Http),
        (b"\x16\x03\x01\x02\x00\x01", Kind::Tls),
        (b"\x06", Kind::Rtmpe(6)),
        (b"\x08", Kind::Rtmpe(8)),
        (b"SSH-2.0-x", Kind::NotRtmp(b'S')),
        (b"\x00\x01\x02", Kind::NotRtmp(0)),
        (b"GIF89a", Kind::NotRtmp(b'G')),
    ];
    for (bytes, kind) in cases {
        let answer = if kind == Kind::Http { "HTTP/1.1 400 Bad Request" } else { "" };
        assert_eq!(first(bytes), format!("error: {kind} (byte 0)\n{answer}"));
    }
}

#[test]
fn refused_before_and_in_midstream() {
    for (refusal, code, reason) in [
        (Refusal::BadKey, "NetStream.Publish.BadName", "bad_key"),
        (Refusal::Busy, "NetStream.Publish.BadName", "busy"),
        (Refusal::Codec("audio codec MP3 is not supported".into()), "NetStream.Publish.Denied", "codec"),
        (Refusal::Takeover, "NetStream.Publish.Rejected", "takeover"),
    ] {
        let mut server = Server::new(Limits::default());
        let script = Script::new()
            .connect("live")
            .publish("key")
            .raw(&Script::new().message(8, 1, 0, b"x").bytes[3073..]);
        server.feed(&script.bytes);
        server.session.reject(&refusal).unwrap();
        let text = server.outputs();
        assert_eq!(text, format!("-> onStatus 0 {code}\n"));
        assert!(String::from_utf8_lossy(&server.sent).contains(&refusal.description()));
        assert!(String::from_utf8_lossy(&server.sent).contains(reason));
        assert_eq!(server.feed(b"whatever"), "");
    }
}
