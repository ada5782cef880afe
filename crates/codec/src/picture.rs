//! The one picture format between sources, scalers and encoders.

use std::marker::PhantomData;

use media::Timestamp;

/// How luma and chroma were made from red, green and blue. Range is always limited (16–235): scalers see to that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Colour {
    /// ITU-R BT.601: cameras and standard definition.
    Bt601,
    /// ITU-R BT.709: high definition.
    Bt709,
}

impl Colour {
    /// What a player assumes of a picture that says nothing: BT.709 from 720 lines up.
    pub fn assumed(height: u32) -> Self {
        if height >= 720 { Self::Bt709 } else { Self::Bt601 }
    }
}

/// A plane of a [`Picture`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Plane {
    /// Luma, full size.
    Y,
    /// Blue difference, half size both ways.
    U,
    /// Red difference, half size both ways.
    V,
}

impl Plane {
    /// In memory order.
    pub const ALL: [Self; 3] = [Self::Y, Self::U, Self::V];
}

/// Why a picture can't be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Sides must be even, for 4:2:0, and from 16 to [`Picture::MAX_SIDE`].
    #[error("a picture of {width}x{height} is not possible: both sides must be even, from 16 to {max}", max = Picture::MAX_SIDE)]
    Size {
        /// Pixels across.
        width: u32,
        /// Pixels down.
        height: u32,
    },
}

/// An owned planar I420 frame in one allocation. Rows are `stride` bytes apart, a multiple of 32.
#[derive(Clone, PartialEq, Eq)]
pub struct Picture {
    /// When it was captured.
    pub at: Timestamp,
    /// Which matrix its samples follow.
    pub colour: Colour,
    width: u32,
    height: u32,
    luma_stride: usize,
    data: Vec<u8>,
}

impl Picture {
    /// Longest side, in pixels.
    pub const MAX_SIDE: u32 = 8192;
    /// Room after the last row, so that vector code may read past it.
    const PADDING: usize = 64;

    /// A black picture in the colour assumed of its size.
    pub fn black(width: u32, height: u32, at: Timestamp) -> Result<Self, Error> {
        check_size(width, height)?;
        let luma_stride = (width as usize).next_multiple_of(64);
        let luma = luma_stride * height as usize;
        let mut data = vec![128; luma + luma / 2 + Self::PADDING];
        data[..luma].fill(16);
        Ok(Self { at, colour: Colour::assumed(height), width, height, luma_stride, data })
    }

    /// Pixels across.
    pub fn width(&self) -> u32 {
        self.width
    }

    /// Pixels down.
    pub fn height(&self) -> u32 {
        self.height
    }

    /// Bytes from a row of this plane to the next.
    pub fn stride(&self, plane: Plane) -> usize {
        match plane {
            Plane::Y => self.luma_stride,
            Plane::U | Plane::V => self.luma_stride / 2,
        }
    }

    /// Samples across and down in this plane.
    pub fn size(&self, plane: Plane) -> (usize, usize) {
        let (w, h) = (self.width as usize, self.height as usize);
        match plane {
            Plane::Y => (w, h),
            Plane::U | Plane::V => (w / 2, h / 2),
        }
    }

    fn range(&self, plane: Plane) -> std::ops::Range<usize> {
        let luma = self.luma_stride * self.height as usize;
        match plane {
            Plane::Y => 0..luma,
            Plane::U => luma..luma + luma / 4,
            Plane::V => luma + luma / 4..luma + luma / 2,
        }
    }

    /// All rows of a plane, `stride` bytes each.
    pub fn plane(&self, plane: Plane) -> &[u8] {
        &self.data[self.range(plane)]
    }

    /// All rows of a plane, `stride` bytes each.
    pub fn plane_mut(&mut self, plane: Plane) -> &mut [u8] {
        let range = self.range(plane);
        &mut self.data[range]
    }

    pub(crate) fn planes(&self) -> Planes<'_> {
        let planes = Plane::ALL.map(|plane| (self.plane(plane).as_ptr(), self.stride(plane) as isize));
        Planes { width: self.width, height: self.height, planes, owner: PhantomData }
    }

    /// The visible part of each row of a plane.
    pub fn rows(&self, plane: Plane) -> impl Iterator<Item = &[u8]> {
        let (across, _) = self.size(plane);
        self.plane(plane).chunks_exact(self.stride(plane)).map(move |row| &row[..across])
    }

    /// Fills a rectangle, given in luma pixels and clipped to the picture; odd edges are rounded down.
    pub fn fill(&mut self, (x, y): (u32, u32), (width, height): (u32, u32), yuv: [u8; 3]) {
        for (plane, value) in Plane::ALL.into_iter().zip(yuv) {
            let shift = u32::from(plane != Plane::Y);
            let (across, down) = self.size(plane);
            let stride = self.stride(plane);
            let edge = |at: u32, most: usize| ((at >> shift) as usize).min(most);
            let columns = edge(x, across)..edge(x.saturating_add(width), across);
            let rows = edge(y, down)..edge(y.saturating_add(height), down);
            let samples = self.plane_mut(plane);
            for row in rows {
                samples[row * stride..][columns.clone()].fill(value);
            }
        }
    }
}

/// Where the samples of an I420 picture lie, whoever owns them.
#[derive(Clone, Copy)]
pub(crate) struct Planes<'a> {
    pub(crate) width: u32,
    pub(crate) height: u32,
    /// The first row, and bytes from a row to the next: below zero where they lie upside down.
    pub(crate) planes: [(*const u8, isize); 3],
    pub(crate) owner: PhantomData<&'a [u8]>,
}

pub(crate) fn check_size(width: u32, height: u32) -> Result<(), Error> {
    let fits = |side: u32| side.is_multiple_of(2) && (16..=Picture::MAX_SIDE).contains(&side);
    if fits(width) && fits(height) { Ok(()) } else { Err(Error::Size { width, height }) }
}

impl std::fmt::Debug for Picture {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Picture({}x{} {:?} at {:?})", self.width, self.height, self.colour, self.at)
    }
}
