//! Who may import whom: the table in ARCHITECTURE.md, held against every Cargo.toml.
//!
//! The table is the rule; this only reads it. Names in backticks count: in its second column the crates of ours that may
//! be imported, in its third the crates from elsewhere that may not, in its fourth those that must stand behind a feature.

use std::collections::{BTreeMap, BTreeSet};

use toml::{Table, Value};

use super::{Report, Tree};

const DOC: &str = "ARCHITECTURE.md";
const HEADING: &str = "## Who may import whom";
/// Packages below it (fuzz targets) are free to import what they test.
const TESTS: &str = "tests/";

#[derive(Debug, Default, PartialEq, Eq)]
struct Row {
    ours: BTreeSet<String>,
    never: BTreeSet<String>,
    optional: BTreeSet<String>,
}

pub(super) fn check(tree: &Tree, report: &mut Report) {
    let table = read_table(tree.get(DOC).unwrap_or_default());
    if table.is_empty() {
        report.problem(format!("{DOC} has no table under `{HEADING}`"));
        return;
    }
    let mut packages = BTreeMap::new();
    for (path, text) in tree.ending(&["Cargo.toml"]) {
        if path.strip_prefix(TESTS).is_some_and(|rest| rest.contains('/')) {
            continue;
        }
        match text.parse::<Table>() {
            Ok(manifest) => {
                if let Some(name) = package_name(&manifest) {
                    packages.insert(name, (path, manifest));
                }
            }
            Err(error) => report.problem(format!("{path} isn't valid TOML: {error}")),
        }
    }
    let ours: BTreeSet<String> = packages.keys().cloned().collect();
    for (name, (path, manifest)) in &packages {
        let Some(row) = table.get(name) else {
            report.problem(format!("{path}: `{name}` has no row in the table of {DOC}"));
            continue;
        };
        for (import, optional) in dependencies(manifest) {
            if ours.contains(&import) && !row.ours.contains(&import) {
                report.problem(format!("{path}: `{name}` may not import `{import}`"));
            }
            if row.never.contains(&import) {
                report.problem(format!("{path}: `{name}` may never import `{import}`"));
            }
            if row.optional.contains(&import) && !optional {
                report.problem(format!("{path}: `{name}` may import `{import}` only behind a feature"));
            }
        }
        if manifest.get("lints").and_then(|lints| lints.get("workspace")) != Some(&Value::Boolean(true)) {
            report.problem(format!("{path}: `{name}` does not take the workspace's lints"));
        }
    }
    for name in table.keys().filter(|name| !ours.contains(*name)) {
        report.problem(format!("{DOC}: the table has a row for `{name}`, and there is no such package"));
    }
}

fn read_table(doc: &str) -> BTreeMap<String, Row> {
    let section = doc.split_once(HEADING).map(|(_, rest)| rest).unwrap_or_default();
    let section = section.split("\n## ").next().unwrap_or_default();
    let mut table = BTreeMap::new();
    for line in section.lines().filter(|line| line.starts_with('|')) {
        let cells: Vec<BTreeSet<String>> = line.trim_matches('|').split('|').map(names).collect();
        let cell = |at: usize| cells.get(at).cloned().unwrap_or_default();
        for name in cell(0) {
            table.insert(name, Row { ours: cell(1), never: cell(2), optional: cell(3) });
        }
    }
    table
}

/// What stands in backticks.
fn names(cell: &str) -> BTreeSet<String> {
    cell.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

fn package_name(manifest: &Table) -> Option<String> {
    Some(manifest.get("package")?.get("name")?.as_str()?.to_owned())
}

/// The packages a manifest builds on, and whether each is optional. Tests' own are not looked at.
fn dependencies(manifest: &Table) -> Vec<(String, bool)> {
    let mut found = Vec::new();
    let mut add = |section: Option<&Value>| {
        for (key, value) in section.and_then(Value::as_table).into_iter().flatten() {
            let package = value.get("package").and_then(Value::as_str).unwrap_or(key);
            let optional = value.get("optional").and_then(Value::as_bool).unwrap_or(false);
            found.push((package.to_owned(), optional));
        }
    };
    let targets = manifest.get("target").and_then(Value::as_table);
    for section in ["dependencies", "build-dependencies"] {
        add(manifest.get(section));
        for target in targets.into_iter().flat_map(|targets| targets.values()) {
            add(target.get(section));
        }
    }
    found
}
