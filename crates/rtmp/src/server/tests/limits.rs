//! Every limit of the session at the limit and one beyond, and its times.
use super::*;

#[test]
fn limits_at_and_beyond() {
    let limits = Limits { app: 4, key: 5, early_commands: 4, commands_a_second: 3, ..Limits::default() };
    let text = |size: usize| "x".repeat(size);
    let pings = |script: Script, count: usize| {
        (0..count).fold(script, |script, _| script.message(message::USER_CONTROL, 0, 0, &[0, 6, 0, 0, 0, 0]))
    };
    // connect, createStream and publish are three of the early ones.
    let early = |count| pings(Script::new(), count);
    let late = |count| pings(Script::new().connect("live").publish("key"), count);
    let cases = [
        (Script::new().connect(&text(4)), Script::new().connect(&text(5)), Kind::App { size: 5, limit: 4 }),
        (
            Script::new().connect("live").publish(&text(5)),
            Script::new().connect("live").publish(&text(6)),
            Kind::Key { size: 6, limit: 5 },
        ),
        (early(4), early(5), Kind::EarlyCommands { limit: 4 }),
        (late(3), late(4), Kind::CommandRate { limit: 3 }),
    ];
    for (at, beyond, kind) in cases {
        let feed = |script: Script| {
            let mut server = Server::new(limits.clone());
            server.session.handle_input(&script.bytes, server.now).map_err(|error| error.kind)
        };
        assert_eq!(feed(at), Ok(()), "{kind}");
        assert_eq!(feed(beyond), Err(kind));
    }
    // A second later the rate is counted anew.
    let mut server = Server::new(limits);
    server.feed(&late(3).bytes);
    server.now += Duration::from_secs(1);
    let ping = pings(Script::new(), 1).bytes.split_off(3073);
    assert_eq!(server.session.handle_input(&ping, server.now), Ok(()));
}

#[test]
fn time_limits() {
    let second = Duration::from_secs(1);
    let hello = Script::new().bytes;
    let connected = Script::new().connect("live").bytes;
    let cases = [
        (&hello[..100], Kind::HandshakeTime),
        (&hello[..], Kind::PublishTime),
        (&connected[..], Kind::PublishTime),
    ];
    for (bytes, kind) in cases {
        let mut server = Server::new(Limits::default());
        server.feed(bytes);
        let Output::Timeout(Some(deadline)) = server.session.poll_output() else { panic!("no deadline") };
        assert_eq!(deadline, server.now + 5 * second);
        assert_eq!(server.session.handle_timeout(deadline - second / 1000), Ok(()));
        let at = Position { offset: bytes.len() as u64, ..Position::default() };
        assert_eq!(server.session.handle_timeout(deadline), Err(kind.at(at)));
    }
    // None once publishing, and one second from FCUnpublish to the end.
    let mut server = Server::new(Limits::default());
    server.feed(&Script::new().connect("live").publish("key").bytes);
    assert_eq!(server.session.poll_output(), Output::Timeout(None));
    let leave = ["FCUnpublish".into(), 4.0.into(), Value::Null, "key".into()];
    server.feed(&Script::new().command(0, &leave).bytes[3073..]);
    let deadline = server.now + second;
    assert_eq!(server.session.poll_output(), Output::Timeout(Some(deadline)));
    server.session.handle_timeout(deadline).unwrap();
    assert_eq!(server.session.poll_output(), Output::Event(Event::Unpublished));
}
