//! The rooms keep to themselves what is theirs.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

fn walk(path: &Path, found: &mut Vec<(PathBuf, String)>) {
    if path.is_dir() {
        for entry in fs::read_dir(path).unwrap() {
            walk(&entry.unwrap().path(), found);
        }
    } else if path.extension().is_some_and(|extension| extension == "rs") {
        found.push((path.to_owned(), fs::read_to_string(path).unwrap()));
    }
}

fn sources(room: &str) -> Vec<(PathBuf, String)> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = Vec::new();
    for path in [source.join(room), source.join(format!("{room}.rs"))] {
        if path.exists() {
            walk(&path, &mut found);
        }
    }
    assert!(!found.is_empty(), "{room} has no source");
    found
}

fn all_sources() -> Vec<(PathBuf, String)> {
    sources("")
}

#[test]
fn the_pure_rooms_know_no_aws_no_async_no_terminal() {
    for room in [
        "names",
        "answers",
        "encryption",
        "spec",
        "policy",
        "plan",
        "observed",
        "verify",
        "details",
        "advice",
        "command_line",
    ] {
        for (path, text) in sources(room) {
            for word in [
                "aws_sdk_",
                "aws_smithy",
                "tokio",
                "dialoguer",
                "std::env",
                "async fn",
                "crate::aws",
                "crate::report",
                "crate::observe::",
                "crate::wizard",
            ] {
                // Tests may look at how a value is shown.
                let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
                assert!(!code.contains(word), "{} names {word}", path.display());
            }
        }
    }
}

#[test]
fn each_thing_has_one_room() {
    let only = |word: &str, rooms: &[&str]| {
        for (path, text) in all_sources() {
            let place = path
                .strip_prefix(Path::new(env!("CARGO_MANIFEST_DIR")).join("src"))
                .unwrap();
            let place = place.to_string_lossy().replace('\\', "/");
            let allowed = rooms.iter().any(|room| place.starts_with(room));
            let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
            assert!(
                allowed || !code.into_iter().any(|line| line.contains(word)),
                "{place} names {word}"
            );
        }
    };
    only("aws_sdk_", &["aws"]);
    only("dialoguer", &["wizard/prompt.rs"]);
    only("std::env::", &["process.rs"]);
    only("std::io::std", &["report.rs", "process.rs", "wizard/keyboard.rs"]);
    only("winterbaume", &["sandbox"]);
    only("crate::commands", &["commands", "lib.rs"]);
    only("shlex", &["report/commands.rs"]);
    only(
        "console::",
        &[
            "report/terminal.rs",
            "report.rs",
            "wizard/prompt.rs",
            "wizard/choose.rs",
        ],
    );
    only(".print()", &["report/usage.rs"]);
}

#[test]
fn a_types_name_stands_once() {
    let mut places: BTreeMap<String, PathBuf> = BTreeMap::new();
    for (path, text) in all_sources() {
        if path.components().any(|part| part.as_os_str() == "tests") || path.ends_with("tests.rs") {
            continue;
        }
        let code = text.split("#[cfg(test)]\nmod tests").next().unwrap_or_default();
        for line in code.lines() {
            let line = line
                .trim_start()
                .trim_start_matches("pub(crate) ")
                .trim_start_matches("pub(super) ");
            let rest = ["struct ", "enum ", "trait "]
                .iter()
                .find_map(|kind| line.trim_start_matches("pub ").strip_prefix(kind));
            let Some(rest) = rest else { continue };
            let name: String = rest.chars().take_while(|c| c.is_alphanumeric()).collect();
            if let Some(other) = places.insert(name.clone(), path.clone()) {
                panic!("{name} stands in {} and in {}", other.display(), path.display());
            }
        }
    }
    assert!(places.len() > 100, "{} types were found", places.len());
}

