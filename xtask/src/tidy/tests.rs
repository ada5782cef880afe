//! Each rule can fail, and this checkout breaks none.

use expect_test::{Expect, expect};

use super::*;

#[test]
fn this_checkout_is_tidy() {
    let report = all().unwrap();
    assert!(report.problems.is_empty(), "\n{}", report.problems.join("\n"));
}

#[track_caller]
fn check(rule: Rule, files: &[(&str, &str)], expect: Expect) {
    let files = files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect();
    let mut report = Report { rule: "rule", ..Report::default() };
    rule(&Tree { files }, &mut report);
    let mut lines = report.problems;
    lines.extend(report.warnings.iter().map(|line| format!("warning {line}")));
    expect.assert_eq(&lines.join("\n"));
}

const TABLE: &str = "## Who may import whom\n\n| crate | ours | never | feature |\n|---|---|---|---|\n\
    | `media` | nothing | `tokio` | |\n| `rtmp` | `media` | | `tokio` |\n\n## Next\n| `other` | | | |\n";
const LINTS: &str = "[lints]\nworkspace = true\n";

fn manifest(name: &str, rest: &str) -> String {
    format!("[package]\nname = '{name}'\n{LINTS}{rest}")
}

#[track_caller]
fn check_imports(media: &str, rtmp: &str, expect: Expect) {
    let (media, rtmp) = (manifest("media", media), manifest("rtmp", rtmp));
    let files = [
        ("ARCHITECTURE.md", TABLE),
        ("crates/media/Cargo.toml", media.as_str()),
        ("crates/rtmp/Cargo.toml", rtmp.as_str()),
    ];
    check(imports::check, &files, expect);
}

