//! What comes out of a worker's pipe, or goes into it, damaged: an error or a message that is written as it was read.
#![no_main]

use libfuzzer_sys::fuzz_target;
use transcode::Decoder;

fuzz_target!(|input: &[u8]| {
    let mut decoder = Decoder::default();
    for piece in input.chunks(61) {
        decoder.push(piece);
        loop {
            match decoder.next() {
                Ok(Some(message)) => {
                    let bytes = message.to_bytes().unwrap();
                    let mut again = Decoder::default();
                    again.push(&bytes);
                    assert_eq!(again.next(), Ok(Some(message)));
                }
                Ok(None) => break,
                Err(_) => return,
            }
        }
    }
});
