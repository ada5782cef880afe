//! The pictures that channels show in their slates: kept as they were sent.

use bytes::Bytes;
use rusqlite::{OptionalExtension, params};

use super::channels::{about, read};
use super::{Channel, Error, Store, events, millis};

/// What is known of a picture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picture {
    /// `image/jpeg` or `image/png`.
    pub content_type: String,
    /// Pixels across.
    pub width: u32,
    /// Pixels down.
    pub height: u32,
    /// Of the file.
    pub bytes: u64,
}

impl Store {
    /// Puts a channel's picture, or takes it away, and the event. `None` where there is no such channel.
    pub async fn set_slate_picture(
        &self,
        channel: &str,
        picture: Option<(Picture, Bytes)>,
    ) -> Result<Option<Channel>, Error> {
        let id = channel.to_owned();
        self.call(move |db| {
            let now = db.clock.utc();
            let tx = db.sql.transaction()?;
            let Some(old) = read(&tx, &id)? else { return Ok(None) };
            match &picture {
                Some((picture, data)) => tx.execute(
                    "INSERT OR REPLACE INTO slate_pictures (channel_id, content_type, width, height, data)
                     VALUES (?1, ?2, ?3, ?4, ?5)",
                    params![id, picture.content_type, picture.width, picture.height, &data[..]],
                )?,
                None if old.slate_picture.is_none() => return Ok(Some(old)),
                None => tx.execute("DELETE FROM slate_pictures WHERE channel_id = ?1", [&id])?,
            };
            tx.execute("UPDATE channels SET updated_at = ?2 WHERE id = ?1", params![id, millis(now)])?;
            let channel = read(&tx, &id)?.ok_or_else(|| Error::Damaged(id.clone()))?;
            let event = about(&channel, live::event::Kind::ChannelUpdated { changed: vec!["slate"] });
            events::append(&tx, &event, now)?;
            tx.commit()?;
            events::log(&event);
            Ok(Some(channel))
        })
        .await
    }

    /// A channel's picture as it was sent, with its content type.
    pub async fn slate_picture(&self, channel: &str) -> Result<Option<(String, Bytes)>, Error> {
        let id = channel.to_owned();
        self.call(move |db| {
            let query = "SELECT content_type, data FROM slate_pictures WHERE channel_id = ?1";
            let mut statement = db.sql.prepare_cached(query)?;
            let found = statement.query_row([id], |row| Ok((row.get(0)?, row.get::<_, Vec<u8>>(1)?.into())));
            Ok(found.optional()?)
        })
        .await
    }
}
