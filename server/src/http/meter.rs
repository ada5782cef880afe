//! What a connection is doing, and until when it may go on so.
//!
//! ```text
//! New ──request──▶ Busy ──last answer gone──▶ Idle ──first bytes (HTTP/1.1)──▶ Heading
//!                   ▲                          │                                 │
//!                   └────────request───────────┴────────────request──────────────┘
//! ```

use std::time::{Duration, Instant};

/// How long a connection may take for what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Timeouts {
    /// From the connection's start, and from a request's first byte, until its head is whole.
    pub header: Duration,
    /// Between an answer and the next request.
    pub idle: Duration,
    /// A reader that takes nothing of an answer for so long is cut.
    pub write: Duration,
}

/// Why a connection was cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Cut {
    #[error("it sent no whole request in {} s", .0.as_secs_f32())]
    Header(Duration),
    #[error("it took nothing of its answer for {} s", .0.as_secs_f32())]
    Write(Duration),
}

/// What is to be done about a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Look again then.
    Fine(Instant),
    /// Nobody needs it.
    Idle,
    Cut(Cut),
}

#[derive(Clone, Copy, Debug)]
enum Phase {
    New { since: Instant },
    Busy { requests: usize },
    Idle { since: Instant },
    Heading { since: Instant },
}

#[derive(Debug)]
pub(super) struct Meter {
    timeouts: Timeouts,
    phase: Phase,
    /// HTTP/2 sends frames of its own while it is idle: they begin no request.
    multiplexed: bool,
    /// The socket takes nothing since.
    blocked: Option<Instant>,
    /// Bodies that aren't wholly taken, and when one of them was last asked for more. `None` while one has no more to give
    /// itself: that isn't its reader's fault.
    bodies: usize,
    pulled: Option<Instant>,
    /// Bytes that the socket took since `pulled` last moved.
    written: usize,
}

/// So many bytes are media that flows. Fewer may be pings.
const MEDIA: usize = 1 << 10;

impl Meter {
    pub(super) fn new(timeouts: Timeouts, now: Instant) -> Self {
        let phase = Phase::New { since: now };
        Self { timeouts, phase, multiplexed: false, blocked: None, bodies: 0, pulled: None, written: 0 }
    }

    /// Bytes came.
    pub(super) fn read(&mut self, now: Instant) {
        match self.phase {
            Phase::Idle { .. } if !self.multiplexed => self.phase = Phase::Heading { since: now },
            Phase::New { .. } | Phase::Busy { .. } | Phase::Idle { .. } | Phase::Heading { .. } => {}
        }
    }

    /// The socket took bytes.
    pub(super) fn wrote(&mut self, bytes: usize, now: Instant) {
        self.blocked = None;
        self.written += bytes;
        if self.written >= MEDIA {
            self.written = 0;
            self.pulled = self.pulled.map(|_| now);
        }
    }

    /// The socket would take none.
    pub(super) fn blocked(&mut self, now: Instant) {
        self.blocked.get_or_insert(now);
    }

    /// The head of a request is whole.
    pub(super) fn request(&mut self, multiplexed: bool) {
        self.multiplexed = multiplexed;
        let requests = match self.phase {
            Phase::Busy { requests } => requests + 1,
            Phase::New { .. } | Phase::Idle { .. } | Phase::Heading { .. } => 1,
        };
        self.phase = Phase::Busy { requests };
    }

    /// A request and its answer are done with.
    pub(super) fn done(&mut self, now: Instant) {
        self.phase = match self.phase {
            Phase::Busy { requests: more @ 2.. } => Phase::Busy { requests: more - 1 },
            Phase::Busy { .. } | Phase::New { .. } | Phase::Idle { .. } | Phase::Heading { .. } => {
                Phase::Idle { since: now }
            }
        };
    }

    /// An answer has a body to send.
    pub(super) fn body(&mut self, now: Instant) {
        self.bodies += 1;
        self.pulled = Some(now);
    }

    /// A body was asked for more, and had it or not.
    pub(super) fn pulled(&mut self, now: Instant, had: bool) {
        self.pulled = had.then_some(now);
    }

    /// A body was taken wholly, or dropped.
    pub(super) fn body_gone(&mut self, now: Instant) {
        self.bodies -= 1;
        self.pulled = (self.bodies > 0).then_some(now);
    }

    /// A request is under way.
    pub(super) fn busy(&self) -> bool {
        matches!(self.phase, Phase::Busy { .. })
    }

