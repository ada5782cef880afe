//! Once publishing: acknowledgements, aggregates.
use super::*;

#[test]
fn acknowledges_the_running_total() {
    let mut server = Server::new(Limits::default());
    let script = Script::new().connect("live").publish("key").message(
        message::WINDOW_SIZE,
        0,
        0,
        &2000_u32.to_be_bytes(),
    );
    server.feed(&script.bytes);
    let mut totals = Vec::new();
    for _ in 0..3 {
        let more = Script::new().message(message::VIDEO, 1, 0, &[7; 1500]).bytes.split_off(3073);
        server.feed(&more);
        totals.push(server.session.bytes_received());
    }
    let mut reader = Reader::new(Limits::default(), 0);
    let mut bytes = &server.sent[3073..];
    let mut acknowledged = Vec::new();
    while let Some(message) = reader.next(&mut bytes).unwrap() {
        if message.kind == message::ACKNOWLEDGEMENT {
            acknowledged.push(u64::from(message::u32_of(&message).unwrap()));
        }
    }
    // The first covers what came before the window was known.
    assert_eq!(acknowledged, [script.bytes.len() as u64, totals[1]]);
}

#[test]
fn aggregates() {
    let tag = |kind: u8, timestamp: u32, body: &[u8]| {
        let [high, a, b, c] = timestamp.to_be_bytes();
        let size = (body.len() as u32).to_be_bytes();
        [&[kind], &size[1..], &[a, b, c, high, 0, 0, 0], body, &(11 + body.len() as u32).to_be_bytes()]
            .concat()
    };
    let body = [tag(9, 500, b"\x17v"), tag(8, 510, b"\xafa"), tag(9, 540, b"\x27w")].concat();
    let feed = |body: &[u8], limits: Limits| {
        let mut server = Server::new(limits);
        server.feed(&Script::new().connect("live").publish("key").bytes);
        server.feed(&Script::new().message(message::AGGREGATE, 1, 2000, body).bytes[3073..])
    };
    expect![[r#"
        Message(Tag(Tag { kind: Video, timestamp: 2000, body: b"\x17v" }))
        Message(Tag(Tag { kind: Audio, timestamp: 2010, body: b"\xafa" }))
        Message(Tag(Tag { kind: Video, timestamp: 2040, body: b"'w" }))
    "#]]
    .assert_eq(&feed(&body, Limits::default()));
    expect![[r#"
        -> onStatus 0 NetStream.Failed
        error: aggregate message is malformed (byte 3221, chunk stream 6, message type 22)
    "#]]
    .assert_eq(&feed(&body[..20], Limits::default()));
    expect![[r#"
        -> onStatus 0 NetStream.Failed
        error: more than 2 tags in an aggregate message (byte 3221, chunk stream 6, message type 22)
    "#]]
    .assert_eq(&feed(&body, Limits { aggregate: 2, ..Limits::default() }));
    // The last back pointer may be missing; the limit may be reached.
    let at_limit = feed(&body[..body.len() - 4], Limits { aggregate: 3, ..Limits::default() });
    assert_eq!(at_limit.matches("Tag").count(), 6, "{at_limit}");
}
