//! Inside the server, stages do not import each other: `channel` wires them. `deliver` reads `package` and `journal`.

use super::{Report, Tree, is_test};

const STAGES: &[&str] =
    &["ingest", "hub", "transcode", "package", "journal", "deliver", "monitor", "simulcast"];
const MAY: &[(&str, &str)] = &[("deliver", "package"), ("deliver", "journal")];
const SOURCE: &str = "server/src/";

pub(super) fn check(tree: &Tree, report: &mut Report) {
    for (path, text) in tree.ending(&[".rs"]) {
        let Some(module) = path.strip_prefix(SOURCE) else { continue };
        let module: Vec<&str> = module.trim_end_matches(".rs").trim_end_matches("/mod").split('/').collect();
        let Some(stage) = STAGES.iter().find(|stage| module.first() == Some(*stage)) else { continue };
        if is_test(path) {
            continue;
        }
        for (number, import) in imports(text, module.len()) {
            let stranger = STAGES.contains(&import.as_str()) && import != **stage;
            if stranger && !MAY.contains(&(*stage, import.as_str())) {
                report.problem(format!(
                    "{path}:{number}: stage `{stage}` imports stage `{import}`; let `channel` wire them"
                ));
            }
        }
    }
}

/// The top-level modules that a file names, with their lines: `crate::x`, `crate::{x, y::z}`, and `super::…::x` where it
/// climbs to the root from a module `depth` deep.
fn imports(text: &str, depth: usize) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    let mut code = String::new();
    for line in text.lines() {
        code.push_str(line.split("//").next().unwrap_or_default());
        code.push('\n');
    }
    let climb = "super::".repeat(depth);
    for root in ["crate::", climb.as_str()] {
        for (at, _) in code.match_indices(root) {
            let before = code[..at].chars().next_back();
            // `$crate::`, `xcrate::`; and a climb that begins in the middle of a longer one leads above the root.
            if before.is_some_and(|c| c.is_alphanumeric() || matches!(c, '_' | '$' | ':')) {
                continue;
            }
            let number = code[..at].matches('\n').count() + 1;
            let rest = &code[at + root.len()..];
            for name in heads(rest) {
                found.push((number, name));
            }
        }
    }
    found
}

/// The first names of a path or of a group of paths: `a::b` gives a; `{a, b::{c, d}}` gives a and b.
fn heads(rest: &str) -> Vec<String> {
    let ident = |text: &str| -> String {
        text.trim_start().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
    };
    let Some(group) = rest.strip_prefix('{') else { return vec![ident(rest)] };
    let mut heads = Vec::new();
    let mut depth = 0_u32;
    let mut start = 0;
    for (at, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => {
                heads.push(ident(&group[start..at]));
                break;
            }
            '}' => depth -= 1,
            ',' if depth == 0 => {
                heads.push(ident(&group[start..at]));
                start = at + 1;
            }
            _ => {}
        }
    }
    heads
}
