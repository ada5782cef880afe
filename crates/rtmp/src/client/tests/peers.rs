//! rml_rtmp's whole client and server as peers of ours: somebody else's reading of the same specification.
use rml_rtmp::{
    handshake::{Handshake, HandshakeProcessResult, PeerType},
    sessions::{
        ClientSession, ClientSessionConfig, ClientSessionEvent, ClientSessionResult, PublishRequestType,
        ServerSession, ServerSessionConfig, ServerSessionEvent, ServerSessionResult, StreamMetadata,
    },
    time::RtmpTimestamp,
};

use super::*;

/// Feeds rml_rtmp's handshake. Gives the reply, and what follows the handshake once it is over.
fn shake(handshake: &mut Handshake, bytes: &[u8]) -> (Vec<u8>, Option<Vec<u8>>) {
    match handshake.process_bytes(bytes).unwrap() {
        HandshakeProcessResult::InProgress { response_bytes } => (response_bytes, None),
        HandshakeProcessResult::Completed { response_bytes, remaining_bytes } => {
            (response_bytes, Some(remaining_bytes))
        }
    }
}

#[test]
fn their_client_publishes_to_our_server() {
    let now = Instant::now();
    let mut server = server::Session::new(Limits::default(), now);
    let mut events = Vec::new();
    // Gives our bytes to their side, and what happened to us.
    let mut feed = |server: &mut server::Session, bytes: &[u8]| {
        server.handle_input(bytes, now).unwrap();
        let mut sent = Vec::new();
        loop {
            match server.poll_output() {
                server::Output::Send(bytes) => sent.extend(bytes),
                server::Output::Event(event) => {
                    if matches!(event, server::Event::Publish(_)) {
                        server.accept().unwrap();
                    }
                    events.push(event);
                }
                server::Output::Timeout(_) => return sent,
            }
        }
    };

    let mut handshake = Handshake::new(PeerType::Client);
    let reply = feed(&mut server, &handshake.generate_outbound_p0_and_p1().unwrap());
    let (c2, rest) = shake(&mut handshake, &reply);
    assert_eq!(rest, Some(Vec::new()));
    feed(&mut server, &c2);

    let (mut client, results) = ClientSession::new(ClientSessionConfig::new()).unwrap();
    assert!(results.is_empty());
    let mut todo = vec![client.request_connection("live".to_owned()).unwrap()];
    let mut published = false;
    while let Some(result) = todo.pop() {
        match result {
            ClientSessionResult::OutboundResponse(packet) => {
                let reply = feed(&mut server, &packet.bytes);
                let mut results = client.handle_input(&reply).unwrap();
                results.reverse();
                todo.extend(results);
            }
            ClientSessionResult::RaisedEvent(ClientSessionEvent::ConnectionRequestAccepted) => {
                todo.push(client.request_publishing("key".to_owned(), PublishRequestType::Live).unwrap());
            }
            ClientSessionResult::RaisedEvent(ClientSessionEvent::PublishRequestAccepted) => {
                published = true;
            }
            ClientSessionResult::RaisedEvent(_) | ClientSessionResult::UnhandleableMessageReceived(_) => {}
        }
    }
    assert!(published);

    let mut metadata = StreamMetadata::new();
    (metadata.video_width, metadata.encoder) = (Some(640), Some("rml".to_owned()));
    let mut results = vec![client.publish_metadata(&metadata).unwrap()];
    for (n, droppable) in [(0, false), (1, true), (2, false), (3, false)] {
        let data = Bytes::from(vec![0x17; 9000]);
        let timestamp = RtmpTimestamp::new(0x00FF_FFF0 + n * 33);
        results.push(client.publish_video_data(data.clone(), timestamp, droppable).unwrap());
        results.push(client.publish_audio_data(data.slice(..300), timestamp, droppable).unwrap());
    }
    results.extend(client.stop_publishing().unwrap());
    for result in results {
        let ClientSessionResult::OutboundResponse(packet) = result else { panic!("{result:?}") };
        feed(&mut server, &packet.bytes);
    }

    let metadata = Metadata { width: Some(640), encoder: Some("rml".to_owned()), ..Metadata::default() };
    assert_eq!(events[1], server::Event::Message(Message::Metadata(metadata)));
    let expected: Vec<_> = (0..4)
        .flat_map(|n| {
            let at = 0x00FF_FFF0 + n * 33;
            [tag(TagKind::Video, at, 9000), tag(TagKind::Audio, at, 300)]
        })
        .map(|tag| server::Event::Message(Message::Tag(tag)))
        .collect();
    assert!(events[2..10] == expected);
    assert_eq!(events[10..], [server::Event::Unpublished]);
}

