//! The worker's side: key frames from stdin, thumbnails to stdout, until stdin ends.

use std::collections::HashMap;
use std::io::Write;

use anyhow::{Context, bail, ensure};
use transcode::Message;
use transcode::measured::Measured;
use transcode::watch::{Blind, Item, Watched};

use super::feed::MOST_CHANNELS;
use super::look::{Look, Seen};
use crate::transcode::ladder::watch_memory;

/// Works until the server has gone. `next` gives its messages; `None` where it is gone.
pub(in crate::transcode) fn run(
    mut next: impl FnMut() -> anyhow::Result<Option<Message>>,
    mut results: impl Write,
) -> anyhow::Result<()> {
    watch_memory();
    let mut channels: HashMap<u32, Look> = HashMap::new();
    tell(&mut results, &Message::Opened)?;
    while let Some(message) = next()? {
        let Watched { channel, item } = match message {
            Message::Watched(watched) => watched,
            Message::End => break,
            Message::Job(_)
            | Message::Done(_)
            | Message::Failed(_)
            | Message::Open(_)
            | Message::Opened
            | Message::Change(_)
            | Message::Config(_)
            | Message::Unit(_)
            | Message::Effort(_)
            | Message::Lost(_)
            | Message::Measured(_)
            | Message::Watch
            | Message::Thumbnail(_)
            | Message::Blind(_) => bail!("the server sent what nobody watches"),
        };
        if item == Item::Gone {
            channels.remove(&channel);
            continue;
        }
        let known = channels.contains_key(&channel) || channels.len() < MOST_CHANNELS;
        ensure!(known, "the server sent more than {MOST_CHANNELS} channels");
        let look = channels.entry(channel).or_default();
        let (outcome, asked) = match &item {
            Item::Track(kind, config) => (look.track(*kind, config).map(|()| Seen::default()), false),
            Item::Unit { unit, still } => (look.unit(channel, unit, *still), *still),
            Item::Measure { pictures, sound } => {
                look.measure(*pictures, *sound);
                (Ok(Seen::default()), false)
            }
            Item::Gone => (Ok(Seen::default()), false),
        };
        match outcome {
            Ok(Seen { thumbnail, figures }) => {
                let figures = figures.map(|figures| Message::Measured(Measured { channel, figures }));
                for message in figures.into_iter().chain(thumbnail.map(Message::Thumbnail)) {
                    tell(&mut results, &message)?;
                }
            }
            Err(error) if asked => {
                let reason = format!("{error:#}");
                tell(&mut results, &Message::Blind(Blind { channel, reason }))?;
            }
            Err(error) => tracing::debug!("channel {channel}: {error:#}"),
        }
    }
    tell(&mut results, &Message::End)
}

fn tell(results: &mut impl Write, message: &Message) -> anyhow::Result<()> {
    let bytes = message.to_bytes().context("a result is too long")?;
    results.write_all(&bytes).and_then(|()| results.flush()).context("the server is gone")
}
