//! A frame of AAC-LC in which nothing sounds, written by hand: every element is there, and none has a scale factor band.
//!
//! Source: ISO/IEC 14496-3 §4.4.2.1 (raw_data_block and its elements), table 1.19 (which elements a layout has).

use bytes::Bytes;

/// The syntactic elements that occur, by their `id_syn_ele`.
const SCE: (u32, bool) = (0, false);
const CPE: (u32, bool) = (1, true);
const LFE: (u32, bool) = (3, false);
const END: u32 = 7;

/// A raw_data_block for so many channels (1 to 8, but 7) in the standard layout.
pub(super) fn frame(channels: u8) -> Bytes {
    let layout: &[(u32, bool)] = match channels {
        1 => &[SCE],
        2 => &[CPE],
        3 => &[SCE, CPE],
        4 => &[SCE, CPE, SCE],
        5 => &[SCE, CPE, CPE],
        6 => &[SCE, CPE, CPE, LFE],
        _ => &[SCE, CPE, CPE, CPE, LFE],
    };
    let mut bits = Bits::default();
    // Elements of a kind are told apart by their tag.
    let mut tags = [0; END as usize];
    for &(id, pair) in layout {
        bits.put(id, 3);
        bits.put(tags[id as usize], 4);
        tags[id as usize] += 1;
        if pair {
            bits.put(1, 1); // common_window
            bits.put(0, ICS_INFO);
            bits.put(0, 2); // ms_mask_present
            bits.put(0, GLOBAL_GAIN + TOOLS);
            bits.put(0, GLOBAL_GAIN + TOOLS);
        } else {
            bits.put(0, GLOBAL_GAIN + ICS_INFO + TOOLS);
        }
    }
    bits.put(END, 3);
    bits.bytes.into()
}

/// reserved, a long window, its shape, max_sfb 0, no prediction.
const ICS_INFO: u32 = 1 + 2 + 1 + 6 + 1;
const GLOBAL_GAIN: u32 = 8;
/// No pulses, no noise shaping, no gain control; sections, scale factors and spectrum have no bits without a band.
const TOOLS: u32 = 3;

#[derive(Default)]
struct Bits {
    bytes: Vec<u8>,
    used: u32,
}

impl Bits {
    /// The lowest `count` bits of `value`, highest first.
    fn put(&mut self, value: u32, count: u32) {
        for at in (0..count).rev() {
            if self.used.is_multiple_of(8) {
                self.bytes.push(0);
            }
            let bit = (value >> at & 1) as u8;
            if let Some(last) = self.bytes.last_mut() {
                *last |= bit << (7 - self.used % 8);
            }
            self.used += 1;
        }
    }
}
