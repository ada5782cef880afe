//! Chunks from anybody, behind a handshake and `connect` that are in order: the reader with all of its limits lifted.
#![no_main]

use std::time::Instant;

use libfuzzer_sys::fuzz_target;
use rtmp::{
    Limits,
    amf0::{Value, object, write_all},
    server::{Event, Output, Session},
};

/// One chunk of its own stream, long enough for each of the commands here.
fn command(id: u8, values: &[Value]) -> Vec<u8> {
    let body = write_all(values);
    assert!(body.len() <= 128);
    [&[id, 0, 0, 0, 0, 0, body.len() as u8, 20, 1, 0, 0, 0], body.as_slice()].concat()
}

fuzz_target!(|chunks: &[u8]| {
    let now = Instant::now();
    let mut session = Session::new(Limits::default(), now);
    let mut hello = vec![0; 1 + 1536 + 1536];
    hello[0] = 3;
    hello.extend(command(62, &["connect".into(), 1.0.into(), object([("app", "live".into())])]));
    hello.extend(command(63, &["publish".into(), 2.0.into(), Value::Null, "key".into()]));
    session.handle_input(&hello, now).expect("in order");
    loop {
        match session.poll_output() {
            Output::Event(Event::Publish(_)) => session.accept().expect("a short answer"),
            Output::Event(_) | Output::Send(_) => {}
            Output::Timeout(_) => break,
        }
    }
    let _ = session.handle_input(chunks, now);
});
