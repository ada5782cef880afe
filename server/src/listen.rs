//! The sockets of a server, and how this machine reaches them.

use std::net::{Ipv4Addr, SocketAddr};

use anyhow::Context;
use tokio::net::TcpListener;

use crate::config::Config;

/// Open, and not served yet.
pub(crate) struct Listeners {
    pub http: TcpListener,
    pub rtmp: TcpListener,
    pub https: Option<TcpListener>,
    pub rtmps: Option<TcpListener>,
}

/// Where they listen.
#[derive(Clone, Copy, Debug)]
pub(crate) struct At {
    pub http: SocketAddr,
    pub rtmp: SocketAddr,
    pub https: Option<SocketAddr>,
    pub rtmps: Option<SocketAddr>,
}

impl Listeners {
    pub(crate) async fn open(config: &Config) -> anyhow::Result<(Self, At)> {
        let http = bind(config.http, "--http").await?;
        let rtmp = bind(config.rtmp, "--rtmp").await?;
        let (mut https, mut rtmps) = (None, None);
        if let Some(at) = config.https {
            https = Some(bind(at, "--https").await?);
        }
        if let Some(at) = config.rtmps {
            rtmps = Some(bind(at, "--rtmps").await?);
        }
        let at = At {
            http: http.local_addr()?,
            rtmp: rtmp.local_addr()?,
            https: https.as_ref().map(TcpListener::local_addr).transpose()?,
            rtmps: rtmps.as_ref().map(TcpListener::local_addr).transpose()?,
        };
        Ok((Self { http, rtmp, https, rtmps }, at))
    }
}

/// How this machine reaches a listener.
pub(crate) fn here(scheme: &str, at: SocketAddr) -> String {
    let host = if at.ip().is_unspecified() { Ipv4Addr::LOCALHOST.into() } else { at.ip() };
    format!("{scheme}://{}", SocketAddr::new(host, at.port()))
}

async fn bind(at: SocketAddr, flag: &str) -> anyhow::Result<TcpListener> {
    TcpListener::bind(at).await.with_context(|| {
        format!("can't listen on {at}: use {flag} ADDR:PORT for another address (port 0: any free)")
    })
}
