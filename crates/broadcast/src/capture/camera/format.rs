//! Which of a camera's formats to take, and which of its pictures.

use std::cmp::Reverse;

use media::{Timescale, Timestamp};
use nokhwa::utils::{CameraFormat, FrameFormat};

/// What `Reader` understands.
pub(super) const READABLE: &[FrameFormat] = &[
    FrameFormat::MJPEG,
    FrameFormat::YUYV,
    FrameFormat::NV12,
    FrameFormat::GRAY,
    FrameFormat::RAWRGB,
    FrameFormat::RAWBGR,
];

/// The format nearest to what is wanted: the largest share of the picture and of the pace, then the least to throw away,
/// then the cheapest to convert.
pub(super) fn choose(offered: &[CameraFormat], size: (u32, u32), fps: u32) -> Option<CameraFormat> {
    // nokhwa reads the denominator of a frame interval as the frame rate: 1001/30000 s becomes "30000 fps".
    let plausible = |format: &&CameraFormat| (1..=240).contains(&format.frame_rate());
    let readable = |format: &&CameraFormat| READABLE.contains(&format.format());
    offered.iter().filter(plausible).filter(readable).copied().min_by_key(|format| cost(format, size, fps))
}

fn cost(format: &CameraFormat, (width, height): (u32, u32), fps: u32) -> impl Ord + use<> {
    // Half the frame rate is as bad as half of both sides: 720p at 25 beats 480p at 30, and that beats 720p at 10.
    let pixels = u64::from(format.width().min(width)) * u64::from(format.height().min(height));
    let pace = u64::from(format.frame_rate().min(fps));
    let worth = Reverse(pixels * pace * pace);
    let extra = format.width().saturating_sub(width) + format.height().saturating_sub(height);
    let fast = format.frame_rate().saturating_sub(fps);
    let convert = match format.format() {
        FrameFormat::NV12 => 0,
        FrameFormat::YUYV => 1,
        FrameFormat::RAWRGB | FrameFormat::RAWBGR => 2,
        FrameFormat::MJPEG => 3,
        FrameFormat::GRAY => 4,
    };
    (worth, extra, fast, convert)
}

/// Takes at most so many pictures a second from a camera that gives more.
#[derive(Debug)]
pub(super) struct Pace {
    frame: Timestamp,
    due: Option<Timestamp>,
}

impl Pace {
    pub(super) fn new(fps: u32) -> Self {
        Self { frame: Timestamp::new(1_000_000_000 / i64::from(fps.max(1)), Timescale::NANOS), due: None }
    }

    /// Whether to take the picture captured at `at`. A quarter of a frame of jitter is nothing.
    pub(super) fn takes(&mut self, at: Timestamp) -> bool {
        let jitter = Timestamp::new(self.frame.ticks / 4, Timescale::NANOS);
        let at = at.rescale(Timescale::NANOS);
        let due = self.due.unwrap_or(at);
        if at.plus(jitter) < due {
            return false;
        }
        let late = at.minus(due) > self.frame;
        self.due = Some(if late { at } else { due }.plus(self.frame));
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use FrameFormat::{GRAY, MJPEG, YUYV};

    fn format(width: u32, height: u32, format: FrameFormat, fps: u32) -> CameraFormat {
        CameraFormat::new_from(width, height, format, fps)
    }

    #[test]
    fn the_nearest_format() {
        let webcam = [
            format(640, 480, YUYV, 30),
            format(1280, 720, YUYV, 10),
            format(1280, 720, MJPEG, 30),
            format(1920, 1080, MJPEG, 30),
            format(1920, 1080, YUYV, 5),
            format(320, 180, MJPEG, 90),
            format(1280, 720, MJPEG, 30_000),
        ];
        let cases = [
            ((1280, 720), 30, format(1280, 720, MJPEG, 30)),
            ((1280, 720), 10, format(1280, 720, YUYV, 10)),
            ((640, 480), 30, format(640, 480, YUYV, 30)),
            ((640, 360), 30, format(640, 480, YUYV, 30)),
            ((1920, 1080), 30, format(1920, 1080, MJPEG, 30)),
            ((3840, 2160), 30, format(1920, 1080, MJPEG, 30)),
            ((1280, 720), 60, format(1280, 720, MJPEG, 30)),
            ((320, 180), 60, format(320, 180, MJPEG, 90)),
        ];
        for (size, fps, expect) in cases {
            assert_eq!(choose(&webcam, size, fps), Some(expect), "{size:?} {fps}");
        }
        // Only just too slow is better than a quarter of the picture; a slide show isn't.
        let small = format(640, 480, YUYV, 30);
        for (slow, expect) in [(25, 25), (20, 20), (15, 30), (10, 30)] {
            let offered = [small, format(1280, 720, YUYV, slow)];
            let chosen = choose(&offered, (1280, 720), 30).map(|format| format.frame_rate());
            assert_eq!(chosen, Some(expect), "{slow}");
        }
        let equal = [format(640, 480, GRAY, 30), format(640, 480, MJPEG, 30), format(640, 480, YUYV, 30)];
        assert_eq!(choose(&equal, (640, 480), 30), Some(equal[2]));
        assert_eq!(choose(&[], (640, 480), 30), None);
        assert_eq!(choose(&[format(640, 480, YUYV, 30_000)], (640, 480), 30), None);
    }

    #[test]
    fn pace() {
        // Camera's rate, wanted rate, taken of 10 s with 5 ms of jitter.
        for (camera, wanted, expect) in
            [(30, 30, 300), (60, 30, 300), (15, 30, 150), (50, 25, 250), (30, 20, 200)]
        {
            let mut pace = Pace::new(wanted);
            let taken = (0..camera * 10).filter(|i| {
                let jitter = if i % 2 == 0 { 0 } else { 5 };
                pace.takes(Timestamp::millis(i64::from(i * 1000 / camera + jitter)))
            });
            let taken = i64::try_from(taken.count()).unwrap_or(0);
            assert!((taken - expect).abs() <= 2, "{camera} to {wanted}: {taken}");
        }
    }
}
