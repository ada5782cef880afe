//! Building the programs and the test binaries in one go, and running the latter.
//!
//! One `cargo build` for all of it: the selection of packages decides the features of every dependency, so a second
//! command with another selection would compile half of the tree a second time.

use std::path::PathBuf;
use std::process::Stdio;

use anyhow::{Result, bail};
use serde::Deserialize;

use super::Outcome;
use super::count::Count;
use crate::{checkout, tool};

const PROGRAMS: &[&str] = &["sigma-server", "sigma-broadcast", "sigma-probe", "sigma-live"];

/// A line of `cargo build --message-format json`: as much of it as is needed.
#[derive(Deserialize)]
struct Message {
    reason: String,
    #[serde(default)]
    manifest_path: PathBuf,
    executable: Option<PathBuf>,
    profile: Option<Profile>,
}

#[derive(Deserialize)]
struct Profile {
    test: bool,
}

/// The test binaries.
#[derive(Default)]
pub(super) struct Built {
    tests: Vec<Binary>,
}

struct Binary {
    package: String,
    folder: PathBuf,
    executable: PathBuf,
}

/// Builds the programs and every test.
pub(super) fn build() -> Result<Built> {
    let mut cargo = tool::cargo();
    cargo.args(["build", "--workspace", "--tests", "--message-format", "json-render-diagnostics"]);
    for program in PROGRAMS {
        cargo.args(["--bin", program]);
    }
    let mut built = Built::default();
    let output = cargo.stdout(Stdio::piped()).stderr(Stdio::inherit()).output()?;
    for line in String::from_utf8_lossy(&output.stdout).lines() {
        if let Some(binary) = binary(line) {
            built.tests.push(binary);
        }
    }
    if !output.status.success() {
        bail!("it does not compile");
    }
    built.tests.sort_by(|a, b| (&a.package, &a.executable).cmp(&(&b.package, &b.executable)));
    Ok(built)
}

fn binary(line: &str) -> Option<Binary> {
    let message: Message = serde_json::from_str(line).ok()?;
    let test = message.reason == "compiler-artifact" && message.profile.is_some_and(|profile| profile.test);
    let folder = message.manifest_path.parent()?.to_owned();
    let package = folder.file_name()?.to_string_lossy().into_owned();
    message.executable.filter(|_| test).map(|executable| Binary { package, folder, executable })
}

impl Built {
    /// Runs the tests of the packages that `which` takes (a package is called like its folder), as `cargo test` would:
    /// each in its package's folder.
    pub(super) fn run(&mut self, long: bool, which: impl Fn(&str) -> bool) -> Result<Outcome> {
        if self.tests.is_empty() {
            *self = build()?; // `--only` left the building out
        }
        let mut count = Count::default();
        let mut failed = Vec::new();
        for binary in self.tests.iter().filter(|binary| which(&binary.package)) {
            println!("\n── {} ({})", binary.package, binary.executable.display());
            let mut command = tool::command(&binary.executable);
            command
                .current_dir(&binary.folder)
                .env("CARGO_MANIFEST_DIR", &binary.folder)
                .envs(environment(long));
            if tool::run_reading(&mut command, |line| count.read(line)).is_err() {
                failed.push(binary.package.as_str());
            }
        }
        if !failed.is_empty() {
            bail!("{count}; in {}", failed.join(", "));
        }
        Ok(Outcome::Counted(count))
    }
}

/// What every test may rely on: the programs are in `CARGO_TARGET_DIR/debug`.
///
/// The test of `cargo xtask run` starts them as they are: its own selection of packages has other features, so building
/// would compile most of the tree a second time, and put other programs in the place of those under test.
pub(super) fn environment(long: bool) -> Vec<(&'static str, PathBuf)> {
    let mut variables = vec![("CARGO_TARGET_DIR", checkout::target()), ("SIGMA_NO_BUILD", "true".into())];
    if long {
        variables.push(("SIGMA_TEST_LONG", "1".into()));
    } else if std::env::var_os("PROPTEST_RNG_SEED").is_none() {
        // The same cases each time: what a change broke is told from what was never tried. `--long` tries others.
        variables.push(("PROPTEST_RNG_SEED", "1".into()));
    }
    variables
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn test_binaries_are_told_from_the_rest() {
        let line = |test: bool, executable: &str| {
            format!(
                r#"{{"reason":"compiler-artifact","manifest_path":"/x/crates/hls/Cargo.toml","target":{{"name":"hls"}},
                    "profile":{{"test":{test}}},"executable":{executable}}}"#
            )
        };
        assert_eq!(binary(&line(true, "\"/x/hls-1\"")).unwrap().package, "hls");
        assert!(binary(&line(false, "\"/x/sigma-server\"")).is_none());
        assert!(binary(&line(true, "null")).is_none());
        assert!(binary(r#"{"reason":"build-finished","success":true}"#).is_none());
        assert!(binary("warning: not JSON").is_none());
    }
}
