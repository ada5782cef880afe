//! Thumbnails and the sheet that they fill, of one channel.

use codec::Frame;
use codec::image::Image;
use media::Timestamp;
use transcode::watch::{COLUMNS, TILES, Thumbnail};

/// Longest side of a thumbnail and of a tile, in pixels.
const THUMBNAIL: u32 = 640;
const TILE: u32 = 160;
/// libav's JPEG scale, and WebP's of 100.
const JPEG: u8 = 4;
const WEBP: u8 = 75;

/// Makes them, one after the other.
#[derive(Debug, Default)]
pub(in crate::transcode) struct Stills {
    sheet: Option<Sheet>,
}

/// The one at hand.
#[derive(Debug)]
struct Sheet {
    image: Image,
    tile_size: (u32, u32),
    since: Timestamp,
    tiles: u32,
}

impl Stills {
    /// A decoded picture, small, and once more in the sheet.
    pub(in crate::transcode) fn make(
        &mut self,
        channel: u32,
        frame: &Frame,
        at: Timestamp,
    ) -> Result<Thumbnail, codec::image::Error> {
        let image = Image::of(frame, THUMBNAIL)?;
        let small = image.shrunk(TILE)?;
        let tile_size = (small.width(), small.height());
        let fits = |sheet: &Sheet| sheet.tile_size == tile_size && sheet.tiles < TILES;
        let mut sheet = match self.sheet.take().filter(fits) {
            Some(sheet) => sheet,
            None => {
                let image = Image::black(COLUMNS * tile_size.0, TILES / COLUMNS * tile_size.1)?;
                Sheet { image, tile_size, since: at, tiles: 0 }
            }
        };
        let tile = sheet.tiles;
        sheet.image.paste(&small, (tile % COLUMNS * tile_size.0, tile / COLUMNS * tile_size.1));
        sheet.tiles += 1;
        let thumbnail = Thumbnail {
            channel,
            at,
            jpeg: image.jpeg(JPEG)?,
            webp: image.webp(WEBP)?,
            sheet: sheet.image.jpeg(JPEG)?,
            since: sheet.since,
            tile,
            tile_size,
        };
        self.sheet = Some(sheet);
        Ok(thumbnail)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use codec::Picture;

    use super::*;

    fn frame(width: u32, height: u32) -> Frame {
        Frame::of_picture(&Picture::black(width, height, Timestamp::millis(0)).unwrap()).unwrap()
    }

    #[test]
    fn a_sheet_is_filled_and_another_begun_where_it_is_full_or_the_shape_changes() {
        let mut stills = Stills::default();
        let mut places = Vec::new();
        for number in 0..TILES + 2 {
            let made = stills.make(3, &frame(640, 360), Timestamp::millis(i64::from(number))).unwrap();
            assert_eq!((made.channel, made.tile_size, made.at.as_millis()), (3, (160, 90), number.into()));
            places.push(made.tile);
        }
        assert_eq!(places, (0..TILES).chain([0, 1]).collect::<Vec<_>>());
        let tall = stills.make(3, &frame(360, 640), Timestamp::millis(0)).unwrap();
        assert_eq!((tall.tile, tall.tile_size), (0, (90, 160)));
        let sheet = codec::still::frame(&tall.sheet).unwrap();
        assert_eq!((sheet.width(), sheet.height()), (450, 800));
    }
}
