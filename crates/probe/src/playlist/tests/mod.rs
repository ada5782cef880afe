//! Whole playlists in, what was read out.
