//! Node and npm: the web UI's build, and the npm packages of the tests.

use std::hash::{DefaultHasher, Hasher};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::{checkout, tool};

/// Vite's own demand.
const OLDEST: (u32, u32) = (20, 19);

/// Node is there, and new enough.
pub(crate) fn check() -> Result<()> {
    let (major, minor) = OLDEST;
    let advice = format!(
        "Sigma Live needs Node {major}.{minor} or newer, with npm: https://nodejs.org/en/download \
         (macOS: `brew install node`, Windows: `winget install OpenJS.NodeJS.LTS`)"
    );
    let Ok(version) = tool::output(tool::command("node").arg("--version")) else {
        bail!("there is no `node` here. {advice}");
    };
    match parse(&version) {
        Some(here) if here >= OLDEST => Ok(()),
        Some(_) | None => bail!("Node {} is too old. {advice}", version.trim()),
    }
}

fn parse(version: &str) -> Option<(u32, u32)> {
    let mut numbers = version.trim().strip_prefix('v')?.split('.');
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

/// `npm`, in that folder.
pub(crate) fn npm(folder: &Path) -> Command {
    let mut command = tool::command(if cfg!(windows) { "npm.cmd" } else { "npm" });
    command.current_dir(folder).env("npm_config_fund", "false").env("npm_config_audit", "false");
    command.env("npm_config_update_notifier", "false").env("npm_config_loglevel", "warn");
    command
}

/// `npm ci`, when the lock file changed since the last one.
pub(crate) fn packages(folder: &Path) -> Result<()> {
    let lock = folder.join("package-lock.json");
    let text = std::fs::read(&lock).with_context(|| format!("can't read {}", lock.display()))?;
    let stamp = Stamp::new("npm-ci", folder, &[text]);
    // npm writes this file last: a folder that was emptied or left half-way lacks it.
    if stamp.holds() && folder.join("node_modules/.package-lock.json").is_file() {
        return Ok(());
    }
    tool::run(npm(folder).arg("ci"))?;
    stamp.set()
}

/// Builds `ui/dist`, when a source of it changed since the last time.
pub(crate) fn build_ui() -> Result<()> {
    let ui = checkout::root().join("ui");
    packages(&ui)?;
    let mut sources = Vec::new();
    collect(&ui, &mut sources)?;
    sources.sort();
    let mut contents = Vec::new();
    for path in &sources {
        contents.push(path.to_string_lossy().into_owned().into_bytes());
        contents.push(std::fs::read(path).with_context(|| format!("can't read {}", path.display()))?);
    }
    let stamp = Stamp::new("ui-build", &ui, &contents);
    if stamp.holds() && ui.join("dist").is_dir() {
        return Ok(());
    }
    tool::run(npm(&ui).args(["run", "build"]))?;
    stamp.set()
}

fn collect(folder: &Path, into: &mut Vec<PathBuf>) -> Result<()> {
    for entry in std::fs::read_dir(folder).with_context(|| format!("can't read {}", folder.display()))? {
        let entry = entry?;
        let name = entry.file_name();
        if name == "node_modules" || name == "dist" || name.to_string_lossy().starts_with('.') {
            continue;
        }
        if entry.file_type()?.is_dir() {
            collect(&entry.path(), into)?;
        } else {
            into.push(entry.path());
        }
    }
    Ok(())
}

/// Says that something was made from exactly these contents, and lies in the target folder.
struct Stamp {
    file: PathBuf,
    value: String,
}

impl Stamp {
    fn new(what: &str, folder: &Path, contents: &[Vec<u8>]) -> Self {
        let mut hasher = DefaultHasher::new();
        for content in contents {
            hasher.write_usize(content.len());
            hasher.write(content);
        }
        let value = format!("{:016x}", hasher.finish());
        // A target folder may serve several checkouts: the folder is part of the name.
        let mut place = DefaultHasher::new();
        place.write(folder.to_string_lossy().as_bytes());
        let file = checkout::own().join(format!("{what}-{:016x}.stamp", place.finish()));
        Self { file, value }
    }

    fn holds(&self) -> bool {
        std::fs::read_to_string(&self.file).is_ok_and(|value| value == self.value)
    }

    fn set(&self) -> Result<()> {
        std::fs::create_dir_all(checkout::own())?;
        std::fs::write(&self.file, &self.value)
            .with_context(|| format!("can't write {}", self.file.display()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nodes_version_is_compared_by_number() {
        let cases = [
            ("v20.19.0\n", true),
            ("v20.20.2", true),
            ("v22.1.0", true),
            ("v18.20.4", false),
            ("v9.0.0", false),
        ];
        for (version, enough) in cases {
            assert_eq!(parse(version).is_some_and(|here| here >= OLDEST), enough, "{version}");
        }
        assert_eq!(parse("nonsense"), None);
    }

    #[test]
    fn a_stamp_changes_with_its_contents_and_their_bounds() {
        let value = |contents: &[&str]| {
            let contents: Vec<Vec<u8>> = contents.iter().map(|text| text.as_bytes().to_vec()).collect();
            Stamp::new("test", Path::new("ui"), &contents).value
        };
        assert_eq!(value(&["a", "b"]), value(&["a", "b"]));
        assert_ne!(value(&["a", "b"]), value(&["a", "c"]));
        assert_ne!(value(&["ab", ""]), value(&["a", "b"]));
    }
}
