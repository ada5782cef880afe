//! Who asks: the address at the other end, or the one that a trusted proxy tells.

use std::net::IpAddr;
use std::sync::Arc;

use axum::http::HeaderMap;

/// The address of the viewer behind a request; `None` where a trusted proxy doesn't tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Client(pub Option<IpAddr>);

/// Proxies whose `X-Forwarded-For` is believed.
#[derive(Clone, Debug)]
pub(crate) struct Proxies(Arc<[IpAddr]>);

impl Proxies {
    pub(crate) fn new(addresses: &[IpAddr]) -> Self {
        Self(addresses.iter().map(IpAddr::to_canonical).collect())
    }

    pub(crate) fn trusts(&self, peer: IpAddr) -> bool {
        self.0.contains(&peer.to_canonical())
    }

    /// Each proxy appends the address that it saw: from the right, the first that is no proxy of ours is the viewer's.
    pub(crate) fn client(&self, peer: IpAddr, headers: &HeaderMap) -> Client {
        if !self.trusts(peer) {
            return Client(Some(peer.to_canonical()));
        }
        let told = headers.get_all("x-forwarded-for").iter().rev().filter_map(|value| value.to_str().ok());
        for entry in told.flat_map(|line| line.rsplit(',')) {
            match entry.trim().parse::<IpAddr>() {
                Ok(address) if self.trusts(address) => {}
                Ok(address) => return Client(Some(address.to_canonical())),
                // What stands further left was written by somebody we can't name.
                Err(_) => return Client(None),
            }
        }
        Client(None)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_viewer_behind_proxies() {
        let proxies = Proxies::new(&["127.0.0.1".parse().unwrap(), "10.0.0.1".parse().unwrap()]);
        for (peer, told, expect) in [
            ("192.0.2.1", vec![], Some("192.0.2.1")),
            ("192.0.2.1", vec!["198.51.100.7"], Some("192.0.2.1")),
            ("::ffff:192.0.2.1", vec![], Some("192.0.2.1")),
            ("127.0.0.1", vec![], None),
            ("127.0.0.1", vec!["198.51.100.7"], Some("198.51.100.7")),
            ("127.0.0.1", vec!["203.0.113.9, 198.51.100.7, 10.0.0.1"], Some("198.51.100.7")),
            ("127.0.0.1", vec!["203.0.113.9", "198.51.100.7"], Some("198.51.100.7")),
            ("127.0.0.1", vec!["198.51.100.7, nonsense"], None),
            ("::ffff:127.0.0.1", vec!["2001:db8::1"], Some("2001:db8::1")),
        ] {
            let mut headers = HeaderMap::new();
            for line in &told {
                headers.append("x-forwarded-for", line.parse().unwrap());
            }
            let client = proxies.client(peer.parse().unwrap(), &headers);
            assert_eq!(client, Client(expect.map(|e| e.parse().unwrap())), "{peer} {told:?}");
        }
    }
}
