//! The whole program: from a source to a server in this process.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs, unreachable_pub)]

#[cfg(target_os = "linux")]
mod camera;
mod line;
#[cfg(target_os = "linux")]
mod microphone;
mod process;
mod server;
