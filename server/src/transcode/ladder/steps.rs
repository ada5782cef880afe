//! The API's processing as steps of filters.

use anyhow::{Context, ensure};
use api::processing as from;
use codec::filter::picture::{
    self, Corner, Crop, Deblock, Deinterlace, Fit, Logo, Rotate, Scaler, Target, Text,
};
use codec::filter::sound::{self, Band, BandKind, Compressor, Loudness, Map, Way};

/// What is done to every picture before it is scaled to a rendition.
pub(crate) fn picture(given: &from::Picture) -> anyhow::Result<picture::Steps> {
    let from::Crop { left, top, right, bottom } = given.crop.unwrap_or_default();
    let steps = picture::Steps {
        deinterlace: given.deinterlace.map(|which| match which {
            from::Deinterlace::Detected => Deinterlace::Detected,
            from::Deinterlace::Always => Deinterlace::Always,
        }),
        crop: Crop { left, top, right, bottom },
        rotate: match given.rotate {
            0 => Rotate::No,
            90 => Rotate::Quarter,
            180 => Rotate::Half,
            270 => Rotate::ThreeQuarters,
            other => anyhow::bail!("rotate of {other} is not possible: 0, 90, 180 or 270 degrees"),
        },
        flip: given.flip,
        mirror: given.mirror,
        deblock: given.deblock.map(|how| match how {
            from::Deblock::Weak => Deblock::Weak,
            from::Deblock::Strong => Deblock::Strong,
        }),
        denoise: given.denoise,
        level: given.auto_level,
        sharpen: given.sharpen,
        frame: None,
        logo: given.logo.map(|logo| Logo {
            corner: corner(logo.corner),
            margin: logo.margin,
            height: logo.height,
            opacity: logo.opacity,
        }),
        text: given.text.as_ref().map(text).transpose()?,
    };
    steps.check()?;
    Ok(steps)
}

/// A rendition's picture of these sides.
pub(crate) fn target(given: &from::Picture, width: u32, height: u32) -> anyhow::Result<Target> {
    ensure!((0.0..=0.4).contains(&given.pad), "pad of {} is not possible: from 0 to 0.4", given.pad);
    let aspect = given.aspect.as_deref().map(aspect).transpose()?;
    Ok(Target {
        width,
        height,
        fit: match given.fit.unwrap_or_default() {
            from::Fit::Bars => Fit::Bars,
            from::Fit::Fill => Fit::Fill,
            from::Fit::Stretch => Fit::Stretch,
        },
        aspect,
        pad: (f64::from(height) * f64::from(given.pad)) as u32 & !1,
        scaler: match given.scaler.unwrap_or_default() {
            from::Scaler::FastBilinear => Scaler::FastBilinear,
            from::Scaler::Bilinear => Scaler::Bilinear,
            from::Scaler::Bicubic => Scaler::Bicubic,
            from::Scaler::Lanczos => Scaler::Lanczos,
        },
    })
}

/// What is done to the sound; its offset, its fades and muting are not steps.
pub(crate) fn sound(given: &from::Sound, ultra_low: bool) -> anyhow::Result<sound::Steps> {
    let graphic_db = match given.graphic_db[..] {
        [] => [0.0; 10],
        _ => given.graphic_db[..].try_into().context("graphic_db takes ten bands or none")?,
    };
    let way = if ultra_low { Way::Fader } else { Way::R128 };
    let steps = sound::Steps {
        map: match given.map {
            from::ChannelMap::Keep => Map::Keep,
            from::ChannelMap::Mix => Map::Mix,
            from::ChannelMap::Left => Map::Left,
            from::ChannelMap::Right => Map::Right,
            from::ChannelMap::Swap => Map::Swap,
        },
        levels_db: [given.left_db, given.right_db],
        gain_db: given.gain_db,
        karaoke: given.karaoke,
        parametric: given.parametric.iter().map(band).collect(),
        graphic_db,
        compressor: given.compressor.map(|c| Compressor {
            threshold_db: c.threshold_db,
            ratio: c.ratio,
            attack_ms: c.attack_ms,
            release_ms: c.release_ms,
            makeup_db: c.makeup_db,
        }),
        loudness: given.loudness_lufs.map(|target_lufs| Loudness { target_lufs, way }),
        limiter_db: given.limiter_db,
    };
    steps.check()?;
    let offset = given.offset_ms;
    ensure!((-2000..=2000).contains(&offset), "offset_ms of {offset} is not possible: from -2000 to 2000");
    for (name, ms) in [("fade_in_ms", given.fade_in_ms), ("fade_out_ms", given.fade_out_ms)] {
        ensure!(ms <= 30_000, "{name} of {ms} is not possible: at most 30000");
    }
    Ok(steps)
}

