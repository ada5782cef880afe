//! Rules about the documents: links lead somewhere, decisions are numbered.

use super::{Report, Tree};

const ADR: &str = "docs/adr/";

/// Every relative link in a Markdown file names a file that is there, and a heading that it has.
pub(super) fn links(tree: &Tree, report: &mut Report) {
    for (path, text) in tree.ending(&[".md"]) {
        let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
        let mut code = false;
        for (index, line) in text.lines().enumerate() {
            if line.trim_start().starts_with("```") {
                code = !code;
            }
            if code {
                continue;
            }
            for target in targets(line) {
                if target.contains(':') || target.is_empty() {
                    continue; // https:, mailto:
                }
                let (file, heading) = target.split_once('#').unwrap_or((target, ""));
                let file = if file.is_empty() { Some(path.to_owned()) } else { join(folder, file) };
                let there = file.as_deref().is_some_and(|file| tree.has(file));
                if !there {
                    report.problem(format!("{path}:{}: `{target}` leads nowhere", index + 1));
                    continue;
                }
                let page =
                    file.as_deref().filter(|file| file.ends_with(".md")).and_then(|file| tree.get(file));
                if let Some(page) = page
                    && !heading.is_empty()
                    && !headings(page).any(|anchor| anchor == heading)
                {
                    report.problem(format!("{path}:{}: `{target}`: no such heading", index + 1));
                }
            }
        }
    }
}

/// `docs/adr/NNNN-title.md`: each number once, without a gap, and at the head of the page.
pub(super) fn adr(tree: &Tree, report: &mut Report) {
    let mut expected = 1;
    for (path, text) in tree.files.iter().filter(|(path, _)| path.starts_with(ADR)) {
        let name = path.trim_start_matches(ADR);
        let number = name.split_once('-').and_then(|(digits, title)| {
            (digits.len() == 4 && title.ends_with(".md")).then(|| digits.parse::<u32>().ok()).flatten()
        });
        let Some(number) = number else {
            report.problem(format!("{path} isn't named NNNN-title.md"));
            continue;
        };
        if number != expected {
            report.problem(format!("{path}: expected number {expected:04}"));
        }
        expected = number + 1;
        let head = text.lines().next().unwrap_or_default();
        if !(head.starts_with("# ") && head.contains(&format!("{number:04}"))) {
            report.problem(format!("{path} does not open with `# ADR-{number:04}: its title`"));
        }
    }
}

/// The targets of the inline links of a line.
fn targets(line: &str) -> impl Iterator<Item = &str> {
    let prose = |at: usize| line[..at].matches('`').count().is_multiple_of(2);
    line.match_indices("](").filter(move |(at, _)| prose(*at)).filter_map(|(at, open)| {
        let rest = &line[at + open.len()..];
        rest.split_once(')').map(|(target, _)| target.split_whitespace().next().unwrap_or_default())
    })
}

/// `docs/guide` and `../glossary.md` make `docs/glossary.md`; nothing where it climbs out of the checkout.
fn join(folder: &str, target: &str) -> Option<String> {
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in target.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            name => parts.push(name),
        }
    }
    Some(parts.join("/"))
}

/// The anchors of a page's headings, as GitHub makes them.
fn headings(page: &str) -> impl Iterator<Item = String> {
    page.lines().filter(|line| line.starts_with('#')).map(|line| {
        let title = line.trim_start_matches('#').trim().to_lowercase();
        let kept = title.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
        kept.map(|c| if c == ' ' { '-' } else { c }).collect()
    })
}
