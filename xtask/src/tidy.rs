//! `cargo xtask tidy`: the rules of the house that no compiler checks. It is a test too, so nothing unchecked gets in.
//!
//! **Belongs here:** rules about text and manifests. **Does not:** what clippy, rustfmt or cargo-deny can say.

mod docs;
mod imports;
mod stages;
#[cfg(test)]
mod tests;
mod text;

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result, bail};

use crate::checkout;

/// A rule: reads the checkout, tells what is wrong.
type Rule = fn(&Tree, &mut Report);

const RULES: &[(&str, Rule)] = &[
    ("imports", imports::check),
    ("stages", stages::check),
    ("length", text::length),
    ("page", text::page),
    ("unfinished", text::unfinished),
    ("paths", text::machine_paths),
    ("unsafe", text::unsafe_code),
    ("links", docs::links),
    ("adr", docs::adr),
];

/// Folders with nothing of ours in them.
const NOT_OURS: &[&str] = &["target", "node_modules", "dist", "gen", "corpus", "artifacts"];
/// What is read; everything else is only known to exist.
const READ: &[&str] =
    &["rs", "ts", "js", "mjs", "svelte", "css", "html", "toml", "md", "json", "yml", "yaml", "sh", "sql"];

/// Prints what is wrong; fails where anything is.
pub(crate) fn run() -> Result<()> {
    let report = all()?;
    for line in &report.warnings {
        println!("warning: {line}");
    }
    for line in &report.problems {
        println!("error: {line}");
    }
    match report.problems.len() {
        0 => {
            println!("tidy: {} rules hold", RULES.len());
            Ok(())
        }
        count => bail!(
            "{count} rules of the house are broken (ARCHITECTURE.md and CONTRIBUTING.md say why they are there)"
        ),
    }
}

fn all() -> Result<Report> {
    let tree = Tree::read(&checkout::root())?;
    let mut report = Report::default();
    for (name, rule) in RULES {
        report.rule = name;
        rule(&tree, &mut report);
    }
    Ok(report)
}

/// The checkout: paths with `/`, from the root; the text of those that are text.
#[derive(Default)]
struct Tree {
    files: BTreeMap<String, String>,
}

impl Tree {
    fn read(root: &Path) -> Result<Self> {
        let mut tree = Self::default();
        tree.walk(root, "")?;
        Ok(tree)
    }

    fn walk(&mut self, folder: &Path, prefix: &str) -> Result<()> {
        for entry in std::fs::read_dir(folder).with_context(|| format!("can't read {}", folder.display()))? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let path = if prefix.is_empty() { name.clone() } else { format!("{prefix}/{name}") };
            let kind = entry.file_type()?;
            if kind.is_dir() {
                if name != ".git" && name != ".cache" && !NOT_OURS.contains(&name.as_str()) {
                    self.walk(&entry.path(), &path)?;
                }
            } else if kind.is_file() {
                let known = Path::new(&name).extension().and_then(|end| end.to_str());
                let read = known.is_some_and(|end| READ.contains(&end)) && !name.ends_with("-lock.json")
                    || path == ".ci/run";
                // Somebody else's editor may remove a file of its own meanwhile; what isn't UTF-8 isn't text.
                let text = if read { std::fs::read_to_string(entry.path()).ok() } else { None };
                self.files.insert(path, text.unwrap_or_default());
            }
        }
        Ok(())
    }

    fn get(&self, path: &str) -> Option<&str> {
        self.files.get(path).map(String::as_str)
    }

    /// A file, or a folder with something in it.
    fn has(&self, path: &str) -> bool {
        let path = path.trim_end_matches('/');
        let inside = format!("{path}/");
        path.is_empty()
            || self.files.contains_key(path)
            || self.files.range(inside.clone()..).next().is_some_and(|(file, _)| file.starts_with(&inside))
    }

    fn ending<'a>(&'a self, ends: &'a [&str]) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.files
            .iter()
            .map(|(path, text)| (path.as_str(), text.as_str()))
            .filter(move |(path, _)| ends.iter().any(|end| path.ends_with(end)))
    }
}

/// What was found.
#[derive(Default)]
struct Report {
    rule: &'static str,
    problems: Vec<String>,
    warnings: Vec<String>,
}

impl Report {
    fn problem(&mut self, what: impl AsRef<str>) {
        self.problems.push(format!("[{}] {}", self.rule, what.as_ref()));
    }

    fn warning(&mut self, what: impl AsRef<str>) {
        self.warnings.push(format!("[{}] {}", self.rule, what.as_ref()));
    }
}

/// Tests may be long, and may break what they prove to be kept.
fn is_test(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    path.split('/').any(|part| part == "tests")
        || name == "tests.rs"
        || name.ends_with("_tests.rs")
        || name.contains(".test.")
}
