//! How many requests may wait at once: for one viewer's address, for one channel, and for sessions that haven't begun.

use std::net::IpAddr;

use axum::http::{StatusCode, header};
use axum::response::Response;

use super::reply::problem;
use crate::clock::Clock;
use crate::http::Client;
use crate::quota::{Pass, Quota};

/// So many at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Limits {
    /// Of one address.
    pub of_an_address: usize,
    /// For one channel, by all its viewers.
    pub of_a_channel: usize,
}

/// Counts waiting requests.
#[derive(Clone, Debug)]
pub(crate) struct Held {
    addresses: Quota<IpAddr>,
    channels: Quota<String>,
}

/// A request that may wait; it counts until dropped.
pub(super) struct Place {
    #[expect(dead_code, reason = "held")]
    address: Option<Pass<IpAddr>>,
    #[expect(dead_code, reason = "held")]
    channel: Pass<String>,
}

/// Who has as many waiting as may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Full {
    Address,
    Channel,
}

impl Held {
    pub(crate) fn new(limits: Limits) -> Self {
        Self { addresses: Quota::new(limits.of_an_address), channels: Quota::new(limits.of_a_channel) }
    }

    /// Room for one more.
    pub(super) fn wait(&self, client: Client, playback: &str) -> Result<Place, Full> {
        let address = match client.0 {
            Some(address) => Some(self.addresses.take(address).ok_or(Full::Address)?),
            None => None,
        };
        let channel = self.channels.take(playback.to_owned()).ok_or(Full::Channel)?;
        Ok(Place { address, channel })
    }
}

impl Full {
    /// 429 to who asks too much, 503 where it is everybody's doing.
    pub(super) fn answer(self, clock: &Clock) -> Response {
        let (status, code, detail) = match self {
            Self::Address => (
                StatusCode::TOO_MANY_REQUESTS,
                "too_many_held",
                "too many requests of this address wait for the next part. Try again in a second",
            ),
            Self::Channel => (
                StatusCode::SERVICE_UNAVAILABLE,
                "channel_overloaded",
                "too many requests wait for this stream. Try again in a second",
            ),
        };
        let mut answer = problem(clock, status, code, detail);
        if self == Self::Address {
            // Another viewer behind the same cache may have its answer.
            answer.headers_mut().insert(header::CACHE_CONTROL, header::HeaderValue::from_static("no-store"));
        }
        answer
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn so_many_may_wait_and_not_one_more() {
        let held = Held::new(Limits { of_an_address: 2, of_a_channel: 3 });
        let client = |last: u8| Client(Some(IpAddr::from([192, 0, 2, last])));
        let mut first = vec![held.wait(client(1), "pb_a").unwrap(), held.wait(client(1), "pb_b").unwrap()];
        assert_eq!(held.wait(client(1), "pb_a").err(), Some(Full::Address));
        let _others = [held.wait(client(2), "pb_a").unwrap(), held.wait(Client(None), "pb_a").unwrap()];
        assert_eq!(held.wait(client(3), "pb_a").err(), Some(Full::Channel));
        first.remove(0);
        assert!(held.wait(client(3), "pb_a").is_ok());
        assert!(held.wait(client(1), "pb_b").is_ok());
    }
}
