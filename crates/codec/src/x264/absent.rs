//! Stands where libx264 would, in a build without it: can't be made, so nothing in it can be called.

use bytes::Bytes;

use super::{Config, Error, Rate};
use crate::picture::Planes;

pub(super) enum Library {}

pub(super) struct Coded {
    pub(super) data: Bytes,
    pub(super) pts: i64,
    pub(super) dts: i64,
    pub(super) key: bool,
}

impl Library {
    pub(super) fn open(_: &Config) -> Result<Self, Error> {
        Err(Error::NotBuilt)
    }

    pub(super) fn headers(&mut self) -> Result<(Vec<u8>, Vec<u8>), Error> {
        match *self {}
    }

    pub(super) fn encode(&mut self, _: Option<(Planes<'_>, i64, bool)>) -> Result<Option<Coded>, Error> {
        match *self {}
    }

    pub(super) fn held_back(&mut self) -> bool {
        match *self {}
    }

    pub(super) fn set_rate(&mut self, _: Rate) -> Result<(), Error> {
        match *self {}
    }
}

#[test]
fn a_build_without_x264_says_so() {
    let config = Config::new(320, 180, media::Rational { num: 30, den: 1 }, 500);
    assert_eq!(super::Encoder::new(&config).map(|_| ()), Err(Error::NotBuilt));
}