    /// Never looks ahead further than the shortest timeout: what begins meanwhile is not due before.
    pub(super) fn verdict(&self, now: Instant) -> Verdict {
        let Timeouts { header, idle, write } = self.timeouts;
        let mut next = now + header.min(idle).min(write);
        let stuck = [self.blocked, self.pulled].into_iter().flatten().min().map(|since| since + write);
        if let Some(due) = stuck {
            if due <= now {
                return Verdict::Cut(Cut::Write(write));
            }
            next = next.min(due);
        }
        let due = match self.phase {
            Phase::New { since } | Phase::Heading { since } if since + header <= now => {
                return Verdict::Cut(Cut::Header(header));
            }
            Phase::Idle { since } if since + idle <= now => return Verdict::Idle,
            Phase::New { since } | Phase::Heading { since } => since + header,
            Phase::Idle { since } => since + idle,
            Phase::Busy { .. } => next,
        };
        Verdict::Fine(next.min(due))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::disallowed_methods, reason = "an Instant to begin with")]
    use super::*;

    const TIMEOUTS: Timeouts = Timeouts {
        header: Duration::from_secs(10),
        idle: Duration::from_secs(75),
        write: Duration::from_secs(20),
    };

    type Step = (u64, fn(&mut Meter, Instant));

    /// Runs the steps at their seconds, then says what holds at `at` seconds.
    fn check(steps: &[Step], at: u64) -> Verdict {
        let start = Instant::now();
        let mut meter = Meter::new(TIMEOUTS, start);
        for (second, step) in steps {
            step(&mut meter, start + Duration::from_secs(*second));
        }
        meter.verdict(start + Duration::from_secs(at))
    }

    fn fine(verdict: Verdict) -> bool {
        matches!(verdict, Verdict::Fine(_))
    }

    #[test]
    fn a_head_that_does_not_come_and_one_that_does() {
        assert!(fine(check(&[], 9)));
        assert_eq!(check(&[], 10), Verdict::Cut(Cut::Header(TIMEOUTS.header)));
        // Bytes that are no whole head buy no time.
        assert_eq!(check(&[(9, Meter::read)], 10), Verdict::Cut(Cut::Header(TIMEOUTS.header)));
        // A request that waits for a part may wait.
        assert!(fine(check(&[(9, |m, _| m.request(false))], 1000)));
    }

    #[test]
    fn between_requests() {
        let served: [Step; 2] = [(0, |m, _| m.request(false)), (1, Meter::done)];
        assert!(fine(check(&served, 75)));
        assert_eq!(check(&served, 76), Verdict::Idle);
        let mut heading = served.to_vec();
        heading.push((30, Meter::read));
        assert!(fine(check(&heading, 39)));
        assert_eq!(check(&heading, 40), Verdict::Cut(Cut::Header(TIMEOUTS.header)));
        let multiplexed: [Step; 3] = [(0, |m, _| m.request(true)), (1, Meter::done), (30, Meter::read)];
        assert!(fine(check(&multiplexed, 75)), "a ping is no request");
        assert_eq!(check(&multiplexed, 76), Verdict::Idle, "nor does it keep a connection");
    }

    #[test]
    fn two_requests_at_once_are_busy_until_the_second_is_done() {
        let steps: [Step; 3] = [(0, |m, _| m.request(true)), (0, |m, _| m.request(true)), (1, Meter::done)];
        assert!(fine(check(&steps, 1000)));
        let mut both = steps.to_vec();
        both.push((100, Meter::done));
        assert!(fine(check(&both, 174)));
        assert_eq!(check(&both, 175), Verdict::Idle);
    }

    #[test]
    fn a_reader_that_takes_nothing() {
        let steps: [Step; 3] = [(0, |m, _| m.request(false)), (5, Meter::blocked), (9, Meter::blocked)];
        assert!(fine(check(&steps, 24)));
        assert_eq!(check(&steps, 25), Verdict::Cut(Cut::Write(TIMEOUTS.write)));
        let mut took = steps.to_vec();
        took.extend([
            (24, (|m, _| m.wrote(1, Instant::now())) as fn(&mut Meter, Instant)),
            (24, Meter::blocked),
        ]);
        assert!(fine(check(&took, 43)), "one byte is enough");
        assert_eq!(check(&took, 44), Verdict::Cut(Cut::Write(TIMEOUTS.write)));
    }

    #[test]
    fn a_body_whose_window_stays_shut() {
        let steps: [Step; 3] =
            [(0, |m, _| m.request(true)), (0, Meter::body), (5, |m, now| m.pulled(now, true))];
        assert!(fine(check(&steps, 24)));
        assert_eq!(check(&steps, 25), Verdict::Cut(Cut::Write(TIMEOUTS.write)));
        let mut flows = steps.to_vec();
        flows.push((24, |m, now| m.wrote(MEDIA, now)));
        assert!(fine(check(&flows, 43)), "what was pulled before is still on its way");
        assert_eq!(check(&flows, 44), Verdict::Cut(Cut::Write(TIMEOUTS.write)));
        let mut pings = steps.to_vec();
        pings.push((24, |m, now| m.wrote(MEDIA - 1, now)));
        assert_eq!(check(&pings, 25), Verdict::Cut(Cut::Write(TIMEOUTS.write)));
        let slow: [Step; 3] =
            [(0, |m, _| m.request(true)), (0, Meter::body), (5, |m, now| m.pulled(now, false))];
        assert!(fine(check(&slow, 1000)), "a slow disk is not the reader's fault");
        let gone: [Step; 3] = [(0, |m, _| m.request(true)), (0, Meter::body), (5, Meter::body_gone)];
        assert!(fine(check(&gone, 1000)));
    }
}
