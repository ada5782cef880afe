//! Strangers on the RTMP port: each is answered or shown out within a limit, the show goes on, and the log says so in a line
//! a person understands.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use rml_rtmp::chunk_io::ChunkSerializer;
use rml_rtmp::handshake::{Handshake, HandshakeProcessResult, PeerType};
use rml_rtmp::messages::{MessagePayload, RtmpMessage};
use rml_rtmp::time::RtmpTimestamp;
use serde_json::json;
use tests::fixture::{self, Kind};
use tests::server::Server;
use tests::{ffmpeg, wait};

/// A server on air with one publisher, to see that strangers don't disturb it.
struct OnAir {
    server: Server,
    channel: tests::server::Channel,
    _publisher: tests::process::Process,
}

impl OnAir {
    fn new() -> Result<Self> {
        let server = Server::start()?;
        let channel = server.channel("Studio", &json!({}))?;
        let publisher = ffmpeg::publish(&fixture::file(Kind::BFrames48Stereo)?, &channel.publish_url)?;
        server.session_is(&channel, "live", Duration::from_secs(6))?;
        Ok(Self { server, channel, _publisher: publisher })
    }

    fn stranger(&self) -> Result<TcpStream> {
        let stream = TcpStream::connect(self.server.rtmp.trim_start_matches("rtmp://"))?;
        stream.set_read_timeout(Some(Duration::from_secs(15)))?;
        stream.set_nodelay(true)?;
        Ok(stream)
    }

    /// The show goes on, and a line of the log has all of `words`.
    fn goes_on_and_says(&self, words: &[&str]) -> Result<()> {
        wait(&format!("a line with {words:?}"), Duration::from_secs(3), || {
            let log = self.server.process.log().to_lowercase();
            Ok(log.lines().any(|line| words.iter().all(|w| line.contains(w))).then_some(()))
        })
        .with_context(|| self.server.process.log())?;
        let session = self.server.newest_session(&self.channel)?;
        ensure!(
            session.as_ref().is_some_and(|s| s["status"] == "live"),
            "{session:?}\n{}",
            self.server.process.log()
        );
        Ok(())
    }
}

/// Waits for the server to close; what it says until then is read and dropped.
fn closed(stream: &mut TcpStream) -> Result<()> {
    let mut bytes = [0; 4096];
    loop {
        match stream.read(&mut bytes) {
            Ok(0) => return Ok(()),
            Ok(_) => {}
            Err(e) if matches!(e.kind(), ErrorKind::ConnectionReset | ErrorKind::BrokenPipe) => return Ok(()),
            Err(e) => bail!("the server kept a stranger: {e}"),
        }
    }
}

#[test]
fn http_tls_and_noise_are_recognised() -> Result<()> {
    let on_air = OnAir::new()?;
    let noise: Vec<u8> = (0..2_000u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8 | 0x80).collect();
    let strangers: [(&[u8], &[&str]); 3] = [
        (b"GET / HTTP/1.1\r\nHost: sigma\r\n\r\n", &["http"]),
        (&[0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3], &["tls"]),
        (&noise, &["rtmp"]),
    ];
    for (bytes, words) in strangers {
        let mut stream = on_air.stranger()?;
        stream.write_all(bytes)?;
        closed(&mut stream).with_context(|| format!("{words:?}"))?;
        on_air.goes_on_and_says(words)?;
    }
    Ok(())
}

#[test]
fn a_stall_in_the_handshake_is_shown_out() -> Result<()> {
    let on_air = OnAir::new()?;
    let mut stream = on_air.stranger()?;
    stream.write_all(&[3, 0, 0, 0])?;
    closed(&mut stream)?;
    on_air.goes_on_and_says(&["handshake"])
}

#[test]
fn amf0_nested_200_000_deep_is_refused() -> Result<()> {
    let on_air = OnAir::new()?;
    let mut stream = on_air.stranger()?;
    shake(&mut stream)?;
    let mut body = vec![2, 0, 7];
    body.extend(b"connect");
    body.extend([0, 0x3f, 0xf0, 0, 0, 0, 0, 0, 0]);
    for _ in 0..200_000 {
        body.extend([3, 0, 1, b'a']);
    }
    let mut serializer = ChunkSerializer::new();
    let bytes = serializer
        .serialize(
            &MessagePayload {
                timestamp: RtmpTimestamp::new(0),
                type_id: 20,
                message_stream_id: 0,
                data: body.into(),
            },
            true,
            false,
        )
        .map_err(|e| anyhow::anyhow!("{e:?}"))?
        .bytes;
    // The server may hang up before it has taken it all.
    let _ = stream.write_all(&bytes);
    closed(&mut stream)?;
    on_air.goes_on_and_says(&["refused"])
}

