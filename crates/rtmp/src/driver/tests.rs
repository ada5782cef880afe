//! The drivers over pipes, in virtual time, and over TCP.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::disallowed_methods)]

use std::{net::SocketAddr, time::Duration};

use bytes::Bytes;
use media::flv::{Metadata, Tag, TagKind};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex},
    net::{TcpListener, TcpStream},
    time::Instant,
};

use super::{
    Error,
    client::{self, Url},
    server::{self, Message, Refusal, Request},
};
use crate::Kind;

fn peer() -> SocketAddr {
    ([192, 0, 2, 7], 4711).into()
}

fn url() -> Url {
    Url::parse("rtmp://host/live/key").unwrap()
}

fn tag(n: u32, size: usize) -> Tag {
    Tag { kind: TagKind::Video, timestamp: n * 33, body: Bytes::from(vec![0x17; size]) }
}

async fn connect(stream: DuplexStream) -> Result<client::Publisher, Error> {
    client::Publisher::over(stream, &url(), &client::Config::default()).await
}

async fn request(stream: DuplexStream) -> Result<Request<DuplexStream>, Error> {
    Request::read(stream, peer(), &server::Config::default()).await
}

/// A running publish over a pipe.
async fn pair(size: usize) -> (client::Publisher, server::Publisher<DuplexStream>) {
    let (ours, theirs) = duplex(size);
    let accept = async { request(theirs).await.unwrap().accept().await.unwrap() };
    let accepted = async {
        let mut publisher = accept.await;
        // The answer goes out while the publisher waits for media.
        let first = publisher.next().await.unwrap().unwrap();
        (publisher, first)
    };
    let connected = async {
        let mut publisher = connect(ours).await.unwrap();
        publisher.send(tag(0, 10)).await.unwrap();
        publisher
    };
    let (client, (server, first)) = tokio::join!(connected, accepted);
    assert_eq!(first, Message::Tag(tag(0, 10)));
    (client, server)
}

#[tokio::test]
async fn a_publish_over_tcp() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let url = Url::parse(&format!("rtmp://{address}/live/key?a=b")).unwrap();
    let metadata = Metadata { width: Some(16), ..Metadata::default() };
    let metadata = Metadata { has_video: Some(true), has_audio: Some(true), ..metadata };
    let publish = async {
        let mut publisher = client::Publisher::connect(&url, &client::Config::default()).await.unwrap();
        publisher.metadata(&metadata).await.unwrap();
        for n in 0..100 {
            publisher.send(tag(n, 70_000)).await.unwrap();
        }
        let sent = publisher.bytes_sent();
        publisher.close().await.unwrap();
        sent
    };
    let serve = async {
        let (stream, peer) = listener.accept().await.unwrap();
        let request = Request::read(stream, peer, &server::Config::default()).await.unwrap();
        assert_eq!((request.app(), request.key(), request.query()), ("live", "key", Some("a=b")));
        assert!(request.encoder().unwrap().contains("sigma-broadcast"));
        assert_eq!(
            (request.peer(), request.tc_url()),
            (peer, Some(format!("rtmp://{address}/live").as_str()))
        );
        let mut publisher = request.accept().await.unwrap();
        assert_eq!(publisher.next().await.unwrap(), Some(Message::Metadata(metadata.clone())));
        for n in 0..100 {
            assert!(publisher.next().await.unwrap() == Some(Message::Tag(tag(n, 70_000))));
        }
        assert_eq!(publisher.next().await.unwrap(), None);
        let received = publisher.bytes_received();
        publisher.finish().await;
        received
    };
    let (sent, received) = tokio::join!(publish, serve);
    assert!(sent > 7_000_000 && received > sent, "{sent} {received}");
}

#[tokio::test(start_paused = true)]
async fn a_refusal_is_seen() {
    let (ours, theirs) = duplex(4096);
    let reject = async { request(theirs).await.unwrap().reject(Refusal::Busy).await };
    let (refused, rejected) = tokio::join!(connect(ours), reject);
    rejected.unwrap();
    let Err(error) = refused else { panic!("accepted") };
    assert!(error.refused().unwrap().is_busy());
    assert_eq!(error.refused().unwrap().description, Refusal::Busy.description());
}