#[test]
fn our_client_publishes_to_their_server() {
    let now = Instant::now();
    let mut client = Session::new(url(), Limits::default(), now).unwrap();
    let mut published = false;
    let mut take = |client: &mut Session| {
        let mut bytes = Vec::new();
        loop {
            match client.poll_output() {
                Output::Send(more) => bytes.extend(more),
                Output::Event(Event::Published) => published = true,
                Output::Event(Event::Acknowledged(_)) => {}
                Output::Timeout(_) => return bytes,
            }
        }
    };

    let mut handshake = Handshake::new(PeerType::Server);
    let (reply, _) = shake(&mut handshake, &take(&mut client));
    client.handle_input(&reply, now).unwrap();
    let (_, rest) = shake(&mut handshake, &take(&mut client));
    let mut to_server = rest.expect("the handshake is over");

    let (mut server, mut results) = ServerSession::new(ServerSessionConfig::new()).unwrap();
    let mut events = Vec::new();
    let mut sent_media = false;
    loop {
        results.extend(server.handle_input(&to_server).unwrap());
        while !results.is_empty() {
            match results.remove(0) {
                ServerSessionResult::OutboundResponse(packet) => {
                    client.handle_input(&packet.bytes, now).unwrap()
                }
                ServerSessionResult::RaisedEvent(event) => {
                    let request = match &event {
                        ServerSessionEvent::ConnectionRequested { request_id, app_name } => {
                            assert_eq!(app_name, "live");
                            Some(*request_id)
                        }
                        ServerSessionEvent::ReleaseStreamRequested { request_id, .. } => Some(*request_id),
                        ServerSessionEvent::PublishStreamRequested { request_id, stream_key, .. } => {
                            assert_eq!(stream_key, "key");
                            Some(*request_id)
                        }
                        _ => None,
                    };
                    if let Some(request) = request {
                        results.extend(server.accept_request(request).unwrap());
                    }
                    events.push(event);
                }
                ServerSessionResult::UnhandleableMessageReceived(_) => {}
            }
        }
        to_server = take(&mut client);
        if to_server.is_empty() && !sent_media {
            sent_media = true;
            client.metadata(&Metadata { width: Some(640), ..Metadata::default() }).unwrap();
            for n in 0..4 {
                client.tag(tag(TagKind::Video, 0x00FF_FFF0 + n * 33, 90_000)).unwrap();
                client.tag(tag(TagKind::Audio, 0x00FF_FFF0 + n * 33, 300)).unwrap();
            }
            client.close().unwrap();
            to_server = take(&mut client);
        }
        if to_server.is_empty() {
            break;
        }
    }
    assert!(published);
    let mut got = Vec::new();
    for event in &events {
        match event {
            ServerSessionEvent::StreamMetadataChanged { metadata, .. } => {
                assert_eq!((metadata.video_width, metadata.video_codec_id), (Some(640), Some(7)));
            }
            ServerSessionEvent::VideoDataReceived { data, timestamp, .. } => {
                got.push((timestamp.value, data.len()))
            }
            ServerSessionEvent::AudioDataReceived { data, timestamp, .. } => {
                got.push((timestamp.value, data.len()))
            }
            _ => {}
        }
    }
    let expected: Vec<_> =
        (0..4).flat_map(|n| [(0x00FF_FFF0 + n * 33, 90_000), (0x00FF_FFF0 + n * 33, 300)]).collect();
    assert_eq!(got, expected);
    assert!(events.iter().any(|event| matches!(event, ServerSessionEvent::PublishStreamFinished { .. })));
}
