//! The pictures that channels show: in their slates, and as logos. Kept as they were sent.

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

/// What a channel shows a picture for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// While the publisher is silent.
    Slate,
    /// On the picture.
    Logo,
}

impl Role {
    /// What changes with it, in the event.
    fn name(self) -> &'static str {
        match self {
            Self::Slate => "slate",
            Self::Logo => "logo",
        }
    }

    fn table(self) -> &'static str {
        match self {
            Self::Slate => "slate_pictures",
            Self::Logo => "logos",
        }
    }

    fn of(self, channel: &Channel) -> Option<&Picture> {
        match self {
            Self::Slate => channel.slate_picture.as_ref(),
            Self::Logo => channel.logo.as_ref(),
        }
    }
}

impl Store {
    /// Puts a channel's picture, or takes it away, and the event. `None` where there is no such channel.
    pub async fn set_picture(
        &self,
        channel: &str,
        role: Role,
        picture: Option<(Picture, Bytes)>,
    ) -> Result<Option<Channel>, Error> {
        let id = channel.to_owned();
        self.call(move |db| {
            let now = db.clock.utc();
            let tx = db.sql.transaction()?;
            let Some(old) = read(&tx, &id)? else { return Ok(None) };
            match &picture {
                Some((picture, data)) => tx.execute(
                    &format!(
                        "INSERT OR REPLACE INTO {} (channel_id, content_type, width, height, data)
                         VALUES (?1, ?2, ?3, ?4, ?5)",
                        role.table()
                    ),
                    params![id, picture.content_type, picture.width, picture.height, &data[..]],
                )?,
                None if role.of(&old).is_none() => return Ok(Some(old)),
                None => tx.execute(&format!("DELETE FROM {} WHERE channel_id = ?1", role.table()), [&id])?,
            };
            tx.execute("UPDATE channels SET updated_at = ?2 WHERE id = ?1", params![id, millis(now)])?;
            let channel = read(&tx, &id)?.ok_or_else(|| Error::Damaged(id.clone()))?;
            let event = about(&channel, live::event::Kind::ChannelUpdated { changed: vec![role.name()] });
            events::append(&tx, &event, now)?;
            tx.commit()?;
            events::log(&event);
            Ok(Some(channel))
        })
        .await
    }

    /// A channel's picture as it was sent, with its content type.
    pub async fn picture(&self, channel: &str, role: Role) -> Result<Option<(String, Bytes)>, Error> {
        let id = channel.to_owned();
        self.call(move |db| {
            let query = format!("SELECT content_type, data FROM {} WHERE channel_id = ?1", role.table());
            let mut statement = db.sql.prepare_cached(&query)?;
            let found = statement.query_row([id], |row| Ok((row.get(0)?, row.get::<_, Vec<u8>>(1)?.into())));
            Ok(found.optional()?)
        })
        .await
    }
}
