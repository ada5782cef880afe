//! From figures to an alert and back, neither at once.
//!
//! ```text
//!        bad                bad for as long as it may be: told
//!   Fine ──▶ Doubted{since} ──────────────────────────────────▶ Open
//!     ▲        │ good                                            │
//!     ├────────┘                                                 │
//!     └──────────────── good for CLEAR: told ────────────────────┘
//! ```

use std::time::{Duration, Instant};

use super::Alert;

/// So long nothing may be bad before an alert closes.
const CLEAR: Duration = Duration::from_secs(2);
/// Figures that are further apart say nothing of the time between.
const APART: Duration = Duration::from_secs(30);

#[derive(Clone, Debug, Default)]
pub(super) enum Gate {
    #[default]
    Fine,
    Doubted {
        since: Instant,
        last: Instant,
    },
    Open {
        alert: Alert,
        since: Instant,
        last_bad: Instant,
        /// Good since then.
        good: Option<Instant>,
    },
}

/// What is to be told.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Turn {
    Opened(Alert),
    /// How long it was bad.
    Closed(Alert, Duration),
}

impl Gate {
    pub(super) fn observe(&mut self, bad: bool, new: Alert, after: Duration, now: Instant) -> Option<Turn> {
        match self {
            Self::Fine | Self::Doubted { .. } if !bad => {
                *self = Self::Fine;
                None
            }
            Self::Fine => self.doubt(now, new, after, now),
            Self::Doubted { since, last } => {
                let apart = now.saturating_duration_since(*last) > APART;
                let since = if apart { now } else { *since };
                self.doubt(since, new, after, now)
            }
            Self::Open { alert, last_bad, good, .. } if bad => {
                (*alert, *last_bad, *good) = (new, now, None);
                None
            }
            Self::Open { good, .. } => {
                let good = *good.get_or_insert(now);
                (now.saturating_duration_since(good) >= CLEAR).then(|| self.end(now)).flatten()
            }
        }
    }

    fn doubt(&mut self, since: Instant, alert: Alert, after: Duration, now: Instant) -> Option<Turn> {
        if now.saturating_duration_since(since) < after {
            *self = Self::Doubted { since, last: now };
            return None;
        }
        let told = Turn::Opened(alert);
        *self = Self::Open { alert, since, last_bad: now, good: None };
        Some(told)
    }

    pub(super) fn interrupted(&mut self) {
        match self {
            Self::Fine | Self::Doubted { .. } => *self = Self::Fine,
            Self::Open { good, .. } => *good = None,
        }
    }

    /// Nothing is wrong any more, or nobody watches.
    pub(super) fn end(&mut self, now: Instant) -> Option<Turn> {
        match std::mem::take(self) {
            Self::Fine | Self::Doubted { .. } => None,
            Self::Open { alert, since, last_bad, good } => {
                let until = if good.is_some() { last_bad } else { now };
                Some(Turn::Closed(alert, until.saturating_duration_since(since)))
            }
        }
    }

    pub(super) fn open(&self) -> Option<(Alert, Instant)> {
        match self {
            Self::Fine | Self::Doubted { .. } => None,
            Self::Open { alert, since, .. } => Some((*alert, *since)),
        }
    }
}
