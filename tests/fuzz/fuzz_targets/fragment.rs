//! fMP4 from any origin: an init of as many bytes as the first two say, then a fragment under it.
#![no_main]

use libfuzzer_sys::fuzz_target;
use probe::mp4::{MAX_SAMPLES, fragments, init};

fuzz_target!(|input: &[u8]| {
    let Some((len, rest)) = input.split_first_chunk::<2>() else { return };
    let (head, rest) = rest.split_at(usize::from(u16::from_be_bytes(*len)).min(rest.len()));
    let init = init(head).unwrap_or_default();
    if let Ok(fragments) = fragments(rest, &init) {
        assert!(fragments.iter().map(|f| f.samples.len()).sum::<usize>() <= MAX_SAMPLES);
        for fragment in &fragments {
            assert!(fragment.end() >= fragment.start);
        }
    }
});
