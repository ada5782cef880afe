//! A release carries the built web UI inside itself; a debug build reads `ui/dist` where it lies.

fn main() {
    // Only a release must be built again when the UI was: a missing folder would make every build stale.
    let release = std::env::var("PROFILE").is_ok_and(|profile| profile == "release");
    println!("cargo::rerun-if-changed={}", if release { "../ui/dist" } else { "build.rs" });
}
