//! AMF0 from anybody: read it, and what was read comes back as it went.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rtmp::amf0::{Limits, read_all, write_all};

fuzz_target!(|bytes: &[u8]| {
    if let Ok(values) = read_all(bytes, &Limits::default()) {
        let again = write_all(&values);
        // Bytes that were not UTF-8 grow when replaced; numbers may be NaN, so the bytes are compared.
        let limits = Limits { string: 1 << 20, ..Limits::default() };
        assert_eq!(read_all(&again, &limits).map(|values| write_all(&values)), Ok(again));
    }
});
