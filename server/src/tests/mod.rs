//! Whole servers on free ports, with publishers of our own that send a fixture.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod delivery;
mod faults;
mod fixture;
mod hygiene;
mod kept;
mod play;
mod rig;

mod live;
mod restart;
mod secure;
mod signed;
mod stills;
