//! `[limits]` in `sigma.toml`: what publishers and clients of HTTP may take.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use serde::Deserialize;

/// What publishers and clients of HTTP may take. Every field has its default.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Connections on `rtmp` and `rtmps` together, publishing or about to.
    pub publishers: usize,
    /// Connections on `http` and `https` together.
    pub connections: usize,
    /// Connections of one address that isn't in `trusted_proxies`.
    pub connections_per_address: usize,
    /// Requests of one viewer's address that wait for a playlist or a part. The next gets 429.
    pub held_per_address: usize,
    /// Requests of all viewers of a channel that wait. The next gets 503.
    pub held_per_channel: usize,
    /// Seconds until a request's head must be whole.
    pub header_timeout_s: u32,
    /// Seconds that a connection may stay open between an answer and the next request.
    pub idle_timeout_s: u32,
    /// Seconds after which a reader that takes nothing is cut.
    pub write_timeout_s: u32,
    /// Seconds until a request to the API, its body included, must be answered.
    pub request_timeout_s: u32,
    /// Addresses whose `X-Forwarded-For` is believed, and which are not counted themselves.
    pub trusted_proxies: Vec<IpAddr>,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            publishers: 2_048,
            connections: 16_384,
            connections_per_address: 1_024,
            held_per_address: 1_024,
            held_per_channel: 20_000,
            header_timeout_s: 10,
            idle_timeout_s: 75,
            write_timeout_s: 20,
            request_timeout_s: 30,
            trusted_proxies: vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()],
        }
    }
}

impl Limits {
    /// None may be zero: a server that serves nobody is a mistake.
    pub(super) fn check(&self) -> anyhow::Result<()> {
        let zero = [
            ("publishers", self.publishers == 0),
            ("connections", self.connections == 0),
            ("connections_per_address", self.connections_per_address == 0),
            ("held_per_address", self.held_per_address == 0),
            ("held_per_channel", self.held_per_channel == 0),
            ("header_timeout_s", self.header_timeout_s == 0),
            ("idle_timeout_s", self.idle_timeout_s == 0),
            ("write_timeout_s", self.write_timeout_s == 0),
            ("request_timeout_s", self.request_timeout_s == 0),
        ];
        match zero.iter().find(|(_, zero)| *zero) {
            Some((name, _)) => {
                anyhow::bail!("[limits] {name} is 0: give it 1 or more, or leave it out for its default")
            }
            None => Ok(()),
        }
    }

    pub(crate) fn timeouts(&self) -> crate::http::Timeouts {
        let seconds = |s: u32| Duration::from_secs(s.into());
        crate::http::Timeouts {
            header: seconds(self.header_timeout_s),
            idle: seconds(self.idle_timeout_s),
            write: seconds(self.write_timeout_s),
        }
    }

    pub(crate) fn http_connections(&self) -> crate::http::Connections {
        crate::http::Connections { all: self.connections, of_an_address: self.connections_per_address }
    }

    pub(crate) fn held(&self) -> crate::deliver::Limits {
        crate::deliver::Limits { of_an_address: self.held_per_address, of_a_channel: self.held_per_channel }
    }
}
