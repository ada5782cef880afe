//! What can be done to a picture, in the order in which it is done.

mod chain;
#[cfg(test)]
mod tests;
mod words;

pub use chain::Chain;

use super::{Error, setting};

/// Everything that is done to a picture, from top to bottom. [`Steps::default`] does nothing but make it 8-bit 4:2:0.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Steps {
    /// Two moments in one picture become one.
    pub deinterlace: Option<Deinterlace>,
    /// Pixels off each side of the source; 4:2:0 wants even numbers, odd ones are rounded down.
    pub crop: Crop,
    /// Quarters of a turn.
    pub rotate: Rotate,
    /// Upside down.
    pub flip: bool,
    /// Left and right change places.
    pub mirror: bool,
    /// Smooths the edges of a codec's blocks.
    pub deblock: Option<Deblock>,
    /// Noise taken away, 0 to 1.
    pub denoise: f32,
    /// Spreads the darkest to the brightest over the whole range, 0 to 1: how much of it.
    pub level: f32,
    /// Edges made harder, 0 to 1, or softer, down to −1.
    pub sharpen: f32,
    /// The size it becomes.
    pub frame: Option<Target>,
    /// A picture laid over it.
    pub logo: Option<Logo>,
    /// Words written on it.
    pub text: Option<Text>,
}

/// Which pictures are deinterlaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deinterlace {
    /// Those found to be interlaced, by what they look like.
    Detected,
    /// Every one.
    Always,
}

/// Pixels taken off.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs, reason = "their names say it")]
pub struct Crop {
    pub left: u32,
    pub top: u32,
    pub right: u32,
    pub bottom: u32,
}

/// Clockwise.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs, reason = "their names say it")]
pub enum Rotate {
    #[default]
    No,
    Quarter,
    Half,
    ThreeQuarters,
}

/// How hard blocks are smoothed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "their names say it")]
pub enum Deblock {
    Weak,
    Strong,
}

/// What comes out.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Target {
    /// Pixels across, even.
    pub width: u32,
    /// Pixels down, even.
    pub height: u32,
    /// What becomes of a source of another shape.
    pub fit: Fit,
    /// The shape the source is taken to have, width to height, whatever its pixels say.
    pub aspect: Option<(u32, u32)>,
    /// Pixels left empty around it.
    pub pad: u32,
    /// How pixels are made from pixels.
    pub scaler: Scaler,
}

/// A source of another shape.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Fit {
    /// The whole of it, between black bars above and below (letterbox) or at the sides (pillarbox).
    #[default]
    Bars,
    /// As much of it as fills the picture.
    Fill,
    /// The whole of it, distorted.
    Stretch,
}

/// Quality of scaling, rising with its cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs, reason = "libswscale's names")]
pub enum Scaler {
    FastBilinear,
    Bilinear,
    #[default]
    Bicubic,
    Lanczos,
}

/// A corner, or the middle.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs, reason = "their names say it")]
pub enum Corner {
    TopLeft,
    #[default]
    TopRight,
    BottomLeft,
    BottomRight,
    Centre,
}

/// A picture over the picture.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Logo {
    /// Where.
    pub corner: Corner,
    /// Pixels from the edges.
    pub margin: u32,
    /// Of the picture's height, more than 0 and at most 1.
    pub height: f32,
    /// More than 0 and at most 1, opaque.
    pub opacity: f32,
}

/// Words on the picture.
#[derive(Clone, Debug, PartialEq)]
pub struct Text {
    /// What is written, up to [`MAX_TEXT`] characters; lines end with a line feed.
    pub words: String,
    /// Where.
    pub corner: Corner,
    /// Pixels from the edges.
    pub margin: u32,
    /// Letters, as a part of the picture's height: 0.01 to 0.5.
    pub size: f32,
    /// Red, green, blue.
    pub colour: [u8; 3],
    /// A dark box behind them.
    pub boxed: bool,
}

/// Characters of a text, at most.
pub const MAX_TEXT: usize = 500;

impl Steps {
    /// Whether a setting is out of range, for a source of any size.
    pub fn check(&self) -> Result<(), Error> {
        let part = "from 0 to 1";
        setting("denoise", self.denoise, (0.0..=1.0).contains(&self.denoise), part)?;
        setting("level", self.level, (0.0..=1.0).contains(&self.level), part)?;
        setting("sharpen", self.sharpen, (-1.0..=1.0).contains(&self.sharpen), "from -1 to 1")?;
        let Crop { left, top, right, bottom } = self.crop;
        for side in [left, top, right, bottom] {
            setting("crop", side, side <= 8192, "at most 8192 pixels")?;
        }
        if let Some(target) = &self.frame {
            target.check()?;
        }
        if let Some(logo) = &self.logo {
            setting(
                "logo height",
                logo.height,
                logo.height > 0.0 && logo.height <= 1.0,
                "more than 0, at most 1",
            )?;
            let opacity = logo.opacity;
            setting("logo opacity", opacity, opacity > 0.0 && opacity <= 1.0, "more than 0, at most 1")?;
            setting("margin", logo.margin, logo.margin <= 4096, "at most 4096 pixels")?;
        }
        if let Some(text) = &self.text {
            let length = text.words.chars().count();
            setting(
                "text",
                format!("{length} characters"),
                (1..=MAX_TEXT).contains(&length),
                "1 to 500 characters",
            )?;
            let control = text.words.chars().any(|c| c.is_control() && c != '\n');
            setting("text", "a control character", !control, "letters, digits, signs and line feeds")?;
            setting("text size", text.size, (0.01..=0.5).contains(&text.size), "from 0.01 to 0.5")?;
            setting("margin", text.margin, text.margin <= 4096, "at most 4096 pixels")?;
        }
        Ok(())
    }
}

impl Target {
    /// Whether a setting is out of range.
    pub fn check(&self) -> Result<(), Error> {
        let side = |side: u32| side.is_multiple_of(2) && (16..=8192).contains(&side);
        setting("width", self.width, side(self.width), "even, from 16 to 8192")?;
        setting("height", self.height, side(self.height), "even, from 16 to 8192")?;
        let (across, down) = self.aspect.unwrap_or((1, 1));
        let ratio = f64::from(across) / f64::from(down.max(1));
        let aspect = format!("{across}:{down}");
        setting("aspect ratio", aspect, down > 0 && (0.1..=10.0).contains(&ratio), "from 1:10 to 10:1")?;
        let most = self.width.min(self.height) / 2 - 8;
        setting("padding", self.pad, self.pad <= most, "leaving at least 16 pixels of picture")
    }
}