/// The string literals of a source, without its tests and its comments.
fn literals(source: &str) -> Vec<String> {
    let code = source.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
    let mut literals = Vec::new();
    let mut rest = code.chars().peekable();
    let mut before = ' ';
    while let Some(character) = rest.next() {
        match (character, rest.peek()) {
            ('/', Some('/')) => {
                rest.by_ref().find(|c| *c == '\n');
            }
            // A character, not a lifetime.
            ('\'', Some(_)) => {
                let ahead: Vec<char> = rest.clone().take(3).collect();
                match ahead.as_slice() {
                    ['\\', _, '\'', ..] => drop(rest.nth(2)),
                    [_, '\'', ..] => drop(rest.nth(1)),
                    _ => {}
                }
            }
            ('"', _) => {
                let raw = before == 'r' || before == '#';
                let mut literal = String::new();
                while let Some(character) = rest.next() {
                    match (character, raw) {
                        ('"', false) => break,
                        ('"', true) if before == 'r' || rest.peek() == Some(&'#') => break,
                        ('\\', false) => match rest.next() {
                            Some('n') => literal.push('\n'),
                            // The line goes on in the next one.
                            Some('\n') => {
                                while rest.peek().is_some_and(|c| c.is_whitespace()) {
                                    rest.next();
                                }
                            }
                            escaped => literal.extend(escaped),
                        },
                        _ => literal.push(character),
                    }
                }
                literals.push(literal);
            }
            _ => {}
        }
        before = character;
    }
    literals
}

/// A text is printed in a line, in which a line break is an escape: whoever wants a line more prints a line more.
#[test]
fn no_text_breaks_its_line() {
    let elsewhere = [
        // Help, which clap prints; what is written, and not printed; the layout of a command; JSON's messages.
        "cli.rs",
        "aws/s3/canary.rs",
        "report/commands.rs",
        "report/error.rs",
        "report/terminal.rs",
        "report/usage.rs",
        "report.rs",
    ];
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut breaking = 0;
    for (path, text) in all_sources() {
        let place = path.strip_prefix(&source).unwrap().to_string_lossy();
        let place = place.replace('\\', "/");
        for literal in literals(&text) {
            if literal.contains('\n') {
                breaking += 1;
                assert!(
                    elsewhere.contains(&place.as_str()) || place.starts_with("sandbox") || place.contains("tests"),
                    "{place} breaks a line in {literal:?}"
                );
            }
        }
    }
    assert!(breaking > 3, "literals are found");
}

/// A command that is put together as text would carry whatever a value holds into somebody's shell.
#[test]
fn no_command_is_put_together_as_text() {
    let calls = [
        "aws account ",
        "aws configure ",
        "aws iam ",
        "aws kms ",
        "aws login ",
        "aws s3 ",
        "aws s3api ",
        "aws s3control ",
        "aws sso ",
        "aws sts ",
        "mixpanel-s3 print-details ",
        "mixpanel-s3 setup ",
        "mixpanel-s3 teardown ",
        "mixpanel-s3 verify ",
    ];
    let mut seen = 0;
    for (path, text) in all_sources() {
        let code = text.split("#[cfg(test)]\nmod tests").next().unwrap_or(&text);
        let lines = code.lines().filter(|line| !line.trim_start().starts_with("//"));
        for line in lines {
            for call in calls {
                for (at, _) in line.match_indices(call) {
                    seen += 1;
                    let rest = &line[at..];
                    let end = rest.find(['"', '`']).unwrap_or(rest.len());
                    assert!(
                        !rest[..end].contains('{'),
                        "{} assembles `{}`: use CommandLine",
                        path.display(),
                        &rest[..end]
                    );
                }
            }
        }
    }
    assert!(seen > 0, "calls without values stand in texts");
}

/// Nothing but this program, and the shell into which what it prints is pasted.
#[test]
fn the_tests_start_no_program_but_this_one() {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    let mut files = Vec::new();
    walk(&tests, &mut files);
    let started = ["Command::", "new("].concat();
    let this_one = format!("{started}env!(\"CARGO_BIN_EXE_mixpanel-s3\"))");
    let shell = format!("{started}\"sh\")");
    let starts = |text: &str| text.matches(&started).count();
    for (path, text) in &files {
        let pastes = path.ends_with("suite/printed_fixes.rs");
        let known = match pastes {
            true => text.matches(&shell).count(),
            false => text.matches(&this_one).count(),
        };
        assert_eq!(starts(text) - known, 0, "{} starts a program", path.display());
    }
    assert_eq!(files.iter().map(|(_, text)| starts(text)).sum::<usize>(), 2);
}
