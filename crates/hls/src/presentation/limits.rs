//! What is held while the frame rate is measured.

use super::tests::{picture, rendition, video_track};
use super::{BYTES_AT_MOST, Presentation};
use crate::Plan;

#[test]
fn so_many_bytes_are_held_and_not_one_more() {
    for (bytes, held) in [(BYTES_AT_MOST - 1, true), (BYTES_AT_MOST, false)] {
        let mut presentation = Presentation::new(Plan::default(), 0, vec![rendition(video_track())]);
        presentation.push(0, picture(0, true, bytes));
        assert_eq!(presentation.index(0).is_none(), held, "{bytes}");
    }
}
