//! The client's session against our server's, and both against rml_rtmp's.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::disallowed_methods)]

mod peers;

use std::time::{Duration, Instant};

use bytes::Bytes;
use media::flv::{Metadata, Tag, TagKind};

use super::*;
use crate::{
    Kind, Limits,
    server::{self, Message, Refusal},
};

fn url() -> Url {
    Url::parse("rtmp://host/live/key").unwrap()
}

fn tag(kind: TagKind, timestamp: u32, size: usize) -> Tag {
    Tag { kind, timestamp, body: Bytes::from(vec![0x17; size]) }
}

/// Both sessions and the line between them, in virtual time: what one sends arrives `latency` later, in pieces of at
/// most `piece` bytes.
struct Pair {
    client: Session,
    server: server::Session,
    now: Instant,
    latency: Duration,
    piece: usize,
    refusal: Option<Refusal>,
    client_events: Vec<Event>,
    server_events: Vec<server::Event>,
}

impl Pair {
    fn new(piece: usize, refusal: Option<Refusal>) -> Self {
        let now = Instant::now();
        Self {
            client: Session::new(url(), Limits::default(), now).unwrap(),
            server: server::Session::new(Limits::default(), now),
            now,
            latency: Duration::from_millis(40),
            piece,
            refusal,
            client_events: Vec::new(),
            server_events: Vec::new(),
        }
    }

    /// Until neither has anything to say.
    fn drive(&mut self) -> Result<(), crate::Error> {
        loop {
            let (to_server, to_client) = (self.poll_client(), self.poll_server());
            if to_server.is_empty() && to_client.is_empty() {
                return Ok(());
            }
            self.now += self.latency;
            for piece in to_server.chunks(self.piece) {
                self.server.handle_input(piece, self.now)?;
            }
            for piece in to_client.chunks(self.piece) {
                self.client.handle_input(piece, self.now)?;
            }
        }
    }

    fn poll_client(&mut self) -> Vec<u8> {
        let mut bytes = Vec::new();
        loop {
            match self.client.poll_output() {
                Output::Send(more) => bytes.extend(more),
                Output::Event(event) => self.client_events.push(event),
                Output::Timeout(_) => return bytes,
            }
        }
    }

    fn poll_server(&mut self) -> Vec<u8> {
        let mut bytes = Vec::new();
        loop {
            match self.server.poll_output() {
                server::Output::Send(more) => bytes.extend(more),
                server::Output::Event(event) => {
                    if matches!(event, server::Event::Publish(_)) {
                        match &self.refusal {
                            Some(refusal) => self.server.reject(refusal).unwrap(),
                            None => self.server.accept().unwrap(),
                        }
                    }
                    self.server_events.push(event);
                }
                server::Output::Timeout(_) => return bytes,
            }
        }
    }
}

#[test]
fn a_publish_from_end_to_end() {
    for piece in [1, 100, 1500, usize::MAX] {
        let mut pair = Pair::new(piece, None);
        pair.drive().unwrap();
        assert_eq!(pair.client_events, [Event::Published]);
        let metadata = Metadata {
            width: Some(64),
            has_video: Some(true),
            has_audio: Some(false),
            ..Metadata::default()
        };
        pair.client.metadata(&metadata).unwrap();
        // Across the chunk size, the extended timestamp and the wrap.
        let tags: Vec<Tag> =
            [(0, 10), (33, 60_000), (33, 60_001), (0x00FF_FFFF, 200_000), (u32::MAX, 150_000), (20, 5)]
                .into_iter()
                .zip([TagKind::Video, TagKind::Audio].into_iter().cycle())
                .map(|((timestamp, size), kind)| tag(kind, timestamp, size))
                .collect();
        for tag in &tags {
            pair.client.tag(tag.clone()).unwrap();
        }
        pair.drive().unwrap();
        pair.client.close().unwrap();
        pair.drive().unwrap();
        let server::Event::Publish(publish) = &pair.server_events[0] else {
            panic!("{:?}", pair.server_events[0])
        };
        assert_eq!((publish.app.as_str(), publish.key.as_str()), ("live", "key"));
        assert_eq!(publish.tc_url.as_deref(), Some("rtmp://host:1935/live"));
        let version = format!("FMLE/3.0 (compatible; sigma-broadcast/{})", env!("CARGO_PKG_VERSION"));
        assert_eq!(publish.encoder, Some(version));
        let mut expected = vec![server::Event::Message(Message::Metadata(metadata))];
        expected.extend(tags.into_iter().map(|tag| server::Event::Message(Message::Tag(tag))));
        expected.push(server::Event::Unpublished);
        assert!(pair.server_events[1..] == expected);
    }
}

