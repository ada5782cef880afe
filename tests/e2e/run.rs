//! `cargo xtask run`, as a newcomer starts it.
