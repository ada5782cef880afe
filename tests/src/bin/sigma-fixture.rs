//! `sigma-fixture NAME`: makes the file to publish that NAME stands for, if it isn't there yet, and prints its path. For
//! tests that are not written in Rust.

use anyhow::{Context, Result};
use tests::fixture::{self, Kind};

fn main() -> Result<()> {
    let wanted = std::env::args().nth(1).unwrap_or_default();
    let names = Kind::ALL.map(Kind::name).join(", ");
    let kind = Kind::ALL
        .into_iter()
        .find(|k| k.name() == wanted)
        .with_context(|| format!("usage: sigma-fixture NAME, one of {names}"))?;
    println!("{}", fixture::file(kind)?.display());
    Ok(())
}