#[test]
fn imports_follow_the_table() {
    check_imports("", "[dependencies]\nmedia.workspace = true", expect![""]);
    check_imports("", "[dependencies]\ntokio = { workspace = true, optional = true }", expect![""]);
    check_imports("[dev-dependencies]\nrtmp.workspace = true\ntokio = '1'", "", expect![""]);
    check_imports(
        "[dependencies]\nrtmp.workspace = true",
        "",
        expect!["[rule] crates/media/Cargo.toml: `media` may not import `rtmp`"],
    );
    check_imports(
        "[dependencies]\nbytes = '1'\ntokio = '1'",
        "",
        expect!["[rule] crates/media/Cargo.toml: `media` may never import `tokio`"],
    );
    check_imports(
        "[target.'cfg(unix)'.dependencies]\nt = { package = 'tokio', version = '1' }",
        "",
        expect!["[rule] crates/media/Cargo.toml: `media` may never import `tokio`"],
    );
    check_imports(
        "[build-dependencies]\ntokio = '1'",
        "[dependencies]\ntokio.workspace = true",
        expect![[r#"
        [rule] crates/media/Cargo.toml: `media` may never import `tokio`
        [rule] crates/rtmp/Cargo.toml: `rtmp` may import `tokio` only behind a feature"#]],
    );
}

#[test]
fn imports_know_every_package() {
    let (known, stranger) = (manifest("media", ""), manifest("stranger", ""));
    let files =
        [("ARCHITECTURE.md", TABLE), ("a/Cargo.toml", known.as_str()), ("b/Cargo.toml", stranger.as_str())];
    check(
        imports::check,
        &files,
        expect![[r#"
        [rule] b/Cargo.toml: `stranger` has no row in the table of ARCHITECTURE.md
        [rule] ARCHITECTURE.md: the table has a row for `rtmp`, and there is no such package"#]],
    );
    let fuzz = [
        ("ARCHITECTURE.md", TABLE),
        ("m/Cargo.toml", known.as_str()),
        ("tests/fuzz/Cargo.toml", stranger.as_str()),
    ];
    check(
        imports::check,
        &fuzz,
        expect!["[rule] ARCHITECTURE.md: the table has a row for `rtmp`, and there is no such package"],
    );
    check(imports::check, &[], expect!["[rule] ARCHITECTURE.md has no table under `## Who may import whom`"]);
    let bare =
        [("ARCHITECTURE.md", "## Who may import whom\n| `a` |"), ("Cargo.toml", "[package]\nname = 'a'")];
    check(imports::check, &bare, expect!["[rule] Cargo.toml: `a` does not take the workspace's lints"]);
    check(
        imports::check,
        &[("ARCHITECTURE.md", TABLE), ("Cargo.toml", "[")],
        expect![[r#"
        [rule] Cargo.toml isn't valid TOML: TOML parse error at line 1, column 2
          |
        1 | [
          |  ^
        unquoted keys cannot be empty, expected letters, numbers, `-`, `_`

        [rule] ARCHITECTURE.md: the table has a row for `media`, and there is no such package
        [rule] ARCHITECTURE.md: the table has a row for `rtmp`, and there is no such package"#]],
    );
}

#[test]
fn stages_do_not_import_each_other() {
    let file = |text| [("server/src/ingest/connection.rs", text)];
    check(stages::check, &file("use crate::{clock, config::Config};\nuse super::super::clock;"), expect![""]);
    check(stages::check, &file("// not crate::package\nuse crate::ingest::x;"), expect![""]);
    check(stages::check, &file("use super::hub;"), expect![""]);
    check(
        stages::check,
        &file("use crate::package::Live;"),
        expect![
            "[rule] server/src/ingest/connection.rs:1: stage `ingest` imports stage `package`; let `channel` wire them"
        ],
    );
    check(
        stages::check,
        &file("use crate::{\n    clock,\n    journal::{Writer, x},\n    deliver,\n};"),
        expect![[r#"
            [rule] server/src/ingest/connection.rs:1: stage `ingest` imports stage `journal`; let `channel` wire them
            [rule] server/src/ingest/connection.rs:1: stage `ingest` imports stage `deliver`; let `channel` wire them"#]],
    );
    check(
        stages::check,
        &file("fn f() { super::super::hub::open() }"),
        expect![
            "[rule] server/src/ingest/connection.rs:1: stage `ingest` imports stage `hub`; let `channel` wire them"
        ],
    );
    check(
        stages::check,
        &[("server/src/ingest.rs", "use super::package;")],
        expect![
            "[rule] server/src/ingest.rs:1: stage `ingest` imports stage `package`; let `channel` wire them"
        ],
    );
    check(
        stages::check,
        &[("server/src/deliver/mod.rs", "use crate::{package, journal, ingest};")],
        expect![
            "[rule] server/src/deliver/mod.rs:1: stage `deliver` imports stage `ingest`; let `channel` wire them"
        ],
    );
    let excepted =
        [("server/src/channel.rs", "use crate::ingest;"), ("server/src/hub/tests.rs", "use crate::ingest;")];
    check(stages::check, &excepted, expect![""]);
}

#[test]
fn files_have_a_length() {
    let lines = |count: usize| "//! x\n".repeat(count);
    let files = [
        ("a.rs", lines(400)),
        ("b.svelte", lines(401)),
        ("c.ts", lines(451)),
        ("d/tests.rs", lines(999)),
        ("ui/src/api/generated.ts", lines(999)),
        ("tests/e2e/main.rs", lines(999)),
        ("README.md", lines(999)),
    ];
    let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (*path, text.as_str())).collect();
    check(
        text::length,
        &files,
        expect![[r#"
        [rule] c.ts has 451 lines; split it (at most 450, better 400)
        warning [rule] b.svelte has 401 lines, more than 400"#]],
    );
}

#[test]
fn modules_open_with_a_page() {
    let files = [
        ("a.rs", "//! What a server owes its viewers.\n"),
        ("b.rs", "#![allow(unsafe_code)]\n\n//! What a server owes its viewers.\n"),
        ("c.rs", "use std::fs;\n//! What a server owes its viewers.\n"),
        ("d.rs", "//! TODO\n"),
        ("e.rs", ""),
        ("f/tests.rs", "use super::*;"),
    ];
    check(
        text::page,
        &files,
        expect![[r#"
        [rule] c.rs does not open with a `//!` page: what belongs here, what does not?
        [rule] d.rs: its `//!` page says nothing
        [rule] e.rs does not open with a `//!` page: what belongs here, what does not?"#]],
    );
}

#[test]
fn nothing_is_left_unfinished() {
    check(
        text::unfinished,
        &[("a.rs", "fn f() {\n    todo!()\n}"), ("b.ts", "// FIXME")],
        expect![[r#"
        [rule] a.rs:2: `todo!(`: finish it, or open an issue
        [rule] b.ts:1: `FIXME`: finish it, or open an issue"#]],
    );
    check(text::unfinished, &[("a.rs", "let todo = 1;"), ("notes.md", "TODO")], expect![""]);
}

#[test]
fn no_path_of_one_machine() {
    check(
        text::machine_paths,
        &[("a.md", "see /home/me/x"), ("b.toml", "x = \"/root/.cargo\"")],
        expect![[r#"
            [rule] a.md:1: `/home/…` is a path of one machine
            [rule] b.toml:1: `/root/…` is a path of one machine"#]],
    );
    check(text::machine_paths, &[("a.md", "https://example.com/home/ and ${HOME}/home/")], expect![""]);
}

#[test]
fn unsafe_lives_in_two_crates() {
    let code = "fn f() {\n    unsafe { g() }\n}";
    check(
        text::unsafe_code,
        &[("crates/media/src/a.rs", code)],
        expect!["[rule] crates/media/src/a.rs:2: `unsafe` lives in crates/codec and crates/sys only"],
    );
    check(
        text::unsafe_code,
        &[("server/src/a.rs", "#![allow(unsafe_code)]")],
        expect!["[rule] server/src/a.rs:1: `unsafe` lives in crates/codec and crates/sys only"],
    );
    check(
        text::unsafe_code,
        &[("crates/codec/src/a.rs", code), ("server/src/b.rs", "// unsafe { }")],
        expect![""],
    );
}

#[test]
fn links_lead_somewhere() {
    let page = "# The Title, here\n[a](../README.md) [b](../README.md#what-it-is) [c](https://x.test/y) [d](#the-title-here)\n\
        `[e](f)`\n```\n[g](h)\n```\n[folder](../docs/)";
    let readme = ("README.md", "## What it is\n");
    check(docs::links, &[readme, ("docs/a.md", page)], expect![""]);
    check(
        docs::links,
        &[readme, ("docs/a.md", "[a](README.md)")],
        expect!["[rule] docs/a.md:1: `README.md` leads nowhere"],
    );
    check(
        docs::links,
        &[readme, ("docs/a.md", "text\n[a](../README.md#nothing)")],
        expect!["[rule] docs/a.md:2: `../README.md#nothing`: no such heading"],
    );
    check(
        docs::links,
        &[readme, ("a.md", "[a](../README.md)")],
        expect!["[rule] a.md:1: `../README.md` leads nowhere"],
    );
}

#[test]
fn decisions_are_numbered() {
    let first = ("docs/adr/0001-first.md", "# ADR-0001: First");
    check(docs::adr, &[first, ("docs/adr/0002-second.md", "# ADR-0002: Second")], expect![""]);
    check(
        docs::adr,
        &[first, ("docs/adr/0003-third.md", "# ADR-0003: Third")],
        expect!["[rule] docs/adr/0003-third.md: expected number 0002"],
    );
    check(
        docs::adr,
        &[first, ("docs/adr/0001-again.md", "# ADR-0001: Again")],
        expect!["[rule] docs/adr/0001-first.md: expected number 0002"],
    );
    check(
        docs::adr,
        &[("docs/adr/1-first.md", "# 1"), ("docs/adr/0001-x.md", "First")],
        expect![[r#"
        [rule] docs/adr/0001-x.md does not open with `# ADR-0001: its title`
        [rule] docs/adr/1-first.md isn't named NNNN-title.md"#]],
    );
}

#[test]
fn a_checkout_is_read_whole() {
    let tree = Tree::read(&checkout::root()).unwrap();
    assert!(
        tree.has("xtask/src/tidy.rs") && tree.has("xtask") && !tree.has("target") && !tree.has("nothing")
    );
}
