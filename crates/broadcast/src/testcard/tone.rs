//! The tone of the test card: silence, and a 1 kHz beep in the first 100 ms of each second, exact to the sample.

/// Hz.
pub const SAMPLE_RATE: u32 = 48_000;
/// Both the same.
pub const CHANNELS: u8 = 2;

/// Samples of a beep: 100 whole periods, so it starts and ends at zero.
const BEEP: u64 = SAMPLE_RATE as u64 / 10;
/// -12 dB of full scale.
const LOUD: f64 = 8_192.0;

/// Sample number `n` since the start of the media.
pub fn sample(n: u64) -> i16 {
    let n = n % u64::from(SAMPLE_RATE);
    if n >= BEEP {
        return 0;
    }
    let turns = (n % 48) as f64 / 48.0;
    (LOUD * (std::f64::consts::TAU * turns).sin()).round() as i16
}

/// `count` sample times from number `first` on, interleaved.
pub fn samples(first: u64, count: u64) -> Vec<i16> {
    (first..first + count).flat_map(|n| [sample(n); CHANNELS as usize]).collect()
}