#[test]
fn acknowledgements_arrive_as_a_running_total() {
    let mut pair = Pair::new(16 << 10, None);
    pair.drive().unwrap();
    for n in 0..20 {
        pair.client.tag(tag(TagKind::Video, n * 33, 500_000)).unwrap();
        pair.drive().unwrap();
    }
    let sent = pair.server.bytes_received();
    let acknowledged = pair.client.bytes_acknowledged();
    assert!(acknowledged > 5_000_000 && acknowledged <= sent, "{acknowledged} of {sent}");
}

#[test]
fn refusals_come_back_typed() {
    for refusal in [Refusal::BadKey, Refusal::Busy, Refusal::Stopped, Refusal::Codec("no".into())] {
        let mut pair = Pair::new(1000, Some(refusal.clone()));
        let error = pair.drive().unwrap_err();
        let Kind::Refused(refused) = error.kind else { panic!("{error}") };
        assert_eq!(refused.code, refusal.code());
        assert_eq!(refused.description, refusal.description());
        assert_eq!(refused.reason.as_deref(), Some(refusal.reason()));
        assert_eq!(refused.is_busy(), refusal == Refusal::Busy);
    }
    // In mid-stream too.
    let mut pair = Pair::new(1000, None);
    pair.drive().unwrap();
    pair.server.reject(&Refusal::Takeover).unwrap();
    let error = pair.drive().unwrap_err();
    assert!(
        matches!(error.kind, Kind::Refused(Refused { reason: Some(reason), .. }) if reason == "takeover")
    );
}

#[test]
fn a_server_that_says_nothing() {
    let now = Instant::now();
    let mut session = Session::new(url(), Limits::default(), now).unwrap();
    assert!(matches!(session.poll_output(), Output::Send(hello) if hello.len() == 1537));
    let deadline = now + Duration::from_secs(5);
    assert_eq!(session.poll_output(), Output::Timeout(Some(deadline)));
    assert_eq!(session.handle_timeout(deadline).unwrap_err().kind, Kind::HandshakeTime);
    // Another one talks HTTP.
    let mut session = Session::new(url(), Limits::default(), now).unwrap();
    let error = session.handle_input(b"HTTP/1.1 400 Bad Request\r\n", now).unwrap_err();
    assert_eq!(error.kind, Kind::Http);
}

#[test]
fn urls() {
    let parse = |text: &str| {
        let url = Url::parse(text).map_err(|error| error.to_string())?;
        Ok((url.tc_url(), url.key().to_owned()))
    };
    let ok = |tc_url: &str, key: &str| Ok::<_, String>((tc_url.to_owned(), key.to_owned()));
    assert_eq!(parse("rtmp://host/live/key"), ok("rtmp://host:1935/live", "key"));
    assert_eq!(parse("RTMPS://host/a/b/key?x=/y"), ok("rtmps://host:443/a/b", "key?x=/y"));
    assert_eq!(parse("rtmp://[::1]:2000/live/key"), ok("rtmp://[::1]:2000/live", "key"));
    assert_eq!(parse("rtmp://1.2.3.4:5/key"), ok("rtmp://1.2.3.4:5/", "key"));
    for bad in
        ["http://host/live/key", "host/live/key", "rtmp:///live/key", "rtmp://h:0/a/k", "rtmp://h:99999/a/k"]
    {
        assert!(parse(bad).is_err(), "{bad}");
    }
    for keyless in ["rtmp://host", "rtmp://host/", "rtmp://host/live/", "rtmp://host/live/?a"] {
        assert_eq!(Url::parse(keyless), Err(BadUrl::Key), "{keyless}");
    }
    let url = Url::with_key("rtmp://host/live/", "secret").unwrap();
    assert_eq!((url.app(), url.key()), ("live", "secret"));
    assert_eq!(format!("{url} {url:?}"), "rtmp://host:1935/live/… Url(rtmp://host:1935/live/…)");
}
