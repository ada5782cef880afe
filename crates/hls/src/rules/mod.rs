//! The rules of an LL-HLS origin, each with a test of its name, and a property test over all of them at once. What is
//! checked is what a player gets: rendered playlists and bytes, read by a reader of their own (`read`, and mp4-atom).
//!
//! `law` says what must hold within one playlist, and from one to the next; `show` plays sessions in virtual time.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod any;
mod ask;
mod each;
mod faults;
mod ladder;
mod law;
mod made;
mod odd;
mod read;
mod show;