fn band(band: &from::Band) -> Band {
    Band {
        kind: match band.kind {
            from::BandKind::Peak => BandKind::Peak,
            from::BandKind::LowShelf => BandKind::LowShelf,
            from::BandKind::HighShelf => BandKind::HighShelf,
            from::BandKind::HighPass => BandKind::HighPass,
            from::BandKind::LowPass => BandKind::LowPass,
            from::BandKind::Notch => BandKind::Notch,
        },
        hz: band.hz,
        gain_db: band.gain_db,
        q: band.q,
    }
}

fn corner(corner: from::Corner) -> Corner {
    match corner {
        from::Corner::TopLeft => Corner::TopLeft,
        from::Corner::TopRight => Corner::TopRight,
        from::Corner::BottomLeft => Corner::BottomLeft,
        from::Corner::BottomRight => Corner::BottomRight,
        from::Corner::Centre => Corner::Centre,
    }
}

fn text(text: &from::Text) -> anyhow::Result<Text> {
    Ok(Text {
        words: text.words.clone(),
        corner: corner(text.corner),
        margin: text.margin,
        size: text.size,
        colour: colour(&text.colour)?,
        boxed: text.boxed,
    })
}

fn colour(text: &str) -> anyhow::Result<[u8; 3]> {
    let digits = text.strip_prefix('#').filter(|digits| digits.len() == 6 && digits.is_ascii());
    let parsed = digits.and_then(|digits| u32::from_str_radix(digits, 16).ok());
    let [_, r, g, b] = parsed.with_context(|| format!("colour {text:?} is not like #ff8800"))?.to_be_bytes();
    Ok([r, g, b])
}

fn aspect(text: &str) -> anyhow::Result<(u32, u32)> {
    let parts =
        text.split_once(':').and_then(|(across, down)| Some((across.parse().ok()?, down.parse().ok()?)));
    parts.with_context(|| format!("aspect {text:?} is not like 16:9"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use serde_json::json;

    use super::*;

    fn given(value: serde_json::Value) -> from::Processing {
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn nothing_asked_is_nothing_done() {
        let nothing = given(json!({}));
        assert_eq!(picture(&nothing.picture).unwrap(), picture::Steps::default());
        assert_eq!(sound(&nothing.sound, true).unwrap(), sound::Steps::default());
        assert_eq!(target(&nothing.picture, 640, 360).unwrap().pad, 0);
    }

    #[test]
    fn what_is_asked_is_done() {
        let all = given(json!({
            "picture": {
                "deinterlace": "detected", "crop": {"left": 2}, "rotate": 90, "flip": true, "mirror": true,
                "deblock": "weak", "denoise": 0.5, "auto_level": 0.25, "sharpen": -0.5, "fit": "fill", "aspect": "4:3",
                "pad": 0.1, "scaler": "lanczos", "logo": {"height": 0.1},
                "text": {"words": "Xin chào", "size": 0.05, "colour": "#ff8000", "boxed": true, "corner": "bottom_left"},
            },
            "sound": {
                "map": "swap", "left_db": -3, "gain_db": 2, "karaoke": true,
                "parametric": [{"kind": "notch", "hz": 50, "q": 10}], "graphic_db": [1, 2, 3, 4, 5, 6, 7, 8, 9, 10],
                "compressor": {"threshold_db": -20, "ratio": 4}, "loudness_lufs": -14, "limiter_db": -1,
            },
        }));
        let steps = picture(&all.picture).unwrap();
        assert_eq!((steps.rotate, steps.crop.left, steps.denoise), (Rotate::Quarter, 2, 0.5));
        assert_eq!(steps.text.unwrap().colour, [255, 128, 0]);
        assert_eq!(steps.logo.unwrap().opacity, 1.0);
        let frame = target(&all.picture, 640, 360).unwrap();
        assert_eq!((frame.fit, frame.aspect, frame.pad), (Fit::Fill, Some((4, 3)), 36));
        let steps = sound(&all.sound, true).unwrap();
        assert_eq!((steps.map, steps.levels_db, steps.graphic_db[9]), (Map::Swap, [-3.0, 0.0], 10.0));
        assert_eq!(steps.loudness.unwrap().way, Way::Fader);
        assert_eq!(sound(&all.sound, false).unwrap().loudness.unwrap().way, Way::R128);
    }

    #[test]
    fn what_is_not_possible_is_told() {
        for (value, word) in [
            (json!({"rotate": 45}), "rotate"),
            (json!({"denoise": 2}), "denoise"),
            (json!({"text": {"words": "x", "size": 0.1, "colour": "red"}}), "colour"),
            (json!({"text": {"words": "x", "size": 0.1, "colour": "#12345é"}}), "colour"),
        ] {
            let error = picture(&given(json!({"picture": value})).picture).unwrap_err();
            assert!(error.to_string().contains(word), "{error}");
        }
        for value in [json!({"aspect": "16/9"}), json!({"pad": 0.41})] {
            assert!(target(&given(json!({"picture": value})).picture, 640, 360).is_err());
        }
        for value in [json!({"graphic_db": [1]}), json!({"offset_ms": 2001}), json!({"fade_in_ms": 30_001})] {
            assert!(sound(&given(json!({"sound": value})).sound, true).is_err());
        }
    }
}
