//! What the sealed segments weighed: BANDWIDTH and AVERAGE-BANDWIDTH.

use super::Index;
use crate::Segment;

#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Meter {
    bytes: u64,
    seconds: f64,
    peak: f64,
    /// The same of the key frames alone.
    key_bytes: u64,
    key_peak: f64,
}

impl Index {
    /// Measured bits a second: (peak of a segment, average); `None` before the first part.
    pub fn bandwidth(&self) -> Option<(u64, u64)> {
        let mut meter = self.meter;
        if let Some(open) = self.open.as_ref().filter(|s| !s.parts.is_empty()) {
            // A first part is an expensive one: what is open counts only until something is sealed.
            if meter.seconds == 0.0 {
                meter.add(open, self.control.plan.target_duration);
            }
        }
        (meter.seconds > 0.0).then(|| {
            let average = meter.bytes as f64 * 8.0 / meter.seconds;
            (meter.peak.max(average).ceil() as u64, average.ceil() as u64)
        })
    }

    /// The same of the key frames alone; `None` before the first segment is sealed.
    pub fn key_bandwidth(&self) -> Option<(u64, u64)> {
        let meter = &self.meter;
        (meter.key_bytes > 0).then(|| {
            let average = meter.key_bytes as f64 * 8.0 / meter.seconds;
            (meter.key_peak.max(average).ceil() as u64, average.ceil() as u64)
        })
    }
}

impl Meter {
    pub(super) fn add(&mut self, segment: &Segment, target_duration: u32) {
        let seconds = segment.duration.seconds();
        if segment.gap || segment.live_only || seconds <= 0.0 {
            return;
        }
        self.bytes += segment.bytes;
        self.seconds += seconds;
        // RFC 8216bis §4.4.6.2: peak over contiguous segments of 0.5 to 1.5 target durations.
        let whole = seconds >= f64::from(target_duration) / 2.0;
        if whole || self.peak == 0.0 {
            self.peak = self.peak.max(segment.bytes as f64 * 8.0 / seconds);
        }
        self.key_bytes += u64::from(segment.key);
        if whole || self.key_peak == 0.0 {
            self.key_peak = self.key_peak.max(f64::from(segment.key) * 8.0 / seconds);
        }
    }
}
