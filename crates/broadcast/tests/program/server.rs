//! An RTMP server in this process, and what it got.

use std::net::SocketAddr;
use std::time::Duration;

use codec::{Picture, Sound, decode};
use media::flv::{Demuxer, Item, Metadata};
use media::{AccessUnit, Kind};
use rtmp::driver::server::{Config, Message, Request};
use tokio::net::TcpListener;

/// What a server got from one publisher.
#[derive(Default)]
pub struct Received {
    pub metadata: Option<Metadata>,
    pub items: Vec<Item>,
    /// It ended with an unpublish.
    pub clean: bool,
}

impl Received {
    pub fn units(&self, kind: Kind) -> Vec<AccessUnit> {
        let unit = |item: &Item| match item {
            Item::Unit(unit) if unit.kind == kind => Some(unit.clone()),
            _ => None,
        };
        self.items.iter().filter_map(unit).collect()
    }

    pub fn track(&self, kind: Kind) -> media::Track {
        let track = |item: &Item| match item {
            Item::Track(track) if track.kind == kind => Some(track.clone()),
            _ => None,
        };
        self.items.iter().find_map(track).unwrap()
    }

    pub fn pictures(&self) -> Vec<Picture> {
        let mut decoder = decode::Video::new(&self.track(Kind::Video)).unwrap();
        let units = self.units(Kind::Video);
        let mut pictures: Vec<_> = units.iter().flat_map(|unit| decoder.decode(unit).unwrap()).collect();
        pictures.extend(decoder.flush().unwrap());
        pictures
    }

    pub fn sounds(&self) -> Vec<Sound> {
        let mut decoder = decode::Audio::new(&self.track(Kind::Audio)).unwrap();
        self.units(Kind::Audio).iter().flat_map(|unit| decoder.decode(unit).unwrap()).collect()
    }
}

pub struct Server {
    listener: TcpListener,
    pub address: SocketAddr,
}

impl Server {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        Self { listener, address }
    }

    pub async fn request(&self) -> Request<tokio::net::TcpStream> {
        let (stream, peer) = self.listener.accept().await.unwrap();
        Request::read(stream, peer, &config()).await.unwrap()
    }

    /// Takes one publisher, and at most so many messages.
    pub async fn receive(&self, most: usize) -> Received {
        let mut publisher = self.request().await.accept().await.unwrap();
        let (mut received, mut demuxer) = (Received::default(), Demuxer::new());
        for _ in 0..most {
            match publisher.next().await.unwrap() {
                Some(Message::Metadata(metadata)) => received.metadata = Some(metadata),
                Some(Message::Tag(tag)) => received.items.push(demuxer.push(&tag).unwrap()),
                None => {
                    received.clean = true;
                    break;
                }
            }
        }
        received
    }
}

fn config() -> Config {
    Config { limits: rtmp::Limits::default(), write_timeout: Duration::from_secs(5), idle_timeout: None }
}
