use super::*;

#[test]
fn reads_configs() {
    type Row = (&'static [u8], Result<(u8, u32, u8), Error>);
    let table: [Row; 12] = [
        (&[0x11, 0x90], Ok((2, 48_000, 2))),
        // FFmpeg 5.1: the same with a sync extension that says "no SBR".
        (&[0x11, 0x90, 0x56, 0xe5, 0x00], Ok((2, 48_000, 2))),
        (&[0x12, 0x08], Ok((2, 44_100, 1))),
        // HE-AAC, explicit: 24 kHz core, 48 kHz out.
        (&[0x2b, 0x11, 0x88, 0x00], Ok((5, 24_000, 2))),
        // An escaped sample rate of 48,000.
        (&[0x17, 0x80, 0x5d, 0xc0, 0x10], Ok((2, 48_000, 2))),
        (&[0x11], Err(Error::Truncated)),
        (&[], Err(Error::Truncated)),
        (&[0x11, 0x80], Err(Error::Channels(0))),
        (&[0x11, 0xc0], Err(Error::Channels(8))),
        (&[0x16, 0x90], Err(Error::SampleRate(13))),
        (&[0x09, 0x90], Err(Error::ObjectType(1))),
        (&[0x11, 0x94], Err(Error::ShortFrames)),
    ];
    for (asc, expected) in table {
        let got =
            Config::parse(&Bytes::copy_from_slice(asc)).map(|c| (c.object_type, c.sample_rate, c.channels));
        assert_eq!(got, expected, "{asc:02x?}");
    }
}

#[test]
fn limits_its_length() {
    let mut asc = vec![0u8; MAX_ASC + 1];
    asc[..2].copy_from_slice(&[0x11, 0x90]);
    assert!(Config::parse(&asc[..MAX_ASC].to_vec().into()).is_ok());
    assert_eq!(Config::parse(&asc.into()), Err(Error::TooLong(MAX_ASC + 1)));
}

#[test]
fn any_two_bytes_give_an_answer() {
    for n in 0..=u16::MAX {
        let _ = Config::parse(&Bytes::copy_from_slice(&n.to_be_bytes()));
    }
}

#[test]
fn silent_frames_have_every_element_of_their_layout() {
    // Bit by bit; FFmpeg decodes them in `crates/codec`.
    let frame = |channels| Config::announced(48_000, channels).unwrap().silent_frame();
    // SCE, tag 0, global gain 0, ICS info 0, no tools, END.
    assert_eq!(frame(1)[..], [0, 0, 0, 0b0000_0111]);
    // CPE, tag 0, common window, ICS info 0, no M/S, twice a gain without tools, END.
    assert_eq!(frame(2)[..], [0b0010_0001, 0, 0, 0, 0, 0b0001_1100]);
    for channels in [3, 4, 5, 6, 8] {
        assert!(frame(channels).len() > frame(2).len());
    }
}

#[test]
fn what_was_announced_parses() {
    for hz in SAMPLE_RATES {
        for channels in [1, 2, 3, 4, 5, 6, 8] {
            let config = Config::announced(hz, channels).unwrap();
            assert_eq!(Config::parse(&config.asc).unwrap(), config);
        }
    }
    for (hz, channels) in [(48_000, 0), (48_000, 7), (48_000, 9), (47_999, 2), (0, 2)] {
        assert_eq!(Config::announced(hz, channels), None, "{hz} Hz, {channels} channels");
    }
}
