//! Both ends of a broadcast, for benchmarks: `cargo run --release -p broadcast --example glass -- card|sink …`
//!
//! `card WIDTHxHEIGHT FPS`: the test card in real time on stdout, as raw pictures (yuv420p), for another encoder.
//!
//! `sink SECONDS`: takes one publisher of the test card, and says how old pictures were when the whole of them had come,
//! by the clock that is burnt into them: JSON with times in ms. Its first line is its address.
#![allow(clippy::disallowed_methods)]

use std::io::Write;
use std::thread::sleep;

use anyhow::{Context, bail};
use broadcast::clock::Clock;
use broadcast::testcard::{self, Card, Mark};
use codec::{Picture, Plane, decode};
use media::flv::{Demuxer, Item};
use media::{AccessUnit, Kind, Timestamp, Track};
use rtmp::driver::server::{Config, Message, Request};
use tokio::net::TcpListener;

fn main() -> anyhow::Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["card", size, fps] => {
            let (width, height) = size.split_once('x').context("WIDTHxHEIGHT")?;
            card(width.parse()?, height.parse()?, fps.parse()?)
        }
        ["sink", seconds] => {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            runtime.block_on(sink(seconds.parse()?))
        }
        _ => bail!("glass card WIDTHxHEIGHT FPS, or glass sink SECONDS"),
    }
}

/// Ends with an error when nobody reads any more.
fn card(width: u32, height: u32, fps: u32) -> anyhow::Result<()> {
    let (mut card, clock) = (Card::new(width, height, fps)?, Clock::start());
    let mut out = std::io::stdout().lock();
    let mut bytes = Vec::new();
    for frame in 0u32.. {
        let due = Timestamp::millis(i64::from(frame) * 1000 / i64::from(fps));
        sleep(clock.until(due));
        let picture = card.draw(frame, clock.wall().as_millis() as u64, due);
        bytes.clear();
        for row in Plane::ALL.into_iter().flat_map(|plane| picture.rows(plane)) {
            bytes.extend_from_slice(row);
        }
        out.write_all(&bytes)?;
    }
    Ok(())
}

async fn sink(seconds: u64) -> anyhow::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("rtmp://{}/live/glass", listener.local_addr()?);
    let (stream, peer) = listener.accept().await?;
    stream.set_nodelay(true)?;
    let mut publisher = Request::read(stream, peer, &Config::default()).await?.accept().await?;
    let (mut demuxer, clock) = (Demuxer::new(), Clock::start());
    let (mut track, mut came) = (None::<Track>, Vec::<(AccessUnit, u64)>::new());
    while clock.now().seconds() < seconds as f64 {
        let Some(message) = publisher.next().await? else { break };
        let wall_ms = clock.wall().as_millis() as u64;
        if let Message::Tag(tag) = message {
            match demuxer.push(&tag)? {
                Item::Track(config) if config.kind == Kind::Video => track = Some(config),
                Item::Unit(unit) if unit.kind == Kind::Video => came.push((unit, wall_ms)),
                // Our encoder's parameter sets stay as they are.
                Item::Track(_) | Item::Unit(_) | Item::Changed(..) | Item::Nothing => {}
            }
        }
    }
    println!("{}", ages(&track.context("no pictures came")?, &came)?);
    Ok(())
}

/// Decoded only now: it takes longer than to receive.
fn ages(track: &Track, came: &[(AccessUnit, u64)]) -> anyhow::Result<String> {
    let mut decoder = decode::Video::new(track)?;
    let mut ages = Vec::new();
    let mut read = |pictures: Vec<Picture>| {
        for picture in pictures {
            let arrival = came.iter().find(|(unit, _)| unit.pts.as_millis() == picture.at.as_millis());
            let (Some((_, wall_ms)), Some(mark)) = (arrival, testcard::read(&picture)) else { continue };
            ages.push((wall_ms & Mark::WALL_MASK).saturating_sub(mark.wall_ms));
        }
    };
    for (unit, _) in came {
        read(decoder.decode(unit)?);
    }
    read(decoder.flush()?);
    ages.sort_unstable();
    let at = |percent: usize| ages.get(ages.len().saturating_sub(1) * percent / 100).copied();
    let none = || format!("none of {} pictures could be read", came.len());
    let (p50, p95, max) =
        (at(50).with_context(none)?, at(95).with_context(none)?, at(100).with_context(none)?);
    Ok(format!("{{\"pictures\":{},\"p50_ms\":{p50},\"p95_ms\":{p95},\"max_ms\":{max}}}", ages.len()))
}