#[test]
fn messages_interleaved_across_chunk_streams_are_read() -> Result<()> {
    let server = Server::start()?;
    let channel = server.channel("Studio", &json!({}))?;
    let mut stream = TcpStream::connect(server.rtmp.trim_start_matches("rtmp://"))?;
    stream.set_read_timeout(Some(Duration::from_secs(5)))?;
    shake(&mut stream)?;
    let mut serializer = ChunkSerializer::new();
    let mut send = |stream: &mut TcpStream, message: RtmpMessage, id: u32| -> Result<()> {
        let payload =
            message.into_message_payload(RtmpTimestamp::new(0), id).map_err(|e| anyhow::anyhow!("{e:?}"))?;
        let packet = serializer.serialize(&payload, true, false).map_err(|e| anyhow::anyhow!("{e:?}"))?;
        Ok(stream.write_all(&packet.bytes)?)
    };
    let command = |name: &str, id: f64, object, more| RtmpMessage::Amf0Command {
        command_name: name.into(),
        transaction_id: id,
        command_object: object,
        additional_arguments: more,
    };
    use rml_amf0::Amf0Value::{Null, Object, Utf8String};
    let app = Object([("app".to_owned(), Utf8String("live".into()))].into());
    send(&mut stream, command("connect", 1.0, app, vec![]), 0)?;
    send(&mut stream, command("createStream", 2.0, Null, vec![]), 0)?;
    let publish = vec![Utf8String(channel.key.clone()), Utf8String("live".into())];
    send(&mut stream, command("publish", 3.0, Null, publish), 1)?;

    // Sound and pictures, 128 bytes of each in turn: legal, and what rml_rtmp's own reader falls over.
    for pair in fixture::tags(Kind::BFrames48Stereo)?.chunks(2).take(200) {
        let mut chunked: Vec<Vec<Vec<u8>>> = Vec::new();
        for (n, tag) in pair.iter().enumerate() {
            chunked.push(chunks(tag, 10 + n as u8));
        }
        let longest = chunked.iter().map(Vec::len).max().unwrap_or(0);
        for i in 0..longest {
            for message in &chunked {
                if let Some(chunk) = message.get(i) {
                    stream.write_all(chunk)?;
                }
            }
        }
    }
    server.session_is(&channel, "live", Duration::from_secs(5))?;
    ensure!(ffmpeg::play(&channel.hls_url, 1, &["0:v", "0:a"])? >= 20);
    Ok(())
}

/// A message cut into chunks of 128 bytes, the default size (RTMP 1.0 §5.4.1), on a chunk stream of its own.
fn chunks(tag: &media::flv::Tag, stream: u8) -> Vec<Vec<u8>> {
    let mut list = Vec::new();
    for (n, part) in tag.body.chunks(128).enumerate() {
        let mut chunk = Vec::new();
        if n == 0 {
            let kind = if tag.kind == media::flv::TagKind::Audio { 8 } else { 9 };
            chunk.push(stream);
            chunk.extend(&tag.timestamp.to_be_bytes()[1..]);
            chunk.extend(&(tag.body.len() as u32).to_be_bytes()[1..]);
            chunk.push(kind);
            chunk.extend(1u32.to_le_bytes());
        } else {
            chunk.push(0xc0 | stream);
        }
        chunk.extend(part);
        list.push(chunk);
    }
    list
}

fn shake(stream: &mut TcpStream) -> Result<()> {
    let mut handshake = Handshake::new(PeerType::Client);
    stream.write_all(&handshake.generate_outbound_p0_and_p1().map_err(|e| anyhow::anyhow!("{e:?}"))?)?;
    let mut bytes = [0; 8192];
    loop {
        let n = stream.read(&mut bytes)?;
        ensure!(n > 0, "closed in the handshake");
        match handshake.process_bytes(&bytes[..n]).map_err(|e| anyhow::anyhow!("{e:?}"))? {
            HandshakeProcessResult::InProgress { response_bytes } => stream.write_all(&response_bytes)?,
            HandshakeProcessResult::Completed { response_bytes, .. } => {
                return Ok(stream.write_all(&response_bytes)?);
            }
        }
    }
}
