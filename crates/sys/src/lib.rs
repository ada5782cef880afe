//! What only the operating system can be asked for.
//!
//! **Belongs here:** small safe functions over system calls that the standard library lacks, each with what it does on
//! Linux, macOS and Windows. **Does not:** media, decisions, anything a crate on crates.io already does safely.
#![allow(unsafe_code)]

pub mod child;
pub mod disk;
pub mod memory;
pub mod parent_death;
