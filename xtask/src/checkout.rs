//! Where things lie in this checkout.

use std::path::{Path, PathBuf};

/// The checkout's root.
pub(crate) fn root() -> PathBuf {
    // Cargo sets it when it runs us; a target folder may be shared between checkouts, so what was compiled in may be
    // another's.
    let manifest = std::env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from);
    let manifest = manifest.unwrap_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")));
    manifest.parent().map_or_else(|| manifest.clone(), Path::to_owned)
}

/// Where Cargo builds: `target`, unless told otherwise.
pub(crate) fn target() -> PathBuf {
    let told = std::env::var_os("CARGO_TARGET_DIR").map(PathBuf::from);
    told.map_or_else(|| root().join("target"), |dir| root().join(dir))
}

/// A program of the debug build.
pub(crate) fn program(name: &str) -> PathBuf {
    target().join("debug").join(format!("{name}{}", std::env::consts::EXE_SUFFIX))
}

/// A folder of our own in the target folder, for stamps and tools.
pub(crate) fn own() -> PathBuf {
    target().join("xtask")
}