#[tokio::test(start_paused = true)]
async fn a_refusal_in_midstream_is_seen() {
    let (mut client, server) = pair(4096).await;
    let (error, refused) = tokio::join!(client.closed(), server.refuse(Refusal::Codec("no MP3".into())));
    refused.unwrap();
    assert_eq!(error.refused().unwrap().description, "no MP3");
    // And by one who only sends.
    let (mut client, server) = pair(1 << 20).await;
    let send = async {
        loop {
            match client.send(tag(1, 1000)).await {
                Ok(()) => tokio::task::yield_now().await,
                Err(error) => return error,
            }
        }
    };
    let (error, _) = tokio::join!(send, server.refuse(Refusal::Takeover));
    assert_eq!(error.refused().and_then(|refused| refused.reason.as_deref()), Some("takeover"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn strangers_are_told_at_once() {
    let cases: [(&[u8], Kind); 3] = [
        (b"GET / HTTP/1.1\r\n\r\n", Kind::Http),
        (b"\x16\x03\x01\x02\x00", Kind::Tls),
        (b"\x99noise", Kind::NotRtmp(0x99)),
    ];
    for (bytes, kind) in cases {
        let (mut ours, theirs) = duplex(4096);
        let start = Instant::now();
        let stranger = async {
            ours.write_all(bytes).await.unwrap();
            let mut answer = String::new();
            ours.read_to_string(&mut answer).await.unwrap();
            drop(ours);
            answer
        };
        let (result, answer) = tokio::join!(request(theirs), stranger);
        let Err(Error::Protocol { peer, error }) = result else { panic!("{kind}") };
        assert_eq!((peer.as_str(), &error.kind), ("192.0.2.7:4711", &kind));
        assert_eq!(answer.contains("400 Bad Request"), kind == Kind::Http);
        assert_eq!(start.elapsed(), Duration::ZERO);
    }
}

#[tokio::test(start_paused = true)]
async fn stalls_end_in_time() {
    let hello = [&[3][..], &[0; 3072]].concat();
    for (bytes, kind) in [
        (&b""[..], Kind::HandshakeTime),
        (&hello[..700], Kind::HandshakeTime),
        (&hello[..], Kind::PublishTime),
    ] {
        let (mut ours, theirs) = duplex(1 << 16);
        let start = Instant::now();
        ours.write_all(bytes).await.unwrap();
        let Err(Error::Protocol { error, .. }) = request(theirs).await else { panic!("{kind}") };
        assert_eq!(error.kind, kind);
        assert!(start.elapsed() >= Duration::from_secs(5) && start.elapsed() < Duration::from_secs(7));
    }
    // One byte a second doesn't help.
    let (mut ours, theirs) = duplex(1 << 16);
    let start = Instant::now();
    let drip = async {
        for byte in &hello {
            tokio::time::sleep(Duration::from_secs(1)).await;
            if ours.write_all(&[*byte]).await.is_err() {
                break;
            }
        }
    };
    let (result, ()) = tokio::join!(request(theirs), drip);
    assert!(matches!(result, Err(Error::Protocol { error, .. }) if error.kind == Kind::HandshakeTime));
    assert!(start.elapsed() < Duration::from_secs(10));
}

#[tokio::test(start_paused = true)]
async fn ends_are_told_apart() {
    // A port scan.
    let (ours, theirs) = duplex(4096);
    drop(ours);
    assert!(matches!(request(theirs).await, Err(Error::Probe { .. })));
    // A clean end; a lost publisher; a silent one.
    let (client, mut server) = pair(4096).await;
    let (closed, last) = tokio::join!(client.close(), async {
        let last = server.next().await;
        server.finish().await;
        last
    });
    closed.unwrap();
    assert_eq!(last.unwrap(), None);
    let (client, mut server) = pair(4096).await;
    drop(client);
    assert!(matches!(server.next().await, Err(Error::Closed { .. })));
    let (_client, mut server) = pair(4096).await;
    let start = Instant::now();
    assert!(matches!(server.next().await, Err(Error::Idle { .. })));
    assert_eq!(start.elapsed(), Duration::from_secs(60));
}

#[tokio::test(start_paused = true)]
async fn a_server_that_takes_nothing_is_noticed() {
    let (mut client, _server) = pair(4096).await;
    let start = Instant::now();
    assert!(matches!(client.send(tag(1, 100_000)).await, Err(Error::WriteStalled { .. })));
    assert_eq!(start.elapsed(), Duration::from_secs(10));
}

#[tokio::test(start_paused = true)]
async fn next_and_send_lose_nothing_when_dropped() {
    let (mut client, mut server) = pair(1000).await;
    let mut got = Vec::new();
    let send = async {
        for n in 1..20 {
            // Dropped halfway; the rest goes out with the next.
            let _ = tokio::time::timeout(Duration::from_millis(1), client.send(tag(n, 5000))).await;
        }
        client.close().await.unwrap();
    };
    let receive = async {
        loop {
            match tokio::time::timeout(Duration::from_millis(3), server.next()).await {
                Ok(Ok(Some(Message::Tag(tag)))) => got.push(tag),
                Ok(Ok(Some(Message::Metadata(_)))) => {}
                Ok(Ok(None)) => break,
                Ok(Err(error)) => panic!("{error}"),
                Err(_) => tokio::time::sleep(Duration::from_millis(5)).await,
            }
        }
        server.finish().await;
    };
    tokio::join!(send, receive);
    assert!(got == (1..20).map(|n| tag(n, 5000)).collect::<Vec<_>>());
}

#[tokio::test(start_paused = true)]
async fn a_goodbye_is_read_after_the_line_broke() {
    let (mut client, mut server) = pair(8 << 20).await;
    for n in 0..4 {
        client.send(tag(n, 1 << 20)).await.unwrap();
    }
    // Hangs up without reading our acknowledgement, which can't be written.
    let _ = tokio::time::timeout(Duration::from_millis(1), client.close()).await;
    for n in 0..4 {
        assert!(server.next().await.unwrap() == Some(Message::Tag(tag(n, 1 << 20))));
    }
    assert_eq!(server.next().await.unwrap(), None);
}

#[tokio::test]
async fn rtmps_does_not_trust_a_stranger() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = Url::parse(&format!("rtmps://{}/live/key", listener.local_addr().unwrap())).unwrap();
    let serve = async {
        let (mut stream, _): (TcpStream, _) = listener.accept().await.unwrap();
        let mut hello = [0; 5];
        stream.read_exact(&mut hello).await.unwrap();
        stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await.unwrap();
        hello
    };
    let config = client::Config::default();
    let (result, hello) = tokio::join!(client::Publisher::connect(&url, &config), async {
        tokio::time::timeout(Duration::from_secs(5), serve).await.unwrap()
    });
    assert_eq!(hello[..2], [0x16, 3]);
    assert!(matches!(result, Err(Error::Io { .. })));
}
