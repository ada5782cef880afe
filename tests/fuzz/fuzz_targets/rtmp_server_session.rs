//! A whole connection from anybody, cut in pieces that depend on its length.
#![no_main]

use std::time::{Duration, Instant};

use libfuzzer_sys::fuzz_target;
use rtmp::{
    Limits,
    server::{Event, Output, Session},
};

fuzz_target!(|input: &[u8]| {
    let start = Instant::now();
    let mut session = Session::new(Limits::default(), start);
    let step = 1 + 16 * usize::from(input.len() as u8);
    for (n, piece) in input.chunks(step).enumerate() {
        let result = session.handle_input(piece, start + Duration::from_millis(n as u64));
        loop {
            match session.poll_output() {
                Output::Event(Event::Publish(_)) => session.accept().expect("a short answer"),
                Output::Event(_) | Output::Send(_) => {}
                Output::Timeout(_) => break,
            }
        }
        if result.is_err() {
            return;
        }
    }
});
