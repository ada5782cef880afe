//! How many strangers may stand in the doorway at once.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Connections of one address that have not published yet.
const HANDSHAKES: usize = 16;

/// Why a connection was closed before a byte was read.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Full {
    #[error("{0} connections are open already ([limits] publishers)")]
    Connections(usize),
    #[error("{HANDSHAKES} connections of this address have not published yet")]
    Handshakes,
}

#[derive(Debug, Default)]
struct Counts {
    open: usize,
    waiting: HashMap<IpAddr, usize>,
    last_line: Option<Instant>,
}

/// Counts connections.
#[derive(Clone, Debug)]
pub(super) struct Doorway {
    counts: Arc<Mutex<Counts>>,
    /// Connections at once, publishers included.
    most: usize,
}

/// One connection; it counts until dropped.
#[derive(Debug)]
pub(super) struct Pass {
    doorway: Doorway,
    ip: IpAddr,
    waiting: bool,
}

impl Doorway {
    pub(super) fn new(most: usize) -> Self {
        Self { counts: Arc::default(), most }
    }

    fn counts(&self) -> std::sync::MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn enter(&self, ip: IpAddr) -> Result<Pass, Full> {
        let mut counts = self.counts();
        if counts.open >= self.most {
            return Err(Full::Connections(self.most));
        }
        let waiting = counts.waiting.entry(ip).or_default();
        if *waiting >= HANDSHAKES {
            return Err(Full::Handshakes);
        }
        *waiting += 1;
        counts.open += 1;
        Ok(Pass { doorway: self.clone(), ip, waiting: true })
    }

    /// At most one line a second about those who were turned away here.
    pub(super) fn worth_a_line(&self, now: Instant) -> bool {
        let mut counts = self.counts();
        let quiet = counts.last_line.is_none_or(|last| now.duration_since(last) >= Duration::from_secs(1));
        if quiet {
            counts.last_line = Some(now);
        }
        quiet
    }
}

impl Pass {
    /// It publishes (or was refused): it doesn't count against its address any more.
    pub(super) fn settled(&mut self) {
        if std::mem::take(&mut self.waiting) {
            let mut counts = self.doorway.counts();
            if let Some(waiting) = counts.waiting.get_mut(&self.ip) {
                *waiting -= 1;
                if *waiting == 0 {
                    counts.waiting.remove(&self.ip);
                }
            }
        }
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        self.settled();
        self.doorway.counts().open -= 1;
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn an_address_may_have_so_many_handshakes_and_not_one_more() {
        let doorway = Doorway::new(100);
        let (one, other) = ("192.0.2.1".parse().unwrap(), "192.0.2.2".parse().unwrap());
        let mut passes: Vec<_> = (0..HANDSHAKES).map(|_| doorway.enter(one).unwrap()).collect();
        assert_eq!(doorway.enter(one).unwrap_err(), Full::Handshakes);
        assert!(doorway.enter(other).is_ok());
        passes[0].settled();
        assert!(doorway.enter(one).is_ok());
        passes.clear();
        assert!(doorway.counts().waiting.is_empty());
        assert_eq!(doorway.counts().open, 0);
    }

    #[test]
    fn the_server_may_have_so_many_connections_and_not_one_more() {
        let doorway = Doorway::new(3);
        let ip = "192.0.2.1".parse().unwrap();
        let _passes: Vec<_> = (0..3)
            .map(|_| {
                let mut pass = doorway.enter(ip).unwrap();
                pass.settled();
                pass
            })
            .collect();
        assert_eq!(doorway.enter(ip).unwrap_err(), Full::Connections(3));
    }
}
