//! Rules about single files: their length, their first lines, what must not stand in them.

use super::{Report, Tree, is_test};

const SOURCE: &[&str] = &[".rs", ".ts", ".svelte"];
/// From here on a file asks to be split …
const LONG: usize = 400;
/// … and from here on it has to be.
const TOO_LONG: usize = 450;
/// The only crates that may hold `unsafe`.
const UNSAFE: &[&str] = &["crates/codec/", "crates/sys/"];
/// This rule book names what it forbids.
const SELF: &str = "xtask/src/tidy";

pub(super) fn length(tree: &Tree, report: &mut Report) {
    for (path, text) in tree.ending(SOURCE) {
        let generated = path.ends_with(".d.ts") || path.split('/').any(|part| part.starts_with("generated"));
        if is_test(path) || generated {
            continue;
        }
        let lines = text.lines().count();
        if lines > TOO_LONG {
            report.problem(format!("{path} has {lines} lines; split it (at most {TOO_LONG}, better {LONG})"));
        } else if lines > LONG {
            report.warning(format!("{path} has {lines} lines, more than {LONG}"));
        }
    }
}

/// Every module opens with a `//!` page.
pub(super) fn page(tree: &Tree, report: &mut Report) {
    for (path, text) in tree.ending(&[".rs"]) {
        if is_test(path) && !path.ends_with("src/lib.rs") {
            continue;
        }
        let first = text.lines().find(|line| {
            let line = line.trim();
            !line.is_empty()
                && !line.starts_with("#![")
                && (!line.starts_with("//") || line.starts_with("//!"))
        });
        match first.and_then(|line| line.strip_prefix("//!")) {
            Some(title) if title.trim().len() > 4 => {}
            Some(_) => report.problem(format!("{path}: its `//!` page says nothing")),
            None => report.problem(format!(
                "{path} does not open with a `//!` page: what belongs here, what does not?"
            )),
        }
    }
}

pub(super) fn unfinished(tree: &Tree, report: &mut Report) {
    each_line(tree, &[".rs", ".ts", ".svelte", ".js", ".mjs"], |path, number, line| {
        for mark in ["todo!(", "unimplemented!(", "dbg!(", "TODO", "FIXME", "XXX:"] {
            if line.contains(mark) {
                report.problem(format!("{path}:{number}: `{mark}`: finish it, or open an issue"));
            }
        }
    });
}

/// A path of one machine works on that machine only.
pub(super) fn machine_paths(tree: &Tree, report: &mut Report) {
    each_line(tree, &[""], |path, number, line| {
        for mark in ["/root/", "/home/", "/Users/", "C:\\Users", concat!("/wo", "rk/")] {
            let Some(at) = line.find(mark) else { continue };
            // `docs/work/` and `https://example.com/work/` are no paths of a machine.
            let before = line[..at].chars().next_back();
            if !before.is_some_and(|c| c.is_alphanumeric() || matches!(c, '.' | '-' | '_' | '}' | '*')) {
                report.problem(format!("{path}:{number}: `{mark}…` is a path of one machine"));
            }
        }
    });
}

pub(super) fn unsafe_code(tree: &Tree, report: &mut Report) {
    each_line(tree, &[".rs"], |path, number, line| {
        if UNSAFE.iter().any(|allowed| path.starts_with(allowed)) {
            return;
        }
        let code = line.split("//").next().unwrap_or_default();
        let opens = ["unsafe {", "unsafe fn", "unsafe impl", "unsafe extern", "unsafe(", "allow(unsafe_code"];
        if opens.iter().any(|open| code.contains(open)) {
            report.problem(format!("{path}:{number}: `unsafe` lives in crates/codec and crates/sys only"));
        }
    });
}

fn each_line(tree: &Tree, ends: &[&str], mut each: impl FnMut(&str, usize, &str)) {
    for (path, text) in tree.ending(ends) {
        if path.starts_with(SELF) {
            continue;
        }
        for (index, line) in text.lines().enumerate() {
            each(path, index + 1, line);
        }
    }
}
