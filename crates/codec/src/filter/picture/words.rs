//! The steps in libavfilter's words.

use std::fmt::Write as _;

use super::{Corner, Crop, Deblock, Deinterlace, Fit, Logo, Rotate, Scaler, Steps, Target, Text};
use crate::filter::escaped;

impl Steps {
    /// In libavfilter's words.
    pub(super) fn chain(&self) -> String {
        let mut steps: Vec<String> = Vec::new();
        match self.deinterlace {
            None => {}
            Some(Deinterlace::Detected) => {
                steps.push("idet,bwdif=mode=send_frame:deint=interlaced".to_owned())
            }
            Some(Deinterlace::Always) => steps.push("bwdif=mode=send_frame:deint=all".to_owned()),
        }
        let Crop { left, top, right, bottom } = self.crop;
        if self.crop != Crop::default() {
            let (across, down) = (left + right, top + bottom);
            steps.push(format!("crop=iw-{across}:ih-{down}:{left}:{top}:exact=0"));
        }
        match self.rotate {
            Rotate::No => {}
            Rotate::Quarter => steps.push("transpose=clock".to_owned()),
            Rotate::Half => steps.push("hflip,vflip".to_owned()),
            Rotate::ThreeQuarters => steps.push("transpose=cclock".to_owned()),
        }
        if self.flip {
            steps.push("vflip".to_owned());
        }
        if self.mirror {
            steps.push("hflip".to_owned());
        }
        match self.deblock {
            None => {}
            Some(Deblock::Weak) => steps.push("deblock=filter=weak:block=8".to_owned()),
            Some(Deblock::Strong) => {
                steps.push(
                    "deblock=filter=strong:block=8:alpha=0.12:beta=0.07:gamma=0.06:delta=0.05".to_owned(),
                );
            }
        }
        if self.denoise > 0.0 {
            // libavfilter's own defaults lie at a third.
            let spatial = self.denoise * 12.0;
            steps.push(format!("hqdn3d={spatial}:{}:{}:{}", spatial * 0.75, spatial * 1.5, spatial * 1.125));
        }
        if self.level > 0.0 {
            steps.push(format!("normalize=independence=0:smoothing=30:strength={}", self.level));
        }
        if self.sharpen != 0.0 {
            steps.push(format!("unsharp=5:5:{}", self.sharpen * 1.5));
        }
        if let Some(target) = &self.frame {
            steps.push(target.chain());
        }
        steps.push("format=yuv420p".to_owned());
        let mut chain = format!("[in0]{}", steps.join(","));
        if let Some(logo) = &self.logo {
            chain.push_str(&logo.chain());
        }
        if let Some(text) = &self.text {
            let _ = write!(chain, ",{}", text.chain());
        }
        chain.push_str("[out]");
        chain
    }
}

impl Target {
    fn chain(&self) -> String {
        let (width, height) = (self.width, self.height);
        let (inner_width, inner_height) = ((width - 2 * self.pad) & !1, (height - 2 * self.pad) & !1);
        let flags = match self.scaler {
            Scaler::FastBilinear => "fast_bilinear",
            Scaler::Bilinear => "bilinear",
            Scaler::Bicubic => "bicubic",
            Scaler::Lanczos => "lanczos",
        };
        // `dar` is the shape as it is shown, whatever the shape of the source's pixels.
        let aspect = match self.aspect {
            Some((across, down)) => format!("setdar={across}/{down},"),
            None => String::new(),
        };
        let scale = match self.fit {
            Fit::Stretch => format!("scale={inner_width}:{inner_height}:flags={flags}"),
            Fit::Bars => format!(
                "scale='max(2,trunc(min({inner_width},{inner_height}*dar)/2+0.5)*2)':'max(2,trunc(min({inner_height},{inner_width}/dar)/2+0.5)*2)':flags={flags}"
            ),
            Fit::Fill => format!(
                "scale='trunc(max({inner_width},{inner_height}*dar)/2+0.5)*2':'trunc(max({inner_height},{inner_width}/dar)/2+0.5)*2':flags={flags},crop={inner_width}:{inner_height}"
            ),
        };
        let bars = match (self.fit, self.pad) {
            (Fit::Bars, _) | (_, 1..) => format!(",pad={width}:{height}:(ow-iw)/2:(oh-ih)/2"),
            (Fit::Fill | Fit::Stretch, 0) => String::new(),
        };
        format!("{aspect}{scale},setsar=1,format=yuv420p{bars}")
    }
}

impl Corner {
    /// Of something whose sides are called `w` and `h` on something whose sides are called `W` and `H`.
    fn place(self, margin: u32, [inner_w, inner_h, outer_w, outer_h]: [&str; 4]) -> (String, String) {
        let right = format!("{outer_w}-{inner_w}-{margin}");
        let bottom = format!("{outer_h}-{inner_h}-{margin}");
        let near = margin.to_string();
        match self {
            Self::TopLeft => (near.clone(), near),
            Self::TopRight => (right, near),
            Self::BottomLeft => (near, bottom),
            Self::BottomRight => (right, bottom),
            Self::Centre => (format!("({outer_w}-{inner_w})/2"), format!("({outer_h}-{inner_h})/2")),
        }
    }
}

impl Logo {
    fn chain(&self) -> String {
        let (x, y) = self.corner.place(self.margin, ["w", "h", "W", "H"]);
        let (height, opacity) = (self.height, self.opacity);
        format!(
            "[base];[in1]format=yuva420p,colorchannelmixer=aa={opacity}[sign];[sign][base]scale2ref=w='oh*mdar':h='ih*{height}'[small][under];\
             [under][small]overlay=x={x}:y={y}:format=yuv420:eof_action=repeat"
        )
    }
}

impl Text {
    fn chain(&self) -> String {
        let (x, y) = self.corner.place(self.margin, ["tw", "th", "w", "h"]);
        let [r, g, b] = self.colour;
        let boxed = if self.boxed { ":box=1:boxcolor=black@0.6:boxborderw=8" } else { "" };
        format!(
            "drawtext=font=Sans:expansion=none:text={}:fontsize=h*{}:fontcolor=0x{r:02x}{g:02x}{b:02x}:x={x}:y={y}{boxed}",
            escaped(&self.words),
            self.size,
        )
    }
}
