//! Which recordings are published.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// What a recording must have reached. Its text is how it is kept beside the recording.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Least {
    /// It lasts so long.
    pub duration: Duration,
    /// It has so many bytes.
    pub bytes: u64,
}

impl Least {
    /// Whether a recording has.
    pub fn reached(self, duration: Duration, bytes: u64) -> bool {
        duration >= self.duration && bytes >= self.bytes
    }
}

impl fmt::Display for Least {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ms, {} bytes", self.duration.as_millis(), self.bytes)
    }
}

impl FromStr for Least {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (ms, bytes) = text.trim().strip_suffix(" bytes").and_then(|t| t.split_once(" ms, ")).ok_or(())?;
        let duration = Duration::from_millis(ms.parse().map_err(|_| ())?);
        Ok(Self { duration, bytes: bytes.parse().map_err(|_| ())? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn at_the_minimum_and_one_below() {
        let least = Least { duration: Duration::from_secs(8), bytes: 1000 };
        let ms = Duration::from_millis;
        for (duration, bytes, reached) in
            [(ms(8000), 1000, true), (ms(7999), 1000, false), (ms(8000), 999, false), (ms(9000), 5000, true)]
        {
            assert_eq!(least.reached(duration, bytes), reached, "{duration:?} {bytes}");
        }
        assert!(Least::default().reached(ms(0), 0));
    }

    #[test]
    fn it_is_read_as_it_was_written() {
        let least = Least { duration: Duration::from_millis(1500), bytes: u64::MAX };
        assert_eq!((least.to_string().parse(), "8 s".parse::<Least>()), (Ok(least), Err(())));
    }
}
