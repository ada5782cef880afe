//! What an order asks of the machine's budget.

use api::ladder::{Encoding, Preset as Speed};
use api::processing::{Picture, Scaler as Scaling};
use live::budget::Ask;
use live::cost::{Cores, Kind, Preset, Scaler, Work};

use crate::transcode::order::{Order, Pictures};

/// Thousandths of a core: decoding sound, what is done to it, and encoding it.
const SOUND: Cores = Cores(30);

/// `comes`: pixels a second of the source. `alone`: viewers get nothing of the source.
pub(super) fn ask(order: &Order, comes: f64, alone: bool) -> Ask {
    let fixed = if order.sounds.is_empty() { Cores::default() } else { SOUND };
    let pixels = if order.pictures.is_empty() { 0.0 } else { comes };
    let shared = Work { kind: Kind::Shared, pixels, extra: filters(&order.processing.picture), fixed };
    let scaler = scaler(order.processing.picture.scaler.unwrap_or_default());
    let renditions = order.pictures.iter().map(|one| rendition(one, scaler)).collect();
    Ask { shared, renditions, alone }
}

fn rendition(wanted: &Pictures, scaler: Scaler) -> Work {
    let preset = match wanted.preset {
        Speed::Ultrafast => Preset::Ultrafast,
        Speed::Superfast => Preset::Superfast,
        Speed::Veryfast => Preset::Veryfast,
        Speed::Faster => Preset::Faster,
        Speed::Fast => Preset::Fast,
        Speed::Medium => Preset::Medium,
        Speed::Slow => Preset::Slow,
    };
    let lookahead = match wanted.encoding {
        Encoding::ZeroLatency => false,
        Encoding::Quality => true,
    };
    let pixels = f64::from(wanted.width) * f64::from(wanted.height) * wanted.fps;
    let kind = Kind::Rendition { preset, lookahead, scaler };
    Work { kind, pixels, extra: 0.0, fixed: Cores::default() }
}

fn scaler(scaling: Scaling) -> Scaler {
    match scaling {
        Scaling::FastBilinear => Scaler::FastBilinear,
        Scaling::Bilinear => Scaler::Bilinear,
        Scaling::Bicubic => Scaler::Bicubic,
        Scaling::Lanczos => Scaler::Lanczos,
    }
}

/// Nanoseconds a pixel of the source, as a first guess.
fn filters(picture: &Picture) -> f64 {
    let Picture { deinterlace, crop, rotate, flip, mirror, deblock, denoise, .. } = picture;
    let Picture { auto_level, sharpen, logo, text, .. } = picture;
    let each = [
        (deinterlace.is_some(), 8.0),
        (crop.is_some(), 0.5),
        (rotate % 360 != 0, 3.0),
        (*flip, 0.5),
        (*mirror, 1.0),
        (deblock.is_some(), 6.0),
        (*denoise > 0.0, 12.0),
        (*auto_level > 0.0, 6.0),
        (*sharpen != 0.0, 10.0),
        (logo.is_some(), 0.5),
        (text.is_some(), 0.5),
    ];
    each.into_iter().filter(|(done, _)| *done).map(|(_, ns)| ns).sum()
}
